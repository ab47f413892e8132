//! The last two minutes of a backend, second by second.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many seconds are kept.
const SECONDS: u64 = 120;

/// Buckets of the latency: two for each doubling, the first ends at 100 µs, the last has no end.
const BUCKETS: usize = 40;

/// One worker's requests and latencies, by second, over the last two minutes.
#[derive(Clone, Debug)]
pub struct Sparkline {
    epoch: Instant,
    seconds: VecDeque<Second>,
}

#[derive(Clone, Debug)]
struct Second {
    number: u64,
    requests: u64,
    latency_us: u64,
    buckets: [u32; BUCKETS],
}

impl Sparkline {
    /// An empty history. Workers that are read together have the same `epoch`, so that their seconds begin
    /// together.
    pub fn new(epoch: Instant) -> Self {
        Self { epoch, seconds: VecDeque::new() }
    }

    /// Takes note of a request that was answered at `now` after `latency`. A `now` before the last one counts
    /// in the newer second.
    pub fn record(&mut self, now: Instant, latency: Duration) {
        let number = second_of(self.epoch, now);
        if self.seconds.back().is_none_or(|last| last.number < number) {
            self.seconds.push_back(Second { number, requests: 0, latency_us: 0, buckets: [0; BUCKETS] });
            while self.seconds.front().is_some_and(|first| first.number + SECONDS < number) {
                self.seconds.pop_front();
            }
        }
        if let Some(second) = self.seconds.back_mut() {
            second.requests += 1;
            second.latency_us =
                second.latency_us.saturating_add(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
            second.buckets[bucket_of(latency)] += 1;
        }
    }
}

/// The last two minutes of a backend over all workers, one value for each complete second, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Requests answered in that second.
    pub request_rate: Vec<f64>,
    /// Their mean latency in milliseconds; 0 in a second without requests.
    pub latency_ms: Vec<f64>,
    /// The latency in milliseconds that 95 % of them did not exceed, to the nearest half doubling.
    pub latency_p95_ms: Vec<f64>,
}

impl History {
    /// Reads the workers' histories together. The running second is left out, since its rate would look too
    /// low. Before there are 120 complete seconds since the epoch, the vectors are as short as the time that
    /// has passed.
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a Sparkline>, now: Instant) -> Self {
        let lines: Vec<&Sparkline> = lines.into_iter().collect();
        let end = lines.iter().map(|line| second_of(line.epoch, now)).max().unwrap_or(0);
        let mut history = Self::default();
        for number in end.saturating_sub(SECONDS)..end {
            let mut sum = Second { number, requests: 0, latency_us: 0, buckets: [0; BUCKETS] };
            for line in &lines {
                if let Ok(index) = line.seconds.binary_search_by_key(&number, |second| second.number) {
                    sum.add(&line.seconds[index]);
                }
            }
            history.request_rate.push(sum.requests as f64);
            history.latency_ms.push(sum.mean_ms());
            history.latency_p95_ms.push(sum.p95_ms());
        }
        history
    }
}

impl Second {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.latency_us = self.latency_us.saturating_add(other.latency_us);
        for (sum, count) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += count;
        }
    }

    fn mean_ms(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { self.latency_us as f64 / self.requests as f64 / 1000.0 }
    }

    fn p95_ms(&self) -> f64 {
        let mut below = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            below += u64::from(*count);
            if below > 0 && below * 100 >= self.requests * 95 {
                return bucket_end_us(index) / 1000.0;
            }
        }
        0.0
    }
}

fn second_of(epoch: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(epoch).as_secs()
}

fn bucket_end_us(index: usize) -> f64 {
    100.0 * 2_f64.powf(index as f64 / 2.0)
}

fn bucket_of(latency: Duration) -> usize {
    let halves = (latency.as_micros().max(1) as f64 / 100.0).log2() * 2.0;
    // The cast takes what is negative to bucket 0.
    (halves.ceil() as usize).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_added_second_by_second() {
        let epoch = Instant::now();
        let (mut one, mut two) = (Sparkline::new(epoch), Sparkline::new(epoch));
        let at = |ms: u64| epoch + Duration::from_millis(ms);
        one.record(at(100), Duration::from_millis(10));
        two.record(at(900), Duration::from_millis(30));
        two.record(at(2100), Duration::from_millis(4));
        two.record(at(3500), Duration::from_millis(4));
        let history = History::of([&one, &two], at(3600));
        assert_eq!(history.request_rate, [2.0, 0.0, 1.0], "the running second is left out");
        assert_eq!(history.latency_ms, [20.0, 0.0, 4.0]);
    }

    #[test]
    fn only_two_minutes_are_kept() {
        let epoch = Instant::now();
        let mut line = Sparkline::new(epoch);
        for second in 0..1000 {
            line.record(epoch + Duration::from_secs(second), Duration::from_millis(1));
        }
        assert!(line.seconds.len() <= 122);
        let history = History::of([&line], epoch + Duration::from_secs(1000));
        assert_eq!(history.request_rate, vec![1.0; 120]);
    }

    #[test]
    fn the_95th_percentile_is_that_of_its_bucket() {
        let epoch = Instant::now();
        let mut line = Sparkline::new(epoch);
        for i in 1..=100_u64 {
            line.record(epoch, Duration::from_millis(if i <= 95 { 1 } else { 500 }));
        }
        let p95 = History::of([&line], epoch + Duration::from_secs(1)).latency_p95_ms[0];
        assert!((1.0..1.5).contains(&p95), "{p95}");
        line.record(epoch, Duration::from_millis(500));
        let p95 = History::of([&line], epoch + Duration::from_secs(1)).latency_p95_ms[0];
        assert!((500.0..750.0).contains(&p95), "{p95}");
    }
}
