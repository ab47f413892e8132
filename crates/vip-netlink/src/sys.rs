//! The only unsafe code of the crate: calls that no safe wrapper covers.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{LinkAddr, SockaddrLike};
use tokio::io::unix::AsyncFd;

/// Registers a descriptor with the current runtime for reading and writing. Panics outside of a tokio runtime.
pub(crate) fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open and the same descriptor until it is dropped, and nothing in this crate takes a
    // mutable reference into the `AsyncFd`, so that it cannot be exchanged.
    unsafe { AsyncFd::register(fd) }.map_err(io::Error::from)
}

/// Switches a boolean option of level `SOL_NETLINK` on.
pub(crate) fn enable_netlink_option(fd: BorrowedFd<'_>, option: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open for as long as it is borrowed, and the value pointer and length describe
    // `on`, which outlives the call; the kernel only reads it.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_NETLINK,
            option,
            std::ptr::from_ref(&on).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

/// The `sockaddr_ll` that makes an `AF_PACKET` `SOCK_RAW` socket send out of one interface.
pub(crate) fn packet_address(ifindex: u32, ethertype: u16) -> LinkAddr {
    // SAFETY: `sockaddr_ll` is plain integers and byte arrays, for which all zeroes is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as libc::c_ushort;
    address.sll_protocol = ethertype.to_be();
    address.sll_ifindex = ifindex.cast_signed();
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the pointer is to a whole, initialised `sockaddr_ll` of exactly `length` bytes.
    let built = unsafe { LinkAddr::from_raw(std::ptr::from_ref(&address).cast(), Some(length)) };
    built.expect("family and length are those LinkAddr asks for")
}
