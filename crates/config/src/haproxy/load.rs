//! From files, or text in memory, to a [`Config`].

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::model::Config;
use super::sections::Reader;
use super::{crosscheck, finish, lint};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::{FileId, Sources};

/// What [`load`] found.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration; `None` when any finding is an error.
    pub config: Option<Config>,
    /// The files that were read, which the findings point into.
    pub sources: Sources,
    /// Everything found, in file order.
    pub diagnostics: Diagnostics,
}

/// What [`parse`] found.
#[derive(Debug)]
pub struct Parsed {
    /// The configuration; `None` when any finding is an error.
    pub config: Option<Config>,
    /// Everything found, in file order.
    pub diagnostics: Diagnostics,
}

/// Reads configuration files as one configuration, in the order given.
///
/// A directory stands for its `*.cfg` files that are not hidden, in the order of their bytes (the C locale).
/// Never fails: a file that cannot be read is a finding like any other.
pub fn load(files: &[PathBuf], env: &dyn Environment) -> Loaded {
    let mut sources = Sources::new();
    let mut diagnostics = Diagnostics::default();
    let mut inputs = Vec::new();
    for path in files {
        for path in expand_directory(path, &mut diagnostics) {
            match std::fs::read(&path) {
                Ok(bytes) => {
                    let (text, replaced) = decode(&bytes);
                    inputs.push(Input { id: sources.add(path, text), replaced });
                }
                Err(error) => diagnostics.push(cannot_read(&path, &error)),
            }
        }
    }
    let config = read(&sources, &inputs, env, &mut diagnostics);
    Loaded { config, sources, diagnostics }
}

/// Reads the files `ids` of `sources` as one configuration, in the order given.
///
/// ```
/// use config::haproxy::{FixedEnvironment, parse};
/// use config::source::Sources;
///
/// let mut sources = Sources::new();
/// let id = sources.add("haproxy.cfg", "listen app\n bind :80\n server a 192.0.2.1:80\n");
/// let parsed = parse(&sources, &[id], &FixedEnvironment::new());
/// assert_eq!(parsed.config.unwrap().proxies[0].servers[0].name, "a");
/// assert!(parsed.diagnostics.has_warnings(), "no timeouts");
/// ```
pub fn parse(sources: &Sources, ids: &[FileId], env: &dyn Environment) -> Parsed {
    let inputs: Vec<_> = ids.iter().map(|id| Input { id: *id, replaced: Vec::new() }).collect();
    let mut diagnostics = Diagnostics::default();
    let config = read(sources, &inputs, env, &mut diagnostics);
    Parsed { config, diagnostics }
}

/// A file to parse.
pub(crate) struct Input {
    pub(crate) id: FileId,
    /// Offsets in the text where bytes that are not UTF-8 were replaced.
    pub(crate) replaced: Vec<usize>,
}

fn read(
    sources: &Sources,
    inputs: &[Input],
    env: &dyn Environment,
    diagnostics: &mut Diagnostics,
) -> Option<Config> {
    let mut reader = Reader::new(sources, inputs, env, diagnostics);
    for input in inputs {
        reader.file(input);
    }
    let document = reader.finish();
    crosscheck::check(&document, diagnostics);
    let config = finish::config(&document);
    lint::check(&document, &config, diagnostics);
    // Findings about no place come first; the sort keeps the order of those at one place.
    diagnostics.0.sort_by_key(|d| d.span.map(|span| (span.file, span.start)));
    (!diagnostics.has_errors()).then_some(config)
}

fn expand_directory(path: &Path, diagnostics: &mut Diagnostics) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            diagnostics.push(cannot_read(path, &error));
            return Vec::new();
        }
    };
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| {
            let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            name.ends_with(".cfg") && !name.starts_with('.') && file.is_file()
        })
        .collect();
    files.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
    if files.is_empty() {
        let message = format!("{} holds no *.cfg file", path.display());
        diagnostics.push(Diagnostic::new(Severity::Warning, message, None));
    }
    files
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::new(Severity::Error, format!("cannot read {}: {error}", path.display()), None)
}

/// UTF-8 with bad bytes replaced, and where. A byte order mark is dropped.
fn decode(bytes: &[u8]) -> (String, Vec<usize>) {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut text = String::with_capacity(bytes.len());
    let mut replaced = Vec::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            replaced.push(text.len());
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (text, replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_says_where_bytes_were_replaced() {
        assert_eq!(decode(b"\xef\xbb\xbfa\xffb\xc3("), ("a\u{fffd}b\u{fffd}(".to_owned(), vec![1, 5]));
        assert_eq!(decode("grün".as_bytes()), ("grün".to_owned(), vec![]));
    }
}
