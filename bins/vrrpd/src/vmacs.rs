//! Interfaces that virtual routers have for themselves: virtual MAC interfaces, which are macvlans that are up while their
//! virtual router is Active and down otherwise; and ipvlans, which have the hardware address of the interface below, do
//! nobody harm and are always up.
//!
//! Down, a macvlan neither takes frames for the virtual router nor sends any of its own, which would lead switches astray: RFC 9568
//! §6.4.2 asks a Backup for both. The interface below keeps its address from being used for theirs: it neither answers nor
//! asks for addresses that are not its own. With an ipvlan it must not ask in the name of a virtual address: the ipvlan would
//! get the answer. What its rules were before stands in a note on each of them, so that a run after a crash can put them back.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use nix::errno::Errno;
use tracing::{info, warn};
use vip_netlink::{AddressKey, ArpRules, Handle, LinkChange, LinkInfo, LinkKind, NetlinkError, NewLink};

use crate::plan::{Kind, Vmac};

/// Begins the note on an interface of ours.
const NOTE: &str = "vrrpd:";
/// Packets whose answer leaves through the interface below are taken.
const LOOSE: u32 = 2;
/// Questions are answered and asked for addresses of the interface itself alone.
const STRICT: ArpRules = ArpRules { announce: 2, ignore: 1 };

/// The interfaces that are there.
#[derive(Debug, Default)]
pub(crate) struct Vmacs {
    made: BTreeMap<String, Made>,
    /// What the rules of the interfaces below were.
    before: BTreeMap<u32, ArpRules>,
    /// Those that cannot be made, and what was said about it.
    failed: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy)]
struct Made {
    ifindex: u32,
    parent: u32,
    up: bool,
    kind: Kind,
}

impl Vmacs {
    /// Makes what is missing and removes what is not wanted, what a crash has left included.
    pub(crate) async fn adapt(&mut self, handle: &Handle, wanted: &[Vmac]) -> Result<(), NetlinkError> {
        let said = std::mem::take(&mut self.failed);
        if wanted.is_empty() && self.made.is_empty() && self.before.is_empty() {
            // Most configurations have none; what an earlier one has left is found by its note all the same.
            return self.clear(handle, &handle.links().await?, &[]).await;
        }
        let links = handle.links().await?;
        self.made.retain(|_, made| links.iter().any(|link| link.index == made.ifindex));
        self.clear(handle, &links, wanted).await?;
        for vmac in wanted {
            let Some(parent) = links.iter().find(|link| link.name == vmac.parent) else { continue };
            if let Some(made) = self.made.get_mut(&vmac.name) {
                made.kind = vmac.kind;
                let group = vmac.group.unwrap_or(parent.group);
                if links.iter().any(|link| link.index == made.ifindex && link.group != group) {
                    let change = LinkChange { group: Some(group), ..LinkChange::default() };
                    handle.set_link(made.ifindex, &change).await?;
                }
                continue;
            }
            if let Err(error) = self.make(handle, vmac, parent).await {
                let message = explained(vmac, &error);
                if said.get(&vmac.name) != Some(&message) {
                    warn!("{message}");
                }
                self.failed.insert(vmac.name.clone(), message);
            }
        }
        self.give_back(handle).await
    }

    /// Removes all of them and puts the rules back.
    pub(crate) async fn remove_all(&mut self, handle: &Handle) -> Result<(), NetlinkError> {
        for made in std::mem::take(&mut self.made).into_values() {
            handle.delete_link(made.ifindex).await?;
        }
        self.give_back(handle).await
    }

    /// One that could not be made is tried again.
    pub(crate) fn any_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// The index of one of them.
    pub(crate) fn index(&self, name: &str) -> Option<u32> {
        self.made.get(name).map(|made| made.ifindex)
    }

    /// Whether this is one of them that goes up and down with its virtual router.
    pub(crate) fn follows(&self, ifindex: u32) -> bool {
        self.made.values().any(|made| made.ifindex == ifindex && matches!(made.kind, Kind::Macvlan { .. }))
    }

    /// Whether this is one of them, and up.
    pub(crate) fn is_up(&self, ifindex: u32) -> bool {
        self.made.values().any(|made| made.ifindex == ifindex && made.up)
    }

    /// Takes one up, if it is one of them that goes up and down, and down.
    pub(crate) async fn raise(&mut self, handle: &Handle, ifindex: u32) -> Result<(), NetlinkError> {
        self.switch(handle, ifindex, true).await
    }

    /// Takes one down, if it is one of them that goes up and down, and up.
    pub(crate) async fn lower(&mut self, handle: &Handle, ifindex: u32) -> Result<(), NetlinkError> {
        self.switch(handle, ifindex, false).await
    }

    /// The kernel reports that a link is gone.
    pub(crate) fn forget(&mut self, ifindex: u32) {
        self.made.retain(|_, made| made.ifindex != ifindex);
        self.before.remove(&ifindex);
    }

    async fn switch(&mut self, handle: &Handle, ifindex: u32, up: bool) -> Result<(), NetlinkError> {
        let Some(made) = self.made.values_mut().find(|made| made.ifindex == ifindex && made.up != up) else {
            return Ok(());
        };
        let Kind::Macvlan { notify, .. } = made.kind else { return Ok(()) };
        handle.set_link(ifindex, &LinkChange { up: Some(up), ..LinkChange::default() }).await?;
        made.up = up;
        let parent = made.parent;
        if notify { self.tell_of(handle, parent).await } else { Ok(()) }
    }

    /// An interface that cannot filter unicast addresses begins to take all frames, and ends, without a word of the kernel.
    /// It tells of a change of the group, though, also to the same one.
    async fn tell_of(&self, handle: &Handle, parent: u32) -> Result<(), NetlinkError> {
        let links = handle.links().await?;
        let Some(link) = links.iter().find(|link| link.index == parent) else { return Ok(()) };
        handle.set_link(parent, &LinkChange { group: Some(link.group), ..LinkChange::default() }).await
    }

    /// Removes those that are not wanted (any more): ours of this run, those with a note of ours, and those in the way.
    async fn clear(
        &mut self,
        handle: &Handle,
        links: &[LinkInfo],
        wanted: &[Vmac],
    ) -> Result<(), NetlinkError> {
        for link in links.iter().filter(|link| matches!(link.kind.as_deref(), Some("macvlan" | "ipvlan"))) {
            let wanted = wanted.iter().find(|vmac| vmac.name == link.name);
            let made = self.made.get(&link.name).filter(|made| made.ifindex == link.index);
            let fits = |vmac: &Vmac| {
                let parent = links.iter().find(|parent| parent.name == vmac.parent);
                let alike = match vmac.kind {
                    Kind::Macvlan { mac, .. } => link.mac == Some(mac),
                    Kind::Ipvlan { .. } => made.is_none_or(|made| made.kind == vmac.kind),
                };
                alike
                    && link.kind.as_deref() == Some(vmac.kind.name())
                    && parent.is_some_and(|parent| link.lower == Some(parent.index))
            };
            let of_this_run = made.is_some();
            let noted = link.alias.as_deref().and_then(read_note);
            if of_this_run && wanted.is_some_and(fits) {
                continue;
            }
            // keepalived leaves its own without a note.
            if !of_this_run && noted.is_none() && !wanted.is_some_and(fits) {
                continue;
            }
            if !of_this_run {
                info!("An earlier run left {} behind: it is removed", link.name);
                if let (Some(parent), Some(rules)) = (link.lower, noted) {
                    self.before.entry(parent).or_insert(rules);
                }
            }
            handle.delete_link(link.index).await?;
            self.made.remove(&link.name);
        }
        Ok(())
    }

    async fn make(&mut self, handle: &Handle, vmac: &Vmac, parent: &LinkInfo) -> Result<(), NetlinkError> {
        let (kind, mac) = match vmac.kind {
            Kind::Macvlan { mac, .. } => (LinkKind::Macvlan { parent: parent.index }, Some(mac)),
            Kind::Ipvlan { mode, .. } => (LinkKind::Ipvlan { parent: parent.index, mode }, None),
        };
        handle.create_link(&NewLink { mac, ..NewLink::new(&vmac.name, kind) }).await?;
        let Some(link) = handle.link(&vmac.name).await? else { return Ok(()) };
        if let Err(error) = self.equip(handle, vmac, parent, link.index).await {
            handle.delete_link(link.index).await?;
            return Err(error);
        }
        let up = matches!(vmac.kind, Kind::Ipvlan { .. });
        let made = Made { ifindex: link.index, parent: parent.index, up, kind: vmac.kind };
        self.made.insert(vmac.name.clone(), made);
        Ok(())
    }

    /// What a new interface is told, and the one below it.
    async fn equip(
        &mut self,
        handle: &Handle,
        vmac: &Vmac,
        parent: &LinkInfo,
        ifindex: u32,
    ) -> Result<(), NetlinkError> {
        let before = *self.before.entry(parent.index).or_insert(parent.arp);
        // Only the kernel's own link-local address can be the source of an ipvlan without one.
        let no_link_local =
            !matches!(vmac.kind, Kind::Ipvlan { address: None | Some((IpAddr::V6(_), _)), .. });
        let change = LinkChange {
            alias: Some(&note(&parent.name, before)),
            arp: Some(STRICT),
            rp_filter: Some(LOOSE),
            no_link_local,
            group: Some(vmac.group.unwrap_or(parent.group)),
            ..LinkChange::default()
        };
        handle.set_link(ifindex, &change).await?;
        let ignore = match vmac.kind {
            Kind::Macvlan { .. } => before.ignore.max(STRICT.ignore),
            // The hardware address is the same: nobody minds which of the two answers.
            Kind::Ipvlan { .. } => before.ignore,
        };
        let arp = Some(ArpRules { announce: before.announce.max(STRICT.announce), ignore });
        handle.set_link(parent.index, &LinkChange { arp, ..LinkChange::default() }).await?;
        match vmac.kind {
            Kind::Macvlan { mac, .. } => info!("{} on {} has the virtual MAC {mac}", vmac.name, parent.name),
            Kind::Ipvlan { address, .. } => {
                if let Some((address, prefix_len)) = address {
                    handle.add_own(AddressKey::new(ifindex, address, prefix_len)).await?;
                }
                handle.set_link(ifindex, &LinkChange { up: Some(true), ..LinkChange::default() }).await?;
                info!("{} on {} is an ipvlan", vmac.name, parent.name);
            }
        }
        Ok(())
    }

    /// Puts the rules of interfaces back that carry none of ours any more.
    async fn give_back(&mut self, handle: &Handle) -> Result<(), NetlinkError> {
        let carry: BTreeSet<u32> = self.made.values().map(|made| made.parent).collect();
        let done: Vec<u32> = self.before.keys().copied().filter(|parent| !carry.contains(parent)).collect();
        for parent in done {
            if let Some(rules) = self.before.remove(&parent) {
                let change = LinkChange { arp: Some(rules), ..LinkChange::default() };
                match handle.set_link(parent, &change).await {
                    Err(error) if error.errno() != Some(Errno::ENODEV) => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
        }
        Ok(())
    }
}

/// Why one cannot be made, with the way out.
fn explained(vmac: &Vmac, error: &NetlinkError) -> String {
    let Vmac { name, parent, .. } = vmac;
    let (kind, keyword) = (vmac.kind.name(), vmac.kind.keyword());
    let why = match error.errno() {
        Some(Errno::EOPNOTSUPP) => format!(
            ": the kernel has no {kind} (CONFIG_{}). Install its module, or take a kernel that has it, or remove `{keyword}`",
            kind.to_uppercase()
        ),
        Some(Errno::EBUSY) => format!(
            ": {parent} is a port of a bridge or a bond, or has interfaces of another kind on it. Name another `interface`, or \
             remove `{keyword}`"
        ),
        Some(Errno::EEXIST) => format!(
            ": there is another interface of this name. Remove it, or write `{keyword} NAME` with another one"
        ),
        Some(Errno::EADDRINUSE) => {
            ": another ipvlan has its address. Write a free one after `use_ipvlan`".to_owned()
        }
        _ => String::new(),
    };
    format!("the {kind} {name} on {parent} cannot be made: {error}{why}")
}

fn note(parent: &str, rules: ArpRules) -> String {
    format!("{NOTE} {parent} had arp_announce {} arp_ignore {}", rules.announce, rules.ignore)
}

fn read_note(note: &str) -> Option<ArpRules> {
    let mut words = note.strip_prefix(NOTE)?.split_whitespace().rev();
    let ignore = words.next()?.parse().ok()?;
    let announce = words.nth(1)?.parse().ok()?;
    Some(ArpRules { announce, ignore })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_back() {
        let rules = ArpRules { announce: 1, ignore: 8 };
        assert_eq!(read_note(&note("eth0.100", rules)), Some(rules));
        assert_eq!(read_note("uplink, do not touch"), None);
        assert_eq!(read_note("vrrpd: x"), None);
    }
}
