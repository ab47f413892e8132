//! The protocol, by example: what each input does in each state, what each receive check refuses, what the bytes are.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod bench;
mod groups;
mod handover;
mod hmac;
mod laws;
mod ledger;
mod node;
#[cfg(feature = "serde")]
mod recording;
mod reload;
mod router;
mod split;
mod wire;
