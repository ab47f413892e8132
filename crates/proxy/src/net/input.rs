//! Bytes read ahead of their use.

use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use super::Stream;
use crate::clock;

/// Bytes asked of the kernel at once (`tune.bufsize`).
pub(crate) const READ_SIZE: usize = 16 * 1024;
/// Buffers kept by a thread for connections that have something to read.
const MOST_SPARE: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// What has been read from a stream and not used yet. A connection that waits for its first byte holds no buffer.
#[derive(Debug, Default)]
pub(crate) struct Input {
    pub(crate) buffer: BytesMut,
    ended: bool,
}

impl Input {
    /// Whether the other end has said that nothing more will come.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Reads more from `stream`; `0` at its end.
    pub(crate) fn poll_fill(&mut self, stream: &Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Ok(0));
        }
        let room = if self.buffer.is_empty() { READ_SIZE } else { READ_SIZE / 4 };
        if self.buffer.capacity() - self.buffer.len() < room {
            // Only who has something to read gets room for it.
            ready!(stream.poll_may_read(cx))?;
            self.make(room);
        }
        let read = ready!(stream.poll_read(cx, &mut self.buffer));
        clock::now();
        self.ended = matches!(read, Ok(0));
        Poll::Ready(read)
    }

    /// Makes room for `size` bytes more.
    fn make(&mut self, size: usize) {
        if self.buffer.capacity() == 0 {
            self.buffer = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        self.buffer.reserve(size);
    }

    /// The bytes read ahead.
    pub(crate) fn into_buffer(mut self) -> BytesMut {
        std::mem::take(&mut self.buffer)
    }

    /// Nothing is expected for a while: an empty buffer goes to those who have something to read.
    pub(crate) fn rest(&mut self) {
        if !self.buffer.is_empty() || self.buffer.capacity() == 0 {
            return;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        // One that others still hold pieces of cannot be used again yet.
        if buffer.try_reclaim(READ_SIZE) {
            // While a thread ends its list may be gone already.
            let _ = SPARE.try_with(|spare| {
                let mut spare = spare.borrow_mut();
                if spare.len() < MOST_SPARE {
                    spare.push(buffer);
                }
            });
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.buffer.clear();
        self.rest();
    }
}
