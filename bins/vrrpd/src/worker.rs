//! The worker: the process in which the driver runs.

use std::io;
use std::process::ExitCode;

use config::keepalived::{Config, Notify};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use tracing::{error, info, warn};

use crate::cli::Cli;
use crate::configuration::Source;
use crate::driver::{Driver, StartError};
use crate::firewall::Firewall;
use crate::guardian::Line;
use crate::program::Program;
use crate::{log, scheduling};

/// Why the worker ends, other than by being told to.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no event loop: {0}")]
    Runtime(#[source] io::Error),
    #[error("the guardian is not watched: {0}")]
    Guardian(#[source] io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Runs until it is told to stop. The status is 0 then, and 1 when it cannot start.
pub(crate) fn run(cli: &Cli, guardian: u32, source: Source, config: Config, line: Line) -> ExitCode {
    // The thread that writes must not be given signals.
    let _log = log::start(cli.log_detail, cli.log_format);
    match serve(cli, guardian, source, config, line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            error!("vrrpd does not start: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn serve(cli: &Cli, guardian: u32, source: Source, config: Config, line: Line) -> Result<(), Failure> {
    // Without its guardian the worker resigns and ends: nobody would take its addresses away.
    prctl::set_pdeathsig(Signal::SIGTERM).map_err(|errno| Failure::Guardian(errno.into()))?;
    if std::os::unix::process::parent_id() != guardian {
        return Err(Failure::Guardian(io::ErrorKind::NotFound.into()));
    }
    info!("Starting vrrpd v{} with {}", env!("CARGO_PKG_VERSION"), source.path().display());
    if cli.dump_conf {
        format!("{config:#?}").lines().for_each(|line| info!("{line}"));
    }
    warn_of_scripts(&config);
    scheduling::apply(&config.global.scheduling).iter().for_each(|refusal| warn!("{refusal}"));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(async {
        Driver::start(source, config, line, Firewall::new(guardian)).await?.run().await;
        Ok(())
    })
}

/// In keepalived's words, and only where there is something to change.
fn warn_of_scripts(config: &Config) {
    if config.global.enable_script_security {
        return;
    }
    let notified = config.instances.iter().map(|instance| &instance.notify);
    let notified = notified.chain(config.groups.iter().map(|group| &group.notify)).flat_map(Notify::commands);
    let checks = config.scripts.iter().map(|script| &script.script);
    for command in checks.chain(notified).filter(|command| !command.argv.is_empty()) {
        if let Ok(program) = Program::resolve(command, &config.global)
            && let Some(hazard) = program.hazard()
        {
            warn!("SECURITY VIOLATION - scripts are being executed but script_security not enabled.");
            warn!("script `{}` runs as root, and {hazard}", command.raw);
            return;
        }
    }
}
