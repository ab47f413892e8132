//! Directives of proxies that take a value or two: `mode`, `balance`, `maxconn` and their like.

use crate::diagnostic::Diagnostic;
use crate::haproxy::directive::Directive;
use crate::haproxy::draft::Draft;
use crate::haproxy::keywords::{Action, DFL, DFLB, DLB, FLB, Keyword, keyword};
use crate::haproxy::model::{Balance, HttpReuse, Mode};

const BALANCE: &str = "roundrobin, static-rr, leastconn, random, first and source are supported";

pub(super) static TABLE: &[Keyword] = &[
    keyword("backlog", DFL, Action::Proxy(backlog)),
    keyword("balance", DLB, Action::Proxy(balance)),
    keyword("default_backend", DFL, Action::Proxy(default_backend)),
    keyword("description", FLB, Action::Proxy(description)),
    keyword("disabled", DFLB, Action::Proxy(disabled)),
    keyword("enabled", DFLB, Action::Proxy(enabled)),
    keyword("fullconn", DLB, Action::Proxy(fullconn)),
    keyword("http-reuse", DLB, Action::Proxy(http_reuse)),
    keyword("id", FLB, Action::Proxy(id)),
    keyword("maxconn", DFL, Action::Proxy(maxconn)),
    keyword("mode", DFLB, Action::Proxy(mode)),
    keyword("monitor-uri", DFL, Action::Proxy(monitor_uri)),
    keyword("retries", DLB, Action::Proxy(retries)),
];

fn mode(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let word = line.expect("'tcp' or 'http'")?;
    let mode = match word.text.as_str() {
        "tcp" => Mode::Tcp,
        "http" => Mode::Http,
        "log" | "spop" | "haterm" => {
            return line.not_yet(&format!("'mode {}'", word.text), word.span, "modes are 'tcp' and 'http'");
        }
        "health" => {
            let help = "use 'monitor-uri' in an http proxy";
            return line.fail(
                Diagnostic::error("'mode health' was removed from HAProxy", word.span)
                    .label("gone")
                    .help(help),
            );
        }
        _ => return line.unknown(word, "a mode", &["http", "tcp"]),
    };
    line.finish()?;
    draft.proxy.mode = mode;
    Some(())
}

fn balance(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    // A bare `balance` is round robin.
    let Some(word) = line.next() else {
        draft.proxy.balance = Balance::RoundRobin;
        return Some(());
    };
    let name = word.text.split('(').next().unwrap_or_default();
    draft.proxy.balance = match name {
        "random" => Balance::Random { draws: draws(&word.text[name.len()..], word, line)? },
        "roundrobin" if name == word.text => Balance::RoundRobin,
        "static-rr" if name == word.text => Balance::StaticRr,
        "leastconn" if name == word.text => Balance::LeastConn,
        "first" if name == word.text => Balance::First,
        "source" if name == word.text => Balance::Source,
        "uri" | "url_param" | "hdr" | "hash" | "rdp-cookie" | "log-hash" | "sticky" => {
            return line.not_yet(&format!("'balance {name}'"), word.span, BALANCE);
        }
        _ => {
            let known = ["roundrobin", "static-rr", "leastconn", "random", "first", "source"];
            return line.unknown(word, "a balancing algorithm", &known);
        }
    };
    line.finish()
}

/// `(2)` behind `random`; two draws when it is missing.
fn draws(text: &str, word: &crate::haproxy::lexer::Word, line: &mut Directive<'_>) -> Option<u32> {
    if text.is_empty() {
        return Some(2);
    }
    let number = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    match number.and_then(|n| n.parse().ok()).filter(|draws| *draws >= 1) {
        Some(draws) => Some(draws),
        None => {
            let diagnostic =
                Diagnostic::error(format!("'{}' is not a balancing algorithm", word.text), word.span);
            line.fail(diagnostic.label("the draws are a whole number from 1 on, as in random(2)"))
        }
    }
}

fn default_backend(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let word = line.expect("the name of a backend")?;
    line.finish()?;
    draft.proxy.default_backend = Some(word.text.clone());
    draft.default_backend_at = Some(word.span);
    Some(())
}

fn description(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    line.peek().or_else(|| line.expect("a text"))?;
    let words: Vec<_> = line.rest().iter().map(|word| word.text.as_str()).collect();
    draft.proxy.description = Some(words.join(" "));
    Some(())
}

fn disabled(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    line.finish()?;
    draft.proxy.disabled = true;
    Some(())
}

fn enabled(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    line.finish()?;
    draft.proxy.disabled = false;
    Some(())
}

fn http_reuse(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let word = line.expect("never, safe, aggressive or always")?;
    draft.proxy.http_reuse = match word.text.as_str() {
        "never" => HttpReuse::Never,
        "safe" => HttpReuse::Safe,
        "aggressive" => HttpReuse::Aggressive,
        "always" => HttpReuse::Always,
        _ => {
            return line.unknown(
                word,
                "a way to reuse connections",
                &["never", "safe", "aggressive", "always"],
            );
        }
    };
    line.finish()
}

fn id(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let id = line.integer("a number", 1..=i32::MAX.unsigned_abs())?;
    line.finish()?;
    draft.proxy.id = id;
    Some(())
}

/// 0 is no limit of its own.
fn limit(line: &mut Directive<'_>) -> Option<Option<u32>> {
    let value = line.integer("a number", 0..=i32::MAX.unsigned_abs())?;
    line.finish()?;
    Some((value > 0).then_some(value))
}

fn maxconn(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    draft.proxy.maxconn = limit(line)?;
    Some(())
}

fn backlog(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    draft.proxy.backlog = limit(line)?;
    Some(())
}

fn fullconn(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    draft.proxy.fullconn = limit(line)?;
    Some(())
}

fn retries(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let retries = line.integer("a number", 0..=i32::MAX.unsigned_abs())?;
    line.finish()?;
    draft.proxy.retries = retries;
    Some(())
}

fn monitor_uri(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    let word = line.expect("a path")?;
    line.finish()?;
    draft.proxy.monitor_uri = Some(word.text.clone());
    Some(())
}
