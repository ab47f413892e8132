//! The node's actions, carried out: each is acknowledged by the kernel before the next begins.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};
use vip_netlink::{
    AddressInfo, AddressKey, AnnounceError, Announcement, Announcer, Desired, Handle, LinkInfo, NetlinkError,
    NetworkView, Observed, Removals, Route, Rule, Step, VIP_PROTO, VipSet, VirtualAddress,
};
use vrrp::{Advertised, Advertisement, Checksum, InstanceId};

use crate::clock::now;
use crate::complaints::Complaints;
use crate::guardian::{Line, Will, Word};
use crate::plan::{Fixed, InstancePlan, Plan, Vmac, existing};
use crate::sockets::{SocketKey, Sockets};
use crate::vmacs::Vmacs;
use crate::wording;

/// Adverts that follow each other faster than this do not each renew the leases.
const RENEWING_INTERVAL: Duration = Duration::from_millis(500);
/// An Active announces its addresses with an advertisement no more often than this, a little below the second of most
/// configurations: an advertisement that is sent a moment early has them too,
const ACCOMPANIED: Duration = Duration::from_millis(900);
/// and so many of them at a time.
const ACCOMPANYING: usize = 20;
/// Between two looks whether routes and rules are there.
const ROUTES: Duration = Duration::from_secs(1);
/// Announcements closer together than this are one batch in the log.
const BATCH: Duration = Duration::from_secs(3);

/// Addresses, advertisements and announcements on their way to the kernel.
#[derive(Debug)]
pub(crate) struct Executor {
    handle: Handle,
    announcer: Announcer,
    pub(crate) vmacs: Vmacs,
    pub(crate) sockets: Sockets,
    /// What the node wants held, whether or not the kernel has it.
    held: BTreeMap<(InstanceId, IpAddr), VirtualAddress>,
    /// Addresses of an owner that were its own before we came: they are not ours to add or to remove.
    own: BTreeSet<AddressKey>,
    leases: VipSet,
    /// What of routes and rules is set for a virtual router.
    routed: BTreeMap<InstanceId, Routed>,
    /// When it is made sure that they are there.
    routes_at: Option<Instant>,
    announced: BTreeMap<InstanceId, Instant>,
    /// When announcements last went with an advertisement, and which address is the next one.
    accompanied: BTreeMap<InstanceId, (Instant, usize)>,
    refresh_at: BTreeMap<InstanceId, Instant>,
    complaints: Complaints<(InstanceId, &'static str)>,
    /// Hears of everything that must not be left behind.
    pub(crate) guardian: Line,
    resignations: BTreeMap<InstanceId, Resignation>,
}

/// Where an advertisement goes, and the form of its checksum there.
type Destination = (IpAddr, Checksum);

/// What the guardian sends for a virtual router if this process cannot.
#[derive(Debug, PartialEq, Eq)]
struct Resignation {
    source: IpAddr,
    destinations: Vec<Destination>,
    advertisement: Advertisement,
    words: Vec<Word>,
}

/// Routes and rules of a virtual router that is Active.
#[derive(Debug, Clone, Default)]
struct Routed {
    routes: Vec<Route>,
    rules: Vec<Rule>,
}

impl Executor {
    pub(crate) fn new(handle: Handle, announcer: Announcer, sockets: Sockets, guardian: Line) -> Self {
        Self {
            handle,
            announcer,
            vmacs: Vmacs::default(),
            sockets,
            held: BTreeMap::new(),
            own: BTreeSet::new(),
            leases: VipSet::new(),
            routed: BTreeMap::new(),
            routes_at: None,
            announced: BTreeMap::new(),
            accompanied: BTreeMap::new(),
            refresh_at: BTreeMap::new(),
            complaints: Complaints::default(),
            guardian,
            resignations: BTreeMap::new(),
        }
    }

    /// Makes and removes virtual MAC interfaces.
    pub(crate) async fn adapt_vmacs(&mut self, wanted: &[Vmac]) {
        if let Err(error) = self.vmacs.adapt(&self.handle, wanted).await {
            warn!("virtual MAC interfaces: {error}");
        }
    }

    /// Removes the virtual MAC interfaces, at the end.
    pub(crate) async fn remove_vmacs(&mut self) {
        if let Err(error) = self.vmacs.remove_all(&self.handle).await {
            warn!("virtual MAC interfaces: {error}");
        }
    }

    /// The virtual router is not Active any more: its hardware address is another one's from now on.
    pub(crate) async fn lower_vmacs(&mut self, instance: &InstancePlan) {
        let own = instance.vmac.and_then(existing);
        for ifindex in instance.vips.values().map(|vip| vip.ifindex).chain(own) {
            if let Err(error) = self.vmacs.lower(&self.handle, ifindex).await {
                warn!("({}) {error}", instance.name);
            }
        }
    }

    /// The virtual router is Active, or about to be.
    pub(crate) async fn raise_vmac(&mut self, instance: &InstancePlan) {
        if let Some(ifindex) = instance.vmac.and_then(existing)
            && let Err(error) = self.vmacs.raise(&self.handle, ifindex).await
        {
            warn!("({}) {error}", instance.name);
        }
    }

    /// Removes the virtual addresses that an earlier run, of this daemon or of keepalived, has left.
    pub(crate) async fn clear_leftovers(&mut self, plan: &Plan) -> Result<(), NetlinkError> {
        let desired = Desired { addresses: Vec::new(), managed: plan.managed() };
        let observed = Observed { addresses: self.handle.addresses().await? };
        let owned = plan.owned();
        let before_us = observed.addresses.iter().filter(|present| present.proto != VIP_PROTO);
        self.own = before_us.map(AddressInfo::key).filter(|key| owned.contains(key)).collect();
        for instance in plan.instances.values() {
            for rule in &instance.rules {
                self.handle.remove_rule(rule).await?;
            }
            for route in &instance.routes {
                self.handle.remove_route(route).await?;
            }
        }
        let steps = vip_netlink::plan(&desired, &observed);
        for step in &steps {
            info!("An earlier run left an address behind: {}", wording::step(step));
        }
        match self.handle.apply(&steps).await.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    pub(crate) async fn install(&mut self, id: InstanceId, instance: &InstancePlan, addresses: &[IpAddr]) {
        info!("({}) setting VIPs.", instance.name);
        let vips = addresses.iter().filter_map(|address| instance.vips.get(address));
        let vips: Vec<VirtualAddress> = vips.filter(|vip| !self.own.contains(&vip.key())).cloned().collect();
        self.held.extend(vips.iter().map(|vip| ((id, vip.addr), vip.clone())));
        self.bequeath(id, instance);
        // What was put back by the way is only announced: a second time would be a second attempt.
        for vip in vips.into_iter().filter(|vip| !self.is_there(vip)).collect::<Vec<_>>() {
            self.add(id, instance, vip).await;
        }
        self.route(id, instance).await;
        if let Some(refresh) = instance.refresh {
            self.refresh_at.insert(id, now() + refresh.period);
        }
    }

    pub(crate) async fn remove(&mut self, id: InstanceId, instance: &InstancePlan, addresses: &[IpAddr]) {
        info!("({}) removing VIPs.", instance.name);
        for &address in addresses {
            // What is installed may come from an earlier configuration.
            let vip = self.held.remove(&(id, address)).or_else(|| instance.vips.get(&address).cloned());
            let Some(vip) = vip.filter(|vip| !self.own.contains(&vip.key())) else { continue };
            // Released first: the report of the removal is then no surprise.
            self.leases.release(&vip.key());
            if let Err(error) = self.handle.remove(vip.key()).await {
                warn!("({}) {error}", instance.name);
            }
        }
        self.bequeath(id, instance);
        if !self.held.keys().any(|(holder, _)| *holder == id) {
            self.refresh_at.remove(&id);
        }
    }

    /// Sets the routes and rules of an Active, and removes what it has no more.
    async fn route(&mut self, id: InstanceId, instance: &InstancePlan) {
        if instance.routes.is_empty() && instance.rules.is_empty() && !self.routed.contains_key(&id) {
            return;
        }
        let wanted = Routed { routes: instance.routes.clone(), rules: instance.rules.clone() };
        let before = self.routed.insert(id, wanted.clone()).unwrap_or_default();
        self.bequeath(id, instance);
        for rule in before.rules.iter().filter(|rule| !wanted.rules.contains(rule)) {
            let removed = self.handle.remove_rule(rule).await;
            self.complain(id, instance, removed);
        }
        for route in before.routes.iter().filter(|route| !wanted.routes.contains(route)) {
            let removed = self.handle.remove_route(route).await;
            self.complain(id, instance, removed);
        }
        for route in &wanted.routes {
            let added = self.handle.add_route(route).await;
            self.complain(id, instance, added);
        }
        for rule in &wanted.rules {
            let added = self.handle.add_rule(rule).await;
            self.complain(id, instance, added);
        }
        self.routes_at.get_or_insert(now() + ROUTES);
    }

    /// Rules go before routes, and both before the addresses.
    pub(crate) async fn unroute(&mut self, id: InstanceId, instance: &InstancePlan) {
        let Some(Routed { routes, rules }) = self.routed.remove(&id) else { return };
        for rule in &rules {
            let removed = self.handle.remove_rule(rule).await;
            self.complain(id, instance, removed);
        }
        for route in &routes {
            let removed = self.handle.remove_route(route).await;
            self.complain(id, instance, removed);
        }
        self.bequeath(id, instance);
    }

    /// Puts back what somebody removed: the kernel says of one that is there that it is.
    pub(crate) async fn keep_routes(&mut self, plan: &Plan) {
        if self.routes_at.is_none_or(|at| at > now()) {
            return;
        }
        let held: Vec<InstanceId> = self.routed.keys().copied().collect();
        self.routes_at = (!held.is_empty()).then(|| now() + ROUTES);
        for id in held {
            if let Some(instance) = plan.instances.get(&id) {
                self.route(id, instance).await;
            }
        }
    }

    /// Sets what is set once.
    pub(crate) async fn fix(&mut self, fixed: &Fixed) {
        let mut results = Vec::new();
        for address in &fixed.addresses {
            results.push(self.handle.add(address).await);
        }
        for route in &fixed.routes {
            results.push(self.handle.add_route(route).await);
        }
        for rule in &fixed.rules {
            results.push(self.handle.add_rule(rule).await);
        }
        for error in results.into_iter().filter_map(Result::err) {
            warn!("static_*: {error}");
        }
    }

    fn complain(&mut self, id: InstanceId, instance: &InstancePlan, result: Result<(), NetlinkError>) {
        if let Err(error) = result
            && let Some(more) = self.complaints.admit((id, "route"), now())
        {
            warn!("({}) {error}{more}", instance.name);
        }
    }

    /// The virtual router is not Active any more: nobody need resign for it.
    pub(crate) fn fell_silent(&mut self, id: InstanceId, instance: &InstancePlan) {
        self.resignations.remove(&id);
        self.bequeath(id, instance);
    }

    pub(crate) async fn transmit(
        &mut self,
        id: InstanceId,
        instance: &InstancePlan,
        source: Option<IpAddr>,
        destinations: &[Destination],
        advertisement: &Advertisement,
    ) {
        if let Some(source) = source {
            self.keep_resignation(id, instance, source, destinations, advertisement);
        }
        let raised = instance.vmac.is_some_and(|vmac| self.vmacs.is_up(vmac.0));
        let vmac = SocketKey::of_vmac(instance).filter(|_| raised).and_then(|key| self.sockets.get(key));
        let below = || SocketKey::of(id, instance, source).and_then(|key| self.sockets.get(key));
        let socket = vmac.or_else(below);
        if let (Some(source), Some(socket)) = (source, socket) {
            for &(destination, form) in destinations {
                let bytes = advertisement.encode(source, destination, form);
                if let Err(error) = socket.send(destination, source, &bytes).await
                    && let Some(more) = self.complaints.admit((id, "send"), now())
                {
                    warn!("({}) {error}{more}", instance.name);
                }
            }
        } else if let Some(more) = self.complaints.admit((id, "silent"), now()) {
            warn!(
                "({}) cannot advertise: no address or no socket on {}{more}",
                instance.name, instance.interface
            );
        }
        if advertisement.advertised() == Advertised::Resign {
            info!("({}) sent 0 priority", instance.name);
        } else if instance.config.interval.to_duration() >= RENEWING_INTERVAL {
            self.renew_with_advert(id).await;
        }
    }

    /// Announces each address at the hardware address of its link.
    pub(crate) async fn announce(
        &mut self,
        id: InstanceId,
        instance: &InstancePlan,
        addresses: &[IpAddr],
        view: &NetworkView,
    ) {
        let at = now();
        let before = self.announced.insert(id, at);
        let new_batch = before.is_none_or(|before| at.duration_since(before) > BATCH);
        for &address in addresses {
            let Some(link) = instance.vips.get(&address).and_then(|vip| view.link(vip.ifindex)) else {
                continue;
            };
            if new_batch {
                info!("({}) {}", instance.name, wording::announcements(address, &link.name));
            }
            debug!("{}", wording::announcement(address, &link.name));
            if let Err(error) = self.announce_on(link, address).await
                && let Some(more) = self.complaints.admit((id, "announce"), at)
            {
                warn!("({}) {error}{more}", instance.name);
            }
        }
    }

    /// Asks who else has the address.
    pub(crate) async fn ask(
        &mut self,
        id: InstanceId,
        instance: &InstancePlan,
        address: IpAddr,
        view: &NetworkView,
    ) {
        let link = instance.vips.get(&address).and_then(|vip| view.link(vip.ifindex));
        let Some(question) = link.and_then(|link| Announcement::new(link, address, false)) else { return };
        if let Err(error) = self.announcer.ask(&question).await
            && let Some(more) = self.complaints.admit((id, "ask"), now())
        {
            warn!("({}) {error}{more}", instance.name);
        }
    }

    /// Lets announcements go with an advertisement. A keepalived that loses a contest steps back without a word, at the
    /// advertisement it hears: nobody learns that there was one, and its clients would go on sending to it.
    pub(crate) async fn accompany(&mut self, id: InstanceId, instance: &InstancePlan, view: &NetworkView) {
        let at = now();
        let recent = |then: Instant| at.duration_since(then) < ACCOMPANIED;
        let (last, first) = self.accompanied.get(&id).copied().unzip();
        if last.is_some_and(recent) || self.announced.get(&id).is_none_or(|&then| recent(then)) {
            return;
        }
        let first = first.unwrap_or_default();
        let held = instance.vips.len();
        let turn = instance.vips.iter().cycle().skip(first).take(held.min(ACCOMPANYING));
        for (&address, vip) in turn {
            // What is wrong with it is said at the next real announcement.
            if let Some(link) = view.link(vip.ifindex).filter(|_| self.held.contains_key(&(id, address))) {
                let _ = self.announce_on(link, address).await;
            }
        }
        self.accompanied.insert(id, (at, (first + ACCOMPANYING) % held.max(1)));
    }

    /// The virtual router whose address this is, if it should be there now.
    pub(crate) fn missed(&self, key: &AddressKey) -> Option<(InstanceId, IpAddr)> {
        self.leases.to_restore(key, now())?;
        self.held.iter().find(|(_, vip)| vip.key() == *key).map(|(&holder, _)| holder)
    }

    /// The address is not there any more: somebody has removed it. It comes back when it is installed, or when what is not
    /// held is tried again.
    pub(crate) fn let_go(&mut self, key: &AddressKey) {
        self.leases.release(key);
    }

    /// Forgets the leases that ran out. The kernel has removed the addresses.
    pub(crate) fn take_lapsed(&mut self, now: Instant) -> Vec<VirtualAddress> {
        self.leases.due(now).lapsed
    }

    /// Whether the kernel has an address of a virtual router, as far as we know.
    pub(crate) fn is_held(&self, id: InstanceId, address: IpAddr) -> bool {
        self.held.get(&(id, address)).is_some_and(|vip| self.is_there(vip))
    }

    /// Whether something should be held and is not: the kernel refused it, or its lease ran out.
    pub(crate) fn any_unheld(&self) -> bool {
        !self.unheld().is_empty()
    }

    /// Tries again what should be held and is not; what is there now, and wants to be announced.
    pub(crate) async fn restore_unheld(&mut self, plan: &Plan) -> Vec<(InstanceId, IpAddr)> {
        let mut restored = self.unheld();
        for (id, address) in &restored {
            let vip = self.held.get(&(*id, *address)).cloned();
            if let Some((instance, vip)) = plan.instances.get(id).zip(vip) {
                self.add(*id, instance, vip).await;
            }
        }
        let still = self.unheld();
        restored.retain(|holder| !still.contains(holder));
        restored
    }

    /// Renews the leases that are due.
    pub(crate) async fn renew(&mut self) {
        let renewal = self.leases.renew(&self.handle, now()).await;
        for (vip, error) in renewal.failed {
            let holder = self.held.iter().find(|(_, held)| held.key() == vip.key()).map(|((id, _), _)| *id);
            if let Some(more) = holder.and_then(|id| self.complaints.admit((id, "renew"), now())) {
                warn!("the lease of {} cannot be renewed: {error}{more}", vip.addr);
            }
        }
    }

    /// Announces again what `garp_master_refresh` asks for.
    pub(crate) async fn refresh(&mut self, plan: &Plan, view: &NetworkView) {
        let at = now();
        let due: Vec<InstanceId> =
            self.refresh_at.iter().filter(|(_, due)| **due <= at).map(|(&id, _)| id).collect();
        for id in due {
            let Some((instance, refresh)) =
                plan.instances.get(&id).and_then(|instance| Some((instance, instance.refresh?)))
            else {
                self.refresh_at.remove(&id);
                continue;
            };
            self.refresh_at.insert(id, at + refresh.period);
            let addresses: Vec<IpAddr> = instance.config.vips().collect();
            for _ in 0..refresh.repeat {
                self.announce(id, instance, &addresses, view).await;
            }
        }
    }

    /// When [`renew`](Self::renew) or [`refresh`](Self::refresh) has something to do.
    pub(crate) fn next_upkeep(&self) -> Option<Instant> {
        self.leases
            .next_renewal()
            .into_iter()
            .chain(self.routes_at)
            .chain(self.refresh_at.values().copied())
            .min()
    }

    /// A new plan has other labels, prefixes, leases or interfaces for addresses that are held; which ones.
    pub(crate) async fn change_held(&mut self, new: &Plan) -> Vec<(InstanceId, IpAddr)> {
        let changed: Vec<_> = self
            .held
            .iter()
            .filter_map(|(&(id, address), old)| {
                let instance = new.instances.get(&id)?;
                let vip = instance.vips.get(&address)?;
                (vip != old).then(|| ((id, address), old.clone(), vip.clone()))
            })
            .collect();
        let holders = changed.iter().map(|(holder, _, _)| *holder).collect();
        for ((id, address), old, vip) in changed {
            let Some(instance) = new.instances.get(&id) else { continue };
            let observed = match self.handle.addresses().await {
                Ok(addresses) => Observed { addresses },
                Err(error) => {
                    warn!("({}) {error}", instance.name);
                    continue;
                }
            };
            self.leases.release(&old.key());
            let desired = Desired { addresses: vec![vip.clone()], managed: vec![old.key()] };
            for step in vip_netlink::plan(&desired, &observed) {
                if let Step::Remove(key) = step
                    && (key == old.key() || key == vip.key())
                    && let Err(error) = self.handle.remove(key).await
                {
                    warn!("({}) {error}", instance.name);
                }
            }
            self.held.insert((id, address), vip.clone());
            self.bequeath(id, instance);
            self.add(id, instance, vip).await;
        }
        holders
    }

    /// Tells the guardian what this virtual router would leave behind.
    fn bequeath(&mut self, id: InstanceId, instance: &InstancePlan) {
        let mut removals = Removals::new();
        if let Some(routed) = self.routed.get(&id) {
            routed.rules.iter().for_each(|rule| removals.rule(rule));
            routed.routes.iter().for_each(|route| removals.route(route));
        }
        self.held
            .iter()
            .filter(|((holder, _), _)| *holder == id)
            .for_each(|(_, vip)| removals.address(vip.key()));
        // Up, a virtual MAC interface would go on taking frames for the virtual router.
        if let Some(vmac) = instance.vmac.and_then(existing)
            && (!removals.is_empty() || self.resignations.contains_key(&id))
        {
            removals.link_down(vmac);
        }
        let words = self.resignations.get(&id).map(|resignation| resignation.words.clone());
        let will = Will {
            name: instance.name.clone(),
            removals: removals.as_bytes().to_vec(),
            words: words.unwrap_or_default(),
        };
        self.guardian.bequeath(id, will);
    }

    /// Whoever speaks as Active leaves a resignation; made anew only when it would be another one, as each signed one is.
    fn keep_resignation(
        &mut self,
        id: InstanceId,
        instance: &InstancePlan,
        source: IpAddr,
        destinations: &[Destination],
        advertisement: &Advertisement,
    ) {
        let advertisement = advertisement.resignation();
        let unchanged = self.resignations.get(&id).is_some_and(|known| {
            (known.source, &known.destinations[..], &known.advertisement)
                == (source, destinations, &advertisement)
        });
        let Some(ifindex) = existing(id.iface).filter(|_| !unchanged) else { return };
        let words = destinations.iter().map(|&(dst, form)| Word {
            ifindex,
            src: source,
            dst,
            ttl: instance.ttl(),
            payload: advertisement.encode(source, dst, form),
        });
        let words = words.collect();
        let destinations = destinations.to_vec();
        self.resignations.insert(id, Resignation { source, destinations, advertisement, words });
        self.bequeath(id, instance);
    }

    fn unheld(&self) -> Vec<(InstanceId, IpAddr)> {
        self.held.iter().filter(|(_, vip)| !self.is_there(vip)).map(|(&holder, _)| holder).collect()
    }

    fn is_there(&self, vip: &VirtualAddress) -> bool {
        self.leases.addresses().any(|held| held.key() == vip.key())
    }

    async fn add(&mut self, id: InstanceId, instance: &InstancePlan, vip: VirtualAddress) {
        if let Err(error) = self.vmacs.raise(&self.handle, vip.ifindex).await {
            warn!("({}) {error}", instance.name);
        }
        let sent = now();
        match self.handle.add(&vip).await {
            Ok(()) => self.leases.held(vip, sent),
            Err(error) => {
                if let Some(more) = self.complaints.admit((id, "add"), sent) {
                    warn!("({}) {} is not there, and is tried again: {error}{more}", instance.name, vip.addr);
                }
            }
        }
    }

    /// The lease then ends before the down interval that the advertisement starts.
    async fn renew_with_advert(&mut self, id: InstanceId) {
        let leased = self.held.iter().filter(|((holder, _), vip)| *holder == id && vip.lease.is_some());
        let leased: Vec<VirtualAddress> = leased.map(|(_, vip)| vip.clone()).collect();
        for vip in leased {
            let sent = now();
            // One that is not there comes back with an announcement, not by the way. A refusal is met again, and said,
            // when the renewal is due.
            if self.leases.to_restore(&vip.key(), sent).is_some() && self.handle.add(&vip).await.is_ok() {
                self.leases.held(vip, sent);
            }
        }
    }

    async fn announce_on(&self, link: &LinkInfo, address: IpAddr) -> Result<(), AnnounceError> {
        match Announcement::new(link, address, address.is_ipv6() && forwards(&link.name)) {
            Some(announcement) => self.announcer.send(&announcement).await,
            None => Ok(()),
        }
    }
}

fn forwards(interface: &str) -> bool {
    let path = format!("/proc/sys/net/ipv6/conf/{interface}/forwarding");
    std::fs::read_to_string(path).is_ok_and(|value| value.trim() != "0")
}
