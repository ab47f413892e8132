//! Idle keep-alive connections to one server. Owned by one worker: no lock, no hand-over between threads.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Upstream;

/// A connection unused for this long is closed.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// Most idle connections kept to one server by one worker.
const MOST_IDLE: usize = 1024;

/// Idle connections, the most recently used last.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: RefCell<VecDeque<(Box<Upstream>, Instant)>>,
}

impl Pool {
    /// Takes the most recently used connection that its server has not closed. A `repeatable` request is sent again should
    /// the close have arrived unheard; for another one the kernel is asked.
    pub(crate) fn checkout(&self, repeatable: bool) -> Option<Box<Upstream>> {
        loop {
            let (upstream, _) = self.idle.borrow_mut().pop_back()?;
            // A server that closed, or spoke without being asked, has made the connection useless.
            let quiet = if repeatable { upstream.stream.seems_quiet() } else { upstream.stream.is_quiet() };
            if quiet {
                return Some(upstream);
            }
        }
    }

    /// Keeps a connection whose last response has been read to its end.
    pub(crate) fn put(&self, upstream: Box<Upstream>, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= MOST_IDLE {
            idle.pop_front();
        }
        idle.push_back((upstream, now));
    }

    /// Closes connections that are idle for too long or closed by their server.
    pub(crate) fn purge(&self, now: Instant) {
        self.idle.borrow_mut().retain(|(upstream, since)| {
            now.duration_since(*since) < IDLE_LIMIT && upstream.stream.seems_quiet()
        });
    }

    /// Closes all.
    pub(crate) fn clear(&self) {
        self.idle.borrow_mut().clear();
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.idle.borrow().len()
    }
}
