//! The client of a lab: a new connection and one request every few milliseconds, whether or not earlier ones are answered.

use crate::clock::Stamp;
use crate::error::Error;
use crate::node::{Node, Process, ROLE, SELF, Signal};
use crate::sync::lock;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// One request of the client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// When its connection was begun.
    pub start: Stamp,
    /// From then to the last byte of the answer, or to the failure.
    pub took: Duration,
    /// What came of it.
    pub outcome: Outcome,
    /// The application server that answered (`x-app`), if one did.
    pub server: Option<String>,
    /// The address the request reached it from (`x-via`): the load balancer in between.
    pub via: Option<String>,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Status 200 and the whole body.
    Ok,
    /// Nobody listens on the port.
    Refused,
    /// The connection was cut before the whole answer was there.
    Reset,
    /// No complete answer within the deadline.
    Timeout,
    /// No route, or the neighbour does not answer.
    Unreachable,
    /// An answer that is not 200.
    Status(u16),
}

impl Outcome {
    /// Whether the user got what they asked for.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Refused => f.write_str("refused"),
            Self::Reset => f.write_str("reset"),
            Self::Timeout => f.write_str("timeout"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Status(code) => write!(f, "status {code}"),
        }
    }
}

/// How a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeSettings {
    /// Where it connects.
    pub target: SocketAddr,
    /// What it asks for.
    pub path: String,
    /// Time from one request's start to the next one's.
    pub every: Duration,
    /// A request that is not answered within this has failed.
    pub deadline: Duration,
}

impl ProbeSettings {
    /// A request every 5 ms, each with a second to be answered.
    #[must_use]
    pub fn new(target: SocketAddr) -> Self {
        Self {
            target,
            path: "/swagger/index.html".to_owned(),
            every: Duration::from_millis(5),
            deadline: Duration::from_secs(1),
        }
    }
}

/// A client at work in a node. It ends with [`Probing::stop`] or with the lab.
#[derive(Debug)]
pub struct Probing {
    process: Process,
    file: PathBuf,
    deadline: Duration,
    read: Mutex<ReadSoFar>,
}

#[derive(Debug, Default)]
struct ReadSoFar {
    offset: u64,
    probes: Vec<Probe>,
}

/// What the probe process is told at its start.
#[derive(Serialize, Deserialize)]
struct Orders {
    settings: ProbeSettings,
    file: PathBuf,
}

impl Probing {
    /// Starts a client in `node`.
    pub fn start(node: &Node, settings: &ProbeSettings) -> Result<Self, Error> {
        let nanos = Stamp::now().since(Stamp::from_nanos(0)).as_nanos();
        let file = node.dir().join(format!("{}-{nanos}.probes", node.name()));
        File::create(&file).map_err(Error::file(&file))?;
        let orders = Orders { settings: settings.clone(), file: file.clone() };
        let orders = serde_json::to_string(&orders).map_err(io::Error::from)?;
        let process = node.spawn(&[SELF, ROLE, "probe", &orders], &[])?;
        Ok(Self { process, file, deadline: settings.deadline, read: Mutex::default() })
    }

    /// All requests finished so far, in the order of their starts. Newer ones may be missing for a tenth of a second.
    pub fn probes(&self) -> Result<Vec<Probe>, Error> {
        let mut read = lock(&self.read);
        self.catch_up(&mut read)?;
        Ok(read.probes.clone())
    }

    /// Finished requests that started at `from` or later, in the order of their starts.
    pub fn since(&self, from: Stamp) -> Result<Vec<Probe>, Error> {
        let mut read = lock(&self.read);
        self.catch_up(&mut read)?;
        let first = read.probes.partition_point(|probe| probe.start < from);
        Ok(read.probes[first..].to_vec())
    }

    /// How long after a moment every request started before it has certainly been written down.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.deadline + Duration::from_millis(200)
    }

    /// Starts no more requests, waits for the ones under way, and returns all.
    pub fn stop(self) -> Result<Vec<Probe>, Error> {
        self.process.signal(Signal::Term)?;
        self.process.wait(self.lag() + Duration::from_secs(2))?;
        self.probes()
    }

    fn catch_up(&self, read: &mut ReadSoFar) -> Result<(), Error> {
        let fail = || Error::file(&self.file);
        let mut file = File::open(&self.file).map_err(fail())?;
        file.seek(SeekFrom::Start(read.offset)).map_err(fail())?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(fail())?;
        // The last line may be half written.
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..complete].lines() {
            read.probes.push(serde_json::from_str(line).map_err(|error| fail()(error.into()))?);
        }
        read.offset += complete as u64;
        // Written in the order of their ends; nearly sorted, which is what this sort is fast at.
        read.probes.sort_by_key(|probe| probe.start);
        Ok(())
    }
}

/// The probe process.
pub(crate) fn run(orders: &str) -> ExitCode {
    let Ok(orders) = serde_json::from_str::<Orders>(orders) else { return ExitCode::from(2) };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    match runtime.block_on(probe_until_told(orders)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn probe_until_told(orders: Orders) -> io::Result<()> {
    let mut file = File::options().append(true).open(&orders.file)?;
    let (finished, mut results) = mpsc::unbounded_channel();
    let mut terminate = signal(SignalKind::terminate())?;
    let settings = std::sync::Arc::new(orders.settings);
    // A late tick is made up for at once: the client is an open loop.
    let mut tick = tokio::time::interval(settings.every);
    let mut write = tokio::time::interval(Duration::from_millis(50));
    let mut waiting = VecDeque::new();
    loop {
        tokio::select! {
            _ = tick.tick() => {
                let (settings, finished) = (std::sync::Arc::clone(&settings), finished.clone());
                tokio::spawn(async move {
                    // The receiver lives as long as this runtime.
                    let _ = finished.send(probe(&settings).await);
                });
            }
            Some(result) = results.recv() => waiting.push_back(result),
            _ = write.tick() => append(&mut file, &mut waiting)?,
            _ = terminate.recv() => break,
        }
    }
    drop(finished);
    while let Some(result) = results.recv().await {
        waiting.push_back(result);
    }
    append(&mut file, &mut waiting)
}

fn append(file: &mut File, waiting: &mut VecDeque<Probe>) -> io::Result<()> {
    let mut bytes = Vec::new();
    for probe in waiting.drain(..) {
        serde_json::to_writer(&mut bytes, &probe)?;
        bytes.push(b'\n');
    }
    file.write_all(&bytes)
}

async fn probe(settings: &ProbeSettings) -> Probe {
    let start = Stamp::now();
    let answer = tokio::time::timeout(settings.deadline, exchange(settings)).await;
    let took = Stamp::now().since(start);
    let (outcome, head) = match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => (failure(&error), String::new()),
        Err(_) => (Outcome::Timeout, String::new()),
    };
    Probe { start, took, outcome, server: header(&head, "x-app"), via: header(&head, "x-via") }
}

async fn exchange(settings: &ProbeSettings) -> io::Result<(Outcome, String)> {
    let mut connection = TcpStream::connect(settings.target).await?;
    connection.set_nodelay(true)?;
    let request = format!(
        "GET {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        settings.path,
        settings.target.ip()
    );
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        let ended = connection.read_buf(&mut answer).await? == 0;
        if let Some(done) = judge(&answer, ended) {
            return Ok(done);
        }
    }
}

/// What the bytes so far mean: `None` while the answer is incomplete.
fn judge(bytes: &[u8], ended: bool) -> Option<(Outcome, String)> {
    let cut = || ended.then(|| (Outcome::Reset, String::new()));
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return cut() };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let Some(status) = head.split(' ').nth(1).and_then(|word| word.parse::<u16>().ok()) else { return cut() };
    let body = bytes.len() - end - 4;
    match header(&head, "content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) if body < length => return cut(),
        None if !ended => return None,
        Some(_) | None => {}
    }
    Some((if status == 200 { Outcome::Ok } else { Outcome::Status(status) }, head))
}

fn header(head: &str, name: &str) -> Option<String> {
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
}

fn failure(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Outcome::Refused,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => Outcome::Unreachable,
        io::ErrorKind::TimedOut => Outcome::Timeout,
        _ => Outcome::Reset,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_judged_when_it_is_complete_or_cut() {
        let table: [(&str, bool, Option<Outcome>); 8] = [
            ("", false, None),
            ("", true, Some(Outcome::Reset)),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no", false, None),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no", true, Some(Outcome::Reset)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, Some(Outcome::Ok)),
            ("HTTP/1.1 200 OK\r\n\r\nok", false, None),
            ("HTTP/1.1 200 OK\r\n\r\nok", true, Some(Outcome::Ok)),
            (
                "HTTP/1.0 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
                false,
                Some(Outcome::Status(503)),
            ),
        ];
        for (bytes, ended, expected) in table {
            assert_eq!(
                judge(bytes.as_bytes(), ended).map(|(outcome, _)| outcome),
                expected,
                "{bytes:?} {ended}"
            );
        }
    }

    #[test]
    fn headers_are_found_whatever_their_case() {
        let head = "HTTP/1.1 200 OK\r\nX-App: app1\r\nx-via:192.168.87.6";
        assert_eq!(header(head, "x-app").as_deref(), Some("app1"));
        assert_eq!(header(head, "x-via").as_deref(), Some("192.168.87.6"));
        assert_eq!(header(head, "x-none"), None);
    }
}
