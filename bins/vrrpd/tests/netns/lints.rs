//! What the machine and the wire show of a configuration.

use crate::daemon::{Daemon, VIP, config};
use crate::lan::{Lan, run};

pub(crate) fn said() {
    run(async {
        let mut lan = Lan::new().await;
        let script = "global_defs {\n log_unknown_vrids\n}\nvrrp_script chk {\n script \"/bin/true\"\n weight -20\n}\n".to_owned();
        let tracking = " track_script {\n chk\n }";
        let addresses = [VIP, "198.51.100.9"];
        let mut better =
            Daemon::start(&lan.nodes[0], "better", &(script.clone() + &config(200, &addresses, tracking)));
        better.says("VIP 198.51.100.9 is in no subnet of eth0 (192.0.2.1/24)").await;
        lan.nodes[0].gains(VIP).await;
        assert!(!better.has_said("VIP 192.0.2.10 is in no subnet"));
        let slow = config(100, &[VIP], tracking).replace("advert_int 0.1", "advert_int 0.2");
        let other = config(100, &["192.0.2.99"], "").replace("VI_1", "VI_9").replace("51", "99");
        let mut worse = Daemon::start(&lan.nodes[1], "worse", &(script + &slow + &other));
        worse.says("advertisement interval mismatch mine=200 ms rcv'd=100 ms from 192.0.2.1").await;
        worse.says("the MASTER 192.0.2.1 has priority 200, 100 above ours: weights of 20 cannot").await;
        worse.says("expected 1 VIPs but received 2 from 192.0.2.1: virtual_ipaddress must be the same").await;
        better.says("Unknown VRID(99) received from 192.0.2.2").await;
    });
}
