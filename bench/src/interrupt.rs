//! Ctrl-C and its like: a run ends between two steps, so that its proxies end too and its directory goes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::sys::signal::{SigSet, Signal};

use crate::error::BenchError;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Takes note of signals from now on. Called before other threads start: they inherit the mask. Programs that are started
/// do not, the standard library clears it for them.
pub(crate) fn watch() -> Result<(), BenchError> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    signals.thread_block().map_err(|errno| BenchError::io("cannot block signals")(errno.into()))?;
    thread::spawn(move || {
        while signals.wait().is_ok() {
            INTERRUPTED.store(true, Ordering::Relaxed);
        }
    });
    Ok(())
}

/// An error once a signal has come.
pub(crate) fn check() -> Result<(), BenchError> {
    if INTERRUPTED.load(Ordering::Relaxed) { Err(BenchError::Interrupted) } else { Ok(()) }
}
