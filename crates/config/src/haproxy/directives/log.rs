//! `log`, in `global` and in proxies.

use crate::diagnostic::Diagnostic;
use crate::haproxy::address::log_destination;
use crate::haproxy::directive::{Directive, Prefix};
use crate::haproxy::draft::{Draft, GlobalDraft, LogEntry};
use crate::haproxy::keywords::{Action, DFLB, G, Keyword, keyword};
use crate::haproxy::lexer::Word;
use crate::haproxy::model::{Facility, Level, LogDestination, LogTarget, SyslogFormat};

pub(super) static TABLE: &[Keyword] =
    &[keyword("log", G, Action::Global(global)), keyword("log", DFLB, Action::Proxy(proxy))];

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp",
    "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];
const LEVELS: [(&str, Level); 8] = [
    ("emerg", Level::Emerg),
    ("alert", Level::Alert),
    ("crit", Level::Crit),
    ("err", Level::Err),
    ("warning", Level::Warning),
    ("notice", Level::Notice),
    ("info", Level::Info),
    ("debug", Level::Debug),
];
const FORMATS: [(&str, SyslogFormat); 6] = [
    ("iso", SyslogFormat::Iso),
    ("raw", SyslogFormat::Raw),
    ("rfc3164", SyslogFormat::Rfc3164),
    ("rfc5424", SyslogFormat::Rfc5424),
    ("short", SyslogFormat::Short),
    ("timed", SyslogFormat::Timed),
];

fn global(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    if line.prefix != Prefix::None {
        draft.global.log.clear();
        return line.finish();
    }
    if let Some(word) = line.peek().filter(|word| word.text == "global") {
        let diagnostic = Diagnostic::error("'log global' belongs in a proxy", word.span);
        return line.fail(diagnostic.label("a log target expected"));
    }
    let target = target(line)?;
    draft.global.log.push(target);
    Some(())
}

fn proxy(draft: &mut Draft, line: &mut Directive<'_>) -> Option<()> {
    if line.prefix != Prefix::None {
        draft.log.clear();
        return line.finish();
    }
    let entry = if line.take("global") {
        line.finish()?;
        LogEntry::Global
    } else {
        LogEntry::To(target(line)?)
    };
    if !draft.log.contains(&entry) {
        draft.log.push(entry);
    }
    Some(())
}

/// `TARGET [len N] [format F] FACILITY [MAX [MIN]]`
fn target(line: &mut Directive<'_>) -> Option<LogTarget> {
    let word = line.expect("a log target")?;
    let to = match log_destination(&word.text) {
        Ok(to) => to,
        Err(error) => {
            let diagnostic = Diagnostic::error(error.message, word.part(error.at)).label("not a log target");
            return line.fail(diagnostic.help(error.help));
        }
    };
    let (mut max_len, mut format) = (1024, None);
    let facility = loop {
        let word = line.expect("a facility, such as local0")?;
        match word.text.as_str() {
            "len" => {
                let length = line.value_of(word, "a length")?;
                max_len = line.integer_in(length, "len", 80..=65_535)?;
            }
            "format" => {
                let name = line.value_of(word, "a format")?;
                format = Some(named(name, "a log format", &FORMATS, &["priority", "local"], line)?);
            }
            "sample" | "profile" | "ring" => {
                let help = "'len', 'format', a facility and levels can follow a log target";
                return line.not_yet(&format!("'{}' on a log line", word.text), word.span, help);
            }
            _ => break word,
        }
    };
    let Some(number) = FACILITIES.iter().position(|name| *name == facility.text) else {
        return line.unknown(facility, "a syslog facility", &FACILITIES);
    };
    let max_level = level(line)?.unwrap_or(Level::Debug);
    let min_level = level(line)?.unwrap_or(Level::Emerg);
    line.finish()?;
    let socket = matches!(to, LogDestination::Udp(_) | LogDestination::Unix(_));
    let default_format = if socket { SyslogFormat::Rfc3164 } else { SyslogFormat::Raw };
    Some(LogTarget {
        to,
        format: format.unwrap_or(default_format),
        facility: Facility(u8::try_from(number).unwrap_or(0)),
        max_level,
        min_level,
        max_len,
    })
}

/// An optional level; the outer `None` is an error that was reported.
fn level(line: &mut Directive<'_>) -> Option<Option<Level>> {
    match line.next() {
        None => Some(None),
        Some(word) => named(word, "a log level", &LEVELS, &[], line).map(Some),
    }
}

fn named<T: Copy>(
    word: &Word,
    what: &str,
    known: &[(&str, T)],
    planned: &[&str],
    line: &mut Directive<'_>,
) -> Option<T> {
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == word.text) {
        return Some(*value);
    }
    let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
    if planned.contains(&word.text.as_str()) {
        return line.not_yet(
            &format!("'{}'", word.text),
            word.span,
            &format!("supported are {}", names.join(", ")),
        );
    }
    line.unknown(word, what, &names)
}
