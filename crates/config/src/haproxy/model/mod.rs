//! What a checked HAProxy configuration says, in types.
//!
//! Defaults and `defaults` sections are already applied: a consumer reads values, it resolves nothing.

mod bind;
mod log;
mod server;

use std::path::PathBuf;
use std::time::Duration;

use crate::source::Span;

pub use bind::{Bind, BindAddress};
pub use log::{Facility, Level, LogDestination, LogFormat, LogTarget, SyslogFormat};
pub use server::{Check, Expect, HttpCheck, Server, ServerAddress};

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The `global` sections, merged.
    pub global: Global,
    /// `frontend`, `backend` and `listen` sections in file order.
    pub proxies: Vec<Proxy>,
}

impl Config {
    /// The proxy that `default_backend name` means: a `backend` or `listen` of that name.
    pub fn backend(&self, name: &str) -> Option<&Proxy> {
        self.proxies.iter().find(|p| p.name == name && p.kind.has_backend())
    }

    /// Whether there is anything to accept connections on: a `bind` of an enabled proxy, or a `stats socket`.
    ///
    /// A configuration without is valid, but nothing can be started with it.
    pub fn has_listener(&self) -> bool {
        !self.global.stats_sockets.is_empty()
            || self.proxies.iter().any(|p| !p.disabled && !p.binds.is_empty())
    }
}

/// The `global` section (management chapter 3).
#[derive(Debug, Clone, PartialEq)]
pub struct Global {
    /// `nbthread`: worker threads. `None`: one per available core.
    pub nbthread: Option<usize>,
    /// `maxconn`: client connections of the whole process. `None`: derived from the file-descriptor limit.
    pub maxconn: Option<u32>,
    /// `hard-stop-after`: how long a graceful stop may take. `None`: for ever.
    pub hard_stop_after: Option<Duration>,
    /// `log` lines.
    pub log: Vec<LogTarget>,
    /// `log-tag`; default `haproxy` as HAProxy's own, because syslog filters match it.
    pub log_tag: String,
    /// `log-send-hostname`: host name to put in syslog headers; empty is the host's own.
    pub log_send_hostname: Option<String>,
    /// `pidfile`.
    pub pidfile: Option<PathBuf>,
    /// `heartbeat PATH` (ours): the liveness socket that `vrrpd` watches.
    pub heartbeat: Heartbeat,
    /// `node`: the name shown on the statistics page.
    pub node: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `user`: who to become once sockets are bound.
    pub user: Option<String>,
    /// `group`.
    pub group: Option<String>,
    /// `spread-checks`, percent 0 to 50.
    pub spread_checks: u8,
    /// `stats socket`: addresses of the runtime socket.
    pub stats_sockets: Vec<BindAddress>,
}

impl Default for Global {
    /// What holds when there is no `global` section.
    fn default() -> Self {
        Self {
            nbthread: None,
            maxconn: None,
            hard_stop_after: None,
            log: Vec::new(),
            log_tag: "haproxy".to_owned(),
            log_send_hostname: None,
            pidfile: None,
            heartbeat: Heartbeat::Default,
            node: None,
            description: None,
            user: None,
            group: None,
            spread_checks: 0,
            stats_sockets: Vec::new(),
        }
    }
}

/// Where the liveness socket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heartbeat {
    /// The default path; when it cannot be made, that is a warning.
    Default,
    /// `heartbeat PATH`; when it cannot be made, that is fatal.
    Path(PathBuf),
    /// `no heartbeat`.
    Off,
}

/// Which halves a proxy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyKind {
    /// `frontend`: clients only.
    Frontend,
    /// `backend`: servers only.
    Backend,
    /// `listen`: both.
    Listen,
}

impl ProxyKind {
    /// Whether it accepts clients.
    pub fn has_frontend(self) -> bool {
        matches!(self, Self::Frontend | Self::Listen)
    }

    /// Whether it has servers.
    pub fn has_backend(self) -> bool {
        matches!(self, Self::Backend | Self::Listen)
    }
}

/// `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Bytes are copied.
    Tcp,
    /// Requests are parsed.
    Http,
}

/// One `frontend`, `backend` or `listen` section.
#[derive(Debug, Clone, PartialEq)]
pub struct Proxy {
    /// Its name.
    pub name: String,
    /// Which halves it has.
    pub kind: ProxyKind,
    /// Where the section header stands.
    pub span: Span,
    /// `id`, or HAProxy's automatic numbering: from 2 in file order.
    pub id: u32,
    /// `mode`.
    pub mode: Mode,
    /// `disabled`.
    pub disabled: bool,
    /// `description`.
    pub description: Option<String>,
    /// `bind` lines, one entry an address and port.
    pub binds: Vec<Bind>,
    /// Frontend `maxconn`; `None`: the process limit.
    pub maxconn: Option<u32>,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `default_backend`.
    pub default_backend: Option<String>,
    /// The `timeout` lines.
    pub timeouts: Timeouts,
    /// `balance`.
    pub balance: Balance,
    /// `server` lines, with `default-server` applied.
    pub servers: Vec<Server>,
    /// `option httpchk` and `http-check`; `None`: checks are TCP connects.
    pub http_check: Option<HttpCheck>,
    /// `retries`: attempts after the first; default 3.
    pub retries: u32,
    /// `option redispatch`.
    pub redispatch: Redispatch,
    /// `option forwardfor`.
    pub forwardfor: Option<ForwardFor>,
    /// Effective `log` targets (`log global` resolved).
    pub log: Vec<LogTarget>,
    /// What an access-log line looks like.
    pub log_format: LogFormat,
    /// `option dontlognull`.
    pub dontlognull: bool,
    /// `option dontlog-normal`.
    pub dontlog_normal: bool,
    /// `option log-health-checks`.
    pub log_health_checks: bool,
    /// `http-reuse`.
    pub http_reuse: HttpReuse,
    /// `option http-keep-alive | http-server-close | httpclose`.
    pub connection: ConnectionMode,
    /// `option keep-header-case` (ours): header names pass as received.
    pub keep_header_case: bool,
    /// `option http-ignore-probes`.
    pub http_ignore_probes: bool,
    /// `option abortonclose`.
    pub abortonclose: bool,
    /// `option allbackups`.
    pub allbackups: bool,
    /// `fullconn`.
    pub fullconn: Option<u32>,
    /// `http-request` rules in order.
    pub request_rules: Vec<HeaderRule>,
    /// `http-response` rules in order.
    pub response_rules: Vec<HeaderRule>,
    /// `stats` lines; `None`: no statistics page here.
    pub stats: Option<StatsPage>,
    /// `errorfile` lines: status and the raw response read from the file.
    pub error_files: Vec<ErrorFile>,
    /// `monitor-uri`: answered with 200 before any rule.
    pub monitor_uri: Option<String>,
}

/// `timeout` lines. `None` is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// `timeout connect`.
    pub connect: Option<Duration>,
    /// `timeout client`.
    pub client: Option<Duration>,
    /// `timeout server`.
    pub server: Option<Duration>,
    /// `timeout http-request`; falls back to `client`.
    pub http_request: Option<Duration>,
    /// `timeout http-keep-alive`; falls back to `http_request`, then `client`.
    pub http_keep_alive: Option<Duration>,
    /// `timeout queue`; falls back to `connect`.
    pub queue: Option<Duration>,
    /// `timeout tunnel`; falls back to `client` and `server`.
    pub tunnel: Option<Duration>,
    /// `timeout client-fin`.
    pub client_fin: Option<Duration>,
    /// `timeout server-fin`.
    pub server_fin: Option<Duration>,
    /// `timeout check`.
    pub check: Option<Duration>,
}

/// `balance`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// `roundrobin`.
    RoundRobin,
    /// `static-rr`.
    StaticRr,
    /// `leastconn`.
    LeastConn,
    /// `random(draws)`.
    Random {
        /// Servers drawn; the least loaded of them is taken.
        draws: u32,
    },
    /// `first`.
    First,
    /// `source`.
    Source,
}

/// `option redispatch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redispatch {
    /// Not written: on where balancing is not sticky (ours; HAProxy's default is off).
    Default,
    /// `no option redispatch`.
    Off,
    /// `option redispatch [n]`; HAProxy's default interval is -1 (the last retry).
    On(i32),
}

/// `option forwardfor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardFor {
    /// Header; default `x-forwarded-for`.
    pub header: String,
    /// `except NET`: address and prefix length.
    pub except: Option<(std::net::IpAddr, u8)>,
    /// `if-none`.
    pub if_none: bool,
}

/// `http-reuse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpReuse {
    /// `never`.
    Never,
    /// `safe`, the default.
    Safe,
    /// `aggressive`.
    Aggressive,
    /// `always`.
    Always,
}

/// How connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionMode {
    /// `option http-keep-alive`, the default.
    KeepAlive,
    /// `option http-server-close`.
    ServerClose,
    /// `option httpclose`.
    Close,
}

/// `http-request|http-response set-header|add-header|del-header` with a literal value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderRule {
    /// Replaces every header of this name by one.
    Set {
        /// Lower-case name.
        name: String,
        /// Literal value.
        value: String,
    },
    /// Appends a header.
    Add {
        /// Lower-case name.
        name: String,
        /// Literal value.
        value: String,
    },
    /// Removes every header of this name.
    Del {
        /// Lower-case name.
        name: String,
    },
}

/// The `stats` lines of a proxy (configuration manual, `stats enable` and following).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsPage {
    /// `stats uri`, a prefix; default `/haproxy?stats`.
    pub uri: String,
    /// `stats refresh`.
    pub refresh: Option<Duration>,
    /// `stats hide-version`.
    pub hide_version: bool,
    /// `stats show-legends`.
    pub show_legends: bool,
    /// `stats show-node [name]`: the name to show; empty is the host's own.
    pub show_node: Option<String>,
    /// `stats show-desc [text]`.
    pub show_desc: Option<String>,
    /// `stats show-modules`.
    pub show_modules: bool,
    /// `stats auth USER:PASSWORD`, repeatable.
    pub auth: Vec<(String, String)>,
    /// `stats realm`.
    pub realm: String,
    /// `stats admin if TRUE`: forms may change server states.
    pub admin: bool,
    /// `stats scope`: proxies shown; empty is all. `.` is the proxy itself.
    pub scope: Vec<String>,
}

/// One `errorfile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorFile {
    /// Status it is for.
    pub status: u16,
    /// Where it was read from.
    pub path: PathBuf,
    /// Status, headers and body, as the file holds them.
    pub response: Vec<u8>,
}
