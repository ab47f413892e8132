//! A cursor over one directive, with the checks that every directive needs.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::environment::Environment;
use super::lexer::Word;
use super::units::{TimeUnit, is_time_unit, parse_size, parse_time};
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::source::Span;

/// The word before a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    None,
    /// `no …`
    No,
    /// `default …`
    Default,
}

/// One line: a keyword of one or two words, then its arguments.
///
/// Readers push what is wrong and return `None`; a handler passes that on with `?`.
pub(crate) struct Directive<'a> {
    /// The full name, such as `timeout client`.
    pub(crate) name: &'a str,
    pub(crate) prefix: Prefix,
    pub(crate) env: &'a dyn Environment,
    pub(crate) diagnostics: &'a mut Diagnostics,
    words: &'a [Word],
    first: usize,
    at: usize,
}

impl<'a> Directive<'a> {
    /// `words[first..arguments]` is the keyword.
    pub(crate) fn new(
        words: &'a [Word],
        (first, arguments): (usize, usize),
        name: &'a str,
        prefix: Prefix,
        env: &'a dyn Environment,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        Self { name, prefix, env, diagnostics, words, first, at: arguments }
    }

    /// The keyword.
    pub(crate) fn span(&self) -> Span {
        let end = self.words.len().min(if self.name.contains(' ') { self.first + 2 } else { self.first + 1 });
        self.words[self.first].span.to(self.words[end - 1].span)
    }

    /// The whole line from its first word to its last.
    pub(crate) fn line(&self) -> Span {
        self.words[0].span.to(self.words[self.words.len() - 1].span)
    }

    /// The empty place behind the last word.
    pub(crate) fn end(&self) -> Span {
        let last = self.words[self.words.len() - 1].span;
        Span { start: last.end, ..last }
    }

    /// The next argument.
    pub(crate) fn next(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// The next argument without taking it.
    pub(crate) fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.at)
    }

    /// Takes the next argument if it is `text`.
    pub(crate) fn take(&mut self, text: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.text == text);
        self.at += usize::from(found);
        found
    }

    /// All arguments that are left.
    pub(crate) fn rest(&mut self) -> &'a [Word] {
        let rest = &self.words[self.at.min(self.words.len())..];
        self.at = self.words.len();
        rest
    }

    /// Reports an error and returns `None`.
    pub(crate) fn fail<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.diagnostics.push(diagnostic);
        None
    }

    /// The next argument, or an error that says what is missing.
    pub(crate) fn expect(&mut self, what: &str) -> Option<&'a Word> {
        if let Some(word) = self.next() {
            return Some(word);
        }
        let message = format!("'{}' needs {what}", self.name);
        let label = format!("{what} expected here");
        self.fail(Diagnostic::error(message, self.end()).label(label))
    }

    /// The argument of `option`, which is an option of this directive, not its keyword.
    pub(crate) fn value_of(&mut self, option: &Word, what: &str) -> Option<&'a Word> {
        if let Some(word) = self.next() {
            return Some(word);
        }
        let message = format!("'{}' needs {what}", option.text);
        self.fail(Diagnostic::error(message, option.span).label(format!("{what} has to follow")))
    }

    /// A whole number within `range`.
    pub(crate) fn integer<T>(&mut self, what: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let word = self.expect(what)?;
        self.integer_in(word, self.name, range)
    }

    /// `word` as a whole number within `range`, for the directive or option `name`.
    pub(crate) fn integer_in<T>(&mut self, word: &Word, name: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let digits = !word.text.is_empty() && word.text.bytes().all(|b| b.is_ascii_digit());
        match word.text.parse::<T>() {
            Ok(value) if digits && range.contains(&value) => Some(value),
            _ => {
                let message = format!("'{name}' does not take '{}'", word.text);
                let label = format!("a whole number from {} to {} expected", range.start(), range.end());
                let diagnostic = Diagnostic::error(message, word.span).label(label);
                match parse_size(&word.text) {
                    Ok(number) if !digits => self.fail(diagnostic.help(format!("write {number}"))),
                    _ => self.fail(with_variable_hint(diagnostic, word)),
                }
            }
        }
    }

    /// A time, alone at the end of the line or before other arguments.
    pub(crate) fn time(&mut self, what: &str, unit: TimeUnit) -> Option<Duration> {
        let word = self.expect(what)?;
        self.time_in(word, self.name, unit)
    }

    /// `word` as a time, for the directive or option `name`.
    pub(crate) fn time_in(&mut self, word: &'a Word, name: &str, unit: TimeUnit) -> Option<Duration> {
        match parse_time(&word.text, unit) {
            Ok(time) => {
                let next = self.peek();
                if let Some(next) = next.filter(|next| is_time_unit(&next.text)) {
                    self.at += 1;
                    let message = format!("the unit '{}' has to touch its number", next.text);
                    let help = format!("write '{}{}'", word.text, next.text);
                    let span = word.span.to(next.span);
                    return self
                        .fail(Diagnostic::error(message, span).label("a blank ends the time").help(help));
                }
                Some(time)
            }
            Err(error) => {
                let message = format!("'{name}' does not take '{}'", word.text);
                let diagnostic =
                    Diagnostic::error(message, word.part(error.at)).label(error.message).help(error.help);
                self.fail(with_variable_hint(diagnostic, word))
            }
        }
    }

    /// Reports arguments that are left over.
    pub(crate) fn finish(&mut self) -> Option<()> {
        let rest = self.rest();
        let (Some(first), Some(last)) = (rest.first(), rest.last()) else { return Some(()) };
        let message = format!("'{}' does not take '{}'", self.name, first.text);
        self.fail(
            Diagnostic::error(message, first.span.to(last.span)).label("the line should end before this"),
        )
    }

    /// Reports a word that is none of the `known` ones.
    pub(crate) fn unknown<T>(&mut self, word: &Word, what: &str, known: &[&str]) -> Option<T> {
        let diagnostic = Diagnostic::error(format!("'{}' is not {what}", word.text), word.span);
        let diagnostic = match nearest(&word.text, known.iter().copied()) {
            Some(near) => diagnostic.label(format!("did you mean '{near}'?")),
            None => diagnostic.label("not known here").help(format!("known are {}", known.join(", "))),
        };
        self.fail(diagnostic)
    }

    /// Reports something HAProxy has and this product does not have yet.
    pub(crate) fn not_yet<T>(&mut self, what: &str, span: Span, supported: &str) -> Option<T> {
        let diagnostic = Diagnostic::error(format!("{what} is not yet supported"), span)
            .label("not yet supported")
            .help(supported);
        self.fail(diagnostic)
    }

    /// Says that something was accepted and does nothing.
    pub(crate) fn no_effect(&mut self, what: &str, span: Span, why: &str) {
        let message = format!("{what} has no effect: {why}");
        self.diagnostics.push(Diagnostic::warning(message, span).label("accepted, without effect"));
    }
}

/// Adds the usual reason for a `$` in a value.
pub(crate) fn with_variable_hint(diagnostic: Diagnostic, word: &Word) -> Diagnostic {
    if word.has_literal_variable() {
        return diagnostic
            .help(format!("variables are expanded inside double quotes only: \"{}\"", word.text));
    }
    diagnostic
}
