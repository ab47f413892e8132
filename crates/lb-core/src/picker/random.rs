//! The least loaded of a few servers drawn at random.

use super::weight_tree::WeightTree;
use crate::server::{Server, ServerId};
use crate::tried::Tried;

/// Draws that may hit tried servers before the search becomes a scan.
const MISSES: usize = 8;

#[derive(Debug, Clone)]
pub(crate) struct Random {
    draws: u32,
    open: WeightTree,
}

impl Random {
    /// Draws this many servers (at least one) each time.
    pub(super) fn new(draws: u32) -> Self {
        Self { draws: draws.max(1), open: WeightTree::default() }
    }

    /// Sets the weight of a server; 0 removes it.
    pub(super) fn set(&mut self, id: ServerId, weight: u16) {
        self.open.set(id, weight);
    }

    /// Draws by weight, with replacement; among equally loaded ones, the first drawn.
    pub(super) fn pick(&self, servers: &[Server], tried: &Tried, entropy: u64) -> Option<ServerId> {
        let mut random = entropy;
        let mut best = self.draw(tried, &mut random)?;
        for _ in 1..self.draws {
            let other = self.draw(tried, &mut random)?;
            if is_less_loaded(&servers[other.index()], &servers[best.index()]) {
                best = other;
            }
        }
        Some(best)
    }

    fn draw(&self, tried: &Tried, random: &mut u64) -> Option<ServerId> {
        let total = self.open.total();
        for _ in 0..MISSES {
            let target = ((u128::from(next(random)) * u128::from(total)) >> 64) as u64;
            let id = self.open.find(target)?;
            if !tried.contains(id) {
                return Some(id);
            }
        }
        self.open.iter().find(|&id| !tried.contains(id))
    }
}

fn is_less_loaded(a: &Server, b: &Server) -> bool {
    a.load() * u64::from(b.weight) < b.load() * u64::from(a.weight)
}

/// The next number of a splitmix64 sequence.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
