//! Announcements, as the switch gets them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, VIP, config};
use crate::lan::{Lan, hear_announcement, hear_any_announcement, run};

const GAP: Duration = Duration::from_millis(50);

pub(crate) fn spaced() {
    run(async {
        let lan = Lan::new().await;
        let mut heard = lan.announcements();
        let addresses = ["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13"];
        let text = config(200, &addresses, "");
        let group = "garp_group {\n garp_interval 0.05\n interface eth0\n}\n";
        let _daemon = Daemon::start(&lan.nodes[0], "spaced", &format!("{group}{text}"));
        hear_any_announcement(&mut heard);
        let first = Instant::now();
        // Two rounds: what is wanted at 0, 10, 50 and 200 ms takes longer than that.
        let more: Vec<[u8; 4]> = (0..7).map(|_| hear_any_announcement(&mut heard)).collect();
        // The first one may have been heard late.
        assert!(first.elapsed() > GAP * 6, "{:?}", first.elapsed());
        assert_eq!(more[..4].iter().collect::<BTreeSet<_>>().len(), addresses.len(), "{more:?}");
    });
}

pub(crate) fn repeated() {
    run(async {
        let lan = Lan::new().await;
        let mut heard = lan.announcements();
        let more = "use_vmac\nvmac_xmit_base\ngarp_master_repeat 1\ngarp_master_delay 0\n";
        let mut daemon = Daemon::start(&lan.nodes[0], "repeated", &config(200, &[VIP], more));
        daemon.says("Entering MASTER STATE").await;
        daemon.says("Sending/queueing gratuitous ARPs on vrrp.51").await;
        assert!(!daemon.has_said("cannot announce"), "it is up before anything leaves by it");
        // A reload is enough.
        daemon.reconfigure(&config(200, &[VIP], &format!("{more}garp_extra_if 0.1")));
        daemon.says("Reload complete").await;
        let start = Instant::now();
        // An advertisement takes one with it each second.
        for _ in 0..20 {
            hear_announcement(&mut heard, [192, 0, 2, 10]);
        }
        let took = start.elapsed();
        assert!(took < Duration::from_secs(4) && took > Duration::from_millis(1_500), "{took:?}");
    });
}
