//! Balancing, without IO: which server takes the next request, who waits, and how often to try again.
//!
//! A [`Pool`] holds the servers of one backend: their weights, what the operator wants ([`Admin`]), what
//! checks say ([`Health`]), what is in flight and who waits. It is plain data behind no lock of its own:
//! a proxy keeps it in one mutex and holds that for a [`Pool::pick`] and a [`Pool::acquire`].
//!
//! ```
//! use lb_core::{Algorithm, Health, Pick, PickInput, Pool, PoolConfig, ServerId, ServerSpec, Tried};
//!
//! let config = PoolConfig { algorithm: Algorithm::RoundRobin, allbackups: false };
//! let mut pool = Pool::new(config, vec![ServerSpec::default(); 3]);
//! let mut tried = Tried::default();
//!
//! let input = PickInput { hash: None, entropy: 0, tried: &tried };
//! assert_eq!(pool.pick(&input), Pick::Server(ServerId(0)));
//! pool.acquire(ServerId(0));
//!
//! // The first server refuses the connection: give its slot back and pick another one.
//! assert_eq!(pool.release(ServerId(0)), None);
//! tried.insert(ServerId(0));
//! let again = PickInput { hash: None, entropy: 0, tried: &tried };
//! assert_eq!(pool.pick(&again), Pick::Server(ServerId(1)));
//!
//! // Checks find it down: nobody is sent there any more.
//! pool.set_health(ServerId(0), Health::Down);
//! assert!(!pool.eligible(ServerId(0)));
//! assert_eq!(pool.active_count(), 2);
//! ```
//!
//! # Promises
//! - Only the pool answers whether a server may take a request, and no picker returns one that may not.
//! - Round robin is exact: while the servers and weights stay and none is saturated, any window of as many
//!   picks as the weights add up to gives each server exactly its weight. Equal weights are served in
//!   declaration order, beginning with the first.
//! - A pick costs O(log n) servers ([`Algorithm::StaticRr`] and [`Algorithm::Source`]: O(1), plus a new
//!   table after a change); a change of health, weight or maintenance costs O(n).
//! - No clock and no randomness of its own: the same calls give the same picks.
//!
//! # Out of scope
//! Connections, timers (a waiting request's timeout is the caller's, who then [cancels](Pool::cancel)),
//! checks, and persistence tables.
#![forbid(unsafe_code)]

mod picker;
mod pool;
mod queue;
mod retry_budget;
mod server;
mod tried;

pub use picker::source::source_hash;
pub use pool::{Algorithm, Pick, PickInput, Pool, PoolConfig};
pub use queue::Ticket;
pub use retry_budget::RetryBudget;
pub use server::{Admin, Health, MAX_WEIGHT, ServerId, ServerSpec};
pub use tried::Tried;
