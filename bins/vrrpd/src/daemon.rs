//! From the command line to the running daemon.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use config::keepalived::Config;
use nix::sys::stat::Mode;

use crate::capabilities::{self, MissingCapability};
use crate::cli::Cli;
use crate::configuration::Source;
use crate::guardian::{Guardian, GuardianError, Part};
use crate::namespace::{self, NamespaceError};
use crate::pidfile::{PidFile, PidFileError};
use crate::{firewall, hooks, log, worker};

/// Exit status for a configuration with errors.
const INVALID: u8 = 5;

/// Why the daemon does not start.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Capability(#[from] MissingCapability),
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    #[error(transparent)]
    Guardian(#[from] GuardianError),
}

/// Does what the command line asks for: checks a configuration, prints a signal's number, or runs until `SIGTERM`.
///
/// The exit status is 0 after `SIGTERM` and for a valid configuration, 5 for one that is not, as keepalived's, and 1 for a
/// daemon that cannot start for another reason.
pub fn run(cli: &Cli) -> ExitCode {
    if let Some(signal) = cli.signum {
        // Without a reader there is nobody to tell.
        let _ = writeln!(io::stdout(), "{}", signal.number());
        return ExitCode::SUCCESS;
    }
    let source = Source::new(cli);
    let (config, text) = source.load();
    if let Some(log) = &cli.config_test {
        say(log.as_deref(), &text);
        return if config.is_some() { ExitCode::SUCCESS } else { ExitCode::from(INVALID) };
    }
    say(None, &text);
    let Some(config) = config else {
        say(None, "vrrpd does not start: the configuration has errors\n");
        return ExitCode::from(INVALID);
    };
    match serve(cli, source, config) {
        Ok(status) => status,
        Err(failure) => {
            log::say(&format!("vrrpd does not start: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// Divides into guardian and worker, and comes back in both.
fn serve(cli: &Cli, source: Source, config: Config) -> Result<ExitCode, Failure> {
    capabilities::check()?;
    let pid_file = cli.pid.as_deref().map(PidFile::create).transpose()?;
    let worker_pid = cli.vrrp_pid.as_deref().map(PidFile::create).transpose()?;
    let guardian = std::process::id();
    let global = config.global.clone();
    if let Some(name) = &global.net_namespace {
        namespace::enter(name)?;
    }
    if let Some(mask) = global.umask {
        nix::sys::stat::umask(Mode::from_bits_truncate(mask));
    }
    if let Some(script) = &global.startup_script {
        hooks::run("Startup", script, &global);
    }
    firewall::clear();
    let part = Guardian::new(source.clone(), config, worker_pid, !cli.dont_respawn)?.run()?;
    Ok(match part {
        Part::Guardian { status } => {
            firewall::clear();
            if let Some(script) = &global.shutdown_script {
                hooks::run("Shutdown", script, &global);
            }
            ExitCode::from(status)
        }
        Part::Worker { line, config } => {
            // The guardian's lock says that there is a daemon; a worker without a guardian is none.
            drop(pid_file);
            worker::run(cli, guardian, source, *config, line)
        }
    })
}

/// Before there is a log, and for those who check a file.
fn say(log: Option<&Path>, text: &str) {
    let file = log.and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
    let _ = match file {
        Some(mut file) => file.write_all(text.as_bytes()),
        None => io::stderr().write_all(text.as_bytes()),
    };
}
