//! Closing a connection whose client may still be sending. Closing at once would make the kernel answer the unread bytes
//! with RST, which can destroy the response on its way.

use std::future::poll_fn;
use std::task::{Poll, ready};
use std::time::Duration;

use super::ClientIo;
use crate::net::within;

/// Longest wait for the client to close its side.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most bytes read and dropped meanwhile.
const MOST: usize = 1 << 20;

/// Sends FIN, then reads and drops what the client still sends, within bounds.
pub(crate) async fn linger(io: &ClientIo) {
    io.stream.shutdown_write();
    let mut dropped = 0;
    let drain = poll_fn(|cx| {
        loop {
            let mut input = io.input.borrow_mut();
            dropped += input.buffer.len();
            input.buffer.clear();
            match ready!(input.poll_fill(&io.stream, cx)) {
                Ok(n) if n > 0 && dropped < MOST => {}
                _ => return Poll::Ready(()),
            }
        }
    });
    within(Some(PATIENCE), drain).await;
}
