//! Why a virtual router changed its state, and why that: for people, and for those who read logs by program.

use vrrp::{Cause, FaultReason, Role, TrackId};

/// The nearest cause first, what is behind it after it. `tracker` knows what is tracked by its name and by what was seen of it
/// last, `member` a virtual router of a sync group by its name.
pub(crate) fn chain(
    to: Role,
    cause: Cause,
    tracker: impl Fn(TrackId) -> (String, String),
    member: impl Fn(vrrp::InstanceId) -> String,
) -> Vec<String> {
    let tracked = |id: TrackId, verb: &str| {
        let (name, detail) = tracker(id);
        let mut chain = vec![format!("{name} {verb}")];
        chain.extend(Some(detail).filter(|detail| !detail.is_empty()));
        chain
    };
    let fault = match to {
        Role::Fault(FaultReason::LinkDown) => vec!["its interface is down".to_owned()],
        Role::Fault(FaultReason::NoAddress) => vec!["its interface has no address to send from".to_owned()],
        Role::Fault(FaultReason::NoPeer) => vec!["it has no unicast peer".to_owned()],
        Role::Fault(FaultReason::TrackUnknown(id)) => tracked(id, "has no result yet"),
        Role::Fault(FaultReason::TrackDown(id)) => tracked(id, "is down"),
        Role::Fault(FaultReason::SyncGroup(id)) => {
            vec![format!("{} of its sync group cannot take part", member(id))]
        }
        Role::Initialize | Role::Backup | Role::Active => Vec::new(),
    };
    let why = match cause {
        Cause::Owner => vec!["it owns the addresses".to_owned()],
        Cause::ActiveDown => vec!["no MASTER was heard for a down interval".to_owned()],
        Cause::PeerResigned { peer } => vec![format!("{peer} resigned, and nobody better spoke")],
        Cause::LowerPriority { peer, priority } => {
            vec![format!("{peer}, which was MASTER, has the lower priority {priority}")]
        }
        Cause::HigherPriority { peer, priority } => {
            vec![format!("{peer} is MASTER with priority {priority}")]
        }
        Cause::LinkDown => vec!["its interface went down or lost its address".to_owned()],
        Cause::LinkUp => vec!["its interface is up and has an address".to_owned()],
        Cause::Tracked(id) => match to {
            Role::Fault(_) => tracked(id, "is down"),
            Role::Initialize | Role::Backup | Role::Active => tracked(id, "is up"),
        },
        Cause::Command => match to {
            Role::Initialize => vec!["vrrpd was told to stop".to_owned()],
            Role::Fault(_) | Role::Backup | Role::Active => vec!["vrrpd has started".to_owned()],
        },
        Cause::Reconfigured => vec!["the configuration has changed".to_owned()],
        Cause::Paused => vec!["this node was not run for a down interval".to_owned()],
        Cause::SyncGroup { member: id } => {
            vec![format!("{} of its sync group has changed its state", member(id))]
        }
    };
    let mut chain = fault;
    chain.extend(why.into_iter().filter(|why| !chain.contains(why)).collect::<Vec<_>>());
    chain
}

#[cfg(test)]
mod tests {
    use vrrp::{Family, IfIndex, InstanceId, Vrid};

    use super::*;

    #[test]
    fn a_chain_goes_from_the_state_to_what_was_seen() {
        let tracker = |_| ("script chk".to_owned(), "failed (exited with status 1)".to_owned());
        let member = |_: InstanceId| "VI_2".to_owned();
        let id = InstanceId { iface: IfIndex(2), vrid: Vrid::new(51).unwrap(), family: Family::V4 };
        let track = TrackId(3);
        for (to, cause, expected) in [
            (
                Role::Fault(FaultReason::TrackDown(track)),
                Cause::Tracked(track),
                &["script chk is down", "failed (exited with status 1)"][..],
            ),
            (Role::Active, Cause::ActiveDown, &["no MASTER was heard for a down interval"]),
            (
                Role::Fault(FaultReason::LinkDown),
                Cause::LinkDown,
                &["its interface is down", "its interface went down or lost its address"],
            ),
            (
                Role::Fault(FaultReason::SyncGroup(id)),
                Cause::SyncGroup { member: id },
                &["VI_2 of its sync group cannot take part", "VI_2 of its sync group has changed its state"],
            ),
            (Role::Backup, Cause::Command, &["vrrpd has started"]),
            (Role::Initialize, Cause::Command, &["vrrpd was told to stop"]),
        ] {
            assert_eq!(chain(to, cause, tracker, member), expected, "{cause:?}");
        }
    }
}
