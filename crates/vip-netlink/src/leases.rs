//! The virtual addresses that this node holds, and when each lease must be renewed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::address::{AddressKey, VirtualAddress};
use crate::handle::Handle;
use crate::netlink::NetlinkError;

/// Longest time between two renewals, however long the lease.
const LONGEST_INTERVAL: Duration = Duration::from_secs(1);

/// The virtual addresses that this node holds.
///
/// Sans-IO: time comes in as `now`, and what is due comes out; [`VipSet::renew`] is the one method that talks to the
/// kernel. A lease that ran out is not renewed: the node was stopped for longer than the lease, the address is gone,
/// another node may hold it, and only an election may bring it back.
#[derive(Debug, Clone, Default)]
pub struct VipSet {
    vips: BTreeMap<AddressKey, Vip>,
}

#[derive(Debug, Clone)]
struct Vip {
    address: VirtualAddress,
    leased: Option<Lease>,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    renew_at: Instant,
    lapses_at: Instant,
}

impl Lease {
    fn start(address: &VirtualAddress, now: Instant) -> Option<Self> {
        let length = address.lease_in_whole_seconds()?;
        // A lease too long for the clock never needs renewing.
        let lapses_at = now.checked_add(length)?;
        Some(Self { renew_at: now + renewal_interval(length), lapses_at })
    }
}

/// What must be done about the leases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// Add each of these again now, then call [`VipSet::held`]. The one that has waited longest comes first.
    pub renew: Vec<VirtualAddress>,
    /// The leases of these ran out: the kernel has removed them, and they are no longer in the set.
    pub lapsed: Vec<VirtualAddress>,
}

/// What a renewal did.
#[derive(Debug, Default)]
pub struct Renewal {
    /// See [`Due::lapsed`].
    pub lapsed: Vec<VirtualAddress>,
    /// The kernel refused these; they are tried again at the next renewal.
    pub failed: Vec<(VirtualAddress, NetlinkError)>,
}

impl VipSet {
    /// A node that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// `address` was added to the kernel by a message sent no earlier than `now`: its lease starts (anew).
    pub fn held(&mut self, address: VirtualAddress, now: Instant) {
        let leased = Lease::start(&address, now);
        self.vips.insert(address.key(), Vip { address, leased });
    }

    /// The address is given up.
    pub fn release(&mut self, key: &AddressKey) -> Option<VirtualAddress> {
        self.vips.remove(key).map(|vip| vip.address)
    }

    /// All addresses of the set, in the order of their keys.
    pub fn addresses(&self) -> impl Iterator<Item = &VirtualAddress> {
        self.vips.values().map(|vip| &vip.address)
    }

    /// Whether the address is held.
    pub fn contains(&self, key: &AddressKey) -> bool {
        self.vips.contains_key(key)
    }

    /// How many addresses are held.
    pub fn len(&self) -> usize {
        self.vips.len()
    }

    /// Nothing is held.
    pub fn is_empty(&self) -> bool {
        self.vips.is_empty()
    }

    /// The kernel reports that `key` is gone: if it is held and its lease has not run out, somebody removed it, and
    /// this is the address to add again.
    pub fn to_restore(&self, key: &AddressKey, now: Instant) -> Option<&VirtualAddress> {
        let vip = self.vips.get(key)?;
        vip.leased.is_none_or(|lease| now < lease.lapses_at).then_some(&vip.address)
    }

    /// When [`VipSet::due`] next has something; `None` while no address with a lease is held.
    pub fn next_renewal(&self) -> Option<Instant> {
        self.vips.values().filter_map(|vip| Some(vip.leased?.renew_at)).min()
    }

    /// What must be done at `now`.
    pub fn due(&mut self, now: Instant) -> Due {
        let lapsed = self.lapse(now);
        let due = |vip: &Vip| vip.leased.map(|lease| lease.renew_at).filter(|at| *at <= now);
        let mut renew: Vec<_> =
            self.vips.values().filter_map(|vip| Some((due(vip)?, &vip.address))).collect();
        renew.sort_by_key(|(at, _)| *at);
        Due { renew: renew.into_iter().map(|(_, address)| address.clone()).collect(), lapsed }
    }

    /// Forgets those whose leases have run out at `now`; see [`Due::lapsed`].
    pub fn lapse(&mut self, now: Instant) -> Vec<VirtualAddress> {
        let lapsed =
            self.vips.extract_if(.., |_, vip| vip.leased.is_some_and(|lease| lease.lapses_at <= now));
        lapsed.map(|(_, vip)| vip.address).collect()
    }

    /// Renews what is due at `now`, but no more than `most`: the kernel takes its time for each, and what is left stays
    /// due.
    pub async fn renew(&mut self, handle: &Handle, now: Instant, most: usize) -> Renewal {
        let Due { renew, lapsed } = self.due(now);
        let mut failed = Vec::new();
        for address in renew.into_iter().take(most) {
            match handle.add(&address).await {
                Ok(()) => self.held(address, now),
                Err(error) => {
                    self.postpone(&address.key(), now);
                    failed.push((address, error));
                }
            }
        }
        Renewal { lapsed, failed }
    }

    /// A renewal failed: the lease runs on, and the next attempt is an interval away.
    fn postpone(&mut self, key: &AddressKey, now: Instant) {
        if let Some(vip) = self.vips.get_mut(key)
            && let Some(length) = vip.address.lease_in_whole_seconds()
            && let Some(lease) = &mut vip.leased
        {
            lease.renew_at = now + renewal_interval(length);
        }
    }
}

/// A third of the lease, so that two renewals may fail, and at most a second.
fn renewal_interval(lease: Duration) -> Duration {
    (lease / 3).min(LONGEST_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leased(host: u8, lease: Option<Duration>) -> VirtualAddress {
        VirtualAddress { lease, ..VirtualAddress::new(2, [10, 0, 0, host].into()) }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn renewals_are_a_third_of_the_lease_apart_and_at_most_a_second() {
        for (lease, millis) in [(500, 333), (1_000, 333), (2_000, 666), (3_000, 1_000), (60_000, 1_000)] {
            let mut set = VipSet::new();
            let now = Instant::now();
            set.held(leased(1, Some(lease * MS)), now);
            let wait = set.next_renewal().unwrap() - now;
            assert_eq!(wait.as_millis(), millis, "lease of {lease} ms");
        }
    }

    #[test]
    fn an_address_without_a_lease_is_never_due_and_always_restored() {
        let mut set = VipSet::new();
        let now = Instant::now();
        set.held(leased(1, None), now);
        let later = now + Duration::from_secs(3_600);
        assert_eq!(set.next_renewal(), None);
        assert_eq!(set.due(later), Due::default());
        assert_eq!(set.to_restore(&leased(1, None).key(), later), Some(&leased(1, None)));
    }

    #[test]
    fn the_earliest_renewal_comes_first_and_others_wait_for_theirs() {
        let (short, long) = (leased(1, Some(1_000 * MS)), leased(2, Some(3_000 * MS)));
        let mut set = VipSet::new();
        let now = Instant::now();
        set.held(short.clone(), now);
        set.held(long.clone(), now);
        let first = set.next_renewal().unwrap();
        assert_eq!(set.due(first - MS), Due::default());
        assert_eq!(set.due(first).renew, std::slice::from_ref(&short));
        set.held(short.clone(), first);
        assert_eq!(set.due(now + 1_000 * MS).renew, [short, long]);
    }

    #[test]
    fn the_one_that_has_waited_longest_is_renewed_first() {
        let [a, b, c] = [1, 2, 3].map(|host| leased(host, Some(3_000 * MS)));
        let mut set = VipSet::new();
        let now = Instant::now();
        for (address, later) in [(&a, 2), (&b, 0), (&c, 1)] {
            set.held(address.clone(), now + later * MS);
        }
        assert_eq!(set.due(now + 1_001 * MS).renew, [b.clone(), c.clone()]);
        assert_eq!(set.due(now + 1_002 * MS).renew, [b, c, a]);
    }

    #[test]
    fn a_lease_that_ran_out_is_not_renewed_nor_restored() {
        let address = leased(1, Some(2_000 * MS));
        let mut set = VipSet::new();
        let now = Instant::now();
        set.held(address.clone(), now);
        let last = now + 1_999 * MS;
        assert_eq!(set.to_restore(&address.key(), last), Some(&address));
        assert_eq!(set.clone().due(last), Due { renew: vec![address.clone()], lapsed: vec![] });
        let gone = now + 2_000 * MS;
        assert_eq!(set.to_restore(&address.key(), gone), None);
        assert_eq!(set.due(gone), Due { renew: vec![], lapsed: vec![address] });
        assert!(set.is_empty());
    }

    #[test]
    fn an_address_given_up_is_not_restored() {
        let address = leased(1, Some(2_000 * MS));
        let mut set = VipSet::new();
        let now = Instant::now();
        set.held(address.clone(), now);
        assert_eq!(set.release(&address.key()), Some(address.clone()));
        assert_eq!(set.to_restore(&address.key(), now), None);
        assert_eq!(set.next_renewal(), None);
    }

    #[test]
    fn a_failed_renewal_is_tried_again_an_interval_later_and_does_not_lengthen_the_lease() {
        let address = leased(1, Some(2_000 * MS));
        let mut set = VipSet::new();
        let now = Instant::now();
        set.held(address.clone(), now);
        let first = set.next_renewal().unwrap();
        set.postpone(&address.key(), first);
        assert!(set.next_renewal().unwrap() > first);
        assert_eq!(set.due(now + 2_000 * MS).lapsed, [address]);
    }
}
