//! A worker: one thread, one event loop, its own upstream pools, timers and counters. A request never leaves it.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use config::haproxy::Mode;
use healthcheck::{BEAT_INTERVAL, Beat};
use tokio::runtime::LocalOptions;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_local;

use crate::accept::{self, Listener};
use crate::client::{self, Peer};
use crate::clock;
use crate::entry::{self, Entry, Site};
use crate::heartbeat::State;
use crate::log::{LineBatch, LogWriter};
use crate::net::{Stream, keep_vigils, limit_pipes};
use crate::objects::{Frontend, Objects, Slot};
use crate::stack::balance::Balance;
use crate::tcp;

/// How often idle upstream connections are looked through.
const PURGE_INTERVAL: Duration = Duration::from_secs(5);

/// What other threads hand to a worker.
#[derive(Debug)]
pub(crate) enum Message {
    /// A client connection of which no byte has been read.
    Connection(Accepted),
    /// The writer is to have every log line there is; the sender is dropped when it has.
    HandOverLines(SyncSender<()>),
    /// Somebody who wants to see this worker's beats.
    Watcher(Arc<StdUnixStream>),
}

/// A client connection on its way to a worker.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) socket: OwnedFd,
    /// The client's address; `None` for a Unix socket.
    pub(crate) client: Option<SocketAddr>,
    pub(crate) frontend: Arc<Frontend>,
    pub(crate) slot: Slot,
}

/// A worker as others see it.
#[derive(Debug, Clone)]
pub(crate) struct WorkerHandle {
    sender: mpsc::UnboundedSender<Message>,
    load: Arc<AtomicUsize>,
}

impl WorkerHandle {
    /// Connections it serves, those on their way included.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Hands a connection over; it counts from now on.
    pub(crate) fn connection(&self, accepted: Accepted) {
        self.load.fetch_add(1, Ordering::Relaxed);
        // A worker ends only with the process; a connection that comes after it is closed by being dropped.
        let _ = self.sender.send(Message::Connection(accepted));
    }

    /// Has the writer given every log line there is; `done` is dropped when it has them.
    pub(crate) fn hand_over_lines(&self, done: SyncSender<()>) {
        // A worker that has ended has handed over.
        let _ = self.sender.send(Message::HandOverLines(done));
    }

    /// Adds a watcher of its beats.
    pub(crate) fn watch(&self, watcher: Arc<StdUnixStream>) {
        let _ = self.sender.send(Message::Watcher(watcher));
    }
}

/// What a worker needs to start.
pub(crate) struct Seed {
    pub(crate) index: usize,
    pub(crate) objects: Arc<Objects>,
    pub(crate) writer: LogWriter,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) state: State,
}

/// The receiving end, made before the threads so that every worker knows all handles.
pub(crate) struct Mailbox {
    receiver: mpsc::UnboundedReceiver<Message>,
    load: Arc<AtomicUsize>,
}

/// A handle and its mailbox.
pub(crate) fn pair() -> (WorkerHandle, Mailbox) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let load = Arc::new(AtomicUsize::new(0));
    (WorkerHandle { sender, load: Arc::clone(&load) }, Mailbox { receiver, load })
}

/// Runs a worker until its mailbox closes. Blocks the thread.
///
/// # Errors
/// The event loop cannot be made.
pub(crate) fn run(seed: Seed, mailbox: Mailbox, handles: Vec<WorkerHandle>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(|| {
            clock::now();
        })
        .build_local(LocalOptions::default())?;
    runtime.block_on(work(seed, mailbox, handles));
    Ok(())
}

async fn work(seed: Seed, mut mailbox: Mailbox, handles: Vec<WorkerHandle>) {
    let Seed { index, objects, writer, listeners, stop, state } = seed;
    let workers = handles.len();
    limit_pipes(objects.process.pipes as usize / workers);
    let batch = LineBatch::new(writer.clone());
    spawn_local(Rc::clone(&batch).run());
    let shard = objects.registry.shard(index);
    let site = Site { shard, objects: Arc::clone(&objects), worker: index, writer, batch: Rc::clone(&batch) };
    let (entries, balances) = build(&site);
    let connections = Rc::new(Connections { entries, load: mailbox.load, stop: stop.clone() });
    for listener in listeners {
        let workers = Workers { all: handles.clone(), here: index, connections: Rc::clone(&connections) };
        spawn_local(accept::run(listener, Arc::clone(&objects), workers, stop.clone()));
    }
    spawn_local(purge(balances));
    spawn_local(keep_vigils());
    let beats = spawn_beats(index, workers, state);
    while let Some(message) = mailbox.receiver.recv().await {
        match message {
            Message::Watcher(watcher) => {
                let _ = beats.send(watcher);
            }
            Message::Connection(accepted) => connections.serve(accepted),
            Message::HandOverLines(_done) => batch.hand_over(),
        }
    }
}

type Entries = BTreeMap<Arc<str>, Rc<Entry>>;

fn build(site: &Site) -> (Entries, Vec<Balance>) {
    let backends: Vec<_> = site.objects.backends.load().iter().map(|b| entry::backend(site, b)).collect();
    let frontends = site.objects.frontends.load();
    let entries =
        frontends.iter().map(|f| (Arc::clone(&f.name), Rc::new(Entry::new(site, f, &backends)))).collect();
    (entries, backends.into_iter().map(|(_, balance)| balance).collect())
}

/// The client connections of this worker.
pub(crate) struct Connections {
    entries: Entries,
    load: Arc<AtomicUsize>,
    stop: watch::Receiver<bool>,
}

impl Connections {
    /// Serves a connection that has been counted, until it ends.
    fn serve(&self, accepted: Accepted) {
        let load = Arc::clone(&self.load);
        let Some(entry) = self.entries.get(&accepted.frontend.name) else {
            load.fetch_sub(1, Ordering::Relaxed);
            return;
        };
        // Boxed here, or its kilobytes are moved three times more.
        let connection = Box::pin(connection(accepted, Rc::clone(entry), self.stop.clone()));
        spawn_local(async move {
            connection.await;
            load.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// All workers, seen from one that accepts.
pub(crate) struct Workers {
    all: Vec<WorkerHandle>,
    here: usize,
    connections: Rc<Connections>,
}

impl Workers {
    /// Gives a connection to the worker with the fewest: at equal load to this one, which spares waking another thread.
    pub(crate) fn give(&self, accepted: Accepted) {
        let fewest =
            self.all.iter().enumerate().min_by_key(|(i, w)| (w.load(), usize::from(*i != self.here)));
        match fewest {
            Some((index, _)) if index == self.here => {
                self.connections.load.fetch_add(1, Ordering::Relaxed);
                self.connections.serve(accepted);
            }
            Some((_, worker)) => worker.connection(accepted),
            None => {}
        }
    }
}

async fn connection(accepted: Accepted, entry: Rc<Entry>, stop: watch::Receiver<bool>) {
    let Accepted { socket, client, slot, .. } = accepted;
    let stream = Stream::new(socket);
    let local = if entry.sink.says_local() { stream.local_addr() } else { None };
    let peer = Peer { address: client, local };
    entry.metrics.session_began();
    match entry.plan.mode {
        Mode::Http => client::serve(stream, peer, Rc::clone(&entry), stop).await,
        Mode::Tcp => tcp::serve(stream, peer, Rc::clone(&entry)).await,
    }
    entry.metrics.session_ended();
    drop(slot);
}

async fn purge(balances: Vec<Balance>) {
    let mut tick = tokio::time::interval(PURGE_INTERVAL);
    loop {
        tick.tick().await;
        let now = Instant::now();
        for endpoint in balances.iter().flat_map(|b| b.endpoints.iter()) {
            if endpoint.server.accepts_traffic() {
                endpoint.pool.purge(now);
            } else {
                endpoint.pool.clear();
            }
            endpoint.metrics.idle_connections(endpoint.pool.len());
        }
    }
}

/// Beats from this event loop as long as somebody watches: a loop that hangs is a loop that does not beat.
fn spawn_beats(index: usize, workers: usize, state: State) -> mpsc::UnboundedSender<Arc<StdUnixStream>> {
    let (sender, mut receiver) = mpsc::unbounded_channel::<Arc<StdUnixStream>>();
    let number = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    spawn_local(async move {
        let mut watchers: Vec<Arc<StdUnixStream>> = Vec::new();
        let mut tick = tokio::time::interval(BEAT_INTERVAL);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if watchers.is_empty() {
                let Some(first) = receiver.recv().await else { return };
                watchers.push(first);
            }
            tokio::select! {
                Some(another) = receiver.recv() => watchers.push(another),
                _ = tick.tick() => {}
            }
            let beat = Beat { worker: number(index), workers: number(workers), readiness: state.readiness() };
            let line = format!("{beat}\n");
            // A watcher that does not read misses beats; one that is gone is forgotten.
            watchers.retain(|w| match (&**w).write(line.as_bytes()) {
                Ok(_) => true,
                Err(e) => e.kind() == std::io::ErrorKind::WouldBlock,
            });
        }
    });
    sender
}
