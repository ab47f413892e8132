//! What is measured: one row of the report each.

use crate::payload::{Reply, Upload};

/// What a proxy does in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Http,
    Tcp,
}

/// What clients do in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    /// As many requests as the proxy takes, then at a fixed rate.
    Busy,
    /// One request each; then they stay connected and silent.
    Idle,
}

/// One row of the report.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) mode: Mode,
    pub(crate) clients: Clients,
    /// Client connections at a time.
    pub(crate) connections: usize,
    /// A new connection for each request.
    pub(crate) close: bool,
    pub(crate) reply: Reply,
    pub(crate) upload: Option<Upload>,
    /// Servers in the backend.
    pub(crate) servers: usize,
    pub(crate) access_log: bool,
}

const KEEP_ALIVE: Scenario = Scenario {
    name: "keepalive",
    title: "Keep-alive, 128-byte bodies, 64 connections",
    mode: Mode::Http,
    clients: Clients::Busy,
    connections: 64,
    close: false,
    reply: Reply::Length(128),
    upload: None,
    servers: 2,
    access_log: false,
};

/// All scenarios in the order of the report.
pub(crate) const ALL: [Scenario; 11] = [
    KEEP_ALIVE,
    Scenario {
        name: "close",
        title: "One connection a request, 128-byte bodies, 64 at a time",
        close: true,
        ..KEEP_ALIVE
    },
    Scenario {
        name: "64k",
        title: "Keep-alive, 64 kB bodies, 64 connections",
        reply: Reply::Length(64 << 10),
        ..KEEP_ALIVE
    },
    Scenario {
        name: "1m",
        title: "Keep-alive, 1 MB bodies, 16 connections",
        reply: Reply::Length(1 << 20),
        connections: 16,
        ..KEEP_ALIVE
    },
    Scenario {
        name: "chunked",
        title: "Keep-alive, chunked bodies of 8 times 1 kB, 64 connections",
        reply: Reply::Chunked { chunks: 8, size: 1024 },
        ..KEEP_ALIVE
    },
    Scenario {
        name: "post",
        title: "Keep-alive, POST of 8 kB, 64 connections",
        upload: Some(Upload(8 << 10)),
        ..KEEP_ALIVE
    },
    Scenario {
        name: "tcp-64k",
        title: "TCP mode, replies of 64 kB, 64 connections",
        mode: Mode::Tcp,
        reply: Reply::Length(64 << 10),
        ..KEEP_ALIVE
    },
    Scenario {
        name: "tcp-16m",
        title: "TCP mode, replies of 16 MB, 8 connections",
        mode: Mode::Tcp,
        reply: Reply::Length(16 << 20),
        connections: 8,
        ..KEEP_ALIVE
    },
    Scenario {
        name: "servers-500",
        title: "500 servers in the backend, otherwise as keepalive",
        servers: 500,
        ..KEEP_ALIVE
    },
    Scenario {
        name: "log",
        title: "Access log to syslog over UDP, otherwise as keepalive",
        access_log: true,
        ..KEEP_ALIVE
    },
    Scenario {
        name: "idle",
        title: "Idle keep-alive clients after one request each",
        clients: Clients::Idle,
        ..KEEP_ALIVE
    },
];

/// The most servers that a scenario has.
pub(crate) fn most_servers() -> usize {
    ALL.iter().map(|scenario| scenario.servers).max().unwrap_or(1)
}

impl Scenario {
    /// The bytes of a request.
    pub(crate) fn request(&self) -> Vec<u8> {
        let close = if self.close { "Connection: close\r\n" } else { "" };
        let path = self.reply.path();
        match self.upload {
            None => format!("GET {path} HTTP/1.1\r\nHost: bench.test\r\n{close}\r\n").into_bytes(),
            Some(upload) => {
                let length = upload.0;
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: bench.test\r\nContent-Length: {length}\r\n{close}\r\n"
                );
                [head.into_bytes(), upload.body()].concat()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = ALL.iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn a_request_asks_to_close_only_where_the_scenario_does() {
        for scenario in ALL {
            let request = String::from_utf8(scenario.request()).unwrap();
            assert_eq!(request.contains("Connection: close"), scenario.name == "close", "{}", scenario.name);
        }
    }
}
