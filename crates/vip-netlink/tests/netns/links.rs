use std::fs;

use nix::errno::Errno;
use vip_netlink::{ArpRules, Event, Handle, IpvlanMode, LinkChange, LinkKind, MacAddress, Monitor, NewLink};

use crate::sandbox::{Other, cable, cable_to, named, run, up, wait_for};

pub(crate) fn both_ends_of_a_cable_go_up_and_down_together() {
    run(async {
        let other = Other::new();
        let (left, right) = cable_to(&other).await;
        let there = other.run(|| Handle::open().unwrap());
        let mut monitor = Monitor::open().await.unwrap();
        assert!(monitor.view().link_named("right").is_none(), "the other end is in the other namespace");
        assert!(monitor.view().link(left.index).unwrap().is_operational());

        there.set_link(right.index, &LinkChange { up: Some(false), ..LinkChange::default() }).await.unwrap();
        let down = wait_for(&mut monitor, |event| match event {
            Event::LinkDown(link) if link.index == left.index => Some(link),
            _ => None,
        });
        assert!(down.await.up, "the end here is still switched on");

        up(&there, right.index).await;
        let up = wait_for(&mut monitor, |event| match event {
            Event::LinkUp(link) if link.index == left.index => Some(link),
            _ => None,
        });
        assert_eq!(up.await.name, "left");

        there.delete_link(right.index).await.unwrap();
        let gone = wait_for(&mut monitor, |event| match event {
            Event::LinkGone(link) => Some(link.index),
            _ => None,
        });
        assert_eq!(gone.await, left.index);
        there.delete_link(right.index).await.unwrap();
    });
}

pub(crate) fn a_bridge_carries_frames_and_gives_its_ports_back() {
    run(async {
        let handle = Handle::open().unwrap();
        handle.create_link(&NewLink { up: true, ..NewLink::new("switch", LinkKind::Bridge) }).await.unwrap();
        let bridge = named(&handle, "switch").await;
        assert_eq!(bridge.kind.as_deref(), Some("bridge"));
        let (left, _) = cable(&handle).await;
        let mut monitor = Monitor::open().await.unwrap();

        for master in [bridge.index, 0] {
            let change = LinkChange { master: Some(master), ..LinkChange::default() };
            handle.set_link(left.index, &change).await.unwrap();
            let expected = (master != 0).then_some(master);
            assert_eq!(named(&handle, "left").await.master, expected);
            while monitor.view().link(left.index).unwrap().master != expected {
                let event = monitor.next().await.unwrap();
                assert!(!matches!(event, Event::LinkGone(_)), "{event:?}");
            }
        }
    });
}

pub(crate) fn a_macvlan_has_the_address_it_was_given() {
    run(async {
        let handle = Handle::open().unwrap();
        let (left, _) = cable(&handle).await;
        let mac = MacAddress([0, 0, 0x5e, 0, 1, 51]);
        let kind = LinkKind::Macvlan { parent: left.index };
        handle
            .create_link(&NewLink { mac: Some(mac), up: true, ..NewLink::new("vrrp.51", kind) })
            .await
            .unwrap();
        let link = named(&handle, "vrrp.51").await;
        assert_eq!((link.mac, link.lower, link.up), (Some(mac), Some(left.index), true));
        assert_eq!(link.kind.as_deref(), Some("macvlan"));
    });
}

pub(crate) fn an_ipvlan_has_the_address_of_its_parent() {
    run(async {
        let handle = Handle::open().unwrap();
        let (left, _) = cable(&handle).await;
        for (name, mode) in [("vrrp.51", IpvlanMode::Private), ("vrrp.52", IpvlanMode::Vepa)] {
            let kind = LinkKind::Ipvlan { parent: left.index, mode };
            match handle.create_link(&NewLink { up: true, ..NewLink::new(name, kind) }).await {
                Ok(()) => {
                    let link = named(&handle, name).await;
                    assert_eq!((link.mac, link.lower, link.up), (left.mac, Some(left.index), true));
                    assert_eq!(link.kind.as_deref(), Some("ipvlan"));
                    // Another mode would be refused beside it.
                    handle.delete_link(link.index).await.unwrap();
                }
                // A kernel without ipvlan says so, and nothing else.
                Err(error) => assert_eq!(error.errno(), Some(Errno::EOPNOTSUPP), "{error}"),
            }
        }
    });
}

pub(crate) fn a_link_keeps_the_rules_and_the_note_it_is_given() {
    run(async {
        let handle = Handle::open().unwrap();
        let (left, _) = cable(&handle).await;
        assert_eq!((left.arp, left.alias), (ArpRules::default(), None));
        let arp = ArpRules { announce: 2, ignore: 1 };
        let change = LinkChange {
            arp: Some(arp),
            rp_filter: Some(2),
            promotes: Some(true),
            group: Some(7),
            alias: Some("a note"),
            no_link_local: true,
            ..LinkChange::default()
        };
        handle.set_link(left.index, &change).await.unwrap();
        let link = named(&handle, "left").await;
        assert_eq!((link.arp, link.alias.as_deref(), link.promotes), (arp, Some("a note"), true));
        assert_eq!((left.group, link.group), (0, 7));
        for (family, name, value) in [
            ("ipv4", "arp_announce", "2"),
            ("ipv4", "arp_ignore", "1"),
            ("ipv4", "rp_filter", "2"),
            ("ipv4", "promote_secondaries", "1"),
            ("ipv6", "addr_gen_mode", "1"),
        ] {
            let path = format!("/proc/sys/net/{family}/conf/left/{name}");
            assert_eq!(fs::read_to_string(&path).unwrap().trim(), value, "{path}");
        }
    });
}
