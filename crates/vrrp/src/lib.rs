//! VRRP routers without IO: VRRPv2 (RFC 3768, with simple passwords) and VRRPv3 (RFC 5798, RFC 9568), IPv4 and IPv6,
//! with keepalived's signatures (`auth_hmac`) if wanted.
//!
//! Several machines share virtual addresses; one of them, the Active, holds them and says so at an interval; when it
//! falls silent the best backup takes over. This crate decides who that is. It opens no socket, reads no clock, starts
//! no thread: a driver tells a [`Node`] what happened and does what it asks for, so that the same code runs on a real
//! network, in a unit test and in a simulator.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use vrrp::*;
//!
//! let config = InstanceConfig::new(IfIndex(2), Vrid::new(51).ok_or("no VRID")?, vec!["192.0.2.10".parse()?]);
//! let id = config.id();
//! let mut node = Node::new(NodeConfig::new(vec![config])?);
//!
//! let start = Instant::now();
//! let mut now = start;
//! let link = Link { up: true, v4: Some("192.0.2.1".parse()?), v6: None };
//! node.handle_link(now, IfIndex(2), link);
//! node.handle_command(now, Command::Start);
//!
//! // The event loop. A real one waits for a packet, a netlink message or the timeout, whichever comes first.
//! while node.instance(id).ok_or("no such router")?.role != Role::Active {
//!     while let Some((id, action)) = node.poll_action() {
//!         match action {
//!             Action::InstallVips { addresses } => println!("{id:?}: ip address add {addresses:?}"),
//!             Action::RemoveVips { addresses } => println!("{id:?}: ip address delete {addresses:?}"),
//!             Action::Transmit(advertisement) => {
//!                 let (src, dst) = ("192.0.2.1".parse()?, id.family.group());
//!                 println!("send {:?}", advertisement.encode(src, dst, Checksum::default()));
//!             }
//!             Action::Announce { addresses } => println!("gratuitous ARP for {addresses:?}"),
//!             Action::Transitioned { from, to, cause } => println!("{from:?} to {to:?}: {cause:?}"),
//!             Action::SplitBegan { rival } => println!("another Active beside us: {rival:?}"),
//!             Action::SplitEnded => println!("no other Active any more"),
//!         }
//!     }
//!     if let Some(wake) = node.poll_timeout() {
//!         now = wake.at; // Sleep until then. Time is an argument, so here it passes at once.
//!         node.handle_timeout(now);
//!     }
//! }
//! // Alone on the network, priority 100: three intervals of a second and a skew time of 156/256 s.
//! assert_eq!(now - start, Duration::from_nanos(3_609_375_000));
//! # while node.poll_action().is_some() {}
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The law
//! 1. After each `handle_*` call [`Node::poll_action`] until `None`, and carry out the actions in that order: it is part
//!    of the protocol (see [`Action`]). Await the kernel's acknowledgement of one before the next.
//! 2. Then sleep until [`Node::poll_timeout`] or the next input. Early, late and repeated timeouts are harmless.
//! 3. A packet that fails a check has no effect but a counter (see [`Discard`]). One that needs no answer allocates nothing.
//! 4. After being late, hand over waiting packets before the timeout. A router that did not run for longer than a down
//!    interval lets go of its addresses and listens before it speaks.
//!
//! `examples/raw_socket.rs` is a whole router with real sockets in 150 lines, `examples/in_memory.rs` plays a failover
//! without any. Who wants the wire format alone takes [`wire`].
//!
//! # Where it goes beyond the RFCs
//! - A router that loses a contest speaks once more after it has let go, and the winner announces the addresses again:
//!   clients do not keep the loser's MAC address. Announcements are spread over five seconds ([`Schedule`]).
//! - An Active whose priority falls hands over within a skew time, or stays in service if nobody better is there
//!   ([`Lowered::Yield`]).
//! - Virtual routers can change roles together ([`SyncGroup`]).
//! - A second Active that stays beside us is reported, by what it advertises or by who answers for the addresses
//!   ([`Action::SplitBegan`]).
//! - Both checksum forms of VRRPv3 over IPv4 are accepted ([`Checksum`]), and so is another list of addresses: refusing
//!   them makes two Actives.
//!
//! # Out of scope
//! Sockets, addresses, ARP and neighbour discovery, virtual MAC addresses, health checks: the driver's business. VRRPv2 with IPsec AH, and keepalived's HMAC trailer: not there. Version 2 and 3 at once (RFC 9568 §8.4):
//! configure two nodes.
#![forbid(unsafe_code)]

mod action;
mod announce;
mod config;
mod discard;
mod group;
mod hmac;
mod input;
mod instance;
mod interval;
mod node;
mod peers;
mod router;
mod stats;
mod units;
pub mod wire;

pub use action::{Action, Cause, FaultReason, Rival, Role, TrackId, Transition, Wake, WakeReason};
pub use announce::{Announcer, Schedule};
pub use config::{ConfigError, InstanceConfig, NodeConfig, Preempt, Weight};
pub use discard::{Discard, DiscardCounters};
pub use group::{GroupId, GroupSnapshot, SyncGroup};
pub use hmac::{AntiReplay, HmacConfig, HmacMode};
pub use input::{Command, Health, Ingress, Link};
pub use instance::InstanceSnapshot;
pub use interval::{AdverInterval, Centiseconds, down_interval, skew_time};
pub use node::Node;
pub use peers::Peer;
pub use router::{Active, Backup, Heard, Lowered, Speech, Split, State, VirtualRouter};
pub use stats::{InstanceStats, NewMasterReason, NodeStats};
pub use units::{
    Advertised, Family, IfIndex, InstanceId, MacAddr, OutOfRange, Priority, Rank, Version, Vrid,
};
pub use wire::{Advertisement, Authentication, Checksum, InvalidAdvertisement, Key, Packet, Password};

/// The one reading of a clock in these tests: an `Instant` cannot be made otherwise.
#[cfg(test)]
#[expect(clippy::disallowed_methods)]
fn epoch() -> std::time::Instant {
    static EPOCH: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    *EPOCH.get_or_init(std::time::Instant::now)
}
