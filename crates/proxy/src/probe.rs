//! One health check: a fresh connection, a request where there is one, a verdict.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::haproxy::{Check, Expect, HttpCheck, Proxy};
use healthcheck::CheckStatus;
use healthcheck::http::{ExpectStatus, Judgement, build_request, judge};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::net::within;
use crate::objects::{Address, Server};

/// Most bytes read of an answer (one buffer, as HAProxy).
const MOST: usize = 16 * 1024;

/// What a check found.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) status: CheckStatus,
    pub(crate) code: Option<u16>,
    pub(crate) info: String,
    pub(crate) duration: Duration,
}

/// How one server is checked.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    address: Address,
    connect_limit: Duration,
    read_limit: Duration,
    http: Option<Arc<Http>>,
}

#[derive(Debug)]
struct Http {
    request: Vec<u8>,
    expect: ExpectStatus,
    disable_on_404: bool,
}

impl Probe {
    /// Timeouts as HAProxy: with `timeout check`, connecting may take the lesser of `timeout connect` and `inter`, and
    /// reading `timeout check`; without it each may take `inter`.
    pub(crate) fn new(server: &Server, check: &Check, plan: &Proxy) -> Self {
        let connect_limit = match plan.timeouts.check {
            Some(_) => plan.timeouts.connect.unwrap_or(check.inter).min(check.inter),
            None => check.inter,
        };
        Self {
            address: checked_address(&server.address, check),
            connect_limit,
            read_limit: plan.timeouts.check.unwrap_or(check.inter),
            http: plan.http_check.as_ref().map(|http| Arc::new(Http::new(http))),
        }
    }

    /// Runs the check once.
    pub(crate) fn start(&self) -> Pin<Box<dyn Future<Output = Finding>>> {
        let probe = self.clone();
        Box::pin(async move {
            let started = Instant::now();
            let (status, code, info) = probe.verdict().await;
            Finding { status, code, info, duration: started.elapsed() }
        })
    }

    async fn verdict(&self) -> (CheckStatus, Option<u16>, String) {
        match &self.address {
            Address::Tcp(address) => {
                match within(Some(self.connect_limit), TcpStream::connect(address)).await {
                    Some(Ok(stream)) => self.converse(stream).await,
                    failed => not_connected(failed.map(|r| r.err())),
                }
            }
            Address::Unix(path) => match within(Some(self.connect_limit), UnixStream::connect(path)).await {
                Some(Ok(stream)) => self.converse(stream).await,
                failed => not_connected(failed.map(|r| r.err())),
            },
            Address::Unresolved(host) => {
                (CheckStatus::L4Connection, None, format!("the name {host} has no address"))
            }
        }
    }

    async fn converse(
        &self,
        mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
    ) -> (CheckStatus, Option<u16>, String) {
        let Some(http) = &self.http else { return (CheckStatus::L4Ok, None, String::new()) };
        let mut received = Vec::new();
        let exchange = async {
            if let Err(error) = stream.write_all(&http.request).await {
                return (CheckStatus::L7Response, None, plain(&error));
            }
            loop {
                let read = stream.read_buf(&mut received).await;
                let closed = !matches!(read, Ok(n) if n > 0) || received.len() >= MOST;
                match judge(&received, closed, &http.expect, http.disable_on_404) {
                    Judgement::Verdict(verdict) => return (verdict.status, verdict.code, verdict.info),
                    Judgement::NeedMore => {}
                }
            }
        };
        let verdict = within(Some(self.read_limit), exchange).await;
        verdict.unwrap_or((CheckStatus::L7Timeout, None, String::new()))
    }
}

impl Http {
    fn new(check: &HttpCheck) -> Self {
        let body = check.body.as_deref().unwrap_or_default().as_bytes();
        let expect = match &check.expect {
            Expect::Success => ExpectStatus::Success,
            Expect::Status { ranges, negate } => ExpectStatus::Ranges {
                ranges: ranges.iter().map(|(from, to)| *from..=*to).collect(),
                negate: *negate,
            },
        };
        Self {
            request: build_request(&check.method, &check.uri, &check.version, &check.headers, body),
            expect,
            disable_on_404: check.disable_on_404,
        }
    }
}

fn checked_address(address: &Address, check: &Check) -> Address {
    match address {
        Address::Tcp(server) => {
            let ip = check.addr.unwrap_or(server.ip());
            Address::Tcp(SocketAddr::new(ip, check.port.unwrap_or(server.port())))
        }
        Address::Unix(_) | Address::Unresolved(_) => address.clone(),
    }
}

fn not_connected(failure: Option<Option<io::Error>>) -> (CheckStatus, Option<u16>, String) {
    match failure.flatten() {
        None => (CheckStatus::L4Timeout, None, String::new()),
        Some(error) if error.kind() == io::ErrorKind::TimedOut => {
            (CheckStatus::L4Timeout, None, String::new())
        }
        Some(error) => (CheckStatus::L4Connection, None, plain(&error)),
    }
}

/// The system's words without Rust's "(os error N)", as HAProxy logs them.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
