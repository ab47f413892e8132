//! The servers one request has already tried.

use crate::server::ServerId;

/// A small set of servers. The first 64 servers of a pool need no allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tried {
    low: u64,
    high: Vec<ServerId>,
}

impl Tried {
    /// Adds a server.
    pub fn insert(&mut self, id: ServerId) {
        if id.0 < u64::BITS {
            self.low |= 1 << id.0;
        } else if !self.high.contains(&id) {
            self.high.push(id);
        }
    }

    /// Whether this server has been tried.
    pub fn contains(&self, id: ServerId) -> bool {
        if id.0 < u64::BITS { self.low & (1 << id.0) != 0 } else { self.high.contains(&id) }
    }

    /// Whether nothing has been tried.
    pub fn is_empty(&self) -> bool {
        self.low == 0 && self.high.is_empty()
    }

    /// How many servers have been tried.
    pub fn len(&self) -> usize {
        self.low.count_ones() as usize + self.high.len()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.low = 0;
        self.high.clear();
    }

    /// The servers, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = ServerId> {
        let low = (0..u64::BITS).map(ServerId).filter(move |&id| self.contains(id));
        low.chain(self.high.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_small_and_large_ids() {
        let mut tried = Tried::default();
        assert!(tried.is_empty());
        for id in [0, 63, 64, 1999, 64] {
            tried.insert(ServerId(id));
        }
        assert_eq!(tried.len(), 4);
        assert_eq!(tried.iter().map(|id| id.0).collect::<Vec<_>>(), [0, 63, 64, 1999]);
        assert!(tried.contains(ServerId(64)) && !tried.contains(ServerId(65)));
        tried.clear();
        assert!(tried.is_empty());
    }
}
