//! Sockets: one stream type over TCP and Unix sockets, bytes read ahead, coarse deadlines.

mod deadline;
mod input;
mod scratch;
mod stream;

pub(crate) use deadline::{Deadline, within};
pub(crate) use input::{Input, READ_SIZE};
pub(crate) use scratch::Scratch;
pub(crate) use stream::Stream;
