//! From a path to a checked configuration.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::check;
use super::lint;
use super::model::Config;
use super::reader;
use super::tree;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::{FileId, Sources};

/// What reading depends on besides the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// What `@id` lines are compared with (keepalived's `-i`); by convention the first label of the host name.
    /// `None`: only `@^id` lines are kept.
    pub config_id: Option<String>,
    /// The environment that `${_ENV NAME}` looks in.
    pub environment: BTreeMap<String, String>,
    /// Where the numbers of `${_RANDOM}` begin when the file has no `random_seed`; the same seed gives the same numbers.
    pub random_seed: u64,
}

/// What came of reading a configuration.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration; `None` exactly when `diagnostics` has errors.
    pub config: Option<Config>,
    /// The files that were read; diagnostics point into them.
    pub sources: Sources,
    /// Everything found, by place.
    pub diagnostics: Diagnostics,
}

/// Reads and checks the file at `path` and what it includes.
pub fn load(path: &Path, options: &Options) -> Loaded {
    let mut sources = Sources::new();
    let mut diagnostics = Diagnostics::default();
    let read_file = |path: &Path| std::fs::read(path);
    let bytes = match read_file(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("cannot read {}: {error}", path.display());
            diagnostics.push(Diagnostic::new(Severity::Error, message, None));
            return Loaded { config: None, sources, diagnostics };
        }
    };
    let file = reader::add_file(&mut sources, path, bytes, &mut diagnostics);
    let (config, found) = parse(&mut sources, file, options, &read_file);
    diagnostics.0.extend(found.0);
    Loaded { config, sources, diagnostics }
}

/// Checks the file `file` of `sources`; the files it includes come from `read_file` and are added to `sources`.
///
/// The configuration is `None` exactly when the diagnostics have errors. An `include` with wildcards looks for names in
/// the file system; anything else goes through `read_file` alone.
pub fn parse(
    sources: &mut Sources,
    file: FileId,
    options: &Options,
    read_file: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
) -> (Option<Config>, Diagnostics) {
    let (lines, mut diagnostics) = reader::read(sources, file, options, read_file);
    let blocks = tree::build(lines, &mut diagnostics);
    let (config, found) = check::check(&blocks, file, read_file);
    diagnostics.0.extend(found.0);
    lint::lint(&config, &mut diagnostics);
    diagnostics.0.sort_by_key(|d| d.span.map(|span| (span.file, span.start)));
    ((!diagnostics.has_errors()).then_some(config), diagnostics)
}
