//! `vrrpd`.
fn main() {}
