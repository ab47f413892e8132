//! Virtual MAC interfaces: macvlans that are up while their virtual router is Active, and down otherwise.
//!
//! Down, one neither takes frames for the virtual router nor sends any of its own, which would lead switches astray: RFC 9568
//! §6.4.2 asks a Backup for both. The interface below keeps its address from being used for theirs: it neither answers nor
//! asks for addresses that are not its own. What its rules were before stands in a note on each macvlan, so that a run after
//! a crash can put them back.

use std::collections::{BTreeMap, BTreeSet};

use nix::errno::Errno;
use tracing::{info, warn};
use vip_netlink::{ArpRules, Handle, LinkChange, LinkInfo, LinkKind, NetlinkError, NewLink};

use crate::plan::Vmac;

/// Begins the note on an interface of ours.
const NOTE: &str = "vrrpd:";
/// Packets whose answer leaves through the interface below are taken.
const LOOSE: u32 = 2;

/// The interfaces that are there.
#[derive(Debug, Default)]
pub(crate) struct Vmacs {
    made: BTreeMap<String, Made>,
    /// What the rules of the interfaces below were.
    before: BTreeMap<u32, ArpRules>,
    failed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Made {
    ifindex: u32,
    parent: u32,
    up: bool,
    notify: bool,
}

impl Vmacs {
    /// Makes what is missing and removes what is not wanted, what a crash has left included.
    pub(crate) async fn adapt(&mut self, handle: &Handle, wanted: &[Vmac]) -> Result<(), NetlinkError> {
        self.failed = false;
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
                made.notify = vmac.notify;
                let group = vmac.group.unwrap_or(parent.group);
                if links.iter().any(|link| link.index == made.ifindex && link.group != group) {
                    let change = LinkChange { group: Some(group), ..LinkChange::default() };
                    handle.set_link(made.ifindex, &change).await?;
                }
                continue;
            }
            if let Err(error) = self.make(handle, vmac, parent).await {
                self.failed = true;
                warn!("the virtual MAC interface {} cannot be made: {error}", vmac.name);
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
        self.failed
    }

    /// The index of one of them.
    pub(crate) fn index(&self, name: &str) -> Option<u32> {
        self.made.get(name).map(|made| made.ifindex)
    }

    /// Whether this is one of them.
    pub(crate) fn has(&self, ifindex: u32) -> bool {
        self.made.values().any(|made| made.ifindex == ifindex)
    }

    /// Whether this is one of them, and up.
    pub(crate) fn is_up(&self, ifindex: u32) -> bool {
        self.made.values().any(|made| made.ifindex == ifindex && made.up)
    }

    /// Takes one up, if it is one of them and down.
    pub(crate) async fn raise(&mut self, handle: &Handle, ifindex: u32) -> Result<(), NetlinkError> {
        self.switch(handle, ifindex, true).await
    }

    /// Takes one down, if it is one of them and up.
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
        handle.set_link(ifindex, &LinkChange { up: Some(up), ..LinkChange::default() }).await?;
        made.up = up;
        let made = *made;
        if made.notify { self.tell_of(handle, made.parent).await } else { Ok(()) }
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
        for link in links.iter().filter(|link| link.kind.as_deref() == Some("macvlan")) {
            let wanted = wanted.iter().find(|vmac| vmac.name == link.name);
            let fits = |vmac: &Vmac| {
                let parent = links.iter().find(|parent| parent.name == vmac.parent);
                link.mac == Some(vmac.mac) && parent.is_some_and(|parent| link.lower == Some(parent.index))
            };
            let of_this_run = self.index(&link.name) == Some(link.index);
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
        let kind = LinkKind::Macvlan { parent: parent.index };
        handle.create_link(&NewLink { mac: Some(vmac.mac), ..NewLink::new(&vmac.name, kind) }).await?;
        let Some(link) = handle.link(&vmac.name).await? else { return Ok(()) };
        let before = *self.before.entry(parent.index).or_insert(parent.arp);
        let strict = ArpRules { announce: 2, ignore: 1 };
        let change = LinkChange {
            alias: Some(&note(&parent.name, before)),
            arp: Some(strict),
            rp_filter: Some(LOOSE),
            no_link_local: true,
            group: Some(vmac.group.unwrap_or(parent.group)),
            ..LinkChange::default()
        };
        handle.set_link(link.index, &change).await?;
        let rules = ArpRules {
            announce: before.announce.max(strict.announce),
            ignore: before.ignore.max(strict.ignore),
        };
        handle.set_link(parent.index, &LinkChange { arp: Some(rules), ..LinkChange::default() }).await?;
        info!("{} on {} has the virtual MAC {}", vmac.name, parent.name, vmac.mac);
        let made = Made { ifindex: link.index, parent: parent.index, up: false, notify: vmac.notify };
        self.made.insert(vmac.name.clone(), made);
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
