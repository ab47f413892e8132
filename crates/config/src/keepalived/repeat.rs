//! `~SEQ(...)` and `~LST(...)`: a line that stands for several.

use super::lexer::{Char, trim};
use crate::source::Span;

/// How many lines one `~SEQ` or `~LST` may make.
const MAX_ROWS: usize = 65_536;

/// What the variables are in one repetition.
pub(super) type Row = Vec<(String, String)>;

/// A line with a repetition at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repeat {
    /// The variables' values, one row a repetition.
    pub(super) rows: Vec<Row>,
    /// What is repeated.
    pub(super) rest: Vec<Char>,
}

/// Why a repetition makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RepeatError {
    pub(super) span: Span,
    pub(super) message: &'static str,
}

/// Where the parentheses of a `~SEQ(`, `~SEQx(` or `~LST(` at the start of a line are; `None`: there is none.
fn frame(text: &[Char]) -> Option<(Kind, usize, Result<usize, ()>)> {
    let start: String = text.iter().take(6).map(|c| c.c).collect();
    let kinds = [("~SEQx(", Kind::Hex), ("~SEQ(", Kind::Decimal), ("~LST(", Kind::List)];
    let (word, kind) = kinds.into_iter().find(|(word, _)| start.starts_with(word))?;
    let close = text.iter().position(|c| c.c == ')').ok_or(());
    Some((kind, word.len(), close))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Decimal,
    Hex,
    List,
}

/// Reads the repetition a line starts with, if it does. `resolve` replaces definitions in what stands between the
/// parentheses.
///
/// # Errors
/// One of the forms, with arguments that do not fit it.
pub(super) fn repeat(
    text: &[Char],
    resolve: impl Fn(&[Char]) -> Vec<Char>,
) -> Option<Result<Repeat, RepeatError>> {
    let (kind, open, close) = frame(text)?;
    let first = text.first()?.span;
    let fail = |message| RepeatError { span: first, message };
    let Ok(close) = close else { return Some(Err(fail("this repetition has no `)`"))) };
    let arguments: String = resolve(&text[open..close]).iter().map(|c| c.c).collect();
    let rows = match kind {
        Kind::Decimal => sequence(&arguments, |n| n.to_string()),
        Kind::Hex => sequence(&arguments, |n| if n < 0 { format!("-{:x}", -n) } else { format!("{n:x}") }),
        Kind::List => list(&arguments),
    };
    Some(match rows {
        Ok(rows) => Ok(Repeat { rows, rest: trim(&text[close + 1..]).to_vec() }),
        Err(message) => Err(RepeatError { span: first.to(text[close].span), message }),
    })
}

/// `VAR, [START, [STEP,]] END`
fn sequence(arguments: &str, show: impl Fn(i64) -> String) -> Result<Vec<Row>, &'static str> {
    const FORM: &str = "expected ~SEQ(VAR, [START, [STEP,]] END) with whole numbers";
    let mut words = arguments.split(',').map(str::trim);
    let name = words.next().filter(|name| is_name(name)).ok_or(FORM)?;
    let numbers: Vec<i64> = words.map(number).collect::<Option<_>>().ok_or(FORM)?;
    let (start, step, end) = match numbers[..] {
        [end] => (if end > 0 { 1 } else { -1 }, None, end),
        [start, end] => (start, None, end),
        [start, step, end] => (start, Some(step), end),
        _ => return Err(FORM),
    };
    let step = step.unwrap_or(if end >= start { 1 } else { -1 });
    if step == 0 || (end - start).signum() * step.signum() < 0 {
        return Err("this sequence never gets to its end");
    }
    let mut rows = Vec::new();
    let mut at = start;
    while if step > 0 { at <= end } else { at >= end } {
        if rows.len() >= MAX_ROWS {
            return Err("this sequence makes more than 65536 lines");
        }
        rows.push(vec![(name.to_owned(), show(at))]);
        at += step;
    }
    Ok(rows)
}

/// `VAR, VALUE, ...` or `{VAR, VAR}, {VALUE, VALUE}, ...`
fn list(arguments: &str) -> Result<Vec<Row>, &'static str> {
    const FORM: &str = "expected ~LST(VAR, VALUE, ...) or ~LST({VAR, VAR}, {VALUE, VALUE}, ...)";
    let mut groups = groups(arguments).ok_or(FORM)?.into_iter();
    let names = groups.next().filter(|names| names.iter().all(|name| is_name(name))).ok_or(FORM)?;
    let mut rows = Vec::new();
    for values in groups {
        if values.len() != names.len() {
            return Err(FORM);
        }
        rows.push(names.iter().cloned().zip(values).collect());
    }
    if rows.is_empty() { Err(FORM) } else { Ok(rows) }
}

/// What is between commas; what stands in braces is a group of its own.
fn groups(text: &str) -> Option<Vec<Vec<String>>> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    loop {
        let after = if let Some(inner) = rest.strip_prefix('{') {
            let (group, after) = inner.split_once('}')?;
            out.push(group.split(',').map(|word| word.trim().to_owned()).collect());
            after.trim_start()
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            out.push(vec![rest[..end].trim().to_owned()]);
            &rest[end..]
        };
        if after.is_empty() {
            return Some(out);
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Decimal or, after `0x`, hexadecimal; small enough that no sum of two overflows.
fn number(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i64::from(u32::from_str_radix(hex, 16).ok()?),
        None => i64::from(digits.parse::<u32>().ok()?),
    };
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::super::lexer;
    use super::*;
    use crate::source::FileId;

    fn repeated(line: &str) -> Result<(Vec<String>, String), &'static str> {
        let chars = lexer::lines(FileId(0), line).remove(0);
        let found = repeat(&chars, <[Char]>::to_vec).expect("a repetition").map_err(|error| error.message)?;
        let row = |row: &Row| {
            row.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        Ok((found.rows.iter().map(row).collect(), found.rest.iter().map(|c| c.c).collect()))
    }

    #[test]
    fn sequences_count_up_and_down_in_decimal_and_hexadecimal() {
        for (line, rows) in [
            ("~SEQ(n, 0, 3) x", vec!["n=0", "n=1", "n=2", "n=3"]),
            ("~SEQ(n, 2) x", vec!["n=1", "n=2"]),
            ("~SEQ(n, -2) x", vec!["n=-1", "n=-2"]),
            ("~SEQ(n, 3, 1) x", vec!["n=3", "n=2", "n=1"]),
            ("~SEQ(n,168,2,172) x", vec!["n=168", "n=170", "n=172"]),
            ("~SEQx(n, 144, 16, 192) x", vec!["n=90", "n=a0", "n=b0", "n=c0"]),
            ("~SEQx(n, 0x12, -3, 0x0c) x", vec!["n=12", "n=f", "n=c"]),
            ("~SEQ(n, 1, 4, 6) x", vec!["n=1", "n=5"]),
        ] {
            let expected: Vec<String> = rows.into_iter().map(str::to_owned).collect();
            assert_eq!(repeated(line), Ok((expected, "x".to_owned())), "{line}");
        }
    }

    #[test]
    fn lists_give_one_or_several_variables_their_values() {
        let pairs = ["a=10 b=1", "a=20 b=4"].map(str::to_owned).to_vec();
        assert_eq!(repeated("~LST({a, b}, {10,1},{20,4}) ${a}"), Ok((pairs, "${a}".to_owned())));
        let single = ["a=x", "a=y"].map(str::to_owned).to_vec();
        assert_eq!(repeated("~LST(a, x, y) z"), Ok((single, "z".to_owned())));
    }

    #[test]
    fn repetitions_that_make_no_sense_are_errors() {
        for line in [
            "~SEQ(n, 1, 5 x",
            "~SEQ() x",
            "~SEQ(1, 2) x",
            "~SEQ(n, a) x",
            "~SEQ(n, 1, 0, 5) x",
            "~SEQ(n, 1, -1, 5) x",
            "~SEQ(n, 0, 4000000000) x",
            "~SEQ(n, 1, 2, 3, 4) x",
            "~LST(a) x",
            "~LST({a, b}, {1}) x",
            "~LST({a, b}, {1, 2) x",
        ] {
            assert!(repeated(line).is_err(), "{line}");
        }
        let plain = lexer::lines(FileId(0), "~SEQUENCE").remove(0);
        assert_eq!(repeat(&plain, <[Char]>::to_vec), None);
    }
}
