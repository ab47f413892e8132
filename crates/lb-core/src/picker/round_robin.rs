//! Weighted round robin, interleaved and exact.
//!
//! A server of weight w is due once every 1/w of a round, and the server due earliest is picked. Merging
//! such evenly spaced series gives every server exactly its weight in any window of one round, as long as
//! each series starts within its own first period. That leaves the starts free, and they decide how well
//! the picks interleave. As in HAProxy, a newcomer waits for a slot that nobody is due in, heaviest first;
//! weights 1, 2, 4 give `c c b c a c b`. Unlike in HAProxy it waits no longer than its period, which makes
//! the very first round exact too.

use super::indexed_heap::IndexedHeap;
use crate::server::ServerId;
use crate::tried::Tried;

/// Length of a round. Divisions by weights are exact over a round: each series carries its remainder.
///
/// A sum of a round and a remainder fits `u64`; times do not, they grow for as long as the process runs.
const ROUND: u64 = 1 << 40;

#[derive(Debug, Clone)]
pub(crate) struct RoundRobin {
    series: Vec<Series>,
    /// Servers by when they are due, see [`turn`].
    running: IndexedHeap,
    /// Newcomers by the latest time their series may start.
    waiting: IndexedHeap,
    total_weight: u64,
    /// Start of the current slot, one `total_weight`th of a round, and the remainder of that division.
    clock: u128,
    clock_rem: u64,
    /// The latest pick: everything running is due after it, by at most one period.
    last: (u128, ServerId),
}

#[derive(Debug, Clone, Copy)]
struct Series {
    place: Place,
    weight: u64,
    /// When it is due, or the latest start while waiting; kept while out, 0 if it never started.
    due: u128,
    rem: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Out,
    Waiting,
    Running,
}

impl Default for RoundRobin {
    fn default() -> Self {
        Self {
            series: Vec::new(),
            running: IndexedHeap::default(),
            waiting: IndexedHeap::default(),
            total_weight: 0,
            clock: 1,
            clock_rem: 0,
            last: (0, ServerId(u32::MAX)),
        }
    }
}

impl RoundRobin {
    /// Adds a server, or changes its weight (at least 1). One that was away less than a period keeps its
    /// turn.
    pub(super) fn insert(&mut self, id: ServerId, weight: u16) {
        let weight = u64::from(weight);
        self.grow(id);
        let mut series = self.series[id.index()];
        let unchanged = series.weight == weight;
        if series.place != Place::Out {
            if unchanged {
                return;
            }
            self.take_out(id);
        }
        let latest = self.latest_due(id, weight);
        series.place = match series.place {
            Place::Running => {
                // The rest of the period shrinks or grows with it.
                let rest =
                    series.due.saturating_sub(self.last.0) * u128::from(series.weight) / u128::from(weight);
                series.due = (self.last.0 + rest.max(1)).min(latest);
                Place::Running
            }
            Place::Out if unchanged && (series.due, id) > self.last && series.due <= latest => Place::Running,
            Place::Out | Place::Waiting => {
                series.due = latest;
                Place::Waiting
            }
        };
        series.weight = weight;
        series.rem = 0;
        self.series[id.index()] = series;
        self.total_weight += weight;
        match series.place {
            Place::Running => self.running.set(id, turn(series.due, id)),
            Place::Waiting | Place::Out => self.waiting.set(id, turn(series.due, id)),
        }
    }

    /// Removes a server.
    pub(super) fn remove(&mut self, id: ServerId) {
        self.grow(id);
        if self.series[id.index()].place != Place::Out {
            self.take_out(id);
            let series = &mut self.series[id.index()];
            if series.place == Place::Waiting {
                series.due = 0;
            }
            series.place = Place::Out;
        }
    }

    /// The next server in turn; one that was tried is passed over and stays next in turn.
    pub(super) fn pick(&mut self, tried: &Tried) -> Option<ServerId> {
        let with_due = |id: ServerId| (self.series[id.index()].due, id);
        let running = self.running.first_untried(tried).map(with_due);
        let waiting = self.waiting.first_untried(tried).map(with_due);
        let step = ROUND + self.clock_rem;
        let slot_end = self.clock + u128::from(step.checked_div(self.total_weight)?);
        let starts = match (running, waiting) {
            (Some(running), Some(waiting)) => running.0 >= slot_end || waiting < running,
            (running, _) => running.is_none(),
        };
        let (due, id) = if starts {
            let (latest, id) = waiting?;
            self.waiting.remove(id);
            (self.clock.min(latest).max(self.last.0), id)
        } else {
            running?
        };
        if due < slot_end {
            (self.clock, self.clock_rem) = (slot_end, step % self.total_weight);
        } else {
            // Nobody was due: the clock catches up.
            (self.clock, self.clock_rem) = (due + 1, 0);
        }
        self.last = self.last.max((due, id));
        let series = &mut self.series[id.index()];
        let period = ROUND + series.rem;
        series.due = due + u128::from(period / series.weight);
        series.rem = period % series.weight;
        series.place = Place::Running;
        self.running.set(id, turn(series.due, id));
        Some(id)
    }

    /// The latest start that leaves room for all of a server's turns in the round after the last pick.
    fn latest_due(&self, id: ServerId, weight: u64) -> u128 {
        self.last.0 + u128::from(ROUND / weight) - u128::from(id > self.last.1)
    }

    fn take_out(&mut self, id: ServerId) {
        let series = self.series[id.index()];
        self.total_weight -= series.weight;
        match series.place {
            Place::Running => self.running.remove(id),
            Place::Waiting | Place::Out => self.waiting.remove(id),
        }
    }

    fn grow(&mut self, id: ServerId) {
        if self.series.len() <= id.index() {
            let new = Series { place: Place::Out, weight: 0, due: 0, rem: 0 };
            self.series.resize(id.index() + 1, new);
        }
    }
}

/// Sorts by time, then in declaration order. 96 bits of time are 2^56 rounds.
fn turn(due: u128, id: ServerId) -> u128 {
    due << u32::BITS | u128::from(id.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_weights(weights: &[u16]) -> RoundRobin {
        let mut picker = RoundRobin::default();
        for (id, &weight) in (0..).zip(weights) {
            picker.insert(ServerId(id), weight);
        }
        picker
    }

    fn picks(picker: &mut RoundRobin, count: usize) -> String {
        let none = Tried::default();
        let name = |id: ServerId| char::from(b"abcdefghij"[id.index()]);
        (0..count).map_while(|_| picker.pick(&none)).map(name).collect()
    }

    #[test]
    fn weights_interleave_as_haproxy_was_measured_to() {
        assert_eq!(picks(&mut with_weights(&[1, 2, 4]), 21), "ccbcacb".repeat(3));
    }

    #[test]
    fn equal_weights_are_served_in_declaration_order() {
        assert_eq!(picks(&mut with_weights(&[1, 1, 1]), 7), "abcabca");
        assert_eq!(picks(&mut with_weights(&[7, 7, 7, 7]), 9), "abcdabcda");
    }

    #[test]
    fn nobody_is_picked_from_nobody() {
        let mut picker = with_weights(&[1]);
        picker.remove(ServerId(0));
        assert_eq!(picks(&mut picker, 1), "");
        assert_eq!(picks(&mut RoundRobin::default(), 1), "");
    }

    #[test]
    fn tried_server_is_passed_over_and_stays_next() {
        let mut picker = with_weights(&[1, 1, 1]);
        assert_eq!(picks(&mut picker, 3), "abc");
        let mut tried = Tried::default();
        tried.insert(ServerId(0));
        assert_eq!(picker.pick(&tried), Some(ServerId(1)));
        assert_eq!(picks(&mut picker, 5), "acabc");
    }

    #[test]
    fn server_that_leaves_does_not_disturb_the_others() {
        let mut picker = with_weights(&[1, 1, 1, 1]);
        assert_eq!(picks(&mut picker, 4), "abcd");
        picker.remove(ServerId(1));
        assert_eq!(picks(&mut picker, 6), "acdacd");
    }

    #[test]
    fn server_away_for_less_than_a_period_keeps_its_turn() {
        let mut picker = with_weights(&[1, 1, 1]);
        assert_eq!(picks(&mut picker, 4), "abca");
        picker.remove(ServerId(0));
        picker.insert(ServerId(0), 1);
        assert_eq!(picks(&mut picker, 5), "bcabc");
    }

    #[test]
    fn returning_server_gets_no_burst() {
        let mut picker = with_weights(&[1, 1, 1]);
        assert_eq!(picks(&mut picker, 3), "abc");
        picker.remove(ServerId(2));
        assert_eq!(picks(&mut picker, 100), "ab".repeat(50));
        picker.insert(ServerId(2), 1);
        let after = picks(&mut picker, 9);
        assert_eq!(after.matches('c').count(), 3, "{after}");
    }

    #[test]
    fn weight_change_applies_at_once() {
        let mut picker = with_weights(&[1, 200]);
        picks(&mut picker, 20);
        picker.insert(ServerId(0), 200);
        let after = picks(&mut picker, 20);
        assert_eq!(after.matches('a').count(), 10, "{after}");
    }

    /// How often each server is in `window`.
    fn shares(window: &[u32], servers: usize) -> Vec<u32> {
        let mut shares = vec![0; servers];
        for &id in window {
            shares[id as usize] += 1;
        }
        shares
    }

    #[derive(Debug, Clone)]
    enum Churn {
        Remove(usize),
        Weigh(usize, u16),
        Pick(usize),
    }

    fn churn() -> impl Strategy<Value = Churn> {
        prop_oneof![
            (0usize..6).prop_map(Churn::Remove),
            (0usize..6, 1u16..30).prop_map(|(index, weight)| Churn::Weigh(index, weight)),
            (0usize..40).prop_map(Churn::Pick),
        ]
    }

    proptest! {
        #[test]
        fn every_window_of_one_round_is_exact_from_the_first_pick_and_after_any_churn(
            mut weights in proptest::collection::vec(1u16..30, 6),
            churn in proptest::collection::vec(churn(), 0..12),
        ) {
            let none = Tried::default();
            let mut picker = with_weights(&weights);
            for step in churn {
                match step {
                    Churn::Remove(index) => {
                        picker.remove(ServerId(index as u32));
                        weights[index] = 0;
                    }
                    Churn::Weigh(index, weight) => {
                        picker.insert(ServerId(index as u32), weight);
                        weights[index] = weight;
                    }
                    Churn::Pick(count) => {
                        for _ in 0..count {
                            picker.pick(&none);
                        }
                    }
                }
            }
            let expected: Vec<u32> = weights.iter().map(|&weight| u32::from(weight)).collect();
            let round = expected.iter().sum::<u32>() as usize;
            let picked: Vec<u32> = (0..3 * round).map_while(|_| picker.pick(&none)).map(|id| id.0).collect();
            prop_assert_eq!(picked.len(), 3 * round);
            for window in picked.windows(round.max(1)) {
                prop_assert_eq!(shares(window, 6), expected.clone());
            }
        }

        #[test]
        fn tried_servers_are_never_picked(
            weights in proptest::collection::vec(1u16..10, 1..8),
            sets in proptest::collection::vec(proptest::collection::vec(0u32..8, 0..5), 1..60),
        ) {
            let mut picker = with_weights(&weights);
            for set in sets {
                let mut tried = Tried::default();
                set.iter().for_each(|&id| tried.insert(ServerId(id)));
                let left = (0..weights.len() as u32).any(|id| !set.contains(&id));
                match picker.pick(&tried) {
                    Some(id) => prop_assert!(!tried.contains(id)),
                    None => prop_assert!(!left),
                }
            }
        }
    }
}
