//! What the language cannot check about descriptors: a bare number that becomes one (`fd@N`), and one that an event loop
//! watches.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use socket2::{Domain, SockRef};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Duplicates the listening socket `fd`, so that the inherited one stays open for others that name it.
///
/// # Errors
/// It is not an open stream socket, or it cannot listen.
pub(super) fn listener(fd: i32, backlog: i32) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(nix::libc::EBADF));
    }
    // SAFETY: the borrow ends within this function and only system calls use it; on a number that is not open they
    // fail with EBADF. Nothing in this process closes the number: descriptors made here are owned by their makers.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    let socket = SockRef::from(&borrowed);
    if socket.domain()? != Domain::UNIX {
        // Accepted connections inherit it.
        socket.set_tcp_nodelay(true)?;
    }
    if !socket.is_listener()? {
        socket.listen(backlog)?;
    }
    socket.set_nonblocking(true)?;
    borrowed.try_clone_to_owned()
}

/// Watches a listening socket for connections.
///
/// # Errors
/// The event loop cannot take it.
pub(super) fn watch(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the socket is owned by the value returned, which gives out only shared borrows of it: it stays the same
    // open descriptor until it is deregistered.
    unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }.map_err(io::Error::from)
}
