//! The words after an address, and those of a route or a rule: one after another, each with its value.

use super::super::keywords::{Context, Keyword, Support};
use super::super::lexer::Word;
use super::super::tree::Block;
use super::Findings;
use crate::diagnostic::{Diagnostic, nearest};

/// Words being read.
pub(super) struct Words<'a> {
    words: &'a [Word],
    context: &'static Context,
    /// What they describe, for messages.
    what: &'static str,
}

impl<'a> Words<'a> {
    pub(super) fn new(words: &'a [Word], context: &'static Context, what: &'static str) -> Self {
        Self { words, context, what }
    }

    /// The next word when it is none of the table's.
    pub(super) fn value(&mut self) -> Option<&'a Word> {
        let (first, rest) = self.words.split_first()?;
        if self.context.find(&first.text).is_some() {
            return None;
        }
        self.words = rest;
        Some(first)
    }

    /// The next option with its value; `None` at the end, and after a mistake that hides where the next one begins.
    pub(super) fn option(&mut self, findings: &mut Findings<'_>) -> Option<Block> {
        let (word, rest) = self.words.split_first()?;
        self.words = rest;
        let Some(keyword) = self.context.find(&word.text) else {
            findings.push(self.unknown(word));
            self.words = &[];
            return None;
        };
        if let Support::Missing(way_out) | Support::Planned(way_out) = keyword.support {
            findings.push(
                Diagnostic::error(
                    format!("{} option `{}` is not supported yet", self.what, word.text),
                    word.span,
                )
                .label("keepalived's option, not ours so far")
                .help(way_out),
            );
        }
        if let Support::Missing(_) = keyword.support {
            self.words = &[];
            return None;
        }
        self.with_value(word, keyword, findings)
    }

    fn with_value(&mut self, word: &Word, keyword: &Keyword, findings: &mut Findings<'_>) -> Option<Block> {
        let Some((value, rest)) = self.words.split_first().filter(|_| keyword.min() > 0) else {
            if keyword.min() > 0 {
                findings.push(
                    Diagnostic::error(format!("`{}` needs a value", word.text), word.span)
                        .label("nothing follows"),
                );
                return None;
            }
            return Some(Block::from_words(word.clone(), Vec::new(), false));
        };
        self.words = rest;
        Some(Block::from_words(word.clone(), vec![value.clone()], false))
    }

    fn unknown(&self, word: &Word) -> Diagnostic {
        let found = Diagnostic::error(format!("unknown {} option `{}`", self.what, word.text), word.span)
            .label(format!("not a word that stands {}", self.context.place));
        match nearest(&word.text, self.context.keywords.iter().map(|keyword| keyword.name)) {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found,
        }
    }
}
