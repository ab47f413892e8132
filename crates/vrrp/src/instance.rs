//! A virtual router with what the node knows around it: its peers, its counters, what it depends on.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use crate::action::{Action, Cause, FaultReason, Rival, Role, TrackId, Transition};
use crate::config::{InstanceConfig, Weight, health_of};
use crate::discard::Discard;
use crate::hmac::{Sequences, Signature};
use crate::input::{Health, Ingress, Link};
use crate::interval::AdverInterval;
use crate::peers::{Peer, Peers};
use crate::router::{Heard, Lowered, Speech, State, VirtualRouter};
use crate::stats::InstanceStats;
use crate::units::{Advertised, Family, InstanceId, Rank, Version};
use crate::wire::{Authentication, Checksum, Packet, Password, Sequence};

/// A virtual router as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSnapshot {
    /// Its name.
    pub id: InstanceId,
    /// Its role.
    pub role: Role,
    /// Active, but silent so that somebody better takes over.
    pub yielding: bool,
    /// Priority from the configuration.
    pub base_priority: Rank,
    /// Priority after tracking.
    pub effective_priority: Rank,
    /// The router that is Active as far as we know: ourselves, or the one heard last.
    pub active: Option<IpAddr>,
    /// The Active router's interval, learned in version 3.
    pub active_interval: AdverInterval,
    /// The address it sends from.
    pub source: Option<IpAddr>,
    /// The checksum form it sends.
    pub checksum: Checksum,
    /// Another Active beside us, as long as it is there.
    pub split: Option<Rival>,
    /// Waits for the others of its sync group; it could be Active but for them.
    pub waiting: bool,
    /// The last change of role.
    pub last_transition: Option<Transition>,
    /// Routers that sent valid advertisements.
    pub peers: Vec<Peer>,
    /// Counters.
    pub stats: InstanceStats,
}

#[derive(Clone, Debug)]
pub(crate) struct Instance {
    router: VirtualRouter,
    peers: Peers,
    pub(crate) stats: InstanceStats,
    sequences: Sequences,
    /// What keeps it from taking part, its sync group aside.
    fault: Option<FaultReason>,
    /// Stepped back from Active, and its sync group has not been told.
    stepped_back: bool,
}

impl Instance {
    pub(crate) fn new(config: InstanceConfig) -> Self {
        let router = VirtualRouter::new(config).expect("a node's configuration is checked");
        let (peers, stats) = (Peers::default(), InstanceStats::default());
        Self { router, peers, stats, sequences: Sequences::default(), fault: None, stepped_back: false }
    }

    pub(crate) fn router(&self) -> &VirtualRouter {
        &self.router
    }

    pub(crate) fn router_mut(&mut self) -> &mut VirtualRouter {
        &mut self.router
    }

    /// The checks of RFC 9568 §7.1 and RFC 3768 §7.1 from the checksum on, then the state machine.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        clock: Sequence,
        ingress: &Ingress<'_>,
        packet: &Packet<'_>,
    ) -> Result<(), Discard> {
        let config = self.router.config();
        let version = packet.check_version()?;
        if version != config.version {
            return Err(Discard::BadVersion);
        }
        packet.check_length(config.hmac.is_some())?;
        let form = packet.check_checksum(version, ingress.src, ingress.dst)?;
        if version == Version::V2 {
            check_auth(config.auth, packet)?;
        }
        let signature = match &config.hmac {
            Some(hmac) => Some(self.sequences.check(hmac, config.interval, clock, ingress.src, packet)?),
            None => None,
        };
        let interval = packet.check_interval(version)?;
        if version == Version::V2 && interval != config.interval {
            return Err(Discard::IntervalMismatch);
        }
        packet.check_count()?;
        if config.require_link_local && !begins_link_local(packet) {
            return Err(Discard::NotLinkLocal);
        }
        if self.router.source() == Some(ingress.src) {
            return Err(Discard::OwnAddress);
        }
        if config.owner_ignores && self.router.rank() == Rank::Owner {
            return Err(Discard::OwnerIgnores);
        }

        match signature {
            Some(Signature::Genuine(sequence)) => self.sequences.accept(ingress.src, sequence),
            Some(Signature::Absent) => self.stats.unsigned += 1,
            None => {}
        }
        let advertised = packet.advertised();
        self.stats.adverts_received += 1;
        self.stats.priority_zero_received += u64::from(advertised == Advertised::Resign);
        self.stats.interval_differences += u64::from(interval != config.interval);
        self.stats.contests += u64::from(self.router.state().role() == Role::Active);
        if !config.skip_address_check && !lists_match(config, packet) {
            self.stats.address_list_errors += 1;
        }
        if (version, config.family) == (Version::V3, Family::V4) {
            self.stats.count_checksum(form);
        }
        self.peers.record(now, ingress.src, advertised, interval, form);
        self.router.handle_advertisement(now, Heard { from: ingress.src, advertised, interval });
        Ok(())
    }

    /// Looks at what the router depends on, its sync group aside. `link` is `None` if there is no such interface.
    pub(crate) fn assess(&mut self, link: Option<Link>, health: &BTreeMap<TrackId, Health>) {
        let config = self.router.config();
        let source = link.and_then(|link| config.source_on(&link));
        self.fault = fault(config, link, source, health, self.router.state().role());
        self.router.handle_source(source);
    }

    /// What keeps it from taking part, its sync group aside.
    pub(crate) fn fault(&self) -> Option<FaultReason> {
        self.fault
    }

    /// Brings role and priority in line with what was assessed. `held_by` is a member of its sync group that cannot take
    /// part.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        running: bool,
        held_by: Option<InstanceId>,
        health: &BTreeMap<TrackId, Health>,
        cause: Cause,
    ) {
        let rank = self.router.config().effective_priority(health);
        let held = held_by.map(FaultReason::SyncGroup);
        let fault = self.fault.or(held);
        let cause = match self.router.state().role() {
            _ if !running => cause,
            Role::Fault(FaultReason::SyncGroup(member)) if fault.is_none() => Cause::SyncGroup { member },
            _ if self.fault.is_none() => held_by.map_or(cause, |member| Cause::SyncGroup { member }),
            Role::Backup | Role::Active if cause == Cause::LinkUp => Cause::LinkDown,
            Role::Initialize | Role::Fault(_) | Role::Backup | Role::Active => cause,
        };
        if !running {
            self.router.handle_halt(now, None, cause);
        } else if let Some(reason) = fault {
            self.router.handle_halt(now, Some(reason), cause);
        }
        self.router.handle_priority(now, rank, self.on_lowered(rank));
        if running && fault.is_none() {
            self.router.handle_start(now, cause);
        }
    }

    /// Whether it takes its sync group with it: it stepped back just now, or it follows another router.
    pub(crate) fn take_steps_back(&mut self) -> bool {
        std::mem::take(&mut self.stepped_back) || self.router.follows()
    }

    /// Counts and signs what the router has to say and passes it on.
    pub(crate) fn drain(
        &mut self,
        id: InstanceId,
        clock: Sequence,
        actions: &mut VecDeque<(InstanceId, Action)>,
    ) {
        while let Some(mut action) = self.router.poll_action() {
            let config = self.router.config();
            if let Action::Transmit(advertisement) = action {
                action = Action::Transmit(
                    match config.hmac.as_ref().and_then(|hmac| hmac.signing_key().map(|key| (hmac, key))) {
                        Some((hmac, key)) => advertisement
                            .signed(key.clone(), self.sequences.next(clock, hmac, config.interval)),
                        None => advertisement,
                    },
                );
            }
            self.stats.count_action(&action);
            if let Action::Transitioned { from: Role::Active, to: Role::Backup, .. } = action {
                self.stepped_back = true;
            }
            actions.push_back((id, action));
        }
    }

    /// The checksum form of what goes there.
    pub(crate) fn checksum_to(&self, destination: IpAddr) -> Checksum {
        let config = self.router.config();
        let is_old = |peer: &Peer| peer.address == destination && peer.checksum == Checksum::KeepalivedGroup;
        if config.follow_old_checksum && self.peers.all().iter().any(is_old) {
            Checksum::KeepalivedGroup
        } else {
            config.checksum
        }
    }

    pub(crate) fn snapshot(&self, id: InstanceId) -> InstanceSnapshot {
        let config = self.router.config();
        let state = self.router.state();
        let (mut yielding, mut waiting, mut split) = (false, false, None);
        let (active, active_interval) = match state {
            State::Initialize { .. } => (None, config.interval),
            State::Backup(backup) => {
                waiting = backup.waiting;
                (backup.active, backup.learned)
            }
            State::Active(active) => {
                yielding = matches!(active.speech, Speech::Yielding { .. });
                split = active.split.filter(|split| split.told).map(|split| split.rival);
                (self.router.source(), config.interval)
            }
        };
        InstanceSnapshot {
            id,
            role: state.role(),
            yielding,
            base_priority: config.priority,
            effective_priority: self.router.rank(),
            active,
            active_interval,
            source: self.router.source(),
            checksum: config.checksum,
            split,
            waiting,
            last_transition: self.router.last_transition(),
            peers: self.peers.all().to_vec(),
            stats: self.stats.clone(),
        }
    }

    /// Backups are mute, so only those that were Active once are known. If the best of them is no better than we still
    /// are, there is nobody to hand over to; if one is better, or none is known, there may be.
    fn on_lowered(&self, rank: Rank) -> Lowered {
        match self.peers.best_rank() {
            Some(best) if best <= rank => Lowered::Advertise,
            Some(_) | None => Lowered::Yield,
        }
    }
}

/// What keeps a started router from taking part; the first of them in this order. A check without a result holds a start,
/// but does not end a role: one that a reload adds must not make the router flap.
fn fault(
    config: &InstanceConfig,
    link: Option<Link>,
    source: Option<IpAddr>,
    health: &BTreeMap<TrackId, Health>,
    role: Role,
) -> Option<FaultReason> {
    if !link.is_some_and(|link| link.up || config.ignore_link) {
        return Some(FaultReason::LinkDown);
    }
    if source.is_none() {
        return Some(FaultReason::NoAddress);
    }
    if config.no_peer {
        return Some(FaultReason::NoPeer);
    }
    let first = |wanted: &dyn Fn(Weight, Health) -> bool| {
        let found = config.trackers.iter().find(|&&(id, weight)| wanted(weight, health_of(health, id)));
        found.map(|&(id, _)| id)
    };
    let down = first(&Weight::is_fault).map(FaultReason::TrackDown);
    match role {
        Role::Initialize | Role::Fault(_) => {
            let unknown = |weight, health| weight == Weight::FAULT && health == Health::Unknown;
            down.or_else(|| first(&unknown).map(FaultReason::TrackUnknown))
        }
        Role::Backup | Role::Active => down,
    }
}

fn check_auth(ours: Authentication, packet: &Packet<'_>) -> Result<(), Discard> {
    match (packet.auth_type(), ours) {
        (Authentication::NONE, Authentication::None) => Ok(()),
        (Authentication::SIMPLE_TEXT, Authentication::Password(password)) => match packet.auth_data() {
            Some(data) if Password::new(data) == password => Ok(()),
            Some(_) | None => Err(Discard::AuthFailure),
        },
        (Authentication::NONE | Authentication::SIMPLE_TEXT, _) => Err(Discard::AuthTypeMismatch),
        (_, _) => Err(Discard::InvalidAuthType),
    }
}

/// The same addresses in any order, and for IPv6 a link-local one first.
fn lists_match(config: &InstanceConfig, packet: &Packet<'_>) -> bool {
    let ours = &config.addresses;
    let same = packet.addresses().count() == ours.len()
        && packet.addresses().all(|address| ours.contains(&address))
        && ours.iter().all(|ours| packet.addresses().any(|address| address == *ours));
    same && begins_link_local(packet)
}

/// Erratum 8300; IPv4 has no such rule.
fn begins_link_local(packet: &Packet<'_>) -> bool {
    match packet.addresses().next() {
        Some(IpAddr::V6(first)) => first.is_unicast_link_local(),
        Some(IpAddr::V4(_)) | None => true,
    }
}
