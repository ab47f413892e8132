//! What the driver has to do, and why.

use std::net::IpAddr;
use std::time::Instant;

use crate::units::{Advertised, InstanceId, MacAddr};
use crate::wire::Advertisement;

/// One thing for the driver to do. Actions own their data.
///
/// **Their order is API.** The driver carries them out one after the other and waits for the kernel's acknowledgement
/// before the next, so that what the network sees has this order too:
///
/// | event | actions |
/// |---|---|
/// | promotion | `Transmit`, `InstallVips`, `Announce`, `Transitioned` |
/// | preemption of a worse Active | `InstallVips`, `Transmit`, `Announce`, `Transitioned` |
/// | stop, failed check | `Transmit` (resignation), `RemoveVips`, `Transitioned` |
/// | hears a better Active | `Transmit` (last word), `RemoveVips`, `Transmit` (the same), `Transitioned` |
/// | link or source address lost, long pause | `RemoveVips`, `Transitioned` |
/// | hears a worse Active | `Transmit`, then `Announce` if one is due |
/// | own priority falls | `Transmit` (a resignation if it yields, else the new priority) |
/// | address lost | `InstallVips`, `Announce` |
/// | reload | `RemoveVips`, `InstallVips` (the differences), `Transmit`, `Announce`, each if there is need |
/// | another of its sync group steps back | `RemoveVips`, `Transmit` (resignation), `Transitioned` |
/// | a second Active stays | `SplitBegan`; `SplitEnded` when it is gone, or before the `Transitioned` that ends it |
///
/// The last word of a router that loses is what makes the winner announce again, keepalived included: before the loser's
/// addresses are gone, so that clients miss nothing, and after, so that none keeps the loser's MAC address until it asks
/// again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Action {
    /// Configure these addresses, and keep them (renew their lease, put them back after a hand has removed them) until
    /// `RemoveVips` names them. Installing one that is there already is no error.
    InstallVips {
        /// Virtual addresses, the advertised before the excluded ones.
        addresses: Vec<IpAddr>,
    },
    /// Deconfigure these addresses. Removing one that is not there is no error.
    RemoveVips {
        /// Virtual addresses, the advertised before the excluded ones.
        addresses: Vec<IpAddr>,
    },
    /// Send this advertisement to the group or to each unicast peer.
    Transmit(Advertisement),
    /// Send one gratuitous ARP or unsolicited neighbour advertisement for each address. Repetition is not the driver's
    /// business: it is asked again.
    Announce {
        /// Virtual addresses, the advertised before the excluded ones.
        addresses: Vec<IpAddr>,
    },
    /// The role is now another one. Everything it implies was asked for before this.
    Transitioned {
        /// Role before.
        from: Role,
        /// Role from now on.
        to: Role,
        /// Why.
        cause: Cause,
    },
    /// We are Active, and so is somebody else who does not give way: clients reach one or the other.
    SplitBegan {
        /// Who it is, and how it shows.
        rival: Rival,
    },
    /// We are the only Active again, or not Active any more.
    SplitEnded,
}

/// A sign of another Active router beside us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Rival {
    /// It goes on advertising a priority that loses against ours: it does not hear us.
    Advertises {
        /// Where it sends from.
        peer: IpAddr,
        /// Its priority.
        priority: Advertised,
    },
    /// It answers for a virtual address (ARP, neighbour discovery) that we hold.
    Answers {
        /// The virtual address.
        address: IpAddr,
        /// The link-layer address that was given in answer.
        mac: MacAddr,
    },
}

/// The state of a virtual router without its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Role {
    /// Not started, or stopped.
    Initialize,
    /// Started, but something it needs is missing: keepalived's FAULT, RFC 9568's Initialize.
    Fault(FaultReason),
    /// Listens to the Active router.
    Backup,
    /// Holds the addresses: keepalived's MASTER.
    Active,
}

/// Why a started virtual router cannot take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum FaultReason {
    /// The interface is down, or nothing is known about it yet.
    LinkDown,
    /// The interface has no address to send from.
    NoAddress,
    /// It has nobody to speak to.
    NoPeer,
    /// A check of weight 0 has no result yet. Holds a start; never ends a role.
    TrackUnknown(TrackId),
    /// A check of weight 0 fails.
    TrackDown(TrackId),
    /// This other one of its sync group cannot take part.
    SyncGroup(InstanceId),
}

/// Names something that is tracked: a script, a process, an interface, a load balancer. The driver gives out the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TrackId(pub u32);

/// Why the role changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Cause {
    /// The router owns the addresses and does not wait.
    Owner,
    /// No Active router was heard for a down interval.
    ActiveDown,
    /// The Active router sent priority 0, and nobody better spoke within the skew time.
    PeerResigned {
        /// The router that resigned.
        peer: IpAddr,
    },
    /// The Active router has a lower priority than ours, and was preempted.
    LowerPriority {
        /// The router that was preempted.
        peer: IpAddr,
        /// Its priority.
        priority: Advertised,
    },
    /// An Active router with a higher priority was heard, or one with the same priority and a higher address.
    HigherPriority {
        /// The router that won.
        peer: IpAddr,
        /// Its priority.
        priority: Advertised,
    },
    /// The interface went down or lost its source address.
    LinkDown,
    /// The interface came up or got a source address.
    LinkUp,
    /// A check of weight 0 changed.
    Tracked(TrackId),
    /// The operator started or stopped the node.
    Command,
    /// The virtual router is not in the new configuration, or was added by it.
    Reconfigured,
    /// This program was not run for longer than a down interval: another router may be Active by now.
    Paused,
    /// This other one of its sync group stepped back, failed or recovered.
    SyncGroup {
        /// The virtual router that it follows.
        member: InstanceId,
    },
}

/// The next time to call `handle_timeout`, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// When.
    pub at: Instant,
    /// What is due then; explains a driver that spins.
    pub why: WakeReason,
}

/// What a timeout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WakeReason {
    /// Active: send the next advertisement.
    Advertise,
    /// Active: announce the addresses again.
    Announce,
    /// Active, yielding: nobody took over, so go on.
    Resume,
    /// Backup: the Active router is silent, has resigned or is being preempted.
    ActiveDown,
    /// Active: a second one has not been heard for a down interval.
    SplitEnded,
}

/// The last change of role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: Instant,
    /// Role before.
    pub from: Role,
    /// Role after.
    pub to: Role,
    /// Why.
    pub cause: Cause,
}
