//! Events per second.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

/// Counts events over a sliding second, as HAProxy's frequency counters do: the count of the running second
/// plus the share of the second before that still lies within the last 1000 ms.
///
/// Shared by all workers: recording an event is one atomic exchange.
#[derive(Debug)]
pub struct RateMeter {
    epoch: Instant,
    /// The number of the running second in the upper half, its count in the lower, so that both change at
    /// once.
    current: AtomicU64,
    previous: AtomicU32,
    max: Peak,
}

impl RateMeter {
    /// A meter whose seconds begin at `epoch`.
    pub fn new(epoch: Instant) -> Self {
        Self { epoch, current: AtomicU64::new(0), previous: AtomicU32::new(0), max: Peak::default() }
    }

    /// Records `events` at `now`. A `now` before that of another worker counts in the newer second.
    pub fn record(&self, now: Instant, events: u32) {
        let (second, _) = self.split(now);
        let mut current = self.current.load(Ordering::Relaxed);
        loop {
            let (at, count) = unpack(current);
            let new = if at < second { pack(second, events) } else { pack(at, count.saturating_add(events)) };
            match self.current.compare_exchange_weak(current, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    if at < second {
                        self.previous.store(if at + 1 == second { count } else { 0 }, Ordering::Relaxed);
                    }
                    self.max.observe(u64::from(unpack(new).1));
                    return;
                }
                Err(changed) => current = changed,
            }
        }
    }

    /// Events in the second that ends at `now`.
    pub fn rate(&self, now: Instant) -> u64 {
        let (second, millis) = self.split(now);
        let (at, count) = unpack(self.current.load(Ordering::Relaxed));
        let (running, before) = if at >= second {
            (count, self.previous.load(Ordering::Relaxed))
        } else if at + 1 == second {
            (0, count)
        } else {
            (0, 0)
        };
        // One event a second must not flicker between 0 and 1.
        if running == 0 && before <= 1 {
            return u64::from(before);
        }
        u64::from(running) + u64::from(before) * u64::from(1000 - millis) / 1000
    }

    /// The highest number of events within one second of the clock.
    pub fn max(&self) -> u64 {
        self.max.value()
    }

    fn split(&self, now: Instant) -> (u32, u32) {
        let elapsed = now.saturating_duration_since(self.epoch);
        (u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX), elapsed.subsec_millis())
    }
}

fn pack(second: u32, count: u32) -> u64 {
    (u64::from(second) << 32) | u64::from(count)
}

fn unpack(packed: u64) -> (u32, u32) {
    ((packed >> 32) as u32, packed as u32)
}

/// The highest value seen: `smax`, `qmax`.
#[derive(Debug, Default)]
pub struct Peak(AtomicU64);

impl Peak {
    /// Takes note of a value.
    pub fn observe(&self, value: u64) {
        // Reading first keeps the cache line shared in the usual case that there is no new maximum.
        if value > self.value() {
            self.0.fetch_max(value, Ordering::Relaxed);
        }
    }

    /// The highest value so far; 0 before the first.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_steady_rate_reads_as_itself() {
        let epoch = Instant::now();
        let meter = RateMeter::new(epoch);
        for i in 0..500_u64 {
            meter.record(epoch + Duration::from_millis(i * 10), 1);
        }
        for offset in [4000, 4500, 4990] {
            let rate = meter.rate(epoch + Duration::from_millis(offset));
            // Read at the end, the running second is full whenever it is asked.
            assert!((100..=200).contains(&rate), "{rate} at {offset}");
        }
        assert_eq!(meter.rate(epoch + Duration::from_millis(5000)), 100);
        assert_eq!(meter.rate(epoch + Duration::from_millis(5750)), 25);
        assert_eq!(meter.rate(epoch + Duration::from_secs(7)), 0);
        assert_eq!(meter.max(), 100);
    }

    #[test]
    fn a_burst_fades_over_the_next_second() {
        let epoch = Instant::now();
        let meter = RateMeter::new(epoch);
        meter.record(epoch + Duration::from_millis(900), 10);
        assert_eq!(meter.rate(epoch + Duration::from_millis(950)), 10);
        assert_eq!(meter.rate(epoch + Duration::from_millis(1500)), 5);
        assert_eq!(meter.rate(epoch + Duration::from_millis(2100)), 0);
        assert_eq!(meter.max(), 10);
    }

    #[test]
    fn a_clock_that_is_behind_loses_no_event() {
        let epoch = Instant::now();
        let meter = RateMeter::new(epoch);
        meter.record(epoch + Duration::from_millis(2000), 3);
        meter.record(epoch + Duration::from_millis(1999), 4);
        assert_eq!(meter.rate(epoch + Duration::from_millis(2000)), 7);
    }
}
