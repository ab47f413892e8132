//! `promote_secondaries`: what is in the subnet of the virtual address does not go with it.

use std::fs;

use nix::sys::signal::Signal;

use crate::daemon::{Daemon, config};
use crate::lan::{Host, Lan, run};

const FIRST: &str = "198.51.100.10";
const OTHER: &str = "198.51.100.20";

pub(crate) fn stay() {
    run(async {
        let mut lan = Lan::new().await;
        for scope in ["all", "eth0"] {
            lan.nodes[0].inside(|| fs::write(sysctl(scope), "0")).unwrap();
        }
        let with = config(200, &[&format!("{FIRST}/24")], "promote_secondaries");
        let without = config(200, &[&format!("{FIRST}/24")], "");
        for worker_dies in [false, true] {
            let mut daemon = Daemon::start_with(&lan.nodes[0], "promoting", &with, &["-R".as_ref()]);
            lan.nodes[0].gains(FIRST).await;
            lan.nodes[0].handle.add_own(lan.nodes[0].key(OTHER, 24)).await.unwrap();
            assert_eq!(promotes(&lan.nodes[0]), "1");
            if worker_dies {
                daemon.signal_worker(Signal::SIGKILL);
                daemon.exit().await;
            } else {
                daemon.stop().await;
            }
            assert!(!lan.nodes[0].has(FIRST).await && lan.nodes[0].has(OTHER).await);
            assert_eq!(promotes(&lan.nodes[0]), "0", "as it was before");
            lan.nodes[0].handle.remove(lan.nodes[0].key(OTHER, 24)).await.unwrap();
        }

        let mut daemon = Daemon::start(&lan.nodes[0], "reloaded", &without);
        lan.nodes[0].gains(FIRST).await;
        assert_eq!(promotes(&lan.nodes[0]), "0");
        for (text, expected) in [(&with, "1"), (&without, "0")] {
            daemon.reconfigure(text);
            daemon.says("Reload complete").await;
            assert_eq!(promotes(&lan.nodes[0]), expected);
        }
        lan.nodes[0].handle.add_own(lan.nodes[0].key(OTHER, 24)).await.unwrap();
        daemon.stop().await;
        assert!(!lan.nodes[0].has(OTHER).await, "the kernel takes it away otherwise");
    });
}

fn sysctl(interface: &str) -> String {
    format!("/proc/sys/net/ipv4/conf/{interface}/promote_secondaries")
}

fn promotes(host: &Host) -> String {
    host.inside(|| fs::read_to_string(sysctl("eth0"))).unwrap().trim().to_owned()
}
