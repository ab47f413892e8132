//! A virtual router with what the node knows around it: its peers, its counters, what it depends on.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use crate::action::{Action, Cause, FaultReason, Role, TrackId, Transition};
use crate::config::{InstanceConfig, Weight, health_of};
use crate::discard::Discard;
use crate::input::{Health, Ingress, Link};
use crate::interval::AdverInterval;
use crate::peers::{Peer, Peers};
use crate::router::{Heard, Lowered, Speech, State, VirtualRouter};
use crate::stats::InstanceStats;
use crate::units::{Advertised, Family, InstanceId, Rank, Version};
use crate::wire::{Authentication, Checksum, Packet, Password};

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
}

impl Instance {
    pub(crate) fn new(config: InstanceConfig) -> Self {
        let router = VirtualRouter::new(config).expect("a node's configuration is checked");
        Self { router, peers: Peers::default(), stats: InstanceStats::default() }
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
        ingress: &Ingress<'_>,
        packet: &Packet<'_>,
    ) -> Result<(), Discard> {
        let config = self.router.config();
        let version = packet.check_version()?;
        if version != config.version {
            return Err(Discard::BadVersion);
        }
        packet.check_length(version)?;
        let form = packet.check_checksum(version, ingress.src, ingress.dst)?;
        if version == Version::V2 {
            check_auth(config.auth, packet)?;
        }
        let interval = packet.check_interval(version)?;
        if version == Version::V2 && interval != config.interval {
            return Err(Discard::IntervalMismatch);
        }
        packet.check_count()?;
        if self.router.source() == Some(ingress.src) {
            return Err(Discard::OwnAddress);
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

    /// Brings role and priority in line with what the router depends on.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        running: bool,
        link: Link,
        health: &BTreeMap<TrackId, Health>,
        cause: Cause,
    ) {
        let config = self.router.config();
        let source = link.source(config.family);
        let rank = config.effective_priority(health);
        let fault = fault(config, link, source, health, self.router.state().role());
        if !running {
            self.router.handle_halt(now, None, cause);
        } else if let Some(reason) = fault {
            self.router.handle_halt(now, Some(reason), cause);
        }
        self.router.handle_source(source);
        self.router.handle_priority(now, rank, self.on_lowered(rank));
        if running && fault.is_none() {
            self.router.handle_start(now, cause);
        }
    }

    /// Counts what the router has to say and passes it on.
    pub(crate) fn drain(&mut self, id: InstanceId, actions: &mut VecDeque<(InstanceId, Action)>) {
        while let Some(action) = self.router.poll_action() {
            self.stats.count_action(&action);
            actions.push_back((id, action));
        }
    }

    pub(crate) fn snapshot(&self, id: InstanceId) -> InstanceSnapshot {
        let config = self.router.config();
        let state = self.router.state();
        let (active, active_interval, yielding) = match state {
            State::Initialize { .. } => (None, config.interval, false),
            State::Backup(backup) => (backup.active, backup.learned, false),
            State::Active(active) => {
                let yielding = matches!(active.speech, Speech::Yielding { .. });
                (self.router.source(), config.interval, yielding)
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
    link: Link,
    source: Option<IpAddr>,
    health: &BTreeMap<TrackId, Health>,
    role: Role,
) -> Option<FaultReason> {
    if !link.up {
        return Some(FaultReason::LinkDown);
    }
    if source.is_none() {
        return Some(FaultReason::NoAddress);
    }
    let decisive =
        || config.trackers.iter().filter(|(_, weight)| *weight == Weight::FAULT).map(|&(id, _)| id);
    let first = |wanted| decisive().find(|&id| health_of(health, id) == wanted);
    let down = first(Health::Down).map(FaultReason::TrackDown);
    match role {
        Role::Initialize | Role::Fault(_) => {
            down.or_else(|| first(Health::Unknown).map(FaultReason::TrackUnknown))
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
    let first_is_fit = match packet.addresses().next() {
        Some(IpAddr::V6(first)) => first.is_unicast_link_local(),
        Some(IpAddr::V4(_)) | None => true,
    };
    same && first_is_fit
}
