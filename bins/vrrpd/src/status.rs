//! What the daemon says of itself to whoever asks.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use stats::router::{AddressReport, PeerReport, RouterCounters, RouterReport, SplitReport, TransitionReport};
use vrrp::{Checksum, Discard, Family, InstanceSnapshot, NewMasterReason, Rival, Role};

use crate::plan::InstancePlan;

/// Changes of state that are remembered of each virtual router.
const HISTORY: usize = 8;

/// keepalived's word for a role.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Initialize => "INIT",
        Role::Fault(_) => "FAULT",
        Role::Backup => "BACKUP",
        Role::Active => "MASTER",
    }
}

/// The last changes of state, by the name of the virtual router: they outlive its interface and a reload.
#[derive(Debug, Default)]
pub(crate) struct History(BTreeMap<String, VecDeque<TransitionReport>>);

impl History {
    pub(crate) fn record(&mut self, name: &str, at_unix: f64, from: Role, to: Role, causes: Vec<String>) {
        let known = self.0.entry(name.to_owned()).or_default();
        known.truncate(HISTORY - 1);
        let (from, to) = (role(from).to_owned(), role(to).to_owned());
        known.push_front(TransitionReport { at_unix, from, to, causes });
    }

    /// Forgets those that are not in the configuration any more.
    pub(crate) fn retain(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|name, _| is_there(name));
    }

    fn of(&self, name: &str) -> Vec<TransitionReport> {
        self.0.get(name).into_iter().flatten().cloned().collect()
    }
}

/// A virtual router. `held` says of an address whether the kernel has it.
pub(crate) fn router(
    instance: &InstancePlan,
    snapshot: &InstanceSnapshot,
    held: impl Fn(IpAddr) -> bool,
    interface: impl Fn(u32) -> String,
    history: &History,
    now: Instant,
) -> RouterReport {
    let since = |at: Instant| now.saturating_duration_since(at).as_secs_f64();
    RouterReport {
        name: instance.name.clone(),
        interface: instance.interface.clone(),
        vrid: snapshot.id.vrid.get(),
        family: match snapshot.id.family {
            Family::V4 => "IPv4".to_owned(),
            Family::V6 => "IPv6".to_owned(),
        },
        version: instance.config.version.get(),
        state: role(snapshot.role).to_owned(),
        state_seconds: snapshot.last_transition.map_or(0.0, |last| since(last.at)),
        yielding: snapshot.yielding,
        waiting: snapshot.waiting,
        base_priority: snapshot.base_priority.get(),
        effective_priority: snapshot.effective_priority.get(),
        interval_seconds: instance.config.interval.to_duration().as_secs_f64(),
        master_interval_seconds: snapshot.active_interval.to_duration().as_secs_f64(),
        source: snapshot.source,
        master: snapshot.active,
        split_brain: snapshot.split.map(|rival| SplitReport { rival: self::rival(rival) }),
        transitions: history.of(&instance.name),
        addresses: instance
            .vips
            .values()
            .map(|vip| AddressReport {
                address: vip.addr,
                prefix_len: vip.prefix_len,
                interface: interface(vip.ifindex),
                advertised: instance.config.addresses.contains(&vip.addr),
                held: held(vip.addr),
                lease_seconds: vip.lease.as_ref().map(Duration::as_secs_f64),
            })
            .collect(),
        peers: snapshot
            .peers
            .iter()
            .map(|peer| PeerReport {
                address: peer.address,
                priority: peer.advertised.get(),
                interval_seconds: peer.interval.to_duration().as_secs_f64(),
                checksum: checksum(peer.checksum).to_owned(),
                heard_seconds: since(peer.last_heard),
                adverts: peer.adverts,
            })
            .collect(),
        counters: counters(snapshot),
    }
}

fn rival(rival: Rival) -> String {
    match rival {
        Rival::Advertises { peer, priority } => format!("{peer} goes on as MASTER with priority {priority}"),
        Rival::Answers { address, mac } => format!("{mac} answers for {address}"),
    }
}

fn checksum(form: Checksum) -> &'static str {
    match form {
        Checksum::Rfc9568 => "message",
        Checksum::Keepalived => "pseudo-header",
        Checksum::KeepalivedGroup => "pseudo-header of the group",
    }
}

fn counters(snapshot: &InstanceSnapshot) -> RouterCounters {
    let stats = &snapshot.stats;
    let of = |discard| stats.discards.get(discard);
    RouterCounters {
        new_master_reason: match stats.new_master_reason() {
            NewMasterReason::NotMaster => "notMaster",
            NewMasterReason::Priority => "priority",
            NewMasterReason::Preempted => "preempted",
            NewMasterReason::MasterNoResponse => "masterNoResponse",
        }
        .to_owned(),
        master_transitions: stats.become_active,
        master_releases: stats.release_active,
        advertisements_received: stats.adverts_received,
        advertisements_sent: stats.adverts_sent,
        interval_errors: of(Discard::IntervalMismatch) + of(Discard::ZeroInterval),
        interval_differences: stats.interval_differences,
        ttl_errors: of(Discard::BadTtl),
        version_errors: of(Discard::BadVersion),
        checksum_errors: of(Discard::BadChecksum),
        priority_zero_received: stats.priority_zero_received,
        priority_zero_sent: stats.priority_zero_sent,
        invalid_type_received: of(Discard::BadType),
        address_list_errors: stats.address_list_errors + of(Discard::ZeroCount) + of(Discard::NotLinkLocal),
        packet_length_errors: of(Discard::Truncated) + of(Discard::TrailingBytes),
        authentication_failures: of(Discard::AuthFailure),
        invalid_authentication_type: of(Discard::InvalidAuthType),
        authentication_type_mismatches: of(Discard::AuthTypeMismatch),
        signatures_missing: of(Discard::AuthExtMissing),
        signatures_malformed: of(Discard::AuthExtMalformed),
        signatures_unknown_key: of(Discard::AuthExtUnknownKey),
        signatures_invalid: of(Discard::AuthExtInvalidHmac),
        signatures_stale: of(Discard::AuthExtStale),
        signatures_replayed: of(Discard::AuthExtReplay),
        own_address_received: of(Discard::OwnAddress),
        discarded: stats.discards.total(),
        checksums_of_message: stats.checksum_rfc9568,
        checksums_with_pseudo_header: stats.checksum_keepalived + stats.checksum_keepalived_group,
        contests: stats.contests,
        splits: stats.splits,
        protocol_error_reason: String::new(),
    }
}

/// RFC 6527's word for a packet that was discarded; `None` for those that it does not count.
pub(crate) fn protocol_error(why: Discard) -> Option<&'static str> {
    match why {
        Discard::BadTtl => Some("ipTtlError"),
        Discard::BadVersion => Some("versionError"),
        Discard::BadChecksum => Some("checksumError"),
        Discard::UnknownVrid => Some("vrIdError"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_changes_are_remembered_newest_first() {
        let mut history = History::default();
        for n in 0..20 {
            history.record("VI_1", f64::from(n), Role::Backup, Role::Active, vec![n.to_string()]);
        }
        let known = history.of("VI_1");
        assert_eq!(known.len(), HISTORY);
        assert_eq!((known[0].at_unix, known[7].at_unix), (19.0, 12.0));
        assert_eq!((known[0].from.as_str(), known[0].to.as_str()), ("BACKUP", "MASTER"));
        history.retain(|name| name != "VI_1");
        assert!(history.of("VI_1").is_empty());
    }
}
