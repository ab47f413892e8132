//! The rise/fall state machine: no time, no IO.

use std::fmt;

/// What one check said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The check succeeded.
    Pass,
    /// The check failed, whatever the reason.
    Fail,
}

/// A verdict that just changed (or, after [`Initial::Primed`], was just reached for the first time).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Enough successes: up.
    WentUp,
    /// Enough failures: down.
    WentDown,
}

/// Where a [`Fsm`] starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Initial {
    /// Up, but one failure downs it: HAProxy's default, shown as `UP 1/fall`.
    #[default]
    Up,
    /// Up, and `fall` failures are needed to down it.
    FullyUp,
    /// Down, but one success ups it.
    Down,
    /// Down, and `rise` successes are needed to up it.
    FullyDown,
    /// Not up, and the first result decides both ways: how keepalived starts its track scripts. The first
    /// result always yields a [`Change`].
    Primed,
}

/// HAProxy's single integer: 0..=rise+fall-1, up if and only if at least `rise`.
///
/// While up, each failure takes one away, and the one that falls below `rise` empties it: a success does
/// not survive a failure while down. While down, each success adds one, and the one that reaches `rise`
/// fills it, as does any success while up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fsm {
    rise: u32,
    fall: u32,
    health: u32,
    undecided: bool,
    failed_checks: u64,
}

impl Fsm {
    /// A machine that needs `rise` successes in a row to come up and `fall` failures to go down. Zero
    /// counts as one.
    pub fn new(rise: u16, fall: u16, initial: Initial) -> Self {
        let mut fsm = Self {
            rise: u32::from(rise.max(1)),
            fall: u32::from(fall.max(1)),
            health: 0,
            undecided: false,
            failed_checks: 0,
        };
        fsm.place(initial);
        fsm
    }

    /// Takes one result into account. `Some` when it changed the verdict.
    pub fn observe(&mut self, outcome: Outcome) -> Option<Change> {
        if self.undecided {
            self.undecided = false;
            return Some(match outcome {
                Outcome::Pass => {
                    self.health = self.max();
                    Change::WentUp
                }
                Outcome::Fail => {
                    self.health = 0;
                    self.failed_checks += 1;
                    Change::WentDown
                }
            });
        }
        let was_up = self.is_up();
        match outcome {
            Outcome::Pass => {
                self.health = (self.health + 1).min(self.max());
                if self.health >= self.rise {
                    self.health = self.max();
                }
            }
            Outcome::Fail if self.health > 0 => {
                self.health -= 1;
                self.failed_checks += 1;
                if self.health < self.rise {
                    self.health = 0;
                }
            }
            Outcome::Fail => {}
        }
        self.change_since(was_up)
    }

    /// Whether the verdict is up.
    pub fn is_up(&self) -> bool {
        self.health >= self.rise
    }

    /// Whether results contradict the verdict, or do not confirm it fully yet: neither full nor empty.
    pub fn is_wavering(&self) -> bool {
        self.health != 0 && self.health != self.max()
    }

    /// Whether no result has been seen since a start as [`Initial::Primed`].
    pub fn is_undecided(&self) -> bool {
        self.undecided
    }

    /// The integer itself, 0..=rise+fall-1 (`srv_check_health` of `show servers state`).
    pub fn health(&self) -> u32 {
        self.health
    }

    /// Successes in a row that bring it up.
    pub fn rise(&self) -> u32 {
        self.rise
    }

    /// Failures that bring it down.
    pub fn fall(&self) -> u32 {
        self.fall
    }

    /// Failures counted so far; those seen while fully down do not count (`chkfail` of the statistics).
    pub fn failed_checks(&self) -> u64 {
        self.failed_checks
    }

    /// `UP`, `UP 2/3`, `DOWN` or `DOWN 1/2`, as status columns show it.
    pub fn display(&self) -> HealthDisplay {
        HealthDisplay { rise: self.rise, fall: self.fall, health: self.health }
    }

    /// Fully up by decree.
    pub fn force_up(&mut self) -> Option<Change> {
        self.reset(Initial::FullyUp)
    }

    /// Fully down by decree.
    pub fn force_down(&mut self) -> Option<Change> {
        self.reset(Initial::FullyDown)
    }

    /// Back to a start state. `Some` when that changes the verdict.
    pub fn reset(&mut self, initial: Initial) -> Option<Change> {
        let was_up = self.is_up();
        self.place(initial);
        self.change_since(was_up)
    }

    /// New thresholds for a running machine: the verdict stays, and so do results against it, as far as
    /// the new threshold allows without a change of verdict.
    pub fn set_thresholds(&mut self, rise: u16, fall: u16) {
        let missing = self.max() - self.health;
        let up = self.is_up();
        self.rise = u32::from(rise.max(1));
        self.fall = u32::from(fall.max(1));
        self.health =
            if up { self.max() - missing.min(self.fall - 1) } else { self.health.min(self.rise - 1) };
    }

    fn max(&self) -> u32 {
        self.rise + self.fall - 1
    }

    fn place(&mut self, initial: Initial) {
        self.undecided = initial == Initial::Primed;
        self.health = match initial {
            Initial::Up => self.rise,
            Initial::FullyUp => self.max(),
            Initial::Down => self.rise - 1,
            Initial::FullyDown | Initial::Primed => 0,
        };
    }

    fn change_since(&self, was_up: bool) -> Option<Change> {
        match (was_up, self.is_up()) {
            (false, true) => Some(Change::WentUp),
            (true, false) => Some(Change::WentDown),
            _ => None,
        }
    }
}

/// Text form of a [`Fsm`], made by [`Fsm::display`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthDisplay {
    rise: u32,
    fall: u32,
    health: u32,
}

impl HealthDisplay {
    /// Position, how many make it full, and whether it is up: `(2, 3, true)` for `UP 2/3`. A full state is
    /// `(fall, fall, true)`, an empty one `(0, rise, false)`, as health-check log lines show them.
    pub fn progress(self) -> (u32, u32, bool) {
        if self.health >= self.rise {
            (self.health - self.rise + 1, self.fall, true)
        } else {
            (self.health, self.rise, false)
        }
    }
}

impl fmt::Display for HealthDisplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.progress() {
            (position, of, true) if position == of => f.write_str("UP"),
            (position, of, true) => write!(f, "UP {position}/{of}"),
            (0, _, false) => f.write_str("DOWN"),
            (position, of, false) => write!(f, "DOWN {position}/{of}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn status_follows_the_measured_sequence_for_fall_3_rise_2() {
        let mut fsm = Fsm::new(2, 3, Initial::FullyUp);
        let steps = [
            (Outcome::Fail, "UP 2/3", None),
            (Outcome::Fail, "UP 1/3", None),
            (Outcome::Fail, "DOWN", Some(Change::WentDown)),
            (Outcome::Pass, "DOWN 1/2", None),
            (Outcome::Pass, "UP", Some(Change::WentUp)),
        ];
        for (outcome, shown, change) in steps {
            assert_eq!(fsm.observe(outcome), change);
            assert_eq!(fsm.display().to_string(), shown);
        }
    }

    #[test]
    fn initial_states_decide_how_many_results_change_the_verdict() {
        let table = [
            (Initial::Up, "UP 1/3", 0, 1),
            (Initial::FullyUp, "UP", 0, 3),
            (Initial::Down, "DOWN 1/2", 1, 0),
            (Initial::FullyDown, "DOWN", 2, 0),
        ];
        for (initial, shown, passes_to_up, fails_to_down) in table {
            assert_eq!(Fsm::new(2, 3, initial).display().to_string(), shown);
            assert_eq!(results_until_change(initial, Outcome::Pass), passes_to_up, "{initial:?}");
            assert_eq!(results_until_change(initial, Outcome::Fail), fails_to_down, "{initial:?}");
        }
    }

    #[test]
    fn first_result_of_a_primed_machine_decides_both_ways() {
        let mut up = Fsm::new(3, 3, Initial::Primed);
        assert!(up.is_undecided() && !up.is_up());
        assert_eq!(up.observe(Outcome::Pass), Some(Change::WentUp));
        assert_eq!(up.display().to_string(), "UP");

        let mut down = Fsm::new(3, 3, Initial::Primed);
        assert_eq!(down.observe(Outcome::Fail), Some(Change::WentDown));
        assert_eq!(down.observe(Outcome::Pass), None);
        assert_eq!(down.display().to_string(), "DOWN 1/3");
    }

    #[test]
    fn failures_while_fully_down_are_not_counted() {
        let mut fsm = Fsm::new(2, 1, Initial::FullyUp);
        for _ in 0..5 {
            fsm.observe(Outcome::Fail);
        }
        assert_eq!(fsm.failed_checks(), 1);
    }

    #[test]
    fn new_thresholds_keep_the_verdict() {
        let mut fsm = Fsm::new(2, 3, Initial::FullyUp);
        fsm.observe(Outcome::Fail);
        fsm.set_thresholds(5, 2);
        assert_eq!(fsm.display().to_string(), "UP 1/2");
        fsm.force_down();
        fsm.observe(Outcome::Pass);
        fsm.set_thresholds(3, 3);
        assert_eq!(fsm.display().to_string(), "DOWN 1/3");
    }

    #[test]
    fn forcing_reports_a_change_only_when_there_is_one() {
        let mut fsm = Fsm::new(2, 3, Initial::Up);
        assert_eq!(fsm.force_up(), None);
        assert_eq!(fsm.force_down(), Some(Change::WentDown));
        assert_eq!(fsm.force_down(), None);
    }

    /// Results of one kind needed to change the verdict; 0 when that kind cannot.
    fn results_until_change(initial: Initial, outcome: Outcome) -> u32 {
        let mut fsm = Fsm::new(2, 3, initial);
        (1..=10).find(|_| fsm.observe(outcome).is_some()).unwrap_or(0)
    }

    /// Two counters of results in a row, the way an operator would explain rise and fall.
    struct Naive {
        up: bool,
        against: u32,
    }

    impl Naive {
        fn observe(&mut self, rise: u32, fall: u32, pass: bool) {
            if pass == self.up {
                self.against = 0;
            } else {
                self.against += 1;
                if self.against == if self.up { fall } else { rise } {
                    self.up = !self.up;
                    self.against = 0;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_two_counters(
            rise in 1u16..6,
            fall in 1u16..6,
            results in proptest::collection::vec(any::<bool>(), 0..200),
        ) {
            let mut fsm = Fsm::new(rise, fall, Initial::FullyUp);
            let mut naive = Naive { up: true, against: 0 };
            for pass in results {
                let was_up = naive.up;
                let change = fsm.observe(if pass { Outcome::Pass } else { Outcome::Fail });
                naive.observe(u32::from(rise), u32::from(fall), pass);
                prop_assert_eq!(fsm.is_up(), naive.up);
                prop_assert_eq!(fsm.is_wavering(), naive.against > 0);
                prop_assert_eq!(change.is_some(), was_up != naive.up);
            }
        }
    }
}
