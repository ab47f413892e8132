//! Advice on a configuration that could be loaded: what is legal and probably not meant.

use super::model::{Config, InitialState, Version, VrrpInstance, VrrpScript};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// Adds warnings and notices with the way out.
pub(super) fn lint(config: &Config, diagnostics: &mut Diagnostics) {
    for script in &config.scripts {
        path_search(script, diagnostics);
        slow_timeout(script, diagnostics);
    }
    script_security(config, diagnostics);
    for instance in &config.instances {
        clamped(instance, diagnostics);
        owner(instance, diagnostics);
        reach(instance, diagnostics);
        strict(instance, diagnostics);
    }
}

fn path_search(script: &VrrpScript, diagnostics: &mut Diagnostics) {
    let Some(program) = script.script.argv.first().filter(|program| !program.contains('/')) else { return };
    diagnostics.push(
        Diagnostic::warning(
            format!("script `{program}` is found by path search: please specify the full path"),
            script.script.span,
        )
        .label("not an absolute path")
        .help(format!("`command -v {program}` prints it")),
    );
}

fn slow_timeout(script: &VrrpScript, diagnostics: &mut Diagnostics) {
    if script.timeout > script.interval {
        diagnostics.push(
            Diagnostic::notice(
                format!("vrrp_script `{}` may run longer than its interval", script.name),
                script.span,
            )
            .help("a run that is still going on skips a turn; lower `timeout` to find failures sooner"),
        );
    }
}

fn script_security(config: &Config, diagnostics: &mut Diagnostics) {
    let notified = config.instances.iter().flat_map(|instance| instance.notify.commands());
    let checks = config.scripts.iter().filter(|script| script.opens.is_none()).map(|script| &script.script);
    let first = checks.chain(notified).next();
    if let (false, Some(command)) = (config.global.enable_script_security, first) {
        diagnostics.push(
            Diagnostic::notice("scripts are being executed but script_security is not enabled", command.span)
                .help(
                    "add `enable_script_security` and `script_user USER` to global_defs: then nothing runs as root \
                     that others may change",
                ),
        );
    }
}

/// The effective priority stays from 1 to 254: what a weight would do beyond that is lost, and two nodes can end up equal.
fn clamped(instance: &VrrpInstance, diagnostics: &mut Diagnostics) {
    let tracked =
        instance.track_script.iter().chain(&instance.track_interface).chain(&instance.track_process);
    let weights: Vec<i32> = tracked
        .map(|tracked| i32::from(tracked.weight))
        .chain(instance.track_lbd.iter().map(|lbd| i32::from(lbd.weight)))
        .filter(|weight| *weight != 0)
        .collect();
    let base = i32::from(instance.priority);
    let highest = base + weights.iter().filter(|weight| **weight > 0).sum::<i32>();
    let lowest = base + weights.iter().filter(|weight| **weight < 0).sum::<i32>();
    let name = &instance.name;
    let (message, help) = if weights.is_empty() {
        return;
    } else if base == 255 {
        (
            format!("weights have no effect on `{name}`: priority 255 is never changed"),
            "use a priority below 255, or weight 0 to stop the instance when a check fails",
        )
    } else if highest > 254 {
        (
            format!("priority and weights of `{name}` add up to {highest}: it stops at 254"),
            "lower the priority or the weights, so that the nodes stay apart",
        )
    } else if lowest < 1 {
        (
            format!("priority and weights of `{name}` add up to {lowest}: it stops at 1"),
            "raise the priority or use smaller weights; weight 0 stops the instance when a check fails",
        )
    } else {
        return;
    };
    diagnostics.push(Diagnostic::warning(message, instance.span).help(help));
}

/// Priority 255 belongs to the router whose own the addresses are.
fn owner(instance: &VrrpInstance, diagnostics: &mut Diagnostics) {
    if instance.priority != 255 || instance.state != InitialState::Backup {
        return;
    }
    let message = if instance.preempt {
        format!("`{}` has priority 255: it starts as MASTER, whatever else is there", instance.name)
    } else {
        format!("`nopreempt` has no effect on `{}`: priority 255 always preempts", instance.name)
    };
    diagnostics.push(
        Diagnostic::warning(message, instance.span)
            .label("255 is the router whose own the addresses are; it never yields")
            .help("use a priority below 255, or write `state MASTER`"),
    );
}

/// Which backups the weights of a node that is meant to be MASTER let take over. The backups' priorities are in other files.
fn reach(instance: &VrrpInstance, diagnostics: &mut Diagnostics) {
    if instance.state != InitialState::Master || instance.priority == 255 {
        return;
    }
    let tracked =
        instance.track_script.iter().chain(&instance.track_interface).chain(&instance.track_process);
    let lbd = instance.track_lbd.iter().map(|lbd| (lbd.weight, "track_lbd", lbd.span));
    let weighted = tracked.map(|tracked| (tracked.weight, tracked.name.as_str(), tracked.span)).chain(lbd);
    let all: i32 = weighted.clone().map(|(weight, ..)| i32::from(weight.max(0))).sum();
    for (weight, name, span) in weighted.filter(|(weight, ..)| *weight != 0) {
        let well = (i32::from(instance.priority) + all).clamp(1, 254);
        let failing = (well - i32::from(weight).abs()).max(1);
        diagnostics.push(
            Diagnostic::notice(
                format!("when `{name}` fails, `{}` goes from priority {well} to {failing}", instance.name),
                span,
            )
            .help(format!(
                "a BACKUP takes over then if its priority is above {failing}; one of {failing} or less needs a larger \
                 weight here"
            )),
        );
    }
}

fn strict(instance: &VrrpInstance, diagnostics: &mut Diagnostics) {
    if !instance.strict_mode || instance.accept {
        return;
    }
    let version = match instance.version {
        Version::V2 => "2",
        Version::V3 => "3",
    };
    diagnostics.push(
        Diagnostic::notice(
            format!(
                "`vrrp_strict`: the virtual addresses of `{}` answer no ping and no connection",
                instance.name
            ),
            instance.span,
        )
        .label(format!("`no_accept`, as version {version} asks of a router that does not own the address"))
        .help("remove `vrrp_strict`, or add `accept` to the instance; a load balancer needs it"),
    );
}
