//! Section headers: names, and inheritance from `defaults`.

use super::draft::{Draft, Place};
use super::lexer::Word;
use super::sections::{NamedDefaults, Reader, Section};
use crate::diagnostic::{Diagnostic, nearest};
use crate::source::Span;

impl Reader<'_> {
    /// Ends the section before and starts the one that `words` is the header of.
    pub(super) fn enter(&mut self, place: Place, words: &[Word]) {
        self.leave();
        self.start(place, words);
    }

    /// Stores the section that ends here.
    pub(super) fn leave(&mut self) {
        if let Section::Draft(draft) = std::mem::replace(&mut self.section, Section::Outside) {
            if draft.place != Place::Defaults {
                self.proxies.push(*draft);
                return;
            }
            if !draft.proxy.name.is_empty() {
                self.named.push(NamedDefaults { draft: (*draft).clone(), header: draft.proxy.span });
            }
            self.defaults = Some(*draft);
        }
    }

    fn start(&mut self, place: Place, words: &[Word]) {
        let header = &words[0];
        let mut rest = &words[1..];
        self.section_name = header.text.clone();
        if place == Place::Global {
            self.section = Section::Global;
            self.extra_words(header, rest, "a 'global' section has no name");
            return;
        }
        let mut name = "";
        let mut span = header.span;
        match rest.first() {
            Some(word) if word.text != "from" => {
                (name, span) = (&word.text, header.span.to(word.span));
                self.check_name(word);
                self.section_name = word.text.clone();
                rest = &rest[1..];
            }
            _ if place == Place::Defaults => {}
            _ => {
                let end = Span { start: header.span.end, ..header.span };
                let message = format!("a '{}' section needs a name", place.keyword());
                self.diagnostics.push(Diagnostic::error(message, end).label("a name is expected here"));
            }
        }
        let mut parent = if place == Place::Defaults { None } else { self.defaults.clone() };
        if let Some(from) = rest.first().filter(|word| word.text == "from") {
            match rest.get(1) {
                Some(word) => parent = self.find_defaults(word).or(parent),
                None => {
                    let end = Span { start: from.span.end, ..from.span };
                    self.diagnostics.push(
                        Diagnostic::error("'from' needs the name of a 'defaults' section", end)
                            .label("a name is expected here"),
                    );
                }
            }
            rest = rest.get(2..).unwrap_or_default();
        }
        let help = if place == Place::Backend {
            "addresses go on 'server' lines"
        } else {
            "addresses go on 'bind' lines"
        };
        self.extra_words(header, rest, help);
        let draft = match parent {
            Some(parent) => parent.inherit(place, name, span),
            None => Draft::built_in(place, name, span),
        };
        self.section = Section::Draft(Box::new(draft));
    }

    fn extra_words(&mut self, header: &Word, rest: &[Word], help: &str) {
        if let (Some(first), Some(last)) = (rest.first(), rest.last()) {
            let message = format!("'{}' does not take '{}'", header.text, first.text);
            let span = first.span.to(last.span);
            self.diagnostics
                .push(Diagnostic::error(message, span).label("the line should end before this").help(help));
        }
    }

    fn check_name(&mut self, word: &Word) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
        if let Some((at, c)) = word.text.char_indices().find(|(_, c)| !allowed(*c)) {
            let message = format!("the character '{}' cannot be in a name", c.escape_debug());
            self.diagnostics.push(
                Diagnostic::error(message, word.part(at..at + c.len_utf8()))
                    .label("letters, digits and _ . : - are allowed"),
            );
        }
    }

    fn find_defaults(&mut self, word: &Word) -> Option<Draft> {
        let mut found = self.named.iter().filter(|named| named.draft.proxy.name == word.text);
        match (found.next(), found.next()) {
            (Some(first), Some(second)) => {
                self.diagnostics.push(
                    Diagnostic::error(
                        format!("there are two 'defaults' sections '{}'", word.text),
                        word.span,
                    )
                    .label("which one is not clear")
                    .related(second.header, "the second one")
                    .help("give them different names"),
                );
                Some(first.draft.clone())
            }
            (Some(first), None) => Some(first.draft.clone()),
            (None, _) => {
                let names: Vec<_> = self.named.iter().map(|named| named.draft.proxy.name.as_str()).collect();
                let label = match nearest(&word.text, names.iter().copied()) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => "no such section above".to_owned(),
                };
                let message = format!("there is no 'defaults' section '{}'", word.text);
                self.diagnostics.push(Diagnostic::error(message, word.span).label(label));
                None
            }
        }
    }
}
