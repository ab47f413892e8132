//! What each input means to the node.

use std::collections::BTreeSet;

use tracing::{debug, info, trace, warn};
use vip_netlink::{Claim, Event};
use vrrp::{
    Advertised, Command, Discard, Family, Health, IfIndex, Ingress, InstanceId, InstanceSnapshot, MacAddr,
    Role, Vrid,
};

use super::{Driver, PACKETS_A_TURN, index_of};
use crate::clock::now;
use crate::dump::Dump;
use crate::notify::Subject;
use crate::signals::Request;
use crate::sockets::{Received, SocketKey};
use crate::tracking::{Report, TrackerName, interface_health};
use crate::{lint, status, wording};

impl Driver {
    /// One packet, and those that came with it.
    pub(super) async fn packet(&mut self, packet: &Received) {
        self.hear(packet).await;
        self.waiting_packets().await;
    }

    pub(super) async fn waiting_packets(&mut self) {
        for _ in 0..PACKETS_A_TURN {
            let Ok(packet) = self.packets.try_recv() else { return };
            self.hear(&packet).await;
        }
    }

    pub(super) async fn network(&mut self, event: Event) {
        trace!(?event, "netlink");
        if let Event::LinkGone(link) = &event {
            self.executor.sockets.forget_interface(IfIndex(link.index));
            self.executor.vmacs.forget(link.index);
            self.executor.secondaries.forget(link.index);
        }
        // No virtual router sends from a virtual address: where hundreds come and go, the links need no look at each.
        let of_links = match &event {
            Event::AddressAdded(address) | Event::AddressRemoved(address) => {
                !self.plan.virtual_addresses.contains(&address.addr)
            }
            Event::LinkUp(_)
            | Event::LinkDown(_)
            | Event::LinkChanged(_)
            | Event::LinkGone(_)
            | Event::Overrun => true,
        };
        if of_links {
            if self.plan.is_stale(|name| index_of(&self.monitor, &self.executor, name)) {
                self.plan_again().await;
            }
            self.look_at_links().await;
            self.open_sockets();
        }
        self.look_at_tracked_network().await;
        if let Event::AddressRemoved(address) = &event
            && self.monitor.view().address(&address.key()).is_none()
            && let Some((id, vip)) = self.executor.missed(&address.key())
            && !self.plan.instances.get(&id).is_some_and(|instance| instance.untracked.contains(&vip))
        {
            let name = self.plan.instances.get(&id).map_or("", |instance| &instance.name);
            self.executor.let_go(&address.key());
            if self.fights.admit(address.key(), now()) {
                warn!("({name}) VIP {vip} was removed by somebody else: it is put back");
                self.node.handle_vip_lost(now(), id, vip);
                self.carry_out().await;
            } else {
                warn!("({name}) VIP {vip} is removed again and again: it is put back once a second");
            }
        }
    }

    /// Somebody says that an address is theirs, which may be held here.
    pub(super) async fn claim(&mut self, claim: Claim) {
        let own = self.monitor.view().links().any(|link| link.mac == Some(claim.mac));
        for holder in self.claims.holders(claim.address) {
            let (id, address) = holder;
            let vip = self.plan.instances.get(&id).and_then(|instance| instance.vips.get(&address));
            let here = claim.ifindex == id.iface.0 || vip.is_some_and(|vip| vip.ifindex == claim.ifindex);
            if own || !here || !self.claims.claimed(holder, now()) {
                continue;
            }
            self.node.handle_vip_answer(now(), id, address, Some(MacAddr(claim.mac.0)));
            self.carry_out().await;
        }
    }

    /// Asks for the addresses whose turn it is, and tells the node which rivals are silent.
    pub(super) async fn ask_for_addresses(&mut self) {
        for (id, address) in self.claims.questions(now()) {
            if let Some(instance) = self.plan.instances.get(&id) {
                self.executor.ask(id, instance, address, self.monitor.view()).await;
            }
        }
        for (id, address) in self.claims.unanswered(now()) {
            self.node.handle_vip_answer(now(), id, address, None);
            self.carry_out().await;
        }
    }

    pub(super) async fn report(&mut self, report: Report) {
        let told = self.trackers.learn(report, &self.plan.trackers);
        for (track, health) in told {
            let before = self.snapshots();
            self.node.handle_track(now(), track, health);
            self.log_priorities(&before);
            self.carry_out().await;
        }
    }

    pub(super) async fn request(&mut self, request: Request) {
        match request {
            Request::Stop => {
                info!("Stopping");
                self.node.handle_command(now(), Command::Stop);
                self.carry_out().await;
                self.executor.remove_vmacs().await;
                self.executor.adapt_secondaries(&BTreeSet::new()).await;
                self.stopped = true;
            }
            Request::Reload => self.reload().await,
            Request::Data => self.write(&[Dump::Parent, Dump::State]),
            Request::Stats => self.write(&[Dump::Stats]),
            Request::Json => self.write(&[Dump::Json]),
            Request::StatsClear => {
                info!("Counters of the dumps start anew");
                self.cleared = self.snapshots().into_iter().map(|old| (old.id, old.stats)).collect();
            }
        }
    }

    /// Reports the interfaces and addresses that are tracked and have changed.
    pub(super) async fn look_at_tracked_network(&mut self) {
        let names: Vec<TrackerName> = self.plan.trackers.keys().cloned().collect();
        for tracker in names {
            let (up, detail) = match &tracker {
                TrackerName::Interface(name) => {
                    let up = interface_health(self.monitor.view(), name) == Health::Up;
                    let up = self.debounce.judge(now(), name, up);
                    (up, if up { "it is up" } else { "it is down or absent" })
                }
                TrackerName::Address(address) => {
                    let up = self.monitor.view().addresses().any(|info| info.addr == *address);
                    // The kernel has not told yet of one that was added just now.
                    let added = self.plan.fixed.addresses.iter().any(|fixed| fixed.addr == *address);
                    if !up && added && self.trackers.health(&tracker).is_none() {
                        continue;
                    }
                    (up, if up { "it is there" } else { "no interface has it" })
                }
                TrackerName::Script(_)
                | TrackerName::Process(_)
                | TrackerName::File(_)
                | TrackerName::Lbd { .. } => continue,
            };
            let health = if up { Health::Up } else { Health::Down };
            if self.trackers.health(&tracker) != Some(health) {
                self.report(Report { tracker, health, detail: detail.to_owned() }).await;
            }
        }
    }

    pub(super) fn snapshots(&self) -> Vec<InstanceSnapshot> {
        self.plan.instances.keys().filter_map(|&id| self.node.instance(id)).collect()
    }

    /// Says and tells whose priority has changed since `before`.
    pub(super) fn log_priorities(&mut self, before: &[InstanceSnapshot]) {
        for old in before {
            let (Some(instance), Some(new)) = (self.plan.instances.get(&old.id), self.node.instance(old.id))
            else {
                continue;
            };
            let (from, to) = (old.effective_priority, new.effective_priority);
            if from != to {
                info!("({}) Changing effective priority from {from} to {to}", instance.name);
                let subject = Subject::Instance { name: &instance.name, rank: to };
                self.notifier.tell_priority(subject, &instance.notify, new.role);
            }
            if new.yielding && !old.yielding {
                info!(
                    "({}) hands over: silent until somebody better speaks or a skew time has passed",
                    instance.name
                );
            }
        }
    }

    /// The interface that virtual routers are known by: what comes through a virtual MAC interface came through the one
    /// below.
    fn interface_of(&self, socket: SocketKey, ifindex: u32) -> u32 {
        let mut instances = self.plan.instances.iter();
        match socket {
            SocketKey::Vmac { .. } => instances
                .find(|(_, instance)| instance.vmac == Some(IfIndex(ifindex)))
                .map_or(ifindex, |(id, _)| id.iface.0),
            SocketKey::Multicast { .. } | SocketKey::Unicast { .. } => ifindex,
        }
    }

    async fn hear(&mut self, packet: &Received) {
        let Received { socket, datagram, payload } = packet;
        let (from, ifindex) = (datagram.src, self.interface_of(*socket, datagram.ifindex));
        let id = payload.get(1).copied().and_then(Vrid::new).map(|vrid| InstanceId {
            iface: IfIndex(ifindex),
            vrid,
            family: Family::of(from),
        });
        let mut ttl = datagram.ttl;
        let instance = id.and_then(|id| self.plan.instances.get(&id));
        if let Some(instance) = instance {
            let doubled = matches!(socket, SocketKey::Multicast { .. });
            if doubled && instance.vmac.is_some_and(|vmac| self.executor.vmacs.is_up(vmac.0)) {
                return;
            }
            let unicast = matches!(instance.path, crate::plan::Path::Unicast { .. });
            match instance.judged_ttl(from, ttl) {
                Some(judged) if unicast == socket.is_unicast() => ttl = judged,
                Some(_) | None => {
                    debug!("({}) ignored a packet from {from} that is not from a peer", instance.name);
                    return;
                }
            }
        }
        let before = id.and_then(|id| self.node.instance(id));
        let ingress = Ingress { iface: IfIndex(ifindex), src: from, dst: datagram.dst, ttl, payload };
        match self.node.handle_packet(now(), ingress) {
            Ok(()) => {
                if let Some(before) = before {
                    self.log_heard(&before, packet);
                }
            }
            Err(why) => self.log_discard(id, packet, why),
        }
        self.carry_out().await;
    }

    fn log_heard(&mut self, before: &InstanceSnapshot, packet: &Received) {
        let Some(instance) = self.plan.instances.get(&before.id) else { return };
        let name = &instance.name;
        let from = packet.datagram.src;
        let advertised = Advertised::from(packet.payload.get(2).copied().unwrap_or(0));
        match wording::heard(before.role, before.effective_priority, from, advertised) {
            Some((line, true)) => info!("({name}) {line}"),
            Some((line, false)) => debug!("({name}) {line}"),
            None => {}
        }
        if before.role == Role::Active && advertised < before.effective_priority.into() {
            let subject = Subject::Instance { name, rank: before.effective_priority };
            self.notifier.tell_lower_priority(subject, &instance.notify);
        }
        for (kind, line) in lint::mismatches(instance, before.role, from, &packet.payload) {
            if let Some(more) = self.mismatches.admit((before.id, kind), now()) {
                warn!("({name}) {line}{more}");
            }
        }
        let differs =
            |after: InstanceSnapshot| after.stats.address_list_errors > before.stats.address_list_errors;
        if self.node.instance(before.id).is_some_and(differs)
            && let Some(more) = self.lists.admit(before.id, now())
        {
            let theirs = packet.payload.get(3).copied().unwrap_or(0);
            warn!("({name}) {}{more}", wording::address_list(instance.config.addresses.len(), from, theirs));
        }
    }

    fn log_discard(&mut self, id: Option<InstanceId>, packet: &Received, why: Discard) {
        let from = packet.datagram.src;
        let instance = id.and_then(|id| self.plan.instances.get(&id));
        let Some((id, instance)) = id.zip(instance) else {
            if self.config.global.log_unknown_vrids
                && why == Discard::UnknownVrid
                && let Some(more) = self.unknown.admit(id, now())
            {
                let vrid = packet.payload.get(1).copied().unwrap_or(0);
                info!("Unknown VRID({vrid}) received from {from}{more}");
            }
            debug!("discarded a packet from {from}: {why}");
            return;
        };
        if let Some(reason) = status::protocol_error(why) {
            self.protocol_errors.insert(id, reason);
        }
        if let Some(more) = self.discards.admit((id, why), now()) {
            let line = wording::discard(&instance.config, from, packet.datagram.ttl, &packet.payload, why);
            warn!("({}) {line}{more}", instance.name);
        }
    }
}
