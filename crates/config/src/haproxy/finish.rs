//! Sections to the typed configuration: inheritance is resolved, what a mode ignores is taken out.

use std::collections::BTreeSet;

use super::draft::{CheckDraft, Draft, LogEntry};
use super::model::{Config, Expect, Global, HttpCheck, LogFormat, LogTarget, Mode, Proxy};
use super::sections::Document;

/// HAProxy counts proxies from 2, since its own is number 1; checks and dashboards know the numbers.
const FIRST_PROXY_ID: u32 = 2;

/// The configuration that the sections make.
pub(crate) fn config(document: &Document) -> Config {
    let global = document.global.global.clone();
    let mut proxies: Vec<_> = document.proxies.iter().map(|draft| proxy(draft, &global)).collect();
    number(FIRST_PROXY_ID, proxies.iter_mut().map(|proxy| &mut proxy.id));
    for proxy in &mut proxies {
        number(1, proxy.servers.iter_mut().map(|server| &mut server.id));
    }
    Config { global, proxies }
}

/// Gives each id that is 0 the number of its place, or the next that is free.
fn number<'a>(first: u32, ids: impl Iterator<Item = &'a mut u32>) {
    let ids: Vec<_> = ids.collect();
    let taken: BTreeSet<u32> = ids.iter().map(|id| **id).filter(|id| *id != 0).collect();
    let mut next = first;
    for id in ids {
        if *id == 0 {
            while taken.contains(&next) {
                next += 1;
            }
            *id = next;
        }
        next += 1;
    }
}

fn proxy(draft: &Draft, global: &Global) -> Proxy {
    let mut proxy = draft.proxy.clone();
    proxy.log = log_targets(&draft.log, global);
    proxy.http_check = draft.check.enabled.then(|| http_check(&draft.check));
    if !proxy.kind.has_frontend() {
        proxy.default_backend = None;
        proxy.maxconn = None;
        proxy.backlog = None;
        proxy.monitor_uri = None;
        proxy.log_format = LogFormat::Basic;
    }
    if !proxy.kind.has_backend() {
        proxy.http_check = None;
    }
    if proxy.mode == Mode::Tcp {
        proxy.forwardfor = None;
        proxy.monitor_uri = None;
        proxy.stats = None;
        proxy.request_rules.clear();
        proxy.response_rules.clear();
        if proxy.log_format == LogFormat::Http {
            proxy.log_format = LogFormat::Tcp;
        }
    }
    if let Some(stats) = &mut proxy.stats {
        let named = |given: &mut Option<String>, default: &Option<String>| {
            if let (Some(text), Some(default)) = (given, default)
                && text.is_empty()
            {
                text.clone_from(default);
            }
        };
        named(&mut stats.show_node, &global.node);
        named(&mut stats.show_desc, &global.description);
    }
    proxy
}

/// `log global` may stand beside the same target; nobody wants its lines twice.
fn log_targets(entries: &[LogEntry], global: &Global) -> Vec<LogTarget> {
    let mut targets: Vec<LogTarget> = Vec::new();
    for entry in entries {
        let found = match entry {
            LogEntry::Global => global.log.as_slice(),
            LogEntry::To(target) => std::slice::from_ref(target),
        };
        for target in found {
            if !targets.contains(target) {
                targets.push(target.clone());
            }
        }
    }
    targets
}

fn http_check(draft: &CheckDraft) -> HttpCheck {
    let (send, option) = (&draft.send, &draft.option);
    let pick = |sent: &Option<String>, opted: &Option<String>, default: &str| {
        sent.as_ref().or(opted.as_ref()).map_or_else(|| default.to_owned(), String::clone)
    };
    HttpCheck {
        method: pick(&send.method, &option.method, "OPTIONS"),
        uri: pick(&send.uri, &option.uri, "/"),
        version: pick(&send.version, &option.version, "HTTP/1.0"),
        headers: if send.headers.is_empty() { option.headers.clone() } else { send.headers.clone() },
        body: send.body.clone().or_else(|| option.body.clone()),
        expect: draft.expect.clone().unwrap_or(Expect::Success),
        disable_on_404: draft.disable_on_404,
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn ids_count_places_and_skip_taken_ones() {
        for (given, expected) in [
            (vec![0, 0, 0], vec![2, 3, 4]),
            (vec![0, 9, 0], vec![2, 9, 4]),
            (vec![3, 0, 0], vec![3, 4, 5]),
            (vec![0, 0, 2], vec![3, 4, 2]),
        ] {
            let mut ids = given;
            number(2, ids.iter_mut());
            assert_eq!(ids, expected);
        }
    }
}
