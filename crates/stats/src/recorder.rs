//! Counters and gauges behind the `metrics` facade, one set of atomics a worker.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Level, Metadata, Recorder, SharedString, Unit};

use crate::cells::{CounterCell, GaugeCell, HistogramCell, HistogramTotals};
use crate::names;

/// Every counter of the process. Cheap to clone; clones share the counters.
///
/// A key names the same atomics for as long as the registry lives, so counters outlive the configuration that
/// created them.
#[derive(Clone, Debug)]
pub struct Registry {
    shards: Arc<[Shard]>,
}

impl Registry {
    /// A registry for so many workers, with one more shard for the control thread. Describes the metrics to
    /// the `metrics` recorder that the embedding program installed, if there is one.
    pub fn new(workers: usize) -> Self {
        metrics::with_recorder(names::describe);
        Self { shards: (0..=workers).map(|_| Shard::default()).collect() }
    }

    /// The shard of a worker, counted from 0. A number past the last worker is the control thread's shard.
    pub fn shard(&self, worker: usize) -> Shard {
        self.shards[worker.min(self.shards.len() - 1)].clone()
    }

    /// The shard of the control thread: health checks and state changes count here.
    pub fn control(&self) -> Shard {
        self.shard(usize::MAX)
    }

    /// A counter, summed over the shards; 0 if nobody counted it.
    pub fn counter(&self, key: &Key) -> u64 {
        self.shards.iter().map(|shard| shard.cells.counter(key)).sum()
    }

    /// A gauge, summed over the shards; 0 if nobody set it.
    pub fn gauge(&self, key: &Key) -> f64 {
        self.shards.iter().map(|shard| shard.cells.gauge(key)).sum()
    }

    /// A histogram, summed over the shards.
    pub fn histogram(&self, key: &Key) -> HistogramTotals {
        self.shards.iter().fold(HistogramTotals::default(), |totals, shard| {
            let one = shard.cells.histogram(key);
            HistogramTotals {
                count: totals.count + one.count,
                sum: totals.sum + one.sum,
                max: totals.max.max(one.max),
            }
        })
    }
}

/// One worker's counters. A [`Recorder`] whose handles are one relaxed atomic operation each, on memory no
/// other worker writes.
///
/// Each handle also feeds the `metrics` recorder that was installed when the handle was made, so that an
/// embedding program sees the same numbers, summed. Make handles when a stack is built, not for each request:
/// making one takes a lock.
#[derive(Clone, Debug, Default)]
pub struct Shard {
    cells: Arc<Cells>,
}

impl Shard {
    /// The handle of a described counter.
    pub(crate) fn counter(&self, key: &Key) -> Counter {
        self.register_counter(key, &METADATA)
    }

    /// The handle of a described gauge.
    pub(crate) fn gauge(&self, key: &Key) -> Gauge {
        self.register_gauge(key, &METADATA)
    }

    /// What the embedding program's recorder makes of the same metric.
    fn forward<T>(&self, register: impl FnOnce(&dyn Recorder) -> T) -> T {
        let caller = REGISTERING.replace(Arc::as_ptr(&self.cells).addr());
        let handle = metrics::with_recorder(register);
        REGISTERING.set(caller);
        handle
    }

    /// When this shard is itself the installed recorder, it would be asked by itself again and again, and
    /// each event would count twice: the second time round gets a handle that does nothing.
    fn asked_by_itself(&self) -> bool {
        REGISTERING.get() == Arc::as_ptr(&self.cells).addr()
    }
}

static METADATA: Metadata<'static> = Metadata::new("stats", Level::INFO, Some("stats"));

thread_local! {
    /// The address of the shard that is making a handle on this thread; 0 for none.
    static REGISTERING: Cell<usize> = const { Cell::new(0) };
}

impl Recorder for Shard {
    // The descriptions of our own metrics are constants; see `names`.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        if self.asked_by_itself() {
            return Counter::noop();
        }
        Counter::from_arc(self.cells.counters.find_or_insert(key, || {
            CounterCell::new(self.forward(|outer| outer.register_counter(key, metadata)))
        }))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        if self.asked_by_itself() {
            return Gauge::noop();
        }
        Gauge::from_arc(self.cells.gauges.find_or_insert(key, || {
            GaugeCell::new(self.forward(|outer| outer.register_gauge(key, metadata)))
        }))
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        if self.asked_by_itself() {
            return Histogram::noop();
        }
        Histogram::from_arc(self.cells.histograms.find_or_insert(key, || {
            HistogramCell::new(self.forward(|outer| outer.register_histogram(key, metadata)))
        }))
    }
}

#[derive(Debug, Default)]
struct Cells {
    counters: Map<CounterCell>,
    gauges: Map<GaugeCell>,
    histograms: Map<HistogramCell>,
}

impl Cells {
    fn counter(&self, key: &Key) -> u64 {
        self.counters.find(key).map_or(0, |cell| cell.value())
    }

    fn gauge(&self, key: &Key) -> f64 {
        self.gauges.find(key).map_or(0.0, |cell| cell.value())
    }

    fn histogram(&self, key: &Key) -> HistogramTotals {
        self.histograms.find(key).map_or_else(HistogramTotals::default, |cell| cell.totals())
    }
}

#[derive(Debug)]
struct Map<T>(Mutex<HashMap<Key, Arc<T>>>);

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Map<T> {
    fn find(&self, key: &Key) -> Option<Arc<T>> {
        self.lock().get(key).cloned()
    }

    /// The lock is not held while `make` runs, because `make` calls the embedding program's recorder.
    fn find_or_insert(&self, key: &Key, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(cell) = self.find(key) {
            return cell;
        }
        let cell = Arc::new(make());
        self.lock().entry(key.to_retained()).or_insert(cell).clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key::from_static_name("requests");

    #[test]
    fn shards_are_summed_and_do_not_share() {
        let registry = Registry::new(2);
        registry.shard(0).counter(&KEY).increment(1);
        registry.shard(1).counter(&KEY).increment(20);
        registry.control().counter(&KEY).increment(300);
        registry.shard(0).gauge(&KEY).increment(5.0);
        registry.shard(1).gauge(&KEY).decrement(2.0);
        assert_eq!(registry.counter(&KEY), 321);
        assert_eq!(registry.shard(1).cells.counter(&KEY), 20);
        assert_eq!(registry.gauge(&KEY), 3.0);
        assert_eq!(registry.counter(&Key::from_static_name("other")), 0);
    }

    #[test]
    fn a_key_names_the_same_counter_whenever_it_is_asked_for() {
        let registry = Registry::new(1);
        registry.shard(0).counter(&KEY).increment(1);
        registry.shard(0).counter(&KEY).increment(1);
        assert_eq!(registry.counter(&KEY), 2);
    }

    #[test]
    fn an_embedding_recorder_sees_the_sum() {
        let outer = Registry::new(1);
        let inner = Registry::new(2);
        metrics::with_local_recorder(&outer.shard(0), || {
            for worker in 0..2 {
                let counter = inner.shard(worker).counter(&KEY);
                counter.increment(1);
                counter.absolute(10);
                let gauge = inner.shard(worker).gauge(&KEY);
                gauge.set(4.0);
                gauge.set(3.0);
            }
            inner.shard(0).register_histogram(&KEY, &METADATA).record(0.5);
        });
        assert_eq!(inner.counter(&KEY), 20);
        assert_eq!(outer.counter(&KEY), 20);
        assert_eq!(inner.gauge(&KEY), 6.0);
        assert_eq!(outer.gauge(&KEY), 6.0);
        assert_eq!(outer.histogram(&KEY), HistogramTotals { count: 1, sum: 0.5, max: 0.5 });
    }

    #[test]
    fn a_shard_that_is_the_installed_recorder_counts_once() {
        let registry = Registry::new(1);
        let shard = registry.shard(0);
        metrics::with_local_recorder(&shard, || metrics::counter!("requests").increment(3));
        assert_eq!(registry.counter(&KEY), 3);
    }

    #[test]
    fn threads_count_without_losing_any() {
        let registry = Registry::new(4);
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let counter = registry.shard(worker).counter(&KEY);
                scope.spawn(move || (0..1000).for_each(|_| counter.increment(1)));
            }
        });
        assert_eq!(registry.counter(&KEY), 4000);
    }
}
