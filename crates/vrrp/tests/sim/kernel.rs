//! What the kernel and the driver between them know of the addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Addresses with a lease. The driver renews the lease of all it was told to keep with each advertisement; nobody
/// renews it when the driver is dead or stopped.
#[derive(Default)]
pub(crate) struct Kernel {
    leases: BTreeMap<IpAddr, Duration>,
}

impl Kernel {
    pub(crate) fn install(&mut self, addresses: &[IpAddr], until: Duration) {
        self.leases.extend(addresses.iter().map(|&address| (address, until)));
    }

    pub(crate) fn remove(&mut self, addresses: &[IpAddr]) {
        self.leases.retain(|address, _| !addresses.contains(address));
    }

    pub(crate) fn renew(&mut self, until: Duration) {
        self.leases.values_mut().for_each(|lease| *lease = until);
    }

    pub(crate) fn clear(&mut self) {
        self.leases.clear();
    }

    pub(crate) fn holds(&self, address: IpAddr, now: Duration) -> bool {
        self.leases.get(&address).is_some_and(|&until| now < until)
    }
}
