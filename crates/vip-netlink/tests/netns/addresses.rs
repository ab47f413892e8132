use std::time::{Duration, Instant};

use nix::errno::Errno;
use vip_netlink::{
    AddressKey, Desired, Event, Handle, Monitor, NetlinkError, Observed, VIP_PROTO, VipSet, VirtualAddress,
    plan,
};

use crate::sandbox::{cable, key, run, wait_for};

const LEASE: Duration = Duration::from_secs(2);

fn vip(ifindex: u32, addr: &str, lease: Option<Duration>) -> VirtualAddress {
    VirtualAddress { lease, ..VirtualAddress::new(ifindex, addr.parse().unwrap()) }
}

async fn present(handle: &Handle, key: AddressKey) -> bool {
    handle.addresses().await.unwrap().iter().any(|address| address.key() == key)
}

async fn removal_of(monitor: &mut Monitor, key: AddressKey) {
    wait_for(monitor, |event| {
        matches!(event, Event::AddressRemoved(gone) if gone.key() == key).then_some(())
    })
    .await;
}

pub(crate) fn an_address_that_is_not_renewed_goes_by_itself() {
    run(async {
        let handle = Handle::open().unwrap();
        let (left, _) = cable(&handle).await;
        let mut monitor = Monitor::open().await.unwrap();
        for addr in ["192.0.2.10", "2001:db8::10"] {
            let vip = vip(left.index, addr, Some(LEASE));
            let start = Instant::now();
            handle.add(&vip).await.unwrap();
            let addresses = handle.addresses().await.unwrap();
            let info = addresses.iter().find(|address| address.key() == vip.key()).unwrap();
            assert!(info.is_usable(), "{info:?}");
            assert!(info.valid_lft.unwrap() <= LEASE, "{info:?}");
            assert!(info.preferred_lft.unwrap() <= info.valid_lft.unwrap(), "{info:?}");
            assert_eq!(info.proto, VIP_PROTO);

            removal_of(&mut monitor, vip.key()).await;
            let lived = start.elapsed();
            assert!(!present(&handle, vip.key()).await);
            assert!(lived >= LEASE / 2, "{addr} was gone after {lived:?}");
            assert!(lived <= LEASE * 2, "{addr} was gone only after {lived:?}");
        }
    });
}

pub(crate) fn an_address_that_is_renewed_stays() {
    run(async {
        let handle = Handle::open().unwrap();
        let (left, _) = cable(&handle).await;
        let vips = ["192.0.2.10", "2001:db8::10"].map(|addr| vip(left.index, addr, Some(LEASE)));
        let mut monitor = Monitor::open().await.unwrap();
        let mut held = VipSet::new();
        let start = Instant::now();
        for vip in &vips {
            let now = Instant::now();
            handle.add(vip).await.unwrap();
            held.held(vip.clone(), now);
        }
        let lost = vips.each_ref().map(VirtualAddress::key);
        while start.elapsed() < LEASE * 2 {
            let due = tokio::time::Instant::from_std(held.next_renewal().unwrap());
            tokio::select! {
                () = tokio::time::sleep_until(due) => {
                    let renewal = held.renew(&handle, Instant::now(), 1).await;
                    assert!(renewal.failed.is_empty() && renewal.lapsed.is_empty(), "{renewal:?}");
                }
                event = monitor.next() => {
                    if let Event::AddressRemoved(gone) = event.unwrap() {
                        assert!(!lost.contains(&gone.key()), "{gone:?} after {:?}", start.elapsed());
                    }
                }
            }
        }
        for vip in &vips {
            assert!(present(&handle, vip.key()).await);
        }
    });
}

pub(crate) fn adding_and_removing_twice_is_harmless() {
    run(async {
        let handle = Handle::open().unwrap();
        let (left, _) = cable(&handle).await;
        for addr in ["192.0.2.10", "2001:db8::10"] {
            for lease in [None, Some(LEASE), Some(LEASE), None] {
                let vip = vip(left.index, addr, lease);
                handle.add(&vip).await.unwrap();
                let addresses = handle.addresses().await.unwrap();
                let info = addresses.iter().find(|address| address.key() == vip.key()).unwrap();
                assert_eq!(info.valid_lft.is_some(), lease.is_some(), "{info:?}");
            }
            let there = vip(left.index, addr, None).key();
            let other_prefix = AddressKey { prefix_len: there.prefix_len - 1, ..there };
            handle.remove(other_prefix).await.unwrap();
            assert!(present(&handle, there).await, "removing {other_prefix:?} took {there:?}");
            handle.remove(there).await.unwrap();
            assert!(!present(&handle, there).await);
            handle.remove(there).await.unwrap();
        }
        handle.remove(key(left.index + 1_000, "192.0.2.10", 32)).await.unwrap();
    });
}

pub(crate) fn a_point_to_point_address_is_renewed_and_removed_with_its_peer() {
    run(async {
        let handle = Handle::open().unwrap();
        let (left, _) = cable(&handle).await;
        for (addr, peer, other, prefix_len) in [
            ("192.0.2.10", "198.51.100.1", "198.51.100.2", 32),
            ("192.0.2.10", "198.51.100.1", "203.0.113.1", 24),
            ("2001:db8::10", "2001:db8:1::1", "2001:db8:2::1", 128),
        ] {
            let with = |peer: &str, lease| {
                let peer = Some(peer.parse().unwrap());
                VirtualAddress { peer, prefix_len, ..vip(left.index, addr, lease) }
            };
            for lease in [None, Some(LEASE), Some(LEASE)] {
                handle.add(&with(peer, lease)).await.unwrap();
                let addresses = handle.addresses().await.unwrap();
                let found = addresses.iter().filter(|info| info.addr.to_string() == addr);
                let [info] = found.collect::<Vec<_>>()[..] else { panic!("{addresses:?}") };
                assert_eq!(info.key(), with(peer, lease).key());
                assert_eq!(info.valid_lft.is_some(), lease.is_some(), "{info:?}");
            }
            // An earlier run had another peer: what it left is found, and nothing is left to do after that.
            let desired = Desired { addresses: vec![with(other, Some(LEASE))], managed: Vec::new() };
            let observed = || async { Observed { addresses: handle.addresses().await.unwrap() } };
            let failures = handle.apply(&plan(&desired, &observed().await)).await;
            assert!(failures.is_empty(), "{failures:?}");
            assert_eq!(plan(&desired, &observed().await), []);
            assert!(!present(&handle, with(peer, None).key()).await);
            handle.remove(with(other, None).key()).await.unwrap();
            assert!(!present(&handle, with(other, None).key()).await);
        }
    });
}

pub(crate) fn an_address_removed_by_hand_is_seen_and_added_again() {
    run(async {
        let handle = Handle::open().unwrap();
        let (left, _) = cable(&handle).await;
        let vip = vip(left.index, "192.0.2.10", Some(LEASE));
        let mut monitor = Monitor::open().await.unwrap();
        let mut held = VipSet::new();
        let now = Instant::now();
        handle.add(&vip).await.unwrap();
        held.held(vip.clone(), now);
        wait_for(&mut monitor, |event| {
            matches!(event, Event::AddressAdded(new) if new.key() == vip.key()).then_some(())
        })
        .await;

        Handle::open().unwrap().remove(vip.key()).await.unwrap();
        removal_of(&mut monitor, vip.key()).await;
        let restore = held.to_restore(&vip.key(), Instant::now()).expect("the lease runs");
        handle.add(restore).await.unwrap();
        wait_for(&mut monitor, |event| {
            matches!(event, Event::AddressAdded(new) if new.key() == vip.key()).then_some(())
        })
        .await;
        assert!(monitor.view().address(&vip.key()).is_some());
    });
}

pub(crate) fn a_monitor_that_falls_behind_catches_up() {
    run(async {
        let handle = Handle::open().unwrap();
        let (left, _) = cable(&handle).await;
        let mut monitor = Monitor::open().await.unwrap();
        // More reports than the largest receive buffer holds, none of them read.
        let flapping = vip(left.index, "192.0.2.10", None);
        for _ in 0..10_000 {
            handle.add(&flapping).await.unwrap();
            handle.remove(flapping.key()).await.unwrap();
        }
        let last = vip(left.index, "192.0.2.11", None);
        handle.add(&last).await.unwrap();

        wait_for(&mut monitor, |event| (event == Event::Overrun).then_some(())).await;
        wait_for(&mut monitor, |event| {
            matches!(event, Event::AddressAdded(new) if new.key() == last.key()).then_some(())
        })
        .await;
        assert!(monitor.view().address(&flapping.key()).is_none());
    });
}

pub(crate) fn a_plan_clears_leftovers_and_leaves_other_addresses() {
    run(async {
        let handle = Handle::open().unwrap();
        let (left, right) = cable(&handle).await;
        let own = key(left.index, "192.0.2.1", 24);
        let named = key(left.index, "192.0.2.9", 32);
        handle.add_own(own).await.unwrap();
        handle.add_own(named).await.unwrap();
        let leftover = vip(right.index, "192.0.2.8", None);
        handle.add(&leftover).await.unwrap();

        let wanted = VirtualAddress {
            label: Some("left:vip".to_owned()),
            ..vip(left.index, "192.0.2.10", Some(LEASE))
        };
        let desired = Desired { addresses: vec![wanted.clone()], managed: vec![named] };
        let observed = Observed { addresses: handle.addresses().await.unwrap() };
        let failures = handle.apply(&plan(&desired, &observed)).await;
        assert!(failures.is_empty(), "{failures:?}");

        for (key, expected) in [(own, true), (named, false), (leftover.key(), false), (wanted.key(), true)] {
            assert_eq!(present(&handle, key).await, expected, "{key:?}");
        }
        let observed = Observed { addresses: handle.addresses().await.unwrap() };
        assert_eq!(plan(&desired, &observed), []);
        assert!(observed.addresses.iter().any(|address| address.label.as_deref() == Some("left:vip")));
    });
}

pub(crate) fn a_refusal_says_why() {
    run(async {
        let handle = Handle::open().unwrap();
        let missing = vip(1_000, "192.0.2.10", None);
        let error = handle.add(&missing).await.unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ENODEV));
        let bad = VirtualAddress { prefix_len: 33, ..vip(1, "192.0.2.10", None) };
        let error = handle.add(&bad).await.unwrap_err();
        assert!(matches!(&error, NetlinkError::Refused { .. }), "{error:?}");
        assert!(error.to_string().contains("prefix length"), "{error}");
    });
}
