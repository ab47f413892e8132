//! The server with the least work for its weight; equals take turns.

use crate::server::{MAX_WEIGHT, ServerId};
use crate::tried::Tried;
use std::collections::BTreeSet;

#[derive(Debug, Clone, Default)]
pub(crate) struct LeastConn {
    order: BTreeSet<Key>,
    keys: Vec<Option<Key>>,
    changes: u64,
}

/// Sorts by load; among equals, the one whose load changed longest ago comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    load: u64,
    since: u64,
    id: ServerId,
}

impl LeastConn {
    /// Adds a server or tells its new load and weight (at least 1).
    pub(super) fn insert(&mut self, id: ServerId, load: u64, weight: u16) {
        // All idle servers are equal, whatever their weight.
        let load = if load == 0 { 0 } else { (load + 1) * u64::from(MAX_WEIGHT) / u64::from(weight) };
        if self.keys.len() <= id.index() {
            self.keys.resize(id.index() + 1, None);
        }
        if self.keys[id.index()].is_some_and(|key| key.load == load) {
            return;
        }
        self.remove(id);
        self.changes += 1;
        let key = Key { load, since: self.changes, id };
        self.order.insert(key);
        self.keys[id.index()] = Some(key);
    }

    /// Removes a server.
    pub(super) fn remove(&mut self, id: ServerId) {
        if let Some(key) = self.keys.get_mut(id.index()).and_then(Option::take) {
            self.order.remove(&key);
        }
    }

    /// The least loaded server that has not been tried.
    pub(super) fn pick(&self, tried: &Tried) -> Option<ServerId> {
        self.order.iter().map(|key| key.id).find(|&id| !tried.contains(id))
    }
}
