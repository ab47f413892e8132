//! Many virtual routers on one interface.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::daemon::{Daemon, SLACK};
use crate::keepalived::Keepalived;
use crate::lan::{Lan, run_for};
use crate::real_time::{STANDSTILL, TRIES, Witnesses};

/// Seconds for which hundreds are at rest, in more forms than the short one.
const SECONDS: &str = "VRRPD_MANY_SECONDS";
/// Of a daemon, whatever the form.
const MEMORY: u64 = 20 << 20;
/// For how long the processors are watched, at least.
const IDLE: Duration = Duration::from_secs(5);
/// What may pass until the kernel reports the address.
const REPORT: Duration = Duration::from_millis(50);
/// Down intervals that end together are served one after the other: an address is asked for, added, announced and logged,
/// and the kernel goes through all groups of an interface for each IPv6 address that it adds there.
const SERVED: Duration = Duration::from_micros(250);
/// Starting, failing over and stopping, of two pairs.
const SETTING_UP: Duration = Duration::from_secs(20);

/// Priorities of the nodes.
const PRIORITIES: [u8; 2] = [200, 100];

/// So many virtual routers of each family, with an address each. A VRID is used once on an interface in a family.
#[derive(Clone, Copy)]
struct Form {
    v4: u8,
    v6: u8,
    interval: Duration,
    global: &'static str,
    /// No processor time is compared where the leases, which keepalived does not have, are most of it: at a second each
    /// advertisement renews them, and over IPv6 the kernel goes through all groups of the interface for each.
    compared: bool,
}

const DOZENS: Form = Form { v4: 65, ..HUNDREDS };
const HUNDREDS: Form =
    Form { v4: 250, v6: 0, interval: Duration::from_millis(100), global: "", compared: true };
const FORMS: [Form; 3] = [
    Form { interval: Duration::from_secs(1), compared: false, ..HUNDREDS },
    Form { v6: 250, compared: false, ..HUNDREDS },
    // A daemon that is not run in time is no use at 10 ms.
    Form {
        v4: 100,
        interval: Duration::from_millis(10),
        global: " vrrp_rt_priority 50\n vrrp_no_swap\n",
        // Of keepalived's, the kernel kills one that is at work in real time for so long.
        compared: false,
        ..HUNDREDS
    },
];

impl Form {
    fn config(self, priority: u8, global: &str) -> String {
        let v4 = (1..=self.v4).map(|vrid| ("V4", vrid, v4(vrid)));
        let all = v4.chain((1..=self.v6).map(|vrid| ("V6", vrid, v6(vrid))));
        let interval = self.interval.as_secs_f64();
        let routers = all.map(|(family, vrid, vip)| {
            format!(
                "vrrp_instance {family}_{vrid} {{\n version 3\n interface eth0\n virtual_router_id {vrid}\n \
                 priority {priority}\n advert_int {interval}\n virtual_ipaddress {{\n {vip}\n }}\n}}\n"
            )
        });
        format!("global_defs {{\n{global}}}\n{}", routers.collect::<String>())
    }

    fn addresses(self) -> Vec<IpAddr> {
        (1..=self.v4).map(v4).chain((1..=self.v6).map(v6)).collect()
    }

    /// RFC 9568 §6.1: of an interval, 256 minus the priority parts of 256.
    fn skew(self) -> Duration {
        self.interval * (256 - u32::from(PRIORITIES[1])) / 256
    }

    /// Two intervals, for the last advertisement may have been sent just before, and the skew.
    fn earliest(self) -> Duration {
        self.interval * 2 + self.skew()
    }

    /// Three intervals and the skew.
    fn latest(self) -> Duration {
        let addresses = u32::from(self.v4) + u32::from(self.v6);
        self.interval * 3 + self.skew() + REPORT + SERVED * addresses
    }
}

fn v4(vrid: u8) -> IpAddr {
    // Behind the addresses of the nodes.
    IpAddr::from([192, 0, 2, vrid + 3])
}

fn v6(vrid: u8) -> IpAddr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, vrid.into()).into()
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

/// Of a processor, in percent.
fn share(used: Duration, time: Duration) -> f64 {
    100.0 * used.as_secs_f64() / time.as_secs_f64()
}

pub(crate) fn dozens() {
    play(&[DOZENS], IDLE);
}

pub(crate) fn hundreds() {
    let seconds = std::env::var(SECONDS).ok().map(|text| text.parse().expect("a number of seconds"));
    match seconds.map(Duration::from_secs) {
        Some(rest) => play(&[&[HUNDREDS][..], &FORMS].concat(), rest),
        None => play(&[HUNDREDS], IDLE),
    }
}

fn play(forms: &[Form], rest: Duration) {
    run_for((SETTING_UP + rest + IDLE) * (forms.len() * TRIES) as u32, async {
        let mut lan = Lan::new().await;
        for &form in forms {
            let mut tries = 0..TRIES;
            while !fails_over(&mut lan, form, rest).await {
                assert!(tries.next().is_some(), "the machine stood still in each of {TRIES} runs");
            }
        }
    });
}

/// False where the machine stood still for long enough to make a failover of its own: nothing was found out then.
async fn fails_over(lan: &mut Lan, form: Form, rest: Duration) -> bool {
    let all = form.addresses();
    println!("{} and {} over IPv6 at {:?}:", form.v4, form.v6, form.interval);
    let quiet = format!(" status_socket off\n{}", form.global);
    let [high, low] = PRIORITIES.map(|priority| form.config(priority, &quiet));
    let mut better = Daemon::start(&lan.nodes[0], "better", &high);
    lan.nodes[0].gains_all(&all).await;
    let mut worse = Daemon::start(&lan.nodes[1], "worse", &low);
    // They hear the better ones, or they would take over after a down interval.
    let witnesses = (!form.global.is_empty()).then(Witnesses::start);
    let early = tokio::time::timeout(form.latest() * 2, lan.nodes[1].gains_any(&all)).await;
    let pids = [better.guardian(), better.worker(), worse.guardian(), worse.worker()];
    let before = used(&pids);
    let gained = tokio::time::timeout(rest, lan.nodes[1].gains_any(&all)).await;
    let standstill = witnesses.map_or(Duration::ZERO, Witnesses::longest);
    if let Ok(address) = early.or(gained) {
        assert!(
            standstill > STANDSTILL,
            "{address} failed over at rest, at most {standstill:?} of standstill"
        );
        eprintln!("measured again: the machine stood still for {standstill:?}");
        for (daemon, node) in [&mut worse, &mut better].into_iter().zip([1, 0]) {
            daemon.stop().await;
            // What is still to be read of this run is none of the next one's.
            while tokio::time::timeout(REPORT, lan.nodes[node].gains_any(&all)).await.is_ok() {}
        }
        return false;
    }
    let ours = share(used(&pids) - before, rest);
    for daemon in [&better, &worse] {
        let memory = memory(daemon);
        assert!(memory < MEMORY, "{memory} bytes");
        println!("{} KiB of memory", memory >> 10);
    }

    let cut = Instant::now();
    lan.join(1, false).await;
    let done = Instant::now();
    let gained: BTreeMap<IpAddr, Instant> = lan.nodes[1].gains_all(&all).await;
    for (address, at) in &gained {
        assert!(*at > cut + form.earliest(), "{address} after {:?}", *at - cut);
        assert!(*at < done + form.latest() + SLACK, "{address} after {:?}", *at - cut);
    }
    let times = gained.values().map(|at| (*at - cut).as_millis());
    println!("failed over after {} to {} ms", times.clone().min().unwrap(), times.max().unwrap());
    for daemon in [&mut better, &mut worse] {
        daemon.signal(Signal::SIGTERM);
        daemon.says("Stopped").await;
    }
    lan.join(1, true).await;
    let [high, low] = PRIORITIES.map(|priority| form.config(priority, ""));
    let Some(first) = Keepalived::start(&lan.nodes[0], "better", &high) else { return true };
    lan.nodes[0].gains_all(&all).await;
    let Some(second) = Keepalived::start(&lan.nodes[1], "worse", &low) else { return true };
    tokio::time::sleep(form.latest() * 2).await;
    let pids = [first.pids(), second.pids()].concat();
    let before = used(&pids);
    tokio::time::sleep(IDLE).await;
    let theirs = share(used(&pids) - before, IDLE);
    println!("an idle pair used {ours:.1} % of a processor, keepalived's {theirs:.1} %");
    // What is built for finding mistakes is slow.
    assert!(cfg!(debug_assertions) || !form.compared || ours < theirs, "{ours}, keepalived {theirs}");
    true
}
