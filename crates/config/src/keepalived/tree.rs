//! Lines to blocks.

use super::keywords;
use super::lexer::{Token, Word};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;

/// How deep blocks may nest; keepalived's own need three.
const MAX_DEPTH: usize = 16;

/// A keyword with its values, and what stands in its braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) keyword: Word,
    pub(super) args: Vec<Word>,
    /// `None`: no braces.
    pub(super) body: Option<Vec<Block>>,
    /// Whether it stands on the line of the brace that opens the block around it. Such a line may hold several
    /// statements (keepalived wants one a line), which only the keywords of the block can tell apart.
    pub(super) inline: bool,
    /// The keyword and its values.
    pub(super) span: Span,
}

impl Block {
    /// A statement without a body from at least one word.
    pub(super) fn from_words(keyword: Word, args: Vec<Word>, inline: bool) -> Self {
        let span = args.last().map_or(keyword.span, |last| keyword.span.to(last.span));
        Self { keyword, args, body: None, inline, span }
    }

    /// The text of an argument.
    pub(super) fn arg(&self, index: usize) -> Option<&str> {
        self.args.get(index).map(|word| word.text.as_str())
    }
}

/// Builds the tree; braces that do not match are reported at the one that is too many.
pub(super) fn build(lines: Vec<Vec<Token>>, diagnostics: &mut Diagnostics) -> Vec<Block> {
    let mut builder = Builder { frames: vec![Frame::default()], diagnostics };
    for (number, line) in lines.into_iter().enumerate() {
        builder.line(number, line);
        if builder.frames.len() > MAX_DEPTH {
            let span = builder.frames.last().and_then(|frame| frame.open);
            if let Some(span) = span {
                builder.diagnostics.push(
                    Diagnostic::error("blocks are nested too deeply", span)
                        .label("the rest of the configuration is not looked at"),
                );
            }
            while builder.frames.len() > 1 {
                builder.close();
            }
            break;
        }
    }
    builder.unclosed(None);
    builder.frames.pop().map(|root| root.statements).unwrap_or_default()
}

/// A block being filled.
#[derive(Debug, Default)]
struct Frame {
    statements: Vec<Block>,
    /// The brace that opened it; `None` for the file itself.
    open: Option<Span>,
    /// The line of that brace.
    line: usize,
    /// Whether no keyword stands before the brace: then the statements are dropped.
    orphan: bool,
}

struct Builder<'a> {
    /// From the file to the innermost open block; never empty.
    frames: Vec<Frame>,
    diagnostics: &'a mut Diagnostics,
}

impl Builder<'_> {
    fn line(&mut self, number: usize, line: Vec<Token>) {
        if let Some(Token::Word(first)) = line.first()
            && self.frames.len() > 1
            && keywords::ONLY_AT_TOP.contains(&first.text.as_str())
        {
            let span = first.span;
            self.unclosed(Some(span));
        }
        let mut words = Vec::new();
        for token in line {
            match token {
                Token::Word(word) => words.push(word),
                Token::Open(span) => {
                    self.statement(&mut words, number);
                    self.open(span, number);
                    if self.frames.len() > MAX_DEPTH {
                        return;
                    }
                }
                Token::Close(span) => {
                    self.statement(&mut words, number);
                    if self.frames.len() > 1 {
                        self.close();
                    } else {
                        self.diagnostics.push(
                            Diagnostic::error("this `}` closes nothing", span)
                                .label("no block is open here")
                                .help("remove it, or look for a missing `{` above"),
                        );
                    }
                }
            }
        }
        self.statement(&mut words, number);
    }

    fn statement(&mut self, words: &mut Vec<Word>, number: usize) {
        let mut words = std::mem::take(words).into_iter();
        if let (Some(keyword), Some(frame)) = (words.next(), self.frames.last_mut()) {
            let inline = frame.open.is_some() && frame.line == number;
            frame.statements.push(Block::from_words(keyword, words.collect(), inline));
        }
    }

    fn open(&mut self, span: Span, number: usize) {
        let last = self.frames.last().and_then(|frame| frame.statements.last());
        let orphan = last.is_none_or(|block| block.body.is_some());
        if orphan {
            self.diagnostics.push(
                Diagnostic::error("this `{` has no keyword before it", span)
                    .label("a block starts with a keyword")
                    .help("write `keyword {`, or remove the braces"),
            );
        }
        self.frames.push(Frame { statements: Vec::new(), open: Some(span), line: number, orphan });
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        let block = self.frames.last_mut().and_then(|parent| parent.statements.last_mut());
        if let (false, Some(block)) = (frame.orphan, block) {
            block.body = Some(frame.statements);
        }
    }

    /// Closes what is open; reports each `{`, the outermost first. `before`: what cannot stand inside them.
    fn unclosed(&mut self, before: Option<Span>) {
        for frame in self.frames.iter().skip(1) {
            let Some(open) = frame.open else { continue };
            let found = Diagnostic::error("this block is not closed", open)
                .label("opened here")
                .help("add the missing `}`");
            self.diagnostics.push(match before {
                Some(span) => found.related(span, "this starts a new block outside it"),
                None => found,
            });
        }
        while self.frames.len() > 1 {
            self.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer;
    use super::*;
    use crate::source::FileId;

    /// The tree as text, and the findings as `offset: message`.
    fn tree(text: &str) -> (String, Vec<String>) {
        let mut diagnostics = Diagnostics::default();
        let lines = lexer::lines(FileId(0), text)
            .iter()
            .map(|line| lexer::tokens(line, &mut diagnostics))
            .filter(|tokens| !tokens.is_empty())
            .collect();
        let blocks = build(lines, &mut diagnostics);
        let found = diagnostics
            .iter()
            .map(|d| format!("{}: {}", d.span.map_or(0, |span| span.start), d.message))
            .collect();
        (show(&blocks), found)
    }

    fn show(blocks: &[Block]) -> String {
        let shown: Vec<String> = blocks
            .iter()
            .map(|block| {
                let mut out = block.keyword.text.clone();
                for word in &block.args {
                    out.push(' ');
                    out.push_str(&word.text);
                }
                if let Some(body) = &block.body {
                    out.push_str(&format!(" {{{}}}", show(body)));
                }
                out
            })
            .collect();
        shown.join("; ")
    }

    #[test]
    fn braces_stand_at_the_end_of_a_line_or_alone_or_around_one_line() {
        for text in ["a b {\nc\nd 1\n}\n", "a b\n{\n c\n d 1\n}", "a b {c\nd 1}", "a b\n\n{\nc\n\nd 1 }"] {
            assert_eq!(tree(text), ("a b {c; d 1}".to_owned(), vec![]), "{text}");
        }
        assert_eq!(tree("a { b { c 1 } }\nd").0, "a {b {c 1}}; d");
    }

    #[test]
    fn braces_that_do_not_match_are_reported_and_the_rest_is_read() {
        for (text, expected, found) in [
            ("a {\nb", "a {b}", vec!["2: this block is not closed"]),
            ("a\n}\nb", "a; b", vec!["2: this `}` closes nothing"]),
            ("{\na\n}\nb", "b", vec!["0: this `{` has no keyword before it"]),
            ("a {\n}\n{\nb\n}", "a {}", vec!["6: this `{` has no keyword before it"]),
            (
                "vrrp_instance A {\nvirtual_ipaddress {\n}\nvrrp_instance B {\n}\n",
                "vrrp_instance A {virtual_ipaddress {}}; vrrp_instance B {}",
                vec!["16: this block is not closed"],
            ),
        ] {
            let found: Vec<String> = found.into_iter().map(str::to_owned).collect();
            assert_eq!(tree(text), (expected.to_owned(), found), "{text}");
        }
    }

    #[test]
    fn deep_nesting_ends_in_one_error() {
        let (_, found) = tree(&"a {\n".repeat(100_000));
        assert_eq!(found.len(), 1);
        let (_, found) = tree(&"a {".repeat(100_000));
        assert_eq!(found.len(), 1);
    }
}
