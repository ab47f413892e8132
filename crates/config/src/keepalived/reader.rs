//! Files to lines of words: includes, `@id` conditions, definitions.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::expand::{self, Builtins, Definitions};
use super::lexer::{self, Char, Stripped, Token};
use super::load::Options;
use super::random::Random;
use super::repeat;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::{FileId, Sources, Span};

/// How deep files may include files.
const MAX_DEPTH: usize = 16;
/// How many files one configuration may be read from.
const MAX_FILES: usize = 1000;
/// How many patterns the braces of one `include` may make.
const MAX_PATTERNS: usize = 256;
/// How many `~SEQ` and `~LST` a line may have.
const MAX_REPEATS: usize = 16;
/// How many lines all `~SEQ` and `~LST` of a configuration may make.
const MAX_REPETITIONS: usize = 1 << 17;

/// Adds a file just read to `sources`; bytes that are not UTF-8 are replaced and reported.
pub(super) fn add_file(
    sources: &mut Sources,
    path: &Path,
    bytes: Vec<u8>,
    diagnostics: &mut Diagnostics,
) -> FileId {
    match String::from_utf8(bytes) {
        Ok(text) => sources.add(path, text),
        Err(error) => {
            let start = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let file = sources.add(path, text);
            let span = Span::new(file, start..start + '\u{fffd}'.len_utf8());
            diagnostics.push(
                Diagnostic::warning("this file is not UTF-8", span)
                    .label("the first byte that is not")
                    .help("save the file as UTF-8; such bytes are read as `\u{fffd}`"),
            );
            file
        }
    }
}

/// The lines of `file` and of what it includes, as words, in reading order.
pub(super) fn read(
    sources: &mut Sources,
    file: FileId,
    options: &Options,
    read_file: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
) -> (Vec<Vec<Token>>, Diagnostics) {
    let mut reader = Reader {
        sources,
        options,
        read_file,
        diagnostics: Diagnostics::default(),
        definitions: Definitions::default(),
        instance: String::new(),
        random: Random::new(options.random_seed),
        repeats: 0,
        repetitions: 0,
        lines: Vec::new(),
        open: Vec::new(),
        files: 0,
    };
    reader.file(file);
    (reader.lines, reader.diagnostics)
}

struct Reader<'a> {
    sources: &'a mut Sources,
    options: &'a Options,
    read_file: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    diagnostics: Diagnostics,
    definitions: Definitions,
    /// The value of the last `instance` line.
    instance: String,
    random: Random,
    /// How many `~SEQ` and `~LST` are being repeated, one in another.
    repeats: usize,
    /// How many lines they have made.
    repetitions: usize,
    lines: Vec<Vec<Token>>,
    /// The files being read, the outermost first.
    open: Vec<PathBuf>,
    files: usize,
}

/// A definition whose value goes on in the next line.
struct Pending {
    /// `None`: an `@id` condition said no, the value is read and forgotten.
    name: Option<String>,
    value: Vec<Char>,
}

impl Reader<'_> {
    fn file(&mut self, id: FileId) {
        let Some(source) = self.sources.file(id) else { return };
        let text = Arc::clone(&source.text);
        self.open.push(source.path.clone());
        self.files += 1;
        let mut pending: Option<Pending> = None;
        for line in lexer::lines(id, &text) {
            if line.is_empty() {
                // An empty line ends a definition even after a backslash.
                self.define(pending.take());
                continue;
            }
            let stripped = lexer::strip_comment(&line);
            if stripped.text.is_empty() && !stripped.continued {
                continue;
            }
            pending = match pending {
                Some(mut definition) => {
                    if let (false, Some(first)) = (definition.value.is_empty(), stripped.text.first()) {
                        definition.value.push(Char { c: '\n', span: first.span });
                    }
                    definition.value.extend(stripped.text);
                    if stripped.continued {
                        Some(definition)
                    } else {
                        self.define(Some(definition));
                        None
                    }
                }
                None => self.line(stripped, &line),
            };
        }
        self.define(pending);
        self.open.pop();
    }

    fn define(&mut self, definition: Option<Pending>) {
        if let Some(Pending { name: Some(name), value }) = definition {
            self.definitions.define(name, value);
        }
    }

    /// One line as written; a definition that goes on in the next line is given back.
    fn line(&mut self, stripped: Stripped, written: &[Char]) -> Option<Pending> {
        let mut text = stripped.text;
        let selected = self.select(&mut text);
        if let Some((name, value)) = expand::definition(&text) {
            let definition = Pending { name: selected.then_some(name), value };
            if stripped.continued {
                return Some(definition);
            }
            self.define(Some(definition));
            return None;
        }
        if !selected {
            return None;
        }
        if let (true, Some(last)) = (stripped.continued, written.last()) {
            self.diagnostics.push(
                Diagnostic::error("this line cannot go on in the next one", last.span)
                    .label("a backslash at the end of a line")
                    .help("write it on one line; only a `$NAME=` definition may have several"),
            );
        }
        self.written(&text);
        None
    }

    /// A line as it is written, or with the variable of a repetition set.
    fn written(&mut self, text: &[Char]) {
        if self.repeated(text) {
            return;
        }
        match self.expand(text) {
            Ok(expanded) => {
                for part in expanded.split(|c| c.c == '\n') {
                    self.expanded(lexer::trim(part).to_vec());
                }
            }
            Err(failure) => {
                self.diagnostics.push(Diagnostic::error(failure.message, failure.span).help(failure.help));
            }
        }
    }

    fn expand(&self, text: &[Char]) -> Result<Vec<Char>, expand::Failure> {
        let directory = self.directory();
        let builtins = Builtins {
            directory: &directory,
            instance: &self.instance,
            environment: &self.options.environment,
            random: &self.random,
        };
        self.definitions.expand(text, builtins)
    }

    /// Reads a line that begins with `~SEQ` or `~LST` as often as it says; whether it does.
    fn repeated(&mut self, text: &[Char]) -> bool {
        let resolve = |text: &[Char]| self.expand(text).unwrap_or_else(|_| text.to_vec());
        let Some(found) = repeat::repeat(text, resolve) else { return false };
        let span = text.first().map_or(Span::new(FileId(0), 0..0), |first| first.span);
        let mut refuse = |message: &str, span: Span| {
            self.diagnostics.push(
                Diagnostic::error(message, span)
                    .label("a line that is repeated")
                    .help("for example `~SEQ(n, 1, 3) 192.0.2.${n}`"),
            );
        };
        let found = match found {
            Ok(_) if self.repeats >= MAX_REPEATS => {
                refuse("this line is repeated in too many ways", span);
                return true;
            }
            Ok(found) => found,
            Err(error) => {
                refuse(error.message, error.span);
                return true;
            }
        };
        self.repeats += 1;
        for row in found.rows {
            self.repetitions += 1;
            if self.repetitions > MAX_REPETITIONS {
                self.diagnostics.push(
                    Diagnostic::error("repetitions make more than 131072 lines", span)
                        .label("none of them is looked at")
                        .help("repeat it less often"),
                );
                self.lines.clear();
                break;
            }
            let mut before = Vec::new();
            for (name, value) in row {
                let value = value.chars().map(|c| Char { c, span }).collect();
                before.push((self.definitions.exchange(&name, Some(value)), name));
            }
            self.written(&found.rest);
            for (value, name) in before.into_iter().rev() {
                self.definitions.exchange(&name, value);
            }
        }
        self.repeats -= 1;
        true
    }

    /// One line after expansion.
    fn expanded(&mut self, mut text: Vec<Char>) {
        if !self.select(&mut text) {
            return;
        }
        if let Some((name, value)) = expand::definition(&text) {
            self.definitions.define(name, value);
            return;
        }
        if self.repeated(&text) {
            return;
        }
        let tokens = lexer::tokens(&text, &mut self.diagnostics);
        match tokens.as_slice() {
            [] => {}
            [Token::Word(keyword), ..] if is_include(&keyword.text) => {
                let skip = keyword.text.chars().count();
                let pattern: String = text.iter().skip(skip).map(|c| c.c).collect();
                let strict = keyword.text != "include";
                self.include(pattern.trim().trim_matches('"'), keyword.span, strict);
            }
            [Token::Word(keyword), Token::Word(value)] if keyword.text == "instance" => {
                self.instance.clone_from(&value.text);
                self.lines.push(tokens);
            }
            [Token::Word(keyword), Token::Word(value)] if keyword.text == "random_seed" => {
                if let Ok(seed) = value.text.parse::<u32>() {
                    self.random.seed(u64::from(seed));
                }
                self.lines.push(tokens);
            }
            _ => self.lines.push(tokens),
        }
    }

    /// Whether the `@id` conditions of a line hold; they are removed from it.
    fn select(&self, text: &mut Vec<Char>) -> bool {
        while text.first().is_some_and(|c| c.c == '@') {
            let end = text.iter().position(|c| c.c.is_whitespace()).unwrap_or(text.len());
            let condition: String = text[1..end].iter().map(|c| c.c).collect();
            let rest = lexer::trim(&text[end..]).to_vec();
            *text = rest;
            let (wanted, id) = match condition.strip_prefix('^') {
                Some(id) => (false, id),
                None => (true, condition.as_str()),
            };
            if (self.options.config_id.as_deref() == Some(id)) != wanted {
                return false;
            }
        }
        true
    }

    /// The absolute directory of the file being read.
    fn directory(&self) -> String {
        let directory = self.open.last().and_then(|path| path.parent()).unwrap_or(Path::new(""));
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf());
        absolute.display().to_string()
    }

    /// Reads what `pattern` names, relative to the including file. A `strict` include must find something.
    fn include(&mut self, pattern: &str, span: Span, strict: bool) {
        if pattern.is_empty() {
            self.diagnostics.push(Diagnostic::error("`include` needs a file", span).help("include FILE"));
            return;
        }
        let directory =
            self.open.last().and_then(|path| path.parent()).map(Path::to_path_buf).unwrap_or_default();
        for pattern in braces(pattern) {
            if !pattern.contains(['*', '?', '[']) {
                self.include_file(&directory.join(&pattern), span, strict);
                continue;
            }
            let paths = matches(&directory, &pattern);
            if paths.is_empty() {
                let severity = if strict { Severity::Error } else { Severity::Notice };
                let message = format!("`{pattern}` matches no file");
                self.diagnostics.push(Diagnostic::new(severity, message, Some(span)));
            }
            for path in paths {
                self.include_file(&path, span, strict);
            }
        }
    }

    fn include_file(&mut self, path: &Path, span: Span, strict: bool) {
        let shown = path.display();
        if self.open.iter().any(|open| open == path)
            || self.open.len() >= MAX_DEPTH
            || self.files >= MAX_FILES
        {
            self.diagnostics.push(
                Diagnostic::error(format!("including {shown} does not end"), span)
                    .label("includes itself, or far too many files")
                    .help("remove one `include` of the circle"),
            );
            return;
        }
        match (self.read_file)(path) {
            Ok(bytes) => {
                let file = add_file(self.sources, path, bytes, &mut self.diagnostics);
                self.file(file);
            }
            Err(error) => {
                let severity = if strict { Severity::Error } else { Severity::Warning };
                let message = format!("cannot read {shown}: {error}");
                let mut found = Diagnostic::new(severity, message, Some(span));
                if !strict {
                    found = found.help("keepalived ignores this in silence; `includer` makes it an error");
                }
                self.diagnostics.push(found);
            }
        }
    }
}

fn is_include(word: &str) -> bool {
    matches!(word, "include" | "includer" | "includem" | "includew" | "includeb" | "includea")
}

/// The files that match, by name. What cannot be read on the way is left out, as in glob(3).
fn matches(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let pattern = if pattern.starts_with('/') || directory.as_os_str().is_empty() {
        pattern.to_owned()
    } else {
        format!("{}/{pattern}", glob::Pattern::escape(&directory.to_string_lossy()))
    };
    match glob::glob(&pattern) {
        Ok(paths) => paths.flatten().filter(|path| !path.is_dir()).collect(),
        Err(_) => Vec::new(),
    }
}

/// `{a,b}` in a pattern expands to one pattern for each.
fn braces(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut todo = vec![pattern.to_owned()];
    while let Some(pattern) = todo.pop() {
        if done.len() + todo.len() >= MAX_PATTERNS {
            break;
        }
        let group =
            pattern.find('{').and_then(|open| pattern[open..].find('}').map(|length| (open, open + length)));
        match group {
            Some((open, close)) => {
                let (before, after) = (&pattern[..open], &pattern[close + 1..]);
                todo.extend(
                    pattern[open + 1..close].split(',').rev().map(|each| format!("{before}{each}{after}")),
                );
            }
            None => done.push(pattern),
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_expand_in_order() {
        for (pattern, expected) in [
            ("a.conf", vec!["a.conf"]),
            ("{a,b}.conf", vec!["a.conf", "b.conf"]),
            ("{a,b}/{1,2}", vec!["a/1", "a/2", "b/1", "b/2"]),
            ("{a", vec!["{a"]),
            ("a}{b}", vec!["a}b"]),
        ] {
            assert_eq!(braces(pattern), expected, "{pattern}");
        }
        assert!(braces(&"{a,b}".repeat(40)).len() <= MAX_PATTERNS);
    }
}
