//! The first server that has room.

use crate::server::ServerId;
use crate::tried::Tried;
use std::collections::BTreeSet;

#[derive(Debug, Clone, Default)]
pub(crate) struct First {
    open: BTreeSet<ServerId>,
}

impl First {
    pub(super) fn insert(&mut self, id: ServerId) {
        self.open.insert(id);
    }

    pub(super) fn remove(&mut self, id: ServerId) {
        self.open.remove(&id);
    }

    /// The lowest id that has not been tried.
    pub(super) fn pick(&self, tried: &Tried) -> Option<ServerId> {
        self.open.iter().copied().find(|&id| !tried.contains(id))
    }
}
