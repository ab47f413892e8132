//! The clocks: monotonic time for everything, and boot time beside it, which goes on while the machine is suspended.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// Differences below are the jitter of reading two clocks one after the other.
const NOTICEABLE: Duration = Duration::from_millis(100);

/// Monotonic time, as the runtime has it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Time since the machine was started, suspended time included; `None` where the kernel does not say.
pub(crate) fn since_boot() -> Option<Duration> {
    clock_gettime(ClockId::CLOCK_BOOTTIME).ok().map(Duration::from)
}

/// Seconds since 1970, for people and programs that read it; nothing is decided by it.
pub(crate) fn unix() -> f64 {
    wall().as_secs_f64()
}

/// UTC since 1970, for signatures and reports alone.
pub(crate) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Notices that the machine was suspended: monotonic time stands still then and boot time does not.
#[derive(Debug)]
pub(crate) struct SuspendWatch {
    at: Instant,
    boot: Option<Duration>,
}

impl SuspendWatch {
    pub(crate) fn start() -> Self {
        Self { at: now(), boot: since_boot() }
    }

    /// How long the machine was suspended since the last call, if it was.
    pub(crate) fn suspended(&mut self) -> Option<Duration> {
        let before = std::mem::replace(self, Self::start());
        hidden(self.at.saturating_duration_since(before.at), before.boot, self.boot)
    }
}

fn hidden(monotonic: Duration, before: Option<Duration>, after: Option<Duration>) -> Option<Duration> {
    let boot = after?.checked_sub(before?)?;
    boot.checked_sub(monotonic).filter(|&hidden| hidden >= NOTICEABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_time_that_the_monotonic_clock_missed_is_a_suspension() {
        let s = Duration::from_secs;
        assert_eq!(hidden(s(5), Some(s(100)), Some(s(105))), None);
        assert_eq!(hidden(s(5), Some(s(100)), Some(s(165))), Some(s(60)));
        assert_eq!(hidden(s(5), Some(s(100)), Some(s(5) + s(100) + NOTICEABLE / 2)), None);
        assert_eq!(hidden(s(5), None, Some(s(165))), None);
    }
}
