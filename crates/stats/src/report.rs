//! A snapshot of the whole process: what every rendering reads.

use std::time::Duration;

use crate::{History, Row};

/// The statistics of one process at one moment. Plain data: the proxy builds it, the renderings read it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The process.
    pub process: ProcessInfo,
    /// The proxies to show, in the order of the configuration.
    pub proxies: Vec<ProxyReport>,
}

/// What there is to say about the process as a whole.
#[derive(Clone, Debug, Default)]
pub struct ProcessInfo {
    /// The program's name.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// The node's name (`node` keyword, else the host name).
    pub node: Option<String>,
    /// The `description` of the `global` section.
    pub description: Option<String>,
    /// Time since the start.
    pub uptime: Duration,
    /// The start, in seconds since the Unix epoch.
    pub started_at_unix: u64,
    /// Number of workers.
    pub nbthread: u32,
    /// Limit of concurrent connections.
    pub maxconn: u64,
    /// Limit of sockets.
    pub maxsock: u64,
    /// Limit of file descriptors.
    pub ulimit_n: u64,
    /// Connections now.
    pub cur_conns: u64,
    /// Connections accepted since the start.
    pub cum_conns: u64,
    /// Requests received since the start.
    pub cum_req: u64,
    /// Connections accepted per second.
    pub conn_rate: u64,
    /// The highest `conn_rate` seen.
    pub conn_rate_max: u64,
    /// Sessions created per second.
    pub sess_rate: u64,
    /// The highest `sess_rate` seen.
    pub sess_rate_max: u64,
    /// Bytes sent since the start.
    pub bytes_out: u64,
    /// Share of the time the workers were idle, 0 to 100.
    pub idle_pct: u32,
    /// Whether a stop was requested.
    pub stopping: bool,
    /// Listeners, connections and services that keep the process alive.
    pub jobs: u64,
    /// Bound listeners.
    pub listeners: u64,
    /// Log lines given up because a target was too slow.
    pub dropped_logs: u64,
}

/// The rows of one proxy section.
#[derive(Clone, Debug, Default)]
pub struct ProxyReport {
    /// The section's name.
    pub name: String,
    /// The section's number, from 2.
    pub iid: u32,
    /// `http` or `tcp`.
    pub mode: String,
    /// The section's `description`.
    pub description: Option<String>,
    /// The row of the frontend side.
    pub frontend: Option<Row>,
    /// The rows of the listening sockets, with `option socket-stats`.
    pub listeners: Vec<Row>,
    /// The servers, in the order of the configuration.
    pub servers: Vec<ServerReport>,
    /// The row of the backend side.
    pub backend: Option<Row>,
    /// The last two minutes of the backend.
    pub history: Option<History>,
}

impl ProxyReport {
    /// Every row, in the order of the CSV: frontend, listeners, servers, backend.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.frontend
            .iter()
            .chain(&self.listeners)
            .chain(self.servers.iter().map(|server| &server.row))
            .chain(&self.backend)
    }
}

/// A server's row and what its health checks found.
#[derive(Clone, Debug)]
pub struct ServerReport {
    /// Its statistics.
    pub row: Row,
    /// The last checks, oldest first; the dashboard shows the last 20.
    pub checks: Vec<CheckRecord>,
}

/// The outcome of one health check.
#[derive(Clone, Debug, Default)]
pub struct CheckRecord {
    /// When it ended, in seconds since the Unix epoch.
    pub at_unix: u64,
    /// How long ago that was.
    pub age: Duration,
    /// HAProxy's check code, such as `L7OK` or `L4CON`.
    pub code: String,
    /// The HTTP status, when an HTTP answer was read.
    pub http_code: Option<u16>,
    /// How long the check took.
    pub duration: Duration,
    /// Whether it counts as a success.
    pub passed: bool,
    /// The description, such as `Layer7 wrong status`.
    pub text: String,
}
