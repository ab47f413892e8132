//! The conditions of `.if` and `.elif` (configuration manual 2.4), also those of `lbd -cc`.

use std::ops::Range;

use thiserror::Error;

use super::environment::Environment;
use super::lexer;
use crate::diagnostic::{Diagnostics, nearest};
use crate::source::FileId;

/// Features that `feature(NAME)` answers with true: those a configuration can rely on.
const FEATURES: [&str; 5] = ["EPOLL", "GETADDRINFO", "LINUX_SPLICE", "POLL", "THREAD"];
/// What `enabled(NAME)` answers with true.
const ENABLED: [&str; 5] = ["EPOLL", "GETADDRINFO", "POLL", "REUSEPORT", "SPLICE"];
const PREDICATES: [(&str, usize); 11] = [
    ("defined", 1),
    ("enabled", 1),
    ("feature", 1),
    ("openssl_version_atleast", 1),
    ("openssl_version_before", 1),
    ("ssllib_name_startswith", 1),
    ("streq", 2),
    ("strneq", 2),
    ("strstr", 2),
    ("version_atleast", 1),
    ("version_before", 1),
];
/// Parentheses may nest this deep, so that a hostile line cannot exhaust the stack.
const MAX_DEPTH: usize = 64;

/// A condition that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ConditionError {
    /// The bytes of the condition that are to blame, once variables are expanded.
    pub at: Range<usize>,
    /// What is wrong with them.
    pub message: String,
    /// The way out, or nothing.
    pub help: Option<String>,
}

/// Whether the condition, written as after `.if`, holds. An empty one does not.
///
/// # Errors
/// When the text is not a condition.
///
/// ```
/// use config::haproxy::{FixedEnvironment, evaluate_condition};
///
/// let env = FixedEnvironment::new().with_variable("STAGE", "test");
/// assert_eq!(evaluate_condition("version_atleast(2.8) && streq(\"$STAGE\",test)", &env), Ok(true));
/// assert!(evaluate_condition("version_atleast(", &env).is_err());
/// ```
pub fn evaluate_condition(text: &str, env: &dyn Environment) -> Result<bool, ConditionError> {
    let mut diagnostics = Diagnostics::default();
    let lexed = lexer::split(FileId(0), 0, text, &|name| env.variable(name), &mut diagnostics);
    if let Some(finding) = diagnostics.0.into_iter().next().filter(|_| lexed.broken) {
        let at = finding.span.map_or(0..0, |span| span.start as usize..span.end as usize);
        return Err(ConditionError { at, message: finding.message, help: finding.help });
    }
    let words: Vec<_> = lexed.words.iter().map(|word| word.text.as_str()).collect();
    evaluate(&words.join(" "), &|name| env.variable(name).is_some())
}

pub(crate) fn evaluate(text: &str, defined: &dyn Fn(&str) -> bool) -> Result<bool, ConditionError> {
    let mut parser = Parser { text, at: 0, depth: 0, defined };
    parser.blanks();
    if parser.rest().is_empty() {
        return Ok(false);
    }
    let value = parser.any_of()?;
    parser.blanks();
    if !parser.rest().is_empty() {
        return Err(parser.error(parser.at..text.len(), "the condition should end here"));
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    defined: &'a dyn Fn(&str) -> bool,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn error(&self, at: Range<usize>, message: impl Into<String>) -> ConditionError {
        ConditionError { at, message: message.into(), help: None }
    }

    fn take(&mut self, token: &str) -> bool {
        self.blanks();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// `a || b`, evaluated without short cuts so that every mistake is found.
    fn any_of(&mut self) -> Result<bool, ConditionError> {
        let mut value = self.all_of()?;
        while self.take("||") {
            value |= self.all_of()?;
        }
        Ok(value)
    }

    fn all_of(&mut self) -> Result<bool, ConditionError> {
        let mut value = self.term()?;
        while self.take("&&") {
            value &= self.term()?;
        }
        Ok(value)
    }

    fn term(&mut self) -> Result<bool, ConditionError> {
        let mut negate = false;
        while self.take("!") {
            negate = !negate;
        }
        self.blanks();
        let start = self.at;
        if self.take("(") {
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err(self.error(start..start + 1, "the condition has too many parentheses"));
            }
            let value = self.any_of()?;
            if !self.take(")") {
                return Err(self.error(start..start + 1, "this parenthesis is never closed"));
            }
            self.depth -= 1;
            return Ok(value != negate);
        }
        let length = self.rest().bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let word = &self.rest()[..length];
        self.at += length;
        if word.is_empty() {
            return Err(self.error(start..self.text.len(), "a number or a predicate is expected here"));
        }
        if word.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(word.bytes().any(|b| b != b'0') != negate);
        }
        Ok(self.predicate(word, start)? != negate)
    }

    fn predicate(&mut self, name: &str, start: usize) -> Result<bool, ConditionError> {
        let Some((_, arity)) = PREDICATES.iter().find(|(known, _)| *known == name) else {
            let mut error = self.error(start..self.at, format!("there is no predicate '{name}'"));
            let names = PREDICATES.map(|(known, _)| known);
            error.help = Some(nearest(name, names).map_or_else(
                || format!("the predicates are {}", names.join(", ")),
                |near| format!("did you mean '{near}'?"),
            ));
            return Err(error);
        };
        let arguments = self.arguments(name, start)?;
        if arguments.len() != *arity {
            let count = if *arity == 1 { "one argument".to_owned() } else { format!("{arity} arguments") };
            return Err(self.error(start..self.at, format!("'{name}' takes {count} in parentheses")));
        }
        let (first, second) = (arguments[0].as_str(), arguments.get(1).map_or("", String::as_str));
        Ok(match name {
            "defined" => (self.defined)(first),
            "enabled" => ENABLED.contains(&first),
            "feature" => FEATURES.contains(&first),
            "streq" => first == second,
            "strneq" => first != second,
            "strstr" => first.contains(second),
            "version_atleast" => version(super::LANGUAGE_VERSION) >= version(first),
            "version_before" => version(super::LANGUAGE_VERSION) < version(first),
            // There is no TLS library, so no question about its version has the answer yes.
            _ => false,
        })
    }

    /// `(a,b)`: blanks are part of an argument, quotes are not.
    fn arguments(&mut self, name: &str, start: usize) -> Result<Vec<String>, ConditionError> {
        if !self.rest().starts_with('(') {
            return Err(self.error(start..self.at, format!("'{name}' needs an argument in parentheses")));
        }
        let mut arguments = vec![String::new()];
        let mut quote = None;
        for (offset, c) in self.rest().char_indices().skip(1) {
            let Some(last) = arguments.last_mut() else { break };
            match (c, quote) {
                (_, Some(open)) if c == open => quote = None,
                (_, Some(_)) => last.push(c),
                ('"' | '\'', None) => quote = Some(c),
                (',', None) => arguments.push(String::new()),
                (')', None) => {
                    self.at += offset + 1;
                    return Ok(arguments);
                }
                _ => last.push(c),
            }
        }
        Err(self.error(start..self.text.len(), format!("the arguments of '{name}' are never closed")))
    }
}

/// Up to four numbers; what is missing is zero, and what follows a `-` does not count.
fn version(text: &str) -> [u32; 4] {
    let mut parts = [0; 4];
    for (part, digits) in parts.iter_mut().zip(text.split('-').next().unwrap_or("").split('.')) {
        *part = digits.trim().parse().unwrap_or(0);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_set(name: &str) -> bool {
        name == "SET"
    }

    #[test]
    fn conditions_evaluate() {
        for (text, expected) in [
            ("", false),
            ("0", false),
            ("1", true),
            ("00", false),
            ("!0", true),
            ("!!0", false),
            ("defined(SET)", true),
            ("defined( SET)", false),
            ("defined(UNSET) || 1", true),
            ("0 && 0 || 1 && 1", true),
            ("1 && ( 0 || 0 )", false),
            ("!(1 && 0)", true),
            ("streq(a,a)", true),
            ("streq(a, a)", false),
            ("streq(\"a,b\",'a,b')", true),
            ("strneq(a,b)", true),
            ("strstr(abc,bc)", true),
            ("version_atleast(2.4)", true),
            ("version_atleast(3.2-dev0)", true),
            ("version_atleast(3.2.1)", false),
            ("version_before(3.3)", true),
            ("version_before(3.2)", false),
            ("feature(THREAD)", true),
            ("feature(OPENSSL)", false),
            ("enabled(EPOLL) && !enabled(KQUEUE)", true),
            ("openssl_version_atleast(1.1.1)", false),
        ] {
            assert_eq!(evaluate(text, &is_set), Ok(expected), "{text}");
        }
    }

    #[test]
    fn bad_conditions_say_where() {
        for (text, at) in [
            ("defind(SET)", 0..6),
            ("1 2", 2..3),
            ("1 &&", 4..4),
            ("(1", 0..1),
            ("defined", 0..7),
            ("defined(SET", 0..11),
            ("streq(a)", 0..8),
            ("&& 1", 0..4),
        ] {
            assert_eq!(evaluate(text, &is_set).unwrap_err().at, at, "{text}");
        }
        let near = evaluate("defind(SET)", &is_set).unwrap_err();
        assert_eq!(near.help.as_deref(), Some("did you mean 'defined'?"));
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(evaluate(&"(".repeat(100_000), &is_set).is_err());
    }
}
