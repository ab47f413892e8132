//! `lbd`.
fn main() {}
