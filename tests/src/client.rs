//! A client that sends exactly the bytes it is told to.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Instant;

use crate::{LIMIT, Message, parse_response};

/// One connection to 127.0.0.1. Reading has a limit of [`LIMIT`].
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    ended: bool,
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// Nobody listens.
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
        stream.set_nodelay(true).expect("TCP has nodelay");
        stream.set_read_timeout(Some(LIMIT)).expect("the limit is not zero");
        stream.set_write_timeout(Some(LIMIT)).expect("the limit is not zero");
        Self { stream, buffer: Vec::new(), ended: false }
    }

    /// The address it connects from.
    ///
    /// # Panics
    /// The connection is gone.
    pub fn address(&self) -> SocketAddr {
        self.stream.local_addr().expect("the connection is there")
    }

    /// Sends all of `bytes`.
    ///
    /// # Panics
    /// The other side takes no more.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("the other side reads");
        self
    }

    /// Sends `bytes` as far as the other side takes them.
    pub fn send_in_vain(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        // It may have answered and closed already; the answer is what a test looks at.
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) -> &mut Self {
        // It may have closed already; the answer is what a test looks at.
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// The next response, to a GET or anything else but HEAD. Interim responses are responses.
    ///
    /// # Panics
    /// There is none in time, or it is malformed.
    pub fn response(&mut self) -> Message {
        self.response_to("GET")
    }

    /// The next response, to a request with `method`.
    ///
    /// # Panics
    /// As [`Self::response`].
    pub fn response_to(&mut self, method: &str) -> Message {
        self.next(method).unwrap_or_else(|| panic!("no response before the end, but {}", self.seen()))
    }

    /// The next response, if there is one before the connection ends.
    ///
    /// # Panics
    /// It is malformed or cut, or there is none in time.
    pub fn next(&mut self, method: &str) -> Option<Message> {
        loop {
            match parse_response(&self.buffer, method, self.ended) {
                Ok(Some((response, used))) => {
                    self.buffer.drain(..used);
                    return Some(response);
                }
                Ok(None) if !self.ended => self.fill(),
                Ok(None) if self.buffer.is_empty() => return None,
                Ok(None) => panic!("a response was cut: {}", self.seen()),
                Err(why) => panic!("{why:?} in the response {}", self.seen()),
            }
        }
    }

    /// Every response until the connection ends; all of them to other methods than HEAD.
    ///
    /// # Panics
    /// As [`Self::next`].
    pub fn responses(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.next("GET")).collect()
    }

    /// Exactly `n` bytes.
    ///
    /// # Panics
    /// They do not come in time.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        while self.buffer.len() < n {
            assert!(!self.ended, "{n} bytes awaited, but only {}", self.seen());
            self.fill();
        }
        self.buffer.drain(..n).collect()
    }

    /// Everything until the connection ends, by FIN or RST.
    ///
    /// # Panics
    /// It does not end in time.
    pub fn rest(&mut self) -> Vec<u8> {
        while !self.ended {
            self.fill();
        }
        std::mem::take(&mut self.buffer)
    }

    /// Waits until the other side closes.
    ///
    /// # Panics
    /// It sends something instead, or does nothing in time.
    pub fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "the end was awaited, not {:?}", String::from_utf8_lossy(&rest));
    }

    fn fill(&mut self) {
        let start = Instant::now();
        let mut piece = [0; 64 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => self.ended = true,
            Ok(n) => self.buffer.extend_from_slice(&piece[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                self.ended = true
            }
            Err(e) => panic!("nothing for {:?} ({e}) after {}", start.elapsed(), self.seen()),
        }
    }

    fn seen(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(&self.buffer))
    }
}

/// The response to `GET path` on a connection of its own.
///
/// # Panics
/// As [`Client::response`].
pub fn get(port: u16, path: &str) -> Message {
    request(port, format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n"))
}

/// The response to these bytes on a connection of their own.
///
/// # Panics
/// As [`Client::response`].
pub fn request(port: u16, bytes: impl AsRef<[u8]>) -> Message {
    Client::connect(port).send(bytes).response()
}
