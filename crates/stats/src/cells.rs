//! The atomics behind the handles: one cell for each key and shard.
//!
//! Cells are aligned to a cache line, so that workers do not slow each other down by counting.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn};

/// What is kept of the values recorded in a histogram.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HistogramTotals {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The greatest, or 0.
    pub max: f64,
}

#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct CounterCell {
    value: AtomicU64,
    forward: Counter,
}

impl CounterCell {
    /// A counter at 0 that tells `forward` what it counts.
    pub(crate) fn new(forward: Counter) -> Self {
        Self { value: AtomicU64::new(0), forward }
    }

    pub(crate) fn value(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }
}

impl CounterFn for CounterCell {
    fn increment(&self, value: u64) {
        self.value.fetch_add(value, Ordering::Relaxed);
        self.forward.increment(value);
    }

    fn absolute(&self, value: u64) {
        // The outer counter is the sum of the shards: it grows by as much as this one.
        let before = self.value.fetch_max(value, Ordering::Relaxed);
        self.forward.increment(value.saturating_sub(before));
    }
}

#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct GaugeCell {
    value: Float,
    forward: Gauge,
}

impl GaugeCell {
    /// A gauge at 0 that tells `forward` how it moves.
    pub(crate) fn new(forward: Gauge) -> Self {
        Self { value: Float::default(), forward }
    }

    pub(crate) fn value(&self) -> f64 {
        self.value.load()
    }
}

impl GaugeFn for GaugeCell {
    fn increment(&self, value: f64) {
        self.value.update(|current| current + value);
        self.forward.increment(value);
    }

    fn decrement(&self, value: f64) {
        self.value.update(|current| current - value);
        self.forward.decrement(value);
    }

    fn set(&self, value: f64) {
        // The outer gauge is the sum of the shards: it moves by as much as this one.
        let before = self.value.update(|_| value);
        self.forward.increment(value - before);
    }
}

#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct HistogramCell {
    count: AtomicU64,
    sum: Float,
    max: Float,
    forward: Histogram,
}

impl HistogramCell {
    /// An empty histogram that tells `forward` what is recorded.
    pub(crate) fn new(forward: Histogram) -> Self {
        Self { count: AtomicU64::new(0), sum: Float::default(), max: Float::default(), forward }
    }

    pub(crate) fn totals(&self) -> HistogramTotals {
        HistogramTotals {
            count: self.count.load(Ordering::Relaxed),
            sum: self.sum.load(),
            max: self.max.load(),
        }
    }
}

impl HistogramFn for HistogramCell {
    fn record(&self, value: f64) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum.update(|sum| sum + value);
        self.max.update(|max| max.max(value));
        self.forward.record(value);
    }
}

/// An `f64` in an atomic, as its bits; zero bits are 0.0.
#[derive(Debug, Default)]
struct Float(AtomicU64);

impl Float {
    fn load(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Changes the value and returns the one before.
    fn update(&self, change: impl Fn(f64) -> f64) -> f64 {
        let mut bits = self.0.load(Ordering::Relaxed);
        loop {
            let new = change(f64::from_bits(bits)).to_bits();
            match self.0.compare_exchange_weak(bits, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(before) => return f64::from_bits(before),
                Err(current) => bits = current,
            }
        }
    }
}
