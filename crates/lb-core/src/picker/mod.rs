//! The balancing algorithms, one file each.
//!
//! A picker holds the servers that may take balanced traffic right now; the pool adds and removes them as
//! their state, weight and load change. Pickers of the table kind look servers up in the pool instead.

mod first;
mod indexed_heap;
mod least_conn;
mod random;
mod round_robin;
pub(crate) mod source;
mod static_rr;
mod turn_table;
mod weight_tree;

use crate::pool::{Algorithm, PickInput};
use crate::server::{Server, ServerId};
use first::First;
use least_conn::LeastConn;
use random::Random;
use round_robin::RoundRobin;
use source::Source;
use static_rr::StaticRr;

/// What an algorithm found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// An open server.
    Server(ServerId),
    /// The request belongs to this server, which is saturated.
    WaitFor(ServerId),
    /// No open server that has not been tried.
    Nothing,
}

impl From<Option<ServerId>> for Found {
    fn from(server: Option<ServerId>) -> Self {
        server.map_or(Self::Nothing, Self::Server)
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Picker {
    RoundRobin(RoundRobin),
    StaticRr(StaticRr),
    LeastConn(LeastConn),
    Random(Random),
    First(First),
    Source(Source),
}

impl Picker {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RoundRobin => Self::RoundRobin(RoundRobin::default()),
            Algorithm::StaticRr => Self::StaticRr(StaticRr::default()),
            Algorithm::LeastConn => Self::LeastConn(LeastConn::default()),
            Algorithm::Random { draws } => Self::Random(Random::new(draws)),
            Algorithm::First => Self::First(First::default()),
            Algorithm::Source => Self::Source(Source::default()),
        }
    }

    /// Chooses among the open servers that have not been tried.
    pub(crate) fn pick(&mut self, servers: &[Server], input: &PickInput<'_>) -> Found {
        match self {
            Self::RoundRobin(picker) => picker.pick(input.tried).into(),
            Self::StaticRr(picker) => picker.pick(servers, input.tried).into(),
            Self::LeastConn(picker) => picker.pick(input.tried).into(),
            Self::Random(picker) => picker.pick(servers, input.tried, input.entropy).into(),
            Self::First(picker) => picker.pick(input.tried).into(),
            Self::Source(picker) => picker.pick(servers, input.tried, input.hash.unwrap_or(input.entropy)),
        }
    }

    /// Tells the state of one server after any change of it. Cheap when nothing changed that matters.
    pub(crate) fn update(&mut self, id: ServerId, server: &Server) {
        match self {
            Self::RoundRobin(picker) if server.open => picker.insert(id, server.weight),
            Self::RoundRobin(picker) => picker.remove(id),
            Self::LeastConn(picker) if server.open => picker.insert(id, server.load(), server.weight),
            Self::LeastConn(picker) => picker.remove(id),
            Self::Random(picker) => picker.set(id, if server.open { server.weight } else { 0 }),
            Self::First(picker) if server.open => picker.insert(id),
            Self::First(picker) => picker.remove(id),
            Self::StaticRr(_) | Self::Source(_) => {}
        }
    }

    /// Tells that servers entered or left rotation or changed weight.
    pub(crate) fn rotation_changed(&mut self) {
        match self {
            Self::StaticRr(picker) => picker.invalidate(),
            Self::Source(picker) => picker.invalidate(),
            Self::RoundRobin(_) | Self::LeastConn(_) | Self::Random(_) | Self::First(_) => {}
        }
    }
}
