//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// CPU time per request of lbd, HAProxy and nginx, side by side.
#[derive(Debug, Parser)]
#[command(name = "bench-proxy", args_conflicts_with_subcommands = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Counts the instructions of hot functions under valgrind.
    Instructions(InstructionsArgs),
    /// Measures what an advertisement and a takeover cost vrrpd and keepalived, in network namespaces.
    Vrrp(VrrpArgs),
    /// Runs one workload; what `instructions` starts under valgrind.
    #[command(hide = true)]
    Workload { name: String, iterations: u64 },
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Rounds of each proxy in each scenario; the figures are medians.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Seconds of one round.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// Only these scenarios, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// The proxies to measure, in the order of their turns.
    #[arg(long, value_delimiter = ',', value_enum, default_values = ["lbd", "haproxy", "nginx"])]
    pub(crate) proxies: Vec<ProxyName>,
    /// CPU time only: neither system calls nor latency.
    #[arg(long)]
    pub(crate) cpu_only: bool,
    /// Idle clients; fewer where the limit of open files forbids that many.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) clients: u64,
    /// The lbd to measure, instead of the one of this workspace.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) lbd: Option<PathBuf>,
    /// One more lbd in the same rounds, to compare two builds; may be repeated.
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) also_lbd: Vec<PathBuf>,
    /// CPU of the proxy under test.
    #[arg(long, default_value_t = 0)]
    pub(crate) proxy_cpu: usize,
    /// CPU of load and origins.
    #[arg(long, default_value_t = 1)]
    pub(crate) load_cpu: usize,
    /// Write all figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Where the plot goes.
    #[arg(long, value_name = "FILE", default_value = "target/bench-proxy.svg")]
    pub(crate) plot: PathBuf,
    /// Write machine, versions and tables as Markdown; notes made there by hand stay.
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,
    /// List the scenarios and exit.
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProxyName {
    Lbd,
    Haproxy,
    Nginx,
}

#[derive(Debug, Args)]
pub(crate) struct VrrpArgs {
    /// Rounds of each daemon under advertisements; the figure is the median.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Seconds of one round.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// Takeovers of each daemon; the figures are medians.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) takeovers: u32,
    /// Write all figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct InstructionsArgs {
    /// Fail when a count is more than 5 % above the baseline.
    #[arg(long, conflicts_with = "update")]
    pub(crate) check: bool,
    /// Write the counts that moved by more than 1 % into the baseline, with the reason.
    #[arg(long, requires = "reason")]
    pub(crate) update: bool,
    /// Why counts changed; one sentence.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// The baseline.
    #[arg(long, value_name = "FILE", default_value = "bench/instructions.toml")]
    pub(crate) baseline: PathBuf,
}
