//! The signals that the daemon takes.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use tokio::signal::unix::{self, SignalKind};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// `SIGTERM`, `SIGINT`
    Stop,
    /// `SIGHUP`
    Reload,
    /// `SIGUSR1`
    Data,
    /// `SIGUSR2`
    Stats,
    /// `SIGRTMAX - 1`
    StatsClear,
    /// `SIGRTMIN + 2`
    Json,
}

/// keepalived's signal for JSON.
pub(crate) fn json() -> i32 {
    nix::libc::SIGRTMIN() + 2
}

/// keepalived's signal that sets the counters of the dumps to 0.
pub(crate) fn stats_clear() -> i32 {
    nix::libc::SIGRTMAX() - 1
}

#[derive(Debug)]
pub(crate) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
    user1: unix::Signal,
    user2: unix::Signal,
    stats_clear: unix::Signal,
    json: unix::Signal,
}

/// Whether the guardian passes a signal on.
pub(crate) fn is_for_the_worker(signal: i32) -> bool {
    let named = [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2].map(|taken| taken as i32);
    named.contains(&signal) || [json(), stats_clear()].contains(&signal)
}

impl Signals {
    /// Takes the signals, which the guardian keeps back until somebody does: none of them ends the process by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        let signals = Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
            user1: unix::signal(SignalKind::user_defined1())?,
            user2: unix::signal(SignalKind::user_defined2())?,
            stats_clear: unix::signal(SignalKind::from_raw(stats_clear()))?,
            json: unix::signal(SignalKind::from_raw(json()))?,
        };
        SigSet::empty().thread_set_mask()?;
        Ok(signals)
    }

    /// Waits for the next one. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Stop,
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.hangup.recv() => Request::Reload,
            _ = self.user1.recv() => Request::Data,
            _ = self.user2.recv() => Request::Stats,
            _ = self.stats_clear.recv() => Request::StatsClear,
            _ = self.json.recv() => Request::Json,
        }
    }
}
