//! Sockets: one stream type over TCP and Unix sockets, bytes read ahead, coarse deadlines.

mod deadline;
mod input;
mod pipe;
mod scratch;
mod stream;
mod sys;
mod vigil;

pub(crate) use deadline::{Deadline, within};
pub(crate) use input::{Input, READ_SIZE};
pub(crate) use pipe::{PIPE_SIZE, Pipe, limit_pipes};
pub(crate) use scratch::Scratch;
pub(crate) use stream::{Push, Stream};
pub(crate) use vigil::{Vigil, keep_vigils};
