//! `timeout …`.

use crate::haproxy::directive::Directive;
use crate::haproxy::draft::Draft;
use crate::haproxy::keywords::{Action, DFL, DFLB, DLB, Keyword, keyword};
use crate::haproxy::units::TimeUnit;

pub(super) static TABLE: &[Keyword] = &[
    keyword("timeout check", DLB, Action::Proxy(timeout)),
    keyword("timeout client", DFL, Action::Proxy(timeout)),
    keyword("timeout client-fin", DFL, Action::Proxy(timeout)),
    keyword("timeout client-hs", DFL, Action::NoEffect("there are no TLS handshakes yet")),
    keyword("timeout connect", DLB, Action::Proxy(timeout)),
    keyword("timeout http-keep-alive", DFLB, Action::Proxy(timeout)),
    keyword("timeout http-request", DFLB, Action::Proxy(timeout)),
    keyword("timeout queue", DLB, Action::Proxy(timeout)),
    keyword("timeout server", DLB, Action::Proxy(timeout)),
    keyword("timeout server-fin", DLB, Action::Proxy(timeout)),
    keyword("timeout tarpit", DFLB, Action::NoEffect("there are no tarpit rules yet")),
    keyword("timeout tunnel", DLB, Action::Proxy(timeout)),
    keyword("clitimeout", DFL, Action::Removed("use 'timeout client'")),
    keyword("contimeout", DLB, Action::Removed("use 'timeout connect'")),
    keyword("srvtimeout", DLB, Action::Removed("use 'timeout server'")),
];

/// All of them take one time; 0 is never.
fn timeout(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let time = line.time("a time", TimeUnit::Milliseconds)?;
    line.finish()?;
    let timeouts = &mut draft.proxy.timeouts;
    let field = match line.name {
        "timeout check" => &mut timeouts.check,
        "timeout client" => &mut timeouts.client,
        "timeout client-fin" => &mut timeouts.client_fin,
        "timeout connect" => &mut timeouts.connect,
        "timeout http-keep-alive" => &mut timeouts.http_keep_alive,
        "timeout http-request" => &mut timeouts.http_request,
        "timeout queue" => &mut timeouts.queue,
        "timeout server" => &mut timeouts.server,
        "timeout server-fin" => &mut timeouts.server_fin,
        _ => &mut timeouts.tunnel,
    };
    *field = Some(time).filter(|time| !time.is_zero());
    Some(())
}
