//! From the command line to the running daemon.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use config::keepalived::Config;
use tracing::{info, warn};

use crate::capabilities::{self, MissingCapability};
use crate::cli::Cli;
use crate::configuration::Source;
use crate::driver::{Driver, StartError};
use crate::log;
use crate::pidfile::{PidFile, PidFileError};

/// Why the daemon ended, other than by being told to.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Capability(#[from] MissingCapability),
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    #[error("no event loop: {0}")]
    Runtime(#[source] io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Does what the command line asks for: checks a configuration, prints a signal's number, or runs until `SIGTERM`.
///
/// The exit status is 0 after `SIGTERM` and for a valid configuration, 1 for one that is not and for a daemon that
/// cannot start.
pub fn run(cli: &Cli) -> ExitCode {
    if let Some(signal) = cli.signum {
        // Without a reader there is nobody to tell.
        let _ = writeln!(io::stdout(), "{}", signal.number());
        return ExitCode::SUCCESS;
    }
    let source = Source::new(&cli.file, cli.config_id.clone());
    let (config, text) = source.load();
    if let Some(log) = &cli.config_test {
        say(log.as_deref(), &text);
        return if config.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    say(None, &text);
    let Some(config) = config else {
        say(None, "vrrpd does not start: the configuration has errors\n");
        return ExitCode::FAILURE;
    };
    let _log = log::start(cli.log_detail);
    match serve(cli, source, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!("vrrpd does not start: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn serve(cli: &Cli, source: Source, config: Config) -> Result<(), Failure> {
    capabilities::check()?;
    let _pid = cli.pid.as_deref().map(PidFile::create).transpose()?;
    let _vrrp_pid = cli.vrrp_pid.as_deref().map(PidFile::create).transpose()?;
    info!("Starting vrrpd v{} with {}", env!("CARGO_PKG_VERSION"), source.path().display());
    if cli.dump_conf {
        format!("{config:#?}").lines().for_each(|line| info!("{line}"));
    }
    warn_of_scripts(&config);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(async {
        Driver::start(source, config).await?.run().await;
        Ok(())
    })
}

fn warn_of_scripts(config: &Config) {
    let notified = config.instances.iter().any(|instance| instance.notify.commands().next().is_some());
    if !config.global.enable_script_security && (notified || !config.scripts.is_empty()) {
        warn!("SECURITY VIOLATION - scripts are being executed but script_security not enabled.");
    }
}

/// Before there is a log, and for those who check a file.
fn say(log: Option<&Path>, text: &str) {
    let file = log.and_then(|path| OpenOptions::new().create(true).append(true).open(path).ok());
    let _ = match file {
        Some(mut file) => file.write_all(text.as_bytes()),
        None => io::stderr().write_all(text.as_bytes()),
    };
}
