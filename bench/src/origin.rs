//! The servers behind the proxies: one thread, many addresses, prepared answers.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::cpu;
use crate::error::BenchError;
use crate::payload::Upload;
use crate::scenario;

/// Running origins; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Origin {
    addresses: Vec<SocketAddr>,
    counters: Arc<Counters>,
    waker: Waker,
    thread: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug, Default)]
struct Counters {
    connections: AtomicU64,
}

const WAKER: Token = Token(usize::MAX);

impl Origin {
    /// Listens on as many loopback addresses as asked for, all with one port, served on one CPU.
    pub(crate) fn start(servers: usize, on: usize) -> Result<Self, BenchError> {
        let error = |source| BenchError::Io { what: "cannot start the origins".into(), source };
        let listeners = listen(servers).map_err(error)?;
        let addresses =
            listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>().map_err(error)?;
        let poll = Poll::new().map_err(error)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(error)?;
        let counters = Arc::<Counters>::default();
        let server = Server {
            poll,
            listeners,
            connections: HashMap::new(),
            next: servers,
            answers: Answers::new(),
            scratch: vec![0; 64 << 10],
            counters: Arc::clone(&counters),
        };
        let thread = thread::spawn(move || {
            cpu::pin(on)?;
            server.run()
        });
        Ok(Self { addresses, counters, waker, thread: Some(thread) })
    }

    /// Where they listen.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Connections accepted so far, those of health checks included.
    pub(crate) fn connections(&self) -> u64 {
        self.counters.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        // A thread that cannot be woken has ended.
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Listeners on 127.0.1.1, 127.0.1.2 ..., with the same port each.
fn listen(servers: usize) -> io::Result<Vec<TcpListener>> {
    const ATTEMPTS: usize = 20;
    let mut attempt = 0;
    loop {
        let mut port = 0;
        let listeners: io::Result<Vec<_>> = (0..servers)
            .map(|n| {
                let address = Ipv4Addr::new(127, 0, 1 + (n / 250) as u8, 1 + (n % 250) as u8);
                let listener = TcpListener::bind(SocketAddr::from((address, port)))?;
                port = listener.local_addr()?.port();
                Ok(listener)
            })
            .collect();
        attempt += 1;
        match listeners {
            Err(error) if error.kind() == ErrorKind::AddrInUse && attempt < ATTEMPTS => {}
            result => return result,
        }
    }
}

struct Server {
    poll: Poll,
    listeners: Vec<TcpListener>,
    connections: HashMap<usize, Connection>,
    next: usize,
    answers: Answers,
    scratch: Vec<u8>,
    counters: Arc<Counters>,
}

impl Server {
    fn run(mut self) -> io::Result<()> {
        for (n, listener) in self.listeners.iter_mut().enumerate() {
            self.poll.registry().register(listener, Token(n), Interest::READABLE)?;
        }
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                match event.token() {
                    WAKER => return Ok(()),
                    Token(n) if n < self.listeners.len() => self.accept(n)?,
                    Token(n) => self.serve(n),
                }
            }
        }
    }

    fn accept(&mut self, listener: usize) -> io::Result<()> {
        loop {
            let mut stream = match self.listeners[listener].accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client was gone before it was accepted.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => return Err(error),
            };
            self.counters.connections.fetch_add(1, Ordering::Relaxed);
            stream.set_nodelay(true)?;
            let token = self.next;
            self.next += 1;
            self.poll.registry().register(
                &mut stream,
                Token(token),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.connections
                .insert(token, Connection { stream, received: Vec::new(), sending: None, close: false });
        }
    }

    fn serve(&mut self, token: usize) {
        if let Some(connection) = self.connections.get_mut(&token)
            && !connection.serve(&self.answers, &mut self.scratch)
        {
            self.connections.remove(&token);
        }
    }
}

struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// The answer being sent, and how much of it has been.
    sending: Option<(usize, usize)>,
    close: bool,
}

impl Connection {
    /// Goes on as far as it can; false when the connection is over.
    fn serve(&mut self, answers: &Answers, scratch: &mut [u8]) -> bool {
        self.read(scratch) && self.answer(answers)
    }

    fn read(&mut self, scratch: &mut [u8]) -> bool {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return false,
                Ok(n) => {
                    self.received.extend_from_slice(&scratch[..n]);
                    // Edge-triggered: what comes after a short read is an event of its own.
                    if n < scratch.len() {
                        return true;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
    }

    fn answer(&mut self, answers: &Answers) -> bool {
        loop {
            if let Some((index, sent)) = &mut self.sending {
                let bytes = &answers.all[*index].1;
                while *sent < bytes.len() {
                    match self.stream.write(&bytes[*sent..]) {
                        Ok(n) => *sent += n,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                        Err(_) => return false,
                    }
                }
                self.sending = None;
                if self.close {
                    return false;
                }
            }
            let Some(request) = Asked::parse(&self.received) else { return true };
            let answer = answers.to(&request, &self.received);
            self.close = request.close;
            self.received.drain(..request.length);
            self.sending = Some((answer, 0));
        }
    }
}

/// Prepared answers; the first one is the refusal.
struct Answers {
    all: Vec<(Vec<u8>, Vec<u8>)>,
    uploads: Vec<Vec<u8>>,
}

impl Answers {
    fn new() -> Self {
        let refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec();
        let mut all = vec![(Vec::new(), refusal)];
        for scenario in scenario::ALL {
            let path = scenario.reply.path().into_bytes();
            if all.iter().all(|(known, _)| *known != path) {
                all.push((path, scenario.reply.response()));
            }
        }
        let uploads = scenario::ALL.iter().filter_map(|scenario| scenario.upload.map(Upload::body)).collect();
        Self { all, uploads }
    }

    /// The refusal, if the path is unknown or the body has not arrived as it was sent.
    fn to(&self, request: &Asked, received: &[u8]) -> usize {
        let body = &received[request.body..request.length];
        if !body.is_empty() && self.uploads.iter().all(|upload| upload != body) {
            return 0;
        }
        let path = &received[request.path.clone()];
        self.all.iter().position(|(known, _)| known == path).unwrap_or(0)
    }
}

/// A complete request at the front of a buffer.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    path: std::ops::Range<usize>,
    /// Where the body begins.
    body: usize,
    /// Bytes of head and body.
    length: usize,
    close: bool,
}

impl Asked {
    /// `None` until all of it is there.
    fn parse(received: &[u8]) -> Option<Self> {
        let body = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
        let head = &received[..body];
        let start = head.iter().position(|byte| *byte == b' ')? + 1;
        let end = start + head[start..].iter().position(|byte| *byte == b' ')?;
        let field = |name: &str| {
            head.split(|byte| *byte == b'\n').find_map(|line| {
                let (before, after) = line.split_at_checked(name.len())?;
                before.eq_ignore_ascii_case(name.as_bytes()).then(|| after.trim_ascii())
            })
        };
        let content =
            field("content-length:").and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let length = body + content.unwrap_or(0);
        let close = field("connection:").is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
        (received.len() >= length).then_some(Self { path: start..end, body, length, close })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_complete_with_the_last_byte_of_its_body() {
        let request =
            b"POST /length/128 HTTP/1.1\r\nhost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
        let head = request.len() - 3;
        assert_eq!(Asked::parse(&request[..head + 2]), None);
        let asked = Asked::parse(request).unwrap();
        assert_eq!(asked, Asked { path: 5..16, body: head, length: request.len(), close: true });
    }

    #[test]
    fn an_upload_with_a_wrong_byte_is_refused() {
        let answers = Answers::new();
        let scenario = scenario::ALL.into_iter().find(|scenario| scenario.upload.is_some()).unwrap();
        let mut request = scenario.request();
        assert_ne!(answers.to(&Asked::parse(&request).unwrap(), &request), 0);
        *request.last_mut().unwrap() = b'!';
        assert_eq!(answers.to(&Asked::parse(&request).unwrap(), &request), 0);
    }
}
