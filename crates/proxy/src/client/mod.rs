//! The client's side: connections, their requests, the responses they get.

mod body;
mod connection;
mod io;
mod linger;
mod send;

pub(crate) use body::ClientBody;
pub(crate) use connection::{Peer, serve};
pub(crate) use io::ClientIo;
pub(crate) use send::send_interim;
