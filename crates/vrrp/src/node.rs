//! All virtual routers of a machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::action::{Action, Cause, TrackId, Wake};
use crate::config::NodeConfig;
use crate::discard::Discard;
use crate::group::{GroupSnapshot, SyncGroup};
use crate::hmac::Wall;
use crate::input::{Command, Health, Ingress, Link};
use crate::instance::{Instance, InstanceSnapshot};
use crate::stats::NodeStats;
use crate::units::{Family, IfIndex, InstanceId, MacAddr};
use crate::wire::{Checksum, Packet, TTL};

/// The virtual routers of a machine: finds the one a packet is for, checks it, tracks links and priorities.
///
/// A node begins stopped. Tell it the links and what is known of the tracked things, then [`Command::Start`]. After each
/// `handle_*` drain [`poll_action`](Self::poll_action), then sleep until [`poll_timeout`](Self::poll_timeout) or the next
/// input. When the process was late, give it the packets that wait in the socket before `handle_timeout`.
///
/// Nothing that is received can make it panic, and `now` may repeat or go back: it is taken as the latest seen. Debug
/// builds assert that the driver has drained the queue.
#[derive(Clone, Debug)]
pub struct Node {
    instances: BTreeMap<InstanceId, Instance>,
    groups: Vec<SyncGroup>,
    links: BTreeMap<IfIndex, Link>,
    health: BTreeMap<TrackId, Health>,
    running: bool,
    latest: Option<Instant>,
    wall: Wall,
    actions: VecDeque<(InstanceId, Action)>,
    stats: NodeStats,
}

impl Node {
    /// A stopped node.
    pub fn new(config: NodeConfig) -> Self {
        let (instances, groups) = config.into_parts();
        let instances = instances.into_iter().map(|config| (config.id(), Instance::new(config)));
        let mut node = Self {
            instances: instances.collect(),
            groups: Vec::new(),
            links: BTreeMap::new(),
            health: BTreeMap::new(),
            running: false,
            latest: None,
            wall: Wall::default(),
            actions: VecDeque::new(),
            stats: NodeStats::default(),
        };
        node.group(groups);
        node
    }

    /// A packet of protocol 112 came in.
    ///
    /// # Errors
    /// The first receive check it failed, in the order of [`Discard`]. It is counted, and has had no other effect.
    pub fn handle_packet(&mut self, now: Instant, ingress: Ingress<'_>) -> Result<(), Discard> {
        let now = self.begin(now);
        self.stats.packets += 1;
        let verdict = self.receive(now, &ingress);
        if let Err(discard) = verdict {
            self.stats.discards.count(discard);
            let family = Family::of(ingress.src);
            let packet = Packet::new(ingress.payload, family).ok();
            let vrid = packet.and_then(|packet| packet.check_vrid().ok());
            let id = vrid.map(|vrid| InstanceId { iface: ingress.iface, vrid, family });
            if let Some(instance) = id.and_then(|id| self.instances.get_mut(&id)) {
                instance.stats.discards.count(discard);
            }
        }
        verdict
    }

    /// Does what is due. Early and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.begin(now);
        self.each(now, |instance| {
            if instance.router().poll_timeout().is_some_and(|wake| wake.at <= now) {
                instance.router_mut().handle_timeout(now);
            }
        });
        self.synchronise(now, |_| true);
    }

    /// An interface is now like this. One that was never reported does not exist.
    pub fn handle_link(&mut self, now: Instant, iface: IfIndex, link: Link) {
        let now = self.begin(now);
        let was_up = self.links.insert(iface, link).is_some_and(|before| before.up);
        let cause = if was_up && !link.up { Cause::LinkDown } else { Cause::LinkUp };
        self.update_all(now, cause, |instance| instance.router().config().iface == iface);
    }

    /// An interface does not exist any more.
    pub fn handle_link_gone(&mut self, now: Instant, iface: IfIndex) {
        let now = self.begin(now);
        self.links.remove(&iface);
        self.update_all(now, Cause::LinkDown, |instance| instance.router().config().iface == iface);
    }

    /// Something tracked is now like this. What was never reported is [`Health::Unknown`].
    pub fn handle_track(&mut self, now: Instant, track: TrackId, health: Health) {
        let now = self.begin(now);
        self.health.insert(track, health);
        self.update_all(now, Cause::Tracked(track), |instance| {
            instance.router().config().trackers.iter().any(|(id, _)| *id == track)
        });
    }

    /// The operator wants something.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        let now = self.begin(now);
        match command {
            Command::Start => {
                self.running = true;
                self.update_all(now, Cause::Command, |_| true);
            }
            Command::Stop => {
                self.running = false;
                self.update_all(now, Cause::Command, |_| true);
            }
            Command::Reconfigure(config) => self.reconfigure(now, config),
        }
    }

    /// This program did not run for `duration`, says a clock that this crate does not see: suspend stops [`Instant`] on
    /// Linux. Gaps on [`Instant`] itself are noticed without this.
    pub fn handle_pause(&mut self, now: Instant, duration: Duration) {
        let now = self.begin(now);
        self.each(now, |instance| instance.router_mut().handle_pause(now, duration));
        self.synchronise(now, |_| true);
    }

    /// The wall clock (UTC, since 1970) reads this. Signatures carry it; nothing else depends on it. Tell it before
    /// [`Command::Start`], and again when the clock was set, or simply at every turn. Until it is told it reads 1970.
    pub fn handle_wall_clock(&mut self, now: Instant, wall: Duration) {
        let now = self.begin(now);
        self.wall = Wall::told(now, wall);
    }

    /// Somebody else deconfigured a virtual address. An Active puts it back at once.
    pub fn handle_vip_lost(&mut self, now: Instant, id: InstanceId, address: IpAddr) {
        let now = self.begin(now);
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.router_mut().handle_vip_lost(now, address);
            instance.drain(id, self.wall.at(now), &mut self.actions);
        }
        self.synchronise(now, |_| true);
    }

    /// The driver has looked who answers for a virtual address that is installed here (ARP probe, neighbour
    /// solicitation), or overheard a claim: somebody else with this link-layer address, or nobody. An Active that is told
    /// of somebody announces the address again and reports a split, until it is told of nobody.
    pub fn handle_vip_answer(&mut self, now: Instant, id: InstanceId, address: IpAddr, by: Option<MacAddr>) {
        let now = self.begin(now);
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.router_mut().handle_vip_answer(now, address, by);
            instance.drain(id, self.wall.at(now), &mut self.actions);
        }
        self.synchronise(now, |_| true);
    }

    /// The next thing to do, in order; `None` when all is done.
    pub fn poll_action(&mut self) -> Option<(InstanceId, Action)> {
        self.actions.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next; `None` while nothing is pending.
    pub fn poll_timeout(&self) -> Option<Wake> {
        let wakes = self.instances.values().filter_map(|instance| instance.router().poll_timeout());
        wakes.min_by_key(|wake| wake.at)
    }

    /// The checksum form of what a virtual router sends to a group or a unicast peer; `None` if it is not there.
    pub fn checksum_to(&self, id: InstanceId, destination: IpAddr) -> Option<Checksum> {
        self.instances.get(&id).map(|instance| instance.checksum_to(destination))
    }

    /// A virtual router as it is now.
    pub fn instance(&self, id: InstanceId) -> Option<InstanceSnapshot> {
        self.instances.get(&id).map(|instance| instance.snapshot(id))
    }

    /// All virtual routers, ordered by interface, VRID and family.
    pub fn instances(&self) -> impl Iterator<Item = InstanceSnapshot> + '_ {
        self.instances.iter().map(|(&id, instance)| instance.snapshot(id))
    }

    /// All sync groups, in the order of the configuration.
    pub fn groups(&self) -> impl Iterator<Item = GroupSnapshot> + '_ {
        self.groups.iter().map(|group| {
            let members = group.members.iter().filter_map(|id| self.instances.get(id));
            GroupSnapshot::new(group.id, members.map(|member| member.router().state().role()))
        })
    }

    /// Counters of the node; those of a virtual router are in its snapshot.
    pub fn stats(&self) -> &NodeStats {
        &self.stats
    }

    fn begin(&mut self, now: Instant) -> Instant {
        debug_assert!(self.actions.is_empty(), "drain `poll_action` after each input");
        let now = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(now);
        now
    }

    /// The checks that come before the virtual router is known.
    fn receive(&mut self, now: Instant, ingress: &Ingress<'_>) -> Result<(), Discard> {
        let family = Family::of(ingress.src);
        if Family::of(ingress.dst) != family {
            return Err(Discard::MixedFamilies);
        }
        let packet = Packet::new(ingress.payload, family)?;
        if ingress.ttl != TTL {
            return Err(Discard::BadTtl);
        }
        packet.check_version()?;
        packet.check_type()?;
        let id = InstanceId { iface: ingress.iface, vrid: packet.check_vrid()?, family };
        let instance = self.instances.get_mut(&id).ok_or(Discard::UnknownVrid)?;
        let clock = self.wall.at(now);
        instance.receive(now, clock, ingress, &packet)?;
        instance.drain(id, clock, &mut self.actions);
        self.synchronise(now, |group| group.members.contains(&id));
        Ok(())
    }

    fn reconfigure(&mut self, now: Instant, config: NodeConfig) {
        let mut old = std::mem::take(&mut self.instances);
        let mut kept = BTreeMap::new();
        let (instances, groups) = config.into_parts();
        for config in instances {
            let instance = match old.remove(&config.id()) {
                Some(mut instance) => {
                    let rank = config.effective_priority(&self.health);
                    let router = instance.router_mut();
                    router.handle_config(now, config, rank).expect("a node's configuration is checked");
                    instance
                }
                None => Instance::new(config),
            };
            kept.insert(instance.router().config().id(), instance);
        }
        for (id, mut instance) in old {
            instance.router_mut().handle_halt(now, None, Cause::Reconfigured);
            instance.drain(id, self.wall.at(now), &mut self.actions);
        }
        self.instances = kept;
        self.group(groups);
        self.update_all(now, Cause::Reconfigured, |_| true);
    }

    fn group(&mut self, groups: Vec<SyncGroup>) {
        for (id, instance) in &mut self.instances {
            let grouped = groups.iter().any(|group| group.members.contains(id));
            instance.router_mut().set_grouped(grouped);
            instance.take_steps_back();
        }
        self.groups = groups;
    }

    /// Brings those concerned, and the sync groups they are in, in line with what they depend on.
    fn update_all(&mut self, now: Instant, cause: Cause, concerned: impl Fn(&Instance) -> bool) {
        let mut touched = BTreeSet::new();
        for (&id, instance) in self.instances.iter_mut().filter(|(_, instance)| concerned(instance)) {
            instance.assess(self.links.get(&id.iface).copied(), &self.health);
            touched.insert(id);
        }
        let mut held_by = BTreeMap::new();
        for group in &self.groups {
            if group.members.iter().any(|member| touched.contains(member)) {
                touched.extend(&group.members);
                let failed = |member: &&InstanceId| self.instances[member].fault().is_some();
                if let Some(&failed) = group.members.iter().find(failed) {
                    held_by.extend(group.members.iter().map(|&member| (member, failed)));
                }
            }
        }
        for &id in &touched {
            let instance = self.instances.get_mut(&id).expect("only instances were touched");
            let held_by = held_by.get(&id).copied();
            instance.update(now, self.running, held_by, &self.health, cause);
            instance.drain(id, self.wall.at(now), &mut self.actions);
        }
        self.synchronise(now, |_| true);
    }

    /// Sync groups: one that steps back takes the others with it, and when all are ready, all become Active.
    fn synchronise(&mut self, now: Instant, concerned: impl Fn(&SyncGroup) -> bool) {
        for group in self.groups.iter().filter(|group| concerned(group)) {
            let mut leader = None;
            for id in &group.members {
                if self.instances.get_mut(id).is_some_and(Instance::take_steps_back) {
                    leader = leader.or(Some(*id));
                }
            }
            let ready =
                |id: &InstanceId| self.instances.get(id).is_some_and(|member| member.router().is_ready());
            let all_ready = group.members.iter().all(ready);
            for &id in &group.members {
                let Some(instance) = self.instances.get_mut(&id) else { continue };
                if let Some(member) = leader {
                    instance.router_mut().handle_group_steps_back(now, Cause::SyncGroup { member });
                } else if all_ready {
                    instance.router_mut().handle_group_ready(now);
                }
                instance.drain(id, self.wall.at(now), &mut self.actions);
                // Those that follow need not be followed.
                if leader.is_some() {
                    instance.take_steps_back();
                }
            }
        }
    }

    fn each(&mut self, now: Instant, mut visit: impl FnMut(&mut Instance)) {
        for (&id, instance) in &mut self.instances {
            visit(instance);
            instance.drain(id, self.wall.at(now), &mut self.actions);
        }
    }
}
