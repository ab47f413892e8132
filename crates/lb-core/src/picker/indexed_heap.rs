//! Servers by a key, the least first: a heap that knows where each server's entry is.

use crate::server::ServerId;
use crate::tried::Tried;

/// Children of an entry. On the way down, four cost as many comparisons as two and half the moves.
const ARITY: usize = 4;

/// At most one entry for a server. No two keys are equal: the caller sees to that.
#[derive(Debug, Clone, Default)]
pub(super) struct IndexedHeap {
    /// No entry comes before its parent. The children of `n` are the [`ARITY`] that begin at `ARITY * n + 1`.
    entries: Vec<Entry>,
    /// Which entry is the server's, by its index.
    places: Vec<Option<u32>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    key: u128,
    id: ServerId,
}

impl IndexedHeap {
    /// Adds a server, or changes its key.
    pub(super) fn set(&mut self, id: ServerId, key: u128) {
        if self.places.len() <= id.index() {
            self.places.resize(id.index() + 1, None);
        }
        let entry = Entry { key, id };
        match self.places[id.index()] {
            Some(place) => self.replace(place as usize, entry),
            None => {
                self.entries.push(entry);
                self.rise(self.entries.len() - 1, entry);
            }
        }
    }

    /// Removes a server, if it is here.
    pub(super) fn remove(&mut self, id: ServerId) {
        let Some(place) = self.places.get_mut(id.index()).and_then(Option::take) else { return };
        if let Some(last) = self.entries.pop()
            && last.id != id
        {
            self.replace(place as usize, last);
        }
    }

    /// The key of a server that is here.
    pub(super) fn key(&self, id: ServerId) -> Option<u128> {
        let place = self.places.get(id.index()).copied().flatten()?;
        Some(self.entries[place as usize].key)
    }

    /// The first server that has not been tried.
    pub(super) fn first_untried(&self, tried: &Tried) -> Option<ServerId> {
        let first = self.entries.first()?;
        if !tried.contains(first.id) {
            return Some(first.id);
        }
        self.first_untried_from(0, tried, None).map(|entry| entry.id)
    }

    /// The better of `best` and what is untried at `at` and below. Looks below tried entries only.
    fn first_untried_from(&self, at: usize, tried: &Tried, best: Option<Entry>) -> Option<Entry> {
        match self.entries.get(at) {
            Some(&entry) if best.is_none_or(|best| entry.key < best.key) => {
                if tried.contains(entry.id) {
                    (ARITY * at + 1..=ARITY * at + ARITY)
                        .fold(best, |best, child| self.first_untried_from(child, tried, best))
                } else {
                    Some(entry)
                }
            }
            _ => best,
        }
    }

    /// Puts an entry in the place of another one.
    fn replace(&mut self, at: usize, entry: Entry) {
        if entry.key < self.entries[at].key {
            self.rise(at, entry);
        } else {
            self.sink(at, entry);
        }
    }

    /// Puts an entry at `at`, or above it.
    fn rise(&mut self, mut at: usize, entry: Entry) {
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if self.entries[parent].key < entry.key {
                break;
            }
            self.put(at, self.entries[parent]);
            at = parent;
        }
        self.put(at, entry);
    }

    /// Puts an entry at `at`, or below it. A server that had its turn comes last or nearly so: the gap goes all the
    /// way down without a look at the entry, which then rises as far as it must.
    fn sink(&mut self, mut at: usize, entry: Entry) {
        while let Some((place, child)) = self.first_child(at) {
            self.put(at, child);
            at = place;
        }
        self.rise(at, entry);
    }

    fn first_child(&self, at: usize) -> Option<(usize, Entry)> {
        let first = ARITY * at + 1;
        let children = self.entries.get(first..)?;
        let nth = match children.first_chunk::<ARITY>() {
            Some([a, b, c, d]) => {
                let (left, left_key) = if b.key < a.key { (1, b.key) } else { (0, a.key) };
                let (right, right_key) = if d.key < c.key { (3, d.key) } else { (2, c.key) };
                if right_key < left_key { right } else { left }
            }
            None => (0..children.len()).min_by_key(|&nth| children[nth].key)?,
        };
        Some((first + nth, children[nth]))
    }

    fn put(&mut self, at: usize, entry: Entry) {
        self.entries[at] = entry;
        // A pool has fewer than 2^32 servers.
        self.places[entry.id.index()] = Some(at as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const SERVERS: u32 = 40;

    #[derive(Debug, Clone)]
    enum Step {
        Set(u32, u8),
        Remove(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..SERVERS, 0u8..20).prop_map(|(id, key)| Step::Set(id, key)),
            1 => (0..SERVERS).prop_map(Step::Remove),
        ]
    }

    /// The same key for two servers differs in the last bits only.
    fn distinct(id: u32, key: u8) -> u128 {
        u128::from(key) << 100 | u128::from(id)
    }

    fn tried(ids: &[u32]) -> Tried {
        let mut tried = Tried::default();
        ids.iter().for_each(|&id| tried.insert(ServerId(id)));
        tried
    }

    #[test]
    fn nothing_is_first_of_nothing() {
        let mut heap = IndexedHeap::default();
        heap.remove(ServerId(3));
        assert_eq!(heap.first_untried(&tried(&[])), None);
        assert_eq!(heap.key(ServerId(3)), None);
    }

    proptest! {
        #[test]
        fn agrees_with_a_list_that_is_searched(
            steps in proptest::collection::vec((step(), proptest::collection::vec(0..SERVERS, 0..30)), 0..200),
        ) {
            let mut heap = IndexedHeap::default();
            let mut model = BTreeMap::new();
            for (step, tried_ids) in steps {
                match step {
                    Step::Set(id, key) => {
                        let key = distinct(id, key);
                        heap.set(ServerId(id), key);
                        model.insert(id, key);
                    }
                    Step::Remove(id) => {
                        heap.remove(ServerId(id));
                        model.remove(&id);
                    }
                }
                for id in 0..SERVERS {
                    prop_assert_eq!(heap.key(ServerId(id)), model.get(&id).copied());
                }
                for ids in [&[][..], &tried_ids] {
                    let untried = model.iter().filter(|(id, _)| !ids.contains(id));
                    let first = untried.min_by_key(|&(_, key)| key).map(|(&id, _)| ServerId(id));
                    prop_assert_eq!(heap.first_untried(&tried(ids)), first);
                }
            }
            // What is left comes out in order.
            let mut rest: Vec<_> = model.iter().map(|(&id, &key)| (key, ServerId(id))).collect();
            rest.sort_unstable();
            for entry in rest {
                prop_assert_eq!(heap.first_untried(&tried(&[])), Some(entry.1));
                heap.remove(entry.1);
            }
            prop_assert_eq!(heap.first_untried(&tried(&[])), None);
        }
    }
}
