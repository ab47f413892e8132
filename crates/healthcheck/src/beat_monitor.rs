//! What the beats of all workers add up to.

use crate::beat::{BEAT_INTERVAL, Beat, Readiness};
use std::time::{Duration, Instant};

/// Default longest silence of a worker: four missed beats.
pub const BEAT_TIMEOUT: Duration = Duration::from_millis(80);

/// Default time of complete beats after a failure before the sender is trusted again.
pub const BEAT_RECOVERY: Duration = Duration::from_millis(500);

/// Longest time, from the end of the timeout on, for which silence of a starved process is no hang.
pub const STARVATION_LIMIT: Duration = Duration::from_secs(1);

/// The verdict about the watched process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Nothing has been heard yet.
    Unknown,
    /// Every worker beats and is ready.
    Ready,
    /// Every worker beats, but at least one does not accept connections.
    NotReady(Readiness),
    /// A worker fell silent while the connection stays open.
    Hung {
        /// The worker that has been silent longest (0 if none has beaten on this connection).
        worker: u16,
    },
    /// The connection was closed: the process is gone.
    Dead,
}

/// Follows the beats of one process; sans-IO, like [`Checker`](crate::Checker), with a verdict instead of
/// actions.
///
/// Every worker must beat within the timeout. After a failure the verdict stays until beats have been
/// complete for the recovery time. When this process itself was starved (its timer ran more than half a
/// timeout late), silence proves nothing: the beats may be waiting in the socket, so one more
/// [`BEAT_INTERVAL`] is granted, once, before a worker is declared hung.
///
/// Nor does silence prove anything about a process that wants to run and gets no CPU. Who can tell asks
/// [`suspect`](Self::suspect) before [`handle_timeout`](Self::handle_timeout), looks, and calls
/// [`handle_starved`](Self::handle_starved) instead if it is so.
#[derive(Debug, Clone)]
pub struct BeatMonitor {
    timeout: Duration,
    recovery: Duration,
    link: Link,
    verdict: Liveness,
    /// Start of complete beats after a failure.
    steady_since: Option<Instant>,
    grace: Grace,
    latest: Option<Instant>,
}

#[derive(Debug, Clone)]
enum Link {
    Closed,
    /// Connected; `workers` is empty until the first beat tells how many there are.
    Open {
        since: Instant,
        workers: Vec<Worker>,
    },
}

#[derive(Debug, Clone, Copy)]
struct Worker {
    /// Last beat, or when it was first expected to beat.
    heard: Instant,
    /// What it said; `None` before its first beat.
    readiness: Option<Readiness>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grace {
    Available,
    Until(Instant),
    Spent,
}

impl BeatMonitor {
    /// A monitor that allows each worker `timeout` of silence, and trusts again after [`BEAT_RECOVERY`].
    pub fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            recovery: BEAT_RECOVERY,
            link: Link::Closed,
            verdict: Liveness::Unknown,
            steady_since: None,
            grace: Grace::Available,
            latest: None,
        }
    }

    /// Another recovery time.
    pub fn with_recovery(self, recovery: Duration) -> Self {
        Self { recovery, ..self }
    }

    /// A process connected. It replaces the one before; its workers are given `timeout` for a first beat.
    pub fn handle_connected(&mut self, now: Instant) {
        let now = self.clamp(now);
        self.link = Link::Open { since: now, workers: Vec::new() };
        self.steady_since = None;
        self.grace = Grace::Available;
    }

    /// A worker beat. Ignored without a connection.
    pub fn handle_beat(&mut self, now: Instant, beat: Beat) {
        let now = self.clamp(now);
        let Link::Open { workers, .. } = &mut self.link else { return };
        if workers.len() != usize::from(beat.workers) {
            *workers = vec![Worker { heard: now, readiness: None }; usize::from(beat.workers)];
        }
        let Some(worker) = workers.get_mut(usize::from(beat.worker)) else { return };
        *worker = Worker { heard: now, readiness: Some(beat.readiness) };
        self.judge_beats(now);
    }

    /// The connection closed: [`Liveness::Dead`] at once.
    pub fn handle_closed(&mut self, now: Instant) {
        self.clamp(now);
        if let Link::Open { .. } = self.link {
            self.link = Link::Closed;
            self.fail(Liveness::Dead);
        }
    }

    /// Time passed: finds silent workers and ends a recovery.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clamp(now);
        let Some((silent_at, worker)) = self.silence() else { return };
        if now < silent_at {
            self.judge_beats(now);
            return;
        }
        match self.grace {
            Grace::Available if now > silent_at + self.timeout / 2 => {
                self.grace = Grace::Until(now + BEAT_INTERVAL);
            }
            Grace::Until(until) if now < until => {}
            Grace::Available | Grace::Until(_) | Grace::Spent => {
                self.grace = Grace::Spent;
                self.fail(Liveness::Hung { worker });
            }
        }
    }

    /// The worker for which [`handle_timeout`](Self::handle_timeout) would now call a process hung that is not so far.
    pub fn suspect(&self, now: Instant) -> Option<u16> {
        let (silent_at, worker) = self.silence().filter(|_| !self.has_failed())?;
        let judged = match self.grace {
            Grace::Available => now <= silent_at + self.timeout / 2,
            Grace::Until(until) => now >= until,
            Grace::Spent => true,
        };
        (now >= silent_at && judged).then_some(worker)
    }

    /// The process is silent and wants to run, but is not run: it is given another [`BEAT_INTERVAL`], until
    /// [`STARVATION_LIMIT`] is over.
    pub fn handle_starved(&mut self, now: Instant) {
        let now = self.clamp(now);
        match self.silence() {
            Some((silent_at, _)) if (silent_at..silent_at + STARVATION_LIMIT).contains(&now) => {
                self.grace = Grace::Until(now + BEAT_INTERVAL);
            }
            Some(_) | None => self.handle_timeout(now),
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` when only a beat or a
    /// connection can change the verdict.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let watching = !self.has_failed() || self.steady_since.is_some();
        // A new connection after a failure has said nothing yet, and the failure already says the worst.
        let silent_at = self.silence().filter(|_| watching).map(|(at, _)| match self.grace {
            Grace::Until(until) => at.max(until),
            Grace::Available | Grace::Spent => at,
        });
        let trusted_at = self.steady_since.map(|since| since + self.recovery);
        match (silent_at, trusted_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// The verdict now.
    pub fn verdict(&self) -> Liveness {
        self.verdict
    }

    /// When the first worker will have been silent too long, and which one that is.
    fn silence(&self) -> Option<(Instant, u16)> {
        match &self.link {
            Link::Closed => None,
            Link::Open { since, workers } if workers.is_empty() => Some((*since + self.timeout, 0)),
            Link::Open { workers, .. } => {
                let (index, oldest) = workers.iter().enumerate().min_by_key(|(_, worker)| worker.heard)?;
                let worker = u16::try_from(index).expect("a beat names at most u16::MAX workers");
                Some((oldest.heard + self.timeout, worker))
            }
        }
    }

    /// Draws the conclusion when every worker has beaten in time.
    fn judge_beats(&mut self, now: Instant) {
        let in_time = self.silence().is_some_and(|(silent_at, _)| now < silent_at);
        let Some(together) = self.readiness().filter(|_| in_time) else { return };
        self.grace = Grace::Available;
        if self.has_failed() {
            let since = *self.steady_since.get_or_insert(now);
            if now < since + self.recovery {
                return;
            }
        }
        self.steady_since = None;
        self.verdict = match together {
            Readiness::Ready => Liveness::Ready,
            Readiness::Starting | Readiness::Draining => Liveness::NotReady(together),
        };
    }

    /// The readiness of all workers together; `None` until each has beaten.
    fn readiness(&self) -> Option<Readiness> {
        let Link::Open { workers, .. } = &self.link else { return None };
        let mut together = None;
        for worker in workers {
            together = Some(match (together, worker.readiness?) {
                (Some(Readiness::Draining), _) | (_, Readiness::Draining) => Readiness::Draining,
                (Some(Readiness::Starting), _) | (_, Readiness::Starting) => Readiness::Starting,
                (Some(Readiness::Ready) | None, Readiness::Ready) => Readiness::Ready,
            });
        }
        together
    }

    fn fail(&mut self, verdict: Liveness) {
        self.verdict = verdict;
        self.steady_since = None;
    }

    fn has_failed(&self) -> bool {
        matches!(self.verdict, Liveness::Hung { .. } | Liveness::Dead)
    }

    fn clamp(&mut self, now: Instant) -> Instant {
        let now = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(now);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// A monitor of two workers and a clock in milliseconds; its timer fires on time.
    struct Bench {
        start: Instant,
        monitor: BeatMonitor,
    }

    impl Bench {
        fn connected() -> Self {
            let start = Instant::now();
            let mut monitor = BeatMonitor::new(BEAT_TIMEOUT);
            monitor.handle_connected(start);
            Self { start, monitor }
        }

        /// Connected, with both workers ready at 0 ms.
        fn ready() -> Self {
            let mut bench = Self::connected();
            bench.beat_both(0, Readiness::Ready);
            assert_eq!(bench.monitor.verdict(), Liveness::Ready);
            bench
        }

        fn beat(&mut self, at: u64, worker: u16, readiness: Readiness) {
            self.run_until(at);
            self.monitor.handle_beat(self.start + ms(at), Beat { worker, workers: 2, readiness });
        }

        fn beat_both(&mut self, at: u64, readiness: Readiness) {
            self.beat(at, 0, readiness);
            self.beat(at, 1, readiness);
        }

        /// Both workers beat every 20 ms in `from..=to`.
        fn beats(&mut self, from: u64, to: u64) {
            for at in (from..=to).step_by(20) {
                self.beat_both(at, Readiness::Ready);
            }
        }

        fn run_until(&mut self, at: u64) {
            let now = self.start + ms(at);
            for _ in 0..100 {
                match self.monitor.poll_timeout() {
                    Some(due) if due <= now => self.monitor.handle_timeout(due),
                    _ => return,
                }
            }
            panic!("the monitor asks for the same time again and again");
        }

        fn verdict_at(&mut self, at: u64) -> Liveness {
            self.run_until(at);
            self.monitor.verdict()
        }
    }

    #[test]
    fn ready_needs_a_beat_of_every_worker() {
        let mut bench = Bench::connected();
        assert_eq!(bench.verdict_at(1), Liveness::Unknown);
        bench.beat(2, 1, Readiness::Ready);
        assert_eq!(bench.verdict_at(3), Liveness::Unknown);
        bench.beat(4, 0, Readiness::Ready);
        assert_eq!(bench.verdict_at(4), Liveness::Ready);
    }

    #[test]
    fn one_worker_that_is_not_ready_makes_all_not_ready() {
        let mut bench = Bench::ready();
        bench.beat(10, 1, Readiness::Draining);
        assert_eq!(bench.verdict_at(10), Liveness::NotReady(Readiness::Draining));
        bench.beat(20, 0, Readiness::Starting);
        assert_eq!(bench.verdict_at(20), Liveness::NotReady(Readiness::Draining));
        bench.beat(30, 1, Readiness::Ready);
        assert_eq!(bench.verdict_at(30), Liveness::NotReady(Readiness::Starting));
        bench.beat(40, 0, Readiness::Ready);
        assert_eq!(bench.verdict_at(40), Liveness::Ready);
    }

    #[test]
    fn one_silent_worker_is_hung_after_the_timeout() {
        let mut bench = Bench::ready();
        for at in (20..=200).step_by(20) {
            bench.beat(at, 0, Readiness::Ready);
            let expected = if at < 80 { Liveness::Ready } else { Liveness::Hung { worker: 1 } };
            assert_eq!(bench.verdict_at(at), expected, "at {at} ms");
        }
    }

    #[test]
    fn connection_without_beats_is_hung() {
        let mut bench = Bench::connected();
        assert_eq!(bench.verdict_at(79), Liveness::Unknown);
        assert_eq!(bench.verdict_at(80), Liveness::Hung { worker: 0 });
        assert_eq!(bench.monitor.poll_timeout(), None);
    }

    #[test]
    fn closed_connection_is_dead_at_once() {
        let mut bench = Bench::ready();
        bench.monitor.handle_closed(bench.start + ms(5));
        assert_eq!(bench.monitor.verdict(), Liveness::Dead);
        assert_eq!(bench.monitor.poll_timeout(), None);
    }

    #[test]
    fn trust_returns_after_steady_beats_only() {
        let mut bench = Bench::ready();
        assert_eq!(bench.verdict_at(100), Liveness::Hung { worker: 0 });
        bench.beats(200, 400);
        // Silence from 400 to 500 breaks the series; it starts anew at 500.
        bench.beats(500, 980);
        assert_eq!(bench.verdict_at(999), Liveness::Hung { worker: 0 });
        bench.beat_both(1000, Readiness::Ready);
        assert_eq!(bench.verdict_at(1000), Liveness::Ready);
    }

    #[test]
    fn restarted_process_recovers_too() {
        let mut bench = Bench::ready();
        bench.monitor.handle_closed(bench.start + ms(10));
        bench.monitor.handle_connected(bench.start + ms(50));
        bench.beats(60, 540);
        assert_eq!(bench.verdict_at(559), Liveness::Dead);
        assert_eq!(bench.verdict_at(560), Liveness::Ready);
    }

    #[test]
    fn own_starvation_grants_one_more_interval_once() {
        let mut bench = Bench::ready();
        // The timer was due at 80 ms; it runs at 300 ms because this process got no CPU.
        bench.monitor.handle_timeout(bench.start + ms(300));
        assert_eq!(bench.monitor.verdict(), Liveness::Ready);
        assert_eq!(bench.monitor.poll_timeout(), Some(bench.start + ms(320)));
        // Starved again: no second grace.
        bench.monitor.handle_timeout(bench.start + ms(600));
        assert_eq!(bench.monitor.verdict(), Liveness::Hung { worker: 0 });
    }

    #[test]
    fn beats_found_after_starvation_restore_the_grace() {
        let mut bench = Bench::ready();
        bench.monitor.handle_timeout(bench.start + ms(300));
        bench.beat_both(301, Readiness::Ready);
        assert_eq!(bench.verdict_at(380), Liveness::Ready);
        bench.monitor.handle_timeout(bench.start + ms(600));
        assert_eq!(bench.monitor.verdict(), Liveness::Ready, "a new starvation gets a new grace");
        assert_eq!(bench.verdict_at(620), Liveness::Hung { worker: 0 });
    }

    #[test]
    fn a_starved_process_is_not_hung_before_the_limit() {
        let mut bench = Bench::ready();
        let mut at = 80;
        let limit = 80 + 1_000;
        assert_eq!(bench.monitor.suspect(bench.start + ms(79)), None);
        while at < limit {
            assert_eq!(bench.monitor.suspect(bench.start + ms(at)), Some(0), "at {at} ms");
            bench.monitor.handle_starved(bench.start + ms(at));
            assert_eq!(bench.monitor.verdict(), Liveness::Ready, "at {at} ms");
            at += 20;
            assert_eq!(bench.monitor.poll_timeout(), Some(bench.start + ms(at)));
        }
        bench.monitor.handle_starved(bench.start + ms(at));
        assert_eq!(bench.monitor.verdict(), Liveness::Hung { worker: 0 });
        assert_eq!(bench.monitor.suspect(bench.start + ms(at)), None, "it is known");
    }

    #[test]
    fn a_process_that_was_starved_and_beats_again_has_its_whole_timeout() {
        let mut bench = Bench::ready();
        bench.monitor.handle_starved(bench.start + ms(80));
        bench.monitor.handle_starved(bench.start + ms(100));
        bench.beat_both(110, Readiness::Ready);
        assert_eq!(bench.verdict_at(189), Liveness::Ready);
        assert_eq!(bench.verdict_at(190), Liveness::Hung { worker: 0 });
    }

    #[test]
    fn a_process_that_is_not_starved_any_more_is_hung_when_its_grace_ends() {
        let mut bench = Bench::ready();
        bench.monitor.handle_starved(bench.start + ms(80));
        assert_eq!(bench.verdict_at(99), Liveness::Ready);
        assert_eq!(bench.verdict_at(100), Liveness::Hung { worker: 0 });
    }

    #[test]
    fn timely_timer_grants_nothing() {
        let mut bench = Bench::ready();
        bench.monitor.handle_timeout(bench.start + ms(119));
        assert_eq!(bench.monitor.verdict(), Liveness::Hung { worker: 0 });
    }

    #[test]
    fn changed_number_of_workers_starts_the_count_anew() {
        let mut bench = Bench::ready();
        let one = Beat { worker: 0, workers: 1, readiness: Readiness::Draining };
        bench.monitor.handle_beat(bench.start + ms(10), one);
        assert_eq!(bench.monitor.verdict(), Liveness::NotReady(Readiness::Draining));
    }
}
