//! The command line: HAProxy's flags (management manual, chapter 3), and the quick start without a file.

use std::path::PathBuf;

use clap::{ArgAction, Parser};

/// HTTP and TCP load balancer that reads HAProxy's configuration.
#[derive(Debug, Parser)]
#[command(name = "lbd", disable_version_flag = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Configuration file, or a directory of *.cfg files; may be repeated, the order counts.
    #[arg(short = 'f', value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Check the configuration and exit: 0 valid, 1 invalid.
    #[arg(short = 'c')]
    pub(crate) check: bool,

    /// Say more: with -c, that the configuration is valid.
    #[arg(short = 'V')]
    pub(crate) verbose: bool,

    /// Print the version; -vv prints what is built in.
    #[arg(short = 'v', action = ArgAction::Count)]
    pub(crate) version: u8,

    /// Print nothing but errors.
    #[arg(short = 'q')]
    pub(crate) quiet: bool,

    /// Write the process id to this file.
    #[arg(short = 'p', value_name = "PIDFILE")]
    pub(crate) pidfile: Option<PathBuf>,

    /// Change to this directory before reading files.
    #[arg(short = 'C', value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,

    /// HAProxy's -d, -db, -dM, -dI, -dW …: -dW makes warnings fatal, the others change nothing here.
    #[arg(short = 'd', value_name = "FLAG", num_args = 0..=1, default_missing_value = "", require_equals = false, action = ArgAction::Append)]
    pub(crate) debug: Vec<String>,

    /// Without a file: listen here and balance over --server.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Vec<String>,

    /// A server to balance over; may be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) server: Vec<String>,

    /// Serve the dashboard here, at /stats.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) stats: Option<String>,

    /// Print the configuration that --listen, --server and --stats amount to, and exit.
    #[arg(long)]
    pub(crate) print_config: bool,

    /// More configuration files, after `--`.
    #[arg(last = true, value_name = "FILE")]
    pub(crate) more_files: Vec<PathBuf>,
}

impl Cli {
    /// Whether warnings refuse the start (`-dW`).
    pub(crate) fn warnings_are_fatal(&self) -> bool {
        self.debug.iter().any(|flag| flag == "W")
    }

    /// All configuration files in order.
    pub(crate) fn all_files(&self) -> Vec<PathBuf> {
        self.files.iter().chain(&self.more_files).cloned().collect()
    }
}
