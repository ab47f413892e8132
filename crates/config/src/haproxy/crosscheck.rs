//! What only shows once all sections are read: references, duplicates, and lines that do nothing in a mode.

use std::collections::BTreeMap;

use super::draft::{Draft, LogEntry};
use super::model::{BindAddress, LogFormat, Mode};
use super::sections::Document;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};

/// Reports everything that is wrong between sections.
pub(crate) fn check(document: &Document, diagnostics: &mut Diagnostics) {
    duplicate_proxies(document, diagnostics);
    duplicate_binds(document, diagnostics);
    for draft in &document.proxies {
        duplicate_servers(draft, diagnostics);
        default_backend(draft, document, diagnostics);
        missing_bind(draft, diagnostics);
        missing_timeouts(draft, diagnostics);
        wrong_mode(draft, diagnostics);
        unused_log_format(draft, document, diagnostics);
        unused_http_check(draft, diagnostics);
    }
}

fn duplicate_proxies(document: &Document, diagnostics: &mut Diagnostics) {
    let mut names: BTreeMap<&str, Vec<&Draft>> = BTreeMap::new();
    let mut ids: BTreeMap<u32, &Draft> = BTreeMap::new();
    for draft in &document.proxies {
        let proxy = &draft.proxy;
        if proxy.id != 0 {
            if let Some(earlier) = ids.get(&proxy.id) {
                let span = draft.marked("id").map_or(proxy.span, |mark| mark.span);
                let related = earlier.marked("id").map_or(earlier.proxy.span, |mark| mark.span);
                diagnostics.push(
                    Diagnostic::error(format!("the id {} is taken", proxy.id), span)
                        .label("used twice")
                        .related(related, format!("{} has it", earlier.title())),
                );
            }
            ids.entry(proxy.id).or_insert(draft);
        }
        if proxy.name.is_empty() {
            continue;
        }
        let earlier = names.entry(&proxy.name).or_default();
        let halves = |d: &Draft| (d.proxy.kind.has_frontend(), d.proxy.kind.has_backend());
        let (front, back) = halves(draft);
        let clash = earlier.iter().find(|d| (halves(d).0 && front) || (halves(d).1 && back));
        if let Some(first) = clash {
            diagnostics.push(
                Diagnostic::error(format!("the name '{}' is taken", proxy.name), proxy.span)
                    .label("used twice")
                    .related(first.proxy.span, format!("{} has it", first.title())),
            );
        } else if let Some(first) = earlier.first() {
            diagnostics.push(
                Diagnostic::warning(
                    format!("{} has the name of {}", draft.title(), first.title()),
                    proxy.span,
                )
                .label("hard to tell apart")
                .related(first.proxy.span, "the other one")
                .help("give each proxy a name of its own"),
            );
        }
        earlier.push(draft);
    }
}

/// The kernel spreads clients over two listeners of one address at random, which nobody means.
fn duplicate_binds(document: &Document, diagnostics: &mut Diagnostics) {
    let mut addresses = BTreeMap::new();
    for draft in document.proxies.iter().filter(|draft| !draft.proxy.disabled) {
        for bind in &draft.proxy.binds {
            let BindAddress::Tcp(address) = bind.address else { continue };
            let key = (address, bind.interface.as_deref());
            if let Some(first) = addresses.get(&key) {
                diagnostics.push(
                    Diagnostic::warning(format!("{address} is bound twice"), bind.span)
                        .label("clients reach one or the other by chance")
                        .related(*first, "bound here too"),
                );
            }
            addresses.entry(key).or_insert(bind.span);
        }
    }
}

fn duplicate_servers(draft: &Draft, diagnostics: &mut Diagnostics) {
    let mut names = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for server in &draft.proxy.servers {
        if let Some(first) = names.get(&server.name) {
            diagnostics.push(
                Diagnostic::error(
                    format!("{} has two servers '{}'", draft.title(), server.name),
                    server.span,
                )
                .label("used twice")
                .related(*first, "the first one"),
            );
        }
        names.entry(&server.name).or_insert(server.span);
        if server.id == 0 {
            continue;
        }
        if let Some(first) = ids.get(&server.id) {
            diagnostics.push(
                Diagnostic::error(format!("the server id {} is taken", server.id), server.span)
                    .label("used twice")
                    .related(*first, "the first one"),
            );
        }
        ids.entry(server.id).or_insert(server.span);
    }
}

fn default_backend(draft: &Draft, document: &Document, diagnostics: &mut Diagnostics) {
    let (Some(name), Some(at)) = (&draft.proxy.default_backend, draft.default_backend_at) else {
        return;
    };
    if !draft.proxy.kind.has_frontend() {
        return;
    }
    let found = document.proxies.iter().filter(|d| d.proxy.name == *name);
    let Some(target) = found.clone().find(|d| d.proxy.kind.has_backend()) else {
        let diagnostic = Diagnostic::error(format!("there is no backend '{name}'"), at);
        let backends = document.proxies.iter().filter(|d| d.proxy.kind.has_backend());
        let near = nearest(name, backends.map(|d| d.proxy.name.as_str()));
        diagnostics.push(match (found.clone().next(), near) {
            (Some(frontend), _) => diagnostic
                .label("this is a frontend")
                .related(frontend.proxy.span, "it has no servers")
                .help("name a 'backend' or 'listen' section"),
            (None, Some(near)) => diagnostic.label(format!("did you mean '{near}'?")),
            (None, None) => diagnostic.label("no 'backend' or 'listen' section has this name"),
        });
        return;
    };
    let (front, back) = (draft.proxy.mode, target.proxy.mode);
    if front == back || draft.has_failed("mode") || target.has_failed("mode") {
        return;
    }
    let place = target.marked("mode").map_or(target.proxy.span, |mark| mark.span);
    let diagnostic = match front {
        Mode::Http => {
            let message = format!("{} is in mode http, its backend '{name}' in mode tcp", draft.title());
            Diagnostic::error(message, at).label("cannot pass requests on as bytes")
        }
        Mode::Tcp => {
            let message = format!(
                "{} is in mode tcp, its backend '{name}' in mode http, which is not yet supported",
                draft.title()
            );
            Diagnostic::error(message, at).label("requests are not parsed on the way")
        }
    };
    let written =
        if target.marked("mode").is_some() { "the backend's mode" } else { "without 'mode' it is tcp" };
    diagnostics.push(diagnostic.related(place, written).help("give both the same 'mode'"));
}

fn missing_bind(draft: &Draft, diagnostics: &mut Diagnostics) {
    let proxy = &draft.proxy;
    let client_only = proxy.kind.has_frontend() && !proxy.kind.has_backend();
    if client_only && proxy.binds.is_empty() && !draft.has_failed("bind") {
        diagnostics.push(
            Diagnostic::warning(format!("{} has no 'bind' line", draft.title()), proxy.span)
                .label("nothing can reach it")
                .help("add one such as 'bind :80', or make it a backend"),
        );
    }
}

fn missing_timeouts(draft: &Draft, diagnostics: &mut Diagnostics) {
    let kind = draft.proxy.kind;
    // A timeout of 0 was asked for.
    let missing = |name: &str| draft.marked(name).is_none();
    let mut names = Vec::new();
    if kind.has_frontend() && missing("timeout client") {
        names.push("client");
    }
    if kind.has_backend() && !draft.proxy.servers.is_empty() {
        names.extend(["connect", "server"].into_iter().filter(|name| missing(&format!("timeout {name}"))));
    }
    if names.is_empty() || draft.has_failed("timeout") || draft.proxy.disabled {
        return;
    }
    let lines: Vec<_> = names
        .iter()
        .map(|name| format!("'timeout {name} {}'", if *name == "connect" { "5s" } else { "50s" }))
        .collect();
    let message = format!("{} has no timeout for: {}", draft.title(), names.join(", "));
    diagnostics.push(
        Diagnostic::warning(message, draft.proxy.span)
            .label("a silent peer holds its connection for ever")
            .help(format!("write {} here or in 'defaults'", lines.join(", "))),
    );
}

/// Lines that need mode http, in a proxy in mode tcp.
fn wrong_mode(draft: &Draft, diagnostics: &mut Diagnostics) {
    let proxy = &draft.proxy;
    if proxy.mode == Mode::Http || draft.has_failed("mode") {
        return;
    }
    let mut ignored = |name: &str, set: bool, instead: &str| {
        let Some(mark) = draft.marked(name).filter(|_| set) else { return };
        let message = format!("'{name}' needs mode http, {} is in mode tcp", draft.title());
        let mut diagnostic = Diagnostic::warning(message, mark.span).label(instead);
        if !mark.own {
            diagnostic = diagnostic.related(proxy.span, "inherited here");
        }
        diagnostics.push(diagnostic);
    };
    ignored("option forwardfor", proxy.forwardfor.is_some(), "ignored there");
    let logs = proxy.kind.has_frontend() && proxy.log_format == LogFormat::Http;
    ignored("option httplog", logs, "'option tcplog' is used there");
    ignored("monitor-uri", proxy.kind.has_frontend() && proxy.monitor_uri.is_some(), "ignored there");
    ignored("http-request", !proxy.request_rules.is_empty(), "ignored there");
    ignored("http-response", !proxy.response_rules.is_empty(), "ignored there");
    if proxy.stats.is_some()
        && let Some(mark) = draft.marked_with_prefix("stats ")
    {
        let message = format!("the statistics page needs mode http, {} is in mode tcp", draft.title());
        let mut diagnostic = Diagnostic::warning(message, mark.span).label("ignored there");
        if !mark.own {
            diagnostic = diagnostic.related(proxy.span, "inherited here");
        }
        diagnostics.push(diagnostic.help("add 'mode http'"));
    }
}

fn unused_log_format(draft: &Draft, document: &Document, diagnostics: &mut Diagnostics) {
    let name = match draft.proxy.log_format {
        LogFormat::Basic => return,
        LogFormat::Http => "option httplog",
        LogFormat::Tcp => "option tcplog",
    };
    let global = !document.global.global.log.is_empty();
    let logs = draft.log.iter().any(|entry| match entry {
        LogEntry::Global => global,
        LogEntry::To(_) => true,
    });
    if logs || !draft.proxy.kind.has_frontend() || draft.has_failed("log") || document.global.failed_log {
        return;
    }
    if let Some(mark) = draft.marked(name) {
        let message = format!("'{name}' has no effect, {} has no 'log' line", draft.title());
        let help = match draft.log.is_empty() {
            true => "add 'log global' here or in 'defaults', and a 'log' line in 'global'",
            false => "'log global' needs a 'log' line in 'global'",
        };
        diagnostics.push(Diagnostic::warning(message, mark.span).label("nothing is logged").help(help));
    }
}

fn unused_http_check(draft: &Draft, diagnostics: &mut Diagnostics) {
    let used = draft.check.enabled || draft.has_failed("option") || !draft.proxy.kind.has_backend();
    let mark = draft.marked_with_prefix("http-check ").filter(|mark| mark.own && !used);
    if let Some(mark) = mark {
        diagnostics.push(
            Diagnostic::warning("'http-check' has no effect without 'option httpchk'", mark.span)
                .label("checks are TCP connects")
                .help("add 'option httpchk'"),
        );
    }
}
