//! Where and how things are logged.

use std::net::SocketAddr;
use std::path::PathBuf;

/// One `log` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTarget {
    /// Where to.
    pub to: LogDestination,
    /// `format`.
    pub format: SyslogFormat,
    /// Facility name, such as `local0`.
    pub facility: Facility,
    /// Lines less important than this are not sent.
    pub max_level: Level,
    /// Lines more important than this are sent at this level.
    pub min_level: Level,
    /// `len`; default 1024 bytes.
    pub max_len: usize,
}

/// Where a `log` line sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDestination {
    /// Syslog over UDP; the default port is 514.
    Udp(SocketAddr),
    /// A datagram socket such as `/dev/log`.
    Unix(PathBuf),
    /// `stdout`.
    Stdout,
    /// `stderr`.
    Stderr,
}

/// `log … format F`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyslogFormat {
    /// `rfc3164`, the default of sockets.
    Rfc3164,
    /// `rfc5424`.
    Rfc5424,
    /// `short`: `<level>message`.
    Short,
    /// `raw`: the message alone; the default of stdout and stderr here.
    Raw,
    /// `timed`: raw behind a time stamp.
    Timed,
    /// `iso`: raw behind an ISO time stamp.
    Iso,
}

/// Syslog facility, 0 to 23.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facility(pub u8);

/// Syslog severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `emerg`, 0.
    Emerg,
    /// `alert`, 1.
    Alert,
    /// `crit`, 2.
    Crit,
    /// `err`, 3.
    Err,
    /// `warning`, 4.
    Warning,
    /// `notice`, 5.
    Notice,
    /// `info`, 6.
    Info,
    /// `debug`, 7.
    Debug,
}

/// What an access-log line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// No option: HAProxy's minimal connect line.
    Basic,
    /// `option httplog`.
    Http,
    /// `option tcplog`.
    Tcp,
}
