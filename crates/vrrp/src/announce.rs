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

/// A schedule in progress, and at most one restart that waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcer {
    started: Instant,
    next: usize,
    restart_at: Option<Instant>,
}

impl Announcer {
    /// Between two starts of the schedule. A peer that keeps contesting can cause one schedule a second and no more;
    /// a restart that comes too early waits rather than being lost, for it may be the one after the loser let go.
    pub const RESTART_GAP: Duration = Duration::from_secs(1);

    pub(crate) fn start(now: Instant) -> Self {
        Self { started: now, next: 0, restart_at: None }
    }

    /// Announces all over again, now or when [`RESTART_GAP`](Self::RESTART_GAP) has passed. Until then the schedule in
    /// progress goes on.
    pub(crate) fn restart(&mut self, now: Instant) {
        let at = self.restart_at.unwrap_or(now.max(self.started + Self::RESTART_GAP));
        self.restart_at = Some(at);
    }

    /// Whether to announce now. Offsets that were missed count once.
    pub(crate) fn take_due(&mut self, now: Instant, schedule: &Schedule) -> bool {
        if self.restart_at.is_some_and(|at| at <= now) {
            *self = Self::start(now);
        }
        let elapsed = now.saturating_duration_since(self.started);
        let passed = schedule.0.partition_point(|&offset| offset <= elapsed);
        let due = passed > self.next;
        self.next = self.next.max(passed);
        due
    }

    /// When [`take_due`](Self::take_due) is next true.
    pub(crate) fn due_at(&self, schedule: &Schedule) -> Option<Instant> {
        let next = schedule.0.get(self.next).map(|&offset| self.started + offset);
        let restart = self.restart_at.filter(|_| !schedule.0.is_empty());
        [next, restart].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch;

    fn play(announcer: &mut Announcer, until: u64) -> Vec<u64> {
        let schedule = Schedule::default();
        let mut times = Vec::new();
        while let Some(at) =
            announcer.due_at(&schedule).filter(|&at| at <= epoch() + Duration::from_millis(until))
        {
            assert!(announcer.take_due(at, &schedule));
            times.push((at - epoch()).as_millis().try_into().unwrap());
        }
        times
    }

    #[test]
    fn announcements_are_spread_over_five_seconds() {
        assert_eq!(play(&mut Announcer::start(epoch()), 60_000), [0, 10, 50, 200, 1000, 5000]);
    }

    #[test]
    fn an_early_restart_waits_while_the_schedule_goes_on() {
        let mut announcer = Announcer::start(epoch());
        assert_eq!(play(&mut announcer, 0), [0]);
        announcer.restart(epoch() + Duration::from_millis(3));
        announcer.restart(epoch() + Duration::from_millis(4));
        assert_eq!(play(&mut announcer, 60_000), [10, 50, 200, 1000, 1010, 1050, 1200, 2000, 6000]);
    }

    #[test]
    fn a_late_restart_begins_at_once() {
        let mut announcer = Announcer::start(epoch());
        play(&mut announcer, 6000);
        announcer.restart(epoch() + Duration::from_millis(9000));
        assert_eq!(play(&mut announcer, 9050), [9000, 9010, 9050]);
    }

    #[test]
    fn missed_offsets_count_once() {
        let mut announcer = Announcer::start(epoch());
        let schedule = Schedule::default();
        assert!(announcer.take_due(epoch() + Duration::from_millis(300), &schedule));
        assert!(!announcer.take_due(epoch() + Duration::from_millis(300), &schedule));
        assert_eq!(announcer.due_at(&schedule), Some(epoch() + Duration::from_secs(1)));
    }

    #[test]
    fn an_empty_schedule_announces_nothing() {
        let mut announcer = Announcer::start(epoch());
        announcer.restart(epoch());
        let schedule = Schedule::new(Vec::new());
        assert_eq!(announcer.due_at(&schedule), None);
        assert!(!announcer.take_due(epoch() + Duration::from_secs(9), &schedule));
    }
}
