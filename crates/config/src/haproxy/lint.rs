//! Notices: things that work, and that an operator may want to know.

use std::collections::BTreeSet;
use std::time::Duration;

use super::draft::Draft;
use super::model::{Bind, BindAddress, Config, Mode, Proxy};
use super::sections::Document;
use crate::diagnostic::{Diagnostic, Diagnostics};

/// Detection slower than this is worth a word.
const SLOW_DETECTION: Duration = Duration::from_secs(10);

/// Adds the notices. `config` is what became of `document`.
pub(crate) fn check(document: &Document, config: &Config, diagnostics: &mut Diagnostics) {
    slow_headers(config, diagnostics);
    let mut reported = BTreeSet::new();
    for (draft, proxy) in document.proxies.iter().zip(&config.proxies) {
        if proxy.disabled {
            continue;
        }
        slow_detection(draft, proxy, diagnostics);
        open_stats(draft, proxy, diagnostics);
        // A line in `defaults` is reported once, not for each proxy that inherits it.
        if let Some(mark) = draft.marked("option httpchk")
            && proxy.http_check.is_some()
            && reported.insert(mark.span)
        {
            check_without_host(proxy, mark.span, diagnostics);
        }
        unchecked_servers(draft, proxy, diagnostics);
        nowhere_to_go(draft, proxy, diagnostics);
    }
}

/// The time until a server that went silent is down: the pause before the next check, and `fall` checks that
/// time out with the shorter pauses between them.
fn slow_detection(draft: &Draft, proxy: &Proxy, diagnostics: &mut Diagnostics) {
    if proxy.timeouts.check.is_some() || !proxy.kind.has_backend() {
        return;
    }
    let checked = proxy.servers.iter().filter_map(|server| Some((server, server.check.as_ref()?)));
    let slowest = checked
        .map(|(server, check)| {
            let timeouts = check.inter.saturating_mul(check.fall);
            let pauses = check.fastinter.saturating_mul(check.fall - 1);
            (check.inter + timeouts + pauses, server)
        })
        .min_by_key(|(time, _)| std::cmp::Reverse(*time));
    if let Some((time, server)) = slowest.filter(|(time, _)| *time > SLOW_DETECTION) {
        let message =
            format!("{} may need {} s to notice a server that went silent", draft.title(), time.as_secs());
        diagnostics.push(
            Diagnostic::notice(message, server.span)
                .label("a check without an answer lasts as long as 'inter'")
                .help("'timeout check 2s' and 'fastinter 1s' make it faster"),
        );
    }
}

fn slow_headers(config: &Config, diagnostics: &mut Diagnostics) {
    let open = |proxy: &&Proxy| {
        let listens = !proxy.disabled && !proxy.binds.is_empty();
        listens && proxy.mode == Mode::Http && proxy.timeouts.http_request.is_none()
    };
    let proxies: Vec<_> = config.proxies.iter().filter(open).collect();
    let Some(first) = proxies.first() else { return };
    let names: Vec<_> = proxies.iter().map(|proxy| format!("'{}'", proxy.name)).collect();
    diagnostics.push(
        Diagnostic::notice(format!("no 'timeout http-request' for {}", names.join(", ")), first.span)
            .label("clients that send their headers slowly hold connections")
            .help("write 'timeout http-request 10s' in 'defaults'"),
    );
}

fn open_stats(draft: &Draft, proxy: &Proxy, diagnostics: &mut Diagnostics) {
    let Some(stats) = proxy.stats.as_ref().filter(|stats| stats.auth.is_empty()) else { return };
    let anywhere =
        |bind: &&Bind| matches!(bind.address, BindAddress::Tcp(address) if address.ip().is_unspecified());
    if let Some(bind) = proxy.binds.iter().find(anywhere) {
        let what = if stats.admin { "may change servers" } else { "may see the statistics" };
        diagnostics.push(
            Diagnostic::notice(format!("everyone who reaches {} {what}", draft.title()), bind.span)
                .label("listens on all addresses")
                .help("add 'stats auth USER:PASSWORD', or bind to an address of your own network"),
        );
    }
}

fn check_without_host(proxy: &Proxy, span: crate::source::Span, diagnostics: &mut Diagnostics) {
    let Some(check) = &proxy.http_check else { return };
    if check.headers.iter().all(|(name, _)| name != "host") {
        diagnostics.push(
            Diagnostic::notice(format!("checks are sent as {} without a Host header", check.version), span)
                .label("a server with several sites may refuse them")
                .help("write 'http-check send ver HTTP/1.1 hdr Host NAME' if it does"),
        );
    }
}

fn unchecked_servers(draft: &Draft, proxy: &Proxy, diagnostics: &mut Diagnostics) {
    let own = draft.is_own("option httpchk") && proxy.http_check.is_some();
    if own && !proxy.servers.is_empty() && proxy.servers.iter().all(|server| server.check.is_none()) {
        diagnostics.push(
            Diagnostic::notice(format!("no server of {} has 'check'", draft.title()), proxy.span)
                .label("its servers always count as up")
                .help("add 'check' to the servers or to 'default-server'"),
        );
    }
}

fn nowhere_to_go(draft: &Draft, proxy: &Proxy, diagnostics: &mut Diagnostics) {
    let front = proxy.kind.has_frontend() && !proxy.kind.has_backend() && !proxy.binds.is_empty();
    let answers = proxy.default_backend.is_some() || proxy.stats.is_some() || proxy.monitor_uri.is_some();
    if front && !answers && !draft.has_failed("default_backend") && !draft.has_failed("use_backend") {
        let outcome = if proxy.mode == Mode::Http {
            "every request is answered 503"
        } else {
            "every connection is closed"
        };
        diagnostics.push(
            Diagnostic::notice(format!("{} has no 'default_backend'", draft.title()), proxy.span)
                .label(outcome),
        );
    }
}
