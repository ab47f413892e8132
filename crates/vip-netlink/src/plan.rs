//! What the kernel is told: the difference between the addresses that should be there and those that are.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use crate::address::{AddressInfo, AddressKey, VIP_PROTO, VirtualAddress};

/// What should be.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// Addresses that should be there.
    pub addresses: Vec<VirtualAddress>,
    /// Addresses that are ours to remove whoever added them: all that the configuration names as virtual. This is how
    /// the VIPs of a daemon that died are cleared, and those on kernels that do not keep [`VIP_PROTO`].
    pub managed: Vec<AddressKey>,
}

/// What is.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// All addresses of the machine.
    pub addresses: Vec<AddressInfo>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Remove an address.
    Remove(AddressKey),
    /// Add an address, or start its lease anew.
    Add(VirtualAddress),
}

/// The steps from `observed` to `desired`, removals first.
///
/// Pure, and safe to run again after a crash at any point: each step is idempotent, and planning again from what is
/// then observed gives the steps that are left. Planning from the result gives no step.
///
/// Only addresses of ours are touched: those that `desired` names and those that carry [`VIP_PROTO`]. Two daemons in
/// one network namespace would take each other's addresses for leftovers.
///
/// The time that is left of a lease is not compared: renewing is the business of [`VipSet`](crate::VipSet).
pub fn plan(desired: &Desired, observed: &Observed) -> Vec<Step> {
    let managed: BTreeSet<AddressKey> = desired.managed.iter().copied().collect();
    let (mut removals, mut additions) = (Vec::new(), Vec::new());
    for present in &observed.addresses {
        let wanted = desired.addresses.iter().find(|address| address.key() == present.key());
        let ours = wanted.is_some() || present.proto == VIP_PROTO || managed.contains(&present.key());
        if ours && wanted.is_none_or(|address| !can_become(present, address)) {
            removals.push(present.key());
        }
    }
    let mut planned = BTreeSet::new();
    for address in &desired.addresses {
        let present = observed.addresses.iter().find(|present| present.key() == address.key());
        let settled = present.is_some_and(|present| is_settled(present, address))
            && !removals.iter().any(|&removed| removal_may_take(removed, address));
        if !settled && planned.insert(address.key()) {
            additions.push(Step::Add(address.clone()));
        }
    }
    removals.into_iter().map(Step::Remove).chain(additions).collect()
}

/// Adding an address that is there changes its lifetime and its mark, and nothing else of it.
fn can_become(present: &AddressInfo, address: &VirtualAddress) -> bool {
    match address.addr {
        IpAddr::V4(_) => {
            present.scope == address.scope
                && present.broadcast == address.broadcast
                && address.label.as_ref().is_none_or(|label| present.label.as_ref() == Some(label))
        }
        // The kernel keeps none of these for IPv6.
        IpAddr::V6(_) => true,
    }
}

fn is_settled(present: &AddressInfo, address: &VirtualAddress) -> bool {
    present.proto == VIP_PROTO
        && present.is_usable()
        && present.valid_lft.is_some() == address.lease.is_some()
        && can_become(present, address)
}

/// With the first IPv4 address of a subnet the kernel removes the others of that subnet, unless
/// `promote_secondaries` is set: they are added again.
fn removal_may_take(removed: AddressKey, address: &VirtualAddress) -> bool {
    match (removed.far_end(), address.key().far_end()) {
        (IpAddr::V4(gone), IpAddr::V4(wanted)) => {
            removed.ifindex == address.ifindex
                && removed.prefix_len == address.prefix_len
                && network(gone, removed.prefix_len) == network(wanted, removed.prefix_len)
        }
        _ => removed == address.key(),
    }
}

fn network(addr: Ipv4Addr, prefix_len: u8) -> u32 {
    let host_bits = 32_u32.saturating_sub(u32::from(prefix_len));
    u32::MAX.checked_shl(host_bits).unwrap_or(0) & addr.to_bits()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::address::Scope;

    /// The kernel as far as a plan is concerned.
    #[derive(Debug, Clone)]
    struct ModelKernel(BTreeMap<AddressKey, AddressInfo>);

    impl ModelKernel {
        fn new(addresses: Vec<AddressInfo>) -> Self {
            Self(addresses.into_iter().map(|address| (address.key(), address)).collect())
        }

        fn observe(&self) -> Observed {
            Observed { addresses: self.0.values().cloned().collect() }
        }

        fn apply(&mut self, step: &Step) {
            match step {
                Step::Remove(key) => {
                    self.0.remove(key);
                }
                Step::Add(address) => {
                    let entry = self.0.entry(address.key()).or_insert_with(|| AddressInfo {
                        scope: address.scope,
                        label: address.label.clone().or(Some("eth0".to_owned())),
                        broadcast: address.broadcast,
                        ..info(address.key(), 0)
                    });
                    entry.proto = VIP_PROTO;
                    entry.valid_lft = address.lease_in_whole_seconds();
                }
            }
        }
    }

    fn info(key: AddressKey, proto: u8) -> AddressInfo {
        AddressInfo {
            ifindex: key.ifindex,
            addr: key.addr,
            prefix_len: key.prefix_len,
            peer: key.peer,
            scope: Scope::GLOBAL,
            flags: 0,
            label: None,
            broadcast: None,
            valid_lft: None,
            preferred_lft: None,
            proto,
        }
    }

    /// Few enough keys that desired, managed and observed addresses often meet.
    fn key() -> impl Strategy<Value = AddressKey> {
        let addr = prop_oneof![
            (0_u8..4).prop_map(|host| IpAddr::from([10, 0, 0, host])),
            (0_u16..4).prop_map(|host| IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, host])),
        ];
        (1_u32..3, addr, any::<bool>(), any::<bool>()).prop_map(|(ifindex, addr, wide, peer)| AddressKey {
            ifindex,
            addr,
            prefix_len: match (addr, wide) {
                (IpAddr::V4(_), false) => 32,
                (IpAddr::V4(_), true) => 24,
                (IpAddr::V6(_), false) => 128,
                (IpAddr::V6(_), true) => 64,
            },
            peer: (peer && addr.is_ipv4()).then_some([10, 0, 0, 9].into()),
        })
    }

    fn virtual_address() -> impl Strategy<Value = VirtualAddress> {
        let label = proptest::option::of(Just("eth0:vip".to_owned()));
        (key(), label, any::<bool>(), any::<bool>()).prop_map(|(key, label, link, leased)| {
            let v4 = key.addr.is_ipv4();
            VirtualAddress {
                prefix_len: key.prefix_len,
                peer: key.peer,
                label: label.filter(|_| v4),
                scope: if link && v4 { Scope::LINK } else { Scope::GLOBAL },
                lease: leased.then_some(Duration::from_secs(2)),
                ..VirtualAddress::new(key.ifindex, key.addr)
            }
        })
    }

    fn present() -> impl Strategy<Value = AddressInfo> {
        let proto = prop::sample::select(vec![0, 3, 18, VIP_PROTO]);
        (key(), proto, any::<bool>(), any::<bool>()).prop_map(|(key, proto, leased, link)| AddressInfo {
            valid_lft: leased.then_some(Duration::from_secs(1)),
            scope: if link { Scope::LINK } else { Scope::GLOBAL },
            label: Some("eth0".to_owned()),
            ..info(key, proto)
        })
    }

    fn desired() -> impl Strategy<Value = Desired> {
        let addresses = proptest::collection::vec(virtual_address(), 0..5);
        let managed = proptest::collection::vec(key(), 0..4);
        (addresses, managed).prop_map(|(addresses, managed)| {
            // A configuration names an address once.
            let unique: BTreeMap<_, _> =
                addresses.into_iter().map(|address| (address.key(), address)).collect();
            Desired { addresses: unique.into_values().collect(), managed }
        })
    }

    proptest! {
        #[test]
        fn a_plan_leads_to_what_is_desired_wherever_it_starts_and_stops(
            desired in desired(),
            start in proptest::collection::vec(present(), 0..8),
            crash_after in 0_usize..6,
        ) {
            let before = ModelKernel::new(start);
            let mut kernel = before.clone();
            for step in plan(&desired, &kernel.observe()).iter().take(crash_after) {
                kernel.apply(step);
            }
            for step in plan(&desired, &kernel.observe()) {
                kernel.apply(&step);
            }

            for address in &desired.addresses {
                let present = kernel.0.get(&address.key());
                prop_assert!(present.is_some_and(|present| is_settled(present, address)), "{:?}", present);
            }
            let wanted = |key| desired.addresses.iter().any(|address| address.key() == key);
            let ours = |info: &AddressInfo| {
                info.proto == VIP_PROTO || desired.managed.contains(&info.key()) || wanted(info.key())
            };
            for info in kernel.0.values().filter(|info| ours(info)) {
                prop_assert!(wanted(info.key()), "{:?}", info);
            }
            for foreign in before.0.values().filter(|info| !ours(info)) {
                prop_assert_eq!(kernel.0.get(&foreign.key()), Some(foreign));
            }
            prop_assert_eq!(plan(&desired, &kernel.observe()), Vec::new());
        }
    }

    fn vip(text: &str) -> VirtualAddress {
        VirtualAddress::new(2, text.parse().unwrap())
    }

    #[test]
    fn a_leftover_of_an_earlier_run_is_removed_and_a_foreign_address_is_not() {
        let leftover = info(vip("10.0.0.1").key(), VIP_PROTO);
        let foreign = info(vip("10.0.0.2").key(), 0);
        let observed = Observed { addresses: vec![leftover.clone(), foreign] };
        assert_eq!(plan(&Desired::default(), &observed), [Step::Remove(leftover.key())]);
    }

    #[test]
    fn a_vip_of_a_daemon_that_died_is_removed_because_the_configuration_names_it() {
        let stale = info(vip("10.0.0.1").key(), 18);
        let desired = Desired { addresses: Vec::new(), managed: vec![stale.key()] };
        assert_eq!(plan(&desired, &Observed { addresses: vec![stale.clone()] }), [Step::Remove(stale.key())]);
    }

    #[test]
    fn a_new_label_takes_the_address_away_and_adds_it_again() {
        let labelled = VirtualAddress { label: Some("eth0:vip".to_owned()), ..vip("10.0.0.1") };
        let present = AddressInfo { label: Some("eth0".to_owned()), ..info(labelled.key(), VIP_PROTO) };
        let desired = Desired { addresses: vec![labelled.clone()], managed: Vec::new() };
        let steps = plan(&desired, &Observed { addresses: vec![present] });
        assert_eq!(steps, [Step::Remove(labelled.key()), Step::Add(labelled)]);
    }

    #[test]
    fn removing_the_first_address_of_a_subnet_adds_the_others_of_it_again() {
        let keep = VirtualAddress { prefix_len: 24, ..vip("10.0.0.2") };
        let drop = VirtualAddress { prefix_len: 24, ..vip("10.0.0.1") };
        let addresses = [&drop, &keep].map(|address| info(address.key(), VIP_PROTO)).to_vec();
        let desired = Desired { addresses: vec![keep.clone()], managed: Vec::new() };
        let steps = plan(&desired, &Observed { addresses });
        assert_eq!(steps, [Step::Remove(drop.key()), Step::Add(keep)]);
    }
}
