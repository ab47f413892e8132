//! A syslog receiver, and HAProxy's HTTP log format taken apart.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::eventually;

/// Collects datagrams on a UDP port of 127.0.0.1.
#[derive(Debug)]
pub struct SyslogSink {
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
}

impl SyslogSink {
    /// Starts to collect.
    ///
    /// # Panics
    /// There is no port left.
    pub fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a UDP port is free");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("the time is not zero");
        let port = socket.local_addr().expect("a bound socket has an address").port();
        let (lines, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicBool::new(false)));
        let (into, until) = (Arc::clone(&lines), Arc::clone(&stop));
        thread::spawn(move || {
            let mut datagram = [0; 8192];
            while !until.load(Ordering::SeqCst) {
                let Ok(n) = socket.recv(&mut datagram) else { continue };
                let line = String::from_utf8_lossy(&datagram[..n]).into_owned();
                into.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { port, lines, stop }
    }

    /// Where to log to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What has come so far, whole datagrams.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first line with `part` in it; waits for it.
    ///
    /// # Panics
    /// There is none in time.
    pub fn line_with(&self, part: &str) -> String {
        eventually(&format!("a log line with {part:?}"), || {
            self.lines().into_iter().find(|line| line.contains(part))
        })
    }

    /// The only line of an HTTP request with that status so far; waits for it.
    ///
    /// # Panics
    /// There is none in time.
    pub fn http(&self, status: i32) -> HttpLog {
        eventually(&format!("a log line with status {status}, not {:?}", self.lines()), || {
            self.lines().iter().filter_map(|line| HttpLog::parse(line)).find(|log| log.status == status)
        })
    }
}

impl Drop for SyslogSink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// A line of `option httplog` (configuration manual, 8.2.3).
#[derive(Debug, Clone)]
pub struct HttpLog {
    /// Address and port of the client.
    pub client: String,
    /// Name of the frontend.
    pub frontend: String,
    /// Names of the backend and the server.
    pub server: String,
    /// TR, Tw, Tc, Tr, Ta in milliseconds; -1 for a phase that was not reached.
    pub timers: [i64; 5],
    /// Status sent to the client.
    pub status: i32,
    /// Bytes sent to the client.
    pub bytes: u64,
    /// The four letters of the termination state.
    pub flags: String,
    /// Connections of process, frontend, backend, server; retries, with `+` when redispatched.
    pub counts: String,
    /// Positions in the queues of server and backend.
    pub queues: String,
    /// First line of the request.
    pub request: String,
}

impl HttpLog {
    /// Takes a datagram apart; `None` when it is something else.
    pub fn parse(datagram: &str) -> Option<Self> {
        let (_, line) = datagram.split_once("]: ")?;
        let (fields, request) = line.split_once(" \"")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let [client, _date, frontend, server, timers, status, bytes, _, _, flags, counts, queues] =
            fields[..]
        else {
            return None;
        };
        let timers: Vec<i64> = timers.split('/').map(|t| t.parse().ok()).collect::<Option<_>>()?;
        Some(Self {
            client: client.to_owned(),
            frontend: frontend.to_owned(),
            server: server.to_owned(),
            timers: timers.try_into().ok()?,
            status: status.parse().ok()?,
            bytes: bytes.parse().ok()?,
            flags: flags.to_owned(),
            counts: counts.to_owned(),
            queues: queues.to_owned(),
            request: request.trim_end().trim_end_matches('"').to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_s_example_is_taken_apart() {
        let line = "<134>Feb  6 12:14:14 haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 \
                    10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 \"GET /index.html HTTP/1.1\"";
        let log = HttpLog::parse(line).unwrap();
        assert_eq!((log.frontend.as_str(), log.server.as_str()), ("http-in", "static/srv1"));
        assert_eq!((log.timers, log.status, log.bytes), ([10, 0, 30, 69, 109], 200, 2750));
        assert_eq!(
            (log.flags.as_str(), log.counts.as_str(), log.queues.as_str()),
            ("----", "1/1/1/1/0", "0/0")
        );
        assert_eq!(log.request, "GET /index.html HTTP/1.1");
    }
}
