//! One checked object: its state machine and its schedule.

use crate::fsm::{Change, Fsm, Initial, Outcome};
use crate::spread::jitter;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The shortest time between two pieces of [evidence](Checker::handle_evidence) that count.
pub const EVIDENCE_GAP: Duration = Duration::from_millis(100);

/// How a [`Checker`] works. The default is HAProxy's: a check every 2 s, `rise 2`, `fall 3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckerConfig {
    /// Interval while fully up.
    pub inter: Duration,
    /// Interval while wavering: `fastinter`.
    pub fast_inter: Duration,
    /// Interval while fully down: `downinter`.
    pub down_inter: Duration,
    /// Longest time a probe may take before it is aborted and counts as failed.
    pub timeout: Duration,
    /// Successes in a row that bring it up; at least 1.
    pub rise: u16,
    /// Failures that bring it down; at least 1.
    pub fall: u16,
    /// State before the first result, and after [`Checker::resume`].
    pub initial: Initial,
    /// Time from the start to the first probe; see [`first_delay`](crate::first_delay).
    pub first_delay: Duration,
    /// What an interval is measured from.
    pub period: Period,
    /// Random part of each interval, in percent either way, 0..=50 (`spread-checks`).
    pub jitter_percent: u8,
    /// Seed of that randomness.
    pub seed: u64,
}

impl Default for CheckerConfig {
    fn default() -> Self {
        let inter = Duration::from_secs(2);
        Self {
            inter,
            fast_inter: inter,
            down_inter: inter,
            timeout: inter,
            rise: 2,
            fall: 3,
            initial: Initial::Up,
            first_delay: Duration::ZERO,
            period: Period::AfterFinish,
            jitter_percent: 0,
            seed: 0,
        }
    }
}

/// What a check interval is measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Period {
    /// From the end of one probe to the start of the next, as HAProxy does.
    #[default]
    AfterFinish,
    /// From start to start, as keepalived runs scripts: a probe that is still running when its next turn
    /// comes makes it skip that turn.
    FromStart,
}

/// Names one probe of one checker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(u64);

/// What the driver has to do, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start a probe and report its outcome with this id.
    StartProbe(ProbeId),
    /// Give this probe up: it ran into its timeout (already counted as a failure) or checks were paused.
    AbortProbe(ProbeId),
    /// The verdict changed.
    Changed(Change),
}

/// Decides when to probe and what the results mean; see the crate page for the calling contract.
#[derive(Debug, Clone)]
pub struct Checker {
    config: CheckerConfig,
    fsm: Fsm,
    state: State,
    actions: VecDeque<Action>,
    next_id: u64,
    last_evidence: Option<Instant>,
    random: u64,
    latest: Instant,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Idle { due: Instant },
    Probing { id: ProbeId, started: Instant, deadline: Instant },
    Paused,
}

impl Checker {
    /// A checker whose first probe is due at `now + first_delay`.
    pub fn new(now: Instant, config: CheckerConfig) -> Self {
        Self {
            fsm: Fsm::new(config.rise, config.fall, config.initial),
            state: State::Idle { due: now + config.first_delay },
            actions: VecDeque::new(),
            next_id: 0,
            last_evidence: None,
            random: config.seed,
            latest: now,
            config,
        }
    }

    /// The next thing to do; drain to `None` after every `handle_*` call.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` while paused.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Idle { due } => Some(due),
            State::Probing { deadline, .. } => Some(deadline),
            State::Paused => None,
        }
    }

    /// Starts the probe that is due, or gives up the one that takes too long.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clamp(now);
        match self.state {
            State::Idle { due } if now >= due => self.start_probe(now),
            State::Probing { id, started, deadline } if now >= deadline => {
                self.actions.push_back(Action::AbortProbe(id));
                self.finish_probe(now, started, Outcome::Fail);
            }
            State::Idle { .. } | State::Probing { .. } | State::Paused => {}
        }
    }

    /// Takes the outcome of a probe. Results of aborted or forgotten probes are ignored.
    pub fn handle_result(&mut self, now: Instant, probe: ProbeId, outcome: Outcome) {
        let now = self.clamp(now);
        if let State::Probing { id, started, .. } = self.state
            && id == probe
        {
            self.finish_probe(now, started, outcome);
        }
    }

    /// Traffic was refused by the checked object: counts as a failed check and makes a probe due at once.
    ///
    /// At most one piece of evidence counts per `fast_inter` or [`EVIDENCE_GAP`], whichever is shorter, so
    /// that a burst of refused connections is one failure. Ignored while down (traffic that was under way
    /// before the fall says nothing new) and while paused. Returns whether it counted.
    pub fn handle_evidence(&mut self, now: Instant) -> bool {
        let now = self.clamp(now);
        let gap = self.config.fast_inter.min(EVIDENCE_GAP);
        let too_soon = self.last_evidence.is_some_and(|last| now < last + gap);
        if too_soon || !self.fsm.is_up() || matches!(self.state, State::Paused) {
            return false;
        }
        self.last_evidence = Some(now);
        let change = self.fsm.observe(Outcome::Fail);
        self.report(change);
        if let State::Idle { due } = &mut self.state {
            *due = now.min(*due);
        }
        true
    }

    /// Stops checking (maintenance); a running probe is given up and counts for nothing.
    pub fn pause(&mut self) {
        if let State::Probing { id, .. } = self.state {
            self.actions.push_back(Action::AbortProbe(id));
        }
        self.state = State::Paused;
    }

    /// Leaves [`pause`](Self::pause): back to the initial state, with a probe due at once.
    pub fn resume(&mut self, now: Instant) {
        let now = self.clamp(now);
        if matches!(self.state, State::Paused) {
            self.state = State::Idle { due: now };
            let change = self.fsm.reset(self.config.initial);
            self.report(change);
        }
    }

    /// Fully up by decree, until checks say otherwise.
    pub fn force_up(&mut self) {
        let change = self.fsm.force_up();
        self.report(change);
    }

    /// Fully down by decree, until checks say otherwise.
    pub fn force_down(&mut self) {
        let change = self.fsm.force_down();
        self.report(change);
    }

    /// Changes the parameters of a running checker. Verdict and running probe stay; a probe that would now
    /// be due sooner comes sooner.
    pub fn reconfigure(&mut self, now: Instant, config: CheckerConfig) {
        let now = self.clamp(now);
        self.fsm.set_thresholds(config.rise, config.fall);
        self.config = config;
        let latest_due = now + self.interval();
        if let State::Idle { due } = &mut self.state {
            *due = latest_due.min(*due);
        }
    }

    /// The rise/fall state.
    pub fn fsm(&self) -> &Fsm {
        &self.fsm
    }

    /// Whether a probe is running.
    pub fn is_probing(&self) -> bool {
        matches!(self.state, State::Probing { .. })
    }

    /// Whether checks are paused.
    pub fn is_paused(&self) -> bool {
        matches!(self.state, State::Paused)
    }

    /// The parameters in force.
    pub fn config(&self) -> &CheckerConfig {
        &self.config
    }

    fn start_probe(&mut self, now: Instant) {
        let id = ProbeId(self.next_id);
        self.next_id += 1;
        self.state = State::Probing { id, started: now, deadline: now + self.config.timeout };
        self.actions.push_back(Action::StartProbe(id));
    }

    fn finish_probe(&mut self, now: Instant, started: Instant, outcome: Outcome) {
        let change = self.fsm.observe(outcome);
        self.report(change);
        let interval = self.interval();
        let interval = jitter(interval, self.config.jitter_percent, self.draw());
        let due = match self.config.period {
            Period::AfterFinish => now + interval,
            Period::FromStart => next_turn(now, started, interval),
        };
        self.state = State::Idle { due };
    }

    fn report(&mut self, change: Option<Change>) {
        self.actions.extend(change.map(Action::Changed));
    }

    fn interval(&self) -> Duration {
        if self.fsm.is_wavering() {
            self.config.fast_inter
        } else if self.fsm.is_up() {
            self.config.inter
        } else {
            self.config.down_inter
        }
    }

    fn clamp(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// The next number of a splitmix64 sequence: small, seeded, good enough to spread timers.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The first turn `started + k * interval` (k >= 1) after `now`.
fn next_turn(now: Instant, started: Instant, interval: Duration) -> Instant {
    if interval.is_zero() {
        return now;
    }
    let passed = now.duration_since(started).as_nanos() / interval.as_nanos();
    let turns = u32::try_from(passed).unwrap_or(u32::MAX).saturating_add(1);
    started + interval.saturating_mul(turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn config() -> CheckerConfig {
        CheckerConfig {
            inter: ms(1000),
            fast_inter: ms(200),
            down_inter: ms(5000),
            timeout: ms(400),
            initial: Initial::FullyUp,
            ..CheckerConfig::default()
        }
    }

    /// Runs to the next probe and gives its id.
    fn probe(checker: &mut Checker) -> (Instant, ProbeId) {
        let at = checker.poll_timeout().expect("something is due");
        checker.handle_timeout(at);
        match checker.poll_action() {
            Some(Action::StartProbe(id)) => (at, id),
            other => panic!("expected a probe, got {other:?}"),
        }
    }

    #[test]
    fn next_check_is_armed_when_the_previous_one_finishes() {
        let t0 = Instant::now();
        let mut checker = Checker::new(t0, config());
        let (at, id) = probe(&mut checker);
        checker.handle_result(at + ms(30), id, Outcome::Pass);
        assert_eq!(checker.poll_timeout(), Some(t0 + ms(1030)));
    }

    #[test]
    fn interval_follows_the_state() {
        let mut checker = Checker::new(Instant::now(), config());
        // fall 3, rise 2: wavering twice, then down, then wavering, then up.
        let table = [
            (Outcome::Fail, 200),
            (Outcome::Fail, 200),
            (Outcome::Fail, 5000),
            (Outcome::Pass, 200),
            (Outcome::Pass, 1000),
        ];
        for (outcome, wait) in table {
            let (at, id) = probe(&mut checker);
            checker.handle_result(at, id, outcome);
            while checker.poll_action().is_some() {}
            assert_eq!(checker.poll_timeout(), Some(at + ms(wait)));
        }
    }

    #[test]
    fn probe_that_takes_too_long_is_aborted_and_fails() {
        let t0 = Instant::now();
        let mut checker = Checker::new(t0, CheckerConfig { fall: 1, ..config() });
        let (at, id) = probe(&mut checker);
        checker.handle_timeout(at + ms(399));
        assert_eq!(checker.poll_action(), None);
        checker.handle_timeout(at + ms(400));
        assert_eq!(checker.poll_action(), Some(Action::AbortProbe(id)));
        assert_eq!(checker.poll_action(), Some(Action::Changed(Change::WentDown)));
        checker.handle_result(at + ms(401), id, Outcome::Pass);
        assert_eq!(checker.poll_action(), None);
        assert_eq!(checker.fsm().display().to_string(), "DOWN");
    }

    #[test]
    fn period_from_start_ignores_how_long_a_probe_took() {
        let t0 = Instant::now();
        let mut checker = Checker::new(t0, CheckerConfig { period: Period::FromStart, ..config() });
        let (at, id) = probe(&mut checker);
        checker.handle_result(at + ms(390), id, Outcome::Pass);
        assert_eq!(checker.poll_timeout(), Some(t0 + ms(1000)));
    }

    #[test]
    fn probe_longer_than_its_interval_skips_a_turn() {
        let t0 = Instant::now();
        let slow = CheckerConfig { period: Period::FromStart, timeout: ms(3000), ..config() };
        let mut checker = Checker::new(t0, slow);
        let (at, id) = probe(&mut checker);
        checker.handle_result(at + ms(1500), id, Outcome::Pass);
        assert_eq!(checker.poll_timeout(), Some(t0 + ms(2000)));
    }

    #[test]
    fn evidence_counts_once_per_gap_and_brings_the_probe_forward() {
        let t0 = Instant::now();
        let mut checker = Checker::new(t0, config());
        let (at, id) = probe(&mut checker);
        checker.handle_result(at, id, Outcome::Pass);
        let hit = at + ms(10);
        assert!(checker.handle_evidence(hit));
        assert!(!checker.handle_evidence(hit + ms(99)));
        assert_eq!(checker.fsm().display().to_string(), "UP 2/3");
        assert_eq!(checker.poll_timeout(), Some(hit));
        assert!(checker.handle_evidence(hit + ms(100)));
        assert!(checker.handle_evidence(hit + ms(200)));
        assert_eq!(checker.poll_action(), Some(Action::Changed(Change::WentDown)));
        assert!(!checker.handle_evidence(hit + ms(300)), "evidence while down says nothing new");
    }

    #[test]
    fn leaving_maintenance_starts_over_with_a_probe_at_once() {
        let t0 = Instant::now();
        let mut checker = Checker::new(t0, CheckerConfig { initial: Initial::Up, ..config() });
        let (at, id) = probe(&mut checker);
        checker.pause();
        assert_eq!(checker.poll_action(), Some(Action::AbortProbe(id)));
        assert_eq!(checker.poll_timeout(), None);
        checker.handle_result(at + ms(1), id, Outcome::Fail);
        assert_eq!(checker.poll_action(), None);
        checker.resume(at + ms(50));
        assert_eq!(checker.poll_timeout(), Some(at + ms(50)));
        assert_eq!(checker.fsm().display().to_string(), "UP 1/3");
    }

    #[test]
    fn repeated_or_early_timeouts_change_nothing() {
        let t0 = Instant::now();
        let mut checker = Checker::new(t0, CheckerConfig { first_delay: ms(100), ..config() });
        checker.handle_timeout(t0);
        checker.handle_timeout(t0 + ms(99));
        assert_eq!(checker.poll_action(), None);
        checker.handle_timeout(t0 + ms(100));
        checker.handle_timeout(t0 + ms(100));
        assert!(matches!(checker.poll_action(), Some(Action::StartProbe(_))));
        assert_eq!(checker.poll_action(), None);
    }

    #[test]
    fn jitter_stays_within_its_percentage() {
        let mut checker = Checker::new(Instant::now(), CheckerConfig { jitter_percent: 10, ..config() });
        for _ in 0..100 {
            let (at, id) = probe(&mut checker);
            checker.handle_result(at, id, Outcome::Pass);
            let wait = checker.poll_timeout().expect("idle") - at;
            assert!((ms(900)..=ms(1100)).contains(&wait), "{wait:?}");
        }
    }
}
