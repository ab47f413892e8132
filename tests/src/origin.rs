//! An origin server that records every byte it gets.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::acceptor::reset_on_close;
use crate::message::{parse_request, parse_request_head};
use crate::{Acceptor, Message, Reply, answer, parse_requests};

/// A recording origin server, on a free port of 127.0.0.1.
#[derive(Debug)]
pub struct Origin {
    acceptor: Acceptor,
    shared: Arc<Shared>,
}

type Script = Box<dyn Fn(&Message) -> Reply + Send + Sync>;

struct Shared {
    script: Script,
    connections: Mutex<Vec<Vec<u8>>>,
    active: AtomicUsize,
    most_active: AtomicUsize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl Origin {
    /// Does with each request what `script` says. It is asked once the head is there; the body it sees is empty.
    pub fn scripted(script: impl Fn(&Message) -> Reply + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            script: Box::new(script),
            connections: Mutex::default(),
            active: AtomicUsize::new(0),
            most_active: AtomicUsize::new(0),
        });
        let handler = Arc::clone(&shared);
        Self { acceptor: Acceptor::start(move |stream| serve(&handler, &stream)), shared }
    }

    /// Answers everything with 200 and `name` as its body, and the target in `X-Target`.
    pub fn named(name: &'static str) -> Self {
        Self::scripted(move |request| {
            Reply::Send(answer("200 OK", &format!("X-Target: {}\r\n", request.target()), name))
        })
    }

    /// Answers everything with the same bytes.
    pub fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::scripted(move |_| Reply::Send(bytes.clone()))
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.acceptor.port()
    }

    /// Stops listening; open connections go on.
    pub fn refuse(&self) {
        self.acceptor.refuse();
    }

    /// Stops listening and ends every connection.
    pub fn kill(&self) {
        self.acceptor.kill();
    }

    /// Listens again.
    pub fn listen(&self) {
        self.acceptor.listen();
    }

    /// How many connections it has closed.
    pub fn closed(&self) -> usize {
        self.acceptor.closed()
    }

    /// The bytes of every connection that brought some, oldest first.
    pub fn connections(&self) -> Vec<Vec<u8>> {
        lock(&self.shared.connections).iter().filter(|bytes| !bytes.is_empty()).cloned().collect()
    }

    /// All complete requests, connection by connection.
    ///
    /// # Panics
    /// Some bytes are not a request with one framing.
    pub fn requests(&self) -> Vec<Message> {
        self.read().into_iter().flat_map(|(requests, _)| requests).collect()
    }

    /// What came behind the last complete request of each connection.
    ///
    /// # Panics
    /// As [`Self::requests`].
    pub fn unfinished(&self) -> Vec<Vec<u8>> {
        self.read().into_iter().map(|(_, rest)| rest).filter(|rest| !rest.is_empty()).collect()
    }

    /// Forgets what was recorded.
    pub fn clear(&self) {
        lock(&self.shared.connections).iter_mut().for_each(Vec::clear);
    }

    /// Most requests that were being answered at one time.
    pub fn most_active(&self) -> usize {
        self.shared.most_active.load(Ordering::SeqCst)
    }

    fn read(&self) -> Vec<(Vec<Message>, Vec<u8>)> {
        let parse = |bytes: Vec<u8>| match parse_requests(&bytes) {
            Ok((requests, rest)) => (requests, rest.to_vec()),
            Err(why) => panic!("{why:?} in what the origin got: {:?}", String::from_utf8_lossy(&bytes)),
        };
        self.connections().into_iter().map(parse).collect()
    }
}

/// One connection; ends when either side has had enough.
fn serve(shared: &Shared, stream: &TcpStream) {
    let index = {
        let mut connections = lock(&shared.connections);
        connections.push(Vec::new());
        connections.len() - 1
    };
    let mut connection = Connection { shared, index, stream, buffer: Vec::new(), unanswered: false };
    while connection.turn().is_some() {}
}

struct Connection<'a> {
    shared: &'a Shared,
    index: usize,
    stream: &'a TcpStream,
    buffer: Vec<u8>,
    /// Counted in `active`.
    unanswered: bool,
}

impl Connection<'_> {
    /// One request and what is to be done with it; `None` ends the connection.
    fn turn(&mut self) -> Option<()> {
        let head =
            self.read_until(|bytes| parse_request_head(bytes).map(|found| found.map(|(head, _)| head)))?;
        let now = self.shared.active.fetch_add(1, Ordering::SeqCst) + 1;
        self.shared.most_active.fetch_max(now, Ordering::SeqCst);
        self.unanswered = true;
        let outcome = self.act((self.shared.script)(&head), false);
        self.answering();
        outcome
    }

    /// The request counts no longer: once its answer is under way, the next may come on another connection.
    fn answering(&mut self) {
        if std::mem::take(&mut self.unanswered) {
            self.shared.active.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// `has_body`: the whole request has been read.
    fn act(&mut self, reply: Reply, has_body: bool) -> Option<()> {
        match reply {
            Reply::Early(bytes) => {
                self.write(&bytes)?;
                self.body()
            }
            Reply::EarlyAndClose(bytes) => {
                self.write(&bytes)?;
                // An error means that the other side has closed, which is what is awaited.
                let _ = self.stream.shutdown(Shutdown::Write);
                while self.fill().is_some() {}
                None
            }
            Reply::Interim(bytes, then) => {
                self.write(&bytes)?;
                self.act(*then, has_body)
            }
            reply if !has_body => {
                self.body()?;
                self.act(reply, true)
            }
            Reply::Send(bytes) => self.write(&bytes),
            Reply::SendAndClose(bytes) => {
                self.write(&bytes)?;
                None
            }
            Reply::Halves(first, gate, second) => {
                self.write(&first)?;
                gate.pass();
                self.write(&second)
            }
            Reply::Held(gate, then) => {
                gate.pass();
                self.act(*then, true)
            }
            Reply::Close => None,
            Reply::Reset => {
                reset_on_close(self.stream);
                None
            }
            Reply::Silent => {
                while self.fill().is_some() {}
                None
            }
            Reply::Echo(bytes) => {
                self.write(&bytes)?;
                loop {
                    let pending = std::mem::take(&mut self.buffer);
                    self.write(&pending)?;
                    self.fill()?;
                }
            }
        }
    }

    /// Reads the whole request and takes it off the buffer.
    fn body(&mut self) -> Option<()> {
        let used = self.read_until(|bytes| parse_request(bytes).map(|found| found.map(|(_, used)| used)))?;
        self.buffer.drain(..used);
        Some(())
    }

    /// Reads until `parse` finds something. What is malformed ends the connection; it is in the record.
    fn read_until<T>(&mut self, parse: impl Fn(&[u8]) -> Result<Option<T>, crate::Malformed>) -> Option<T> {
        loop {
            match parse(&self.buffer) {
                Ok(Some(found)) => return Some(found),
                Ok(None) => self.fill()?,
                Err(_) => return None,
            }
        }
    }

    fn fill(&mut self) -> Option<()> {
        let mut piece = [0; 64 * 1024];
        let mut stream = self.stream;
        match stream.read(&mut piece) {
            Ok(n) if n > 0 => {
                lock(&self.shared.connections)[self.index].extend_from_slice(&piece[..n]);
                self.buffer.extend_from_slice(&piece[..n]);
                Some(())
            }
            _ => None,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.answering();
        let mut stream = self.stream;
        stream.write_all(bytes).ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
