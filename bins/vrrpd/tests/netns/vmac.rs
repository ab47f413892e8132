//! Virtual MAC interfaces, seen by a client whose neighbour cache and whose switch must follow.

use std::fs;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use vip_netlink::{LinkChange, MacAddress};

use crate::client::{EVERY, answer, longest_gap, neighbour};
use crate::daemon::{Daemon, SLACK, VIP, config};
use crate::keepalived::Keepalived;
use crate::lan::{Host, Lan, run};

const NAME: &str = "vrrp.51";
/// RFC 9568 §7.3, for VRID 51.
const MAC: MacAddress = MacAddress([0, 0, 0x5e, 0, 1, 51]);
/// The promise of a preemption on a quiet machine: the switch learns the way of the hardware address with the first frame.
const BACK: Duration = Duration::from_millis(50);
/// Version 3, 100 ms: (256 − 100)/256 of the interval.
const SKEW: Duration = Duration::from_millis(61);

fn rules(host: &Host) -> [String; 2] {
    let read = |name: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/eth0/{name}");
        host.inside(|| fs::read_to_string(&path)).unwrap().trim().to_owned()
    };
    ["arp_ignore", "arp_announce"].map(read)
}

async fn is_up(host: &Host) -> Option<bool> {
    host.handle.link(NAME).await.unwrap().map(|link| link.up)
}

pub(crate) fn killed() {
    run(async {
        let mut lan = Lan::new().await;
        for more in ["use_vmac", "use_vmac vrrp.51\nvmac_xmit_base"] {
            let text = config(200, &[VIP], more);
            let mut daemon = Daemon::start_with(&lan.nodes[0], "daemon", &text, &["-R".as_ref()]);
            lan.nodes[0].gains(VIP).await;
            assert_eq!(is_up(&lan.nodes[0]).await, Some(true));
            daemon.signal_worker(Signal::SIGKILL);
            assert_eq!(daemon.exit().await.code(), Some(1));
            assert!(!lan.nodes[0].has(VIP).await);
            assert_eq!(
                is_up(&lan.nodes[0]).await,
                Some(false),
                "it takes no frames for the other node's address"
            );
        }
    });
}

pub(crate) fn moved() {
    run(async {
        let mut lan = Lan::new().await;
        let client = lan.client().await;
        let before = rules(&lan.nodes[0]);
        let mut better = Daemon::start(&lan.nodes[0], "better", &config(200, &[VIP], "use_vmac"));
        lan.nodes[0].gains(VIP).await;
        let mut worse = Daemon::start(&lan.nodes[1], "worse", &config(100, &[VIP], "use_vmac"));
        worse.says("Entering BACKUP STATE (init)").await;
        answer(&lan.nodes[0], 1);
        answer(&lan.nodes[1], 2);
        longest_gap(&client, 1, Duration::ZERO).await;
        assert_eq!(neighbour(VIP), MAC.to_string());
        assert_eq!((is_up(&lan.nodes[0]).await, is_up(&lan.nodes[1]).await), (Some(true), Some(false)));
        // The interface below neither answers for the address nor asks in its name.
        assert_eq!(rules(&lan.nodes[0]), ["1", "2"]);

        better.signal(Signal::SIGTERM);
        let gap = longest_gap(&client, 2, EVERY).await;
        assert!(gap < SKEW + SLACK, "{gap:?}");
        assert!(better.exit().await.success());
        assert_eq!((is_up(&lan.nodes[0]).await, rules(&lan.nodes[0])), (None, before));

        let _better = Daemon::start(&lan.nodes[0], "better", &config(200, &[VIP], "use_vmac"));
        let gap = longest_gap(&client, 1, Duration::from_millis(500)).await;
        assert!(gap < BACK + SLACK, "{gap:?}");
        assert_eq!(neighbour(VIP), MAC.to_string());
        worse.says("Entering BACKUP STATE").await;
        lan.nodes[1].loses(VIP).await;
    });
}

pub(crate) fn preempts_keepalived() {
    run(async {
        let mut lan = Lan::new().await;
        let client = lan.client().await;
        let better = config(200, &[VIP], "use_vmac");
        let mut ours = Daemon::start(&lan.nodes[0], "better", &better);
        lan.nodes[0].gains(VIP).await;
        let Some(_worse) = Keepalived::start(&lan.nodes[1], "worse", &config(100, &[VIP], "use_vmac")) else {
            return;
        };
        answer(&lan.nodes[0], 1);
        answer(&lan.nodes[1], 2);
        longest_gap(&client, 1, Duration::from_secs(1)).await;
        assert_eq!(neighbour(VIP), MAC.to_string());

        ours.signal(Signal::SIGTERM);
        longest_gap(&client, 2, Duration::from_millis(500)).await;
        assert!(ours.exit().await.success());
        assert_eq!(neighbour(VIP), MAC.to_string());

        let _ours = Daemon::start(&lan.nodes[0], "better", &better);
        let gap = longest_gap(&client, 1, Duration::from_millis(500)).await;
        assert!(gap < BACK + SLACK, "{gap:?}");
        lan.nodes[1].loses(VIP).await;
        assert_eq!(neighbour(VIP), MAC.to_string());
    });
}

pub(crate) fn yields_to_keepalived() {
    run(async {
        let mut lan = Lan::new().await;
        let client = lan.client().await;
        let better = config(200, &[VIP], "use_vmac");
        let Some(theirs) = Keepalived::start(&lan.nodes[1], "better", &better) else { return };
        lan.nodes[1].gains(VIP).await;
        let mut ours = Daemon::start(&lan.nodes[0], "worse", &config(100, &[VIP], "use_vmac"));
        ours.says("Entering BACKUP STATE (init)").await;
        answer(&lan.nodes[0], 1);
        answer(&lan.nodes[1], 2);
        longest_gap(&client, 2, Duration::from_millis(500)).await;
        assert_eq!(is_up(&lan.nodes[0]).await, Some(false));

        drop(theirs);
        lan.nodes[0].gains(VIP).await;
        longest_gap(&client, 1, Duration::from_millis(500)).await;
        assert_eq!(neighbour(VIP), MAC.to_string());

        let _theirs = Keepalived::start(&lan.nodes[1], "better", &better);
        lan.nodes[0].loses(VIP).await;
        longest_gap(&client, 2, Duration::from_millis(500)).await;
        assert_eq!((is_up(&lan.nodes[0]).await, neighbour(VIP)), (Some(false), MAC.to_string()));
    });
}

pub(crate) fn left_over() {
    run(async {
        let mut lan = Lan::new().await;
        let before = rules(&lan.nodes[0]);
        let text = config(200, &[VIP], "use_vmac");
        let mut killed = Daemon::start(&lan.nodes[0], "killed", &text);
        lan.nodes[0].gains(VIP).await;
        killed.signal_both(Signal::SIGKILL);
        killed.exit().await;
        assert_eq!(is_up(&lan.nodes[0]).await, Some(true));
        assert_ne!(rules(&lan.nodes[0]), before);

        let mut next = Daemon::start(&lan.nodes[0], "next", &text);
        next.says("An earlier run left vrrp.51 behind").await;
        next.says("Entering MASTER STATE").await;
        next.signal(Signal::SIGTERM);
        assert!(next.exit().await.success());
        assert_eq!((is_up(&lan.nodes[0]).await, rules(&lan.nodes[0])), (None, before));
    });
}

pub(crate) fn grouped() {
    run(async {
        let lan = Lan::new().await;
        let node = &lan.nodes[0];
        let change = LinkChange { group: Some(3), ..LinkChange::default() };
        node.handle.set_link(node.ifindex, &change).await.unwrap();
        let text = |more: &str| config(200, &[VIP], &format!("use_vmac {more}"));
        let mut daemon = Daemon::start(node, "grouped", &text(""));
        daemon.says("Startup complete").await;
        let made = node.handle.link(NAME).await.unwrap().unwrap();
        assert_eq!(made.group, 3);
        for (more, expected) in [("group 7", 7), ("group default", 0), ("", 3)] {
            daemon.reconfigure(&text(more));
            daemon.says("Reload complete").await;
            let link = node.handle.link(NAME).await.unwrap().unwrap();
            assert_eq!((link.group, link.index), (expected, made.index), "{more:?}: the same one");
        }
    });
}

pub(crate) fn notified() {
    run(async {
        let mut lan = Lan::new().await;
        for (more, expected) in [("", false), ("netlink_notify_msg", true)] {
            let text = config(200, &[VIP], &format!("use_vmac {more}"));
            let mut daemon = Daemon::start(&lan.nodes[0], "notified", &text);
            daemon.says("Startup complete").await;
            let ear = lan.nodes[0].inside(link_news);
            lan.nodes[0].gains(VIP).await;
            assert_eq!(told_of(&ear, lan.nodes[0].ifindex), expected, "{more}");
            daemon.stop().await;
        }
    });
}

/// A socket that hears what the kernel tells of links.
fn link_news() -> OwnedFd {
    let flags = SockFlag::SOCK_NONBLOCK;
    let ear = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute).unwrap();
    let links = 1;
    bind(ear.as_raw_fd(), &NetlinkAddr::new(0, links)).unwrap();
    ear
}

/// Whether the kernel has told of a link that it is there.
fn told_of(ear: &OwnedFd, ifindex: u32) -> bool {
    let mut news = [0; 32 * 1024];
    while let Ok(length) = recv(ear.as_raw_fd(), &mut news, MsgFlags::empty()) {
        // One message a packet: `struct nlmsghdr` with the type, then `struct ifinfomsg`.
        let (kind, index) = (&news[4..6], &news[20..24]);
        if length > 24 && kind == 16_u16.to_ne_bytes() && index == ifindex.to_ne_bytes() {
            return true;
        }
    }
    false
}

pub(crate) fn transmits_below() {
    run(async {
        let mut lan = Lan::new().await;
        let client = lan.client().await;
        let mut more =
            Daemon::start(&lan.nodes[0], "below", &config(200, &[VIP], "use_vmac vrrp.51\nvmac_xmit_base"));
        let mut adverts = lan.adverts();
        let own = lan.nodes[0].handle.link("eth0").await.unwrap().and_then(|link| link.mac).unwrap();
        assert_eq!(adverts.next_source(), own);
        lan.nodes[0].gains(VIP).await;
        answer(&lan.nodes[0], 1);
        longest_gap(&client, 1, Duration::ZERO).await;
        assert_eq!(neighbour(VIP), MAC.to_string());
        more.signal(Signal::SIGTERM);
        more.says("Stopped").await;
        let _all = Daemon::start(&lan.nodes[0], "all", &config(200, &[VIP], "use_vmac"));
        lan.nodes[0].gains(VIP).await;
        while adverts.next_source() != MAC {}
        let source: IpAddr = adverts.last_sender();
        assert_eq!(source, IpAddr::from([192, 0, 2, 1]));
    });
}
