//! `vrrp_sync_group`, `track_group`, `garp_group` and `interface_up_down_delays`.

use std::time::Duration;

use super::super::duration;
use super::super::keywords;
use super::super::lexer::Word;
use super::super::model::{
    Config, GarpGroup, InterfaceDelay, Notify, SyncGroup, TrackGroup, Tracked, VrrpInstance,
};
use super::super::tree::Block;
use super::resolve::{files, processes, scripts};
use super::track::{self, Known};
use super::{Findings, instance, split_inline, statements, value};
use crate::diagnostic::{Diagnostic, nearest};
use crate::source::Span;

const MAX_GAP: Duration = Duration::from_secs(3600);
const MAX_DEBOUNCE: Duration = Duration::from_secs(255);
/// The debounce that is cut to fit ends this long before a backup takes over.
const MARGIN: Duration = Duration::from_millis(10);

/// Reads a `vrrp_sync_group`. The instances are known already, and get what their group tracks.
pub(super) fn sync(block: &Block, config: &mut Config, priority_changes: bool, findings: &mut Findings<'_>) {
    let Some(name) = block.args.first() else { return };
    if let Some(first) = config.groups.iter().find(|group| group.name == name.text) {
        findings.push(taken(block, name, first.span));
    }
    let mut notify = Notify { priority_changes, ..Notify::default() };
    let (mut members, mut track_lbd, mut tracking_weight) = (Vec::new(), None, false);
    let (mut by_script, mut by_interface) = (Vec::new(), Vec::new());
    let (mut by_file, mut by_process) = (Vec::new(), Vec::new());
    for s in &statements(block.body.as_deref().unwrap_or_default(), &keywords::GROUP, findings) {
        let body = s.body.as_deref().unwrap_or_default();
        let keyword = s.keyword.text.as_str();
        if instance::notify(&mut notify, keyword, s, findings) {
            continue;
        }
        match keyword {
            "group" => members.extend(names(body)),
            "track_script" => by_script.extend(track::entries(body)),
            "track_interface" => by_interface.extend(track::entries(body)),
            "track_file" => by_file.extend(track::entries(body)),
            "track_process" => by_process.extend(track::entries(body)),
            "track_lbd" => track_lbd = Some(track::lbd(s, findings)),
            "sync_group_tracking_weight" => tracking_weight = true,
            _ => {}
        }
    }
    let group = SyncGroup {
        name: name.text.clone(),
        members: members_of(block, &members, config, findings),
        tracking_weight,
        track_script: scripts(&by_script, config, findings),
        track_interface: track::list(&by_interface, &Known::Interfaces, 253, findings),
        track_file: files(&by_file, config, findings),
        track_process: processes(&by_process, config, findings),
        track_lbd,
        notify,
        span: block.span,
    };
    for instance in config.instances.iter_mut().filter(|instance| group.members.contains(&instance.name)) {
        join(instance, &group, findings);
    }
    config.groups.push(group);
}

/// The members that are instances and in no other group.
fn members_of(block: &Block, written: &[Word], config: &Config, findings: &mut Findings<'_>) -> Vec<String> {
    let name = block.arg(0).unwrap_or_default();
    let mut members: Vec<String> = Vec::new();
    for word in written {
        if config.instance(&word.text).is_none() {
            findings.push(no_instance(word, config));
        } else if let Some(other) = config.group_of(&word.text) {
            findings.push(
                Diagnostic::error(format!("`{}` is in two groups", word.text), word.span)
                    .label("already a member of another one")
                    .help("an instance can be in one `vrrp_sync_group` only")
                    .related(other.span, "the other group"),
            );
        } else if !members.contains(&word.text) {
            members.push(word.text.clone());
        }
    }
    if written.is_empty() {
        findings.push(
            Diagnostic::error(format!("vrrp_sync_group `{name}` has no member"), block.span)
                .label("nothing to keep together")
                .help("add `group { INSTANCE ... }`"),
        );
    } else if members.len() == 1 {
        findings.push(
            Diagnostic::warning(format!("vrrp_sync_group `{name}` has one member only"), block.span)
                .help("name the other instances in `group`, or remove the group"),
        );
    }
    members
}

/// What a member tracks with a weight would pull it away from the others: it does not count, as in keepalived, unless
/// `sync_group_tracking_weight` says that it is meant. What the group tracks, it tracks.
fn join(instance: &mut VrrpInstance, group: &SyncGroup, findings: &mut Findings<'_>) {
    let lists: [(&mut Vec<Tracked>, &[Tracked]); 4] = [
        (&mut instance.track_script, &group.track_script),
        (&mut instance.track_interface, &group.track_interface),
        (&mut instance.track_file, &group.track_file),
        (&mut instance.track_process, &group.track_process),
    ];
    let counts = |weight: i16| weight == 0 || group.tracking_weight;
    for (own, of_group) in lists {
        for tracked in own.iter().filter(|tracked| !counts(tracked.weight)) {
            findings.push(
                Diagnostic::warning(
                    format!(
                        "weight {} of `{}` is ignored: its instance is in a group",
                        tracked.weight, tracked.name
                    ),
                    tracked.span,
                )
                .help("give the weight in the group's own list, or write `weight 0`, or `sync_group_tracking_weight` in the group")
                .related(group.span, "the group"),
            );
        }
        own.retain(|tracked| {
            counts(tracked.weight) && !of_group.iter().any(|other| other.name == tracked.name)
        });
        own.extend(of_group.iter().cloned());
    }
    let weighted = instance.track_lbd.as_ref().filter(|lbd| !counts(lbd.weight)).map(|lbd| lbd.span);
    if let (Some(span), None) = (weighted, &group.track_lbd) {
        findings.push(
            Diagnostic::warning("the weight of `track_lbd` is ignored: its instance is in a group", span)
                .help("write `track_lbd` in the group")
                .related(group.span, "the group"),
        );
        instance.track_lbd = None;
    }
    if group.track_lbd.is_some() {
        instance.track_lbd.clone_from(&group.track_lbd);
    }
}

/// Reads a `track_group`.
pub(super) fn track(block: &Block, config: &mut Config, findings: &mut Findings<'_>) {
    let Some(name) = block.args.first() else { return };
    if let Some(first) = config.track_groups.iter().find(|group| group.name == name.text) {
        findings.push(taken(block, name, first.span));
    }
    let mut instances = Vec::new();
    for s in &statements(block.body.as_deref().unwrap_or_default(), &keywords::TRACK_GROUP, findings) {
        for word in names(s.body.as_deref().unwrap_or_default()) {
            if config.instance(&word.text).is_none() {
                findings.push(no_instance(&word, config));
            } else {
                instances.push(word.text);
            }
        }
    }
    config.track_groups.push(TrackGroup { name: name.text.clone(), instances, span: block.span });
}

/// Reports `track_group`s of static entries that nobody defines.
pub(super) fn compare_static(config: &Config, findings: &mut Findings<'_>) {
    let addresses = config.static_addresses.iter().map(|entry| (&entry.track_group, entry.span));
    let routes = config.static_routes.iter().map(|entry| (&entry.track_group, entry.span));
    let rules = config.static_rules.iter().map(|entry| (&entry.track_group, entry.span));
    for (group, span) in addresses.chain(routes).chain(rules) {
        let Some(name) = group else { continue };
        if config.track_groups.iter().any(|group| group.name == *name) {
            continue;
        }
        findings.push(
            Diagnostic::error(format!("there is no track_group `{name}`"), span)
                .label("not defined in this configuration")
                .help(format!("add a block `track_group {name} {{ group {{ INSTANCE ... }} }}`")),
        );
    }
}

/// Reads a `garp_group`.
pub(super) fn garp(block: &Block, config: &mut Config, findings: &mut Findings<'_>) {
    let mut group = GarpGroup {
        interfaces: Vec::new(),
        garp_interval: Duration::ZERO,
        gna_interval: Duration::ZERO,
        span: block.span,
    };
    for s in &statements(block.body.as_deref().unwrap_or_default(), &keywords::GARP_GROUP, findings) {
        let gap = |findings: &mut Findings<'_>| {
            value::seconds(s, 0, Duration::ZERO..=MAX_GAP, findings).unwrap_or_default()
        };
        match s.keyword.text.as_str() {
            "garp_interval" => group.garp_interval = gap(findings),
            "gna_interval" => group.gna_interval = gap(findings),
            "interface" => {
                let named = s.args.first().and_then(|w| value::interface(&w.text, w.span, findings));
                group.interfaces.extend(named);
            }
            "interfaces" => {
                for word in names(s.body.as_deref().unwrap_or_default()) {
                    group.interfaces.extend(value::interface(&word.text, word.span, findings));
                }
            }
            _ => {}
        }
    }
    if group.interfaces.is_empty() {
        findings.push(
            Diagnostic::error("`garp_group` has no interface", block.span).help("add `interface NAME`"),
        );
    }
    group.interfaces.retain(|name| {
        let Some(first) = config.garp_groups.iter().find(|other| other.interfaces.contains(name)) else {
            return true;
        };
        findings.push(
            Diagnostic::warning(format!("`{name}` is in two blocks `garp_group`"), block.span)
                .label("ignored here, as in keepalived")
                .related(first.span, "the first one"),
        );
        false
    });
    config.garp_groups.push(group);
}

/// Reads `interface_up_down_delays`: one interface a line.
pub(super) fn delays(block: &Block, config: &mut Config, findings: &mut Findings<'_>) {
    for line in block.body.as_deref().unwrap_or_default() {
        let word = &line.keyword;
        let Some(interface) = value::interface(&word.text, word.span, findings) else { continue };
        if line.args.is_empty() {
            findings.push(
                Diagnostic::error(format!("`{interface}` has no delay"), line.span)
                    .help("write `INTERFACE DOWN-SECONDS [UP-SECONDS]`"),
            );
            continue;
        }
        let range = Duration::ZERO..=MAX_DEBOUNCE;
        let Some(down) = value::seconds(line, 0, range.clone(), findings) else { continue };
        let up = value::seconds(line, 1, range, findings).unwrap_or(down);
        let down = fitting(down, &interface, config, line, findings);
        match config.interface_delays.iter().find(|other| other.interface == interface) {
            Some(first) => findings.push(
                Diagnostic::error(format!("`{interface}` has two delays"), line.span)
                    .label("stands here twice")
                    .related(first.span, "the first time"),
            ),
            None => config.interface_delays.push(InterfaceDelay { interface, down, up, span: line.span }),
        }
    }
}

/// A delay that ends before the backups of this interface's instances take over.
fn fitting(
    down: Duration,
    interface: &str,
    config: &Config,
    line: &Block,
    findings: &mut Findings<'_>,
) -> Duration {
    let on_it = config.instances.iter().filter(|instance| instance.interface == *interface);
    let limits =
        on_it.map(|instance| instance.advert_int * u32::from(instance.down_timer_adverts.max(2) - 1));
    let Some(limit) = limits.min().filter(|limit| down >= *limit) else { return down };
    let fits = limit.saturating_sub(MARGIN);
    findings.push(
        Diagnostic::warning(
            format!("the delay of `{interface}` is cut to {} seconds", duration::show(fits)),
            line.span,
        )
        .label(format!("a backup may take over after {} seconds of silence", duration::show(limit)))
        .help("write a shorter delay, or a longer `advert_int`"),
    );
    fits
}

/// The words of a list, several a line or one.
fn names(body: &[Block]) -> Vec<Word> {
    let each = |_: &[Word], _: usize, _: usize| true;
    let lines = body.iter().flat_map(|block| split_inline(block, &each));
    lines.flat_map(|line| std::iter::once(line.keyword).chain(line.args)).collect()
}

fn no_instance(word: &Word, config: &Config) -> Diagnostic {
    let found = Diagnostic::error(format!("there is no vrrp_instance `{}`", word.text), word.span)
        .label("not defined in this configuration");
    match nearest(&word.text, config.instances.iter().map(|instance| instance.name.as_str())) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found,
    }
}

fn taken(block: &Block, name: &Word, first: Span) -> Diagnostic {
    Diagnostic::error(format!("there are two `{} {}`", block.keyword.text, name.text), name.span)
        .label("the name is taken")
        .help("give each its own name")
        .related(first, "the first one")
}
