//! Active (RFC 9568 §6.4.3), contests with other Actives, and handing over.

use std::net::IpAddr;
use std::time::Instant;

use super::{Heard, Lowered, State, VirtualRouter};
use crate::action::{Action, Cause, Wake, WakeReason};
use crate::announce::{Announcer, Schedule};
use crate::interval::skew_step;
use crate::units::Advertised;

/// A router that holds the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Active {
    /// When it speaks next.
    pub speech: Speech,
    /// Announcements of the addresses.
    pub announcer: Announcer,
    /// Advertisements it may still send at once before its next regular one. A peer that chatters cannot make it
    /// storm: when none are left the regular one, at most an interval away, has to do.
    pub asserts_left: u8,
}

/// Whether an Active advertises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// It does.
    Advertising {
        /// Adver_Timer.
        at: Instant,
    },
    /// It has sent priority 0 because its own priority fell, and is silent so that somebody better takes over. It still
    /// holds the addresses: if nobody is there, there is no outage.
    Yielding {
        /// When it resigned.
        since: Instant,
        /// When it goes on, nobody better having spoken.
        resume_at: Instant,
    },
}

impl Active {
    /// Enough to answer six other Actives when a split of seven heals.
    const ASSERTS: u8 = 8;

    pub(super) fn speaks_at(&self) -> Instant {
        match self.speech {
            Speech::Advertising { at } => at,
            Speech::Yielding { resume_at, .. } => resume_at,
        }
    }

    pub(super) fn wake(&self, schedule: &Schedule) -> Wake {
        let why = match self.speech {
            Speech::Advertising { .. } => WakeReason::Advertise,
            Speech::Yielding { .. } => WakeReason::Resume,
        };
        let speak = Wake { at: self.speaks_at(), why };
        match self.announcer.due_at(schedule) {
            Some(at) if at < speak.at => Wake { at, why: WakeReason::Announce },
            Some(_) | None => speak,
        }
    }
}

impl VirtualRouter {
    /// RFC 9568 §6.4.1, §6.4.2. The advertisement goes first, as in keepalived: other backups stop waiting before the
    /// kernel has configured anything.
    pub(super) fn become_active(&mut self, now: Instant, cause: Cause) {
        self.transmit(self.rank.into());
        self.actions.push_back(Action::InstallVips { addresses: self.vips.clone() });
        let speech = Speech::Advertising { at: now + self.config.interval.to_duration() };
        let mut active = Active { speech, announcer: Announcer::start(now), asserts_left: Active::ASSERTS };
        self.announce_due(now, &mut active);
        self.enter(now, State::Active(active), cause);
    }

    pub(super) fn active_timeout(&mut self, now: Instant, mut active: Active) {
        if active.speaks_at() <= now {
            self.transmit(self.rank.into());
            // In step with the advertisements before, so that being woken late does not stretch the interval.
            let interval = self.config.interval.to_duration();
            let in_step = active.speaks_at() + interval;
            active.speech = Speech::Advertising { at: if in_step > now { in_step } else { now + interval } };
            active.asserts_left = Active::ASSERTS;
        }
        self.announce_due(now, &mut active);
        self.state = State::Active(active);
    }

    pub(super) fn active_hears(&mut self, now: Instant, mut active: Active, heard: Heard) {
        if self.is_beaten_by(heard) {
            self.lose(now, heard);
            return;
        }
        match (heard.advertised, active.speech) {
            // Not in RFC: two that resign at once must not take each other back out of it.
            (Advertised::Resign, Speech::Yielding { .. }) => {}
            // RFC 9568 §6.4.3: sent immediately, for priority 0 and for a lower Active alike.
            (Advertised::Resign | Advertised::Backup(_) | Advertised::Owner, _) => {
                self.assert(now, &mut active)
            }
        }
        // Not in RFC: the other one held the addresses too, so clients may know its MAC address.
        active.announcer.restart(now);
        self.announce_due(now, &mut active);
        self.state = State::Active(active);
    }

    /// The priority fell below what was advertised.
    pub(super) fn active_lowered(&mut self, now: Instant, mut active: Active, lowered: Lowered) {
        match (active.speech, lowered) {
            (Speech::Advertising { .. }, Lowered::Advertise) => self.speak(now, &mut active),
            (Speech::Advertising { .. }, Lowered::Yield) => {
                self.transmit(Advertised::Resign);
                active.speech = self.yielding(now);
            }
            (Speech::Yielding { since, .. }, Lowered::Advertise | Lowered::Yield) => {
                active.speech = self.yielding(since);
            }
        }
        self.state = State::Active(active);
    }

    /// The priority rose: no longer a reason to yield.
    pub(super) fn active_raised(&mut self, now: Instant, mut active: Active) {
        if let Speech::Yielding { .. } = active.speech {
            self.speak(now, &mut active);
            self.state = State::Active(active);
        }
    }

    /// `self` has the new configuration already.
    pub(super) fn active_reconfigured(
        &mut self,
        now: Instant,
        mut active: Active,
        old_vips: &[IpAddr],
        advert_changed: bool,
        raised: bool,
    ) {
        let missing = |from: &[IpAddr], of: &[IpAddr]| -> Vec<IpAddr> {
            of.iter().filter(|address| !from.contains(address)).copied().collect()
        };
        let removed = missing(&self.vips, old_vips);
        let added = missing(old_vips, &self.vips);
        if !removed.is_empty() {
            self.actions.push_back(Action::RemoveVips { addresses: removed });
        }
        if !added.is_empty() {
            self.actions.push_back(Action::InstallVips { addresses: added.clone() });
        }
        match active.speech {
            Speech::Advertising { .. } if advert_changed => self.speak(now, &mut active),
            Speech::Yielding { .. } if raised => self.speak(now, &mut active),
            Speech::Advertising { .. } | Speech::Yielding { .. } => {}
        }
        if !added.is_empty() {
            active.announcer = Announcer::start(now);
            self.announce_due(now, &mut active);
        }
        self.state = State::Active(active);
    }

    /// keepalived resigns and elects itself again, 0.6 s later; putting the address back takes no time.
    pub(super) fn active_vip_lost(&mut self, now: Instant, mut active: Active, address: IpAddr) {
        self.actions.push_back(Action::InstallVips { addresses: vec![address] });
        active.announcer.restart(now);
        if !self.announce_due(now, &mut active) {
            self.actions.push_back(Action::Announce { addresses: vec![address] });
        }
        self.state = State::Active(active);
    }

    /// RFC 9568 §6.4.3, with a last word that is not in the RFC: it makes the winner assert itself and announce the
    /// addresses after they are gone here. It cannot ping-pong: it is sent on leaving Active, and a Backup that hears
    /// the winner's answer says nothing.
    fn lose(&mut self, now: Instant, heard: Heard) {
        let backup = self.accepted(now, heard, None);
        self.remove_all();
        // With the winner's interval: a backup that hears this last would otherwise wait by an interval that nobody keeps.
        let last_word = self.template.with(self.rank.into()).with_interval(backup.learned);
        self.actions.push_back(Action::Transmit(last_word));
        let cause = Cause::HigherPriority { peer: heard.from, priority: heard.advertised };
        self.enter(now, State::Backup(backup), cause);
    }

    fn assert(&mut self, now: Instant, active: &mut Active) {
        if let Some(left) = active.asserts_left.checked_sub(1) {
            self.speak(now, active);
            active.asserts_left = left;
        }
    }

    fn speak(&mut self, now: Instant, active: &mut Active) {
        self.transmit(self.rank.into());
        active.speech = Speech::Advertising { at: now + self.config.interval.to_duration() };
    }

    /// Until our own skew time has passed, every better backup has spoken. Half a step of priority on top lets the next
    /// better one be heard without giving the next worse one the time to speak.
    fn yielding(&self, since: Instant) -> Speech {
        let interval = self.config.interval;
        let margin = skew_step(self.config.version, interval) / 2;
        Speech::Yielding { since, resume_at: since + self.skew_time(interval) + margin }
    }

    fn announce_due(&mut self, now: Instant, active: &mut Active) -> bool {
        let due = active.announcer.take_due(now, &self.config.announce);
        if due {
            self.actions.push_back(Action::Announce { addresses: self.vips.clone() });
        }
        due
    }
}
