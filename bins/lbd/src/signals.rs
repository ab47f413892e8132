//! What signals ask for.

use proxy::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the process.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    soft_stop: Signal,
}

impl Signals {
    /// Catches them from now on.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            soft_stop: signal(SignalKind::user_defined1())?,
        })
    }

    /// The next one. All of them let requests finish; a second one ends at once, whichever it is.
    pub(crate) async fn next(&mut self) -> Stop {
        let name = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.soft_stop.recv() => "SIGUSR1",
        };
        tracing::info!("{name}: no new connections; waiting for those that are open");
        Stop::Graceful
    }
}
