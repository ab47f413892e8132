//! The pair, end to end: real `lbd` and `vrrpd` on two nodes, broken in every way the lab knows, also beside a real keepalived.
//!
//! Root makes the namespaces directly; anybody else makes them inside a user namespace. Where the machine refuses both, these
//! tests fail and say which setting forbids it.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "all of it is a test")]

mod bench;
mod classic;
mod dashboard;
mod end;
mod interop;
mod keepalived;
mod lease;
mod matrix;
mod milliseconds;
