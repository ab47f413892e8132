//! When gratuitous ARP and unsolicited neighbour advertisements go out.

use std::time::{Duration, Instant};

/// Offsets from a promotion at which the addresses are announced.
///
/// The default is 0, 10, 50, 200 ms, 1 s and 5 s. Announcements that are spread out reach a switch or a client again
/// after the old Active has let go; five in one millisecond, as keepalived sends them, may all be too early.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(from = "Vec<Duration>", into = "Vec<Duration>")
)]
pub struct Schedule(Vec<Duration>);

impl Schedule {
    /// Offsets in any order; repeated ones count once. Empty means that nothing is ever announced.
    pub fn new(mut offsets: Vec<Duration>) -> Self {
        offsets.sort();
        offsets.dedup();
        Self(offsets)
    }

    /// The offsets, ascending.
    pub fn offsets(&self) -> &[Duration] {
        &self.0
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self([0, 10, 50, 200, 1000, 5000].map(Duration::from_millis).into())
    }
}

impl From<Vec<Duration>> for Schedule {
    fn from(offsets: Vec<Duration>) -> Self {
        Self::new(offsets)
    }
}

impl From<Schedule> for Vec<Duration> {
    fn from(schedule: Schedule) -> Self {
        schedule.0
    }
}

/// The schedule of a promotion in progress, that of the last contest beside it, and at most one more that waits for its
/// turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcer {
    promotion: Run,
    contest: Option<Run>,
    contest_at: Option<Instant>,
    early_left: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    started: Instant,
    next: usize,
}

impl Announcer {
    /// Between two starts of a schedule. A peer that keeps contesting can cause one schedule a second and no more; one
    /// that comes too early waits rather than being lost, for it may be the one after the loser let go.
    pub const CONTEST_GAP: Duration = Duration::from_secs(1);

    /// The same for a few: where a split has healed soon after a promotion, clients are to learn of it at once.
    pub const EARLY_GAP: Duration = Duration::from_millis(100);

    /// How many may be early, until there was none for [`QUIET`](Self::QUIET).
    pub const EARLY: u8 = 3;

    /// After this long without a contest, some may be early again.
    pub const QUIET: Duration = Duration::from_secs(10);

    pub(crate) fn start(now: Instant) -> Self {
        Self { promotion: Run::start(now), contest: None, contest_at: None, early_left: Self::EARLY }
    }

    /// Announces by the contest's schedule, from now or from when [`CONTEST_GAP`](Self::CONTEST_GAP) has passed. What is
    /// in progress goes on until then, and that of a promotion to its end.
    pub(crate) fn contest(&mut self, now: Instant) {
        if self.contest_at.is_some() {
            return;
        }
        let last = self.contest.map_or(self.promotion.started, |contest| contest.started);
        if last + Self::QUIET <= now {
            self.early_left = Self::EARLY;
        }
        let early = last + Self::CONTEST_GAP > now && self.early_left > 0;
        self.early_left -= u8::from(early);
        let gap = if early { Self::EARLY_GAP } else { Self::CONTEST_GAP };
        self.contest_at = Some(now.max(last + gap));
    }

    /// Whether to announce now. Offsets that were missed count once.
    pub(crate) fn take_due(&mut self, now: Instant, promotion: &Schedule, contest: &Schedule) -> bool {
        if self.contest_at.is_some_and(|at| at <= now) {
            self.contest = Some(Run::start(now));
            self.contest_at = None;
        }
        let promoted = self.promotion.take_due(now, promotion);
        let contested = self.contest.as_mut().is_some_and(|run| run.take_due(now, contest));
        promoted || contested
    }

    /// When [`take_due`](Self::take_due) is next true.
    pub(crate) fn due_at(&self, promotion: &Schedule, contest: &Schedule) -> Option<Instant> {
        let waiting = contest.0.first().and_then(|&first| Some(self.contest_at? + first));
        let contested = self.contest.and_then(|run| run.due_at(contest));
        [self.promotion.due_at(promotion), contested, waiting].into_iter().flatten().min()
    }
}

impl Run {
    fn start(now: Instant) -> Self {
        Self { started: now, next: 0 }
    }

    fn take_due(&mut self, now: Instant, schedule: &Schedule) -> bool {
        let elapsed = now.saturating_duration_since(self.started);
        let passed = schedule.0.partition_point(|&offset| offset <= elapsed);
        let due = passed > self.next;
        self.next = self.next.max(passed);
        due
    }

    fn due_at(&self, schedule: &Schedule) -> Option<Instant> {
        schedule.0.get(self.next).map(|&offset| self.started + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;

    fn play(announcer: &mut Announcer, until: u64) -> Vec<u64> {
        play_with(announcer, &Schedule::default(), until)
    }

    fn play_with(announcer: &mut Announcer, contest: &Schedule, until: u64) -> Vec<u64> {
        let promotion = Schedule::default();
        let until = epoch() + Duration::from_millis(until);
        let mut times = Vec::new();
        while let Some(at) = announcer.due_at(&promotion, contest).filter(|&at| at <= until) {
            assert!(announcer.take_due(at, &promotion, contest));
            times.push((at - epoch()).as_millis().try_into().unwrap());
        }
        times
    }

    #[test]
    fn announcements_are_spread_over_five_seconds() {
        assert_eq!(play(&mut Announcer::start(epoch()), 60_000), [0, 10, 50, 200, 1000, 5000]);
    }

    #[test]
    fn an_early_contest_waits_for_a_tenth_of_a_second_while_the_promotion_goes_on() {
        let mut announcer = Announcer::start(epoch());
        assert_eq!(play(&mut announcer, 0), [0]);
        announcer.contest(epoch() + Duration::from_millis(3));
        announcer.contest(epoch() + Duration::from_millis(4));
        // The contest begins at 100 ms; what is due of both at the same time is one announcement.
        assert_eq!(play(&mut announcer, 60_000), [10, 50, 100, 110, 150, 200, 300, 1000, 1100, 5000, 5100]);
    }

    #[test]
    fn contests_that_go_on_are_early_three_times() {
        let mut announcer = Announcer::start(epoch());
        let starts: Vec<u64> = (0..3_000)
            .filter(|&millis| {
                let now = epoch() + Duration::from_millis(millis);
                announcer.contest(now);
                let before = announcer.contest_at;
                announcer.take_due(now, &Schedule::default(), &Schedule::default());
                before == Some(now)
            })
            .collect();
        assert_eq!(starts, [100, 200, 300, 1300, 2300]);
    }

    #[test]
    fn a_late_contest_begins_at_once() {
        let mut announcer = Announcer::start(epoch());
        play(&mut announcer, 6000);
        announcer.contest(epoch() + Duration::from_millis(9000));
        assert_eq!(play(&mut announcer, 9050), [9000, 9010, 9050]);
    }

    #[test]
    fn a_contest_has_a_schedule_of_its_own() {
        let mut announcer = Announcer::start(epoch());
        play(&mut announcer, 999);
        announcer.contest(epoch() + Duration::from_millis(1500));
        let twice = Schedule::new(vec![Duration::ZERO, Duration::from_millis(300)]);
        assert_eq!(play_with(&mut announcer, &twice, 60_000), [1000, 1500, 1800, 5000]);
    }

    #[test]
    fn missed_offsets_count_once() {
        let mut announcer = Announcer::start(epoch());
        let schedule = Schedule::default();
        assert!(announcer.take_due(epoch() + Duration::from_millis(300), &schedule, &schedule));
        assert!(!announcer.take_due(epoch() + Duration::from_millis(300), &schedule, &schedule));
        assert_eq!(announcer.due_at(&schedule, &schedule), Some(epoch() + Duration::from_secs(1)));
    }

    #[test]
    fn an_empty_schedule_announces_nothing() {
        let mut announcer = Announcer::start(epoch());
        announcer.contest(epoch());
        let schedule = Schedule::new(Vec::new());
        assert_eq!(announcer.due_at(&schedule, &schedule), None);
        assert!(!announcer.take_due(epoch() + Duration::from_secs(9), &schedule, &schedule));
    }
}
