//! Virtual routers that advertise to peers by name.

use vip_netlink::AddressKey;
use vrrp::wire::{Advertisement, Checksum};

use crate::daemon::{Daemon, VIP, config};
use crate::keepalived::Keepalived;
use crate::lan::{Lan, run};

pub(crate) fn source_tracked() {
    run(async {
        let mut lan = Lan::new().await;
        let unicast = " unicast_src_ip 192.0.2.1\n unicast_peer {\n 192.0.2.2\n }\n track_src_ip";
        let mut daemon = Daemon::start(&lan.nodes[0], "ours", &config(200, &[VIP], unicast));
        lan.nodes[0].gains(VIP).await;
        let own: AddressKey = lan.nodes[0].key("192.0.2.1", 24);
        lan.nodes[0].handle.remove(own).await.unwrap();
        lan.nodes[0].loses(VIP).await;
        daemon.says("address 192.0.2.1 is down").await;
        daemon.says("Entering FAULT STATE").await;
        lan.nodes[0].handle.add_own(own).await.unwrap();
        lan.nodes[0].gains(VIP).await;
    });
}

pub(crate) fn no_peer() {
    run(async {
        let mut lan = Lan::new().await;
        let alone = config(200, &[VIP], " unicast_fault_no_peer");
        let mut daemon = Daemon::start(&lan.nodes[0], "ours", &alone);
        daemon.says("has no unicast peer to advertise to").await;
        daemon.says("Entering FAULT STATE").await;
        let peer = " unicast_fault_no_peer\n unicast_peer {\n 192.0.2.2\n }";
        daemon.reconfigure(&config(200, &[VIP], peer));
        lan.nodes[0].gains(VIP).await;
    });
}

/// Node 2 has the form of the checksum that keepalived had up to 1.3.6.
pub(crate) fn old_checksum() {
    run(async {
        let mut lan = Lan::new().await;
        let theirs = " unicast_src_ip 192.0.2.2\n unicast_peer {\n 192.0.2.1\n }\n old_unicast_checksum";
        let Some(_old) = Keepalived::start(&lan.nodes[1], "old", &config(100, &[VIP], theirs)) else {
            return;
        };
        lan.nodes[1].gains(VIP).await;
        let mut adverts = lan.nodes[1].inside(|| lan.adverts());
        let ours = " unicast_src_ip 192.0.2.1\n unicast_peer {\n 192.0.2.2\n }";
        let _ours = Daemon::start(&lan.nodes[0], "ours", &config(200, &[VIP], ours));
        // It hears the old one, and is heard by it.
        lan.nodes[1].loses(VIP).await;
        let (src, dst) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        loop {
            adverts.next_source();
            if adverts.last_sender() == src {
                break;
            }
        }
        let (_, form) = Advertisement::decode(adverts.last_payload(), src, dst).unwrap();
        assert_eq!(form, Checksum::KeepalivedGroup);
    });
}
