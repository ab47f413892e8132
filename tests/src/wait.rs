//! Waiting for conditions, never for time alone.

use std::time::{Duration, Instant};

/// How long any one thing may take before a test gives up on it. Generous: it only costs time when something is broken.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Between two looks at a condition.
const STEP: Duration = Duration::from_millis(3);

/// The first `Some` that `look` gives.
///
/// # Panics
/// There is none within [`LIMIT`]; `what` says what was awaited.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not within {LIMIT:?}: {what}");
        std::thread::sleep(STEP);
    }
}

/// Calls `act` `times` times, one call each `period`: a load of constant rate. A late call does not delay the next ones.
pub fn every(period: Duration, times: u32, mut act: impl FnMut(u32)) {
    let start = Instant::now();
    for n in 0..times {
        let due = start + period * n;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        act(n);
    }
}
