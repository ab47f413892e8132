//! The numbers of `${_RANDOM}`: not secret, and the same each time from the same seed.

use std::cell::Cell;

/// SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Default)]
pub(super) struct Random(Cell<u64>);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// Begins anew.
    pub(super) fn seed(&self, seed: u64) {
        self.0.set(seed);
    }

    /// A number from `min` to `max`.
    pub(super) fn between(&self, min: u32, max: u32) -> u32 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let span = u64::from(max.saturating_sub(min)) + 1;
        let offset = (mixed ^ (mixed >> 31)) % span;
        min.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_numbers_and_they_stay_in_their_range() {
        let (one, two) = (Random::new(7), Random::new(7));
        let numbers: Vec<u32> = (0..1000).map(|_| one.between(3, 9)).collect();
        assert!(numbers.iter().all(|number| *number == two.between(3, 9)));
        for expected in 3..=9 {
            assert!(numbers.contains(&expected), "{expected}");
        }
        assert_eq!(one.between(5, 5), 5);
        one.between(0, u32::MAX);
    }
}
