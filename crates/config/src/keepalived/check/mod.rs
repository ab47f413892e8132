//! Blocks to types: every statement is looked up in the table of its block, then read.

mod address;
mod garp;
mod global;
mod group;
mod hmac;
mod instance;
mod resolve;
mod route;
mod rule;
mod script;
mod track;
mod value;
mod vmac;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::keywords::{self, Context, Keyword, Shape, Support};
use super::lexer::Word;
use super::model::{Config, GlobalDefs};
use super::tree::Block;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, nearest};
use crate::source::{FileId, Span};

/// Reads a file that a value names.
pub(super) type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// Checks the blocks of a configuration whose first file is `file`. Where there are errors, the result has defaults or
/// nothing: it only serves to find further ones.
pub(super) fn check(blocks: &[Block], file: FileId, read_file: ReadFile<'_>) -> (Config, Diagnostics) {
    let mut findings = Findings { diagnostics: Diagnostics::default(), said: BTreeSet::new(), read_file };
    let top = statements(blocks, &keywords::TOP, &mut findings);
    let (global, defaults) = global(&top, &mut findings);
    let mut config = Config {
        global,
        scripts: Vec::new(),
        processes: Vec::new(),
        files: Vec::new(),
        instances: Vec::new(),
        groups: Vec::new(),
        static_addresses: Vec::new(),
        static_routes: Vec::new(),
        static_rules: Vec::new(),
        track_groups: Vec::new(),
        garp_groups: Vec::new(),
        interface_delays: Vec::new(),
    };
    for block in &top {
        match block.keyword.text.as_str() {
            "vrrp_script" => script::script(block, &mut config.scripts, &mut findings),
            "vrrp_track_process" => script::process(block, &mut config.processes, &mut findings),
            "vrrp_track_file" | "track_file" => script::file(block, &mut config.files, &mut findings),
            _ => {}
        }
    }
    instances(&top, &defaults, &mut config, &mut findings);
    let mut preferences = rule::Preferences::default();
    for block in &top {
        match block.keyword.text.as_str() {
            "vrrp_sync_group" => group::sync(block, &mut config, defaults.priority_changes, &mut findings),
            "track_group" => group::track(block, &mut config, &mut findings),
            "garp_group" => group::garp(block, &mut config, &mut findings),
            "interface_up_down_delays" => group::delays(block, &mut config, &mut findings),
            "static_ipaddress" | "static_routes" | "static_rules" => {
                fixed(block, &defaults, &mut config, &mut preferences, &mut findings);
            }
            _ => {}
        }
    }
    group::compare_static(&config, &mut findings);
    if !top.iter().any(|block| block.keyword.text == "vrrp_instance") {
        findings.push(
            Diagnostic::warning(
                "there is no `vrrp_instance`: vrrpd has nothing to do",
                Span::new(file, 0..0),
            )
            .help("vrrp_instance NAME { interface IF; virtual_router_id 1-255; virtual_ipaddress { ... } }"),
        );
    }
    (config, findings.diagnostics)
}

/// `global_defs`, and what it says about every instance.
fn global(top: &[Block], findings: &mut Findings<'_>) -> (GlobalDefs, global::Defaults) {
    let mut global = GlobalDefs::default();
    let mut defaults = global::Defaults::default();
    for block in top {
        match block.keyword.text.as_str() {
            "global_defs" => global::check(block, &mut global, &mut defaults, findings),
            "instance" => global.instance = block.arg(0).map(str::to_owned),
            "net_namespace" => global.net_namespace = global::namespace(block, findings),
            _ => {}
        }
    }
    global::finish(&mut global, &mut defaults);
    (global, defaults)
}

fn instances(top: &[Block], defaults: &global::Defaults, config: &mut Config, findings: &mut Findings<'_>) {
    let mut preferences = rule::Preferences::default();
    for block in top.iter().filter(|block| block.keyword.text == "vrrp_instance") {
        let draft = instance::read(block, findings);
        let instance = resolve::resolve(draft, defaults, config, &mut preferences, findings);
        resolve::compare(&instance, &config.instances, findings);
        config.instances.push(instance);
    }
}

/// `static_ipaddress`, `static_routes` and `static_rules`.
fn fixed(
    block: &Block,
    defaults: &global::Defaults,
    config: &mut Config,
    preferences: &mut rule::Preferences,
    findings: &mut Findings<'_>,
) {
    let body = block.body.as_deref().unwrap_or_default();
    match block.keyword.text.as_str() {
        "static_ipaddress" => {
            for entry in address::entries(body) {
                let address = address::static_address(&entry, &defaults.interface, findings);
                config.static_addresses.extend(address);
            }
        }
        "static_routes" => {
            config.static_routes.extend(body.iter().filter_map(|line| route::route(line, findings)));
        }
        _ => {
            let rules = body.iter().filter_map(|line| rule::rule(line, preferences, findings));
            config.static_rules.extend(rules);
        }
    }
}

/// What was found so far, and how to read files that values name.
struct Findings<'a> {
    diagnostics: Diagnostics,
    said: BTreeSet<String>,
    read_file: ReadFile<'a>,
}

impl Findings<'_> {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// How many errors there are.
    fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|found| found.severity == Severity::Error).count()
    }

    /// Adds a finding unless one with its message is there.
    fn once(&mut self, diagnostic: Diagnostic) {
        if self.said.insert(diagnostic.message.clone()) {
            self.push(diagnostic);
        }
    }
}

/// The statements of a body that are to be read; the others are reported.
fn statements(body: &[Block], context: &Context, findings: &mut Findings<'_>) -> Vec<Block> {
    let begins = |words: &[Word], start: usize, at: usize| {
        let min = context.find(&words[start].text).map_or(0, Keyword::min);
        at > start + min && !words[at].quoted && context.find(&words[at].text).is_some()
    };
    let split = body.iter().flat_map(|block| split_inline(block, &begins));
    split.filter(|block| accept(block, context, findings)).collect()
}

/// The statements that one line inside the braces of a one-line block holds. `begins(words, start, at)` says whether a new
/// one begins at `at` when the present one began at `start`.
fn split_inline(block: &Block, begins: &dyn Fn(&[Word], usize, usize) -> bool) -> Vec<Block> {
    if !block.inline {
        return vec![block.clone()];
    }
    let words: Vec<Word> = std::iter::once(&block.keyword).chain(&block.args).cloned().collect();
    let mut out: Vec<Block> = Vec::new();
    let mut start = 0;
    for at in 1..=words.len() {
        if at == words.len() || begins(&words, start, at) {
            out.push(Block::from_words(words[start].clone(), words[start + 1..at].to_vec(), true));
            start = at;
        }
    }
    if let Some(last) = out.last_mut() {
        last.body.clone_from(&block.body);
    }
    out
}

/// Whether a statement is supported and has the right shape.
fn accept(block: &Block, context: &Context, findings: &mut Findings<'_>) -> bool {
    let name = block.keyword.text.as_str();
    let span = block.keyword.span;
    let Some(keyword) = context.find(name) else {
        match context.foreign.iter().find(|(prefix, _)| name.starts_with(*prefix)) {
            Some((prefix, why)) => findings.once(no_effect(&format!("{prefix}*"), why, span)),
            None => findings.push(unknown(name, context, span)),
        }
        return false;
    };
    match keyword.support {
        Support::Full => has_shape(block, keyword, findings),
        Support::Stock(why) => {
            findings.once(Diagnostic::notice(format!("mail keywords have no effect: {why}"), span));
            false
        }
        Support::NoEffect(why) => {
            findings.once(no_effect(name, why, span));
            false
        }
        Support::Idle(why) => {
            findings.once(no_effect(name, why, span));
            has_shape(block, keyword, findings)
        }
        Support::Missing(way_out) => {
            findings.push(not_yet(name, way_out, span));
            false
        }
        Support::Planned(way_out) => {
            findings.push(not_yet(name, way_out, span));
            has_shape(block, keyword, findings)
        }
    }
}

fn no_effect(name: &str, why: &str, span: Span) -> Diagnostic {
    Diagnostic::warning(format!("`{name}` has no effect"), span).label("ignored").help(why)
}

fn not_yet(name: &str, way_out: &str, span: Span) -> Diagnostic {
    Diagnostic::error(format!("`{name}` is not supported yet"), span)
        .label("keepalived's keyword, not ours so far")
        .help(way_out)
}

fn unknown(name: &str, context: &Context, span: Span) -> Diagnostic {
    let known = context.keywords.iter().map(|keyword| keyword.name);
    let elsewhere = keywords::ALL.iter().find(|other| other.find(name).is_some());
    let found = Diagnostic::error(format!("unknown keyword `{name}` {}", context.place), span)
        .label("not a keyword here");
    match (nearest(name, known), elsewhere) {
        (_, Some(other)) => {
            found.help(format!("`{name}` stands {}; is a `}}` missing or misplaced?", other.place))
        }
        (Some(near), None) => found.help(format!("did you mean `{near}`?")),
        (None, None) => found,
    }
}

fn has_shape(block: &Block, keyword: &Keyword, findings: &mut Findings<'_>) -> bool {
    let name = keyword.name;
    let span = block.keyword.span;
    match (keyword.shape, &block.body) {
        (Shape::Line, Some(_)) => {
            findings.push(
                Diagnostic::error(format!("`{name}` takes no block"), span)
                    .help(format!("write `{}` and remove the braces", form(keyword))),
            );
            return false;
        }
        (Shape::Block, None) => {
            findings.push(
                Diagnostic::error(format!("`{name}` needs a block"), span)
                    .help(format!("write `{} {{ ... }}`", form(keyword))),
            );
            return false;
        }
        (Shape::Line | Shape::Either, None) | (Shape::Block | Shape::Either, Some(_)) => {}
    }
    if block.args.len() < keyword.min() {
        findings.push(
            Diagnostic::error(format!("`{name}` needs a value"), span)
                .label("nothing follows")
                .help(format!("write `{}`", form(keyword))),
        );
        return false;
    }
    if let Some(extra) = keyword.max().and_then(|max| block.args.get(max)) {
        let found = Diagnostic::warning(format!("`{name}` does not use `{}`", extra.text), extra.span)
            .label("ignored from here on, as in keepalived");
        findings.push(if keyword.usage.starts_with('"') {
            found.help("put the command and its arguments into double quotes")
        } else {
            found.help(format!("write `{}`", form(keyword)))
        });
    }
    true
}

fn form(keyword: &Keyword) -> String {
    format!("{} {}", keyword.name, keyword.usage).trim_end().to_owned()
}
