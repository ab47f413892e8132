//! `.if`, `.elif`, `.else`, `.endif` and the messages `.notice`, `.warning`, `.alert`, `.diag`.

use super::condition::evaluate;
use super::lexer::Word;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::source::Span;

const DIRECTIVES: [&str; 8] = [".if", ".elif", ".else", ".endif", ".notice", ".warning", ".alert", ".diag"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Branch {
    /// Its lines count.
    Taken,
    /// No branch was taken yet.
    Waiting,
    /// A branch was taken before, or the whole block is inside one that is skipped.
    Done,
}

#[derive(Debug)]
struct Block {
    branch: Branch,
    opened: Span,
    /// Where its `.else` stands.
    otherwise: Option<Span>,
}

/// The open conditional blocks of one file.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    blocks: Vec<Block>,
}

impl Conditions {
    /// Whether lines count at the moment.
    pub(crate) fn active(&self) -> bool {
        self.blocks.iter().all(|block| block.branch == Branch::Taken)
    }

    /// Whether a line that starts with this word is for [`Self::directive`], even where lines do not count.
    pub(crate) fn is_block_word(word: &str) -> bool {
        matches!(word, ".if" | ".elif" | ".else" | ".endif")
    }

    /// Obeys a line that starts with a dot.
    pub(crate) fn directive(
        &mut self,
        words: &[Word],
        defined: &dyn Fn(&str) -> bool,
        diagnostics: &mut Diagnostics,
    ) {
        let (keyword, arguments) = (&words[0], &words[1..]);
        match keyword.text.as_str() {
            ".if" => {
                let branch = match self.active() {
                    true if condition(keyword, arguments, defined, diagnostics) => Branch::Taken,
                    true => Branch::Waiting,
                    false => Branch::Done,
                };
                self.blocks.push(Block { branch, opened: keyword.span, otherwise: None });
            }
            ".elif" | ".else" => {
                let Some(block) = self.blocks.last_mut() else {
                    diagnostics.push(orphan(keyword));
                    return;
                };
                if let Some(earlier) = block.otherwise {
                    let message = format!("'{}' after '.else'", keyword.text);
                    diagnostics.push(
                        Diagnostic::error(message, keyword.span).related(earlier, "the block's '.else'"),
                    );
                    return;
                }
                let waiting = block.branch == Branch::Waiting;
                if keyword.text == ".else" {
                    block.otherwise = Some(keyword.span);
                    no_arguments(keyword, arguments, diagnostics);
                }
                block.branch = match waiting {
                    true if keyword.text == ".else" => Branch::Taken,
                    true if condition(keyword, arguments, defined, diagnostics) => Branch::Taken,
                    true => Branch::Waiting,
                    false => Branch::Done,
                };
            }
            ".endif" => {
                no_arguments(keyword, arguments, diagnostics);
                if self.blocks.pop().is_none() {
                    diagnostics.push(orphan(keyword));
                }
            }
            ".notice" => message(Diagnostic::notice, words, diagnostics),
            ".warning" => message(Diagnostic::warning, words, diagnostics),
            ".alert" => message(Diagnostic::error, words, diagnostics),
            // HAProxy shows these only in its diagnostic mode.
            ".diag" => {}
            other => {
                let known = nearest(other, DIRECTIVES).map(|near| format!("did you mean '{near}'?"));
                diagnostics.push(
                    Diagnostic::error(format!("'{other}' is not a directive"), keyword.span)
                        .label(known.unwrap_or_else(|| format!("known are {}", DIRECTIVES.join(" ")))),
                );
            }
        }
    }

    /// Reports blocks that are still open where the file ends.
    pub(crate) fn end(&mut self, diagnostics: &mut Diagnostics) {
        for block in self.blocks.drain(..) {
            diagnostics.push(
                Diagnostic::error("this '.if' has no '.endif'", block.opened)
                    .label("opened here")
                    .help("close it in the same file"),
            );
        }
    }
}

fn orphan(keyword: &Word) -> Diagnostic {
    Diagnostic::error(format!("'{}' without '.if'", keyword.text), keyword.span)
        .label("no block is open here")
}

fn no_arguments(keyword: &Word, arguments: &[Word], diagnostics: &mut Diagnostics) {
    if let (Some(first), Some(last)) = (arguments.first(), arguments.last()) {
        let message = format!("'{}' takes no arguments", keyword.text);
        diagnostics.push(Diagnostic::error(message, first.span.to(last.span)).label("unexpected"));
    }
}

fn message(make: fn(String, Span) -> Diagnostic, words: &[Word], diagnostics: &mut Diagnostics) {
    let texts: Vec<_> = words[1..].iter().map(|word| word.text.as_str()).collect();
    let span = words[0].span.to(words[words.len() - 1].span);
    let text = if texts.is_empty() { format!("'{}' without a text", words[0].text) } else { texts.join(" ") };
    diagnostics.push(make(text, span).label("the configuration says so"));
}

/// Evaluates the words, joined by single blanks as HAProxy does; an unreadable condition does not hold.
fn condition(
    keyword: &Word,
    arguments: &[Word],
    defined: &dyn Fn(&str) -> bool,
    diagnostics: &mut Diagnostics,
) -> bool {
    let texts: Vec<_> = arguments.iter().map(|word| word.text.as_str()).collect();
    match evaluate(&texts.join(" "), defined) {
        Ok(value) => value,
        Err(error) => {
            let mut start = 0;
            let mut span =
                arguments.last().map_or(keyword.span, |last| Span { start: last.span.end, ..last.span });
            for word in arguments {
                let end = start + word.text.len();
                if error.at.start < end {
                    span = word.part(error.at.start.saturating_sub(start)..error.at.end.min(end) - start);
                    break;
                }
                start = end + 1;
            }
            let mut diagnostic = Diagnostic::error(error.message, span).label("in this condition");
            diagnostic.help = error.help;
            diagnostics.push(diagnostic);
            false
        }
    }
}
