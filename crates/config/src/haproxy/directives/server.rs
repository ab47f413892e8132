//! `server` and `default-server`.

use std::net::{IpAddr, SocketAddr};

use crate::diagnostic::{Diagnostic, nearest};
use crate::haproxy::address::server_address;
use crate::haproxy::directive::{Directive, with_variable_hint};
use crate::haproxy::draft::{Draft, ServerSettings};
use crate::haproxy::keywords::{Action, DLB, Keyword, LB, keyword};
use crate::haproxy::lexer::Word;
use crate::haproxy::model::{Check, Server};
use crate::haproxy::units::TimeUnit;

pub(super) static TABLE: &[Keyword] = &[
    keyword("default-server", DLB, Action::Proxy(default_server)),
    keyword("server", LB, Action::Proxy(server)),
];

const SUPPORTED: [&str; 19] = [
    "addr",
    "backup",
    "check",
    "cookie",
    "disabled",
    "downinter",
    "enabled",
    "fall",
    "fastinter",
    "id",
    "inter",
    "maxconn",
    "maxqueue",
    "no-backup",
    "no-check",
    "no-disabled",
    "port",
    "rise",
    "weight",
];
/// What they say is the case anyway.
const SILENT: [&str; 14] = [
    "no-agent-check",
    "no-check-send-proxy",
    "no-check-ssl",
    "no-send-proxy",
    "no-send-proxy-v2",
    "no-send-proxy-v2-ssl",
    "no-send-proxy-v2-ssl-cn",
    "no-sni-auto",
    "no-ssl",
    "no-ssl-reuse",
    "no-tfo",
    "no-verifyhost",
    "non-stick",
    "stick",
];
const NO_EFFECT: [(&str, &str); 7] = [
    ("guid", "servers are known by their name"),
    ("init-addr", "a name that cannot be resolved does not stop the start"),
    ("log-bufsize", "servers are not log servers"),
    ("pool-conn-name", "idle connections are pooled per server"),
    ("pool-low-conn", "idle connections are pooled per worker"),
    ("pool-max-conn", "the pool of idle connections sizes itself"),
    ("pool-purge-delay", "the pool of idle connections sizes itself"),
];
/// Arguments of HAProxy that are not there yet, with the number of their values.
const PLANNED: &[(&str, usize)] = &[
    ("agent-addr", 1),
    ("agent-check", 0),
    ("agent-inter", 1),
    ("agent-port", 1),
    ("agent-send", 1),
    ("allow-0rtt", 0),
    ("alpn", 1),
    ("ca-file", 1),
    ("cc", 1),
    ("check-alpn", 1),
    ("check-pool-conn-name", 1),
    ("check-proto", 1),
    ("check-reuse-pool", 0),
    ("check-send-proxy", 0),
    ("check-sni", 1),
    ("check-ssl", 0),
    ("check-via-socks4", 0),
    ("ciphers", 1),
    ("ciphersuites", 1),
    ("client-sigalgs", 1),
    ("crl-file", 1),
    ("crt", 1),
    ("curves", 1),
    ("error-limit", 1),
    ("force-tlsv12", 0),
    ("force-tlsv13", 0),
    ("hash-key", 1),
    ("idle-ping", 1),
    ("init-state", 1),
    ("log-proto", 1),
    ("max-reuse", 1),
    ("minconn", 1),
    ("namespace", 1),
    ("no-tls-tickets", 0),
    ("npn", 1),
    ("observe", 1),
    ("on-error", 1),
    ("on-marked-down", 1),
    ("on-marked-up", 1),
    ("proto", 1),
    ("proxy-v2-options", 1),
    ("redir", 1),
    ("resolve-net", 1),
    ("resolve-opts", 1),
    ("resolve-prefer", 1),
    ("resolvers", 1),
    ("send-proxy", 0),
    ("send-proxy-v2", 0),
    ("send-proxy-v2-ssl", 0),
    ("shard", 1),
    ("sigalgs", 1),
    ("slowstart", 1),
    ("sni", 1),
    ("socks4", 1),
    ("source", 1),
    ("ssl", 0),
    ("send-proxy-v2-ssl-cn", 0),
    ("set-proxy-v2-tlv-fmt", 1),
    ("sni-auto", 0),
    ("ssl-max-ver", 1),
    ("ssl-min-ver", 1),
    ("ssl-reuse", 0),
    ("strict-maxconn", 0),
    ("tcp-md5sig", 1),
    ("tcp-ut", 1),
    ("tfo", 0),
    ("track", 1),
    ("usesrc", 1),
    ("verify", 1),
    ("verifyhost", 1),
    ("ws", 1),
];

fn default_server(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    line.peek().or_else(|| line.expect("server arguments"))?;
    let mut settings = draft.server.clone();
    arguments(&mut settings, line)?;
    draft.server = settings;
    Some(())
}

/// `server NAME ADDRESS [ARGUMENT]…`
fn server(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let name = line.expect("a name")?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    let mut complete = true;
    if let Some((at, c)) = name.text.char_indices().find(|(_, c)| !allowed(*c)) {
        let message = format!("the character '{}' cannot be in a name", c.escape_debug());
        let diagnostic = Diagnostic::error(message, name.part(at..at + c.len_utf8()));
        line.diagnostics.push(diagnostic.label("letters, digits and _ . : - are allowed"));
        complete = false;
    }
    let word = line.expect("an address")?;
    let address = match server_address(&word.text) {
        Ok(address) => Some(address),
        Err(error) => {
            let diagnostic =
                Diagnostic::error(error.message, word.part(error.at)).label("not a server's address");
            line.diagnostics.push(with_variable_hint(diagnostic.help(error.help), word));
            None
        }
    };
    let span = line.line();
    let mut settings = ServerSettings { id: 0, ..draft.server.clone() };
    arguments(&mut settings, line)?;
    let address = address.filter(|_| complete)?;
    let check = settings.check.then(|| Check {
        inter: settings.inter,
        fastinter: settings.fastinter.unwrap_or(settings.inter),
        downinter: settings.downinter.unwrap_or(settings.inter),
        fall: settings.fall,
        rise: settings.rise,
        port: settings.port,
        addr: settings.addr,
    });
    draft.proxy.servers.push(Server {
        name: name.text.clone(),
        id: settings.id,
        address,
        weight: settings.weight,
        backup: settings.backup,
        disabled: settings.disabled,
        maxconn: settings.maxconn,
        maxqueue: settings.maxqueue,
        check,
        cookie: settings.cookie,
        span,
    });
    Some(())
}

/// Reads all arguments, and reports all that are wrong.
fn arguments(settings: &mut ServerSettings, line: &mut Directive<'_>) -> Option<()> {
    let mut complete = true;
    while let Some(word) = line.next() {
        let text = word.text.split('(').next().unwrap_or_default();
        if SUPPORTED.contains(&word.text.as_str()) {
            complete &= argument(settings, word, line).is_some();
        } else if SILENT.contains(&text) {
        } else if let Some((name, why)) = NO_EFFECT.iter().find(|(name, _)| *name == text) {
            let value = line.value_of(word, "a value")?;
            line.no_effect(&format!("'{name}'"), word.span.to(value.span), why);
        } else if let Some((name, values)) = PLANNED.iter().find(|(name, _)| *name == text) {
            for _ in 0..*values {
                line.next();
            }
            let help = supported();
            line.not_yet::<()>(&format!("'{name}' on a server"), word.span, &help);
            complete = false;
        } else {
            unknown(word, line);
            complete = false;
        }
    }
    complete.then_some(())
}

fn supported() -> String {
    let names: Vec<_> = SUPPORTED.into_iter().filter(|name| !name.starts_with("no-")).collect();
    format!("supported are {}", names.join(", "))
}

fn unknown(word: &Word, line: &mut Directive<'_>) {
    let planned = PLANNED.iter().map(|(name, _)| *name);
    let near = nearest(&word.text, SUPPORTED.iter().copied().chain(planned).chain(SILENT));
    let diagnostic = Diagnostic::error(format!("'{}' is not an argument of a server", word.text), word.span);
    line.diagnostics.push(match near {
        Some(near) => diagnostic.label(format!("did you mean '{near}'?")),
        None => diagnostic.label("not known here").help(supported()),
    });
    // Its value, if it has one, would only be reported as another unknown argument.
    while line.peek().is_some_and(|next| !SUPPORTED.contains(&next.text.as_str())) {
        line.next();
    }
}

fn argument(settings: &mut ServerSettings, word: &Word, line: &mut Directive<'_>) -> Option<()> {
    let most = i32::MAX.unsigned_abs();
    match word.text.as_str() {
        "check" => settings.check = true,
        "no-check" => settings.check = false,
        "backup" => settings.backup = true,
        "no-backup" => settings.backup = false,
        "disabled" => settings.disabled = true,
        "enabled" | "no-disabled" => settings.disabled = false,
        "inter" => settings.inter = interval(word, line)?,
        "fastinter" => settings.fastinter = Some(interval(word, line)?),
        "downinter" => settings.downinter = Some(interval(word, line)?),
        "fall" => settings.fall = number(word, 1, most, line)?,
        "rise" => settings.rise = number(word, 1, most, line)?,
        "weight" => settings.weight = number(word, 0, 256, line)?,
        "maxconn" => settings.maxconn = Some(number(word, 0, most, line)?).filter(|n| *n > 0),
        "maxqueue" => settings.maxqueue = Some(number(word, 0, most, line)?).filter(|n| *n > 0),
        "port" => settings.port = Some(number(word, 1, u16::MAX, line)?),
        "cookie" => settings.cookie = Some(line.value_of(word, "a value")?.text.clone()),
        "addr" => {
            let value = line.value_of(word, "an IP address")?;
            let with_port =
                value.text.parse::<SocketAddr>().map(|address| (address.ip(), Some(address.port())));
            match value.text.parse::<IpAddr>().map(|addr| (addr, None)).or(with_port) {
                Ok((addr, port)) => {
                    settings.addr = Some(addr);
                    settings.port = port.or(settings.port);
                }
                Err(_) => {
                    let message = format!("'addr' does not take '{}'", value.text);
                    let diagnostic = Diagnostic::error(message, value.span);
                    return line.fail(diagnostic.label("an IP address expected, with a port or without"));
                }
            }
        }
        _ => {
            let id = number(word, 1, most, line)?;
            if line.name == "default-server" {
                let diagnostic = Diagnostic::error("'id' cannot be the same for all servers", word.span);
                return line.fail(diagnostic.label("it belongs on a 'server' line"));
            }
            settings.id = id;
        }
    }
    Some(())
}

fn number<T>(word: &Word, least: T, most: T, line: &mut Directive<'_>) -> Option<T>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display + Copy,
{
    let value = line.value_of(word, "a number")?;
    line.integer_in(value, &word.text, least..=most)
}

fn interval(word: &Word, line: &mut Directive<'_>) -> Option<std::time::Duration> {
    let value = line.value_of(word, "a time")?;
    let time = line.time_in(value, &word.text, TimeUnit::Milliseconds)?;
    if time.is_zero() {
        let message = format!("'{}' cannot be 0", word.text);
        return line.fail(Diagnostic::error(message, value.span).label("a time between two checks expected"));
    }
    Some(time)
}
