//! TCP from the host into a node, so that a browser on the host sees a node's dashboard.

use crate::error::Error;
use crate::node::{Node, stream};
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

/// A port of the host that leads to an address inside a node, as long as the process lives.
#[derive(Clone, Copy, Debug)]
pub struct Relay {
    address: SocketAddr,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1; each connection is continued inside `node` to `inside`.
    pub fn start(node: &Node, inside: SocketAddr) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let node = node.clone();
        thread::spawn(move || {
            for outside in listener.incoming().flatten() {
                let node = node.clone();
                thread::spawn(move || {
                    // A node that is off has nothing to say: the browser sees the connection closed.
                    if let Ok(inner) = stream(&node, inside) {
                        let _ = pump(outside, inner);
                    }
                });
            }
        });
        Ok(Self { address })
    }

    /// Where to connect on the host.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Copies both ways until both sides have said their last byte; each end is passed on as a half-close.
pub(crate) fn pump(tcp: TcpStream, unix: UnixStream) -> io::Result<()> {
    let (mut tcp_in, mut unix_out) = (tcp.try_clone()?, unix.try_clone()?);
    let forward = thread::spawn(move || {
        let copied = io::copy(&mut tcp_in, &mut unix_out);
        let _ = unix_out.shutdown(Shutdown::Write);
        copied
    });
    let (mut tcp, mut unix) = (tcp, unix);
    let back = io::copy(&mut unix, &mut tcp);
    let _ = tcp.shutdown(Shutdown::Write);
    let _ = forward.join();
    back.map(drop)
}
