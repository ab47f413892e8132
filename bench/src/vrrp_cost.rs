//! What VRRP costs: CPU time for an advertisement that a backup hears, and the time it takes over in.

use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lab::{FrameKind, Network, Node, NodeChange, Process, Programs, Router, Signal, Stamp, watch};
use serde::Serialize;

use crate::cli::VrrpArgs;
use crate::error::BenchError;
use crate::figures::median;

/// Ten virtual routers, each with an advertisement every 10 ms, the shortest interval of VRRP version 3.
const ROUTERS: u8 = 10;
/// The one in charge, and the backup under test. After a resignation it waits 3/256 of an interval: 1.2 ms at 100 ms.
const PRIORITIES: [u8; 2] = [254, 253];
/// For the daemons to come to rest, and for a takeover.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(5);
/// Longer than any down interval here: who is backup after it stays so.
const REST: Duration = Duration::from_millis(500);

/// The figures of one daemon, medians.
#[derive(Debug, Serialize)]
struct Cost {
    daemon: &'static str,
    /// Microseconds of CPU for each advertisement received.
    cpu_us: f64,
    /// Least and most of the rounds.
    cpu_range: [f64; 2],
    /// Advertisements a second that arrived.
    per_second: f64,
    /// Milliseconds from the resignation on the cable to the address on the interface.
    present_ms: f64,
    /// The same to its first gratuitous ARP on the cable.
    announced_ms: f64,
    announced_range: [f64; 2],
}

/// Measures both daemons, taking turns. The table to print.
pub(crate) fn run(args: &VrrpArgs, vrrpd: &Path) -> Result<String, BenchError> {
    let programs = Programs::in_dir(vrrpd.parent().unwrap_or(Path::new(".")));
    let daemons = [Router::Vrrpd, Router::Keepalived];
    let mut rounds = [const { Vec::new() }; 2];
    for _ in 0..args.rounds {
        for (daemon, rounds) in daemons.into_iter().zip(&mut rounds) {
            rounds.push(Pair::start(&programs, daemon, ROUTERS)?.hear(Duration::from_secs(args.seconds))?);
        }
    }
    let mut costs = Vec::new();
    for (daemon, rounds) in daemons.into_iter().zip(&rounds) {
        let takeovers = Pair::start(&programs, daemon, 1)?.take_over(args.takeovers)?;
        let column = |pairs: &[[f64; 2]], n: usize| pairs.iter().map(|pair| pair[n]).collect::<Vec<_>>();
        let (cpu, announced) = (column(rounds, 0), column(&takeovers, 1));
        costs.push(Cost {
            daemon: daemon.process(),
            cpu_us: median(&cpu),
            cpu_range: range(&cpu),
            per_second: median(&column(rounds, 1)),
            present_ms: median(&column(&takeovers, 0)),
            announced_ms: median(&announced),
            announced_range: range(&announced),
        });
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&costs).expect("figures have no keys that JSON cannot have");
        fs::write(path, text).map_err(BenchError::io(format!("cannot write {}", path.display())))?;
    }
    Ok(table(&costs))
}

fn range(values: &[f64]) -> [f64; 2] {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    [least, values.iter().copied().fold(0.0, f64::max)]
}

fn table(costs: &[Cost]) -> String {
    let mut text = String::from(
        "| daemon | CPU µs/advertisement | rounds | advertisements/s | address present ms | announced ms | of all |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    for cost in costs {
        let ([cpu_least, cpu_most], [least, most]) = (cost.cpu_range, cost.announced_range);
        text.write_fmt(format_args!(
            "| {} | {:.1} | {cpu_least:.1} to {cpu_most:.1} | {:.0} | {:.2} | {:.2} | {least:.2} to {most:.2} |\n",
            cost.daemon, cost.cpu_us, cost.per_second, cost.present_ms, cost.announced_ms
        ))
        .expect("a String takes what is written to it");
    }
    text
}

/// A daemon under test, and a `vrrpd` that advertises to it.
struct Pair {
    daemon: &'static str,
    network: Network,
    sender: Node,
    backup: Node,
    /// How the sender is started.
    start: Vec<String>,
    sending: Process,
    /// The processes of the daemon under test, as this program counts.
    pids: Vec<u32>,
}

impl Pair {
    /// Starts both and waits until the one under test is a backup.
    fn start(programs: &Programs, daemon: Router, routers: u8) -> Result<Self, BenchError> {
        let network = Network::start(None)?;
        let address = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
        let sender = network.add_node("sender", address(1))?;
        let backup = network.add_node("backup", address(2))?;
        let [first, second] = ["sender", "backup"].map(|name| network.dir().join(format!("{name}.conf")));
        for (path, priority) in [&first, &second].into_iter().zip(PRIORITIES) {
            fs::write(path, config(priority, routers))
                .map_err(BenchError::io(format!("cannot write {}", path.display())))?;
        }
        let start = programs.router(Router::Vrrpd, &first)?;
        let sending = spawn(&sender, &start)?;
        wait(daemon.process(), "a router in charge", || Ok(held(&sender, routers)? == usize::from(routers)))?;
        spawn(&backup, &programs.router(daemon, &second)?)?;
        // Start-up is not measured.
        sleep(REST * 2);
        let pids = started_with(&second);
        let pair = Self { daemon: daemon.process(), network, sender, backup, start, sending, pids };
        if pair.pids.is_empty() || held(&pair.backup, routers)? != 0 {
            return Err(pair.missing("a backup"));
        }
        Ok(pair)
    }

    /// Microseconds of CPU for an advertisement, and advertisements a second.
    fn hear(self, time: Duration) -> Result<[f64; 2], BenchError> {
        let (start, cpu, packets) = (Instant::now(), self.on_cpu(), self.received());
        sleep(time);
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), self.on_cpu() - cpu);
        let packets = self.received() - packets;
        let whole = f64::from(ROUTERS) * 100.0 * seconds;
        if packets < whole * 0.9 {
            return Err(self.missing("1 000 advertisements a second"));
        }
        Ok([cpu.as_secs_f64() * 1e6 / packets, packets / seconds])
    }

    /// Milliseconds from the resignation to the address present, and announced, of each takeover.
    fn take_over(mut self, times: u32) -> Result<Vec<[f64; 2]>, BenchError> {
        let mut frames = watch(&self.backup)?;
        // A watcher that has only just been started would miss a resignation.
        wait(self.daemon, "an advertisement", || Ok(!frames.read()?.is_empty()))?;
        let vip = virtual_address(1);
        let mut all = Vec::new();
        for _ in 0..times {
            self.rest(vip)?;
            let from = Stamp::now();
            self.sending.signal(Signal::Term)?;
            let mut seen = None;
            wait(self.daemon, "a takeover", || {
                let frames: Vec<_> = frames.read()?.iter().filter(|frame| frame.at >= from).collect();
                let at = |sent: bool, kind: FrameKind| {
                    frames.iter().find(|frame| frame.sent == sent && frame.kind == kind).map(|frame| frame.at)
                };
                let present = self.network.events().iter().find_map(|event| match &event.what {
                    lab::timeline::What::Reported(NodeChange::AddressAdded(address))
                        if event.at >= from && event.node == self.backup.name() && *address == vip =>
                    {
                        Some(event.at)
                    }
                    _ => None,
                });
                let resigned = at(false, FrameKind::Advert(0));
                let announced = at(true, FrameKind::Announcement(vip));
                seen = resigned.zip(present).zip(announced);
                Ok(seen.is_some())
            })?;
            if let Some(((resigned, present), announced)) = seen {
                all.push([present.millis_from(resigned), announced.millis_from(resigned)]);
            }
            self.sending = spawn(&self.sender, &self.start)?;
        }
        Ok(all)
    }

    /// Waits until the one under test is a backup, after a time in which a machine that stands still may have made it take
    /// over, too.
    fn rest(&self, vip: IpAddr) -> Result<(), BenchError> {
        let is_backup =
            || Ok(self.sender.addresses()?.contains(&vip) && !self.backup.addresses()?.contains(&vip));
        wait(self.daemon, "a backup again", is_backup)?;
        sleep(REST);
        wait(self.daemon, "a backup again", is_backup)
    }

    /// Time on a CPU of the daemon under test, to the nanosecond.
    fn on_cpu(&self) -> Duration {
        let tasks = self.pids.iter().filter_map(|pid| fs::read_dir(format!("/proc/{pid}/task")).ok());
        let stats = tasks.flatten().flatten().filter_map(|task| {
            fs::read_to_string(task.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(stats.sum())
    }

    /// Packets that have arrived at it.
    fn received(&self) -> f64 {
        let table = self.pids.first().map(|pid| fs::read_to_string(format!("/proc/{pid}/net/dev")));
        let table = table.and_then(Result::ok).unwrap_or_default();
        let line =
            table.lines().find_map(|line| line.trim().strip_prefix(Node::INTERFACE)?.strip_prefix(':'));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0.0)
    }

    fn missing(&self, what: &'static str) -> BenchError {
        BenchError::Vrrp { daemon: self.daemon, what }
    }
}

/// How many of the virtual addresses a node has.
fn held(node: &Node, routers: u8) -> Result<usize, BenchError> {
    let present = node.addresses()?;
    Ok((1..=routers).filter(|n| present.contains(&virtual_address(*n))).count())
}

fn spawn(node: &Node, words: &[String]) -> Result<Process, BenchError> {
    Ok(node.spawn(&words.iter().map(String::as_str).collect::<Vec<_>>(), &[])?)
}

fn wait(
    daemon: &'static str,
    what: &'static str,
    mut holds: impl FnMut() -> Result<bool, BenchError>,
) -> Result<(), BenchError> {
    let end = Instant::now() + PATIENCE;
    while !holds()? {
        if Instant::now() > end {
            return Err(BenchError::Vrrp { daemon, what });
        }
        sleep(LOOK);
    }
    Ok(())
}

/// The processes with this file on their command line.
fn started_with(config: &Path) -> Vec<u32> {
    let config = config.as_os_str().as_encoded_bytes();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == config)
    })
    .collect()
}

fn virtual_address(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, 100 + number).into()
}

/// One virtual router is taken over, and has an interval at which nobody takes over for want of a CPU. Many are listened to.
fn config(priority: u8, routers: u8) -> String {
    let interval = if routers == 1 { "0.1" } else { "0.01" };
    let mut text = String::new();
    for n in 1..=routers {
        text.write_fmt(format_args!(
            "vrrp_instance VI_{n} {{\n    version 3\n    state BACKUP\n    interface {}\n    virtual_router_id {n}\n    \
             priority {priority}\n    advert_int {interval}\n    virtual_ipaddress {{\n        {}\n    }}\n}}\n",
            Node::INTERFACE,
            virtual_address(n)
        ))
        .expect("a String takes what is written to it");
    }
    text
}
