//! See `crates/vrrp/tests/fuzz/packet.rs`.
#![no_main]

#[path = "../../crates/vrrp/tests/fuzz/packet.rs"]
mod packet;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| packet::play(bytes));
