//! The one clock of a lab.

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::ops::{Add, Sub};
use std::time::Duration;

/// A reading of `CLOCK_MONOTONIC` in nanoseconds.
///
/// Network, pid and mount namespaces share that clock, so readings taken in different nodes can be compared directly;
/// `std::time::Instant` reads the same clock but cannot be sent to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamp(u64);

impl Stamp {
    /// The present moment.
    #[must_use]
    pub fn now() -> Self {
        let now: Duration =
            clock_gettime(ClockId::CLOCK_MONOTONIC).expect("CLOCK_MONOTONIC exists on every Linux").into();
        Self(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The moment `nanos` nanoseconds after the clock's origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Time since `earlier`; zero if `earlier` is in fact later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Milliseconds from `origin`, negative before it.
    #[must_use]
    pub fn millis_from(self, origin: Self) -> f64 {
        (i128::from(self.0) - i128::from(origin.0)) as f64 / 1e6
    }
}

impl Add<Duration> for Stamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Stamp {
    type Output = Self;

    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_does_not_run_backwards() {
        let first = Stamp::now();
        assert!(Stamp::now() >= first);
    }

    #[test]
    fn differences_have_a_sign_only_in_milliseconds() {
        let (early, late) = (Stamp::from_nanos(1_000_000), Stamp::from_nanos(3_500_000));
        assert_eq!(late.since(early), Duration::from_micros(2_500));
        assert_eq!(early.since(late), Duration::ZERO);
        assert!((early.millis_from(late) + 2.5).abs() < f64::EPSILON);
        assert_eq!(late - Duration::from_micros(2_500), early);
    }
}
