//! The `global` section.

use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, nearest};
use crate::haproxy::address::bind_addresses;
use crate::haproxy::directive::{Directive, Prefix};
use crate::haproxy::draft::GlobalDraft;
use crate::haproxy::keywords::{Action, G, Keyword, keyword};
use crate::haproxy::model::Heartbeat;
use crate::haproxy::units::TimeUnit;

pub(super) static TABLE: &[Keyword] = &[
    keyword("description", G, Action::Global(description)),
    keyword("group", G, Action::Global(group)),
    keyword("hard-stop-after", G, Action::Global(hard_stop_after)),
    keyword("heartbeat", G, Action::Global(heartbeat)),
    keyword("log-send-hostname", G, Action::Global(log_send_hostname)),
    keyword("log-tag", G, Action::Global(log_tag)),
    keyword("maxconn", G, Action::Global(maxconn)),
    keyword("nbthread", G, Action::Global(nbthread)),
    keyword("node", G, Action::Global(node)),
    keyword("pidfile", G, Action::Global(pidfile)),
    keyword("presetenv", G, Action::Global(set_variable)),
    keyword("resetenv", G, Action::Global(reset_variables)),
    keyword("setenv", G, Action::Global(set_variable)),
    keyword("spread-checks", G, Action::Global(spread_checks)),
    keyword("stats maxconn", G, Action::Silent),
    keyword("stats socket", G, Action::Global(stats_socket)),
    keyword("stats timeout", G, Action::Global(stats_timeout)),
    keyword("unsetenv", G, Action::Global(unset_variables)),
    keyword("user", G, Action::Global(user)),
];

fn one_word(line: &mut Directive<'_>, what: &str) -> Option<String> {
    let word = line.expect(what)?;
    line.finish()?;
    Some(word.text.clone())
}

fn description(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    line.peek().or_else(|| line.expect("a text"))?;
    let words: Vec<_> = line.rest().iter().map(|word| word.text.as_str()).collect();
    draft.global.description = Some(words.join(" "));
    Some(())
}

fn user(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    draft.global.user = Some(one_word(line, "a user name")?);
    Some(())
}

fn group(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    draft.global.group = Some(one_word(line, "a group name")?);
    Some(())
}

fn node(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    draft.global.node = Some(one_word(line, "a name")?);
    Some(())
}

fn pidfile(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    draft.global.pidfile = Some(PathBuf::from(one_word(line, "a path")?));
    Some(())
}

fn log_tag(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    draft.global.log_tag = one_word(line, "a name")?;
    Some(())
}

/// Without a name the host's own is meant, which an empty name stands for.
fn log_send_hostname(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    let name = line.next().map(|word| word.text.clone()).unwrap_or_default();
    line.finish()?;
    draft.global.log_send_hostname = Some(name);
    Some(())
}

fn hard_stop_after(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    let time = line.time("a time", TimeUnit::Milliseconds)?;
    line.finish()?;
    draft.global.hard_stop_after = Some(time).filter(|time| !time.is_zero());
    Some(())
}

fn maxconn(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    let value = line.integer("a number", 0..=i32::MAX.unsigned_abs())?;
    line.finish()?;
    draft.global.maxconn = Some(value).filter(|value| *value > 0);
    Some(())
}

fn nbthread(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    let value = line.integer("a number of threads", 1..=1024)?;
    line.finish()?;
    draft.global.nbthread = Some(value);
    Some(())
}

fn spread_checks(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    let value = line.integer("percents", 0..=50)?;
    line.finish()?;
    draft.global.spread_checks = value;
    Some(())
}

/// `heartbeat PATH`, `heartbeat off`, `no heartbeat`; not in HAProxy.
fn heartbeat(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    draft.global.heartbeat = match line.prefix {
        Prefix::No => Heartbeat::Off,
        Prefix::Default => Heartbeat::Default,
        Prefix::None => {
            let word = line.expect("a path or 'off'")?;
            if word.text == "off" { Heartbeat::Off } else { Heartbeat::Path(PathBuf::from(&word.text)) }
        }
    };
    line.finish()
}

fn stats_timeout(_: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    line.time("a time", TimeUnit::Milliseconds)?;
    line.finish()
}

/// `stats socket ADDRESS [mode M] [user U] [group G] [level L] [expose-fd listeners]`
fn stats_socket(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    const WITH_VALUE: [&str; 9] =
        ["mode", "user", "uid", "group", "gid", "level", "expose-fd", "name", "severity-output"];
    let word = line.expect("a path")?;
    match bind_addresses(&word.text) {
        Ok(addresses) => draft.global.stats_sockets.extend(addresses),
        Err(_) if !word.text.contains([':', '@']) => {
            draft
                .global
                .stats_sockets
                .push(crate::haproxy::model::BindAddress::Unix(PathBuf::from(&word.text)));
        }
        Err(error) => {
            let diagnostic = Diagnostic::error(error.message, word.part(error.at)).label("not an address");
            return line.fail(diagnostic.help(error.help));
        }
    }
    while let Some(option) = line.next() {
        match option.text.as_str() {
            "level" => {
                let level = line.value_of(option, "user, operator or admin")?;
                if !["user", "operator", "admin"].contains(&level.text.as_str()) {
                    return line.unknown(level, "a level", &["user", "operator", "admin"]);
                }
            }
            "accept-proxy" | "ssl" => {
                let help = "protect the socket by its permissions, as in mode 660";
                return line.not_yet(&format!("'{}' on a stats socket", option.text), option.span, help);
            }
            text if WITH_VALUE.contains(&text) => drop(line.value_of(option, "a value")?),
            text => {
                let message = format!("'{text}' is not an option of 'stats socket'");
                let label = nearest(text, WITH_VALUE)
                    .map_or_else(|| "not known here".to_owned(), |near| format!("did you mean '{near}'?"));
                return line.fail(Diagnostic::error(message, option.span).label(label));
            }
        }
    }
    Some(())
}

/// `setenv NAME VALUE`; `presetenv` leaves a variable that is set alone.
fn set_variable(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    let name = line.expect("a name and a value")?;
    let value = line.expect("a value")?;
    line.finish()?;
    let known = match draft.variables.get(&name.text) {
        Some(value) => value.is_some(),
        None => line.env.variable(&name.text).is_some(),
    };
    if line.name == "setenv" || !known {
        draft.variables.insert(name.text.clone(), Some(value.text.clone()));
    }
    Some(())
}

fn unset_variables(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    for name in line.rest() {
        draft.variables.insert(name.text.clone(), None);
    }
    Some(())
}

/// `resetenv [NAME]…` unsets every variable but those named.
fn reset_variables(draft: &mut GlobalDraft, line: &mut Directive<'_>) -> Option<()> {
    let kept: std::collections::BTreeSet<_> = line.rest().iter().map(|word| word.text.clone()).collect();
    draft.variables.retain(|name, _| kept.contains(name));
    draft.kept_variables = Some(kept);
    Some(())
}
