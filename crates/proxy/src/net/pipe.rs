//! Pipes through which splice(2) moves bytes from one socket to another without copying them.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use nix::fcntl::{OFlag, SpliceFFlags, splice};
use nix::unistd::pipe2;
use tokio::io::Interest;

use super::Stream;

/// Most bytes moved by one system call: what a pipe holds by default.
pub(crate) const PIPE_SIZE: usize = 64 * 1024;
/// Empty pipes kept by a worker for the next transfer.
const MOST_SPARE: usize = 16;

thread_local! {
    static SPARE: RefCell<Vec<(OwnedFd, OwnedFd)>> = const { RefCell::new(Vec::new()) };
    static OPEN: Cell<usize> = const { Cell::new(0) };
    static LIMIT: Cell<usize> = const { Cell::new(MOST_SPARE) };
}

/// Sets the most pipes this thread may have open: each is two descriptors, and clients need some, too.
pub(crate) fn limit_pipes(most: usize) {
    LIMIT.set(most);
}

/// A pipe in use. An empty one goes back to its worker when dropped, so that who waits for bytes holds none.
#[derive(Debug)]
pub(crate) struct Pipe {
    /// The end to read from and the end to write to; `None` only while it is dropped.
    ends: Option<(OwnedFd, OwnedFd)>,
    filled: usize,
}

impl Pipe {
    /// An empty pipe; `None` when this worker has as many as it may, or the process is out of descriptors. The bytes can
    /// be copied then.
    pub(crate) fn take() -> Option<Self> {
        if let Some(ends) = SPARE.with_borrow_mut(Vec::pop) {
            return Some(Self { ends: Some(ends), filled: 0 });
        }
        if OPEN.get() >= LIMIT.get() {
            return None;
        }
        let ends = pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC).ok()?;
        OPEN.set(OPEN.get() + 1);
        Some(Self { ends: Some(ends), filled: 0 })
    }

    /// Bytes in it.
    pub(crate) fn filled(&self) -> usize {
        self.filled
    }

    /// Moves up to `most` bytes from `source` into the empty pipe; `0` at the end of the stream.
    pub(crate) fn poll_fill(
        &mut self,
        source: &Stream,
        most: usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let Some((_, into)) = &self.ends else { return Poll::Ready(Ok(0)) };
        loop {
            let moved = source.try_io(Interest::READABLE, || {
                splice(source, None, into, None, most.min(PIPE_SIZE), flags()).map_err(io::Error::from)
            });
            match moved {
                Some(result) => {
                    self.filled += *result.as_ref().unwrap_or(&0);
                    return Poll::Ready(result);
                }
                None => ready!(source.poll_read_ready(cx))?,
            }
        }
    }

    /// Moves what `sink` takes out of the pipe, which is not empty. Says how many bytes.
    pub(crate) fn poll_drain(&mut self, sink: &Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some((from, _)) = &self.ends else { return Poll::Ready(Ok(0)) };
        loop {
            let moved = sink.try_io(Interest::WRITABLE, || {
                splice(from, None, sink, None, self.filled, flags()).map_err(io::Error::from)
            });
            match moved {
                Some(result) => {
                    self.filled -= *result.as_ref().unwrap_or(&0);
                    return Poll::Ready(result);
                }
                None => ready!(sink.poll_write_ready(cx))?,
            }
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let Some(ends) = self.ends.take() else { return };
        // While a thread ends its list may be gone already.
        let kept = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            let keeps = self.filled == 0 && spare.len() < MOST_SPARE;
            if keeps {
                spare.push(ends);
            }
            keeps
        });
        if kept == Ok(false) {
            OPEN.set(OPEN.get() - 1);
        }
    }
}

fn flags() -> SpliceFFlags {
    SpliceFFlags::SPLICE_F_MOVE | SpliceFFlags::SPLICE_F_NONBLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_has_so_many_pipes_and_no_more() {
        limit_pipes(40);
        let held: Vec<_> = std::iter::from_fn(Pipe::take).collect();
        assert_eq!(held.len(), 40);
        drop(held);
        assert_eq!(OPEN.get(), MOST_SPARE, "the others are closed");
        assert!(Pipe::take().is_some());
    }
}
