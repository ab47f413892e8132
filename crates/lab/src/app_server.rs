//! The application server of a lab: a small HTTP/1.1 server that can be told to feel sick.
//!
//! `GET /api/v1/health` is 200, or 503 while the file named at start exists; `/requests` counts; every other path is
//! answered with the server's name. Every response carries `x-app` (the server's name) and `x-via` (the address the request
//! came from, which tells which load balancer sent it).

use serde::Serialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The longest request head that is read.
const LONGEST_HEAD: usize = 16 * 1024;

/// Serves until it is killed.
pub(crate) fn run(name: &str, listen: &str, sick: PathBuf) -> ExitCode {
    let Ok(listen) = listen.parse::<SocketAddr>() else { return ExitCode::from(2) };
    let app =
        Arc::new(App { name: name.to_owned(), sick, requests: AtomicU64::new(0), checks: AtomicU64::new(0) });
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    match runtime.block_on(serve(app, listen)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

struct App {
    name: String,
    sick: PathBuf,
    requests: AtomicU64,
    checks: AtomicU64,
}

#[derive(Serialize)]
struct Counts {
    requests: u64,
    checks: u64,
}

async fn serve(app: Arc<App>, listen: SocketAddr) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    loop {
        // Out of descriptors, or the client left the queue: the next one may do better.
        let Ok((connection, from)) = listener.accept().await else { continue };
        let app = Arc::clone(&app);
        tokio::spawn(async move {
            let _ = converse(&app, connection, from).await;
        });
    }
}

async fn converse(app: &App, mut connection: TcpStream, from: SocketAddr) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut received = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = head_end(&received) {
                break end;
            }
            if received.len() > LONGEST_HEAD || connection.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&received[..end]).into_owned();
        received.drain(..end);
        let request = Request::parse(&head);
        let response = app.respond(&request, from);
        connection.write_all(response.as_bytes()).await?;
        if request.last {
            return connection.shutdown().await;
        }
    }
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

struct Request<'a> {
    method: &'a str,
    path: &'a str,
    /// No request follows on this connection: the client says so, or a body follows, which this server does not read.
    last: bool,
}

impl<'a> Request<'a> {
    fn parse(head: &'a str) -> Self {
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let old = words.next() != Some("HTTP/1.1");
        let says = lines.filter_map(|line| line.split_once(':')).any(|(name, value)| {
            let value = value.trim();
            (name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close"))
                || (name.eq_ignore_ascii_case("content-length") && value != "0")
                || name.eq_ignore_ascii_case("transfer-encoding")
        });
        Self { method, path: target.split('?').next().unwrap_or_default(), last: old || says }
    }
}

impl App {
    fn respond(&self, request: &Request<'_>, from: SocketAddr) -> String {
        let (status, kind, body) = match request.path {
            "/api/v1/health" => {
                self.checks.fetch_add(1, Ordering::Relaxed);
                health(&self.sick)
            }
            "/requests" => {
                let counts = Counts {
                    requests: self.requests.load(Ordering::Relaxed),
                    checks: self.checks.load(Ordering::Relaxed),
                };
                ("200 OK", "application/json", serde_json::to_string(&counts).unwrap_or_default())
            }
            "/swagger/index.html" => {
                self.requests.fetch_add(1, Ordering::Relaxed);
                (
                    "200 OK",
                    "text/html",
                    format!("<!doctype html><title>API</title><h1>API of {}</h1>\n", self.name),
                )
            }
            _ => {
                self.requests.fetch_add(1, Ordering::Relaxed);
                ("200 OK", "text/plain", format!("{}\n", self.name))
            }
        };
        let close = if request.last { "connection: close\r\n" } else { "" };
        let length = body.len();
        let sent = if request.method == "HEAD" { "" } else { body.as_str() };
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nx-app: {}\r\nx-via: {}\r\n{close}\r\n{sent}",
            self.name,
            from.ip(),
        )
    }
}

fn health(sick: &Path) -> (&'static str, &'static str, String) {
    if sick.exists() {
        ("503 Service Unavailable", "application/json", "{\"status\":\"sick\"}\n".to_owned())
    } else {
        ("200 OK", "application/json", "{\"status\":\"ok\"}\n".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_kept_unless_something_ends_it() {
        let table = [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", true),
            ("OPTIONS /api/v1/health\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n", true),
            ("POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n", true),
            ("POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", false),
        ];
        for (head, last) in table {
            assert_eq!(Request::parse(head).last, last, "{head:?}");
        }
    }

    #[test]
    fn the_query_is_not_part_of_the_path() {
        assert_eq!(Request::parse("GET /requests?now HTTP/1.1\r\n\r\n").path, "/requests");
    }

    #[test]
    fn a_head_is_complete_at_its_empty_line() {
        assert_eq!(head_end(b"GET / HTTP/1.1\r\n"), None);
        assert_eq!(head_end(b"GET / HTTP/1.1\r\n\r\nrest"), Some(18));
    }
}
