//! `$NAME=value` definitions and their expansion.

use std::collections::BTreeMap;

use super::lexer::{Char, trim};
use super::random::Random;
use crate::source::Span;

/// How deep definitions may refer to definitions.
const MAX_DEPTH: usize = 16;
/// How many references one line may expand.
const MAX_REFERENCES: usize = 4096;
/// How long one line may become, in characters.
const MAX_LENGTH: usize = 1 << 16;

/// What the built-in definitions stand for at one line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Builtins<'a> {
    /// `${_PWD}`: the directory of the file being read.
    pub(super) directory: &'a str,
    /// `${_INSTANCE}`: the value of the `instance` keyword.
    pub(super) instance: &'a str,
    /// `${_ENV NAME}` looks here.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// `${_RANDOM}` takes its numbers from here.
    pub(super) random: &'a Random,
}

/// Why a line cannot be expanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    /// The reference.
    pub(super) span: Span,
    /// What is wrong with it.
    pub(super) message: &'static str,
    /// The way out.
    pub(super) help: &'static str,
}

/// The definitions in force. A value of several lines has `\n` between them.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions(BTreeMap<String, Vec<Char>>);

impl Definitions {
    /// Defines or redefines `name`.
    pub(super) fn define(&mut self, name: String, value: Vec<Char>) {
        self.0.insert(name, value);
    }

    /// Sets or forgets `name`; what it was.
    pub(super) fn exchange(&mut self, name: &str, value: Option<Vec<Char>>) -> Option<Vec<Char>> {
        match value {
            Some(value) => self.0.insert(name.to_owned(), value),
            None => self.0.remove(name),
        }
    }

    /// Replaces every reference in `text`; characters that come from a value carry the place of the reference.
    /// What is not defined stays as it is written.
    pub(super) fn expand(&self, text: &[Char], builtins: Builtins<'_>) -> Result<Vec<Char>, Failure> {
        let out = Vec::with_capacity(text.len());
        let mut expansion = Expansion { definitions: self, builtins, references: 0, out };
        expansion.run(text, None, 0)?;
        Ok(expansion.out)
    }
}

/// The name and the first value line of `$NAME=value`, when `text` is a definition.
pub(super) fn definition(text: &[Char]) -> Option<(String, Vec<Char>)> {
    let (dollar, rest) = text.split_first()?;
    let equals = rest.iter().position(|c| c.c == '=')?;
    let name: String = rest[..equals].iter().map(|c| c.c).collect();
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (dollar.c == '$' && starts_well && name.chars().all(is_name))
        .then(|| (name, trim(&rest[equals + 1..]).to_vec()))
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// One line being expanded.
struct Expansion<'a> {
    definitions: &'a Definitions,
    builtins: Builtins<'a>,
    references: usize,
    out: Vec<Char>,
}

impl Expansion<'_> {
    /// Appends the expansion of `text`; `site` is the outermost reference it is part of.
    fn run(&mut self, text: &[Char], site: Option<Span>, depth: usize) -> Result<(), Failure> {
        let definitions = self.definitions;
        let mut at = 0;
        while let Some(&char) = text.get(at) {
            let Some(reference) = Reference::parse(&text[at..]) else {
                self.push(char.c, site.unwrap_or(char.span))?;
                at += 1;
                continue;
            };
            let end = at + reference.length;
            let here = site.unwrap_or_else(|| char.span.to(text[end - 1].span));
            self.references += 1;
            if depth >= MAX_DEPTH || self.references > MAX_REFERENCES {
                return Err(Failure {
                    span: here,
                    message: "this definition refers to itself, or to far too many others",
                    help: "follow the `$NAME=` lines it uses and break the circle",
                });
            }
            if let Some(value) = definitions.0.get(&reference.name).filter(|_| reference.argument.is_none()) {
                self.run(value, Some(here), depth + 1)?;
            } else if let Some(value) = self.builtin(&reference) {
                for c in value.chars() {
                    self.push(c, here)?;
                }
            } else {
                for char in &text[at..end] {
                    self.push(char.c, site.unwrap_or(char.span))?;
                }
            }
            at = end;
        }
        Ok(())
    }

    fn push(&mut self, c: char, span: Span) -> Result<(), Failure> {
        if self.out.len() >= MAX_LENGTH {
            return Err(Failure {
                span,
                message: "this line expands to more than 65536 characters",
                help: "use smaller definitions, or `include` a file",
            });
        }
        self.out.push(Char { c, span });
        Ok(())
    }

    fn builtin(&self, reference: &Reference) -> Option<String> {
        match (reference.name.as_str(), reference.argument.as_deref()) {
            ("_PWD", None) => Some(self.builtins.directory.to_owned()),
            ("_INSTANCE", None) => Some(self.builtins.instance.to_owned()),
            ("_HASH", None) => Some("#".to_owned()),
            ("_BANG", None) => Some("!".to_owned()),
            ("_RANDOM", range) => random(self.builtins.random, range.unwrap_or_default()),
            ("_ENV", Some(name)) => Some(self.builtins.environment.get(name).cloned().unwrap_or_default()),
            _ => None,
        }
    }
}

/// `MIN MAX`; `MAX` is 32767 and `MIN` 0 if it is not there.
fn random(random: &Random, range: &str) -> Option<String> {
    let numbers: Vec<u32> = range.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let (min, max) = match numbers[..] {
        [] => (0, 32_767),
        [min] => (min, 32_767),
        [min, max] => (min, max),
        _ => return None,
    };
    (min <= max).then(|| random.between(min, max).to_string())
}

/// `$NAME`, `${NAME}` or `${NAME argument}`.
struct Reference {
    name: String,
    argument: Option<String>,
    length: usize,
}

impl Reference {
    /// The reference at the start of `text`. Without braces a name ends at a blank, `,`, `)` or the end of the line;
    /// otherwise, as in keepalived, it is no reference: `$HOME/x` in a script is the shell's.
    fn parse(text: &[Char]) -> Option<Self> {
        if text.first()?.c != '$' {
            return None;
        }
        let braced = text.get(1)?.c == '{';
        let start = if braced { 2 } else { 1 };
        let first = text.get(start)?.c;
        if !(first.is_ascii_alphabetic() || first == '_') {
            return None;
        }
        let rest = &text[start..];
        let name_length = rest.iter().position(|c| !is_name(c.c)).unwrap_or(rest.len());
        let name = rest[..name_length].iter().map(|c| c.c).collect();
        let after = &rest[name_length..];
        if !braced {
            let ends = after.first().is_none_or(|c| c.c.is_whitespace() || c.c == ',' || c.c == ')');
            return ends.then_some(Self { name, argument: None, length: start + name_length });
        }
        let close = after.iter().position(|c| !(is_name(c.c) || matches!(c.c, ' ' | '\t')))?;
        if after[close].c != '}' {
            return None;
        }
        let argument: String = after[..close].iter().map(|c| c.c).collect();
        let argument = argument.trim();
        Some(Self {
            name,
            argument: (!argument.is_empty()).then(|| argument.to_owned()),
            length: start + name_length + close + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer;
    use super::*;
    use crate::source::FileId;

    fn chars(text: &str) -> Vec<Char> {
        lexer::lines(FileId(0), text).into_iter().next().unwrap_or_default()
    }

    fn expand(definitions: &[(&str, &str)], text: &str) -> Result<String, Failure> {
        let environment = BTreeMap::from([("SITE".to_owned(), "north".to_owned())]);
        let mut known = Definitions::default();
        for (name, value) in definitions {
            known.define((*name).to_owned(), chars(value));
        }
        let random = Random::new(0);
        let builtins = Builtins {
            directory: "/etc/keepalived",
            instance: "one",
            environment: &environment,
            random: &random,
        };
        known.expand(&chars(text), builtins).map(|text| text.iter().map(|c| c.c).collect())
    }

    #[test]
    fn references_are_replaced_at_use() {
        let definitions = [("IF", "eth0"), ("N", "5"), ("NAME", "VI_${N}"), ("EMPTY", "")];
        for (text, expected) in [
            ("interface $IF", "interface eth0"),
            ("interface ${IF}.7", "interface eth0.7"),
            ("vrrp_instance ${NAME} {", "vrrp_instance VI_5 {"),
            ("a${EMPTY}b", "ab"),
            ("$IF/x stays", "$IF/x stays"),
            ("${UNKNOWN} $UNKNOWN stay", "${UNKNOWN} $UNKNOWN stay"),
            ("${_PWD}/x ${_INSTANCE}", "/etc/keepalived/x one"),
            ("${_HASH}${_BANG}", "#!"),
            ("${_ENV SITE} ${_ENV NONE}.", "north ."),
            ("${_RANDOM 7 7} ${_RANDOM 9 8} ${_RANDOM a}", "7 ${_RANDOM 9 8} ${_RANDOM a}"),
            ("$ ${ $1 ${IF", "$ ${ $1 ${IF"),
        ] {
            assert_eq!(expand(&definitions, text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_circle_ends_in_an_error_at_its_use() {
        let failure = expand(&[("A", "${B}"), ("B", "x${A}")], "ab ${A}").unwrap_err();
        assert_eq!(failure.span, Span::new(FileId(0), 3..7));
    }

    #[test]
    fn doubling_definitions_do_not_explode() {
        let names: Vec<String> = (0..15).map(|i| format!("D{i}")).collect();
        let values: Vec<String> =
            (0..15).map(|i| format!("${{D{0}}}${{D{0}}}${{D{0}}}${{D{0}}}", i + 1)).collect();
        let definitions: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
        assert!(expand(&definitions, "${D0}").is_err());
    }

    #[test]
    fn a_definition_is_a_dollar_a_name_and_an_equals_sign() {
        for (text, expected) in [
            ("$A=1", Some(("A", "1"))),
            ("$A_1= b c ", Some(("A_1", "b c"))),
            ("$A=", Some(("A", ""))),
            ("$1=2", None),
            ("$A =1", None),
            ("A=1", None),
            ("$A", None),
        ] {
            let got = definition(&chars(text));
            let got = got.map(|(name, value)| (name, value.iter().map(|c| c.c).collect::<String>()));
            assert_eq!(got, expected.map(|(n, v)| (n.to_owned(), v.to_owned())), "{text}");
        }
    }
}
