//! What the tests of the HAProxy language share.
#![allow(dead_code)] // each test file uses its own part

use config::diagnostic::{Diagnostics, Severity};
use config::haproxy::{Config, FixedEnvironment, Parsed, Proxy, parse};
use config::source::Sources;

/// Parses one file without variables or other files.
pub(crate) fn parse_text(text: &str) -> (Parsed, Sources) {
    parse_in(text, &FixedEnvironment::new())
}

/// Parses one file.
pub(crate) fn parse_in(text: &str, env: &FixedEnvironment) -> (Parsed, Sources) {
    let mut sources = Sources::new();
    let id = sources.add("test.cfg", text);
    let parsed = parse(&sources, &[id], env);
    (parsed, sources)
}

/// The configuration that a text without errors makes.
pub(crate) fn config(text: &str) -> Config {
    let (parsed, _) = parse_text(text);
    let messages = messages(&parsed.diagnostics, Severity::Error);
    parsed.config.unwrap_or_else(|| panic!("{text}\n{messages:#?}"))
}

/// The proxy that comes of these lines in a section with this header.
pub(crate) fn proxy(header: &str, lines: &str) -> Proxy {
    config(&format!("{header}\n{lines}\n")).proxies.remove(0)
}

/// The messages of one severity, in order.
pub(crate) fn messages(diagnostics: &Diagnostics, severity: Severity) -> Vec<String> {
    diagnostics.iter().filter(|d| d.severity == severity).map(|d| d.message.clone()).collect()
}

/// The errors of a text, as `line:column message`.
pub(crate) fn errors(text: &str) -> Vec<String> {
    placed(text, Severity::Error)
}

/// The warnings of a text, as `line:column message`.
pub(crate) fn warnings(text: &str) -> Vec<String> {
    placed(text, Severity::Warning)
}

/// The notices of a text, as `line:column message`.
pub(crate) fn notices(text: &str) -> Vec<String> {
    placed(text, Severity::Notice)
}

fn placed(text: &str, severity: Severity) -> Vec<String> {
    let (parsed, sources) = parse_text(text);
    let found = parsed.diagnostics.iter().filter(|d| d.severity == severity);
    found
        .map(|d| {
            let (line, column) = d.span.map_or((0, 0), |span| sources.line_column(span));
            format!("{line}:{column} {}", d.message)
        })
        .collect()
}
