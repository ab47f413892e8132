//! keepalived's log lines, which people and tools grep for.

use std::net::IpAddr;

use vip_netlink::{AddressKey, Step};
use vrrp::{Advertised, Cause, Discard, FaultReason, InstanceConfig, Packet, Rank, Rival, Role};

/// What is said when a role changes, without the `(NAME) ` in front. `label` names trackers.
pub(crate) fn transition(
    from: Role,
    to: Role,
    cause: Cause,
    rank: Rank,
    label: impl Fn(vrrp::TrackId) -> String,
) -> Vec<String> {
    let initial = matches!(from, Role::Initialize | Role::Fault(FaultReason::TrackUnknown(_)));
    let mut lines: Vec<String> = why(cause, rank).into_iter().collect();
    match to {
        Role::Active => lines.push("Entering MASTER STATE".to_owned()),
        Role::Backup if initial => lines.push("Entering BACKUP STATE (init)".to_owned()),
        Role::Backup => lines.push("Entering BACKUP STATE".to_owned()),
        Role::Fault(FaultReason::TrackUnknown(id)) => {
            lines.push(format!("waiting for the first result of {}", label(id)));
        }
        Role::Fault(reason) => {
            lines.push(match reason {
                FaultReason::LinkDown => "interface is down".to_owned(),
                FaultReason::NoAddress => "interface has no address to advertise from".to_owned(),
                FaultReason::NoPeer => "has no unicast peer to advertise to".to_owned(),
                FaultReason::TrackDown(id) | FaultReason::TrackUnknown(id) => {
                    format!("{} is down", label(id))
                }
                FaultReason::SyncGroup(member) => {
                    format!("virtual router {} of its sync group cannot take part", member.vrid)
                }
            });
            lines.push("Entering FAULT STATE".to_owned());
        }
        Role::Initialize if cause == Cause::Reconfigured => {
            lines.push("is not in the configuration any more".to_owned());
        }
        Role::Initialize => {}
    }
    lines
}

fn why(cause: Cause, rank: Rank) -> Option<String> {
    match cause {
        Cause::ActiveDown | Cause::PeerResigned { .. } | Cause::LowerPriority { .. } => {
            Some("Receive advertisement timeout".to_owned())
        }
        Cause::HigherPriority { peer, priority } if priority == Advertised::from(rank) => Some(format!(
            "Master received advert from {peer} with same priority {priority} but higher IP address than ours"
        )),
        Cause::HigherPriority { peer, priority } => {
            Some(format!("Master received advert from {peer} with higher priority {priority}, ours {rank}"))
        }
        Cause::Paused => Some(
            "was not run for too long: lets go of its addresses, as another node may be MASTER by now"
                .to_owned(),
        ),
        Cause::SyncGroup { member } => {
            Some(format!("follows virtual router {} of its sync group", member.vrid))
        }
        Cause::Reconfigured
        | Cause::Owner
        | Cause::LinkDown
        | Cause::LinkUp
        | Cause::Tracked(_)
        | Cause::Command => None,
    }
}

/// What is said about a valid advertisement, besides what it changes; the second is whether it is worth a line without
/// `--log-detail`.
pub(crate) fn heard(role: Role, rank: Rank, from: IpAddr, advertised: Advertised) -> Option<(String, bool)> {
    match (role, advertised) {
        (Role::Backup, Advertised::Resign) => {
            Some((format!("Backup received priority 0 advertisement from {from}"), true))
        }
        (Role::Backup, _) if advertised < Advertised::from(rank) => {
            Some((format!("received lower priority ({advertised}) advert from {from} - discarding"), false))
        }
        (Role::Active, _) if advertised < Advertised::from(rank) => Some((
            format!(
                "Received advert from {from} with lower priority {advertised}, ours {rank}, forcing new election"
            ),
            true,
        )),
        (Role::Initialize | Role::Fault(_) | Role::Backup | Role::Active, _) => None,
    }
}

/// Another MASTER that stays.
pub(crate) fn split(rival: Rival) -> String {
    match rival {
        Rival::Advertises { peer, priority } => format!(
            "split brain: {peer} is MASTER too, and goes on with the lower priority {priority}: it does not hear us"
        ),
        Rival::Answers { address, mac } => {
            format!(
                "split brain: {mac} answers for {address}, which is ours: is a MASTER there that we do not hear?"
            )
        }
    }
}

pub(crate) const SPLIT_ENDED: &str = "split brain is over: no other MASTER is to be seen";

/// Why a packet for a virtual router was discarded, and the way out.
pub(crate) fn discard(ours: &InstanceConfig, from: IpAddr, ttl: u8, payload: &[u8], why: Discard) -> String {
    let packet = Packet::new(payload, ours.family).ok();
    let field = |at: usize| payload.get(at).copied().unwrap_or(0);
    match why {
        Discard::AuthFailure => {
            format!("received an invalid passwd! from {from}: auth_pass must be the same on all nodes")
        }
        Discard::AuthTypeMismatch | Discard::InvalidAuthType => format!(
            "received a {} auth, expecting {}! from {from}: authentication must be the same on all nodes",
            auth_type(field(4)),
            match ours.auth {
                vrrp::Authentication::None => "no",
                vrrp::Authentication::Password(_) => "simple text password",
            }
        ),
        Discard::IntervalMismatch => format!(
            "advertisement interval mismatch mine={} sec rcv'd={} sec from {from}: \
             advert_int must be the same on all nodes in version 2",
            ours.interval.to_duration().as_secs(),
            field(5)
        ),
        Discard::BadVersion => format!(
            "wrong version. Received {} and expect {} from {from}: vrrp_version must be the same on all nodes",
            field(0) >> 4,
            ours.version.get()
        ),
        Discard::BadTtl => {
            format!("invalid TTL/HL. Received {ttl} and expect 255 from {from}: it came from another network")
        }
        Discard::AuthExtMissing => {
            format!("advert from {from} is not signed: auth_hmac must be on all nodes before one enforces it")
        }
        Discard::AuthExtUnknownKey | Discard::AuthExtInvalidHmac => {
            format!("discarded an advert from {from}: {why}: auth_hmac needs the same keys on all nodes")
        }
        Discard::AuthExtStale => {
            format!("discarded an advert from {from}: {why}: the clocks of the nodes must agree")
        }
        Discard::BadChecksum => format!("Invalid VRRPv{} checksum from {from}", ours.version.get()),
        Discard::AuthExtMalformed
        | Discard::AuthExtReplay
        | Discard::ZeroCount
        | Discard::OwnerIgnores
        | Discard::NotLinkLocal
        | Discard::MixedFamilies
        | Discard::Truncated
        | Discard::BadType
        | Discard::UnknownVrid
        | Discard::TrailingBytes
        | Discard::ZeroInterval => format!("discarded an advert from {from}: {why}"),
        Discard::OwnAddress => format!(
            "discarded an advert from {from}, our own address{}: do two machines have it?",
            packet.map_or(String::new(), |packet| format!(" (priority {})", packet.advertised()))
        ),
    }
}

/// A list of addresses other than ours. It is accepted: refusing it would make both nodes MASTER.
pub(crate) fn address_list(ours: usize, from: IpAddr, theirs: u8) -> String {
    if ours == usize::from(theirs) {
        return format!(
            "{from} advertises other VIPs than ours: virtual_ipaddress must be the same on all nodes"
        );
    }
    format!(
        "expected {ours} VIPs but received {theirs} from {from}: virtual_ipaddress must be the same on all nodes"
    )
}

/// The first announcement of a batch.
pub(crate) fn announcements(address: IpAddr, interface: &str) -> String {
    match address {
        IpAddr::V4(_) => format!("Sending/queueing gratuitous ARPs on {interface} for {address}"),
        IpAddr::V6(_) => {
            format!("Sending/queueing Unsolicited Neighbour Adverts on {interface} for {address}")
        }
    }
}

/// Each announcement.
pub(crate) fn announcement(address: IpAddr, interface: &str) -> String {
    match address {
        IpAddr::V4(_) => format!("Sending gratuitous ARP on {interface} for {address}"),
        IpAddr::V6(_) => format!("Sending unsolicited Neighbour Advert on {interface} for {address}"),
    }
}

/// A change of the kernel's addresses.
pub(crate) fn step(step: &Step) -> String {
    let (verb, AddressKey { addr, prefix_len, peer, .. }) = match step {
        Step::Remove(key) => ("removing", *key),
        Step::Add(address) => ("adding", address.key()),
    };
    match peer {
        Some(peer) => format!("{verb} {addr} peer {peer}/{prefix_len}"),
        None => format!("{verb} {addr}/{prefix_len}"),
    }
}

fn auth_type(number: u8) -> String {
    match number {
        0 => "no".to_owned(),
        1 => "simple text password".to_owned(),
        2 => "IPSEC-AH".to_owned(),
        other => format!("type {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(priority: u8) -> Rank {
        Rank::new(priority).unwrap()
    }

    fn peer() -> IpAddr {
        IpAddr::from([192, 0, 2, 7])
    }

    #[test]
    fn transitions_are_worded_as_keepalived_words_them() {
        let higher = |priority: u8| Cause::HigherPriority { peer: peer(), priority: priority.into() };
        let unknown = FaultReason::TrackUnknown(vrrp::TrackId(0));
        let down = FaultReason::TrackDown(vrrp::TrackId(0));
        for (from, to, cause, lines) in [
            (Role::Initialize, Role::Backup, Cause::Command, &["Entering BACKUP STATE (init)"][..]),
            (Role::Fault(unknown), Role::Backup, Cause::LinkUp, &["Entering BACKUP STATE (init)"]),
            (Role::Fault(down), Role::Backup, Cause::LinkUp, &["Entering BACKUP STATE"]),
            (Role::Initialize, Role::Active, Cause::Owner, &["Entering MASTER STATE"]),
            (
                Role::Backup,
                Role::Active,
                Cause::ActiveDown,
                &["Receive advertisement timeout", "Entering MASTER STATE"],
            ),
            (
                Role::Active,
                Role::Backup,
                higher(120),
                &[
                    "Master received advert from 192.0.2.7 with higher priority 120, ours 100",
                    "Entering BACKUP STATE",
                ],
            ),
            (
                Role::Active,
                Role::Backup,
                higher(100),
                &[
                    "Master received advert from 192.0.2.7 with same priority 100 but higher IP address than ours",
                    "Entering BACKUP STATE",
                ],
            ),
            (
                Role::Active,
                Role::Fault(down),
                Cause::Tracked(vrrp::TrackId(0)),
                &["script chk is down", "Entering FAULT STATE"],
            ),
        ] {
            assert_eq!(transition(from, to, cause, rank(100), |_| "script chk".to_owned()), lines);
        }
    }

    #[test]
    fn adverts_are_worded_as_keepalived_words_them() {
        let line =
            |role, advertised: u8| heard(role, rank(100), peer(), advertised.into()).map(|(line, _)| line);
        assert_eq!(line(Role::Active, 100), None);
        assert_eq!(line(Role::Backup, 120), None);
        assert_eq!(line(Role::Backup, 0).unwrap(), "Backup received priority 0 advertisement from 192.0.2.7");
        assert_eq!(
            line(Role::Backup, 90).unwrap(),
            "received lower priority (90) advert from 192.0.2.7 - discarding"
        );
        assert_eq!(
            line(Role::Active, 90).unwrap(),
            "Received advert from 192.0.2.7 with lower priority 90, ours 100, forcing new election"
        );
    }

    #[test]
    fn a_discarded_packet_is_explained_with_the_way_out() {
        let vrid = vrrp::Vrid::new(51).unwrap();
        let mut ours = InstanceConfig::new(vrrp::IfIndex(2), vrid, vec![IpAddr::from([192, 0, 2, 10])]);
        ours.version = vrrp::Version::V2;
        let payload = [0x31, 51, 100, 1, 1, 3, 0, 0, 192, 0, 2, 10];
        for (why, start) in [
            (Discard::AuthFailure, "received an invalid passwd!"),
            (Discard::AuthTypeMismatch, "received a simple text password auth, expecting no!"),
            (Discard::IntervalMismatch, "advertisement interval mismatch mine=1 sec rcv'd=3 sec"),
            (Discard::BadVersion, "wrong version. Received 3 and expect 2"),
            (Discard::BadTtl, "invalid TTL/HL. Received 64 and expect 255"),
            (Discard::BadChecksum, "Invalid VRRPv2 checksum"),
        ] {
            let line = discard(&ours, peer(), 64, &payload, why);
            assert!(line.starts_with(start) && line.contains("192.0.2.7"), "{line}");
        }
        for why in Discard::ALL {
            assert!(discard(&ours, peer(), 64, &[], why).contains("192.0.2.7"), "{why:?}");
        }
    }
}
