//! Backup (RFC 9568 §6.4.2).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{Heard, State, VirtualRouter};
use crate::action::Cause;
use crate::config::Preempt;
use crate::interval::AdverInterval;
use crate::units::{Advertised, Rank};

/// A router that listens to the Active one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Active_Down_Timer: it becomes Active then.
    pub down_at: Instant,
    /// Active_Adver_Interval, learned from the Active in version 3.
    pub learned: AdverInterval,
    /// The router heard last, if any: the Active one, whether it is accepted or being preempted.
    pub active: Option<IpAddr>,
    /// Until then a lower Active is left alone (`preempt_delay`); set by its first advertisement.
    pub preempt_at: Option<Instant>,
    /// The reason that becoming Active at `down_at` would have.
    pub on_expiry: Cause,
    /// `down_at` has passed, and it waits for the others of its sync group.
    pub waiting: bool,
}

impl Backup {
    /// The timer after the down interval changed: what has passed of it still counts.
    pub(super) fn shifted(self, now: Instant, before: Duration, after: Duration) -> Self {
        let down_at = match after.checked_sub(before) {
            Some(longer) => self.down_at + longer,
            None => self.down_at.checked_sub(before - after).unwrap_or(now),
        };
        Self { down_at: down_at.max(now), waiting: self.waiting && down_at <= now, ..self }
    }

    /// Has heard somebody whom it does not preempt, and its timer runs.
    pub(super) fn follows(&self) -> bool {
        let preempting = matches!(self.on_expiry, Cause::LowerPriority { .. });
        self.active.is_some() && !preempting && !self.waiting
    }
}

impl VirtualRouter {
    pub(super) fn backup_hears(&mut self, now: Instant, backup: Backup, heard: Heard) {
        let Some(rank) = heard.advertised.rank() else {
            // RFC 9568 §6.4.2: priority 0 sets the timer to Skew_Time.
            let down_at = now + self.skew_time(backup.learned);
            let on_expiry = Cause::PeerResigned { peer: heard.from };
            self.state = State::Backup(Backup { down_at, active: None, on_expiry, waiting: false, ..backup });
            return;
        };
        let preempt_at = if rank < self.rank { self.preempt_at(now, backup) } else { None };
        let preempts = rank < self.rank && self.preempts(now, preempt_at);
        self.state = State::Backup(if preempts {
            // RFC 9568 §6.4.2: discarded, the timer keeps running.
            let on_expiry = Cause::LowerPriority { peer: heard.from, priority: heard.advertised };
            Backup { active: Some(heard.from), preempt_at, on_expiry, ..backup }
        } else {
            self.accepted(now, heard, preempt_at)
        });
    }

    /// Backup to the sender of this advertisement, from now on.
    pub(super) fn accepted(&self, now: Instant, heard: Heard, preempt_at: Option<Instant>) -> Backup {
        let learned = self.interval_of(heard);
        let down_at = now + self.down_interval(learned, self.rank);
        let on_expiry = Cause::ActiveDown;
        Backup { down_at, learned, active: Some(heard.from), preempt_at, on_expiry, waiting: false }
    }

    /// Not in RFC: the delay counts from the first advertisement of lower priority in a row.
    fn preempt_at(&self, now: Instant, backup: Backup) -> Option<Instant> {
        match self.config.preempt {
            Preempt::Delayed(delay) => backup.preempt_at.or(Some(now + delay)),
            Preempt::Immediate | Preempt::Never => None,
        }
    }

    fn preempts(&self, now: Instant, preempt_at: Option<Instant>) -> bool {
        // RFC 9568 §6.1: the owner always preempts.
        if self.rank == Rank::Owner {
            return true;
        }
        match self.config.preempt {
            Preempt::Immediate => true,
            Preempt::Delayed(_) => preempt_at.is_some_and(|at| at <= now),
            Preempt::Never => false,
        }
    }

    /// Whether an advertisement beats us, both being Active (RFC 9568 §6.4.3).
    pub(super) fn is_beaten_by(&self, heard: Heard) -> bool {
        let ours = Advertised::from(self.rank);
        match heard.advertised.cmp(&ours) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => self.source.is_some_and(|source| heard.from > source),
            std::cmp::Ordering::Less => false,
        }
    }
}
