//! State and counters as log lines (`SIGUSR1`, `SIGUSR2`).

use std::time::Instant;

use vrrp::{Discard, InstanceSnapshot, NodeStats, Role};

use crate::plan::InstancePlan;

/// Where a virtual router is, and who its peers are.
pub(crate) fn state(instance: &InstancePlan, now: Instant, snapshot: &InstanceSnapshot) -> Vec<String> {
    let name = &instance.name;
    let since = snapshot.last_transition.map_or_else(
        || "since the start".to_owned(),
        |last| {
            format!("for {:.3} s ({:?})", now.saturating_duration_since(last.at).as_secs_f64(), last.cause)
        },
    );
    let yielding = if snapshot.yielding { ", yielding" } else { "" };
    let or_none = |address: Option<std::net::IpAddr>| address.map_or("none".to_owned(), |ip| ip.to_string());
    let mut lines = vec![format!(
        "({name}) state {}{yielding} {since}, interface {}, VRID {}, version {}, priority {} of {}, interval {} ms, \
         source {}, master {}",
        role(snapshot.role),
        instance.interface,
        snapshot.id.vrid,
        instance.config.version.get(),
        snapshot.effective_priority,
        snapshot.base_priority,
        snapshot.active_interval.to_duration().as_millis(),
        or_none(snapshot.source),
        or_none(snapshot.active),
    )];
    for vip in instance.vips.values() {
        let lease = vip.lease.map_or("no lease".to_owned(), |lease| format!("lease {} s", lease.as_secs()));
        lines.push(format!("({name}) VIP {}/{}, {lease}", vip.addr, vip.prefix_len));
    }
    for peer in &snapshot.peers {
        let heard = now.saturating_duration_since(peer.last_heard).as_secs_f64();
        lines.push(format!(
            "({name}) peer {}: priority {}, interval {} ms, {} adverts, heard {heard:.3} s ago",
            peer.address,
            peer.advertised,
            peer.interval.to_duration().as_millis(),
            peer.adverts,
        ));
    }
    lines
}

/// The counters of a virtual router, by keepalived's names.
pub(crate) fn stats(instance: &InstancePlan, snapshot: &InstanceSnapshot) -> String {
    let stats = &snapshot.stats;
    let discards = |discard| stats.discards.get(discard);
    format!(
        "({}) advert_rcvd={} advert_sent={} become_master={} release_master={} packet_len_err={} advert_interval_err={} \
         ip_ttl_err={} invalid_type_rcvd={} addr_list_err={} invalid_authtype={} authtype_mismatch={} auth_failure={} \
         checksum_err={} version_err={} pri_zero_rcvd={} pri_zero_sent={} contests={}",
        instance.name,
        stats.adverts_received,
        stats.adverts_sent,
        stats.become_active,
        stats.release_active,
        discards(Discard::Truncated) + discards(Discard::TrailingBytes),
        discards(Discard::IntervalMismatch) + discards(Discard::ZeroInterval),
        discards(Discard::BadTtl),
        discards(Discard::BadType),
        stats.address_list_errors + discards(Discard::ZeroCount),
        discards(Discard::InvalidAuthType),
        discards(Discard::AuthTypeMismatch),
        discards(Discard::AuthFailure),
        discards(Discard::BadChecksum),
        discards(Discard::BadVersion),
        stats.priority_zero_received,
        stats.priority_zero_sent,
        stats.contests,
    )
}

/// The counters of the node: packets, and what was discarded for whomever it was.
pub(crate) fn node_stats(stats: &NodeStats) -> String {
    let discards = stats.discards.iter().filter(|(_, count)| *count > 0);
    let discards: Vec<String> = discards.map(|(discard, count)| format!("{count} {discard}")).collect();
    let discarded = if discards.is_empty() { "none".to_owned() } else { discards.join(", ") };
    format!("{} packets, discarded: {discarded}", stats.packets)
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Initialize => "INIT",
        Role::Fault(_) => "FAULT",
        Role::Backup => "BACKUP",
        Role::Active => "MASTER",
    }
}
