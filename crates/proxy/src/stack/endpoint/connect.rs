//! Connecting to a server.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use nix::errno::Errno;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use crate::error::ProxyError;
use crate::net::{Stream, within};
use crate::objects::Address;

/// Opens a connection within `limit` (`timeout connect`).
///
/// # Errors
/// [`ProxyError::ConnectTimeout`], [`ProxyError::Resource`] when this host is out of something, otherwise
/// [`ProxyError::ConnectFailed`].
pub(crate) async fn connect(address: &Address, limit: Option<Duration>) -> Result<Stream, ProxyError> {
    let opened = within(limit, open(address)).await.ok_or(ProxyError::ConnectTimeout)?;
    opened.map_err(|e| match e.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM | Errno::EADDRNOTAVAIL) => {
            ProxyError::Resource
        }
        _ if e.kind() == io::ErrorKind::TimedOut => ProxyError::ConnectTimeout,
        _ => ProxyError::ConnectFailed,
    })
}

async fn open(address: &Address) -> io::Result<Stream> {
    let (socket, address) = match address {
        Address::Tcp(address) => {
            let domain = Domain::for_address(*address);
            let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
            socket.set_tcp_nodelay(true)?;
            (socket, SockAddr::from(*address))
        }
        Address::Unix(path) => {
            (Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?, SockAddr::unix(path)?)
        }
        Address::Unresolved(host) => {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("the name {host} has no address")));
        }
    };
    let started = socket.connect(&address);
    let stream = Stream::new(socket.into());
    match started {
        Ok(()) => return Ok(stream),
        Err(e) if e.raw_os_error() == Some(Errno::EINPROGRESS as i32) => {}
        Err(e) => return Err(e),
    }
    poll_fn(|cx| stream.poll_write_ready(cx)).await?;
    let failed = SockRef::from(&stream).take_error()?;
    failed.map_or(Ok(stream), Err)
}
