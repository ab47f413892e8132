//! One turn of a proxy, and which rounds of turns to keep.

use std::time::Duration;

use crate::figures::micros;
use crate::load::open_loop::Outcome;
use crate::load::wrk::Tally;
use crate::usage::Usage;

/// What the rest of the machine may spoil.
pub(crate) trait Disturbed {
    /// A round in which no turn was disturbed more need not be repeated.
    const TOLERATED: f64;

    /// Share of the time in which it was.
    fn disturbance(&self) -> f64;
}

/// A turn at a fixed rate.
#[derive(Debug)]
pub(crate) struct LatencyTurn {
    pub(crate) outcome: Outcome,
    pub(crate) wall: Duration,
    /// How long the CPUs did not run what should have run.
    pub(crate) standstill: Duration,
    /// Whether load, servers and proxy ran before everything else on the machine.
    pub(crate) real_time: bool,
}

impl Disturbed for LatencyTurn {
    /// Every request that is due meanwhile is late, and so are some after it; one in a hundred is the p99.
    const TOLERATED: f64 = 0.002;

    fn disturbance(&self) -> f64 {
        self.standstill.as_secs_f64() / self.wall.as_secs_f64()
    }
}

/// What one turn under load took.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) usage: Usage,
    pub(crate) wall: Duration,
    pub(crate) tally: Tally,
    pub(crate) server_connections: u64,
    pub(crate) log_lines: u64,
}

impl Disturbed for Turn {
    /// Programs that have the CPU in the meantime evict its caches, and batches of work pile up.
    const TOLERATED: f64 = 0.03;

    /// Share of the time that the proxy waited for its CPU.
    fn disturbance(&self) -> f64 {
        self.usage.waited.as_secs_f64() / self.wall.as_secs_f64()
    }
}

/// Rounds so far: in each one a turn of each proxy.
#[derive(Debug)]
pub(crate) struct Rounds<T> {
    wanted: usize,
    done: Vec<Vec<T>>,
}

impl<T: Disturbed> Rounds<T> {
    pub(crate) fn new(wanted: u32) -> Self {
        Self { wanted: wanted as usize, done: Vec::new() }
    }

    /// Whether another round is worth it: until enough were undisturbed, and at most twice as many as wanted.
    pub(crate) fn need_more(&self) -> bool {
        let undisturbed = self.done.iter().filter(|round| disturbance(round) <= T::TOLERATED).count();
        undisturbed < self.wanted && self.done.len() < 2 * self.wanted
    }

    pub(crate) fn add(&mut self, round: Vec<T>) {
        self.done.push(round);
    }

    /// The turns of each proxy in the least disturbed rounds. A round stays or goes as a whole, so that all proxies keep
    /// the same ones, whatever their figures.
    pub(crate) fn by_proxy(mut self) -> Vec<Vec<T>> {
        self.done.sort_by(|a, b| disturbance(a).total_cmp(&disturbance(b)));
        self.done.truncate(self.wanted);
        let mut all: Vec<Vec<T>> = Vec::new();
        for round in self.done {
            all.resize_with(round.len(), Vec::new);
            for (turns, turn) in all.iter_mut().zip(round) {
                turns.push(turn);
            }
        }
        all
    }
}

fn disturbance(round: &[impl Disturbed]) -> f64 {
    round.iter().map(Disturbed::disturbance).fold(0.0, f64::max)
}

impl Turn {
    /// CPU time a request in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.per_request(micros(self.usage.cpu()))
    }

    /// A total divided by the requests.
    pub(crate) fn per_request(&self, total: f64) -> f64 {
        total / self.tally.requests.max(1) as f64
    }

    /// Share of a CPU that the proxy used.
    pub(crate) fn utilisation(&self) -> f64 {
        self.usage.cpu().as_secs_f64() / self.wall.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(waited: u64, id: u64) -> Turn {
        Turn {
            usage: Usage { waited: Duration::from_millis(waited), ..Usage::default() },
            wall: Duration::from_secs(1),
            tally: Tally::default(),
            server_connections: 0,
            log_lines: id,
        }
    }

    /// Which rounds each proxy keeps, when it waited for so many milliseconds in each turn.
    fn kept(wanted: u32, disturbed: &[[u64; 2]]) -> Vec<Vec<u64>> {
        let mut rounds = Rounds::new(wanted);
        for (n, [a, b]) in disturbed.iter().enumerate() {
            assert!(rounds.need_more(), "round {n}");
            rounds.add(vec![turn(*a, n as u64), turn(*b, n as u64)]);
        }
        assert!(!rounds.need_more());
        let ids = |turns: Vec<Turn>| turns.iter().map(|turn| turn.log_lines).collect();
        rounds.by_proxy().into_iter().map(ids).collect()
    }

    #[test]
    fn quiet_rounds_are_not_repeated() {
        assert_eq!(kept(2, &[[0, 10], [30, 0]]), [[0, 1], [0, 1]]);
    }

    #[test]
    fn a_disturbed_round_is_replaced_for_all_proxies() {
        assert_eq!(kept(2, &[[0, 0], [0, 400], [10, 10]]), [[0, 2], [0, 2]]);
    }

    #[test]
    fn on_a_busy_machine_the_least_disturbed_rounds_are_kept() {
        assert_eq!(kept(2, &[[900, 0], [100, 300], [200, 0], [0, 500]]), [[2, 1], [2, 1]]);
    }
}
