//! The thread that writes log lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, SystemTime};

use config::haproxy::{Level, LogTarget};

use super::outlets::Outlets;
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
    let mut bytes = Vec::new();
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
                if line.level > target.max_level {
                    continue;
                }
                bytes.clear();
                frame(&mut bytes, target, who, line.level, line.at, &line.text);
                if outlets.write(&target.to, &bytes).is_err() {
                    dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}
