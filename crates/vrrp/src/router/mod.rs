//! The state machine of one virtual router (RFC 9568 §6.4): no bytes, no sockets, no clock.

mod active;
mod backup;

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::action::{Action, Cause, FaultReason, Role, Transition, Wake, WakeReason};
use crate::config::{ConfigError, InstanceConfig};
use crate::interval::{AdverInterval, down_interval, skew_time};
use crate::units::{Advertised, MacAddr, Rank, Version};
use crate::wire::Advertisement;

pub use active::{Active, Speech, Split};
pub use backup::Backup;

/// State of a virtual router. Each variant owns its deadlines, so a backup with an advertisement timer cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Takes no part, and hears nothing.
    Initialize {
        /// What is missing; `None` if the router was not started.
        fault: Option<FaultReason>,
    },
    /// Listens.
    Backup(Backup),
    /// Holds the addresses.
    Active(Active),
}

impl State {
    /// The state without its timers.
    pub fn role(&self) -> Role {
        match self {
            Self::Initialize { fault: None } => Role::Initialize,
            Self::Initialize { fault: Some(reason) } => Role::Fault(*reason),
            Self::Backup(_) => Role::Backup,
            Self::Active(_) => Role::Active,
        }
    }
}

/// A valid advertisement of another router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who sent it.
    pub from: IpAddr,
    /// Its priority field.
    pub advertised: Advertised,
    /// Its interval; equal to ours in version 2.
    pub interval: AdverInterval,
}

/// What an Active router does about its own priority having fallen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lowered {
    /// Says so at once. A better backup takes over when its down timer ends.
    Advertise,
    /// Hands over: sends priority 0 and falls silent, but keeps the addresses until somebody better speaks. Backups take
    /// over in the order of their skew times, so if nobody has spoken when our own has passed, nobody better is there.
    Yield,
}

/// One virtual router. [`Node`](crate::Node) runs several, checks packets for them and tracks their priority.
///
/// The law is that of the whole crate: call a `handle_*`, then [`poll_action`](Self::poll_action) until `None`, then sleep
/// until [`poll_timeout`](Self::poll_timeout).
#[derive(Clone, Debug)]
pub struct VirtualRouter {
    config: InstanceConfig,
    template: Advertisement,
    vips: Vec<IpAddr>,
    rank: Rank,
    source: Option<IpAddr>,
    state: State,
    grouped: bool,
    last_transition: Option<Transition>,
    actions: VecDeque<Action>,
}

impl VirtualRouter {
    /// A router in Initialize, with its base priority.
    ///
    /// # Errors
    /// See [`InstanceConfig::check`].
    pub fn new(config: InstanceConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let template = advertisement(&config);
        Ok(Self {
            template,
            vips: config.vips().collect(),
            rank: config.priority,
            config,
            source: None,
            state: State::Initialize { fault: None },
            grouped: false,
            last_transition: None,
            actions: VecDeque::new(),
        })
    }

    /// Starts from Initialize: an owner as Active, anybody else as Backup with a full down interval.
    pub fn handle_start(&mut self, now: Instant, cause: Cause) {
        match (self.state, self.rank) {
            (State::Initialize { .. }, Rank::Owner) if self.grouped => {
                let backup = Backup { on_expiry: Cause::Owner, waiting: true, ..self.unheard(now) };
                self.enter(now, State::Backup(backup), cause);
            }
            (State::Initialize { .. }, Rank::Owner) => self.become_active(now, Cause::Owner),
            (State::Initialize { .. }, Rank::Backup(_)) => self.listen(now, cause),
            (State::Backup(_) | State::Active(_), _) => {}
        }
    }

    /// Goes to Initialize. An Active resigns, unless it lost the means to.
    pub fn handle_halt(&mut self, now: Instant, fault: Option<FaultReason>, cause: Cause) {
        self.notice_pause(now);
        if let State::Active(_) = self.state {
            match fault {
                None
                | Some(
                    FaultReason::NoPeer
                    | FaultReason::TrackDown(_)
                    | FaultReason::TrackUnknown(_)
                    | FaultReason::SyncGroup(_),
                ) => {
                    self.transmit(Advertised::Resign);
                }
                Some(FaultReason::LinkDown | FaultReason::NoAddress) => {}
            }
            self.remove_all();
        }
        self.enter(now, State::Initialize { fault }, cause);
    }

    /// A valid advertisement of another router came in.
    pub fn handle_advertisement(&mut self, now: Instant, heard: Heard) {
        self.notice_pause(now);
        match self.state {
            State::Initialize { .. } => {}
            State::Backup(backup) => self.backup_hears(now, backup, heard),
            State::Active(active) => self.active_hears(now, active, heard),
        }
    }

    /// Does what is due. Early and repeated calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.notice_pause(now);
        match self.state {
            State::Initialize { .. } => {}
            State::Backup(backup) if now < backup.down_at => {}
            State::Backup(backup) if self.grouped => {
                self.state = State::Backup(Backup { waiting: true, ..backup });
            }
            State::Backup(backup) => self.become_active(now, backup.on_expiry),
            State::Active(active) => self.active_timeout(now, active),
        }
    }

    /// The effective priority is now this. A running down timer moves by the difference.
    pub fn handle_priority(&mut self, now: Instant, rank: Rank, lowered: Lowered) {
        self.notice_pause(now);
        let old = std::mem::replace(&mut self.rank, rank);
        match self.state {
            State::Initialize { .. } => {}
            State::Backup(backup) => {
                let before = self.down_interval(backup.learned, old);
                let after = self.down_interval(backup.learned, rank);
                self.state = State::Backup(backup.shifted(now, before, after));
            }
            State::Active(active) => match rank.cmp(&old) {
                std::cmp::Ordering::Less => self.active_lowered(now, active, lowered),
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => self.active_raised(now, active),
            },
        }
    }

    /// The address we send from, which breaks ties and tells our own packets from others'.
    pub fn handle_source(&mut self, source: Option<IpAddr>) {
        self.source = source;
    }

    /// Goes over to another configuration and effective priority without a change of role.
    ///
    /// # Errors
    /// See [`InstanceConfig::check`]; the old configuration stays.
    pub fn handle_config(
        &mut self,
        now: Instant,
        config: InstanceConfig,
        rank: Rank,
    ) -> Result<(), ConfigError> {
        config.check()?;
        self.notice_pause(now);
        let old_rank = std::mem::replace(&mut self.rank, rank);
        let old_template = std::mem::replace(&mut self.template, advertisement(&config));
        let old_vips = std::mem::replace(&mut self.vips, config.vips().collect());
        let old = std::mem::replace(&mut self.config, config);
        match self.state {
            State::Initialize { .. } => {}
            State::Backup(mut backup) => {
                let before = down_interval(old.version, backup.learned, old_rank, old.down_timer_adverts);
                if backup.active.is_none() || self.config.version == Version::V2 {
                    backup.learned = self.config.interval;
                }
                let after = self.down_interval(backup.learned, rank);
                backup.preempt_at = backup.preempt_at.filter(|_| old.preempt == self.config.preempt);
                self.state = State::Backup(backup.shifted(now, before, after));
            }
            State::Active(active) => {
                let changed = old_template != self.template || old_rank != rank;
                self.active_reconfigured(now, active, &old_vips, changed, rank > old_rank);
            }
        }
        Ok(())
    }

    /// The driver saw that this program did not run for `duration`, on a clock that this crate does not see (suspend).
    pub fn handle_pause(&mut self, now: Instant, duration: Duration) {
        self.notice_pause(now);
        let interval = match self.state {
            State::Initialize { .. } => return,
            State::Backup(backup) => backup.learned,
            State::Active(_) => self.config.interval,
        };
        if duration > self.down_interval(interval, self.rank) {
            self.stand_back(now);
        }
    }

    /// Somebody else deconfigured one of the addresses.
    pub fn handle_vip_lost(&mut self, now: Instant, address: IpAddr) {
        self.notice_pause(now);
        match self.state {
            State::Active(active) if self.vips.contains(&address) => {
                self.active_vip_lost(now, active, address)
            }
            State::Active(_) | State::Backup(_) | State::Initialize { .. } => {}
        }
    }

    /// The driver has looked who answers for an address that is installed here (ARP probe, neighbour solicitation, or a
    /// claim that it overheard): somebody else with this link-layer address, or nobody.
    pub fn handle_vip_answer(&mut self, now: Instant, address: IpAddr, by: Option<MacAddr>) {
        self.notice_pause(now);
        match self.state {
            State::Active(active) if self.vips.contains(&address) => {
                self.active_answered(now, active, address, by);
            }
            State::Active(_) | State::Backup(_) | State::Initialize { .. } => {}
        }
    }

    /// Whether it waits for the others of a sync group before it becomes Active.
    pub(crate) fn set_grouped(&mut self, grouped: bool) {
        self.grouped = grouped;
    }

    /// Active, or would be if it were not for its sync group.
    pub(crate) fn is_ready(&self) -> bool {
        match self.state {
            State::Initialize { .. } => false,
            State::Backup(backup) => backup.waiting,
            State::Active(_) => true,
        }
    }

    /// Backup to somebody whom it has heard and does not preempt.
    pub(crate) fn follows(&self) -> bool {
        match self.state {
            State::Backup(backup) => backup.follows(),
            State::Initialize { .. } | State::Active(_) => false,
        }
    }

    /// All others of the sync group are ready.
    pub(crate) fn handle_group_ready(&mut self, now: Instant) {
        match self.state {
            State::Backup(backup) if backup.waiting => self.become_active(now, backup.on_expiry),
            State::Initialize { .. } | State::Backup(_) | State::Active(_) => {}
        }
    }

    /// Another one of the sync group is not Active any more. It resigns, because the one that wins the other's election
    /// may wait for this one.
    pub(crate) fn handle_group_steps_back(&mut self, now: Instant, cause: Cause) {
        self.notice_pause(now);
        if let State::Active(_) = self.state {
            self.remove_all();
            self.transmit(Advertised::Resign);
            self.listen(now, cause);
        }
    }

    /// The next thing to do, in order; `None` when all is done.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Wake> {
        match self.state {
            State::Initialize { .. } => None,
            State::Backup(backup) if backup.waiting && self.grouped => None,
            State::Backup(backup) => Some(Wake { at: backup.down_at, why: WakeReason::ActiveDown }),
            State::Active(active) => Some(active.wake(&self.config)),
        }
    }

    /// State and deadlines.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Effective priority.
    pub fn rank(&self) -> Rank {
        self.rank
    }

    /// The address it sends from.
    pub fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// The configuration in force.
    pub fn config(&self) -> &InstanceConfig {
        &self.config
    }

    /// The last change of role.
    pub fn last_transition(&self) -> Option<Transition> {
        self.last_transition
    }

    /// Not in RFC: a router that was not run for longer than a down interval must assume that another one has taken
    /// over. It lets go and listens before it speaks again, instead of asserting itself with a stale role.
    fn notice_pause(&mut self, now: Instant) {
        let (due, interval) = match self.state {
            State::Initialize { .. } => return,
            // It has nothing to do, however long it waits. What it sleeps through, the others of its group notice.
            State::Backup(backup) if backup.waiting => return,
            State::Backup(backup) => (backup.down_at, backup.learned),
            State::Active(active) => (active.speaks_at(), self.config.interval),
        };
        // An Active that is late by this has been silent for one interval more.
        let silence = self.down_interval(interval, self.rank).saturating_sub(interval.to_duration());
        if now > due + silence.max(interval.to_duration() / 2) {
            self.stand_back(now);
        }
    }

    fn stand_back(&mut self, now: Instant) {
        if let State::Active(_) = self.state {
            self.remove_all();
        }
        self.listen(now, Cause::Paused);
    }

    /// Backup that has heard nobody yet.
    fn listen(&mut self, now: Instant, cause: Cause) {
        let down_at = now + self.down_interval(self.config.interval, self.rank);
        self.enter(now, State::Backup(self.unheard(down_at)), cause);
    }

    fn unheard(&self, down_at: Instant) -> Backup {
        let learned = self.config.interval;
        let on_expiry = Cause::ActiveDown;
        Backup { down_at, learned, active: None, preempt_at: None, on_expiry, waiting: false }
    }

    /// The last step of every change of role.
    fn enter(&mut self, now: Instant, state: State, cause: Cause) {
        let from = self.state.role();
        let to = state.role();
        if let State::Active(Active { split: Some(split), .. }) = self.state
            && split.told
            && from != to
        {
            self.actions.push_back(Action::SplitEnded);
        }
        self.state = state;
        if from != to {
            self.last_transition = Some(Transition { at: now, from, to, cause });
            self.actions.push_back(Action::Transitioned { from, to, cause });
        }
    }

    fn transmit(&mut self, advertised: Advertised) {
        self.actions.push_back(Action::Transmit(self.template.with(advertised)));
    }

    fn remove_all(&mut self) {
        self.actions.push_back(Action::RemoveVips { addresses: self.vips.clone() });
    }

    fn down_interval(&self, interval: AdverInterval, rank: Rank) -> Duration {
        down_interval(self.config.version, interval, rank, self.config.down_timer_adverts)
    }

    fn skew_time(&self, interval: AdverInterval) -> Duration {
        skew_time(self.config.version, interval, self.rank)
    }

    /// The interval to wait by after this advertisement: version 3 learns it, version 2 has only one.
    fn interval_of(&self, heard: Heard) -> AdverInterval {
        match self.config.version {
            Version::V2 => self.config.interval,
            Version::V3 => heard.interval,
        }
    }
}

fn advertisement(config: &InstanceConfig) -> Advertisement {
    config.advertisement().expect("a checked configuration has valid advertisements")
}
