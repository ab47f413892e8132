//! Weights with fast prefix search (a Fenwick tree).

use crate::server::ServerId;

#[derive(Debug, Clone, Default)]
pub(crate) struct WeightTree {
    weights: Vec<u16>,
    /// `sums[i]` is the sum of the `lowbit(i + 1)` weights that end at `i`.
    sums: Vec<u64>,
    total: u64,
}

impl WeightTree {
    /// Sets the weight of a server; 0 makes it impossible to find.
    pub(super) fn set(&mut self, id: ServerId, weight: u16) {
        let index = id.index();
        if self.weights.len() <= index {
            let capacity = (index + 1).next_power_of_two();
            self.weights.resize(capacity, 0);
            self.sums = vec![0; capacity];
            for known in 0..index {
                self.add(known, 0, self.weights[known]);
            }
        }
        let old = std::mem::replace(&mut self.weights[index], weight);
        if old != weight {
            self.total = self.total - u64::from(old) + u64::from(weight);
            self.add(index, old, weight);
        }
    }

    /// The sum of all weights.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The server that covers position `target` when the weights are laid end to end; `None` past the end.
    pub(super) fn find(&self, target: u64) -> Option<ServerId> {
        if target >= self.total {
            return None;
        }
        let mut rest = target;
        let mut index = 0;
        let mut step = self.sums.len().next_power_of_two();
        while step > 0 {
            // Skips the block of `step` weights from `index` if the target lies beyond it.
            if let Some(&sum) = self.sums.get(index + step - 1)
                && sum <= rest
            {
                rest -= sum;
                index += step;
            }
            step /= 2;
        }
        u32::try_from(index).ok().map(ServerId)
    }

    /// The servers that have a weight, in declaration order.
    pub(super) fn iter(&self) -> impl Iterator<Item = ServerId> {
        (0..).map(ServerId).zip(&self.weights).filter(|(_, weight)| **weight > 0).map(|(id, _)| id)
    }

    fn add(&mut self, index: usize, old: u16, new: u16) {
        let mut position = index + 1;
        while let Some(sum) = self.sums.get_mut(position - 1) {
            *sum = *sum - u64::from(old) + u64::from(new);
            position += position & position.wrapping_neg();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_a_walk_over_the_weights_finds(
            changes in proptest::collection::vec((0u32..20, 0u16..10), 0..60),
        ) {
            let mut tree = WeightTree::default();
            let mut weights = [0u16; 20];
            for (id, weight) in changes {
                tree.set(ServerId(id), weight);
                weights[id as usize] = weight;
            }
            let mut laid_out = Vec::new();
            for (id, &weight) in (0..).map(ServerId).zip(&weights) {
                laid_out.extend(vec![id; usize::from(weight)]);
            }
            prop_assert_eq!(tree.total(), laid_out.len() as u64);
            for (target, &id) in laid_out.iter().enumerate() {
                prop_assert_eq!(tree.find(target as u64), Some(id));
            }
            prop_assert_eq!(tree.find(laid_out.len() as u64), None);
            laid_out.dedup();
            prop_assert_eq!(tree.iter().collect::<Vec<_>>(), laid_out);
        }
    }
}
