//! `tandem`: the operator's tool.

mod lab;
mod matrix;
mod programs;
mod progress;

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
}

fn main() -> ExitCode {
    // A lab starts this program again inside each namespace, where it must have one thread only.
    if let Some(code) = ::lab::node_main() {
        return code;
    }
    let Command::Lab(arguments) = Arguments::parse().command;
    match lab::run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            // Without standard error there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "tandem: {error}");
            match error {
                ::lab::Error::Interrupted => ExitCode::from(130),
                _ => ExitCode::FAILURE,
            }
        }
    }
}
