//! The guardian: a small parent process that outlives the worker.
//!
//! The worker does everything; the guardian waits. When the worker dies, or its loop does not turn any more, the guardian
//! removes the virtual addresses that the worker held, says priority 0 in its place, and starts it again. A worker that
//! hangs is killed first, so that it cannot wake up and act on a role that it has lost. Where both processes are gone,
//! the leases of the addresses run out.
//!
//! The guardian has one thread and no runtime, as a process that forks must be, and never waits for anything but its
//! three descriptors: signals, the worker's end, the worker's messages.

mod channel;
mod respawn;
mod ward;
mod will;

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use config::keepalived::Config;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use self::respawn::Respawn;
use self::ward::{End, Ward};
use crate::capabilities;
use crate::configuration::Source;
use crate::log::say;
use crate::pidfile::{PidFile, PidFileError};
use crate::scheduling;
use crate::service_manager::ServiceManager;
use crate::sys::{self, Fork};

pub(crate) use self::channel::Line;
pub(crate) use self::will::{Will, Word};

/// How long the worker may take to resign and to remove its addresses when it is told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Faults of this process itself, which must not stop because it is told to, and what a terminal sends to suspend it.
const NOT_TAKEN: [Signal; 11] = [
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGILL,
    Signal::SIGABRT,
    Signal::SIGTRAP,
    Signal::SIGTSTP,
    Signal::SIGCONT,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGQUIT,
];

/// Why there is no guardian.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuardianError {
    #[error("cannot take signals: {0}")]
    Signals(#[source] io::Error),
    #[error("cannot start the VRRP process: {0}")]
    Fork(#[source] io::Error),
    #[error("cannot give up capabilities: {0}")]
    Capabilities(#[source] io::Error),
    #[error(transparent)]
    PidFile(#[from] PidFileError),
}

/// Which of the two processes came back, and with what.
#[derive(Debug)]
pub(crate) enum Part {
    /// This is the worker: it runs with this configuration, and tells of itself on the line.
    Worker { line: Line, config: Box<Config> },
    /// This is the guardian, and all is over: the exit status.
    Guardian { status: u8 },
}

/// The parent process.
#[derive(Debug)]
pub(crate) struct Guardian {
    source: Source,
    /// What the worker last ran with.
    config: Box<Config>,
    worker_pid: Option<PidFile>,
    signals: SignalFd,
    service_manager: ServiceManager,
    respawn: Respawn,
    /// Once the worker has started, its death is no reason to give up.
    started: bool,
    restarts: bool,
}

/// What a signal asks the guardian for.
enum Asked {
    Stop,
    /// The worker takes it.
    Forward(i32),
    Nothing,
}

impl Guardian {
    /// Takes the signals of this process from here on. `worker_pid` is for the number of the worker; without `restarts`
    /// the end of the worker is the end of the daemon.
    pub(crate) fn new(
        source: Source,
        config: Config,
        worker_pid: Option<PidFile>,
        restarts: bool,
    ) -> Result<Self, GuardianError> {
        let mut taken = SigSet::all();
        NOT_TAKEN.into_iter().for_each(|signal| taken.remove(signal));
        let failed = |errno: nix::Error| GuardianError::Signals(errno.into());
        taken.thread_block().map_err(failed)?;
        let signals =
            SignalFd::with_flags(&taken, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).map_err(failed)?;
        Ok(Self {
            source,
            config: Box::new(config),
            worker_pid,
            signals,
            service_manager: ServiceManager::from_environment(),
            respawn: Respawn::default(),
            started: false,
            restarts,
        })
    }

    /// Starts the worker, again and again; comes back in both processes.
    pub(crate) fn run(mut self) -> Result<Part, GuardianError> {
        // The worker says what is refused.
        scheduling::apply(&self.config.global.scheduling);
        capabilities::keep_only_needed(&self.config).map_err(GuardianError::Capabilities)?;
        loop {
            ward::bury_strays();
            let (ear, line) = channel::pair().map_err(GuardianError::Fork)?;
            let pid = match sys::fork().map_err(GuardianError::Fork)? {
                Fork::Child => return Ok(Part::Worker { line, config: self.config }),
                Fork::Parent { child } => child,
            };
            drop(line);
            if let Some(file) = &mut self.worker_pid {
                file.write(pid)?;
            }
            let mut ward = Ward::new(pid, ear).map_err(GuardianError::Fork)?;
            let since = Instant::now();
            let end = self.watch(&mut ward);
            let news = ward.settle();
            ward.bury();
            news.into_iter().for_each(|news| self.learn(news));
            match end {
                End::Asked => return Ok(Part::Guardian { status: 0 }),
                End::Exited(status) if !self.started => return Ok(Part::Guardian { status }),
                End::Exited(_) | End::Killed(_) | End::Hung if !self.restarts => {
                    say(&format!("VRRP child process({pid}) died: Exiting"));
                    return Ok(Part::Guardian { status: 1 });
                }
                End::Exited(_) | End::Killed(_) | End::Hung => {}
            }
            match end {
                End::Killed(signal) => say(&format!("pid {pid} exited due to signal {signal}")),
                End::Exited(status) => say(&format!("pid {pid} exited with status {status}")),
                End::Asked | End::Hung => {}
            }
            let delay = self.respawn.delay(since.elapsed());
            say(&format!("VRRP child process({pid}) died: Respawning{}", after(delay)));
            if self.stops_within(delay) {
                return Ok(Part::Guardian { status: 0 });
            }
        }
    }

    fn watch(&mut self, ward: &mut Ward) -> End {
        let mut stop_by: Option<Instant> = None;
        loop {
            let ping = self.service_manager.next_ping();
            let wake = [ward.wake(), stop_by, ping].into_iter().flatten().min();
            self.sleep(&ward.descriptors(), wake);
            let mut news = ward.hear();
            if ward.is_leaving() {
                news.extend(ward.settle());
            }
            news.into_iter().for_each(|news| self.learn(news));
            while let Some(asked) = self.asked() {
                match asked {
                    Asked::Stop if stop_by.is_none() => {
                        self.service_manager.stopping();
                        stop_by = Some(Instant::now() + STOP_LIMIT);
                        ward.signal(Signal::SIGTERM as i32);
                    }
                    Asked::Forward(signal) => ward.signal(signal),
                    Asked::Stop | Asked::Nothing => {}
                }
            }
            let stopping = stop_by.is_some();
            let end = ward.end().or_else(|| ward.hung());
            if let Some(end) = end {
                return if stopping { End::Asked } else { end };
            }
            if stop_by.is_some_and(|by| by <= Instant::now()) {
                say("the VRRP process does not stop: it is killed");
                ward.kill();
                return End::Asked;
            }
            self.service_manager.ping_when_due();
        }
    }

    fn learn(&mut self, message: ward::News) {
        match message {
            ward::News::Ready => {
                self.started = true;
                self.service_manager.ready();
            }
            // A worker that is started again runs with what the last one ran with, whatever the file says by then.
            ward::News::Reloaded => {
                if let (Some(config), _) = self.source.load() {
                    *self.config = config;
                }
            }
        }
    }

    /// Whether a stop is asked for before the time is over.
    fn stops_within(&mut self, delay: Duration) -> bool {
        let until = Instant::now() + delay;
        loop {
            while let Some(asked) = self.asked() {
                match asked {
                    Asked::Stop => return true,
                    Asked::Forward(_) | Asked::Nothing => {}
                }
            }
            if Instant::now() >= until {
                return false;
            }
            let ping = self.service_manager.next_ping();
            self.sleep(&[], Some(ping.map_or(until, |ping| ping.min(until))));
            self.service_manager.ping_when_due();
        }
    }

    fn asked(&self) -> Option<Asked> {
        let signal = self.signals.read_signal().ok().flatten()?.ssi_signo;
        let signal = i32::try_from(signal).ok()?;
        Some(match signal {
            _ if signal == Signal::SIGTERM as i32 || signal == Signal::SIGINT as i32 => Asked::Stop,
            _ if crate::signals::is_for_the_worker(signal) => Asked::Forward(signal),
            _ => Asked::Nothing,
        })
    }

    /// Until a signal or one of the descriptors has something, or the time has come.
    fn sleep(&self, others: &[std::os::fd::BorrowedFd<'_>], wake: Option<Instant>) {
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        fds.extend(others.iter().map(|&fd| PollFd::new(fd, PollFlags::POLLIN)));
        let timeout = wake.map_or(PollTimeout::NONE, |wake| {
            // Rounded up, for what is due in half a millisecond is not due yet.
            let left = wake.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
            PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX)
        });
        // An interrupted sleep is a short one.
        let _ = poll(&mut fds, timeout);
    }
}

fn after(delay: Duration) -> String {
    if delay.is_zero() { String::new() } else { format!(" in {} s", delay.as_secs()) }
}
