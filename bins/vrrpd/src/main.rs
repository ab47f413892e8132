//! `vrrpd`: keeps a virtual address on one of several machines. See the library for what it does.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    vrrpd::run(&vrrpd::Cli::parse())
}
