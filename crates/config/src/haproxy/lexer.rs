//! One line of text to words: quotes, escapes, comments, variables (configuration manual 2.2, 2.3).

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span};

/// A word after quoting and expansion, with the place it was written at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// What it means.
    pub(crate) text: String,
    /// Where it stands, quotes included.
    pub(crate) span: Span,
    /// The text is the source byte for byte, so that a part of the text has a place of its own.
    exact: bool,
}

impl Word {
    /// The place of a part of the text; the whole word when it was quoted or expanded.
    pub(crate) fn part(&self, range: Range<usize>) -> Span {
        if !self.exact {
            return self.span;
        }
        let (start, length) = (self.span.start as usize, self.text.len());
        Span::new(self.span.file, start + range.start.min(length)..start + range.end.min(length))
    }

    /// Whether the source has a `$` here that was not expanded because it is outside double quotes.
    pub(crate) fn has_literal_variable(&self) -> bool {
        let bytes = self.text.as_bytes();
        self.exact
            && bytes
                .windows(2)
                .any(|pair| pair[0] == b'$' && (pair[1] == b'{' || pair[1].is_ascii_uppercase()))
    }
}

/// The words of one line.
#[derive(Debug, Default)]
pub(crate) struct Lexed {
    /// The words; those before the error when the line is broken.
    pub(crate) words: Vec<Word>,
    /// An error was reported, and the words must not be acted on.
    pub(crate) broken: bool,
}

/// Splits `line`, which starts at byte `start` of `file` and holds no line end, into words.
///
/// `variable` gives the value of a variable, or of a pseudo variable such as `.LINE`.
pub(crate) fn split(
    file: FileId,
    start: usize,
    line: &str,
    variable: &dyn Fn(&str) -> Option<String>,
    diagnostics: &mut Diagnostics,
) -> Lexed {
    let mut lexer = Lexer {
        file,
        start,
        line,
        at: 0,
        variable,
        words: Vec::new(),
        word: None,
        double: None,
        first_empty: None,
    };
    match lexer.run() {
        Ok(()) => {
            let mut words = lexer.words;
            if let Some(empty) = lexer.first_empty {
                // HAProxy's rule: an empty word ends the list. Words that are lost by it deserve a warning.
                if words.len() > empty + 1 {
                    let lost = words[empty + 1].span.to(words[words.len() - 1].span);
                    diagnostics.push(
                        Diagnostic::warning("an empty word ends the line, what follows is ignored", lost)
                            .label("ignored")
                            .related(words[empty].span, "this word is empty")
                            .help("give the variable a default, as in \"${NAME-default}\", or remove the empty word"),
                    );
                }
                words.truncate(empty);
            }
            Lexed { words, broken: false }
        }
        Err(diagnostic) => {
            diagnostics.push(*diagnostic);
            Lexed { words: lexer.words, broken: true }
        }
    }
}

/// The word being read.
struct Partial {
    bytes: Vec<u8>,
    start: usize,
    exact: bool,
}

struct Lexer<'a> {
    file: FileId,
    start: usize,
    line: &'a str,
    at: usize,
    variable: &'a dyn Fn(&str) -> Option<String>,
    words: Vec<Word>,
    word: Option<Partial>,
    /// Where the open double quote stands.
    double: Option<usize>,
    first_empty: Option<usize>,
}

type Step = Result<(), Box<Diagnostic>>;

impl Lexer<'_> {
    fn run(&mut self) -> Step {
        while let Some(byte) = self.peek(0) {
            match byte {
                0 => {
                    return self.fail(
                        self.at..self.at + 1,
                        "a NUL byte cannot be part of a configuration",
                        "NUL",
                    );
                }
                b'\r' => {
                    return self.fail(
                        self.at..self.at + 1,
                        "a carriage return in the middle of a line hides what follows it",
                        "carriage return",
                    );
                }
                b'"' => self.double_quote(),
                b'\'' if self.double.is_none() => self.single_quoted()?,
                b'\\' => self.escape()?,
                b'$' if self.double.is_some() => self.expand()?,
                b'#' if self.double.is_none() => break,
                b' ' | b'\t' | 0x0b | 0x0c if self.double.is_none() => {
                    self.end_word()?;
                    self.at += 1;
                }
                0x80.. if self.double.is_none() => self.beyond_ascii()?,
                _ => self.copy(1),
            }
        }
        if let Some(open) = self.double {
            return self.unmatched(open, '"');
        }
        self.end_word()
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.line.as_bytes().get(self.at + ahead).copied()
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, self.start + range.start..self.start + range.end)
    }

    fn fail(&self, range: Range<usize>, message: &str, label: &str) -> Step {
        Err(Box::new(Diagnostic::error(message, self.span(range)).label(label)))
    }

    fn open_word(&mut self, exact: bool) -> &mut Partial {
        let start = self.at;
        let word = self.word.get_or_insert_with(|| Partial { bytes: Vec::new(), start, exact: true });
        word.exact &= exact;
        word
    }

    fn copy(&mut self, length: usize) {
        let line = self.line;
        let range = self.at..self.at + length;
        self.open_word(true).bytes.extend_from_slice(&line.as_bytes()[range]);
        self.at += length;
    }

    fn end_word(&mut self) -> Step {
        let Some(word) = self.word.take() else { return Ok(()) };
        let range = word.start..self.at;
        let Ok(text) = String::from_utf8(word.bytes) else {
            return self.fail(range, "the \\x escapes in this word do not make UTF-8 text", "not UTF-8");
        };
        if text.contains('\0') {
            return self.fail(range, "a NUL byte cannot be part of a word", "contains NUL");
        }
        if text.is_empty() && self.first_empty.is_none() {
            self.first_empty = Some(self.words.len());
        }
        let span = self.span(range);
        self.words.push(Word { text, span, exact: word.exact });
        Ok(())
    }

    fn double_quote(&mut self) {
        self.open_word(false);
        self.double = if self.double.is_some() { None } else { Some(self.at) };
        self.at += 1;
    }

    fn single_quoted(&mut self) -> Step {
        let open = self.at;
        let Some(length) = self.line[open + 1..].find('\'') else { return self.unmatched(open, '\'') };
        let text = &self.line[open + 1..open + 1 + length];
        self.open_word(false).bytes.extend_from_slice(text.as_bytes());
        self.at = open + length + 2;
        Ok(())
    }

    fn unmatched(&self, open: usize, quote: char) -> Step {
        let diagnostic =
            Diagnostic::error(format!("this {quote} is never closed"), self.span(open..open + 1))
                .label("opened here")
                .help(format!("close it on the same line, or write \\{quote} for the character itself"));
        Err(Box::new(diagnostic))
    }

    fn escape(&mut self) -> Step {
        let quoted = self.double.is_some();
        let value = match self.peek(1) {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(byte @ (b' ' | b'\\' | b'#' | b'"' | b'\'')) => byte,
            Some(b'$') if quoted => b'$',
            Some(b'x') => {
                let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
                let (Some(high), Some(low)) = (digit(self.peek(2)), digit(self.peek(3))) else {
                    let end = self.line.len().min(self.at + 2);
                    return self.fail(self.at..end, "\\x needs two hexadecimal digits", "as in \\x2f");
                };
                self.open_word(false).bytes.push(u8::try_from(high * 16 + low).unwrap_or(0));
                self.at += 4;
                return Ok(());
            }
            // Any other pair is two plain characters.
            _ => {
                self.copy(1);
                return Ok(());
            }
        };
        self.open_word(false).bytes.push(value);
        self.at += 2;
        Ok(())
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}`, with the dollar at `self.at`.
    fn expand(&mut self) -> Step {
        let dollar = self.at;
        let bytes = self.line.as_bytes();
        let braced = self.peek(1) == Some(b'{');
        let name_start = dollar + 1 + usize::from(braced);
        let pseudo = bytes.get(name_start) == Some(&b'.');
        let mut end = name_start + usize::from(pseudo);
        while bytes.get(end).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            end += 1;
        }
        let name = &self.line[name_start..end];
        let starts_well = bytes.get(name_start).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
        let known_pseudo = matches!(name, ".FILE" | ".LINE" | ".SECTION");
        if !(starts_well || pseudo && known_pseudo) {
            let what =
                if pseudo { "there is no such pseudo variable" } else { "a variable name has to follow '$'" };
            let diagnostic = Diagnostic::error(what, self.span(dollar..end.max(dollar + 1)))
                .label(if pseudo { ".FILE, .LINE and .SECTION exist" } else { "not a variable" })
                .help("write \\$ for a dollar sign inside double quotes");
            return Err(Box::new(diagnostic));
        }
        let mut value = (self.variable)(name);
        let mut split_value = false;
        if braced {
            if self.line[end..].starts_with("[*]") {
                split_value = true;
                end += 3;
            }
            let Some(length) = self.line[end..].find('}') else {
                return self.fail(dollar..dollar + 2, "this ${ is never closed", "its } is missing");
            };
            let rest = &self.line[end..end + length];
            match rest.strip_prefix('-') {
                Some(default) => value = value.or_else(|| Some(default.to_owned())),
                None if rest.is_empty() => {}
                None => {
                    return self.fail(
                        end..end + length,
                        "only -default or [*] can follow a variable's name",
                        "expected }",
                    );
                }
            }
            end += length + 1;
        }
        match value {
            Some(value) if split_value => self.push_split(&value, end)?,
            Some(value) => self.open_word(false).bytes.extend_from_slice(value.as_bytes()),
            None if self.is_whole_word(dollar, end) => {
                // A quoted variable that is not set leaves no word at all, not an empty one.
                self.word = None;
                self.double = None;
                self.at = end + 1;
                return Ok(());
            }
            None => {}
        }
        self.at = end;
        Ok(())
    }

    /// `"$NAME"` and nothing else in the word so far.
    fn is_whole_word(&self, dollar: usize, end: usize) -> bool {
        let opened_here = self.word.as_ref().is_some_and(|w| w.bytes.is_empty() && w.start + 1 == dollar);
        opened_here && self.double == Some(dollar - 1) && self.line.as_bytes().get(end) == Some(&b'"')
    }

    fn push_split(&mut self, value: &str, end: usize) -> Step {
        let mut pieces = value.split_ascii_whitespace().peekable();
        let start = self.at;
        while let Some(piece) = pieces.next() {
            self.open_word(false).bytes.extend_from_slice(piece.as_bytes());
            if pieces.peek().is_some() {
                self.at = end;
                self.end_word()?;
                self.at = start;
            }
        }
        Ok(())
    }

    /// Text beyond ASCII is fine, but blanks pasted from a web page look like the ones that separate words.
    fn beyond_ascii(&mut self) -> Step {
        let Some(c) = self.line[self.at..].chars().next() else { return Ok(()) };
        if c.is_whitespace() || c == '\u{200b}' || c == '\u{feff}' {
            let message = format!("U+{:04X} looks like a blank, but does not separate words", u32::from(c));
            let diagnostic = Diagnostic::error(message, self.span(self.at..self.at + c.len_utf8()))
                .label("this character")
                .help("replace it by an ordinary space");
            return Err(Box::new(diagnostic));
        }
        self.copy(c.len_utf8());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn variables(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("h1".into()),
            "EMPTY" => Some(String::new()),
            "LIST" => Some("a  b c".into()),
            ".LINE" => Some("7".into()),
            _ => None,
        }
    }

    fn lex(line: &str) -> (Vec<String>, bool, Vec<String>) {
        let mut diagnostics = Diagnostics::default();
        let lexed = split(FileId(0), 0, line, &variables, &mut diagnostics);
        let texts = lexed.words.iter().map(|w| w.text.clone()).collect();
        (texts, lexed.broken, diagnostics.iter().map(|d| d.message.clone()).collect())
    }

    #[test]
    fn words_follow_the_quoting_rules() {
        for (line, expected) in [
            ("bind :80", vec!["bind", ":80"]),
            ("  a\tb  ", vec!["a", "b"]),
            ("global#x", vec!["global"]),
            ("a # b", vec!["a"]),
            (r"a\ b c", vec!["a b", "c"]),
            (r"a\#b \\ \q", vec!["a#b", r"\", r"\q"]),
            (r#""a b"c 'd "e'"#, vec!["a bc", r#"d "e"#]),
            (r"'a\n$HOST' \n", vec![r"a\n$HOST", "\n"]),
            (r"\x41\x42", vec!["AB"]),
            ("$HOST ${HOST}", vec!["$HOST", "${HOST}"]),
            (r#""$HOST:80" "${HOST}x""#, vec!["h1:80", "h1x"]),
            (r#""${NOPE-5s}" "${HOST-x}""#, vec!["5s", "h1"]),
            (r#"a "${LIST[*]}" b"#, vec!["a", "a", "b", "c", "b"]),
            (r#"a "x${LIST[*]}y""#, vec!["a", "xa", "b", "cy"]),
            (r#"a "$NOPE" b"#, vec!["a", "b"]),
            (r#"a "x$NOPE""#, vec!["a", "x"]),
            (r#"a "\$HOST ${.LINE}""#, vec!["a", "$HOST 7"]),
            (r#"a "${EMPTY}""#, vec!["a"]),
            ("grüße 'ü'", vec!["grüße", "ü"]),
        ] {
            let (words, broken, messages) = lex(line);
            assert_eq!(words, expected, "{line}");
            assert!(!broken && messages.is_empty(), "{line}: {messages:?}");
        }
    }

    #[test]
    fn an_empty_word_ends_the_line_with_a_warning() {
        let (words, broken, messages) = lex(r#"bind :80 "$EMPTY" maxconn 5"#);
        assert_eq!(words, ["bind", ":80"]);
        assert!(!broken);
        assert_eq!(messages.len(), 1);
    }

    #[test]
    fn broken_lines_say_why() {
        for (line, message) in [
            ("a \"b", "this \" is never closed"),
            ("a 'b", "this ' is never closed"),
            ("a \"${HOST", "this ${ is never closed"),
            ("a \"$1\"", "a variable name has to follow '$'"),
            ("a \"$.NOPE\"", "there is no such pseudo variable"),
            ("a \"${HOST[1]}\"", "only -default or [*] can follow a variable's name"),
            (r"a \xg1", "\\x needs two hexadecimal digits"),
            (r"a \xff", "the \\x escapes in this word do not make UTF-8 text"),
            (r"a \x00", "a NUL byte cannot be part of a word"),
            ("a \0", "a NUL byte cannot be part of a configuration"),
            ("a\u{a0}b", "U+00A0 looks like a blank, but does not separate words"),
        ] {
            let (words, broken, messages) = lex(line);
            assert!(broken, "{line}");
            assert_eq!(messages, [message], "{line}");
            assert!(words.len() <= 1, "{line}");
        }
    }

    #[test]
    fn a_part_of_a_plain_word_has_its_own_place() {
        let mut diagnostics = Diagnostics::default();
        let words = split(FileId(0), 100, "inter 5q \"6q\"", &variables, &mut diagnostics).words;
        assert_eq!(words[1].part(1..2), Span::new(FileId(0), 107..108));
        assert_eq!(words[2].part(1..2), words[2].span);
    }
}
