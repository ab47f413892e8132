//! Holding something back until a test says so.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::LIMIT;

/// Closed at first; opens once, for everybody.
#[derive(Debug, Default)]
pub struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    /// Lets everybody through, from now on.
    pub fn open(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits until it is open, but not for longer than [`LIMIT`].
    pub fn pass(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // After the limit the test fails by itself; the server's thread must end in any case.
        drop(self.changed.wait_timeout_while(open, LIMIT, |open| !*open));
    }
}
