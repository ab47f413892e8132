//! `cargo bench-proxy`: measures lbd beside HAProxy and nginx, on one machine, in one run, taking turns.
//!
//! The figure is the CPU time that a proxy spends on a request, by the kernel's accounting of its processes. Requests a
//! second would say as much about the load generator and the servers, which share the machine.

mod child;
mod cli;
mod cpu;
mod error;
mod figures;
mod instructions;
mod interrupt;
mod load;
mod machine;
mod measure;
mod origin;
mod payload;
mod peers;
mod plot;
mod real_time;
mod report;
mod results;
mod scenario;
mod strace;
mod syslog;
mod table;
mod temp_dir;
mod turn;
mod usage;
mod vrrp_cost;
mod workload;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use cli::{Cli, ProxyName, RunArgs};
use error::BenchError;
use machine::Machine;
use measure::Bench;
use origin::Origin;
use peers::Peer;
use report::Report;
use scenario::Scenario;
use temp_dir::TempDir;
use workload::Workload;

fn main() -> ExitCode {
    // A lab starts this program again inside each namespace, where it must have one thread only.
    if let Some(code) = lab::node_main() {
        return code;
    }
    let cli = Cli::parse();
    let result = match cli.command {
        Some(cli::Command::Workload { name, iterations }) => {
            return Workload::named(&name).map_or(ExitCode::FAILURE, |workload| {
                workload.run(iterations);
                ExitCode::SUCCESS
            });
        }
        _ if cfg!(debug_assertions) => Err(BenchError::DebugBuild),
        Some(cli::Command::Instructions(args)) => instructions::run(&args).map(|(text, passed)| {
            say(&text);
            passed
        }),
        Some(cli::Command::Vrrp(args)) => built("vrrpd").and_then(|vrrpd| {
            say(&vrrp_cost::run(&args, &vrrpd)?);
            Ok(true)
        }),
        None => run(&cli.run),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Without a standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "bench-proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures; false when a response was wrong.
fn run(args: &RunArgs) -> Result<bool, BenchError> {
    if args.list {
        for scenario in scenario::ALL {
            say(&format!("{:<12} {}\n", scenario.name, scenario.title));
        }
        return Ok(true);
    }
    let scenarios = chosen(&args.only)?;
    let peers = peers(args)?;
    let mut versions = Vec::new();
    for peer in &peers {
        versions.push((peer.name.clone(), peer.version()?));
    }
    versions.push(("wrk".into(), machine::first_line("wrk", &["-v"])));
    let machine = Machine::this();
    let idle_clients = idle_clients(args);
    share_out_cpus(args)?;
    interrupt::watch()?;
    let origin = Origin::start(scenario::most_servers(), args.load_cpu)?;
    let dir = TempDir::new()?;
    let bench = Bench { args, peers: &peers, origin: &origin, dir: &dir, idle_clients };
    let mut report =
        Report { machine, versions, rounds: args.rounds, seconds: args.seconds, scenarios: Vec::new() };
    for scenario in &scenarios {
        let result = bench.run(scenario)?;
        say(&table::text(&result));
        say("\n");
        report.scenarios.push(result);
        // After each scenario: an interrupted run keeps what it has.
        save(args, &report)?;
    }
    say(&format!("plot: {}\n", args.plot.display()));
    Ok(report.scenarios.iter().flat_map(|scenario| &scenario.peers).all(|peer| peer.problems.is_empty()))
}

fn chosen(names: &[String]) -> Result<Vec<Scenario>, BenchError> {
    let unknown = names.iter().find(|name| scenario::ALL.iter().all(|scenario| scenario.name != **name));
    match unknown {
        Some(name) => Err(BenchError::UnknownScenario(name.clone())),
        None => Ok(scenario::ALL
            .into_iter()
            .filter(|scenario| names.is_empty() || names.iter().any(|name| name == scenario.name))
            .collect()),
    }
}

fn peers(args: &RunArgs) -> Result<Vec<Peer>, BenchError> {
    let mut peers = Vec::new();
    for name in &args.proxies {
        match name {
            ProxyName::Lbd => {
                let program = args.lbd.clone().map_or_else(|| built("lbd"), Ok)?;
                peers.push(Peer::lbd("lbd".into(), program));
                for (n, other) in args.also_lbd.iter().enumerate() {
                    peers.push(Peer::lbd(format!("lbd-{}", n + 2), other.clone()));
                }
            }
            ProxyName::Haproxy | ProxyName::Nginx => peers.push(Peer::installed(*name)),
        }
    }
    Ok(peers)
}

/// The program of ours beside this one. Under cargo it is brought up to date first, so that no figure is of an old one.
fn built(name: &str) -> Result<PathBuf, BenchError> {
    let me = std::env::current_exe().map_err(BenchError::io("a running program has a path"))?;
    let profile = me.parent().unwrap_or(Path::new("."));
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut command = Command::new(cargo);
        command.args(["build", "--release", "-p", name, "--target-dir"]);
        command.arg(profile.parent().unwrap_or(profile)).current_dir(env!("CARGO_MANIFEST_DIR"));
        let status =
            command.status().map_err(|source| BenchError::Program { program: "cargo".into(), source })?;
        if !status.success() {
            let (status, output) = (status.to_string(), String::new());
            return Err(BenchError::Failed { program: format!("cargo build -p {name}"), status, output });
        }
    }
    let program = profile.join(name);
    if program.exists() { Ok(program) } else { Err(BenchError::NoLbd(program)) }
}

/// As many as asked for, or as the limit of open files allows: proxies inherit it, and set two files aside for a client.
fn idle_clients(args: &RunArgs) -> u64 {
    const SPARE: u64 = 1000;
    // Only root may raise the hard limit, and not everywhere.
    let wanted = args.clients * 2 + SPARE;
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && setrlimit(Resource::RLIMIT_NOFILE, wanted.max(hard), wanted.max(hard)).is_err()
    {
        // It stays as it is, and is read below.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    let clients = args.clients.min(limit.saturating_sub(SPARE) / 2);
    if clients < args.clients {
        say(&format!("{clients} idle clients instead of {}: {limit} open files are allowed\n", args.clients));
    }
    clients
}

/// This program, with the load and the origins, lives on one CPU; proxies start on another one.
fn share_out_cpus(args: &RunArgs) -> Result<(), BenchError> {
    for cpu in [args.proxy_cpu, args.load_cpu] {
        if !cpu::is_available(cpu) {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(BenchError::Io { what: format!("CPU {cpu} is not available"), source });
        }
    }
    cpu::pin(args.load_cpu).map_err(BenchError::io("cannot choose a CPU"))
}

fn save(args: &RunArgs, report: &Report) -> Result<(), BenchError> {
    let write = |path: &Path, text: String| {
        std::fs::write(path, text).map_err(BenchError::io(format!("cannot write {}", path.display())))
    };
    if let Some(directory) = args.plot.parent() {
        std::fs::create_dir_all(directory).map_err(BenchError::io("cannot make the plot's directory"))?;
    }
    write(&args.plot, plot::svg(report))?;
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(report).expect("a report has no keys that JSON cannot have");
        write(path, text)?;
    }
    args.results.as_deref().map_or(Ok(()), |path| results::write(path, report))
}

/// Prints; without a standard output there is nobody to tell.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
