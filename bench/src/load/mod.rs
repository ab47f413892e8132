//! Clients.

pub(crate) mod idle;
pub(crate) mod open_loop;
mod response;
pub(crate) mod wrk;
