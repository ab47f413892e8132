//! The worker, as its guardian sees it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use healthcheck::{Beat, BeatMonitor, Liveness, Readiness};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};
use vip_netlink::Removals;

use super::channel::{Ear, Message, Router, Silence};
use super::will::Will;
use crate::log::say;
use crate::starvation::{Activity, Suspect};
use crate::sys;

/// Until the worker has said how long it may be silent: it resolves users and opens sockets.
const START_LIMIT: Duration = Duration::from_secs(30);
/// From its last word until it is gone: the kernel closes what it has open, one after the other.
const END_LIMIT: Duration = Duration::from_secs(10);
/// A killed process that waits for a disk does not die at once; its addresses do not wait for it.
const DEATH_LIMIT: Duration = Duration::from_millis(100);
const KILL: i32 = 9;

/// How the worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was told to.
    Asked,
    /// By itself, with this status.
    Exited(u8),
    /// By this signal.
    Killed(i32),
    /// It was silent for too long, and was killed.
    Hung,
}

/// What the worker says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Ready,
    Reloaded,
}

/// The worker.
#[derive(Debug)]
pub(super) struct Ward {
    pid: u32,
    death: OwnedFd,
    ear: Option<Ear>,
    limit: Duration,
    monitor: BeatMonitor,
    suspect: Suspect,
    wills: BTreeMap<Router, Will>,
    /// What is done after them.
    last: Vec<u8>,
}

impl Ward {
    pub(super) fn new(pid: u32, ear: Ear) -> io::Result<Self> {
        let raw = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        let death = pidfd_open(raw.ok_or(io::ErrorKind::InvalidInput)?, PidfdFlags::empty())?;
        let mut ward = Self {
            pid,
            death,
            ear: Some(ear),
            limit: START_LIMIT,
            monitor: BeatMonitor::new(START_LIMIT),
            suspect: Suspect::new(pid),
            wills: BTreeMap::new(),
            last: Vec::new(),
        };
        ward.allow(START_LIMIT);
        Ok(ward)
    }

    /// Something to hear, and its death.
    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.ear.iter().map(AsFd::as_fd).chain([self.death.as_fd()]).collect()
    }

    /// When it will have been silent for too long.
    pub(super) fn wake(&self) -> Option<Instant> {
        self.monitor.poll_timeout()
    }

    /// Hears everything that it has said.
    pub(super) fn hear(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        while let Some(ear) = &mut self.ear {
            match ear.next() {
                Ok(Message::Beat) => self.beat(),
                Ok(Message::Ready) => news.push(News::Ready),
                Ok(Message::Reloaded) => news.push(News::Reloaded),
                Ok(Message::Limit(millis)) => self.allow(Duration::from_millis(millis)),
                Ok(Message::Will(router, will)) if will.is_empty() => drop(self.wills.remove(&router)),
                Ok(Message::Will(router, will)) => drop(self.wills.insert(router, will)),
                Ok(Message::Last(removals)) => self.last = removals,
                Err(Silence::Empty) => break,
                Err(Silence::Closed) => {
                    self.ear = None;
                    self.allow(END_LIMIT);
                }
            }
        }
        news
    }

    /// Whether nothing more comes: it has ended, or is about to.
    pub(super) fn is_leaving(&self) -> bool {
        self.ear.is_none()
    }

    pub(super) fn signal(&self, signal: i32) {
        // One that is gone needs no signal; its number is its own until it is waited for.
        let _ = sys::kill(self.pid, signal);
    }

    /// Whether it has ended by itself.
    pub(super) fn end(&self) -> Option<End> {
        self.reap()
    }

    /// Whether it was silent for too long; it is dead then.
    pub(super) fn hung(&mut self) -> Option<End> {
        let now = Instant::now();
        if self.monitor.suspect(now).is_some() && self.suspect.look("vrrpd", now) == Activity::Starved {
            self.monitor.handle_starved(now);
        } else {
            self.monitor.handle_timeout(now);
        }
        match self.monitor.verdict() {
            Liveness::Hung { .. } => {
                say(&format!(
                    "the VRRP process {} is hung: no beat for {} ms; it is killed",
                    self.pid,
                    self.limit.as_millis()
                ));
                self.kill();
                Some(End::Hung)
            }
            Liveness::Unknown | Liveness::Ready | Liveness::NotReady(_) | Liveness::Dead => None,
        }
    }

    /// Kills it, and waits for a moment until nothing of it runs any more.
    pub(super) fn kill(&mut self) {
        self.signal(KILL);
        // A hangup is told in any case.
        let ear = self.ear.iter().map(|ear| PollFd::new(ear.as_fd(), PollFlags::empty()));
        wait(&mut ear.chain([self.dies()]).collect::<Vec<_>>());
    }

    /// Does what it has left to be done: all addresses go before anybody is told. Its last news.
    pub(super) fn settle(&mut self) -> Vec<News> {
        let news = self.hear();
        self.wills.values().for_each(Will::remove);
        self.wills.values().for_each(Will::speak);
        self.wills.clear();
        let last = Removals::from_bytes(std::mem::take(&mut self.last));
        if let Err(error) = last.and_then(|last| last.carry_out()) {
            say(&error.to_string());
        }
        news
    }

    /// Waits for a moment until it is gone with all that it has open, which another one may want.
    pub(super) fn bury(&self) {
        wait(&mut [self.dies()]);
        self.reap();
    }

    fn dies(&self) -> PollFd<'_> {
        PollFd::new(self.death.as_fd(), PollFlags::POLLIN)
    }

    fn reap(&self) -> Option<End> {
        let pid = Pid::from_raw(i32::try_from(self.pid).ok()?);
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)).ok()? {
            WaitStatus::Exited(_, status) => Some(End::Exited(u8::try_from(status).unwrap_or(1))),
            WaitStatus::Signaled(_, signal, _) => Some(End::Killed(signal as i32)),
            _ => None,
        }
    }

    /// How long it may be silent from here on.
    fn allow(&mut self, limit: Duration) {
        self.limit = limit;
        self.monitor = BeatMonitor::new(limit);
        self.monitor.handle_connected(Instant::now());
    }

    fn beat(&mut self) {
        let beat = Beat { worker: 0, workers: 1, readiness: Readiness::Ready };
        self.monitor.handle_beat(Instant::now(), beat);
    }
}

/// Lets go of earlier workers that took longer to end than anybody waited; there is no other child.
pub(super) fn bury_strays() {
    while waitpid(None, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status != WaitStatus::StillAlive) {}
}

fn wait(fds: &mut [PollFd<'_>]) {
    let limit = PollTimeout::try_from(DEATH_LIMIT.as_millis()).unwrap_or(PollTimeout::MAX);
    let _ = poll(fds, limit);
}
