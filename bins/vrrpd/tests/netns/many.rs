//! Many virtual routers on one interface, ten advertisements a second each.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::daemon::{Daemon, SLACK};
use crate::keepalived::Keepalived;
use crate::lan::{Lan, run};

const ROUTERS: u8 = 65;
/// RFC 9568 §6.1 at 100 ms: two intervals, for the last advertisement may have been sent just before, and the skew of
/// priority 100.
const EARLIEST: Duration = Duration::from_millis(200 + 60);
/// Three intervals and the skew, and what may pass until the kernel reports the address.
const LATEST: Duration = Duration::from_millis(300 + 61 + 50);
const MEMORY: u64 = 20 << 20;
/// For how long the processors are watched.
const IDLE: Duration = Duration::from_secs(5);

fn config(priority: u8) -> String {
    (1..=ROUTERS)
        .map(|vrid| {
            format!(
                "vrrp_instance VI_{vrid} {{\n version 3\n interface eth0\n virtual_router_id {vrid}\n \
                 priority {priority}\n advert_int 0.1\n virtual_ipaddress {{\n {}\n }}\n}}\n",
                vip(vrid)
            )
        })
        .collect()
}

fn vip(vrid: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, 100 + vrid])
}

fn all() -> Vec<IpAddr> {
    (1..=ROUTERS).map(vip).collect()
}

/// The memory of a daemon, in bytes: all of the worker's, and what the guardian has for itself. What both have in common,
/// the program above all, is there once.
fn memory(daemon: &Daemon) -> u64 {
    let [worker, guardian] = [daemon.worker(), daemon.guardian()].map(|pid| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        move |name: &str| {
            let line = rollup.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
        }
    });
    worker("Rss:") + guardian("Private_Clean:") + guardian("Private_Dirty:")
}

/// The time that processes have been running on a processor.
fn used(pids: &[Pid]) -> Duration {
    let ticks: u64 = pids
        .iter()
        .map(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
            let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
            fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
        })
        .sum();
    // USER_HZ is 100 on every architecture that Linux runs on with this daemon.
    Duration::from_millis(ticks * 10)
}

async fn idle(pids: &[Pid]) -> Duration {
    let before = used(pids);
    tokio::time::sleep(IDLE).await;
    used(pids) - before
}

pub(crate) fn fail_over() {
    run(async {
        let mut lan = Lan::new().await;
        let mut better = Daemon::start(&lan.nodes[0], "better", &config(200));
        lan.nodes[0].gains_all(&all()).await;
        let mut worse = Daemon::start(&lan.nodes[1], "worse", &config(100));
        // They hear the better ones, or they would take over after a down interval.
        tokio::time::sleep(LATEST * 2).await;
        assert!(!lan.nodes[1].has(&vip(1).to_string()).await);

        let ours = idle(&[better.guardian(), better.worker(), worse.guardian(), worse.worker()]).await;
        for daemon in [&better, &worse] {
            let memory = memory(daemon);
            assert!(memory < MEMORY, "{memory} bytes");
            println!("{} KiB of memory", memory >> 10);
        }

        let cut = Instant::now();
        lan.join(1, false).await;
        let done = Instant::now();
        let gained: BTreeMap<IpAddr, Instant> = lan.nodes[1].gains_all(&all()).await;
        for (address, at) in &gained {
            assert!(*at > cut + EARLIEST, "{address} after {:?}", *at - cut);
            assert!(*at < done + LATEST + SLACK, "{address} after {:?}", *at - cut);
        }
        let times = gained.values().map(|at| (*at - cut).as_millis());
        println!("failed over after {} to {} ms", times.clone().min().unwrap(), times.max().unwrap());
        for daemon in [&mut better, &mut worse] {
            daemon.signal(Signal::SIGTERM);
            daemon.says("Stopped").await;
        }
        lan.join(1, true).await;
        let Some(first) = Keepalived::start(&lan.nodes[0], "better", &config(200)) else { return };
        lan.nodes[0].gains_all(&all()).await;
        let Some(second) = Keepalived::start(&lan.nodes[1], "worse", &config(100)) else { return };
        tokio::time::sleep(LATEST * 2).await;
        let theirs = idle(&[first.pids(), second.pids()].concat()).await;
        println!("an idle pair used {ours:?} of {IDLE:?}, keepalived's {theirs:?}");
        // What is built for finding mistakes is slow.
        assert!(cfg!(debug_assertions) || ours < theirs, "{ours:?}, keepalived {theirs:?}");
    });
}
