//! Averages over the last 1024 requests: `qtime`, `ctime`, `rtime`, `ttime` and their maxima.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Peak;

/// How many requests an average reaches back.
const SAMPLES: u64 = 1024;

/// The mean and the maximum of a duration over the last 1024 samples.
///
/// The mean is exact for the first 1024 samples; after that each sample counts 1/1024 and older ones fade,
/// which is how HAProxy averages too and needs no memory for the samples. One for each worker, read together
/// by [`WindowTotals::of`], or one for all: both work.
#[derive(Debug, Default)]
pub struct Window1024 {
    count: AtomicU64,
    sum_us: AtomicU64,
    max_us: Peak,
}

impl Window1024 {
    /// Takes a sample.
    pub fn record(&self, sample: Duration) {
        let sample_us = u64::try_from(sample.as_micros()).unwrap_or(u64::MAX).min(u64::MAX / (2 * SAMPLES));
        self.max_us.observe(sample_us);
        let full = self.count.fetch_add(1, Ordering::Relaxed) >= SAMPLES;
        let mut sum = self.sum_us.load(Ordering::Relaxed);
        loop {
            // Rounded up, as otherwise an average could never fall back to 0.
            let faded = if full { sum.div_ceil(SAMPLES) } else { 0 };
            let new = sum - faded + sample_us;
            match self.sum_us.compare_exchange_weak(sum, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(changed) => sum = changed,
            }
        }
    }
}

/// Several windows read as one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WindowTotals {
    /// The mean, weighted by how many samples each window holds; 0 without samples.
    pub average: Duration,
    /// The greatest sample ever.
    pub max: Duration,
}

impl WindowTotals {
    /// Reads windows together.
    pub fn of<'a>(windows: impl IntoIterator<Item = &'a Window1024>) -> Self {
        let (mut count, mut sum_us, mut max_us) = (0, 0, 0);
        for window in windows {
            count += window.count.load(Ordering::Relaxed).min(SAMPLES);
            sum_us += window.sum_us.load(Ordering::Relaxed);
            max_us = max_us.max(window.max_us.value());
        }
        let average_us = sum_us.checked_div(count).unwrap_or(0);
        Self { average: Duration::from_micros(average_us), max: Duration::from_micros(max_us) }
    }

    /// The mean in whole milliseconds, as the CSV has it.
    pub fn average_ms(&self) -> u64 {
        u64::try_from(self.average.as_millis()).unwrap_or(u64::MAX)
    }

    /// The maximum in whole milliseconds, as the CSV has it.
    pub fn max_ms(&self) -> u64 {
        u64::try_from(self.max.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_samples_average_to_zero() {
        assert_eq!(WindowTotals::of(&[Window1024::default()]), WindowTotals::default());
    }

    #[test]
    fn an_old_level_is_forgotten() {
        let window = Window1024::default();
        for _ in 0..2000 {
            window.record(Duration::from_millis(100));
        }
        for _ in 0..20_000 {
            window.record(Duration::from_millis(2));
        }
        let totals = WindowTotals::of([&window]);
        assert_eq!((totals.average_ms(), totals.max_ms()), (2, 100));
    }

    #[test]
    fn busy_windows_weigh_more() {
        let (busy, idle) = (Window1024::default(), Window1024::default());
        for _ in 0..3 {
            busy.record(Duration::from_millis(10));
        }
        idle.record(Duration::from_millis(50));
        assert_eq!(WindowTotals::of([&busy, &idle]).average_ms(), 20);
    }

    proptest! {
        #[test]
        fn the_first_samples_have_the_exact_mean(samples in prop::collection::vec(0_u64..10_000_000, 1..1024)) {
            let window = Window1024::default();
            for sample in &samples {
                window.record(Duration::from_micros(*sample));
            }
            let totals = WindowTotals::of([&window]);
            let mean = samples.iter().sum::<u64>() / samples.len() as u64;
            prop_assert_eq!(totals.average, Duration::from_micros(mean));
            prop_assert_eq!(totals.max, Duration::from_micros(samples.iter().copied().max().unwrap_or(0)));
        }

        #[test]
        fn the_average_stays_between_the_extremes(samples in prop::collection::vec(1_000_u64..2_000, 1..4000)) {
            let window = Window1024::default();
            for sample in &samples {
                window.record(Duration::from_micros(*sample));
            }
            let average = WindowTotals::of([&window]).average.as_micros() as u64;
            // Rounding the faded part up takes at most one microsecond of the mean.
            prop_assert!((998..2_000).contains(&average), "{}", average);
        }
    }
}
