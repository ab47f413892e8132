//! `tandem status`: what the `vrrpd` of this node says of itself, for a terminal of 80 columns.

mod page;

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use stats::router::NodeReport;

/// A daemon that does not answer by then is busy with something else, or hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to show.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The status socket of vrrpd
    #[arg(long, value_name = "PATH", default_value = "/run/vrrpd/status.sock")]
    socket: PathBuf,

    /// Print the document as it is
    #[arg(long)]
    json: bool,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusError {
    #[error("vrrpd does not answer at {}: {source}. Does it run, with this `status_socket`, and may you connect?", path.display())]
    Connect { path: PathBuf, source: io::Error },
    #[error("{} gave an answer that is no status of vrrpd: {source}", path.display())]
    Answer { path: PathBuf, source: serde_json::Error },
}

/// Asks and prints. The exit status is 0 if every virtual router is well, 1 if one is in FAULT or is not the only MASTER.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, StatusError> {
    let path = &arguments.socket;
    let text = ask(arguments).map_err(|source| StatusError::Connect { path: path.clone(), source })?;
    let report: NodeReport =
        serde_json::from_str(&text).map_err(|source| StatusError::Answer { path: path.clone(), source })?;
    let page = if arguments.json { text } else { page::render(&report) };
    // Without a reader there is nobody to tell.
    let _ = io::stdout().write_all(page.as_bytes());
    Ok(if report.routers.iter().all(page::is_well) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn ask(arguments: &Arguments) -> io::Result<String> {
    let mut stream = UnixStream::connect(&arguments.socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}
