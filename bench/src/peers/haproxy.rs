//! HAProxy as Debian packages it.

use std::fmt::Write;

use super::{Ports, Setup};
use crate::scenario::Mode;

pub(super) const PROGRAM: &str = "/usr/sbin/haproxy";

pub(super) fn config(setup: &Setup<'_>, ports: Ports) -> String {
    text(setup, ports, "")
}

/// The configuration in HAProxy's language, with lines of one's own in `global`.
pub(super) fn text(setup: &Setup<'_>, ports: Ports, global: &str) -> String {
    let mut text = format!("global\n    nbthread 1\n    maxconn {}\n{global}", setup.clients + 256);
    if let Some(syslog) = setup.syslog {
        add(&mut text, format_args!("    log {syslog} local0 info\n"));
    }
    let (mode, options) = match setup.scenario.mode {
        Mode::Tcp => ("tcp", ""),
        // nginx shares idle server connections among all clients; the others do so when told.
        Mode::Http => (
            "http",
            "    timeout http-request 10s\n    timeout http-keep-alive 5m\n    option forwardfor\n    http-reuse always\n",
        ),
    };
    add(
        &mut text,
        format_args!(
            "
defaults
    mode {mode}
    timeout connect 5s
    timeout client 5m
    timeout server 5m
{options}"
        ),
    );
    if setup.syslog.is_some() {
        text.push_str("    log global\n    option httplog\n");
    }
    add(
        &mut text,
        format_args!(
            "
frontend stats
    bind 127.0.0.1:{}
    mode http
    stats enable
    stats uri /stats

frontend traffic
    bind 127.0.0.1:{}
    default_backend origins

backend origins
    balance roundrobin
",
            ports.stats, ports.traffic
        ),
    );
    for (n, server) in setup.servers.iter().enumerate() {
        add(&mut text, format_args!("    server s{n} {server} check\n"));
    }
    text
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a String takes what is written to it");
}
