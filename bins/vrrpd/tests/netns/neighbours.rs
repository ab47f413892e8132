//! Other programs on the node: a second daemon, one that removes addresses, scripts.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use vip_netlink::{Event, Monitor};

use crate::daemon::{Daemon, VIP, config};
use crate::guardian::gone;
use crate::lan::{Lan, run};

pub(crate) fn second_daemon_leaves_the_virtual_mac() {
    run(async {
        let mut lan = Lan::new().await;
        let first = Daemon::start(&lan.nodes[0], "first", &config(200, &[VIP], "use_vmac"));
        lan.nodes[0].gains(VIP).await;
        let made = lan.nodes[0].handle.link("vrrp.51").await.unwrap().unwrap();
        let mut second = Daemon::start(&lan.nodes[0], "second", &config(100, &[VIP], "use_vmac"));
        second.says(&format!("another vrrpd (process {})", first.worker())).await;
        assert_eq!(second.exit().await.code(), Some(1));
        let link = lan.nodes[0].handle.link("vrrp.51").await.unwrap();
        assert_eq!(link.map(|link| (link.index, link.up)), Some((made.index, true)), "it was not made anew");
        assert!(lan.nodes[0].has(VIP).await);
    });
}

pub(crate) fn second_daemon() {
    run(async {
        let mut lan = Lan::new().await;
        let mut first = Daemon::start(&lan.nodes[0], "first", &config(200, &[VIP], ""));
        lan.nodes[0].gains(VIP).await;
        let mut second = Daemon::start(&lan.nodes[0], "second", &config(100, &[VIP], ""));
        second
            .says(&format!("another vrrpd (process {}) has virtual router 51 on eth0", first.worker()))
            .await;
        assert_eq!(second.exit().await.code(), Some(1));
        assert!(lan.nodes[0].has(VIP).await);

        // Another virtual router may be there; it cannot become the same one by a reload.
        let other = config(100, &["192.0.2.20"], "").replace("virtual_router_id 51", "virtual_router_id 52");
        let mut third = Daemon::start(&lan.nodes[0], "third", &other);
        lan.nodes[0].gains("192.0.2.20").await;
        third.reconfigure(&config(100, &[VIP], ""));
        third.says("Reload failed: the running configuration stays: another vrrpd").await;

        // The lock is gone with the process, however that ends.
        let worker = first.worker();
        first.signal_both(Signal::SIGKILL);
        first.exit().await;
        gone(worker).await;
        third.reconfigure(&config(100, &[VIP], ""));
        third.says("Reload complete").await;
    });
}

pub(crate) fn fight() {
    run(async {
        let mut lan = Lan::new().await;
        let mut daemon = Daemon::start(&lan.nodes[0], "daemon", &config(200, &[VIP], ""));
        lan.nodes[0].gains(VIP).await;
        let mut monitor: Monitor = lan.nodes[0].monitor_again().await;
        let key = lan.nodes[0].key(VIP, 32);
        let until = Instant::now() + Duration::from_millis(2_500);
        let mut additions = 0;
        lan.nodes[0].handle.remove(key).await.unwrap();
        while Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(event) = tokio::time::timeout(left, monitor.next()).await else { break };
            if matches!(event.unwrap(), Event::AddressAdded(info) if info.key() == key) {
                additions += 1;
                lan.nodes[0].handle.remove(key).await.unwrap();
            }
        }
        daemon.says("is removed again and again").await;
        // Five at once, and then one a second for two and a half seconds.
        assert!((5..=5 + 3).contains(&additions), "{additions}");
        lan.nodes[0].gains(VIP).await;
    });
}

pub(crate) fn capabilities() {
    run(async {
        let lan = Lan::new().await;
        let seen = std::env::temp_dir().join(format!("vrrpd-capabilities-{}", std::process::id()));
        let _ = fs::remove_file(&seen);
        let script = format!(
            "vrrp_script see {{\n script \"/bin/cp /proc/self/status {}\"\n interval 1\n user root\n}}\n",
            seen.display()
        );
        let with = config(200, &[VIP], " track_script {\n see\n }");
        let mut daemon = Daemon::start(&lan.nodes[0], "daemon", &(script + &with));
        daemon.says("VRRP_Script(see) succeeded").await;
        // CAP_KILL 5, CAP_SETGID 6, CAP_SETUID 7, CAP_NET_ADMIN 12, CAP_NET_RAW 13.
        let kept = 1 << 5 | 1 << 6 | 1 << 7 | 1 << 12 | 1 << 13;
        for pid in [daemon.guardian(), daemon.worker()] {
            let status = status(pid);
            assert_eq!(capability(&status, "CapEff"), kept, "{status}");
            assert_eq!(capability(&status, "CapPrm"), kept, "{status}");
            assert!(status.contains("NoNewPrivs:\t0\n"), "a script of root may need root's power");
        }
        let script = fs::read_to_string(&seen).unwrap();
        let test = fs::read_to_string("/proc/self/status").unwrap();
        assert_eq!(
            capability(&script, "CapEff"),
            capability(&test, "CapEff"),
            "that of whoever started vrrpd"
        );
        fs::remove_file(seen).unwrap();

        let mut without = Daemon::start(&lan.nodes[1], "without", &config(100, &[VIP], ""));
        without.says("Startup complete").await;
        assert!(status(without.worker()).contains("NoNewPrivs:\t1\n"), "there is no program to get any");
    });
}

fn status(pid: Pid) -> String {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap()
}

fn capability(status: &str, set: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(set)?.strip_prefix(":\t")).unwrap();
    u64::from_str_radix(line, 16).unwrap()
}
