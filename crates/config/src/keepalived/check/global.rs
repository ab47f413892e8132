//! `global_defs`.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::keywords;
use super::super::model::{Command, GlobalDefs, JsonVersion, NotifyFifo, TimedCommand, Version};
use super::super::tree::Block;
use super::garp::GarpDraft;
use super::{Findings, address, statements, value};
use crate::diagnostic::Diagnostic;

/// The longest hold at the start.
const MAX_HOLD: Duration = Duration::from_secs(4294);
/// The longest lease; the kernel counts whole seconds.
const MAX_LEASE: u32 = 86_400;
/// How long a startup or shutdown script may take.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_SCRIPT_TIMEOUT: Duration = Duration::from_secs(1000);
/// Where `reload_file` is without a path.
const RELOAD_FILE: &str = "/run/vrrpd.reload";

/// What `global_defs` says about every instance.
#[derive(Debug, Clone)]
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
    pub(super) higher_prio_send_advert: bool,
    pub(super) owner_ignore_adverts: bool,
    pub(super) priority_changes: bool,
    pub(super) mcast_group4: Option<IpAddr>,
    pub(super) mcast_group6: Option<IpAddr>,
    /// `default_interface`
    pub(super) interface: String,
    startup: (Option<Command>, Duration),
    shutdown: (Option<Command>, Duration),
    vmac_addr_prefix: Option<String>,
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
            higher_prio_send_advert: true,
            owner_ignore_adverts: false,
            priority_changes: false,
            mcast_group4: None,
            mcast_group6: None,
            interface: "eth0".to_owned(),
            startup: (None, SCRIPT_TIMEOUT),
            shutdown: (None, SCRIPT_TIMEOUT),
            vmac_addr_prefix: None,
        }
    }
}

/// Reads one `global_defs` block into `global` and `defaults`; several blocks add up, the last value wins.
pub(super) fn check(
    block: &Block,
    global: &mut GlobalDefs,
    defaults: &mut Defaults,
    findings: &mut Findings<'_>,
) {
    let body = block.body.as_deref().unwrap_or_default();
    for statement in &statements(body, &keywords::GLOBAL, findings) {
        if !process(statement, global, findings) && !scripts(statement, global, defaults, findings) {
            one(statement, global, defaults, findings);
        }
    }
}

/// Puts together what stands in several statements.
pub(super) fn finish(global: &mut GlobalDefs, defaults: &mut Defaults) {
    let timed = |(command, timeout): (Option<Command>, Duration)| {
        command.map(|command| TimedCommand { command, timeout })
    };
    global.startup_script = timed(defaults.startup.clone());
    global.shutdown_script = timed(defaults.shutdown.clone());
    let prefix = defaults.vmac_addr_prefix.take();
    global.vmac_addr_prefix = prefix.unwrap_or_else(|| global.vmac_prefix.clone());
}

fn is_absolute(path: &Path, s: &Block, findings: &mut Findings<'_>) -> bool {
    if !path.is_absolute() {
        value::wrong(s, &path.to_string_lossy(), "an absolute path, or `off`", s.args[0].span, findings);
    }
    path.is_absolute()
}

fn listener(s: &Block, findings: &mut Findings<'_>) -> Option<SocketAddr> {
    let text = s.arg(0)?;
    let address = text.parse().ok();
    if address.is_none() {
        value::wrong(
            s,
            text,
            "an address and a port, as in 127.0.0.1:9165 or [::1]:9165",
            s.args[0].span,
            findings,
        );
    }
    address
}

/// `net_namespace NAME`: a file in the directory of `ip netns`.
pub(super) fn namespace(s: &Block, findings: &mut Findings<'_>) -> Option<String> {
    let word = s.args.first()?;
    let name = word.text.as_str();
    if name.is_empty() || name == "." || name == ".." || name.contains('/') {
        value::wrong(s, name, "a name that `ip netns list` shows", word.span, findings);
        return None;
    }
    Some(name.to_owned())
}

/// What concerns the process itself; whether it was such a statement.
fn process(s: &Block, global: &mut GlobalDefs, findings: &mut Findings<'_>) -> bool {
    let scheduling = &mut global.scheduling;
    match s.keyword.text.as_str() {
        "vrrp_rt_priority" => scheduling.rt_priority = value::integer::<u8>(s, 0, 1..=99, findings),
        "vrrp_rlimit_rttime" | "vrrp_rlimit_rtime" => {
            let limit = value::integer::<u32>(s, 0, 2..=u32::MAX, findings);
            scheduling.rlimit_rttime = limit.map(u64::from);
        }
        "vrrp_priority" => scheduling.nice = value::integer::<i8>(s, 0, -20..=19, findings),
        "vrrp_no_swap" => scheduling.no_swap = true,
        "vrrp_cpu_affinity" => {
            let cpus = (0..s.args.len()).filter_map(|at| value::integer::<u16>(s, at, 0..=1023, findings));
            scheduling.cpu_affinity = cpus.collect();
        }
        "max_auto_priority" => {
            let most =
                if s.args.is_empty() { Some(99) } else { value::integer::<i8>(s, 0, -1..=99, findings) };
            let most = most.and_then(|most| u8::try_from(most).ok());
            scheduling.max_auto_priority = most.filter(|most| *most > 0);
        }
        "min_auto_priority_delay" => {
            let delay = value::integer::<u32>(s, 0, 1..=10_000_000, findings);
            scheduling.min_auto_priority_delay = delay.map(u64::from);
        }
        "state_file_location" => global.dumps.state = s.arg(0).map(PathBuf::from),
        "stats_file_location" => global.dumps.stats = s.arg(0).map(PathBuf::from),
        "json_file_location" => global.dumps.json = s.arg(0).map(PathBuf::from),
        "json_version" => {
            let version = value::integer::<u8>(s, 0, 1..=2, findings);
            global.dumps.json_version = if version == Some(2) { JsonVersion::V2 } else { JsonVersion::V1 };
        }
        "net_namespace" => global.net_namespace = namespace(s, findings),
        "status_socket" => {
            let path = s.arg(0).filter(|&path| path != "off").map(PathBuf::from);
            global.status_socket = path.filter(|path| is_absolute(path, s, findings));
        }
        "prometheus_listen" => global.prometheus_listen = listener(s, findings),
        "data_use_instance" => set(&mut global.dumps.use_instance, s, findings),
        "umask" => global.umask = umask(s, findings).or(global.umask),
        "nftables" => {
            if let Some(name) = s.arg(0) {
                global.nftables.table = name.to_owned();
            }
        }
        "nftables_priority" => {
            let priority = value::integer::<i32>(s, 0, i32::MIN..=i32::MAX, findings);
            global.nftables.priority = priority.unwrap_or(global.nftables.priority);
        }
        "nftables_counters" => global.nftables.counters = true,
        "disable_local_igmp" => global.disable_local_igmp = true,
        "log_unknown_vrids" => global.log_unknown_vrids = true,
        "reload_file" => global.reload_file = Some(s.arg(0).unwrap_or(RELOAD_FILE).into()),
        "random_seed" => {
            // The reader has used it; here it only has to be a number.
            value::integer::<u32>(s, 0, 0..=u32::MAX, findings);
        }
        _ => return false,
    }
    true
}

/// Programs that are run, and FIFOs; whether it was such a statement.
fn scripts(s: &Block, global: &mut GlobalDefs, defaults: &mut Defaults, findings: &mut Findings<'_>) -> bool {
    let timeout = |findings: &mut Findings<'_>| {
        value::seconds(s, 0, Duration::from_secs(1)..=MAX_SCRIPT_TIMEOUT, findings).unwrap_or(SCRIPT_TIMEOUT)
    };
    match s.keyword.text.as_str() {
        "enable_script_security" => global.enable_script_security = true,
        "script_user" => global.script_user = value::user(s, 0),
        "set_supplementary_groups" => global.set_supplementary_groups = true,
        "startup_script" => defaults.startup.0 = value::command(s, findings),
        "startup_script_timeout" => defaults.startup.1 = timeout(findings),
        "shutdown_script" => defaults.shutdown.0 = value::command(s, findings),
        "shutdown_script_timeout" => defaults.shutdown.1 = timeout(findings),
        "notify_fifo" => global.notify_fifo = fifo(s),
        "vrrp_notify_fifo" => global.vrrp_notify_fifo = fifo(s),
        "notify_fifo_script" => fifo_script(&mut global.notify_fifo, "notify_fifo", s, findings),
        "vrrp_notify_fifo_script" => {
            fifo_script(&mut global.vrrp_notify_fifo, "vrrp_notify_fifo", s, findings);
        }
        "vrrp_notify_priority_changes" => set(&mut defaults.priority_changes, s, findings),
        "fifo_write_vrrp_states_on_reload" => global.fifo_write_states_on_reload = true,
        _ => return false,
    }
    true
}

fn one(s: &Block, global: &mut GlobalDefs, defaults: &mut Defaults, findings: &mut Findings<'_>) {
    let name = s.keyword.text.as_str();
    let text = s.arg(0).map(str::to_owned);
    if defaults.garp.take(name.trim_start_matches("vrrp_"), s, findings) {
        return;
    }
    match name {
        "router_id" => global.router_id = text,
        "instance" => global.instance = text,
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
        "vrrp_higher_prio_send_advert" => set(&mut defaults.higher_prio_send_advert, s, findings),
        "vrrp_owner_ignore_adverts" => set(&mut defaults.owner_ignore_adverts, s, findings),
        "vrrp_mcast_group4" => defaults.mcast_group4 = address::group(s, Some(false), findings),
        "vrrp_mcast_group6" => defaults.mcast_group6 = address::group(s, Some(true), findings),
        "default_interface" => {
            let name = s.args.first().and_then(|word| value::interface(&word.text, word.span, findings));
            defaults.interface = name.unwrap_or_else(|| defaults.interface.clone());
        }
        "vmac_prefix" => global.vmac_prefix = vmac_prefix(s, findings).unwrap_or_else(|| "vrrp".to_owned()),
        "vmac_addr_prefix" => defaults.vmac_addr_prefix = vmac_prefix(s, findings),
        _ => {}
    }
}

/// `vip_lease SECONDS`, whole seconds.
pub(super) fn lease(statement: &Block, findings: &mut Findings<'_>) -> Option<Duration> {
    let seconds = value::integer::<u32>(statement, 0, 0..=MAX_LEASE, findings)?;
    Some(Duration::from_secs(u64::from(seconds)))
}

fn hold(statement: &Block, findings: &mut Findings<'_>) -> Duration {
    value::seconds(statement, 0, Duration::ZERO..=MAX_HOLD, findings).unwrap_or_default()
}

fn set(field: &mut bool, statement: &Block, findings: &mut Findings<'_>) {
    if let Some(on) = value::switch(statement, findings) {
        *field = on;
    }
}

fn fifo(statement: &Block) -> Option<NotifyFifo> {
    let path = PathBuf::from(statement.arg(0)?);
    Some(NotifyFifo { path, owner: value::user(statement, 1), script: None })
}

fn fifo_script(fifo: &mut Option<NotifyFifo>, needs: &str, statement: &Block, findings: &mut Findings<'_>) {
    let script = value::command(statement, findings);
    match fifo {
        Some(fifo) => fifo.script = script,
        None => findings.push(
            Diagnostic::error(format!("`{}` has no FIFO to read", statement.keyword.text), statement.span)
                .help(format!("write `{needs} PATH` above it")),
        ),
    }
}

/// Room is needed for `6.255` after it.
fn vmac_prefix(s: &Block, findings: &mut Findings<'_>) -> Option<String> {
    let word = s.args.first()?;
    if word.text.len() > 10 {
        value::wrong(s, &word.text, "a name of at most 10 bytes", word.span, findings);
        return None;
    }
    value::interface(&word.text, word.span, findings)
}

/// A number (decimal, octal after 0, hexadecimal after 0x), or bits such as `IRWXG|IRWXO`.
fn umask(s: &Block, findings: &mut Findings<'_>) -> Option<u32> {
    let word = s.args.first()?;
    let text = word.text.as_str();
    let number = if let Some(digits) = text.strip_prefix("0x") {
        u32::from_str_radix(digits, 16).ok()
    } else if text.starts_with('0') {
        u32::from_str_radix(text, 8).ok()
    } else if text.starts_with(|c: char| c.is_ascii_digit()) {
        text.parse().ok()
    } else {
        text.split('|').try_fold(0, |mask, bits| Some(mask | permission(bits.trim())?))
    };
    let mask = number.filter(|mask| *mask <= 0o777);
    if mask.is_none() {
        value::wrong(s, text, "a number to 0777, or bits like IRWXG|IRWXO", word.span, findings);
    }
    mask
}

/// `IRUSR`, `IWGRP`, `IRWXO` and the like.
fn permission(name: &str) -> Option<u32> {
    let (bits, who) = match name.strip_prefix('I')? {
        rest if rest.starts_with("RWX") => (7, &rest[3..]),
        rest => {
            let bit = match rest.chars().next()? {
                'R' => 4,
                'W' => 2,
                'X' => 1,
                _ => return None,
            };
            (bit, &rest[1..])
        }
    };
    Some(match who {
        "U" | "USR" => bits << 6,
        "G" | "GRP" => bits << 3,
        "O" | "OTH" => bits,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::permission;

    #[test]
    fn permissions_have_the_names_of_stat_h() {
        for (name, bits) in [
            ("IRUSR", Some(0o400)),
            ("IWGRP", Some(0o020)),
            ("IXOTH", Some(0o001)),
            ("IRWXU", Some(0o700)),
            ("IRWXO", Some(0o007)),
            ("RUSR", None),
            ("IRWX", None),
            ("IQUSR", None),
        ] {
            assert_eq!(permission(name), bits, "{name}");
        }
    }
}
