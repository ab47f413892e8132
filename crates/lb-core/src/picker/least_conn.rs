//! The server with the least work for its weight; equals take turns.

use super::indexed_heap::IndexedHeap;
use crate::server::{MAX_WEIGHT, ServerId};
use crate::tried::Tried;

#[derive(Debug, Clone, Default)]
pub(crate) struct LeastConn {
    /// Servers by load; among equals, the one whose load changed longest ago comes first.
    order: IndexedHeap,
    changes: u64,
}

impl LeastConn {
    /// Adds a server or tells its new load and weight (at least 1).
    pub(super) fn insert(&mut self, id: ServerId, load: u64, weight: u16) {
        // All idle servers are equal, whatever their weight.
        let load = if load == 0 { 0 } else { (load + 1) * u64::from(MAX_WEIGHT) / u64::from(weight) };
        if self.order.key(id).is_some_and(|key| key >> u64::BITS == u128::from(load)) {
            return;
        }
        self.changes += 1;
        self.order.set(id, u128::from(load) << u64::BITS | u128::from(self.changes));
    }

    /// Removes a server.
    pub(super) fn remove(&mut self, id: ServerId) {
        self.order.remove(id);
    }

    /// The least loaded server that has not been tried.
    pub(super) fn pick(&self, tried: &Tried) -> Option<ServerId> {
        self.order.first_untried(tried)
    }
}
