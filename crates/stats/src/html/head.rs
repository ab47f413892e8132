//! The top of the page: what this is, how it does, and the process in numbers.

use super::PageOptions;
use super::format::{Text, bytes, count, emit, seconds};
use super::state::Health;
use crate::{ProcessInfo, Report};

/// A dot in the colour of the state, for the browser tab.
pub(super) fn icon(out: &mut String, health: &Health) {
    let colour = match health.class() {
        "ok" => "2fa35a",
        "warn" => "e0a100",
        "bad" => "d0121b",
        _ => "8a94a3",
    };
    emit!(
        out,
        "<link rel=\"icon\" id=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' "
    );
    emit!(out, "viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%23{colour}'/%3E%3C/svg%3E\">\n");
}

pub(super) fn header(out: &mut String, report: &Report, options: &PageOptions, health: &Health) {
    let process = &report.process;
    emit!(out, "<header class=\"top\">\n<div>\n<h1>{}", Text(&process.name));
    if !options.hide_version {
        emit!(out, " <small>{}</small>", Text(&process.version));
    }
    emit!(out, "</h1>\n<p class=\"soft\">Statistics Report for pid {}", process.pid);
    if let Some(node) = &options.show_node {
        emit!(out, " on {}", Text(node));
    }
    if let Some(description) = &options.show_desc {
        emit!(out, ": {}", Text(description));
    }
    emit!(out, "</p>\n</div>\n");
    emit!(
        out,
        "<p id=\"health\" class=\"health {}\" role=\"status\">{}</p>\n",
        health.class(),
        Text(&health.summary())
    );
    tools(out, options);
    emit!(out, "</header>\n");
}

fn tools(out: &mut String, options: &PageOptions) {
    let up_only = options.filter.up_only;
    emit!(out, "<nav class=\"tools\" aria-label=\"Display\">\n");
    let unscoped = PageOptions { filter: Default::default(), ..options.clone() };
    emit!(
        out,
        "<form id=\"scope\" class=\"js\" action=\"{}\">",
        Text(&unscoped.link(up_only, options.norefresh))
    );
    let scope = options.filter.scope.as_deref().unwrap_or_default();
    emit!(out, "<label class=\"sr\" for=\"scope-text\">Only proxies whose name contains</label>");
    emit!(
        out,
        "<input id=\"scope-text\" type=\"search\" placeholder=\"Filter by name\" value=\"{}\"></form>\n",
        Text(scope)
    );

    let label = if up_only { "Show all servers" } else { "Hide DOWN" };
    link(out, &options.link(!up_only, options.norefresh), label);
    link(out, &format!("{};csv", options.link(up_only, false)), "CSV");
    link(out, &format!("{};json", options.link(up_only, false)), "JSON");
    if let Some(uri) = &options.metrics_uri {
        link(out, uri, "Metrics");
    }
    if options.refresh.is_some() {
        let label = if options.norefresh { "Enable refresh" } else { "Disable refresh" };
        link(out, &options.link(up_only, !options.norefresh), label);
    }
    if options.active_refresh().is_some() {
        emit!(out, "<button id=\"pause\" class=\"js\" type=\"button\">Pause</button>\n");
    } else {
        link(out, &options.link(up_only, options.norefresh), "Refresh now");
    }
    emit!(out, "<span id=\"live-state\" class=\"live soft js\"></span>\n</nav>\n");
}

fn link(out: &mut String, address: &str, label: &str) {
    emit!(out, "<a href=\"{}\">{label}</a>\n", Text(address));
}

/// HAProxy's *General process information*.
pub(super) fn facts(out: &mut String, process: &ProcessInfo) {
    emit!(out, "<h2 class=\"sr\">General process information</h2>\n<dl class=\"facts\">\n");
    let stopping = if process.stopping { "stopping" } else { "" };
    fact(out, "Uptime", &seconds(process.uptime.as_secs()), stopping);
    fact(out, "Connections", &count(process.cur_conns), &format!("of {}", count(process.maxconn)));
    fact(
        out,
        "Connection rate",
        &format!("{}/s", count(process.conn_rate)),
        &format!("max {}", count(process.conn_rate_max)),
    );
    fact(
        out,
        "Session rate",
        &format!("{}/s", count(process.sess_rate)),
        &format!("max {}", count(process.sess_rate_max)),
    );
    fact(out, "Requests", &count(process.cum_req), "");
    fact(out, "Bytes sent", &bytes(process.bytes_out), "");
    fact(out, "Idle", &format!("{} %", process.idle_pct), "");
    fact(out, "Threads", &process.nbthread.to_string(), "");
    fact(out, "File limit", &count(process.ulimit_n), "");
    emit!(out, "</dl>\n");
}

fn fact(out: &mut String, name: &str, value: &str, note: &str) {
    emit!(out, "<div><dt>{name}</dt><dd>{value} <small>{note}</small></dd></div>\n");
}
