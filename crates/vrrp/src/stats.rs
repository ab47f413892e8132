//! Counters, named after RFC 6527 (VRRPv3-MIB) and RFC 2787 (VRRP-MIB). They never go back while the node lives.

use crate::action::{Action, Cause, Role};
use crate::discard::DiscardCounters;
use crate::units::Advertised;
use crate::wire::Checksum;

/// Counters of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeStats {
    /// Packets given to `handle_packet`.
    pub packets: u64,
    /// Packets discarded, by reason, whether or not their virtual router is known.
    pub discards: DiscardCounters,
}

/// Counters of a virtual router. They survive a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceStats {
    /// Valid advertisements received.
    pub adverts_received: u64,
    /// Advertisements sent.
    pub adverts_sent: u64,
    /// Valid resignations received.
    pub priority_zero_received: u64,
    /// Resignations sent.
    pub priority_zero_sent: u64,
    /// Changes to Active.
    pub become_active: u64,
    /// Changes from Active to anything else.
    pub release_active: u64,
    /// Why it last became Active.
    pub new_active_reason: Option<Cause>,
    /// Accepted advertisements whose address list is not ours; for IPv6 also those that do not begin with a link-local
    /// address (erratum 8300). Refusing them would make both routers Active.
    pub address_list_errors: u64,
    /// Accepted VRRPv3 advertisements with an interval other than our own; it is learned.
    pub interval_differences: u64,
    /// Accepted advertisements without a signature, where signatures are configured and not required.
    pub unsigned: u64,
    /// Accepted VRRPv3 advertisements over IPv4 whose checksum covers the message alone.
    pub checksum_rfc9568: u64,
    /// Accepted VRRPv3 advertisements over IPv4 whose checksum covers a pseudo-header.
    pub checksum_keepalived: u64,
    /// Accepted unicast VRRPv3 advertisements over IPv4 whose checksum covers a pseudo-header with the group's address.
    pub checksum_keepalived_group: u64,
    /// Advertisements of other Active routers heard while Active.
    pub contests: u64,
    /// Times that another Active stayed beside us ([`Action::SplitBegan`]).
    pub splits: u64,
    /// Packets for this virtual router that were discarded, by reason.
    pub discards: DiscardCounters,
}

/// RFC 6527's `vrrpv3StatisticsNewMasterReason`, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NewMasterReason {
    /// It never was Active.
    NotMaster = 0,
    /// It had the best priority: it owns the addresses, or is the best after the Active has resigned.
    Priority = 1,
    /// It preempted the Active.
    Preempted = 2,
    /// The Active was not heard any more.
    MasterNoResponse = 3,
}

impl InstanceStats {
    /// Why it last became Active, in RFC 6527's words.
    pub fn new_master_reason(&self) -> NewMasterReason {
        match self.new_active_reason {
            None => NewMasterReason::NotMaster,
            Some(Cause::Owner | Cause::PeerResigned { .. }) => NewMasterReason::Priority,
            Some(Cause::LowerPriority { .. }) => NewMasterReason::Preempted,
            // The others are no reasons to become Active.
            Some(
                Cause::ActiveDown
                | Cause::HigherPriority { .. }
                | Cause::LinkDown
                | Cause::LinkUp
                | Cause::Tracked(_)
                | Cause::Command
                | Cause::Reconfigured
                | Cause::Paused
                | Cause::SyncGroup { .. },
            ) => NewMasterReason::MasterNoResponse,
        }
    }

    pub(crate) fn count_checksum(&mut self, form: Checksum) {
        match form {
            Checksum::Rfc9568 => self.checksum_rfc9568 += 1,
            Checksum::Keepalived => self.checksum_keepalived += 1,
            Checksum::KeepalivedGroup => self.checksum_keepalived_group += 1,
        }
    }

    pub(crate) fn count_action(&mut self, action: &Action) {
        match action {
            Action::Transmit(advertisement) => {
                self.adverts_sent += 1;
                self.priority_zero_sent += u64::from(advertisement.advertised() == Advertised::Resign);
            }
            Action::Transitioned { to: Role::Active, cause, .. } => {
                self.become_active += 1;
                self.new_active_reason = Some(*cause);
            }
            Action::Transitioned { from, .. } => self.release_active += u64::from(*from == Role::Active),
            Action::SplitBegan { .. } => self.splits += 1,
            Action::InstallVips { .. }
            | Action::RemoveVips { .. }
            | Action::Announce { .. }
            | Action::SplitEnded => {}
        }
    }
}
