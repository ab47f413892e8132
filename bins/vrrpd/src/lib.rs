//! The VRRP daemon: reads a keepalived configuration, and holds its virtual addresses while this node is the Active one.
//!
//! The [`vrrp`] crate decides; this one gives it packets, links, health and time, and carries out what it asks for, in
//! order. Read [`run`] first, then `guardian/`, the parent process, then `driver/`: one loop, one input a turn.
//!
//! | file | noun |
//! |---|---|
//! | `cli` | keepalived's options |
//! | `configuration` | a file, checked, or its errors as text |
//! | `guardian` | the parent process: watches the worker, takes its addresses away when it dies, starts it again |
//! | `worker` | the process in which everything else runs |
//! | `locks`, `fights` | one daemon a virtual router; an address that somebody else removes |
//! | `scheduling`, `capabilities`, `namespace` | what the process may do, and how and where it is run |
//! | `plan` | what a configuration means on this machine: virtual routers, addresses, trackers |
//! | `driver` | the loop: an input, the node, its actions, the next deadline |
//! | `executor`, `sockets`, `pacing` | actions to the kernel: addresses with leases, advertisements, announcements one after the other |
//! | `vmacs`, `secondaries`, `firewall` | what interfaces and packets are told besides |
//! | `tracking` | scripts, processes, interfaces, lbd: what changes the priority |
//! | `notify` | scripts and FIFOs that are told of transitions |
//! | `wording`, `causes`, `complaints`, `log` | log lines, keepalived's and ours |
//! | `status`, `dump`, `serve` | the state for whoever asks: a socket, metrics, keepalived's files |
//!
//! ```
//! use clap::Parser;
//!
//! let cli = vrrpd::Cli::parse_from(["vrrpd", "--signum=RELOAD"]);
//! assert_eq!(cli.signum.map(|signal| signal.number()), Some(1));
//! ```
//!
//! Out of scope: LVS.

mod capabilities;
mod causes;
mod claims;
mod cli;
mod clock;
mod complaints;
mod configuration;
mod daemon;
mod debounce;
mod driver;
mod dump;
mod executor;
mod fights;
mod firewall;
mod guardian;
mod hooks;
mod lint;
mod locks;
mod log;
mod namespace;
mod network;
mod notify;
mod pacing;
mod pidfile;
mod plan;
mod program;
mod scheduling;
mod secondaries;
mod serve;
mod service_manager;
mod signals;
mod sockets;
mod starvation;
mod status;
mod sys;
mod tracking;
mod vmacs;
mod wording;
mod worker;

pub use cli::{Cli, LogFormat, SignalName};
pub use daemon::run;
