//! Values: numbers, times, switches, commands. A wrong one is reported and gives `None`.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::command;
use super::super::duration;
use super::super::model::{Command, ScriptUser, Version};
use super::super::tree::Block;
use super::Findings;
use crate::diagnostic::Diagnostic;
use crate::source::Span;

/// A whole number in `range`.
pub(super) fn integer<T>(
    block: &Block,
    index: usize,
    range: RangeInclusive<T>,
    findings: &mut Findings<'_>,
) -> Option<T>
where
    T: Copy + TryFrom<i64>,
    i64: From<T>,
{
    let word = block.args.get(index)?;
    let (low, high) = (i64::from(*range.start()), i64::from(*range.end()));
    let value = word.text.parse::<i64>().ok().filter(|number| (low..=high).contains(number));
    if value.is_none() {
        let expected = if high == 0xffff_ffff {
            format!("a whole number from {low} on")
        } else {
            format!("a whole number from {low} to {high}")
        };
        wrong(block, &word.text, &expected, word.span, findings);
    }
    value.and_then(|number| T::try_from(number).ok())
}

/// A time in `range`.
pub(super) fn seconds(
    block: &Block,
    index: usize,
    range: RangeInclusive<Duration>,
    findings: &mut Findings<'_>,
) -> Option<Duration> {
    let word = block.args.get(index)?;
    let value = duration::parse(&word.text).filter(|time| range.contains(time));
    if value.is_none() {
        let (low, high) = (duration::show(*range.start()), duration::show(*range.end()));
        wrong(block, &word.text, &format!("seconds from {low} to {high}"), word.span, findings);
    }
    value
}

/// `on|true|yes`, `off|false|no`, or nothing, which is on.
pub(super) fn switch(block: &Block, findings: &mut Findings<'_>) -> Option<bool> {
    let Some(word) = block.args.first() else { return Some(true) };
    match word.text.as_str() {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        other => {
            wrong(block, other, "on, off, true, false, yes or no", word.span, findings);
            None
        }
    }
}

/// `weight N [reverse]` with N from −`limit` to `limit`; the number stands at `index`. No sense written: `None`.
pub(super) fn weight(
    block: &Block,
    index: usize,
    limit: i16,
    findings: &mut Findings<'_>,
) -> Option<(i16, Option<bool>)> {
    let weight = integer::<i16>(block, index, -limit..=limit, findings)?;
    let reverse = match block.args.get(index + 1) {
        None => None,
        Some(word) => match word.text.as_str() {
            "reverse" => Some(true),
            "noreverse" => Some(false),
            other => {
                wrong(block, other, "`reverse` after the weight", word.span, findings);
                None
            }
        },
    };
    Some((weight, reverse))
}

/// `2` or `3`.
pub(super) fn version(block: &Block, findings: &mut Findings<'_>) -> Option<Version> {
    integer::<u8>(block, 0, 2..=3, findings).map(|number| if number == 2 { Version::V2 } else { Version::V3 })
}

/// `"COMMAND" [USER] [GROUP]`.
pub(super) fn command(block: &Block, findings: &mut Findings<'_>) -> Option<Command> {
    let word = block.args.first()?;
    match command::split(&word.text) {
        Ok(argv) => Some(Command { raw: word.text.clone(), argv, user: user(block, 1), span: word.span }),
        Err(error) => {
            findings.push(
                Diagnostic::error(error.to_string(), word.span)
                    .label("cannot be run")
                    .help(format!("write `{} \"/path/to/program argument ...\"`", block.keyword.text)),
            );
            None
        }
    }
}

/// `[USER] [GROUP]` from argument `index` on.
pub(super) fn user(block: &Block, index: usize) -> Option<ScriptUser> {
    let user = block.arg(index)?.to_owned();
    let written = block.arg(index + 1).unwrap_or_default();
    let group = written.trim_start_matches(':');
    let group = (!group.is_empty()).then(|| group.to_owned());
    Some(ScriptUser { user, group, supplementary: written.starts_with(':') })
}

/// An interface name the kernel could have: 1 to 15 bytes, no `/`, no blank.
pub(super) fn interface(name: &str, span: Span, findings: &mut Findings<'_>) -> Option<String> {
    let possible = !name.is_empty()
        && name.len() <= 15
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c == '\0' || c.is_whitespace());
    if possible {
        return Some(name.to_owned());
    }
    findings.push(
        Diagnostic::error(format!("`{name}` cannot be the name of an interface"), span)
            .label("1 to 15 bytes without `/` and blanks")
            .help("`ip -br link` lists the interfaces"),
    );
    None
}

/// Reports a value that is not what was expected.
pub(super) fn wrong(block: &Block, value: &str, expected: &str, span: Span, findings: &mut Findings<'_>) {
    let keyword = &block.keyword.text;
    findings.push(
        Diagnostic::error(format!("`{keyword}` cannot be `{value}`"), span)
            .label(format!("expected {expected}")),
    );
}
