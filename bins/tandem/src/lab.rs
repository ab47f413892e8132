//! `tandem lab`.

use crate::matrix;
use crate::programs;
use crate::progress::Progress;
use clap::{Args, ValueEnum};
use lab::report::{Colour, Machine, Report, html, summary, symbol, table, timelines};
use lab::scenario::{self, Run, Scenario, catalogue};
use lab::{
    Balancer, Cancel, Error, Files, Lab, Probing, Relay, Router, Setup, Software, Timing, VIP, VrrpVersion,
};
use std::env;
use std::fs;
use std::io::{IsTerminal as _, Write, stderr, stdout};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// Where the dashboard of each balancer is.
const DASHBOARD: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8404);

#[derive(Args)]
pub(crate) struct Arguments {
    /// List the scenarios and exit
    #[arg(long)]
    list: bool,
    /// Play only this scenario; may be given several times
    #[arg(long, value_name = "SCENARIO")]
    only: Vec<String>,
    /// Play each scenario this many times
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Print the whole report as JSON instead of the table and the time lines
    #[arg(long)]
    json: bool,
    /// Write the report as an HTML page as well
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// Play the same faults with keepalived and with vrrpd on both nodes, and print both in one table; --only then takes
    /// a configuration (v3fast), an event (term) or both (v3fast/term)
    #[arg(long, conflicts_with_all = ["list", "report", "keep", "fast", "track_lbd", "peer", "vrrp_version", "config_dir"])]
    matrix: bool,
    /// How many networks of the matrix are up at a time; by default as many as there are processors, for more would
    /// stretch each other's times
    #[arg(long, value_name = "N", default_value_t = processors(), hide_default_value = true, value_parser = clap::value_parser!(u32).range(1..=32), requires = "matrix")]
    jobs: u32,
    /// Write the table of the matrix as Markdown as well
    #[arg(long, value_name = "FILE.md", requires = "matrix")]
    markdown: Option<PathBuf>,
    /// Stay up at the end, with the dashboards reachable on this machine, until Ctrl-C; with --keep alone no scenario is played
    #[arg(long)]
    keep: bool,
    /// VRRPv3 at 100 ms, health checks every second, and track_lbd instead of a script
    #[arg(long)]
    fast: bool,
    /// Add track_lbd to the script, so that a dead or hung lbd is noticed at once
    #[arg(long, conflicts_with = "fast")]
    track_lbd: bool,
    /// Put an installed program on a node in place of ours; may be given twice
    #[arg(long, value_enum, value_name = "PROGRAM")]
    peer: Vec<Peer>,
    /// Which node --peer goes to
    #[arg(long, value_enum, default_value_t = PeerNode::Two, requires = "peer")]
    peer_node: PeerNode,
    /// The version of VRRP between the nodes
    #[arg(long, value_enum, default_value_t = Version::Two, conflicts_with = "fast")]
    vrrp_version: Version,
    /// Use haproxy.cfg, keepalived-node1.conf and keepalived-node2.conf of this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["fast", "track_lbd", "vrrp_version"])]
    config_dir: Option<PathBuf>,
    /// Where lbd and vrrpd are; under cargo they are built, otherwise they are looked for beside this program
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Peer {
    Keepalived,
    Haproxy,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PeerNode {
    #[value(name = "1")]
    One,
    #[value(name = "2")]
    Two,
    Both,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Version {
    #[value(name = "2")]
    Two,
    #[value(name = "3")]
    Three,
}

fn processors() -> u32 {
    thread::available_parallelism()
        .ok()
        .and_then(|count| u32::try_from(count.get()).ok())
        .unwrap_or(1)
        .min(32)
}

/// Runs the command; the exit code tells whether every bound was kept.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    if arguments.list {
        return list().map(|()| ExitCode::SUCCESS);
    }
    if arguments.matrix {
        let bin_dir = programs::directory(arguments.bin_dir.as_deref())?;
        let Arguments { only, runs, jobs, json, markdown, .. } = arguments;
        let order =
            matrix::Order { only, runs: *runs, jobs: *jobs, json: *json, markdown: markdown.as_deref() };
        return matrix::run(&order, &bin_dir, &cancel_on_signals()?);
    }
    let scenarios = arguments.scenarios()?;
    let setup = arguments.setup();
    let bin_dir = programs::directory(arguments.bin_dir.as_deref())?;
    let cancel = cancel_on_signals()?;

    let progress = Progress::start();
    progress.doing("makes two load balancer nodes, two application servers, a client and a switch");
    let mut builder = Lab::builder(bin_dir).setup(setup).cancel(cancel);
    if let Some(dir) = &arguments.config_dir {
        builder = builder.files(Files::from_dir(dir, setup.software)?);
    }
    let lab = builder.start()?;
    let client = lab.start_client()?;
    let mut report = Report { machine: Machine::here(), setup, runs: Vec::new() };
    // What was measured before an error or Ctrl-C is shown all the same.
    let played = play(&lab, &client, &scenarios, arguments.runs, &progress, &mut report.runs);
    if let Some(file) = arguments.report.as_deref().filter(|_| !report.runs.is_empty()) {
        fs::write(file, html(&report)).map_err(|source| Error::File { path: file.to_owned(), source })?;
        progress.done(&format!("report: {}", file.display()));
    }
    if arguments.keep && scenarios.is_empty() {
        progress.doing("waits until all is green");
        lab.settle(&client, Duration::from_secs(60))?;
    }
    drop(progress);
    if !report.runs.is_empty() {
        let mut out = stdout().lock();
        if arguments.json {
            writeln!(out, "{}", report.json()?)?;
        } else {
            let colour = colour();
            write!(out, "\n{}\n{}", timelines(&report, colour), table(&report, colour))?;
        }
    }
    played?;
    if arguments.keep {
        let mut out: Box<dyn Write> = if arguments.json { Box::new(stderr()) } else { Box::new(stdout()) };
        keep(&lab, &mut out)?;
    }
    Ok(if report.ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Arguments {
    fn scenarios(&self) -> Result<Vec<&'static Scenario>, Error> {
        if !self.only.is_empty() {
            return self.only.iter().map(|name| scenario::find(name)).collect();
        }
        Ok(if self.keep { Vec::new() } else { catalogue().iter().collect() })
    }

    fn setup(&self) -> Setup {
        let software = Software {
            balancer: if self.peer.contains(&Peer::Haproxy) { Balancer::Haproxy } else { Balancer::Lbd },
            router: if self.peer.contains(&Peer::Keepalived) { Router::Keepalived } else { Router::Vrrpd },
        };
        let on = |node: PeerNode| {
            let here = self.peer_node == node || self.peer_node == PeerNode::Both;
            if here { software } else { Software::default() }
        };
        Setup {
            software: [on(PeerNode::One), on(PeerNode::Two)],
            timing: if self.fast { Timing::Fast } else { Timing::Classic },
            version: match self.vrrp_version {
                Version::Two => VrrpVersion::V2,
                Version::Three => VrrpVersion::V3,
            },
            track_lbd: self.track_lbd,
        }
    }
}

/// Colours are for a terminal whose owner did not decline them: no-color.org.
fn colour() -> Colour {
    if stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) {
        Colour::Ansi
    } else {
        Colour::None
    }
}

fn list() -> Result<(), Error> {
    let mut out = stdout().lock();
    for scenario in catalogue() {
        writeln!(out, "{:<14} {}; then {}", scenario.name, scenario.title, scenario.repair)?;
    }
    Ok(())
}

fn play(
    lab: &Lab,
    client: &Probing,
    scenarios: &[&Scenario],
    times: u32,
    progress: &Progress,
    runs: &mut Vec<Run>,
) -> Result<(), Error> {
    let all = scenarios.len() * times as usize;
    for (index, scenario) in scenarios.iter().cycle().take(all).enumerate() {
        let name = format!("[{}/{all}] {}", index + 1, scenario.name);
        // As many runs as there are scenarios make one repetition.
        let number = u32::try_from(index / scenarios.len()).unwrap_or(u32::MAX).saturating_add(1);
        let run = scenario::run(lab, client, scenario, number, &|text: &str| {
            progress.doing(&format!("{name}: {text}"))
        })?;
        for (row, indent) in Report::rows_of(&run).iter().zip(["", "  repaired: "]) {
            let symbol = symbol(row.verdict);
            let name = if indent.is_empty() { format!("{name}: ") } else { indent.to_owned() };
            progress.done(&format!("{symbol} {name}{}", summary(row)));
        }
        runs.push(run);
    }
    Ok(())
}

/// Stays up until it is interrupted, which is no failure here.
fn keep(lab: &Lab, out: &mut dyn Write) -> Result<(), Error> {
    let mut relays = Vec::new();
    for number in [1, 2] {
        relays.push((lab.node(number).name(), Relay::start(lab.node(number), DASHBOARD)?));
    }
    let vip = Relay::start(lab.client(), SocketAddr::new(VIP, 80))?;
    for (name, relay) in relays {
        writeln!(out, "dashboard of {name}:  http://{}/stats", relay.address())?;
    }
    writeln!(out, "the application at {VIP}:  http://{}/swagger/index.html", vip.address())?;
    writeln!(out, "files and logs:  {}", lab.network().dir().display())?;
    writeln!(out, "Ctrl-C ends the lab.")?;
    loop {
        match lab.pause(Duration::from_secs(3_600)) {
            Ok(()) => {}
            Err(Error::Interrupted) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// The first Ctrl-C or SIGTERM ends the lab in order; the second one ends this program, and the kernel the lab.
fn cancel_on_signals() -> Result<Cancel, Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let cancel = Cancel::default();
    let shared = cancel.clone();
    thread::spawn(move || {
        runtime.block_on(async {
            for cancelled in [false, true] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if cancelled {
                    std::process::exit(130);
                }
                shared.cancel();
            }
        });
    });
    Ok(cancel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(words: &[&str]) -> Result<Arguments, clap::Error> {
        Line::try_parse_from([&["lab"][..], words].concat()).map(|line| line.arguments)
    }

    #[test]
    fn a_peer_goes_to_the_node_it_is_told() {
        let theirs = Software { balancer: Balancer::Lbd, router: Router::Keepalived };
        let table: [(&[&str], [Software; 2]); 4] = [
            (&[], [Software::default(); 2]),
            (&["--peer", "keepalived"], [Software::default(), theirs]),
            (&["--peer", "keepalived", "--peer-node", "1"], [theirs, Software::default()]),
            (&["--peer", "keepalived", "--peer-node", "both"], [theirs, theirs]),
        ];
        for (words, software) in table {
            assert_eq!(parse(words).unwrap().setup().software, software, "{words:?}");
        }
    }

    #[test]
    fn options_that_exclude_each_other_are_refused() {
        for words in [
            &["--fast", "--vrrp-version", "2"][..],
            &["--config-dir", "x", "--fast"],
            &["--peer-node", "1"],
            &["--runs", "0"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn keep_alone_plays_nothing() {
        assert!(parse(&["--keep"]).unwrap().scenarios().unwrap().is_empty());
        assert_eq!(parse(&["--keep", "--only", "node-off"]).unwrap().scenarios().unwrap().len(), 1);
        assert_eq!(parse(&[]).unwrap().scenarios().unwrap().len(), catalogue().len());
        assert!(parse(&["--only", "lunch"]).unwrap().scenarios().is_err());
    }
}
