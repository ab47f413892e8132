//! `tandem`: the operator's tool.

mod lab;
mod matrix;
mod programs;
mod progress;
mod status;

use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::process::ExitCode;

/// The operator's tool for a pair of load balancers.
#[derive(Parser)]
#[command(name = "tandem", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build a two-node pair in network namespaces, break it in every way we know, and measure what a user feels.
    Lab(lab::Arguments),
    /// Show what the vrrpd of this node knows: states and why, addresses, peers, what is tracked.
    Status(status::Arguments),
}

fn main() -> ExitCode {
    // A lab starts this program again inside each namespace, where it must have one thread only.
    if let Some(code) = ::lab::node_main() {
        return code;
    }
    match Arguments::parse().command {
        Command::Lab(arguments) => lab::run(&arguments).unwrap_or_else(|error| match error {
            ::lab::Error::Interrupted => complain(&error, ExitCode::from(130)),
            _ => complain(&error, ExitCode::FAILURE),
        }),
        // As `systemctl status`: what cannot be asked is not the same as what is not well.
        Command::Status(arguments) => {
            status::run(&arguments).unwrap_or_else(|error| complain(&error, ExitCode::from(4)))
        }
    }
}

fn complain(error: &dyn std::error::Error, code: ExitCode) -> ExitCode {
    // Without standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "tandem: {error}");
    code
}
