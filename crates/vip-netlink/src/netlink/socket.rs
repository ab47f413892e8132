//! One `AF_NETLINK` socket: requests in order, each awaited, and whatever the kernel tells its groups.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, sendto,
    setsockopt, socket, sockopt,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::constants::{NETLINK_CAP_ACK, NETLINK_EXT_ACK, NLM_F_DUMP_INTR};
use super::request::Request;
use super::wire::{Body, DecodeError, Message, decode};
use crate::sys;

/// Bytes of one datagram: the kernel fills at most 32 KiB of a dump at a time.
const DATAGRAM: usize = 64 * 1024;
/// Room for a burst of notifications: a machine with thousands of addresses whose links all go down.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// A dump that the kernel calls inconsistent is read again this often.
const DUMP_ATTEMPTS: usize = 8;
/// More datagrams than a full receive buffer holds.
const DRAIN_LIMIT: usize = 65_536;

/// Why the kernel's tables of links and addresses could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// No netlink socket.
    #[error("cannot open a netlink socket: {0}; is this Linux with networking built in?")]
    Open(#[source] io::Error),
    /// The process may not do this.
    #[error(
        "not allowed to {operation}: run as root or grant CAP_NET_ADMIN (AmbientCapabilities=CAP_NET_ADMIN)"
    )]
    Denied {
        /// What was asked for.
        operation: &'static str,
    },
    /// The kernel refused.
    #[error("cannot {operation}: {errno}{}", parenthesised(.explanation))]
    Refused {
        /// What was asked for.
        operation: &'static str,
        /// The kernel's error.
        #[source]
        errno: Errno,
        /// The kernel's own explanation.
        explanation: Option<String>,
    },
    /// Notifications were lost because they came faster than they were read. Read the tables again.
    #[error("the kernel dropped netlink notifications; the tables must be read again")]
    Overrun,
    /// The tables changed during each of several attempts to read them.
    #[error("cannot {operation}: the table changes faster than it can be read")]
    Unsteady {
        /// What was asked for.
        operation: &'static str,
    },
    /// The kernel sent bytes that are no netlink messages.
    #[error("the kernel's answer is unreadable")]
    Malformed(#[from] DecodeError),
    /// The socket failed.
    #[error("netlink socket failed: {0}")]
    Io(#[source] io::Error),
}

impl NetlinkError {
    /// The kernel's error, where the kernel refused.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused { errno, .. } => Some(*errno),
            Self::Denied { .. } => Some(Errno::EPERM),
            Self::Open(error) | Self::Io(error) => error.raw_os_error().map(Errno::from_raw),
            Self::Overrun | Self::Unsteady { .. } | Self::Malformed(_) => None,
        }
    }

    pub(crate) fn refusal(operation: &'static str, errno: i32, explanation: Option<String>) -> Self {
        match Errno::from_raw(errno) {
            Errno::EPERM => Self::Denied { operation },
            errno => Self::Refused { operation, errno, explanation },
        }
    }

    fn from_io(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOBUFS) => Self::Overrun,
            _ => Self::Io(error),
        }
    }
}

fn parenthesised(explanation: &Option<String>) -> String {
    explanation.as_ref().map(|text| format!(" ({text})")).unwrap_or_default()
}

/// See the module.
#[derive(Debug)]
pub(crate) struct NetlinkSocket {
    fd: AsyncFd<OwnedFd>,
    sequence: u32,
    buffer: Vec<u8>,
}

impl NetlinkSocket {
    /// Opens a socket that hears the notifications of `groups` (a mask of `RTMGRP_*`, 0 for none).
    pub(crate) fn open(groups: u32) -> Result<Self, NetlinkError> {
        let fd = open_fd(groups).and_then(sys::register).map_err(NetlinkError::Open)?;
        Ok(Self { fd, sequence: 0, buffer: vec![0; DATAGRAM] })
    }

    /// Waits for one datagram of the kernel. Datagrams of other processes are not looked at.
    pub(crate) async fn receive(&mut self) -> Result<Vec<Message>, NetlinkError> {
        let Self { fd, buffer, .. } = self;
        loop {
            let received = fd
                .async_io(Interest::READABLE, |fd| {
                    recvfrom::<NetlinkAddr>(fd.as_raw_fd(), buffer).map_err(io::Error::from)
                })
                .await;
            let (length, sender) = received.map_err(NetlinkError::from_io)?;
            if sender.is_some_and(|sender| sender.pid() == 0) {
                return Ok(decode(&buffer[..length])?);
            }
        }
    }

    /// Throws away what is queued, so that a dump read afterwards is newer than anything not yet read.
    pub(crate) fn drain(&mut self) {
        for _ in 0..DRAIN_LIMIT {
            match recvfrom::<NetlinkAddr>(self.fd.as_raw_fd(), &mut self.buffer) {
                // ENOBUFS only reports the loss; the queue is behind it.
                Ok(_) | Err(Errno::ENOBUFS | Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Sends a request and waits until the kernel says that it is carried out.
    ///
    /// Dropping the future leaves the answer in the queue, where the next request passes over it.
    pub(crate) async fn execute(
        &mut self,
        operation: &'static str,
        request: &Request,
    ) -> Result<(), NetlinkError> {
        let sequence = self.send(request).await?;
        loop {
            for message in self.receive().await? {
                if let Body::Ack { errno, explanation } = message.body
                    && message.sequence == sequence
                {
                    return match errno {
                        0 => Ok(()),
                        errno => Err(NetlinkError::refusal(operation, errno, explanation)),
                    };
                }
            }
        }
    }

    /// Reads a whole table, again if it changed meanwhile.
    pub(crate) async fn dump(
        &mut self,
        operation: &'static str,
        request: &Request,
    ) -> Result<Vec<Body>, NetlinkError> {
        for _ in 0..DUMP_ATTEMPTS {
            if let Some(table) = self.dump_once(operation, request).await? {
                return Ok(table);
            }
        }
        Err(NetlinkError::Unsteady { operation })
    }

    async fn dump_once(
        &mut self,
        operation: &'static str,
        request: &Request,
    ) -> Result<Option<Vec<Body>>, NetlinkError> {
        let sequence = self.send(request).await?;
        let mut table = Vec::new();
        let mut consistent = true;
        loop {
            for message in self.receive().await? {
                if message.sequence != sequence {
                    continue;
                }
                consistent &= message.flags & NLM_F_DUMP_INTR == 0;
                match message.body {
                    Body::Done(0) => return Ok(consistent.then_some(table)),
                    Body::Done(errno) | Body::Ack { errno, .. } if errno != 0 => {
                        return Err(NetlinkError::refusal(operation, errno, None));
                    }
                    body => table.push(body),
                }
            }
        }
    }

    async fn send(&mut self, request: &Request) -> Result<u32, NetlinkError> {
        // Notifications that no request caused carry 0.
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let bytes = request.seal(self.sequence);
        let kernel = NetlinkAddr::new(0, 0);
        self.fd
            .async_io(Interest::WRITABLE, |fd| {
                sendto(fd.as_raw_fd(), &bytes, &kernel, MsgFlags::empty()).map_err(io::Error::from)
            })
            .await
            .map_err(NetlinkError::from_io)?;
        Ok(self.sequence)
    }
}

fn open_fd(groups: u32) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    // Passing net.core.rmem_max needs CAP_NET_ADMIN in the initial user namespace; without it, take what there is.
    if setsockopt(&fd, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        setsockopt(&fd, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    }
    // Kernels before 4.12 do not know these two: explanations are a comfort, not a need.
    for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
        if let Err(error) = sys::enable_netlink_option(fd.as_fd(), option) {
            tracing::debug!(%error, option, "netlink option not available");
        }
    }
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(fd)
}
