//! `http-request` and `http-response` rules with literal values and no condition.

use crate::diagnostic::Diagnostic;
use crate::haproxy::directive::Directive;
use crate::haproxy::draft::{Draft, Place};
use crate::haproxy::keywords::{Action, DFLB, Keyword, keyword};
use crate::haproxy::lexer::Word;
use crate::haproxy::model::HeaderRule;

pub(super) static TABLE: &[Keyword] = &[
    keyword("http-request", DFLB, Action::Proxy(rule)),
    keyword("http-response", DFLB, Action::Proxy(rule)),
];

const SUPPORTED: &str =
    "set-header, add-header and del-header with literal values and no condition are supported";

/// Actions of HAProxy that are not there yet; with `(…)` arguments cut off.
const PLANNED: &[&str] = &[
    "add-acl",
    "add-headers-bin",
    "allow",
    "auth",
    "cache-store",
    "cache-use",
    "capture",
    "del-acl",
    "del-headers-bin",
    "del-map",
    "deny",
    "disable-l7-retry",
    "do-log",
    "do-resolve",
    "early-hint",
    "lua",
    "normalize-uri",
    "pause",
    "redirect",
    "reject",
    "replace-header",
    "replace-path",
    "replace-pathq",
    "replace-uri",
    "replace-value",
    "return",
    "sc-add-gpc",
    "sc-inc-gpc",
    "sc-inc-gpc0",
    "sc-inc-gpc1",
    "sc-set-gpt",
    "sc-set-gpt0",
    "send-spoe-group",
    "set-bc-mark",
    "set-bc-tos",
    "set-dst",
    "set-dst-port",
    "set-fc-mark",
    "set-fc-tos",
    "set-headers-bin",
    "set-log-level",
    "set-map",
    "set-method",
    "set-nice",
    "set-path",
    "set-pathq",
    "set-priority-class",
    "set-priority-offset",
    "set-query",
    "set-retries",
    "set-src",
    "set-src-port",
    "set-status",
    "set-timeout",
    "set-uri",
    "set-var",
    "set-var-fmt",
    "silent-drop",
    "strict-mode",
    "switch-mode",
    "tarpit",
    "track-sc0",
    "track-sc1",
    "track-sc2",
    "unset-var",
    "use-service",
    "wait-for-body",
    "wait-for-handshake",
];

fn rule(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    if draft.place == Place::Defaults && draft.proxy.name.is_empty() {
        let message = format!("'{}' cannot stand in a 'defaults' section without a name", line.name);
        let span = line.span();
        return line.fail(Diagnostic::error(message, span).label("name the section"));
    }
    let action = line.expect("an action")?;
    let rule = match action.text.as_str() {
        "set-header" | "add-header" => {
            let name = line.value_of(action, "a header name and a value")?;
            let name = header_name(name, line)?;
            let value = line.value_of(action, "a value")?;
            let value = literal(value, line)?;
            match action.text.as_str() {
                "set-header" => HeaderRule::Set { name, value },
                _ => HeaderRule::Add { name, value },
            }
        }
        "del-header" => {
            let name = line.value_of(action, "a header name")?;
            let name = header_name(name, line)?;
            if line.take("-m") {
                let Some(method) = line.next() else { return line.expect("a matching method").map(|_| ()) };
                if method.text != "str" {
                    return line.not_yet(&format!("'-m {}'", method.text), method.span, SUPPORTED);
                }
            }
            HeaderRule::Del { name }
        }
        other => {
            let name = other.split('(').next().unwrap_or_default();
            if PLANNED.contains(&name) || name.starts_with("lua.") {
                return line.not_yet(&format!("'{} {name}'", line.name), action.span, SUPPORTED);
            }
            let known = ["set-header", "add-header", "del-header"].into_iter().chain(PLANNED.iter().copied());
            let diagnostic = Diagnostic::error(format!("'{name}' is not an action"), action.span);
            return line.fail(match crate::diagnostic::nearest(name, known) {
                Some(near) => diagnostic.label(format!("did you mean '{near}'?")),
                None => diagnostic.label("not known here").help(SUPPORTED),
            });
        }
    };
    if let Some(word) = line.peek().filter(|word| word.text == "if" || word.text == "unless") {
        let rest = line.rest();
        let span = word.span.to(rest[rest.len() - 1].span);
        return line.not_yet("a condition", span, SUPPORTED);
    }
    line.finish()?;
    let rules = if line.name == "http-request" {
        &mut draft.proxy.request_rules
    } else {
        &mut draft.proxy.response_rules
    };
    rules.push(rule);
    Some(())
}

/// A header name (RFC 9110 5.1), in lower case.
pub(super) fn header_name(word: &Word, line: &mut Directive<'_>) -> Option<String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    match word.text.char_indices().find(|(_, c)| !token(*c)) {
        None if !word.text.is_empty() => Some(word.text.to_ascii_lowercase()),
        bad => {
            let at = bad.map_or(0..0, |(at, c)| at..at + c.len_utf8());
            let diagnostic =
                Diagnostic::error(format!("'{}' is not a header name", word.text), word.part(at));
            line.fail(diagnostic.label("this cannot be in a header name"))
        }
    }
}

/// A value that is the same for every message: `%%` is a percent sign, any other `%` starts an expression.
fn literal(word: &Word, line: &mut Directive<'_>) -> Option<String> {
    let mut value = String::with_capacity(word.text.len());
    let mut chars = word.text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '%' if chars.peek().is_some_and(|(_, next)| *next == '%') => {
                chars.next();
                value.push('%');
            }
            '%' => {
                let span = word.part(at..word.text.len());
                return line.not_yet("a log-format expression in a header value", span, SUPPORTED);
            }
            '\r' | '\n' | '\0' => {
                let diagnostic = Diagnostic::error("a header value is one line", word.part(at..at + 1));
                return line.fail(diagnostic.label("a line end"));
            }
            _ => value.push(c),
        }
    }
    Some(value)
}
