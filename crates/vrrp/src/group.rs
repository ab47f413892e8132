//! Virtual routers that change roles together.

use crate::action::Role;
use crate::units::InstanceId;

/// Virtual routers of one node that are Active together or not at all (`vrrp_sync_group`): a firewall that holds the
/// inner address must hold the outer one.
///
/// A member whose down timer has ended waits until all the others have come as far. One that steps back, or hears an
/// Active that it accepts, takes the others with it; one that cannot take part ([`Role::Fault`]) keeps the others from it.
/// What all of them depend on is in the trackers of each.
///
/// The priorities of the members must order the nodes alike: where the first member prefers one node and the second
/// another, neither can have them all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SyncGroup {
    /// Its name.
    pub id: GroupId,
    /// Its virtual routers.
    pub members: Vec<InstanceId>,
}

/// Names a sync group. The driver gives out the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupId(pub u32);

/// A sync group as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSnapshot {
    /// Its name.
    pub id: GroupId,
    /// The role of all members, or the least of them while they differ: Initialize, Fault, Backup, Active.
    pub role: Role,
}

impl GroupSnapshot {
    pub(crate) fn new(id: GroupId, roles: impl Iterator<Item = Role>) -> Self {
        let standing = |role: &Role| match role {
            Role::Initialize => 0,
            // The reason of the one that failed, not of those that follow it.
            Role::Fault(crate::FaultReason::SyncGroup(_)) => 2,
            Role::Fault(_) => 1,
            Role::Backup => 3,
            Role::Active => 4,
        };
        Self { id, role: roles.min_by_key(standing).unwrap_or(Role::Initialize) }
    }
}
