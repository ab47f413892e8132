//! `option …`.

use std::net::IpAddr;

use crate::diagnostic::Diagnostic;
use crate::haproxy::directive::{Directive, Prefix};
use crate::haproxy::draft::Draft;
use crate::haproxy::keywords::{Action, DFL, DFLB, DLB, Keyword, keyword};
use crate::haproxy::lexer::Word;
use crate::haproxy::model::{ConnectionMode, ForwardFor, LogFormat, Redispatch};

const CHECKS: &str = "checks are TCP connects, or HTTP requests with 'option httpchk'";
const SPLICE: &str = "TCP mode and long response bodies always splice";
const SMART: &str = "acknowledgements are left to the kernel";
const LOGS: &str = "log lines are those of 'option httplog' and 'option tcplog', written when a stream ends";
const ADDRESS: &str = "'option forwardfor' passes the client's address on";
const CASE: &str = "'option keep-header-case' passes all header names as they came";

pub(super) static TABLE: &[Keyword] = &[
    keyword("option abortonclose", DLB, Action::Flag(|d| &mut d.proxy.abortonclose)),
    keyword("option allbackups", DLB, Action::Flag(|d| &mut d.proxy.allbackups)),
    keyword("option dontlog-normal", DFL, Action::Flag(|d| &mut d.proxy.dontlog_normal)),
    keyword("option dontlognull", DFL, Action::Flag(|d| &mut d.proxy.dontlognull)),
    keyword("option forwardfor", DFLB, Action::Proxy(forwardfor)),
    keyword("option http-ignore-probes", DFL, Action::Flag(|d| &mut d.proxy.http_ignore_probes)),
    keyword("option http-keep-alive", DFLB, Action::Proxy(connection)),
    keyword("option http-server-close", DFLB, Action::Proxy(connection)),
    keyword("option httpclose", DFLB, Action::Proxy(connection)),
    keyword("option httplog", DFL, Action::Proxy(log_format)),
    keyword("option keep-header-case", DFLB, Action::Flag(|d| &mut d.proxy.keep_header_case)),
    keyword("option log-health-checks", DLB, Action::Flag(|d| &mut d.proxy.log_health_checks)),
    keyword("option redispatch", DLB, Action::Proxy(redispatch)),
    keyword("option tcplog", DFL, Action::Proxy(log_format)),
    // Without effect.
    keyword("option contstats", DFL, Action::NoEffect("counters are always up to date")),
    keyword("option disable-h2-upgrade", DFL, Action::NoEffect("HTTP/2 is not spoken yet")),
    keyword("option http-no-delay", DFLB, Action::NoEffect("data is never held back")),
    keyword(
        "option http-pretend-keepalive",
        DLB,
        Action::NoEffect("servers are asked to keep connections open"),
    ),
    keyword(
        "option idle-close-on-response",
        DFL,
        Action::NoEffect("a soft stop lets the next response say close"),
    ),
    keyword("option splice-auto", DFLB, Action::NoEffect(SPLICE)),
    keyword("option splice-request", DFLB, Action::NoEffect(SPLICE)),
    keyword("option splice-response", DFLB, Action::NoEffect(SPLICE)),
    keyword("option tcp-smart-accept", DFL, Action::NoEffect(SMART)),
    keyword("option tcp-smart-connect", DLB, Action::NoEffect(SMART)),
    // Not yet.
    keyword("option accept-invalid-http-request", DFL, Action::NotYet("requests have to be valid HTTP")),
    keyword("option accept-invalid-http-response", DLB, Action::NotYet("responses have to be valid HTTP")),
    keyword(
        "option accept-unsafe-violations-in-http-request",
        DFL,
        Action::NotYet("requests have to be valid HTTP"),
    ),
    keyword(
        "option accept-unsafe-violations-in-http-response",
        DLB,
        Action::NotYet("responses have to be valid HTTP"),
    ),
    keyword("option checkcache", DLB, Action::NotYet("remove the option")),
    keyword("option clitcpka", DFL, Action::NotYet("'timeout client' ends dead connections")),
    keyword("option external-check", DLB, Action::NotYet(CHECKS)),
    keyword("option forwarded", DLB, Action::NotYet(ADDRESS)),
    keyword("option h1-case-adjust-bogus-client", DFL, Action::NotYet(CASE)),
    keyword("option h1-case-adjust-bogus-server", DLB, Action::NotYet(CASE)),
    keyword("option http-buffer-request", DFLB, Action::NotYet("bodies are passed on as they arrive")),
    keyword("option http-drop-request-trailers", DLB, Action::NotYet("trailers are passed on")),
    keyword("option http-drop-response-trailers", DFL, Action::NotYet("trailers are passed on")),
    keyword("option http-restrict-req-hdr-names", DFLB, Action::NotYet("header names are passed on")),
    keyword("option http-use-proxy-header", DFL, Action::NotYet("remove the option")),
    keyword("option httpslog", DFL, Action::NotYet(LOGS)),
    keyword("option independent-streams", DFLB, Action::NotYet("remove the option")),
    keyword("option ldap-check", DLB, Action::NotYet(CHECKS)),
    keyword("option log-separate-errors", DFL, Action::NotYet(LOGS)),
    keyword("option logasap", DFL, Action::NotYet(LOGS)),
    keyword("option mysql-check", DLB, Action::NotYet(CHECKS)),
    keyword("option nolinger", DFLB, Action::NotYet("connections are closed in order")),
    keyword("option originalto", DFLB, Action::NotYet(ADDRESS)),
    keyword("option persist", DLB, Action::NotYet("requests never stick to a server that is down")),
    keyword("option pgsql-check", DLB, Action::NotYet(CHECKS)),
    keyword("option prefer-last-server", DLB, Action::NotYet("every request is balanced")),
    keyword("option redis-check", DLB, Action::NotYet(CHECKS)),
    keyword("option smtpchk", DLB, Action::NotYet(CHECKS)),
    keyword("option socket-stats", DFL, Action::NotYet("listeners are counted together as their frontend")),
    keyword("option spop-check", DLB, Action::NotYet(CHECKS)),
    keyword("option srvtcpka", DLB, Action::NotYet("'timeout server' ends dead connections")),
    keyword("option ssl-hello-chk", DLB, Action::NotYet(CHECKS)),
    keyword(
        "option tcpka",
        DFLB,
        Action::NotYet("'timeout client' and 'timeout server' end dead connections"),
    ),
    keyword("option transparent", DLB, Action::NotYet("servers are named on 'server' lines")),
    // Gone.
    keyword("option forceclose", DFLB, Action::Removed("use 'option httpclose'")),
    keyword(
        "option http-tunnel",
        DFL,
        Action::Removed("tunnels are recognised by their 101 response: remove the line"),
    ),
    keyword("option http-use-htx", DFLB, Action::Removed("remove the line")),
    keyword("option http_proxy", DFLB, Action::Removed("servers are named on 'server' lines")),
];

/// The three exclude one another; `no` takes back only the one it names.
fn connection(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    line.finish()?;
    let named = match line.name {
        "option httpclose" => ConnectionMode::Close,
        "option http-server-close" => ConnectionMode::ServerClose,
        _ => ConnectionMode::KeepAlive,
    };
    if line.prefix == Prefix::None {
        draft.proxy.connection = named;
    } else if draft.proxy.connection == named {
        draft.proxy.connection = ConnectionMode::KeepAlive;
    }
    Some(())
}

fn log_format(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    if let Some(word) = line.peek().filter(|word| word.text == "clf") {
        return line.not_yet("the 'clf' log format", word.span, LOGS);
    }
    line.finish()?;
    draft.proxy.log_format = match (line.prefix, line.name) {
        (Prefix::None, "option httplog") => LogFormat::Http,
        (Prefix::None, _) => LogFormat::Tcp,
        (Prefix::No | Prefix::Default, _) => LogFormat::Basic,
    };
    Some(())
}

fn redispatch(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    draft.proxy.redispatch = match line.prefix {
        Prefix::No => Redispatch::Off,
        Prefix::Default => Redispatch::Default,
        Prefix::None => match line.next() {
            None => Redispatch::On(-1),
            Some(word) => match word.text.parse::<i32>() {
                Ok(0) => Redispatch::Off,
                Ok(interval) => Redispatch::On(interval),
                Err(_) => {
                    let message = format!("'option redispatch' does not take '{}'", word.text);
                    let label = "a whole number expected: every so many retries, or -1 for the last one";
                    return line.fail(Diagnostic::error(message, word.span).label(label));
                }
            },
        },
    };
    line.finish()
}

fn forwardfor(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    if line.prefix != Prefix::None {
        draft.proxy.forwardfor = None;
        return line.finish();
    }
    let mut option = ForwardFor { header: "x-forwarded-for".to_owned(), except: None, if_none: false };
    while let Some(word) = line.next() {
        match word.text.as_str() {
            "if-none" => option.if_none = true,
            "header" => {
                let name = line.value_of(word, "a header name")?;
                option.header = super::rules::header_name(name, line)?;
            }
            "except" => {
                let word = line.value_of(word, "an address or a network")?;
                option.except = Some(network(word, line)?);
            }
            _ => {
                return line.unknown(
                    word,
                    "an argument of 'option forwardfor'",
                    &["except", "header", "if-none"],
                );
            }
        }
    }
    draft.proxy.forwardfor = Some(option);
    Some(())
}

/// `192.0.2.0/24`, `192.0.2.0/255.255.255.0`, `2001:db8::/32`, or one address.
fn network(word: &Word, line: &mut Directive<'_>) -> Option<(IpAddr, u8)> {
    let (address, mask) = word.text.split_once('/').map_or((word.text.as_str(), None), |(a, m)| (a, Some(m)));
    let address = address.parse::<IpAddr>().ok();
    let length = address.and_then(|address| {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        match mask {
            None => Some(bits),
            Some(mask) => match (mask.parse::<u8>(), mask.parse::<std::net::Ipv4Addr>()) {
                (Ok(length), _) => (length <= bits).then_some(length),
                (_, Ok(dotted)) if address.is_ipv4() => {
                    let mask = dotted.to_bits();
                    let ones = mask.leading_ones();
                    (mask.count_ones() == ones).then(|| u8::try_from(ones).unwrap_or(32))
                }
                _ => None,
            },
        }
    });
    match (address, length) {
        (Some(address), Some(length)) => Some((address, length)),
        _ => {
            let diagnostic = Diagnostic::error(format!("'{}' is not a network", word.text), word.span);
            line.fail(diagnostic.label("as in 192.0.2.0/24 or 2001:db8::/32"))
        }
    }
}
