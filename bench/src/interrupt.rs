//! Ctrl-C and its like: a run ends between two steps, so that its proxies end too and its directory goes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::error::BenchError;

static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Takes note of signals from now on. They are caught, not blocked: programs that are started would inherit a mask, and
/// strace and the proxies could not be ended.
pub(crate) fn watch() -> Result<(), BenchError> {
    [SIGINT, SIGTERM, SIGHUP]
        .into_iter()
        .try_for_each(|signal| signal_hook::flag::register(signal, Arc::clone(&INTERRUPTED)).map(drop))
        .map_err(BenchError::io("cannot catch signals"))
}

/// An error once a signal has come.
pub(crate) fn check() -> Result<(), BenchError> {
    if INTERRUPTED.load(Ordering::Relaxed) { Err(BenchError::Interrupted) } else { Ok(()) }
}
