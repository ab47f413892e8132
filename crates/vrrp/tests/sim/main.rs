//! A deterministic LAN: real nodes, virtual clocks, a seeded network, and a model of the kernel.
//!
//! `VRRP_SIM_SEEDS=N` runs N random schedules instead of the usual number; `VRRP_SIM_SEED=S` runs one, and prints its trace.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests are tests")]

mod clock;
mod crashes;
mod engine;
mod handover;
mod host;
mod kernel;
mod lan;
mod net;
mod questions;
mod random;
mod rng;
mod scenarios;
mod trace;
mod watch;

use std::time::{Duration, Instant};

/// The one reading of a clock in these tests: an `Instant` cannot be made otherwise.
#[expect(clippy::disallowed_methods)]
fn epoch() -> Instant {
    static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
