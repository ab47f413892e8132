//! A server that never completes a connection, as a host that is off.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Listens, but its queue is full and nobody accepts: the kernel drops every further SYN.
#[derive(Debug)]
pub struct BlackHole {
    port: u16,
    _listener: Socket,
    _fillers: Vec<TcpStream>,
}

impl BlackHole {
    /// Makes one on a free port.
    ///
    /// # Panics
    /// The kernel still accepts connections after many.
    pub fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("sockets can be made");
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port is free");
        listener.listen(0).expect("a bound socket can listen");
        let address = listener.local_addr().ok().and_then(|address| address.as_socket());
        let address = address.expect("a bound socket has an address");
        let mut fillers = Vec::new();
        while let Ok(filler) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            fillers.push(filler);
            assert!(fillers.len() < 16, "a queue of length 0 takes no more than a few");
        }
        Self { port: address.port(), _listener: listener, _fillers: fillers }
    }

    /// Where connections hang, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Default for BlackHole {
    fn default() -> Self {
        Self::new()
    }
}
