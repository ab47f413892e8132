//! keepalived's options.

use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};

/// keepalived-class VRRP daemon. It reads a keepalived.conf and stays in the foreground.
#[derive(Debug, Clone, Parser)]
#[command(name = "vrrpd", version, disable_version_flag = true)]
pub struct Cli {
    /// Configuration file
    #[arg(
        short = 'f',
        long = "use-file",
        value_name = "FILE",
        default_value = "/etc/keepalived/keepalived.conf"
    )]
    pub file: PathBuf,

    /// Check the configuration and exit: 0 if it is valid, 5 if not. Needs no privileges and no network
    #[arg(short = 't', long = "config-test", value_name = "LOG-FILE", num_args = 0..=1, require_equals = true)]
    pub config_test: Option<Option<PathBuf>>,

    /// Log more: each announcement, discarded packets, renewals
    #[arg(short = 'D', long = "log-detail")]
    pub log_detail: bool,

    /// Log the configuration at the start
    #[arg(short = 'd', long = "dump-conf")]
    pub dump_conf: bool,

    /// Write the process number to this file and hold a lock on it. A file that an earlier run left is no obstacle
    #[arg(short = 'p', long = "pid", value_name = "FILE")]
    pub pid: Option<PathBuf>,

    /// A second such file, with the number of the process that does the work
    #[arg(short = 'r', long = "vrrp_pid", value_name = "FILE")]
    pub vrrp_pid: Option<PathBuf>,

    /// What `@ID` lines of the configuration are compared with; by default the first label of the host name
    #[arg(short = 'i', long = "config-id", value_name = "ID")]
    pub config_id: Option<String>,

    /// Run in this network namespace of `ip netns`, whatever `net_namespace` says
    #[arg(short = 's', long = "namespace", value_name = "NAME")]
    pub namespace: Option<String>,

    /// Print the number of a signal and exit
    #[arg(long, value_name = "NAME", ignore_case = true)]
    pub signum: Option<SignalName>,

    /// How to log: lines in keepalived's words, or JSON, one object a line
    #[arg(long = "log-format", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// Print the version and exit
    #[arg(short = 'v', long = "version", action = ArgAction::Version)]
    version: Option<bool>,

    /// Accepted: vrrpd never forks into the background
    #[arg(short = 'n', long = "dont-fork")]
    dont_fork: bool,

    /// Accepted: vrrpd always logs to standard error
    #[arg(short = 'l', long = "log-console")]
    log_console: bool,

    /// Accepted: vrrpd does not log to syslog
    #[arg(short = 'G', long = "no-syslog")]
    no_syslog: bool,

    /// Accepted: vrrpd does not log to syslog
    #[arg(short = 'S', long = "log-facility", value_name = "N")]
    log_facility: Option<String>,

    /// Accepted: VRRP is all that vrrpd does
    #[arg(short = 'P', long = "vrrp")]
    vrrp_only: bool,

    /// Exit when the VRRP process dies, rather than start it again
    #[arg(short = 'R', long = "dont-respawn")]
    pub dont_respawn: bool,

    /// Accepted: vrrpd always removes its addresses when it stops
    #[arg(short = 'X', long = "release-vips")]
    release_vips: bool,

    /// Accepted: vrrpd has no LVS
    #[arg(short = 'I', long = "dont-release-ipvs")]
    dont_release_ipvs: bool,
}

/// What log lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A date and a sentence.
    Text,
    /// An object with `timestamp`, `level`, `message`, and for a change of state `router`, `from`, `to` and `causes`.
    Json,
}

/// The signals that keepalived names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SignalName {
    /// Resign, remove the addresses, exit.
    Stop,
    /// Read the configuration again.
    Reload,
    /// Write the state to a file.
    Data,
    /// Write the counters to a file.
    Stats,
    /// Count from here in these files.
    #[value(name = "STATS_CLEAR")]
    StatsClear,
    /// Write both as JSON.
    Json,
}

impl SignalName {
    /// The number, as `kill` takes it.
    pub fn number(self) -> i32 {
        use nix::sys::signal::Signal;
        match self {
            Self::Stop => Signal::SIGTERM as i32,
            Self::Reload => Signal::SIGHUP as i32,
            Self::Data => Signal::SIGUSR1 as i32,
            Self::Stats => Signal::SIGUSR2 as i32,
            Self::StatsClear => crate::signals::stats_clear(),
            Self::Json => crate::signals::json(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_of_a_distribution_is_accepted() {
        let cli = Cli::parse_from(["vrrpd", "-lnD", "-P", "-G", "-S", "7", "-f", "a.conf", "-p", "a.pid"]);
        assert_eq!(cli.file, PathBuf::from("a.conf"));
        assert_eq!(cli.pid, Some(PathBuf::from("a.pid")));
        assert!(cli.log_detail && cli.config_test.is_none());
    }

    #[test]
    fn a_config_test_takes_a_log_file_only_after_an_equals_sign() {
        assert_eq!(Cli::parse_from(["vrrpd", "-t", "-f", "a"]).config_test, Some(None));
        let log = Cli::parse_from(["vrrpd", "--config-test=log", "-f", "a"]).config_test;
        assert_eq!(log, Some(Some(PathBuf::from("log"))));
    }

    #[test]
    fn signals_are_named_in_either_case() {
        // As keepalived prints them, on a machine where SIGRTMIN is 34 and SIGRTMAX 64.
        let numbers =
            [("STOP", 15), ("reload", 1), ("DATA", 10), ("STATS", 12), ("STATS_CLEAR", 63), ("json", 36)];
        for (name, number) in numbers {
            let cli = Cli::parse_from(["vrrpd".to_owned(), format!("--signum={name}")]);
            assert_eq!(cli.signum.map(SignalName::number), Some(number), "{name}");
        }
    }

    #[test]
    fn the_man_page_has_every_option() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/man/vrrpd.8");
        let page = std::fs::read_to_string(path).expect("the man page is part of the repository");
        let page = page.replace("\\-", "-");
        for option in <Cli as clap::CommandFactory>::command().get_arguments() {
            let long = option.get_long().expect("every option has a long form");
            assert!(page.contains(&format!("--{long}")), "--{long}");
            if let Some(short) = option.get_short() {
                assert!(page.contains(&format!("-{short}, --{long}")), "-{short}");
            }
        }
    }
}
