//! `promote_secondaries`: when the first address of a subnet goes, the kernel keeps the others of it.
//!
//! The sysctl of this name is on for an interface while an instance that wants it has addresses there, and off again
//! afterwards where it was off.

use std::collections::BTreeSet;

use nix::errno::Errno;
use vip_netlink::{Handle, LinkChange, NetlinkError, Removals};

use crate::guardian::Line;

/// The interfaces on which it was turned on.
#[derive(Debug, Default)]
pub(crate) struct Secondaries {
    changed: BTreeSet<u32>,
}

impl Secondaries {
    /// Turns it on where it is wanted and off, and off where it was turned on and is not wanted any more.
    pub(crate) async fn adapt(
        &mut self,
        handle: &Handle,
        guardian: &mut Line,
        wanted: &BTreeSet<u32>,
    ) -> Result<(), NetlinkError> {
        if wanted.is_empty() && self.changed.is_empty() {
            return Ok(());
        }
        let links = handle.links().await?;
        let off = |ifindex: &u32| links.iter().any(|link| link.index == *ifindex && !link.promotes);
        let on: Vec<u32> = wanted.iter().copied().filter(off).collect();
        self.changed.extend(&on);
        self.bequeath(guardian);
        for ifindex in on {
            switch(handle, ifindex, true).await?;
        }
        let done: Vec<u32> = self.changed.difference(wanted).copied().collect();
        for ifindex in done {
            switch(handle, ifindex, false).await?;
            self.changed.remove(&ifindex);
        }
        self.bequeath(guardian);
        Ok(())
    }

    /// The kernel reports that a link is gone.
    pub(crate) fn forget(&mut self, ifindex: u32) {
        self.changed.remove(&ifindex);
    }

    /// What the guardian turns off when the worker is gone.
    fn bequeath(&self, guardian: &mut Line) {
        let mut last = Removals::new();
        self.changed.iter().for_each(|&ifindex| last.promotion(ifindex));
        guardian.bequeath_last(last.as_bytes().to_vec());
    }
}

async fn switch(handle: &Handle, ifindex: u32, promotes: bool) -> Result<(), NetlinkError> {
    let change = LinkChange { promotes: Some(promotes), ..LinkChange::default() };
    match handle.set_link(ifindex, &change).await {
        Err(error) if error.errno() != Some(Errno::ENODEV) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
