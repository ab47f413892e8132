//! Where clients connect.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::source::Span;

/// One listening address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// What to listen on.
    pub address: BindAddress,
    /// `name`.
    pub name: Option<String>,
    /// `maxconn` of this listener.
    pub maxconn: Option<u32>,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `v4v6`: an IPv6 wildcard takes IPv4 too.
    pub v4v6: bool,
    /// `v6only`.
    pub v6only: bool,
    /// `interface`.
    pub interface: Option<String>,
    /// `mode`: permissions of a Unix socket.
    pub unix_mode: Option<u32>,
    /// Where it stands.
    pub span: Span,
}

/// What a `bind` listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindAddress {
    /// An address and one port.
    Tcp(SocketAddr),
    /// `unix@PATH` or a path.
    Unix(PathBuf),
    /// `fd@N`: an inherited, already bound socket.
    Fd(i32),
}
