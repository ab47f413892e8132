//! `bind`.

use crate::diagnostic::{Diagnostic, nearest};
use crate::haproxy::address::bind_addresses;
use crate::haproxy::directive::{Directive, with_variable_hint};
use crate::haproxy::draft::Draft;
use crate::haproxy::keywords::{Action, FL, Keyword, keyword};
use crate::haproxy::lexer::Word;
use crate::haproxy::model::{Bind, BindAddress};

pub(super) static TABLE: &[Keyword] = &[keyword("bind", FL, Action::Proxy(bind))];

const SUPPORTED: [&str; 7] = ["backlog", "interface", "maxconn", "mode", "name", "v4v6", "v6only"];
/// Options with the number of their arguments that change nothing here.
const NO_EFFECT: [(&str, usize, &str); 7] = [
    ("defer-accept", 0, "connections that stay silent end by 'timeout http-request' or 'timeout client'"),
    ("nice", 1, "listeners have equal priority"),
    ("shards", 1, "every worker accepts on every listener"),
    ("thread", 1, "every worker accepts on every listener"),
    ("tfo", 0, "the kernel's setting decides about TCP fast open"),
    ("guid-prefix", 1, "listeners are known by their name"),
    ("id", 1, "listeners are known by their name"),
];
const TLS: [&str; 31] = [
    "allow-0rtt",
    "alpn",
    "ca-file",
    "ca-ignore-err",
    "ca-sign-file",
    "ca-sign-pass",
    "ca-verify-file",
    "ciphers",
    "ciphersuites",
    "client-sigalgs",
    "crl-file",
    "crt",
    "crt-ignore-err",
    "crt-list",
    "curves",
    "default-crt",
    "ecdhe",
    "force-sslv3",
    "force-tlsv10",
    "force-tlsv11",
    "force-tlsv12",
    "force-tlsv13",
    "no-alpn",
    "no-ca-names",
    "sigalgs",
    "ssl",
    "ssl-max-ver",
    "ssl-min-ver",
    "strict-sni",
    "tls-ticket-keys",
    "verify",
];
const PLANNED: &[&str] = &[
    "accept-netscaler-cip",
    "accept-proxy",
    "cc",
    "expose-fd",
    "gid",
    "group",
    "idle-ping",
    "ktls",
    "label",
    "level",
    "mss",
    "namespace",
    "npn",
    "proto",
    "quic-cc-algo",
    "quic-force-retry",
    "quic-socket",
    "severity-output",
    "tcp-md5sig",
    "tcp-ut",
    "transparent",
    "uid",
    "user",
    "nbconn",
];

/// `bind ADDRESS[,ADDRESS]… [OPTION]…`
fn bind(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let list = line.expect("an address")?;
    let mut addresses = Vec::new();
    let mut complete = true;
    let mut at = 0;
    for text in list.text.split(',') {
        match bind_addresses(text) {
            Ok(found) => addresses.extend(found),
            Err(error) => {
                let span = list.part(at + error.at.start..at + error.at.end);
                let diagnostic = Diagnostic::error(error.message, span).label("not an address to listen on");
                let diagnostic = diagnostic.help(error.help);
                line.diagnostics.push(with_variable_hint(diagnostic, list));
                complete = false;
            }
        }
        at += text.len() + 1;
    }
    let template = Bind {
        address: BindAddress::Fd(-1),
        name: None,
        maxconn: None,
        backlog: None,
        v4v6: false,
        v6only: false,
        interface: None,
        unix_mode: None,
        span: line.line(),
    };
    let options = options(template, line);
    if let Some(options) = options.filter(|_| complete) {
        draft.proxy.binds.extend(addresses.into_iter().map(|address| Bind { address, ..options.clone() }));
    }
    Some(())
}

/// Reads all options, and reports all that are wrong.
fn options(mut bind: Bind, line: &mut Directive<'_>) -> Option<Bind> {
    let mut complete = true;
    let mut tls = false;
    while let Some(word) = line.next() {
        let text = word.text.as_str();
        if TLS.contains(&text) || text.starts_with("no-tls") || text.starts_with("no-ssl") {
            if !tls {
                let help = "plain HTTP and TCP are supported; terminate TLS in front for now";
                line.not_yet::<()>(&format!("TLS ('{text}')"), word.span, help);
            }
            (tls, complete) = (true, false);
            // The values of TLS options cannot be told from options without knowing each of them.
            while line.peek().is_some_and(|next| !SUPPORTED.contains(&next.text.as_str())) {
                line.next();
            }
            continue;
        }
        if let Some((name, arguments, why)) = NO_EFFECT.iter().find(|(name, ..)| *name == text) {
            let mut span = word.span;
            for _ in 0..*arguments {
                span = span.to(line.value_of(word, "a value")?.span);
            }
            line.no_effect(&format!("'{name}'"), span, why);
            continue;
        }
        complete &= option(&mut bind, word, line).is_some();
    }
    complete.then_some(bind)
}

fn option(bind: &mut Bind, word: &Word, line: &mut Directive<'_>) -> Option<()> {
    let most = i32::MAX.unsigned_abs();
    match word.text.as_str() {
        "name" => bind.name = Some(line.value_of(word, "a name")?.text.clone()),
        "interface" => bind.interface = Some(line.value_of(word, "a network interface")?.text.clone()),
        "maxconn" => {
            let value = line.value_of(word, "a number")?;
            bind.maxconn = Some(line.integer_in(value, "maxconn", 0..=most)?).filter(|n| *n > 0);
        }
        "backlog" => {
            let value = line.value_of(word, "a number")?;
            bind.backlog = Some(line.integer_in(value, "backlog", 0..=most)?).filter(|n| *n > 0);
        }
        "v4v6" => bind.v4v6 = true,
        "v6only" => bind.v6only = true,
        "mode" => {
            let value = line.value_of(word, "permissions in octal")?;
            match u32::from_str_radix(&value.text, 8).ok().filter(|mode| *mode <= 0o7777) {
                Some(mode) => bind.unix_mode = Some(mode),
                None => {
                    let message = format!("'mode' does not take '{}'", value.text);
                    let diagnostic = Diagnostic::error(message, value.span);
                    return line.fail(diagnostic.label("permissions in octal expected, as in 660"));
                }
            }
        }
        text if PLANNED.contains(&text) => {
            line.rest();
            let help = format!("supported are {}", SUPPORTED.join(", "));
            return line.not_yet(&format!("'{text}' on a 'bind' line"), word.span, &help);
        }
        text => {
            let known = SUPPORTED.iter().chain(PLANNED).chain(&TLS).copied();
            let near = nearest(text, known.chain(NO_EFFECT.map(|(name, ..)| name)));
            let diagnostic = Diagnostic::error(format!("'{text}' is not an option of 'bind'"), word.span);
            line.diagnostics.push(match near {
                Some(near) => diagnostic.label(format!("did you mean '{near}'?")),
                None => {
                    diagnostic.label("not known here").help(format!("supported are {}", SUPPORTED.join(", ")))
                }
            });
            // Its value, if it has one, would only be reported as another unknown option.
            while line.peek().is_some_and(|next| !SUPPORTED.contains(&next.text.as_str())) {
                line.next();
            }
            return None;
        }
    }
    Some(())
}
