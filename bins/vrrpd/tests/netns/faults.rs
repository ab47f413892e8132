//! What happens to a node, and who has the address then.

use std::time::Duration;

use nix::sys::signal::Signal;
use vip_netlink::{AddressKey, VirtualAddress};

use crate::daemon::{Daemon, SLACK, VIP, config};
use crate::lan::{Host, Lan, hear_announcement, run};

/// Version 3, 100 ms: (256 − 100)/256 of the interval.
pub(crate) const SKEW: Duration = Duration::from_millis(61);

/// The node with priority 200 has the address, the one with 100 listens.
pub(crate) async fn pair(lan: &mut Lan) -> [Daemon; 2] {
    let better = Daemon::start(&lan.nodes[0], "better", &config(200, &[VIP], ""));
    lan.nodes[0].gains(VIP).await;
    let worse = Daemon::backup(&lan.nodes[1]).await;
    [better, worse]
}

pub(crate) fn stopped() {
    run(async {
        let mut lan = Lan::new().await;
        let [mut better, mut worse] = pair(&mut lan).await;
        let mut announcements = lan.announcements();
        let at = better.signal(Signal::SIGTERM);
        let taken = lan.nodes[1].gains(VIP).await - at;
        assert!(taken < SKEW + SLACK, "{taken:?}");
        hear_announcement(&mut announcements, [192, 0, 2, 10]);
        assert!(better.exit().await.success());
        assert!(!lan.nodes[0].has(VIP).await);
        worse.says("Backup received priority 0 advertisement").await;
        worse.says("Entering MASTER STATE").await;
        better.says("(VI_1) sent 0 priority").await;
        better.says("Stopped").await;
    });
}

pub(crate) fn flapped() {
    run(async {
        let mut lan = Lan::new().await;
        let delay = Duration::from_millis(1500);
        let text = config(255, &[VIP], "").replace("advert_int 0.1", "advert_int 1")
            + "interface_up_down_delays {\n eth0 1.5 0\n}\n";
        let mut owner = Daemon::start(&lan.nodes[0], "owner", &text);
        lan.nodes[0].gains(VIP).await;
        lan.plug(1, false).await;
        lan.plug(1, true).await;
        let at = std::time::Instant::now();
        lan.plug(1, false).await;
        owner.says("Netlink reports eth0 down").await;
        // The first time it was back before the delay was over, and that counted for nothing.
        assert!(at.elapsed() >= delay, "{:?}", at.elapsed());
        lan.plug(1, true).await;
        lan.nodes[0].gains(VIP).await;
    });
}

pub(crate) fn unplugged() {
    run(async {
        let mut lan = Lan::new().await;
        let [mut better, _worse] = pair(&mut lan).await;
        lan.plug(1, false).await;
        lan.nodes[0].loses(VIP).await;
        lan.nodes[1].gains(VIP).await;
        better.says("Entering FAULT STATE").await;
        lan.plug(1, true).await;
        lan.nodes[0].gains(VIP).await;
        lan.nodes[1].loses(VIP).await;
    });
}

pub(crate) fn removed_by_hand() {
    run(async {
        let mut lan = Lan::new().await;
        let [mut better, mut worse] = pair(&mut lan).await;
        let mut announcements = lan.announcements();
        let key = lan.nodes[0].key(VIP, 32);
        lan.nodes[0].handle.remove(key).await.unwrap();
        let at = lan.nodes[0].loses(VIP).await;
        let back = lan.nodes[0].gains(VIP).await - at;
        assert!(back < Duration::from_millis(50), "{back:?}");
        hear_announcement(&mut announcements, [192, 0, 2, 10]);
        better.says("was removed by somebody else").await;
        // Longer than its down interval of 361 ms: another list of addresses makes no second MASTER.
        tokio::time::sleep(Duration::from_millis(800)).await;
        worse.signal(Signal::SIGTERM);
        worse.says("Stopped").await;
        assert!(!worse.has_said("MASTER"));
    });
}

pub(crate) fn left_over() {
    run(async {
        let mut lan = Lan::new().await;
        // As keepalived leaves it: for ever, and without a mark.
        let key = lan.nodes[1].key(VIP, 32);
        lan.nodes[1].handle.add_own(key).await.unwrap();
        let foreign = AddressKey { addr: "192.0.2.99".parse().unwrap(), ..key };
        lan.nodes[1].handle.add_own(foreign).await.unwrap();
        lan.nodes[1].gains("192.0.2.99").await;
        let _daemon = Daemon::start(&lan.nodes[1], "alone", &config(100, &[VIP], ""));
        lan.nodes[1].loses(VIP).await;
        lan.nodes[1].gains(VIP).await;
        assert!(lan.nodes[1].has("192.0.2.99").await);
    });
}

pub(crate) fn point_to_point() {
    run(async {
        let mut lan = Lan::new().await;
        let mut announcements = lan.announcements();
        let text = |peer: &str| config(200, &[&format!("{VIP} peer {peer}/24")], "");
        let key = |host: &Host, peer: &str| {
            let peer = Some(peer.parse().unwrap());
            AddressKey { peer, ..host.key(VIP, 24) }
        };
        // As an earlier run leaves it that was told of another peer.
        let left = VirtualAddress {
            peer: Some([198, 51, 100, 9].into()),
            prefix_len: 24,
            ..VirtualAddress::new(lan.nodes[0].ifindex, VIP.parse().unwrap())
        };
        lan.nodes[0].handle.add(&left).await.unwrap();
        lan.nodes[0].gains(VIP).await;
        let first = text("198.51.100.1");
        let mut daemon = Daemon::start_with(&lan.nodes[0], "point", &first, &["-R".as_ref()]);
        lan.nodes[0].loses(VIP).await;
        lan.nodes[0].gains(VIP).await;
        hear_announcement(&mut announcements, [192, 0, 2, 10]);
        let there = lan.nodes[0].handle.addresses().await.unwrap();
        let [vip] = there.iter().filter(|info| info.addr.to_string() == VIP).collect::<Vec<_>>()[..] else {
            panic!("{there:?}")
        };
        assert_eq!(vip.key(), key(&lan.nodes[0], "198.51.100.1"));
        assert!(vip.valid_lft.is_some(), "it has a lease");

        lan.nodes[0].handle.remove(key(&lan.nodes[0], "198.51.100.1")).await.unwrap();
        lan.nodes[0].loses(VIP).await;
        lan.nodes[0].gains(VIP).await;
        daemon.says("was removed by somebody else").await;

        daemon.reconfigure(&text("203.0.113.1"));
        lan.nodes[0].loses(VIP).await;
        lan.nodes[0].gains(VIP).await;
        daemon.says("Reload complete").await;
        let there = lan.nodes[0].handle.addresses().await.unwrap();
        assert!(there.iter().any(|info| info.key() == key(&lan.nodes[0], "203.0.113.1")), "{there:?}");

        daemon.signal_worker(Signal::SIGKILL);
        daemon.exit().await;
        assert!(!lan.nodes[0].has(VIP).await, "its guardian takes it away");
    });
}

pub(crate) fn reloaded() {
    run(async {
        let mut lan = Lan::new().await;
        let [mut better, mut worse] = pair(&mut lan).await;
        better.reconfigure(&config(200, &[VIP, "192.0.2.11"], ""));
        lan.nodes[0].gains_and_keeps("192.0.2.11", VIP).await;
        better.says("Reload complete").await;

        better.reconfigure(&config(200, &["192.0.2.12", "}"], ""));
        better.says("Reload failed: the running configuration stays").await;

        better.reconfigure(&config(200, &[VIP, "192.0.2.13"], ""));
        lan.nodes[0].gains_and_keeps("192.0.2.13", VIP).await;
        better.says("Reload complete").await;
        assert!(!lan.nodes[0].has("192.0.2.11").await && !lan.nodes[0].has("192.0.2.12").await);

        worse.signal(Signal::SIGTERM);
        worse.says("Stopped").await;
        assert!(!worse.has_said("MASTER"));
    });
}

pub(crate) fn ipv6() {
    run(async {
        let mut lan = Lan::new().await;
        let vips = ["fe80::10", "2001:db8::10"];
        let mut better = Daemon::start(&lan.nodes[0], "better", &config(200, &vips, ""));
        let mut worse = Daemon::start(&lan.nodes[1], "worse", &config(100, &vips, ""));
        // A link-local address is usable a second or two after the link is up.
        worse.says("Entering BACKUP STATE").await;
        lan.nodes[0].gains("2001:db8::10").await;
        better.says("Sending/queueing Unsolicited Neighbour Adverts on eth0 for 2001:db8::10").await;
        let at = better.signal(Signal::SIGTERM);
        let taken = lan.nodes[1].gains("2001:db8::10").await - at;
        assert!(taken < SKEW + SLACK, "{taken:?}");
        assert!(better.exit().await.success());
        assert!(!lan.nodes[0].has("2001:db8::10").await);
    });
}
