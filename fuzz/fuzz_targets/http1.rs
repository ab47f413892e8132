//! See `crates/proxy/tests/fuzz/http1.rs`.
#![no_main]

#[path = "../../crates/proxy/tests/fuzz/http1.rs"]
mod http1;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| http1::play(bytes));
