//! `vrrp_script`, `vrrp_track_process` and `vrrp_track_file`.

use std::path::PathBuf;
use std::time::Duration;

use super::super::keywords;
use super::super::lexer::Word;
use super::super::model::{Command, InitFile, ParamMatch, TrackFile, TrackProcess, VrrpScript};
use super::super::tree::Block;
use super::{Findings, statements, value};
use crate::diagnostic::Diagnostic;
use crate::source::Span;

const MAX_INTERVAL: Duration = Duration::from_secs(4294);
const MAX_DELAY: Duration = Duration::from_secs(3600);

/// Reads a `vrrp_script` block and appends it.
pub(super) fn script(block: &Block, scripts: &mut Vec<VrrpScript>, findings: &mut Findings<'_>) {
    let Some(name) = new_name(block, scripts.iter().map(|s| (s.name.as_str(), s.span)), findings) else {
        return;
    };
    let (mut command, mut user, mut timeout) = (None, None, None);
    let mut opens = None;
    let mut interval = Duration::from_secs(1);
    let (mut weight, mut reverse) = (0, false);
    let (mut rise, mut fall) = (1, 1);
    let mut init_fail = false;
    let mut written = false;
    let body = block.body.as_deref().unwrap_or_default();
    for s in &statements(body, &keywords::SCRIPT, findings) {
        match s.keyword.text.as_str() {
            "script" => {
                written = true;
                opens = s
                    .arg(0)
                    .and_then(|text| text.trim().strip_prefix('<'))
                    .map(|path| PathBuf::from(path.trim()));
                command = if opens.is_none() { value::command(s, findings) } else { None };
            }
            "interval" => interval = positive(s, findings).unwrap_or(interval),
            "timeout" => timeout = positive(s, findings).or(timeout),
            "weight" => (weight, reverse) = weight_of(s, 253, (weight, reverse), findings),
            "rise" => rise = count(s, findings).unwrap_or(rise),
            "fall" => fall = count(s, findings).unwrap_or(fall),
            "user" => user = value::user(s, 0),
            "init_fail" => init_fail = true,
            _ => {}
        }
    }
    if !written {
        let help = "script \"/path/to/program argument ...\"";
        findings.push(missing(block, "script", help));
    }
    // One without a usable command stays known, so that `track_script` does not miss it as well.
    let mut script =
        command.unwrap_or(Command { raw: String::new(), argv: Vec::new(), user: None, span: block.span });
    script.user = user;
    scripts.push(VrrpScript {
        name: name.text.clone(),
        script,
        opens,
        interval,
        timeout: timeout.unwrap_or(interval),
        weight,
        reverse,
        rise,
        fall,
        init_fail,
        span: block.span,
    });
}

/// Reads a `vrrp_track_process` block and appends it.
pub(super) fn process(block: &Block, processes: &mut Vec<TrackProcess>, findings: &mut Findings<'_>) {
    let Some(name) = new_name(block, processes.iter().map(|p| (p.name.as_str(), p.span)), findings) else {
        return;
    };
    let mut process = TrackProcess {
        name: name.text.clone(),
        process: String::new(),
        arguments: Vec::new(),
        param_match: ParamMatch::Ignored,
        weight: 0,
        reverse: false,
        quorum: 1,
        quorum_max: None,
        fork_delay: Duration::ZERO,
        terminate_delay: Duration::ZERO,
        full_command: false,
        span: block.span,
    };
    let mut param_match = None;
    let body = block.body.as_deref().unwrap_or_default();
    for s in &statements(body, &keywords::PROCESS, findings) {
        match s.keyword.text.as_str() {
            "process" => {
                process.process = s.arg(0).unwrap_or_default().to_owned();
                process.arguments = s.args.iter().skip(1).map(|word| word.text.clone()).collect();
            }
            "param_match" => match s.arg(0) {
                None => param_match = Some(ParamMatch::Exact),
                Some("initial") => param_match = Some(ParamMatch::Initial),
                Some("partial") => param_match = Some(ParamMatch::Partial),
                Some(other) => value::wrong(s, other, "`initial`, `partial` or nothing", s.span, findings),
            },
            "weight" => {
                let old = (process.weight, process.reverse);
                (process.weight, process.reverse) = weight_of(s, 254, old, findings);
            }
            "quorum" => {
                process.quorum = value::integer::<u32>(s, 0, 1..=65535, findings).unwrap_or(process.quorum);
            }
            "quorum_max" => process.quorum_max = value::integer::<u32>(s, 0, 0..=65535, findings),
            "delay" => {
                let delay = delay(s, findings);
                (process.fork_delay, process.terminate_delay) = (delay, delay);
            }
            "fork_delay" => process.fork_delay = delay(s, findings),
            "terminate_delay" => process.terminate_delay = delay(s, findings),
            "full_command" => process.full_command = true,
            _ => {}
        }
    }
    if process.process.is_empty() {
        findings.push(missing(block, "process", "process NAME"));
    }
    if process.quorum_max == Some(0) {
        // As in keepalived: `quorum_max 0` asks for no process at all.
        process.quorum = 0;
    }
    if process.quorum_max.is_some_and(|max| max < process.quorum) {
        findings.push(
            Diagnostic::error("`quorum_max` is less than `quorum`", block.span)
                .label("can never be met")
                .help("raise `quorum_max` or lower `quorum`"),
        );
    }
    let with_arguments = !process.arguments.is_empty();
    process.full_command |= with_arguments || param_match.is_some();
    let default = if with_arguments { ParamMatch::Exact } else { ParamMatch::Ignored };
    process.param_match = param_match.unwrap_or(default);
    processes.push(process);
}

/// Reads a `vrrp_track_file` or `track_file` block and appends it.
pub(super) fn file(block: &Block, files: &mut Vec<TrackFile>, findings: &mut Findings<'_>) {
    let Some(name) = new_name(block, files.iter().map(|f| (f.name.as_str(), f.span)), findings) else {
        return;
    };
    let mut path = None;
    let (mut weight, mut reverse) = (1, false);
    let mut init_file = None;
    let body = block.body.as_deref().unwrap_or_default();
    for s in &statements(body, &keywords::FILE, findings) {
        match s.keyword.text.as_str() {
            "file" => path = s.arg(0).map(PathBuf::from),
            "weight" => (weight, reverse) = weight_of(s, 254, (weight, reverse), findings),
            "init_file" => init_file = init(s, findings),
            _ => {}
        }
    }
    if path.is_none() {
        findings.push(missing(block, "file", "file PATH"));
    }
    let file = path.unwrap_or_default();
    files.push(TrackFile { name: name.text.clone(), file, weight, reverse, init_file, span: block.span });
}

/// `init_file [VALUE] [overwrite]`.
fn init(statement: &Block, findings: &mut Findings<'_>) -> Option<InitFile> {
    let mut init = InitFile { value: 0, overwrite: false };
    for (index, word) in statement.args.iter().take(2).enumerate() {
        if word.text == "overwrite" {
            init.overwrite = true;
        } else {
            init.value = value::integer::<i32>(statement, index, i32::MIN..=i32::MAX, findings)?;
        }
    }
    Some(init)
}

/// The name of a block; `None` when an earlier block has it.
fn new_name<'b, 'e>(
    block: &'b Block,
    mut earlier: impl Iterator<Item = (&'e str, Span)>,
    findings: &mut Findings<'_>,
) -> Option<&'b Word> {
    let name = block.args.first()?;
    let Some((_, first)) = earlier.find(|(other, _)| *other == name.text) else { return Some(name) };
    findings.push(
        Diagnostic::error(format!("there are two `{} {}`", block.keyword.text, name.text), name.span)
            .label("the name is taken")
            .help("give each its own name")
            .related(first, "the first one"),
    );
    None
}

fn missing(block: &Block, keyword: &str, help: &str) -> Diagnostic {
    let name = block.arg(0).unwrap_or_default();
    Diagnostic::error(format!("{} `{name}` has no `{keyword}`", block.keyword.text), block.span)
        .label("not complete")
        .help(format!("add `{help}`"))
}

fn weight_of(s: &Block, limit: i16, old: (i16, bool), findings: &mut Findings<'_>) -> (i16, bool) {
    match value::weight(s, 0, limit, findings) {
        Some((weight, reverse)) => (weight, reverse.unwrap_or(false)),
        None => old,
    }
}

fn count(statement: &Block, findings: &mut Findings<'_>) -> Option<u32> {
    value::integer::<u32>(statement, 0, 1..=u32::MAX, findings)
}

fn delay(statement: &Block, findings: &mut Findings<'_>) -> Duration {
    value::seconds(statement, 0, Duration::ZERO..=MAX_DELAY, findings).unwrap_or_default()
}

/// A time above zero. keepalived takes 0 for one second, with a message.
fn positive(statement: &Block, findings: &mut Findings<'_>) -> Option<Duration> {
    let time = value::seconds(statement, 0, Duration::ZERO..=MAX_INTERVAL, findings)?;
    if !time.is_zero() {
        return Some(time);
    }
    let keyword = &statement.keyword.text;
    findings.push(
        Diagnostic::warning(format!("`{keyword} 0` means 1 second"), statement.span)
            .help(format!("write `{keyword} 1`, or a fraction")),
    );
    Some(Duration::from_secs(1))
}
