//! Files to lines, and lines to sections.

use super::dispatch::{self, Target};
use super::draft::{Draft, GlobalDraft, Place};
use super::environment::Environment;
use super::keywords::all;
use super::lexer::{self, Word};
use super::load::Input;
use super::preprocess::Conditions;
use super::variables::Scope;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::source::{Sources, Span};

const SECTIONS: [(&str, Place); 5] = [
    ("global", Place::Global),
    ("defaults", Place::Defaults),
    ("frontend", Place::Frontend),
    ("listen", Place::Listen),
    ("backend", Place::Backend),
];
/// Sections of HAProxy that do not exist here yet, with what to do instead.
const PLANNED_SECTIONS: [(&str, &str); 14] = [
    ("acme", "TLS is not there yet"),
    ("cache", "responses are not cached yet: remove the section and the rules that name it"),
    ("crt-store", "TLS is not there yet"),
    ("fcgi-app", "servers speak HTTP/1.1 or raw TCP"),
    ("http-errors", "use 'errorfile' in a 'defaults' or proxy section"),
    ("log-forward", "'log' sends to syslog, a socket, stdout or stderr"),
    ("log-profile", "log lines are those of 'option httplog' and 'option tcplog'"),
    ("mailers", "watch the log: server changes are logged at level alert and notice"),
    ("peers", "stick tables are not there yet"),
    ("program", "run the program as a service of its own"),
    ("resolvers", "server names are resolved by the system"),
    ("ring", "'log' sends to syslog, a socket, stdout or stderr"),
    ("traces", "use the log"),
    ("userlist", "'stats auth USER:PASSWORD' protects the statistics page"),
];

/// Everything the files said, before it is checked.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) global: GlobalDraft,
    /// `frontend`, `listen` and `backend` sections in file order.
    pub(crate) proxies: Vec<Draft>,
}

/// The section that lines go to.
pub(super) enum Section {
    Outside,
    Global,
    Draft(Box<Draft>),
    /// Its lines are skipped; an error said so.
    Skipped,
}

/// A `defaults` section that `from` can name.
pub(super) struct NamedDefaults {
    pub(super) draft: Draft,
    pub(super) header: Span,
}

/// Reads files line by line.
pub(crate) struct Reader<'a> {
    sources: &'a Sources,
    env: &'a dyn Environment,
    pub(super) diagnostics: &'a mut Diagnostics,
    cfgfiles: String,
    global: GlobalDraft,
    /// What a section without `from` starts with.
    pub(super) defaults: Option<Draft>,
    pub(super) named: Vec<NamedDefaults>,
    pub(super) proxies: Vec<Draft>,
    pub(super) section: Section,
    pub(super) section_name: String,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(
        sources: &'a Sources,
        inputs: &[Input],
        env: &'a dyn Environment,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        let paths: Vec<_> = inputs.iter().map(|i| sources.path(i.id).display().to_string()).collect();
        Self {
            sources,
            env,
            diagnostics,
            cfgfiles: paths.join(";"),
            global: GlobalDraft::default(),
            defaults: None,
            named: Vec::new(),
            proxies: Vec::new(),
            section: Section::Outside,
            section_name: String::new(),
        }
    }

    /// Reads one file. A section does not reach into the next file.
    pub(crate) fn file(&mut self, input: &Input) {
        let Some(file) = self.sources.file(input.id) else { return };
        let text = file.text.clone();
        let mut conditions = Conditions::default();
        let mut start = 0;
        for (index, line) in text.split('\n').enumerate() {
            let content = line.strip_suffix('\r').unwrap_or(line);
            self.line(input, start, index + 1, content, &mut conditions);
            start += line.len() + 1;
        }
        conditions.end(self.diagnostics);
        self.leave();
        self.section_name.clear();
    }

    pub(crate) fn finish(self) -> Document {
        Document { global: self.global, proxies: self.proxies }
    }

    fn line(&mut self, input: &Input, start: usize, number: usize, line: &str, conditions: &mut Conditions) {
        if !conditions.active() && !line.trim_start().starts_with('.') {
            return;
        }
        let scope = Scope {
            global: &self.global,
            env: self.env,
            cfgfiles: &self.cfgfiles,
            file: self.sources.path(input.id).display().to_string(),
            line: number,
            section: &self.section_name,
        };
        // Lines that do not count may be for another version, so their mistakes do not count either.
        let mut ignored = Diagnostics::default();
        let active = conditions.active();
        let diagnostics = if active { &mut *self.diagnostics } else { &mut ignored };
        let mut lexed = lexer::split(input.id, start, line, &|name| scope.variable(name), diagnostics);
        let Some(first) = lexed.words.first() else { return };
        if first.text.starts_with('.') && (active || Conditions::is_block_word(&first.text)) {
            let defined = |name: &str| scope.variable(name).is_some();
            conditions.directive(&lexed.words, &defined, self.diagnostics);
            return;
        }
        if !active {
            return;
        }
        if let Some(word) = lexed.words.iter().find(|word| contains_any(word.span, &input.replaced)) {
            self.diagnostics.push(
                Diagnostic::error("this is not UTF-8 text", word.span)
                    .label("bytes that are not UTF-8")
                    .help("convert the file to UTF-8; comments may hold anything"),
            );
            lexed.broken = true;
        }
        self.words(&lexed.words, lexed.broken, start);
    }

    fn words(&mut self, words: &[Word], broken: bool, line_start: usize) {
        let first = &words[0];
        if let Some((_, place)) = SECTIONS.iter().find(|(name, _)| *name == first.text) {
            return self.enter(*place, words);
        }
        if let Some((name, help)) = PLANNED_SECTIONS.iter().find(|(name, _)| *name == first.text) {
            self.leave();
            self.section = Section::Skipped;
            self.diagnostics.push(
                Diagnostic::error(format!("'{name}' sections are not yet supported"), first.span)
                    .label("this section is skipped")
                    .help(*help),
            );
            return;
        }
        if broken {
            if let Section::Draft(draft) = &mut self.section {
                draft.mark_failed(&first.text);
            }
            return;
        }
        if let Some(place) = self.misspelt_section(first, line_start) {
            return self.enter(place, words);
        }
        match &mut self.section {
            Section::Skipped => {}
            Section::Global => {
                let target = Target::Global(&mut self.global);
                dispatch::directive(words, target, self.env, self.diagnostics);
            }
            Section::Draft(draft) => {
                dispatch::directive(words, Target::Draft(draft), self.env, self.diagnostics);
            }
            Section::Outside => {
                let names = SECTIONS.map(|(name, _)| name).join(", ");
                self.diagnostics.push(
                    Diagnostic::error(format!("'{}' stands before any section", first.text), first.span)
                        .label("a section has to start first")
                        .help(format!("sections start with one of {names}")),
                );
            }
        }
    }

    /// The section that an unindented, unknown word nearly names. It is entered so that its lines make sense.
    fn misspelt_section(&mut self, word: &Word, line_start: usize) -> Option<Place> {
        let near = nearest(&word.text, SECTIONS.map(|(name, _)| name))?;
        let (name, place) = SECTIONS.iter().find(|(name, _)| *name == near)?;
        let indented = word.span.start as usize != line_start;
        let prefix = matches!(word.text.as_str(), "no" | "default");
        if indented || prefix || all().any(|keyword| keyword.name == word.text) {
            return None;
        }
        self.diagnostics.push(
            Diagnostic::error(format!("'{}' is not a section", word.text), word.span)
                .label(format!("did you mean '{name}'?")),
        );
        Some(*place)
    }
}

fn contains_any(span: Span, offsets: &[usize]) -> bool {
    let (start, end) = (span.start as usize, span.end as usize);
    let from = offsets.partition_point(|at| *at < start);
    offsets.get(from).is_some_and(|at| *at < end)
}
