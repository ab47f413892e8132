//! Virtual addresses: set, renewed, put back and taken away.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use tracing::{info, warn};
use vip_netlink::{
    AddressInfo, AddressKey, Desired, NetlinkError, Observed, Step, VIP_PROTO, VirtualAddress,
};
use vrrp::InstanceId;

use super::Executor;
use crate::clock::now;
use crate::plan::{InstancePlan, Plan};
use crate::wording;

/// Adverts that follow each other faster than this do not each renew the leases.
const RENEWING_INTERVAL: Duration = Duration::from_millis(500);
/// Leases that one turn renews. Addresses that were installed together are due together, and the kernel takes the longer
/// for an IPv6 address the more of them an interface has: a tenth of a second for hundreds. Advertisements go in between.
const RENEWALS_A_TURN: usize = 8;

impl Executor {
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
        self.keep_refreshing(id, instance);
    }

    pub(crate) async fn remove(&mut self, id: InstanceId, instance: &InstancePlan, addresses: &[IpAddr]) {
        info!("({}) removing VIPs.", instance.name);
        for &address in addresses {
            self.pacing.forget((id, address));
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
        if self.held_by(id).next().is_none() {
            self.refresh_at.retain(|(holder, _), _| *holder != id);
        }
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
        self.leases.lapse(now)
    }

    /// Whether the kernel has an address of a virtual router, as far as we know.
    pub(crate) fn is_held(&self, id: InstanceId, address: IpAddr) -> bool {
        self.held.get(&(id, address)).is_some_and(|vip| self.is_there(vip))
    }

    /// Whether something should be held and is not: the kernel refused it, or its lease ran out.
    pub(crate) fn any_unheld(&self) -> bool {
        // Asked at every turn, of hundreds: what is leased is held, so nothing is missing where there are as many of both.
        self.leases.len() < self.held.len() && !self.unheld().is_empty()
    }

    /// What the node wants held for a virtual router.
    pub(super) fn held_by(&self, id: InstanceId) -> impl Iterator<Item = &VirtualAddress> {
        let first = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        self.held.range((id, first)..).take_while(move |((holder, _), _)| *holder == id).map(|(_, vip)| vip)
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
        let renewal = self.leases.renew(&self.handle, now(), RENEWALS_A_TURN).await;
        for (vip, error) in renewal.failed {
            let holder = self.held.iter().find(|(_, held)| held.key() == vip.key()).map(|((id, _), _)| *id);
            if let Some(more) = holder.and_then(|id| self.complaints.admit((id, "renew"), now())) {
                warn!("the lease of {} cannot be renewed: {error}{more}", vip.addr);
            }
        }
        self.renewed_at = Some(now());
    }

    /// The lease then ends before the down interval that the advertisement starts.
    pub(crate) async fn renew_with_advert(&mut self, id: InstanceId, instance: &InstancePlan) {
        if instance.config.interval.to_duration() < RENEWING_INTERVAL {
            return;
        }
        let leased: Vec<VirtualAddress> =
            self.held_by(id).filter(|vip| vip.lease.is_some()).cloned().collect();
        for vip in leased {
            let sent = now();
            // One that is not there comes back with an announcement, not by the way. A refusal is met again, and said,
            // when the renewal is due.
            if self.leases.to_restore(&vip.key(), sent).is_some() && self.handle.add(&vip).await.is_ok() {
                self.leases.held(vip, sent);
            }
        }
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
        let holding: BTreeSet<InstanceId> = self.held.keys().map(|(id, _)| *id).collect();
        for id in holding {
            if let Some(instance) = new.instances.get(&id) {
                self.keep_refreshing(id, instance);
            }
        }
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

    fn unheld(&self) -> Vec<(InstanceId, IpAddr)> {
        self.held.iter().filter(|(_, vip)| !self.is_there(vip)).map(|(&holder, _)| holder).collect()
    }

    fn is_there(&self, vip: &VirtualAddress) -> bool {
        self.leases.contains(&vip.key())
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
}
