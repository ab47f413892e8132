//! What the kernel and the driver between them know of the addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Addresses with a lease, by segment. The driver renews the lease of all it was told to keep with each advertisement;
/// nobody renews it when the driver is dead or stopped.
#[derive(Default)]
pub(crate) struct Kernel {
    leases: BTreeMap<(usize, IpAddr), Duration>,
}

impl Kernel {
    pub(crate) fn install(&mut self, segment: usize, addresses: &[IpAddr], until: Duration) {
        self.leases.extend(addresses.iter().map(|&address| ((segment, address), until)));
    }

    pub(crate) fn remove(&mut self, segment: usize, addresses: &[IpAddr]) {
        self.leases.retain(|(at, address), _| *at != segment || !addresses.contains(address));
    }

    pub(crate) fn renew(&mut self, segment: usize, until: Duration) {
        self.leases.iter_mut().filter(|((at, _), _)| *at == segment).for_each(|(_, lease)| *lease = until);
    }

    pub(crate) fn clear(&mut self) {
        self.leases.clear();
    }

    pub(crate) fn holds(&self, segment: usize, address: IpAddr, now: Duration) -> bool {
        self.leases.get(&(segment, address)).is_some_and(|&until| now < until)
    }
}
