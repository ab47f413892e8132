//! Virtual routers that belong together, and routers that prove who they are.

use std::time::Duration;

use crate::daemon::{Daemon, VIP, config};
use crate::health::temporary;
use crate::lan::{Lan, run};

const SECOND: &str = "192.0.2.20";

/// Two virtual routers in a group; `group` goes into it.
fn grouped(priority: u8, group: &str) -> String {
    let one = config(priority, &[VIP], "");
    let two = config(priority, &[SECOND], "").replace("VI_1", "VI_2").replace("51", "52");
    format!("{one}{two}vrrp_sync_group VG {{\n group {{\n VI_1\n VI_2\n }}\n{group}\n}}\n")
}

pub(crate) fn follows_a_file() {
    run(async {
        let mut lan = Lan::new().await;
        let file = temporary("group");
        let tracked = format!("vrrp_track_file f {{\n file {}\n weight 0\n}}\n", file.display());
        let group = " track_file {\n f\n }";
        let mut better = Daemon::start(&lan.nodes[0], "better", &(tracked + &grouped(200, group)));
        better.says("VRRP_Group(VG) Syncing instances to BACKUP state").await;
        better.says("VRRP_Group(VG) Syncing instances to MASTER state").await;
        let mut worse = Daemon::start(&lan.nodes[1], "worse", &grouped(100, ""));
        worse.says("VRRP_Group(VG) Syncing instances to BACKUP state").await;
        std::fs::write(&file, "1\n").unwrap();
        better.says("VRRP_Group(VG) Syncing instances to FAULT state").await;
        worse.says("VRRP_Group(VG) Syncing instances to MASTER state").await;
        for address in [VIP, SECOND] {
            assert!(!lan.nodes[0].has(address).await && lan.nodes[1].has(address).await, "{address}");
        }
        std::fs::remove_file(&file).unwrap();
        lan.nodes[0].gains(SECOND).await;
        better.says("VRRP_Group(VG) Syncing instances to MASTER state").await;
    });
}

pub(crate) fn signed() {
    run(async {
        let mut lan = Lan::new().await;
        let key = |digit: char| format!(" auth_hmac {{\n key 1 hex:{}\n }}", digit.to_string().repeat(64));
        let better = Daemon::start(&lan.nodes[0], "better", &config(200, &[VIP], &key('a')));
        lan.nodes[0].gains(VIP).await;
        // With the same key it stays a backup for longer than its down interval of 361 ms.
        let mut same = Daemon::start(&lan.nodes[1], "same", &config(100, &[VIP], &key('a')));
        same.says("Entering BACKUP STATE (init)").await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(!lan.nodes[1].has(VIP).await);
        same.stop().await;
        // With another one it hears nobody, and says so.
        let mut other = Daemon::start(&lan.nodes[1], "other", &config(100, &[VIP], &key('b')));
        other.says("auth_hmac needs the same keys on all nodes").await;
        lan.nodes[1].gains(VIP).await;
        drop(better);
    });
}

pub(crate) fn other_multicast_group() {
    run(async {
        let mut lan = Lan::new().await;
        let group = " mcast_dst_ip 224.0.0.118";
        let _better = Daemon::start(&lan.nodes[0], "better", &config(200, &[VIP], group));
        lan.nodes[0].gains(VIP).await;
        // In the same group it stays a backup for longer than its down interval of 361 ms.
        let mut same = Daemon::start(&lan.nodes[1], "same", &config(100, &[VIP], group));
        same.says("Entering BACKUP STATE (init)").await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(!lan.nodes[1].has(VIP).await);
        same.stop().await;
        // In VRRP's own it hears nobody.
        let _other = Daemon::start(&lan.nodes[1], "other", &config(100, &[VIP], ""));
        lan.nodes[1].gains(VIP).await;
    });
}
