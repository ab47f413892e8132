//! How long to wait before the worker is started again.

use std::time::Duration;

/// A worker that has run for so long had no fault from the start.
const STEADY: Duration = Duration::from_secs(60);
const LONGEST: u64 = 60;

/// At once the first time, then 1, 2, 4, ... 60 s, as keepalived does.
#[derive(Debug, Default)]
pub(super) struct Respawn {
    /// Deaths in a row.
    deaths: u32,
}

impl Respawn {
    /// The worker has died after it had run for so long.
    pub(super) fn delay(&mut self, ran: Duration) -> Duration {
        if ran >= STEADY {
            self.deaths = 0;
        }
        let seconds =
            self.deaths.checked_sub(1).map_or(0, |doublings| 1_u64.checked_shl(doublings).unwrap_or(0));
        let delay = if self.deaths > 6 { LONGEST } else { seconds.min(LONGEST) };
        self.deaths = self.deaths.saturating_add(1);
        Duration::from_secs(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_in_a_row_are_answered_slower_and_slower() {
        let mut respawn = Respawn::default();
        let mut delays = |ran: u64| respawn.delay(Duration::from_secs(ran)).as_secs();
        let soon: Vec<u64> = (0..10).map(|_| delays(1)).collect();
        assert_eq!(soon, [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!((delays(60), delays(1)), (0, 1));
    }
}
