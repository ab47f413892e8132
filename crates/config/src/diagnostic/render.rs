//! Findings as text: for people, and in HAProxy's console shape for tools.

use std::fmt::Write;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Diagnostics, Severity};
use crate::source::{Sources, Span};

/// A message quotes words of the configuration, which may be of any length; no more than this is shown.
const MAX_MESSAGE: usize = 400;

/// Renders findings for people: `file:line:column`, the source line, a caret, and the way out.
///
/// Colours only when `colour` is set (the caller knows whether it writes to a terminal).
pub fn render(diagnostics: &Diagnostics, sources: &Sources, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in diagnostics.iter() {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Notice => Level::NOTE.with_name("notice"),
        };
        let primary = diagnostic.span.and_then(|span| Excerpt::of(sources, span));
        let related = diagnostic
            .related
            .as_ref()
            .and_then(|(span, text)| Some((Excerpt::of(sources, *span)?, text.as_str())));
        let mut group = Group::with_title(level.primary_title(printable(&diagnostic.message)));
        if let Some(excerpt) = &primary {
            group = group.element(excerpt.snippet(AnnotationKind::Primary, &diagnostic.label));
        }
        if let Some((excerpt, text)) = &related {
            group = group.element(excerpt.snippet(AnnotationKind::Context, text));
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(printable(help)));
        }
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    out
}

/// Renders findings one a line, as HAProxy writes them to its console, for tools that look for its shape:
/// `[ALERT]    (pid) : config : parsing [file:line] : text`.
pub fn render_short(diagnostics: &Diagnostics, sources: &Sources, pid: u32) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.iter() {
        let tag = match diagnostic.severity {
            Severity::Error => "[ALERT]  ",
            Severity::Warning => "[WARNING]",
            Severity::Notice => "[NOTICE] ",
        };
        let _ = write!(out, "{tag}  ({pid}) : config : ");
        if let Some(span) = diagnostic.span {
            let (line, _) = sources.line_column(span);
            let _ =
                write!(out, "parsing [{}:{line}] : ", printable(&sources.path(span.file).to_string_lossy()));
        }
        let _ = writeln!(out, "{}.", printable(&sentence(diagnostic)));
    }
    out
}

/// Message and label as one line.
fn sentence(diagnostic: &Diagnostic) -> String {
    let mut text = diagnostic.message.trim_end_matches('.').to_owned();
    if !diagnostic.label.is_empty() {
        let _ = write!(text, ", {}", diagnostic.label);
    }
    text
}

/// Text from a configuration may hold anything; a terminal must not obey it, nor a log be flooded by it.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_MESSAGE));
    for (count, c) in text.chars().enumerate() {
        if count == MAX_MESSAGE {
            out.push_str("...");
            break;
        }
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// One line of a file with a range in it.
struct Excerpt {
    path: String,
    line: usize,
    text: String,
    range: Range<usize>,
}

impl Excerpt {
    /// The first line that the span touches.
    fn of(sources: &Sources, span: Span) -> Option<Self> {
        let file = sources.file(span.file)?;
        let text: &str = &file.text;
        let floor =
            |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let start = floor(span.start as usize);
        let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let to = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor(span.end as usize).clamp(start, to);
        let shown = text[from..to].trim_end_matches('\r');
        let inside = |at: usize| (at - from).min(shown.len());
        Some(Self {
            path: printable(&file.path.to_string_lossy()),
            line: sources.line_column(span).0,
            text: shown.to_owned(),
            range: inside(start)..inside(end),
        })
    }

    fn snippet(&self, kind: AnnotationKind, label: &str) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let annotation = kind.span(self.range.clone());
        let annotation = if label.is_empty() { annotation } else { annotation.label(printable(label)) };
        Snippet::source(self.text.as_str())
            .path(self.path.as_str())
            .line_start(self.line)
            .annotation(annotation)
    }
}
