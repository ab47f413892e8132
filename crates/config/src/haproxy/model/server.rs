//! Servers and how they are checked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::source::Span;

/// One `server` line.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// Its name.
    pub name: String,
    /// `id`, or its position from 1.
    pub id: u32,
    /// Where it listens.
    pub address: ServerAddress,
    /// `weight` 0 to 256; default 1.
    pub weight: u16,
    /// `backup`.
    pub backup: bool,
    /// `disabled`: starts in maintenance.
    pub disabled: bool,
    /// `maxconn`; `None`: no limit.
    pub maxconn: Option<u32>,
    /// `maxqueue`; `None`: no limit.
    pub maxqueue: Option<u32>,
    /// `check`; `None`: always considered up.
    pub check: Option<Check>,
    /// `cookie`, kept for the statistics page.
    pub cookie: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerAddress {
    /// An address and port.
    Tcp(SocketAddr),
    /// A name and port, resolved at start.
    Name {
        /// Host name.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

/// The check parameters of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `inter`; default 2 s.
    pub inter: Duration,
    /// `fastinter`; default `inter`.
    pub fastinter: Duration,
    /// `downinter`; default `inter`.
    pub downinter: Duration,
    /// `fall`; default 3.
    pub fall: u32,
    /// `rise`; default 2.
    pub rise: u32,
    /// `port`: where to check, if not the server's port.
    pub port: Option<u16>,
    /// `addr`: where to check, if not the server's address.
    pub addr: Option<std::net::IpAddr>,
}

/// `option httpchk` with `http-check send` and `http-check expect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCheck {
    /// Method; default `OPTIONS`.
    pub method: String,
    /// URI; default `/`.
    pub uri: String,
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: String,
    /// Headers in order, `host` included when given.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Option<String>,
    /// What counts as a pass.
    pub expect: Expect,
    /// `http-check disable-on-404`.
    pub disable_on_404: bool,
}

/// `http-check expect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The default: any 2xx or 3xx.
    Success,
    /// `status LIST`, inclusive ranges; `negate` for `! status`.
    Status {
        /// Inclusive ranges.
        ranges: Vec<(u16, u16)>,
        /// `!`.
        negate: bool,
    },
}
