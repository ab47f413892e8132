//! What the language cannot check about sockets: that the kernel fills a buffer as far as it says, and that a descriptor which
//! an event loop watches stays open.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use bytes::BytesMut;
use rustix::net::RecvFlags;
use tokio::io::unix::AsyncFd;

/// Receives into the room that `buffer` has.
pub(super) fn recv(socket: &OwnedFd, buffer: &mut BytesMut) -> io::Result<usize> {
    let ((received, _), _) = rustix::net::recv(socket, buffer.spare_capacity_mut(), RecvFlags::empty())?;
    let read = received.len();
    // SAFETY: recv(2) has written `read` bytes at the start of the spare capacity.
    unsafe { buffer.set_len(buffer.len() + read) };
    Ok(read)
}

/// Has the event loop of this thread watch a socket.
///
/// # Errors
/// The event loop cannot take it.
pub(super) fn watch(socket: Rc<OwnedFd>) -> io::Result<AsyncFd<Rc<OwnedFd>>> {
    // SAFETY: the value returned shares the ownership of the socket, which nobody can take out of it: it stays the same
    // open descriptor until it is deregistered.
    unsafe { AsyncFd::register(socket) }.map_err(io::Error::from)
}
