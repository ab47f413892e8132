//! The thread that writes log lines.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use config::haproxy::{Level, LogDestination, LogTarget};

use super::syslog::{Identity, frame};

/// Lines waiting at most; more are dropped and counted rather than making a request wait.
const QUEUE: usize = 16 * 1024;

/// The senders' side.
#[derive(Debug, Clone)]
pub(crate) struct LogWriter {
    sender: Sender<Job>,
    /// Lines that have been handed over and not been taken up.
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

/// A line and who gets it.
#[derive(Debug)]
pub(crate) struct Line {
    targets: Arc<[LogTarget]>,
    level: Level,
    at: SystemTime,
    text: String,
}

impl Line {
    /// A line of now.
    pub(super) fn new(targets: &Arc<[LogTarget]>, level: Level, text: String) -> Self {
        Self { targets: Arc::clone(targets), level, at: SystemTime::now(), text }
    }
}

#[derive(Debug)]
enum Job {
    Lines(Vec<Line>),
    /// Everything before this has been written: say so.
    Flush(SyncSender<()>),
}

impl LogWriter {
    /// Starts the thread. It ends when the last sender is gone and the queue is empty.
    ///
    /// # Errors
    /// The thread cannot be made.
    pub(crate) fn start(who: Identity) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (sender, receiver) = channel();
        let writer = Self { sender, waiting: Arc::default(), dropped: Arc::default() };
        let (waiting, dropped) = (Arc::clone(&writer.waiting), Arc::clone(&writer.dropped));
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || run(&receiver, &who, &waiting, &dropped))?;
        Ok((writer, thread))
    }

    /// Hands a line over; drops it when the writer is too far behind.
    pub(crate) fn send(&self, targets: &Arc<[LogTarget]>, level: Level, line: String) {
        if !targets.is_empty() {
            self.send_all(vec![Line::new(targets, level, line)]);
        }
    }

    /// Hands lines over; drops all of them when the writer is too far behind.
    pub(super) fn send_all(&self, lines: Vec<Line>) {
        let count = lines.len();
        if count == 0 {
            return;
        }
        let waiting = self.waiting.fetch_add(count, Ordering::Relaxed) + count;
        if waiting > QUEUE || self.sender.send(Job::Lines(lines)).is_err() {
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            self.dropped.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// Waits until what has been handed over is written, at most `limit`.
    pub(crate) fn flush(&self, limit: Duration) {
        let (done, written) = sync_channel(1);
        if self.sender.send(Job::Flush(done)).is_ok() {
            // Without an answer in time the rest is written while the process ends, or lost with it.
            let _ = written.recv_timeout(limit);
        }
    }

    /// Lines that were dropped or could not be delivered.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn run(receiver: &Receiver<Job>, who: &Identity, waiting: &AtomicUsize, dropped: &AtomicU64) {
    let mut outlets = Outlets::default();
    while let Ok(job) = receiver.recv() {
        let lines = match job {
            Job::Lines(lines) => lines,
            Job::Flush(done) => {
                // Whoever asked may have stopped waiting.
                let _ = done.try_send(());
                continue;
            }
        };
        waiting.fetch_sub(lines.len(), Ordering::Relaxed);
        for line in &lines {
            for target in line.targets.iter() {
                let Some(bytes) = frame(target, who, line.level, line.at, &line.text) else { continue };
                if outlets.write(&target.to, &bytes).is_err() {
                    dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

/// Sockets, opened when first needed.
#[derive(Default)]
struct Outlets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    unix: BTreeMap<std::path::PathBuf, UnixDatagram>,
    complained: BTreeMap<std::path::PathBuf, Instant>,
}

impl Outlets {
    fn write(&mut self, to: &LogDestination, bytes: &[u8]) -> std::io::Result<()> {
        match to {
            LogDestination::Stdout => line(&mut std::io::stdout().lock(), bytes),
            LogDestination::Stderr => line(&mut std::io::stderr().lock(), bytes),
            LogDestination::Udp(address) => {
                let (slot, any) =
                    if address.is_ipv4() { (&mut self.v4, "0.0.0.0:0") } else { (&mut self.v6, "[::]:0") };
                let socket = match slot {
                    Some(socket) => socket,
                    None => slot.insert(nonblocking(UdpSocket::bind(any)?)?),
                };
                socket.send_to(bytes, address).map(drop)
            }
            LogDestination::Unix(path) => self.write_unix(path, bytes),
        }
    }

    /// A syslog daemon may restart: its socket is looked up anew after a failure.
    fn write_unix(&mut self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        if let Some(socket) = self.unix.get(path)
            && socket.send(bytes).is_ok()
        {
            return Ok(());
        }
        let attempt = || {
            let socket = UnixDatagram::unbound()?;
            socket.connect(path)?;
            socket.set_nonblocking(true)?;
            socket.send(bytes)?;
            Ok(socket)
        };
        match attempt() {
            Ok(socket) => {
                self.unix.insert(path.to_owned(), socket);
                Ok(())
            }
            Err(error) => {
                self.unix.remove(path);
                if self.complained.insert(path.to_owned(), Instant::now()).is_none() {
                    tracing::warn!(socket = %path.display(), %error, "cannot write to the log socket; further failures are only counted");
                }
                Err(error)
            }
        }
    }
}

fn nonblocking(socket: UdpSocket) -> std::io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn line(out: &mut impl Write, bytes: &[u8]) -> std::io::Result<()> {
    out.write_all(bytes)?;
    out.write_all(b"\n")?;
    out.flush()
}
