//! Announcements, as the switch gets them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::daemon::{Daemon, config};
use crate::lan::{Lan, hear_any_announcement, run};

const GAP: Duration = Duration::from_millis(50);

pub(crate) fn spaced() {
    run(async {
        let lan = Lan::new().await;
        let mut heard = lan.announcements();
        let addresses = ["192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13"];
        let text = config(200, &addresses, "");
        let group = "garp_group {\n garp_interval 0.05\n interface eth0\n}\n";
        let _daemon = Daemon::start(&lan.nodes[0], "spaced", &format!("{group}{text}"));
        let mut turns = vec![hear_any_announcement(&mut heard)];
        let first = Instant::now();
        // Two rounds: what is wanted at 0, 10, 50 and 200 ms takes longer than that.
        while turns.len() < 2 * addresses.len() {
            let next = hear_any_announcement(&mut heard);
            if turns.last() != Some(&next) {
                turns.push(next);
            }
        }
        // The first one may have been heard late.
        assert!(first.elapsed() > GAP * 6, "{:?}", first.elapsed());
        assert_eq!(turns[..4].iter().collect::<BTreeSet<_>>().len(), addresses.len(), "{turns:?}");
    });
}
