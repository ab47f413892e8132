//! The interfaces that virtual routers speak on: their state, and the sockets there.

use std::net::IpAddr;

use tracing::{info, warn};
use vrrp::{IfIndex, Link};

use super::Driver;
use crate::clock::now;
use crate::plan::InstancePlan;
use crate::sockets::Sockets;
use crate::{lint, network};

impl Driver {
    pub(super) fn open_sockets(&mut self) {
        let wanted = self.wanted_sockets();
        self.executor.sockets.open(&wanted);
    }

    pub(super) fn wanted_sockets(&self) -> std::collections::BTreeSet<crate::sockets::SocketKey> {
        Sockets::wanted(&self.plan, |instance| self.source_of(instance))
    }

    pub(super) fn source_of(&self, instance: &InstancePlan) -> Option<IpAddr> {
        let link = self.links.get(&instance.config.iface).copied().flatten()?;
        instance.config.source_on(&link)
    }

    pub(super) fn say_what_is_odd(&self) {
        for (name, &index) in &self.plan.interfaces {
            if crate::plan::existing(index).is_none() {
                warn!("Interface {name} is not there (yet): it is waited for");
            }
        }
        lint::outside(&self.plan, self.monitor.view()).iter().for_each(|line| warn!("{line}"));
    }

    /// What a link counts as. One that is down for a moment counts as it was, with addresses that go with it.
    fn steadied(&mut self, iface: IfIndex, link: Link) -> Link {
        // An ipvlan has the delays of the interface below.
        let iface_below = self.plan.below(iface);
        let mut names = self.plan.interfaces.iter().filter(|(_, index)| **index == iface_below);
        let name = names.next().map(|(name, _)| name);
        let Some(name) = name else { return link };
        match (self.debounce.judge(now(), name, link.up), link.up) {
            (true, false) => self.links.get(&iface).copied().flatten().unwrap_or(link),
            (up, _) => Link { up, ..link },
        }
    }

    /// Tells the node the state of each interface that has changed.
    pub(super) async fn look_at_links(&mut self) {
        for iface in self.plan.speaking() {
            let link = network::link(self.monitor.view(), &self.plan, iface);
            let link = link.map(|link| self.steadied(iface, link));
            let before = self.links.insert(iface, link);
            if before == Some(link) {
                continue;
            }
            let is_up = |link: Option<Link>| link.is_some_and(|link| link.up);
            if let Some(before) = before
                && is_up(before) != is_up(link)
            {
                let name = self.plan.interfaces.iter().find(|(_, index)| **index == iface);
                let name = name.map_or("an interface", |(name, _)| name.as_str());
                info!("Netlink reports {name} {}", if is_up(link) { "up" } else { "down" });
            }
            match link {
                Some(link) => self.node.handle_link(now(), iface, link),
                None => self.node.handle_link_gone(now(), iface),
            }
            self.carry_out().await;
        }
    }
}
