//! The time, read once for each thing that happens rather than by everyone who wants to know it: a request would ask a
//! dozen times within a few microseconds.

use std::cell::Cell;
use std::time::Instant;

thread_local! {
    static RECENT: Cell<Instant> = Cell::new(read());
}

/// The time now, which becomes the recent one. Called when a worker wakes up, when bytes have come, and after every wait.
pub(crate) fn now() -> Instant {
    let now = read();
    RECENT.set(now);
    now
}

/// The time of the last event on this thread: microseconds ago in a task that an event woke.
pub(crate) fn recent() -> Instant {
    RECENT.get()
}

/// By tokio's clock, which tests can stop.
fn read() -> Instant {
    tokio::time::Instant::now().into_std()
}
