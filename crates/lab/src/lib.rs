//! Labs: a two-node load balancer pair on one machine, in network namespaces, with a client that measures what a user feels.
//!
//! A [`Network`] is a switch with [`Node`]s on it. Each node is its own machine as far as networking, processes and `/run`
//! are concerned. Root makes it directly; anybody else makes it inside a user namespace, where the machine allows that. It
//! needs no other program, and nothing of it survives the process that made it, however that process ends.
//!
//! A [`Lab`] is the network of a pair: `node1` (192.168.87.6) and `node2` (.7) with the virtual address [`VIP`] (.10),
//! `app1` and `app2` (.12 and .13, port 8080), and `client` (.100). [`scenario`] breaks things in it and measures;
//! [`report`] shows the numbers. [`matrix`] holds `vrrpd` against keepalived, fault by fault. [`timeline`] holds the arithmetic, which is pure:
//!
//! ```
//! use lab::timeline::{Holding, Window, longest_with_two};
//! use lab::Stamp;
//! use std::time::Duration;
//!
//! let ms = |at: u64| Stamp::from_nanos(at * 1_000_000);
//! let held = |node: &str, from, until| Holding {
//!     node: node.to_owned(),
//!     window: Window { from: ms(from), until: ms(until) },
//! };
//! let both = [held("node1", 0, 40), held("node2", 30, 100)];
//! assert_eq!(longest_with_two(&both, Window { from: ms(0), until: ms(100) }), Duration::from_millis(10));
//! ```
//!
//! A whole lab; the program must call [`node_main`] first thing in `main`, because the lab starts it again for each node:
//!
//! ```no_run
//! # fn main() -> Result<(), lab::Error> {
//! use lab::{Lab, scenario};
//! use std::time::Duration;
//!
//! let lab = Lab::builder("target/release").start()?;
//! let client = lab.start_client()?;
//! lab.settle(&client, Duration::from_secs(30))?;
//! let run = scenario::run(&lab, &client, scenario::find("node-off")?, 1, &|_: &str| {})?;
//! assert!(run.ok());
//! # Ok(())
//! # }
//! ```
//!
//! Out of scope: delay and reordering (namespaces have no such cables without `netem`), other topologies than one LAN, and
//! isolation of anything but networking, processes and `/run`: nodes share the file system and the clock with the host.

mod app_server;
mod clock;
mod configs;
mod duration;
mod error;
mod knock;
mod lab;
pub mod matrix;
mod net;
mod network;
mod node;
mod peers;
mod probe;
mod record;
mod relay;
pub mod report;
pub mod scenario;
mod switch;
mod sync;
pub mod timeline;
mod watch;

pub use clock::Stamp;
pub use configs::{Files, Timing, VrrpVersion};
pub use duration::duration;
pub use error::Error;
pub use lab::{Builder, Cancel, Lab, Setup, VIP};
pub use network::Network;
pub use node::{Exit, Node, NodeChange, NodeEvent, Process, Signal, Target, node_main};
pub use peers::{Balancer, Programs, Router, Software, find_program};
pub use probe::{Outcome, Probe, ProbeSettings, Probing};
pub use record::Record;
pub use relay::Relay;
pub use watch::{Frame, FrameKind, watch};
