//! Active (RFC 9568 §6.4.3), contests with other Actives, and handing over.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::{Heard, Lowered, State, VirtualRouter};
use crate::action::{Action, Cause, Rival, Wake, WakeReason};
use crate::announce::Announcer;
use crate::config::InstanceConfig;
use crate::interval::{AdverInterval, skew_step};
use crate::units::{Advertised, MacAddr};

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
    /// Signs of another Active.
    pub split: Option<Split>,
}

/// Another Active beside us, suspected or certain.
///
/// Two that hear each other settle it with their next words, so one that has been heard is no split yet. One that still
/// advertises half an interval later, or still answers for an address, has not heard us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// The latest sign.
    pub rival: Rival,
    /// The first sign of this rival.
    pub since: Instant,
    /// The rival that was heard, its interval and when it was heard last; `None` if none was.
    pub heard: Option<(IpAddr, AdverInterval, Instant)>,
    /// When its advertisements are old; `None` if none was heard.
    pub heard_until: Option<Instant>,
    /// The address that somebody else answered for when it was last looked for.
    pub answers: Option<IpAddr>,
    /// Certain, and told by [`Action::SplitBegan`].
    pub told: bool,
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

impl Split {
    /// An answer for an address this long after the first sign is no matter of a hand-over any more.
    const SETTLED: Duration = Duration::from_millis(500);

    fn suspected(rival: Rival, now: Instant) -> Self {
        Self { rival, since: now, heard: None, heard_until: None, answers: None, told: false }
    }
}

impl Active {
    /// Enough to answer both last words of six other Actives when a split of seven heals.
    const ASSERTS: u8 = 14;

    pub(super) fn speaks_at(&self) -> Instant {
        match self.speech {
            Speech::Advertising { at } => at,
            Speech::Yielding { resume_at, .. } => resume_at,
        }
    }

    pub(super) fn wake(&self, config: &InstanceConfig) -> Wake {
        let why = match self.speech {
            Speech::Advertising { .. } => WakeReason::Advertise,
            Speech::Yielding { .. } => WakeReason::Resume,
        };
        let speak = Wake { at: self.speaks_at(), why };
        let announce = self.announcer.due_at(&config.announce, &config.announce_contested);
        let announce = announce.map(|at| Wake { at, why: WakeReason::Announce });
        let over = self.split_over_at().map(|at| Wake { at, why: WakeReason::SplitEnded });
        [announce, over]
            .into_iter()
            .flatten()
            .fold(speak, |first, wake| if wake.at < first.at { wake } else { first })
    }

    fn live_split(&self, now: Instant) -> Option<Split> {
        let heard = |split: &Split| split.heard_until.is_some_and(|until| now < until);
        self.split.filter(|split| split.answers.is_some() || heard(split))
    }

    /// When a split that was told of is over, if nothing more is heard of it.
    fn split_over_at(&self) -> Option<Instant> {
        self.split.filter(|split| split.told && split.answers.is_none()).and_then(|split| split.heard_until)
    }
}

impl VirtualRouter {
    /// RFC 9568 §6.4.1, §6.4.2. The advertisement goes first, as in keepalived: other backups stop waiting before the
    /// kernel has configured anything. Only one that preempts configures first: the Active serves until it hears of us.
    pub(super) fn become_active(&mut self, now: Instant, cause: Cause) {
        let install = Action::InstallVips { addresses: self.vips.clone() };
        let advertise = Action::Transmit(self.template.with(self.rank.into()));
        let order = match cause {
            Cause::LowerPriority { .. } => [install, advertise],
            Cause::Owner
            | Cause::ActiveDown
            | Cause::PeerResigned { .. }
            | Cause::HigherPriority { .. }
            | Cause::LinkDown
            | Cause::LinkUp
            | Cause::Tracked(_)
            | Cause::Command
            | Cause::Reconfigured
            | Cause::Paused
            | Cause::SyncGroup { .. } => [advertise, install],
        };
        self.actions.extend(order);
        let speech = Speech::Advertising { at: now + self.config.interval.to_duration() };
        let announcer = Announcer::start(now);
        let mut active = Active { speech, announcer, asserts_left: Active::ASSERTS, split: None };
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
        if active.split_over_at().is_some_and(|at| at <= now) {
            self.end_split(&mut active);
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
            // RFC 5798 §6.4.3, where it is asked for: a lower Active is discarded in silence.
            (Advertised::Backup(_) | Advertised::Owner, _) if self.config.silent_to_lower => {}
            // RFC 9568 §6.4.3: sent immediately, for priority 0 and for a lower Active alike.
            (Advertised::Resign | Advertised::Backup(_) | Advertised::Owner, _) => {
                self.assert(now, &mut active)
            }
        }
        if heard.advertised != Advertised::Resign {
            self.suspect(now, &mut active, heard);
        }
        // Not in RFC: the other one held the addresses too, so clients may know its MAC address.
        active.announcer.contest(now);
        self.announce_due(now, &mut active);
        self.state = State::Active(active);
    }

    /// Somebody has answered for an address that is installed here; `None`: nobody has.
    pub(super) fn active_answered(
        &mut self,
        now: Instant,
        mut active: Active,
        address: IpAddr,
        by: Option<MacAddr>,
    ) {
        if let Some(mac) = by {
            let rival = Rival::Answers { address, mac };
            let known = active.live_split(now).unwrap_or(Split::suspected(rival, now));
            active.split = Some(Split { rival, answers: Some(address), ..known });
            // The announcement of one that has just preempted us may be faster than its advertisement.
            let settled = (self.config.interval.to_duration() / 2).min(Split::SETTLED);
            if now.saturating_duration_since(known.since) >= settled {
                self.tell_split(&mut active);
            }
            active.announcer.contest(now);
            self.announce_due(now, &mut active);
        } else if let Some(split) = &mut active.split
            && split.answers == Some(address)
        {
            split.answers = None;
            if split.heard_until.is_none_or(|until| until <= now) {
                self.end_split(&mut active);
            }
        }
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
        active.announcer.contest(now);
        if !self.announce_due(now, &mut active) {
            self.actions.push_back(Action::Announce { addresses: vec![address] });
        }
        self.state = State::Active(active);
    }

    /// RFC 9568 §6.4.3, with a last word that is not in the RFC: it makes the winner assert itself and announce the
    /// addresses. Said while they are still here, it sends the clients to the winner before nobody answers them; said
    /// again when they are gone, it reaches those that asked in between and got our answer. It cannot ping-pong: it is
    /// sent on leaving Active, and a Backup that hears the winner's answer says nothing.
    fn lose(&mut self, now: Instant, heard: Heard) {
        let backup = self.accepted(now, heard, None);
        // With the winner's interval: a backup that hears this last would otherwise wait by an interval that nobody keeps.
        let last_word = self.template.with(self.rank.into()).with_interval(backup.learned);
        let last_word = self.config.last_word.then_some(Action::Transmit(last_word));
        self.actions.extend(last_word.clone());
        self.remove_all();
        self.actions.extend(last_word);
        let cause = Cause::HigherPriority { peer: heard.from, priority: heard.advertised };
        self.enter(now, State::Backup(backup), cause);
    }

    /// An advertisement that loses against ours. The second one of the same router, half an interval after the first, makes
    /// it certain that it does not hear us.
    fn suspect(&mut self, now: Instant, active: &mut Active, heard: Heard) {
        let interval = self.interval_of(heard);
        let rival = Rival::Advertises { peer: heard.from, priority: heard.advertised };
        let heard_until = Some(now + self.down_interval(interval, self.rank));
        let mut split = active.live_split(now).unwrap_or(Split::suspected(rival, now));
        let this = Some((heard.from, interval, now));
        match split.heard {
            Some((peer, ..)) if peer == heard.from => split.heard = this,
            // Several that are put right at once are no single one that stays.
            Some((_, its, at)) if now < at + its.to_duration() * 3 / 2 => {}
            Some(_) | None => (split.heard, split.since) = (this, now),
        }
        active.split = Some(Split { rival, heard_until, ..split });
        let same = split.heard.is_some_and(|(peer, ..)| peer == heard.from);
        if same && now.saturating_duration_since(split.since) >= interval.to_duration() / 2 {
            self.tell_split(active);
        }
    }

    fn tell_split(&mut self, active: &mut Active) {
        if let Some(split) = &mut active.split
            && !split.told
        {
            split.told = true;
            self.actions.push_back(Action::SplitBegan { rival: split.rival });
        }
    }

    fn end_split(&mut self, active: &mut Active) {
        if active.split.take().is_some_and(|split| split.told) {
            self.actions.push_back(Action::SplitEnded);
        }
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
        let due = active.announcer.take_due(now, &self.config.announce, &self.config.announce_contested);
        if due {
            self.actions.push_back(Action::Announce { addresses: self.vips.clone() });
        }
        due
    }
}
