//! Bytes read ahead of their use.

use std::io;
use std::task::{Context, Poll};

use bytes::BytesMut;

use super::Stream;

/// Bytes asked of the kernel at once (`tune.bufsize`).
pub(crate) const READ_SIZE: usize = 16 * 1024;

/// What has been read from a stream and not used yet.
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
        self.buffer.reserve(if self.buffer.is_empty() { READ_SIZE } else { READ_SIZE / 4 });
        let read = stream.poll_read(cx, &mut self.buffer);
        if let Poll::Ready(Ok(0)) = read {
            self.ended = true;
        }
        read
    }
}
