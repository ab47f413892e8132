//! `track_script`, `track_interface`, `track_file`, `track_process` and `track_lbd`.

use std::path::PathBuf;
use std::time::Duration;

use super::super::keywords;
use super::super::lexer::Word;
use super::super::model::{TrackLbd, Tracked};
use super::super::tree::Block;
use super::{Findings, split_inline, statements, value};
use crate::diagnostic::{Diagnostic, nearest};

const DEFAULT_SOCKET: &str = "/run/lbd/heartbeat.sock";
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(80);
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// What the lines of a `track_*` block may name, with its weight and sense.
pub(super) enum Known<'a> {
    /// Objects of the configuration, by the block that defines them.
    Defined { block: &'static str, objects: Vec<(&'a str, i16, bool)> },
    /// Interfaces: any name, weight 0.
    Interfaces,
}

/// The statements of a `track_*` list; in a one-line block each name starts a new one.
pub(super) fn entries(body: &[Block]) -> Vec<Block> {
    let begins = |words: &[Word], _start: usize, at: usize| {
        let text = words[at].text.as_str();
        !matches!(text, "weight" | "reverse" | "noreverse") && words[at - 1].text != "weight"
    };
    body.iter().flat_map(|block| split_inline(block, &begins)).collect()
}

/// Reads the lines of a `track_*` block; `limit` bounds the weight.
pub(super) fn list(
    entries: &[Block],
    known: &Known<'_>,
    limit: i16,
    findings: &mut Findings<'_>,
) -> Vec<Tracked> {
    let mut out: Vec<Tracked> = Vec::new();
    for entry in entries {
        let Some(tracked) = one(entry, known, limit, findings) else { continue };
        match out.iter().find(|other| other.name == tracked.name) {
            Some(first) => findings.push(
                Diagnostic::warning(format!("`{}` is tracked twice", tracked.name), entry.span)
                    .label("ignored")
                    .related(first.span, "the first time"),
            ),
            None => out.push(tracked),
        }
    }
    out
}

fn one(entry: &Block, known: &Known<'_>, limit: i16, findings: &mut Findings<'_>) -> Option<Tracked> {
    let name = &entry.keyword;
    let (mut weight, mut reverse) = match known {
        Known::Interfaces => {
            value::interface(&name.text, name.span, findings)?;
            (0, false)
        }
        Known::Defined { block, objects } => {
            let Some((_, weight, reverse)) = objects.iter().find(|(other, _, _)| *other == name.text) else {
                let found = Diagnostic::error(format!("there is no {block} `{}`", name.text), name.span)
                    .label("not defined in this configuration");
                let near = nearest(&name.text, objects.iter().map(|(other, _, _)| *other));
                findings.push(match near {
                    Some(near) => found.help(format!("did you mean `{near}`?")),
                    None => found.help(format!("add a block `{block} {} {{ ... }}`", name.text)),
                });
                return None;
            };
            (*weight, *reverse)
        }
    };
    match entry.args.first() {
        None => {}
        Some(word) if word.text == "weight" && entry.args.len() > 1 => {
            // 254 stands in old files; keepalived reads it as 253.
            let option = Block::from_words(word.clone(), entry.args[1..].to_vec(), false);
            let (own, sense) = value::weight(&option, 0, limit.max(254), findings)?;
            weight = own.clamp(-limit, limit);
            reverse = sense.unwrap_or(reverse);
            if weight != own {
                findings.push(
                    Diagnostic::warning(format!("weight {own} is read as {weight}"), entry.span)
                        .help(format!("write `weight {weight}`")),
                );
            }
        }
        Some(word) => {
            findings.push(
                Diagnostic::error(
                    format!("`{}` is not expected after `{}`", word.text, name.text),
                    word.span,
                )
                .label("expected `weight NUMBER [reverse]` or nothing")
                .help("one name a line"),
            );
            return None;
        }
    }
    Some(Tracked { name: name.text.clone(), weight, reverse, span: entry.span })
}

/// Reads a `track_lbd` statement, with or without a block.
pub(super) fn lbd(block: &Block, findings: &mut Findings<'_>) -> TrackLbd {
    let mut out = TrackLbd {
        socket: PathBuf::from(DEFAULT_SOCKET),
        weight: 0,
        timeout: DEFAULT_TIMEOUT,
        span: block.span,
    };
    let body = block.body.as_deref().unwrap_or_default();
    for s in &statements(body, &keywords::TRACK_LBD, findings) {
        match s.keyword.text.as_str() {
            "socket" => {
                if let Some(path) = s.arg(0) {
                    out.socket = PathBuf::from(path);
                }
            }
            "weight" => {
                out.weight = value::integer::<i16>(s, 0, -253..=253, findings).unwrap_or(out.weight);
            }
            "timeout" => {
                let range = Duration::from_millis(1)..=MAX_TIMEOUT;
                out.timeout = value::seconds(s, 0, range, findings).unwrap_or(out.timeout);
            }
            _ => {}
        }
    }
    out
}
