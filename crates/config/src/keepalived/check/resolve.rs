//! `vrrp_instance`: defaults, and what its statements mean together.

use std::net::IpAddr;
use std::time::Duration;

use super::super::duration;
use super::super::model::{
    Auth, AuthHmac, Config, InitialState, Tracked, Version, VirtualAddress, VrrpInstance,
};
use super::super::tree::Block;
use super::global::Defaults;
use super::instance::Draft;
use super::rule::{self, Preferences};
use super::track::{self, Known};
use super::{Findings, address, hmac, route, vmac};
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};

/// The largest Max Advert Int of version 3: twelve bits of hundredths.
const MAX_V3_INTERVAL: Duration = Duration::from_millis(40_950);
/// The address count of an advertisement is one byte.
const MAX_ADDRESSES: usize = 255;

/// Applies defaults and judges the statements of an instance together.
pub(super) fn resolve(
    draft: Draft,
    defaults: &Defaults,
    config: &Config,
    preferences: &mut Preferences,
    findings: &mut Findings<'_>,
) -> VrrpInstance {
    required(&draft, findings);
    let strict = draft.strict_mode.unwrap_or(defaults.strict);
    let interface = draft.interface.clone().unwrap_or_default();
    let priority = draft.priority.unwrap_or(100);

    let mut excluded = virtual_addresses(&draft.excluded, &interface, findings);
    let mut addresses = virtual_addresses(&draft.addresses, &interface, findings);
    same_family(&addresses, findings);
    excluded.extend(surplus(&mut addresses, findings));
    let ipv6 = family(&addresses, draft.unicast_peer.first().map(|peer| peer.value.addr));
    sources(&draft, ipv6, findings);
    if addresses.is_empty() && draft.addresses.is_empty() && !draft.no_addresses {
        findings.push(no_address(&draft, strict));
    }

    let version = version(&draft, defaults, ipv6, findings);
    let state = state(&draft, strict, priority, findings);
    let (preempt, preempt_delay) = preempt(&draft, strict, state, findings);
    if strict {
        strict_addresses(&draft, &addresses, findings);
    }
    for address in addresses.iter_mut().chain(&mut excluded) {
        address.use_vmac |= draft.use_vmac_addr && address.dev != interface;
    }
    let router = (draft.virtual_router_id.as_ref().map_or(0, |id| id.value), ipv6 == Some(true));
    let advert_int = interval(draft.advert_int.as_ref(), version, findings);
    let (auth, auth_hmac) = proofs(&draft, version, advert_int, strict, findings);
    let mut notify = draft.notify;
    notify.priority_changes = draft.priority_changes.unwrap_or(defaults.priority_changes);
    let group = if router.1 { defaults.mcast_group6 } else { defaults.mcast_group4 };
    let vmac = draft.vmac.map(|written| {
        vmac::resolve(written, router, (&config.global.vmac_prefix, draft.xmit_base), findings)
    });
    let own = vmac.as_ref().and_then(vmac::own_address);
    if let Some(vmac) = &vmac {
        let peer = draft.unicast_peer.first().map(|peer| peer.span);
        vmac::peers(vmac, peer, draft.unicast_src_ip.as_ref(), findings);
    }
    VrrpInstance {
        state,
        virtual_router_id: draft.virtual_router_id.as_ref().map_or(0, |id| id.value),
        priority,
        advert_int,
        version,
        auth,
        auth_hmac,
        vmac,
        virtual_routes: draft.routes.iter().filter_map(|line| route::route(line, findings)).collect(),
        virtual_rules: draft
            .rules
            .iter()
            .filter_map(|line| rule::rule(line, preferences, findings))
            .collect(),
        promote_secondaries: draft.promote_secondaries,
        unicast_fault_no_peer: draft.unicast_fault_no_peer,
        old_unicast_checksum: draft.old_unicast_checksum,
        mcast_dst_ip: draft.mcast_dst_ip.map(|group| group.value).or(group),
        track_src_ip: draft.track_src_ip.is_some(),
        virtual_ipaddress: addresses,
        virtual_ipaddress_excluded: excluded,
        unicast_src_ip: draft.unicast_src_ip.map(|source| source.value).or(own),
        unicast_peer: draft.unicast_peer.into_iter().map(|peer| peer.value).collect(),
        unicast_ttl: draft.unicast_ttl.unwrap_or(255),
        check_unicast_src: draft.check_unicast_src.unwrap_or(defaults.check_unicast_src),
        mcast_src_ip: draft.mcast_src_ip.map(|source| source.value).or(own),
        track_script: scripts(&draft.track_script, config, findings),
        track_interface: track::list(&draft.track_interface, &Known::Interfaces, 253, findings),
        track_file: files(&draft.track_file, config, findings),
        track_process: processes(&draft.track_process, config, findings),
        track_lbd: draft.track_lbd,
        dont_track_primary: draft.dont_track_primary,
        preempt,
        preempt_delay,
        accept: draft.accept.unwrap_or(!strict),
        garp: draft.garp.resolve(defaults.garp),
        lower_prio_no_advert: draft.lower_prio_no_advert.or(defaults.lower_prio_no_advert).unwrap_or(strict),
        higher_prio_send_advert: draft.higher_prio_send_advert.unwrap_or(defaults.higher_prio_send_advert),
        owner_ignore_adverts: draft.owner_ignore_adverts.unwrap_or(defaults.owner_ignore_adverts),
        strict_mode: strict,
        skip_check_adv_addr: draft.skip_check_adv_addr.unwrap_or(defaults.skip_check_adv_addr),
        v3_checksum_as_v2: draft.v3_checksum_as_v2.unwrap_or(defaults.v3_checksum_as_v2),
        down_timer_adverts: draft.down_timer_adverts.unwrap_or(defaults.down_timer_adverts),
        notify,
        vip_lease: draft.vip_lease.or(defaults.vip_lease),
        span: draft.span,
        name: draft.name.text,
        interface,
    }
}

/// Reports what `instance` has in common with an earlier one and must not.
pub(super) fn compare(instance: &VrrpInstance, earlier: &[VrrpInstance], findings: &mut Findings<'_>) {
    if let Some(other) = earlier.iter().find(|other| other.name == instance.name) {
        findings.push(
            Diagnostic::error(format!("there are two `vrrp_instance {}`", instance.name), instance.span)
                .label("the name is taken")
                .help("give each its own name")
                .related(other.span, "the first one"),
        );
    }
    let own = router(instance);
    vmac::compare(instance, earlier, findings);
    if own.0.is_empty() || own.1 == 0 {
        return;
    }
    if let Some(other) = earlier.iter().find(|other| router(other) == own) {
        findings.push(
            Diagnostic::error(
                format!("virtual_router_id {} is used twice on {}", own.1, own.0),
                instance.span,
            )
            .label("the same virtual router")
            .help("give each instance on an interface its own `virtual_router_id`")
            .related(other.span, "the first one"),
        );
    }
}

/// What there may be once: interface, virtual router, and whether it is an IPv6 one.
fn router(instance: &VrrpInstance) -> (&str, u8, bool) {
    let peer = instance.unicast_peer.first().map(|peer| peer.addr);
    let ipv6 = family(&instance.virtual_ipaddress, peer).unwrap_or(false);
    (instance.interface.as_str(), instance.virtual_router_id, ipv6)
}

fn required(draft: &Draft, findings: &mut Findings<'_>) {
    let name = &draft.name.text;
    let mut missing = |keyword: &str, help: &str| {
        findings.push(
            Diagnostic::error(format!("vrrp_instance `{name}` has no `{keyword}`"), draft.span)
                .label("not complete")
                .help(help),
        );
    };
    if !draft.interface_written {
        missing("interface", "add `interface NAME`; `ip -br link` lists the interfaces");
    }
    if !draft.virtual_router_id_written {
        missing(
            "virtual_router_id",
            "add `virtual_router_id 1-255`, the same on all nodes and no other's on this LAN",
        );
    }
    if !draft.priority_written {
        findings.push(
            Diagnostic::notice(format!("vrrp_instance `{name}` has no `priority`: it is 100"), draft.span)
                .help("add `priority 1-255`; the highest becomes Active"),
        );
    }
}

fn no_address(draft: &Draft, strict: bool) -> Diagnostic {
    let message = format!("vrrp_instance `{}` has no virtual address", draft.name.text);
    if strict {
        return Diagnostic::error(message, draft.span)
            .label("`vrrp_strict` wants one")
            .help("add `virtual_ipaddress { ... }`");
    }
    Diagnostic::warning(message, draft.span)
        .label("nothing to take over")
        .help("add `virtual_ipaddress { ... }`, or `no_virtual_ipaddress` when that is meant")
}

fn virtual_addresses(entries: &[Block], interface: &str, findings: &mut Findings<'_>) -> Vec<VirtualAddress> {
    let mut out: Vec<VirtualAddress> = Vec::new();
    for entry in entries {
        let Some(address) = address::virtual_address(entry, interface, findings) else { continue };
        match out.iter().find(|other| other.addr == address.addr && other.dev == address.dev) {
            Some(first) => findings.push(
                Diagnostic::warning(format!("{} stands here twice", address.addr), entry.span)
                    .label("ignored")
                    .related(first.span, "the first time"),
            ),
            None => out.push(address),
        }
    }
    out
}

fn same_family(addresses: &[VirtualAddress], findings: &mut Findings<'_>) {
    let Some(first) = addresses.first() else { return };
    for other in addresses.iter().filter(|other| other.addr.is_ipv6() != first.addr.is_ipv6()) {
        findings.push(
            Diagnostic::error("all addresses of an instance are IPv4, or all are IPv6", other.span)
                .label("the other family")
                .help("make a second `vrrp_instance`, or use `virtual_ipaddress_excluded`")
                .related(first.span, "the first address decides"),
        );
    }
}

/// Takes out the addresses that do not fit an advertisement.
fn surplus(addresses: &mut Vec<VirtualAddress>, findings: &mut Findings<'_>) -> Vec<VirtualAddress> {
    let Some(first) = addresses.get(MAX_ADDRESSES) else { return Vec::new() };
    findings.push(
        Diagnostic::warning("an advertisement has room for 255 addresses", first.span)
            .label("from here on as in `virtual_ipaddress_excluded`")
            .help("put them into `virtual_ipaddress_excluded`"),
    );
    addresses.split_off(MAX_ADDRESSES)
}

/// Whether the instance is an IPv6 one; `None` when nothing tells.
fn family(addresses: &[VirtualAddress], peer: Option<IpAddr>) -> Option<bool> {
    addresses.first().map(|address| address.addr).or(peer).map(|addr| addr.is_ipv6())
}

/// Sources and peers must be of the instance's family.
fn sources(draft: &Draft, ipv6: Option<bool>, findings: &mut Findings<'_>) {
    let peers = draft.unicast_peer.iter().map(|peer| (peer.value.addr, peer.span));
    let sources = [&draft.unicast_src_ip, &draft.mcast_src_ip, &draft.mcast_dst_ip];
    let sources = sources.into_iter().flatten().map(|source| (source.value, source.span));
    let source = if draft.unicast_peer.is_empty() { &draft.mcast_src_ip } else { &draft.unicast_src_ip };
    let own = draft.vmac.as_ref().and_then(vmac::Written::address);
    let source = source.as_ref().or(own);
    if let (Some(span), None) = (draft.track_src_ip, source) {
        findings.push(
            Diagnostic::warning("`track_src_ip` has no effect without a source address", span)
                .help("add `mcast_src_ip ADDRESS`, with unicast peers `unicast_src_ip ADDRESS`"),
        );
    }
    for (addr, span) in peers.chain(sources).chain(own.map(|own| (own.value, own.span))) {
        let Some(ipv6) = ipv6.filter(|ipv6| *ipv6 != addr.is_ipv6()) else { continue };
        let family = if ipv6 { "IPv6" } else { "IPv4" };
        findings.push(
            Diagnostic::error(format!("{addr} is not an {family} address"), span)
                .label(format!("the instance is {family}"))
                .help("the virtual addresses decide the family of an instance"),
        );
    }
}

fn version(draft: &Draft, defaults: &Defaults, ipv6: Option<bool>, findings: &mut Findings<'_>) -> Version {
    if ipv6 != Some(true) {
        return draft.version.as_ref().map_or(defaults.version, |version| version.value);
    }
    if let Some(written) = draft.version.as_ref().filter(|version| version.value == Version::V2) {
        findings.push(
            Diagnostic::warning("version 2 has no IPv6: this instance speaks version 3", written.span)
                .help("write `version 3`"),
        );
    }
    Version::V3
}

/// `advert_int` as the version can say it.
fn interval(written: Option<&Spanned<Duration>>, version: Version, findings: &mut Findings<'_>) -> Duration {
    let Some(written) = written else { return Duration::from_secs(1) };
    let asked = written.value;
    let (rounded, why, help) = match version {
        Version::V2 => (
            Duration::from_secs((asked + Duration::from_millis(500)).as_secs().max(1)),
            "version 2 counts whole seconds",
            "use `version 3` on all nodes for fractions of a second",
        ),
        Version::V3 => {
            let up = asked + Duration::from_millis(5);
            let millis = u64::from(up.subsec_millis() / 10 * 10);
            (
                Duration::from_secs(up.as_secs()) + Duration::from_millis(millis),
                "version 3 counts hundredths of a second",
                "write a multiple of 0.01",
            )
        }
    };
    if version == Version::V3 && rounded > MAX_V3_INTERVAL {
        findings.push(
            Diagnostic::error("`advert_int` is at most 40.95 seconds in version 3", written.span)
                .label("does not fit into twelve bits of hundredths")
                .help("write a shorter interval"),
        );
    } else if rounded != asked {
        let shown = duration::show(rounded);
        findings
            .push(Diagnostic::warning(format!("{why}: `advert_int` is {shown}"), written.span).help(help));
    }
    rounded
}

/// `authentication` or `auth_hmac`, never both.
fn proofs(
    draft: &Draft,
    version: Version,
    interval: Duration,
    strict: bool,
    findings: &mut Findings<'_>,
) -> (Option<Auth>, Option<AuthHmac>) {
    let signed = draft.hmac.as_ref().and_then(|block| hmac::hmac(block, interval, findings));
    if let (Some(hmac), Some(password)) = (&draft.hmac, &draft.auth) {
        findings.push(
            Diagnostic::error("`auth_hmac` and `authentication` exclude each other", hmac.span)
                .help("remove the `authentication` block on all nodes")
                .related(password.span, "the other one"),
        );
    }
    (auth(draft.auth.as_ref(), version, strict, findings), signed)
}

fn auth(
    written: Option<&Spanned<Auth>>,
    version: Version,
    strict: bool,
    findings: &mut Findings<'_>,
) -> Option<Auth> {
    let written = written?;
    let why = match (version, strict) {
        (Version::V3, _) => "version 3 has no authentication: it is ignored",
        (Version::V2, true) => "`vrrp_strict` allows no authentication: it is ignored",
        (Version::V2, false) => return Some(written.value),
    };
    findings.push(Diagnostic::warning(why, written.span).help("remove the `authentication` block"));
    None
}

fn state(draft: &Draft, strict: bool, priority: u8, findings: &mut Findings<'_>) -> InitialState {
    let Some(written) = &draft.state else { return InitialState::Backup };
    let owner = priority == 255;
    if strict && (written.value == InitialState::Master) != owner {
        findings.push(
            Diagnostic::warning(
                "with `vrrp_strict`, `state MASTER` goes with priority 255 only",
                written.span,
            )
            .label("the priority decides")
            .help("remove `state`"),
        );
        return if owner { InitialState::Master } else { InitialState::Backup };
    }
    written.value
}

/// `preempt` and `preempt_delay` in force.
fn preempt(
    draft: &Draft,
    strict: bool,
    state: InitialState,
    findings: &mut Findings<'_>,
) -> (bool, Duration) {
    let master = state == InitialState::Master;
    let mut cleared = |keyword: &str, span: Span, why: &str, help: &str| {
        findings.push(
            Diagnostic::warning(format!("`{keyword}` has no effect {why}"), span)
                .label("ignored, as in keepalived")
                .help(help),
        );
    };
    let mut preempt = true;
    if let Some(span) = draft.nopreempt {
        if master {
            cleared("nopreempt", span, "with `state MASTER`", "write `state BACKUP` on all nodes");
        } else {
            preempt = false;
        }
    }
    let Some(delay) = draft.preempt_delay.as_ref().filter(|delay| !delay.value.is_zero()) else {
        return (preempt, Duration::ZERO);
    };
    if strict {
        cleared("preempt_delay", delay.span, "with `vrrp_strict`", "remove one of the two");
    } else if master {
        cleared("preempt_delay", delay.span, "with `state MASTER`", "write `state BACKUP` on all nodes");
    } else if !preempt {
        cleared("preempt_delay", delay.span, "with `nopreempt`", "remove one of the two");
    } else {
        return (preempt, delay.value);
    }
    (preempt, Duration::ZERO)
}

/// What strict mode forbids of addresses.
fn strict_addresses(draft: &Draft, addresses: &[VirtualAddress], findings: &mut Findings<'_>) {
    if let Some(peer) = draft.unicast_peer.first() {
        findings.push(
            Diagnostic::error("`vrrp_strict` allows no unicast peers", peer.span)
                .label("not in the RFC")
                .help("remove `vrrp_strict`, or write `strict_mode off` in this instance"),
        );
    }
    if let Some(first) = addresses.first()
        && let IpAddr::V6(addr) = first.addr
        && !addr.is_unicast_link_local()
    {
        findings.push(
            Diagnostic::error("with `vrrp_strict` the first IPv6 address is a link-local one", first.span)
                .label("not in fe80::/10")
                .help("put an address of fe80::/10 above it (RFC 9568 §5.2.9)"),
        );
    }
}

/// The entries of a `track_*` list, with the weights of what they name.
pub(super) fn scripts(entries: &[Block], config: &Config, findings: &mut Findings<'_>) -> Vec<Tracked> {
    let objects = config.scripts.iter().map(|s| (s.name.as_str(), s.weight, s.reverse)).collect();
    track::list(entries, &Known::Defined { block: "vrrp_script", objects }, 253, findings)
}

/// The entries of a `track_*` list, with the weights of what they name.
pub(super) fn processes(entries: &[Block], config: &Config, findings: &mut Findings<'_>) -> Vec<Tracked> {
    let objects = config.processes.iter().map(|p| (p.name.as_str(), p.weight, p.reverse)).collect();
    track::list(entries, &Known::Defined { block: "vrrp_track_process", objects }, 254, findings)
}

/// The entries of a `track_*` list, with the weights of what they name.
pub(super) fn files(entries: &[Block], config: &Config, findings: &mut Findings<'_>) -> Vec<Tracked> {
    let objects = config.files.iter().map(|f| (f.name.as_str(), f.weight, f.reverse)).collect();
    track::list(entries, &Known::Defined { block: "vrrp_track_file", objects }, 254, findings)
}
