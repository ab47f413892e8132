//! Characters to words: lines, comments, quotes, braces.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span};

/// Keywords whose value is a command: there, single quotes group words too.
const COMMAND_KEYWORDS: &[&str] = &[
    "script",
    "notify",
    "notify_backup",
    "notify_deleted",
    "notify_fault",
    "notify_fifo_script",
    "notify_master",
    "notify_master_rx_lower_pri",
    "notify_split",
    "notify_stop",
    "shutdown_script",
    "startup_script",
    "vrrp_notify_fifo_script",
];

/// A character and the place it stands for: its own, or that of the `$NAME` it was expanded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Char {
    pub(super) c: char,
    pub(super) span: Span,
}

/// A word, without the quotes around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) span: Span,
    /// Whether any part of it stood in quotes: then it is never a keyword of a one-line block.
    pub(super) quoted: bool,
}

/// What a line is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword or a value.
    Word(Word),
    /// `{`
    Open(Span),
    /// `}`
    Close(Span),
}

/// A line without its comment and outer blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stripped {
    pub(super) text: Vec<Char>,
    /// Whether a backslash ended the line (it is not part of `text`).
    pub(super) continued: bool,
}

/// The lines of a file without their line ends (LF or CRLF, the last one optional).
pub(super) fn lines(file: FileId, text: &str) -> Vec<Vec<Char>> {
    let mut out = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let chars = body.char_indices().filter(|(_, c)| *c != '\u{feff}');
        out.push(
            chars.map(|(i, c)| Char { c, span: Span::new(file, at + i..at + i + c.len_utf8()) }).collect(),
        );
        at += line.len();
    }
    out
}

/// Removes the comment (`#` or `!` outside double quotes) and outer blanks; `\#` and `\!` become plain characters.
pub(super) fn strip_comment(line: &[Char]) -> Stripped {
    let mut text = Vec::with_capacity(line.len());
    let mut continued = false;
    let mut quoted = false;
    let mut chars = line.iter().copied();
    while let Some(char) = chars.next() {
        match char.c {
            '"' => {
                quoted = !quoted;
                text.push(char);
            }
            '\\' => match chars.next() {
                Some(next) => {
                    if quoted || !matches!(next.c, '#' | '!') {
                        text.push(char);
                    }
                    text.push(next);
                }
                None => continued = true,
            },
            '#' | '!' if !quoted => break,
            _ => text.push(char),
        }
    }
    Stripped { text: trim(&text).to_vec(), continued }
}

/// `text` without blanks at either end.
pub(super) fn trim(text: &[Char]) -> &[Char] {
    let start = text.iter().position(|c| !c.c.is_whitespace()).unwrap_or(text.len());
    let end = text.iter().rposition(|c| !c.c.is_whitespace()).map_or(start, |last| last + 1);
    &text[start..end]
}

/// The words and braces of a line. A quote that is not closed is reported, and ends with the line.
pub(super) fn tokens(text: &[Char], diagnostics: &mut Diagnostics) -> Vec<Token> {
    let mut out = Vec::new();
    let mut command = false;
    let mut at = 0;
    while let Some(first) = text.get(at) {
        match first.c {
            c if c.is_whitespace() => at += 1,
            '{' => {
                out.push(Token::Open(first.span));
                at += 1;
            }
            '}' => {
                out.push(Token::Close(first.span));
                at += 1;
            }
            _ => {
                let (word, next) = word(text, at, command, diagnostics);
                at = next;
                command |= !word.quoted && COMMAND_KEYWORDS.contains(&word.text.as_str());
                out.push(Token::Word(word));
            }
        }
    }
    out
}

/// The word that starts at `at`, and the index after it.
fn word(text: &[Char], start: usize, command: bool, diagnostics: &mut Diagnostics) -> (Word, usize) {
    let mut word = Word { text: String::new(), span: text[start].span, quoted: false };
    let mut quote: Option<Char> = None;
    let mut at = start;
    while let Some(&char) = text.get(at) {
        // How many characters of the text this step keeps.
        let mut kept = 1;
        match (quote, char.c) {
            (Some(open), c) if c == open.c => {
                quote = None;
                kept = 0;
            }
            (_, '\\') if at + 1 < text.len() => kept = 2,
            (Some(_), _) => {}
            (None, '\'') if !command => {}
            (None, '"' | '\'') => {
                quote = Some(char);
                word.quoted = true;
                kept = 0;
            }
            (None, '{' | '}') => break,
            (None, c) if c.is_whitespace() => break,
            // `${NAME}` that nobody defined stays as text: its braces are not a block's.
            (None, '$') => kept = reference_length(&text[at..]),
            (None, _) => {}
        }
        let next = at + kept.max(1);
        word.text.extend(text[at..at + kept].iter().map(|c| c.c));
        word.span = word.span.to(text[next - 1].span);
        at = next;
    }
    if let Some(open) = quote {
        diagnostics.push(
            Diagnostic::error("this quote is not closed on its line", open.span)
                .label("opened here")
                .help(format!("add the closing {}", open.c)),
        );
    }
    (word, at)
}

/// The length of `${NAME}` or `${NAME argument}` at the start of `text`, or 1.
fn reference_length(text: &[Char]) -> usize {
    if text.get(1).is_none_or(|c| c.c != '{') {
        return 1;
    }
    let inside = |c: &Char| c.c.is_ascii_alphanumeric() || matches!(c.c, '_' | ' ' | '\t');
    let length = text.iter().skip(2).take_while(|c| inside(c)).count();
    if text.get(2 + length).is_some_and(|c| c.c == '}') { length + 3 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let mut diagnostics = Diagnostics::default();
        let line = lines(FileId(0), line).into_iter().next().unwrap_or_default();
        let stripped = strip_comment(&line);
        tokens(&stripped.text, &mut diagnostics)
            .into_iter()
            .map(|token| match token {
                Token::Word(word) => word.text,
                Token::Open(_) => "{".to_owned(),
                Token::Close(_) => "}".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_line_is_words_and_braces_without_its_comment() {
        for (line, expected) in [
            ("", vec![]),
            ("  # only a comment", vec![]),
            ("! so is this", vec![]),
            ("state MASTER# no blank before", vec!["state", "MASTER"]),
            ("priority 100 ! both signs", vec!["priority", "100"]),
            ("auth_pass a\\#b\\!c", vec!["auth_pass", "a#b!c"]),
            ("router_id \"a # b\"", vec!["router_id", "a # b"]),
            ("track_script { chk }", vec!["track_script", "{", "chk", "}"]),
            ("vrrp_instance VI_1{", vec!["vrrp_instance", "VI_1", "{"]),
            ("router_id ${UNDEFINED}x", vec!["router_id", "${UNDEFINED}x"]),
            ("router_id it's", vec!["router_id", "it's"]),
            ("script '/bin/check {}' root", vec!["script", "/bin/check {}", "root"]),
            ("script \"sh -c 'a b'\"", vec!["script", "sh -c 'a b'"]),
            ("script \"a\\\"b\"", vec!["script", "a\\\"b"]),
            ("interface\teth0\r", vec!["interface", "eth0"]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn lines_end_with_lf_or_crlf_and_the_last_needs_neither() {
        let text = "a\r\nb\n\nc";
        let got: Vec<String> =
            lines(FileId(0), text).iter().map(|line| line.iter().map(|c| c.c).collect()).collect();
        assert_eq!(got, ["a", "b", "", "c"]);
        assert_eq!(lines(FileId(0), text)[3][0].span, Span::new(FileId(0), 6..7));
    }

    #[test]
    fn an_open_quote_is_reported_where_it_opens() {
        let mut diagnostics = Diagnostics::default();
        let line = lines(FileId(0), "script \"pkill -0 lbd").remove(0);
        let got = tokens(&line, &mut diagnostics);
        assert_eq!(got.len(), 2);
        assert_eq!(diagnostics.0[0].span, Some(Span::new(FileId(0), 7..8)));
    }
}
