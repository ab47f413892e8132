//! Making listening sockets.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::haproxy::{Bind, BindAddress};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{Listener, sys};
use crate::objects::Frontend;

/// Connections that wait to be accepted, unless `backlog` or `maxconn` says otherwise.
const BACKLOG: u32 = 4096;

/// A listener that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is used by another process, not on this host, or needs a privilege.
    #[error("proxy '{proxy}': cannot listen on {address}: {hint}")]
    Address {
        /// Frontend.
        proxy: String,
        /// Address as configured.
        address: String,
        /// What to do about it.
        hint: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// `fd@N` names something that is not a listening socket.
    #[error("proxy '{proxy}': fd@{fd} is not a listening socket: {source}")]
    Inherited {
        /// Frontend.
        proxy: String,
        /// The number.
        fd: i32,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

/// Binds one `bind` of `frontend` and listens.
///
/// # Errors
/// See [`BindError`].
pub(crate) fn bind(bind: &Bind, frontend: &Arc<Frontend>) -> Result<Listener, BindError> {
    let plan = frontend.plan();
    let backlog = bind.backlog.or(plan.backlog).or(bind.maxconn).or(plan.maxconn).unwrap_or(BACKLOG);
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    let made = match &bind.address {
        BindAddress::Tcp(address) => tcp(*address, bind, backlog),
        BindAddress::Unix(path) => unix(path, bind.unix_mode, backlog),
        BindAddress::Fd(fd) => {
            let socket = sys::listener(*fd, backlog).map_err(|source| BindError::Inherited {
                proxy: plan.name.clone(),
                fd: *fd,
                source,
            })?;
            return Ok(Listener { socket, frontend: Arc::clone(frontend), limit: bind.maxconn });
        }
    };
    let socket = made.map_err(|source| BindError::Address {
        proxy: plan.name.clone(),
        address: describe(&bind.address),
        hint: hint(&source),
        source,
    })?;
    Ok(Listener { socket, frontend: Arc::clone(frontend), limit: bind.maxconn })
}

fn tcp(address: SocketAddr, bind: &Bind, backlog: i32) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(bind.v6only || !bind.v4v6)?;
        socket.set_freebind_v6(true)?;
    } else {
        // The standby node must be able to bind the virtual address before it holds it.
        socket.set_freebind_v4(true)?;
    }
    if let Some(interface) = &bind.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    socket.bind(&SockAddr::from(address))?;
    // Accepted connections inherit it.
    socket.set_tcp_nodelay(true)?;
    listen(&socket, backlog)?;
    Ok(socket.into())
}

/// A Unix socket appears under its name only once it listens with the right permissions; what an earlier run left there
/// is replaced, a socket that somebody serves is not.
fn unix(path: &Path, mode: Option<u32>, backlog: i32) -> io::Result<OwnedFd> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let _ = std::fs::remove_file(&temporary);
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(&temporary)?)?;
    let ready = || -> io::Result<()> {
        if let Some(mode) = mode {
            std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(mode))?;
        }
        listen(&socket, backlog)?;
        std::fs::rename(&temporary, path)
    };
    ready().inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })?;
    Ok(socket.into())
}

fn listen(socket: &Socket, backlog: i32) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.listen(backlog)
}

fn describe(address: &BindAddress) -> String {
    match address {
        BindAddress::Tcp(address) => address.to_string(),
        BindAddress::Unix(path) => path.display().to_string(),
        BindAddress::Fd(fd) => format!("fd@{fd}"),
    }
}

fn hint(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process uses it; `ss -lntp` shows which".into(),
        io::ErrorKind::AddrNotAvailable => "no interface of this host has this address".into(),
        io::ErrorKind::PermissionDenied => {
            "not permitted; a port below 1024 needs root or CAP_NET_BIND_SERVICE".into()
        }
        _ => error.to_string(),
    }
}
