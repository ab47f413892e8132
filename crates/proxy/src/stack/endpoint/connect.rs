//! Connecting to a server.

use std::io;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};

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
    opened.map_err(|e| match e.raw_os_error().map(nix::errno::Errno::from_raw) {
        Some(
            nix::errno::Errno::EMFILE
            | nix::errno::Errno::ENFILE
            | nix::errno::Errno::ENOBUFS
            | nix::errno::Errno::ENOMEM
            | nix::errno::Errno::EADDRNOTAVAIL,
        ) => ProxyError::Resource,
        _ if e.kind() == io::ErrorKind::TimedOut => ProxyError::ConnectTimeout,
        _ => ProxyError::ConnectFailed,
    })
}

async fn open(address: &Address) -> io::Result<Stream> {
    match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        }
        Address::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
        Address::Unresolved(host) => {
            Err(io::Error::new(io::ErrorKind::NotFound, format!("the name {host} has no address")))
        }
    }
}
