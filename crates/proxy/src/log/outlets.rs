//! Where log lines go: standard streams, and datagram sockets that are opened when first needed.

use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use config::haproxy::LogDestination;

/// All destinations of a process.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    outlets: Vec<Outlet>,
}

/// A destination that has been written to.
#[derive(Debug)]
struct Outlet {
    to: LogDestination,
    /// `None` after a failure: looked up anew for the next line.
    socket: Option<Connected>,
    complained: bool,
}

/// Connected, so that the kernel looks up the way only once.
#[derive(Debug)]
enum Connected {
    Udp(UdpSocket),
    Unix(UnixDatagram),
    Stdout,
    Stderr,
}

impl Outlets {
    /// Writes one line; `bytes` do not end with a line break. Never waits for a socket.
    ///
    /// # Errors
    /// Nobody has the line. Said once for a destination.
    pub(super) fn write(&mut self, to: &LogDestination, bytes: &[u8]) -> io::Result<()> {
        let known = self.outlets.iter().position(|outlet| outlet.to == *to);
        let index = known.unwrap_or_else(|| {
            self.outlets.push(Outlet { to: to.clone(), socket: None, complained: false });
            self.outlets.len() - 1
        });
        self.outlets[index].write(bytes)
    }
}

impl Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.socket.as_ref().map(|socket| socket.send(bytes)) {
            Some(Ok(())) => return Ok(()),
            // A receiver that is behind is still the one.
            Some(Err(error)) if error.kind() == ErrorKind::WouldBlock => return Err(error),
            // A syslog daemon may have been restarted, an address of ours moved.
            Some(Err(_)) | None => {}
        }
        let opened = Connected::open(&self.to).and_then(|socket| socket.send(bytes).map(|()| socket));
        match opened {
            Ok(socket) => {
                self.socket = Some(socket);
                Ok(())
            }
            Err(error) => {
                self.socket = None;
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::warn!(to = ?self.to, %error, "cannot write to a log destination; further failures are only counted");
                }
                Err(error)
            }
        }
    }
}

impl Connected {
    fn open(to: &LogDestination) -> io::Result<Self> {
        Ok(match to {
            LogDestination::Udp(address) => {
                let any: SocketAddr = match address {
                    SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any)?;
                socket.connect(address)?;
                socket.set_nonblocking(true)?;
                Self::Udp(socket)
            }
            LogDestination::Unix(path) => Self::Unix(unix(path)?),
            LogDestination::Stdout => Self::Stdout,
            LogDestination::Stderr => Self::Stderr,
        })
    }

    fn send(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            // A refusal is an earlier line's: nobody listened then.
            Self::Udp(socket) => match socket.send(bytes) {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => socket.send(bytes).map(drop),
                sent => sent.map(drop),
            },
            Self::Unix(socket) => socket.send(bytes).map(drop),
            Self::Stdout => line(&mut io::stdout().lock(), bytes),
            Self::Stderr => line(&mut io::stderr().lock(), bytes),
        }
    }
}

fn unix(path: &PathBuf) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn line(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    out.write_all(b"\n")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn receiver(address: SocketAddr) -> UdpSocket {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    fn received(socket: &UdpSocket) -> Vec<u8> {
        let mut datagram = [0; 64];
        let length = socket.recv(&mut datagram).unwrap();
        datagram[..length].to_vec()
    }

    #[test]
    fn lines_for_a_receiver_that_is_away_are_lost_and_those_after_its_return_arrive() {
        for loopback in ["127.0.0.1:0", "[::1]:0"] {
            let first = receiver(loopback.parse().unwrap());
            let address = first.local_addr().unwrap();
            let (mut outlets, to) = (Outlets::default(), LogDestination::Udp(address));
            outlets.write(&to, b"one").unwrap();
            assert_eq!(received(&first), b"one");
            drop(first);
            // The kernel takes them, and tells of each with the next one that nobody was there.
            for _ in 0..3 {
                let _ = outlets.write(&to, b"lost");
            }
            let second = receiver(address);
            outlets.write(&to, b"two").unwrap();
            assert_eq!(received(&second), b"two");
            assert_eq!(outlets.outlets.len(), 1);
        }
    }

    #[test]
    fn a_socket_that_is_made_anew_under_its_name_is_found() {
        let directory = std::env::temp_dir().join(format!("outlets-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("log");
        let (mut outlets, to) = (Outlets::default(), LogDestination::Unix(path.clone()));
        assert!(outlets.write(&to, b"nobody").is_err());
        for round in 0..2 {
            let daemon = UnixDatagram::bind(&path).unwrap();
            outlets.write(&to, b"hello").unwrap();
            let mut datagram = [0; 64];
            let length = daemon.recv(&mut datagram).unwrap();
            assert_eq!(&datagram[..length], b"hello", "round {round}");
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
