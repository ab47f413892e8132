//! `global_defs`.

use std::path::PathBuf;
use std::time::Duration;

use super::super::keywords;
use super::super::model::{GlobalDefs, NotifyFifo, Version};
use super::super::tree::Block;
use super::garp::GarpDraft;
use super::{Findings, statements, value};
use crate::diagnostic::Diagnostic;

/// The longest hold at the start.
const MAX_HOLD: Duration = Duration::from_secs(4294);
/// The longest lease; the kernel counts whole seconds.
const MAX_LEASE: u32 = 86_400;

/// What `global_defs` says about every instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults {
    pub(super) version: Version,
    pub(super) garp: GarpDraft,
    pub(super) down_timer_adverts: u8,
    pub(super) lower_prio_no_advert: Option<bool>,
    pub(super) check_unicast_src: bool,
    pub(super) skip_check_adv_addr: bool,
    pub(super) strict: bool,
    pub(super) v3_checksum_as_v2: bool,
    pub(super) vip_lease: Option<Duration>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            version: Version::V2,
            garp: GarpDraft::default(),
            down_timer_adverts: 3,
            lower_prio_no_advert: None,
            check_unicast_src: false,
            skip_check_adv_addr: false,
            strict: false,
            v3_checksum_as_v2: false,
            vip_lease: None,
        }
    }
}

/// Reads one `global_defs` block into `global` and `defaults`; several blocks add up, the last value wins.
pub(super) fn check(
    block: &Block,
    global: &mut GlobalDefs,
    defaults: &mut Defaults,
    findings: &mut Findings,
) {
    let body = block.body.as_deref().unwrap_or_default();
    for statement in &statements(body, &keywords::GLOBAL, findings) {
        one(statement, global, defaults, findings);
    }
}

fn one(s: &Block, global: &mut GlobalDefs, defaults: &mut Defaults, findings: &mut Findings) {
    let name = s.keyword.text.as_str();
    let text = s.arg(0).map(str::to_owned);
    if defaults.garp.take(name.trim_start_matches("vrrp_"), s, findings) {
        return;
    }
    match name {
        "router_id" => global.router_id = text,
        "instance" => global.instance = text,
        "enable_script_security" => global.enable_script_security = true,
        "script_user" => global.script_user = value::user(s, 0),
        "vrrp_version" => defaults.version = value::version(s, findings).unwrap_or(defaults.version),
        "vrrp_garp_interval" => global.garp_interval = hold(s, findings),
        "vrrp_gna_interval" => global.gna_interval = hold(s, findings),
        "vrrp_startup_delay" => global.startup_delay = hold(s, findings),
        "vrrp_delay_after_boot" => global.delay_after_boot = hold(s, findings),
        "vrrp_min_garp" => {
            let minimal = value::switch(s, findings) == Some(true);
            defaults.garp = if minimal { GarpDraft::minimal() } else { defaults.garp };
        }
        "vrrp_down_timer_adverts" => {
            let count = value::integer::<u8>(s, 0, 1..=100, findings);
            defaults.down_timer_adverts = count.unwrap_or(defaults.down_timer_adverts);
        }
        "vrrp_lower_prio_no_advert" => defaults.lower_prio_no_advert = value::switch(s, findings),
        "vrrp_check_unicast_src" => set(&mut defaults.check_unicast_src, s, findings),
        "vrrp_skip_check_adv_addr" => set(&mut defaults.skip_check_adv_addr, s, findings),
        "vrrp_strict" => set(&mut defaults.strict, s, findings),
        "v3_checksum_as_v2" => set(&mut defaults.v3_checksum_as_v2, s, findings),
        "vip_lease" => defaults.vip_lease = lease(s, findings).or(defaults.vip_lease),
        "dynamic_interfaces" => global.dynamic_interfaces = true,
        "notify_fifo" => global.notify_fifo = fifo(s),
        "vrrp_notify_fifo" => global.vrrp_notify_fifo = fifo(s),
        "notify_fifo_script" => fifo_script(&mut global.notify_fifo, "notify_fifo", s, findings),
        "vrrp_notify_fifo_script" => {
            fifo_script(&mut global.vrrp_notify_fifo, "vrrp_notify_fifo", s, findings);
        }
        _ => {}
    }
}

/// `vip_lease SECONDS`, whole seconds.
pub(super) fn lease(statement: &Block, findings: &mut Findings) -> Option<Duration> {
    let seconds = value::integer::<u32>(statement, 0, 0..=MAX_LEASE, findings)?;
    Some(Duration::from_secs(u64::from(seconds)))
}

fn hold(statement: &Block, findings: &mut Findings) -> Duration {
    value::seconds(statement, 0, Duration::ZERO..=MAX_HOLD, findings).unwrap_or_default()
}

fn set(field: &mut bool, statement: &Block, findings: &mut Findings) {
    if let Some(on) = value::switch(statement, findings) {
        *field = on;
    }
}

fn fifo(statement: &Block) -> Option<NotifyFifo> {
    let path = PathBuf::from(statement.arg(0)?);
    Some(NotifyFifo { path, owner: value::user(statement, 1), script: None })
}

fn fifo_script(fifo: &mut Option<NotifyFifo>, needs: &str, statement: &Block, findings: &mut Findings) {
    let script = value::command(statement, findings);
    match fifo {
        Some(fifo) => fifo.script = script,
        None => findings.push(
            Diagnostic::error(format!("`{}` has no FIFO to read", statement.keyword.text), statement.span)
                .help(format!("write `{needs} PATH` above it")),
        ),
    }
}
