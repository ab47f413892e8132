//! Where the addresses are, told again and again; and who else has them, asked.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};
use vip_netlink::{AnnounceError, Announcement, LinkInfo, NetworkView};
use vrrp::InstanceId;

use super::Executor;
use crate::clock::now;
use crate::plan::{InstancePlan, Plan};
use crate::wording;

/// An Active announces its addresses with an advertisement no more often than this, a little below the second of most
/// configurations: an advertisement that is sent a moment early has them too,
const ACCOMPANIED: Duration = Duration::from_millis(900);
/// and so many of them at a time.
const ACCOMPANYING: usize = 20;
/// Announcements closer together than this are one batch in the log.
const BATCH: Duration = Duration::from_secs(3);

impl Executor {
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
            if self.pacing.admit(now(), physical(link, view), (id, address)) {
                self.announce_now(id, instance, address, link).await;
            }
        }
    }

    /// Sends the announcements that have waited for their turn.
    pub(crate) async fn announce_waiting(&mut self, plan: &Plan, view: &NetworkView) {
        while let Some((id, address)) = self.pacing.due(now()) {
            let instance = plan.instances.get(&id);
            let link = instance.and_then(|instance| view.link(instance.vips.get(&address)?.ifindex));
            if let Some((instance, link)) = instance.zip(link) {
                self.announce_now(id, instance, address, link).await;
            }
        }
    }

    async fn announce_now(
        &mut self,
        id: InstanceId,
        instance: &InstancePlan,
        address: IpAddr,
        link: &LinkInfo,
    ) {
        debug!("{}", wording::announcement(address, &link.name));
        if let Err(error) = self.announce_on(link, address).await
            && let Some(more) = self.complaints.admit((id, "announce"), now())
        {
            warn!("({}) {error}{more}", instance.name);
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
            if let Some(link) = view.link(vip.ifindex).filter(|_| self.held.contains_key(&(id, address)))
                && self.pacing.admit(at, physical(link, view), (id, address))
            {
                let _ = self.announce_on(link, address).await;
            }
        }
        self.accompanied.insert(id, (at, (first + ACCOMPANYING) % held.max(1)));
    }

    /// Announces again what `garp_master_refresh` and `garp_extra_if` ask for.
    pub(crate) async fn refresh(&mut self, plan: &Plan, view: &NetworkView) {
        let at = now();
        let due: Vec<(InstanceId, usize)> =
            self.refresh_at.iter().filter(|(_, due)| **due <= at).map(|(&which, _)| which).collect();
        for (id, number) in due {
            let instance = plan.instances.get(&id);
            let refresh = instance.and_then(|instance| instance.refreshes.get(number));
            let Some((instance, refresh)) = instance.zip(refresh) else {
                self.refresh_at.remove(&(id, number));
                continue;
            };
            self.refresh_at.insert((id, number), at + refresh.period);
            for _ in 0..refresh.repeat {
                self.announce(id, instance, &refresh.addresses, view).await;
            }
        }
    }

    /// Refreshes that run go on, from their next turn on as the plan has them.
    pub(super) fn keep_refreshing(&mut self, id: InstanceId, instance: &InstancePlan) {
        for (number, refresh) in instance.refreshes.iter().enumerate() {
            self.refresh_at.entry((id, number)).or_insert(now() + refresh.period);
        }
    }

    async fn announce_on(&self, link: &LinkInfo, address: IpAddr) -> Result<(), AnnounceError> {
        match Announcement::new(link, address, address.is_ipv6() && forwards(&link.name)) {
            Some(announcement) => self.announcer.send(&announcement).await,
            None => Ok(()),
        }
    }
}

/// The interface whose switch hears it: the one below a virtual MAC or an ipvlan.
fn physical<'a>(link: &'a LinkInfo, view: &'a NetworkView) -> &'a str {
    let below = link.lower.filter(|_| matches!(link.kind.as_deref(), Some("macvlan" | "ipvlan")));
    below.and_then(|below| view.link(below)).map_or(&link.name, |below| &below.name)
}

fn forwards(interface: &str) -> bool {
    let path = format!("/proc/sys/net/ipv6/conf/{interface}/forwarding");
    std::fs::read_to_string(path).is_ok_and(|value| value.trim() != "0")
}
