//! See `crates/vrrp/tests/fuzz/node.rs`.
#![no_main]

#[path = "../../crates/vrrp/tests/fuzz/node.rs"]
mod node;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| node::play(bytes));
