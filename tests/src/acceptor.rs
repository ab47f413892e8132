//! A TCP server on loopback: each connection gets a thread.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::{eventually, free_port};

type Handler = Arc<dyn Fn(Arc<TcpStream>) + Send + Sync>;

/// A server that can refuse, come back, and die.
pub struct Acceptor {
    port: u16,
    handler: Handler,
    running: Mutex<Option<Running>>,
    /// Weak: a connection is closed when its handler lets go of it.
    live: Arc<Mutex<Vec<Weak<TcpStream>>>>,
    closed: Arc<AtomicUsize>,
}

struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Acceptor {
    /// Serves each connection with `handler`, on a free port.
    ///
    /// # Panics
    /// No port is free.
    pub fn start(handler: impl Fn(Arc<TcpStream>) + Send + Sync + 'static) -> Self {
        let acceptor = Self {
            port: free_port(),
            handler: Arc::new(handler),
            running: Mutex::new(None),
            live: Arc::default(),
            closed: Arc::default(),
        };
        acceptor.listen();
        acceptor
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections have been closed by their handlers.
    pub fn closed(&self) -> usize {
        self.closed.load(Ordering::SeqCst)
    }

    /// Listens again after [`Self::refuse`] or [`Self::kill`].
    ///
    /// # Panics
    /// Somebody else took the port.
    pub fn listen(&self) {
        let mut running = lock(&self.running);
        if running.is_some() {
            return;
        }
        // Another test that looks for a free port holds this one for a moment.
        let listener = eventually("the port is free", || TcpListener::bind(("127.0.0.1", self.port)).ok());
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (stop, handler) = (Arc::clone(&stop), Arc::clone(&self.handler));
            let (live, closed) = (Arc::clone(&self.live), Arc::clone(&self.closed));
            thread::spawn(move || accept(&listener, &stop, &handler, &live, &closed))
        };
        *running = Some(Running { stop, thread });
    }

    /// Stops listening: new connections are refused from now on, open ones go on.
    ///
    /// # Panics
    /// The accepting thread has panicked.
    pub fn refuse(&self) {
        let Some(running) = lock(&self.running).take() else { return };
        running.stop.store(true, Ordering::SeqCst);
        // Wakes the thread from accept; refused is as good, it has ended then.
        let _ = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], self.port)));
        running.thread.join().expect("the accepting thread does not panic");
    }

    /// As a process that dies: refuses, and every open connection ends in the middle of whatever it does.
    ///
    /// # Panics
    /// As [`Self::refuse`].
    pub fn kill(&self) {
        self.refuse();
        for stream in lock(&self.live).drain(..).filter_map(|stream| stream.upgrade()) {
            // A connection that has ended already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.kill();
        }
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Acceptor({})", self.port)
    }
}

/// Makes the connection end with RST instead of FIN when it is closed.
///
/// # Panics
/// `stream` is not a socket.
pub(crate) fn reset_on_close(stream: &TcpStream) {
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).expect("a socket can linger");
}

fn accept(
    listener: &TcpListener,
    stop: &AtomicBool,
    handler: &Handler,
    live: &Mutex<Vec<Weak<TcpStream>>>,
    closed: &Arc<AtomicUsize>,
) {
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        // Small replies leave at once.
        let _ = stream.set_nodelay(true);
        let stream = Arc::new(stream);
        lock(live).push(Arc::downgrade(&stream));
        let (handler, closed) = (Arc::clone(handler), Arc::clone(closed));
        thread::spawn(move || {
            handler(stream);
            closed.fetch_add(1, Ordering::SeqCst);
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
