//! A small rtnetlink layer: messages as bytes, and one socket that carries them.
//!
//! [`decode`] is the whole reading side: a total function over bytes, fit for fuzzing.

pub(crate) mod attribute;
pub(crate) mod constants;
pub(crate) mod request;
pub(crate) mod socket;
pub(crate) mod wire;

pub use socket::NetlinkError;
pub use wire::{Body, DecodeError, Message, decode};
