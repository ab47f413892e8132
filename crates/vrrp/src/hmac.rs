//! Signed advertisements (`auth_hmac`): which are made, and which are taken for genuine and fresh.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::discard::Discard;
use crate::interval::AdverInterval;
use crate::wire::{Key, Packet, Sequence};

/// How a virtual router signs its advertisements and judges those of others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HmacConfig {
    /// The keys that are taken, each id once. More than one while keys are exchanged.
    pub keys: Vec<Key>,
    /// The id of the key to sign with, one of `keys`.
    pub active_key: u8,
    /// What is required of others. Default: a signature.
    pub mode: HmacMode,
    /// What is a repetition. Default: by time.
    pub anti_replay: AntiReplay,
}

impl HmacConfig {
    /// Signs with this key and takes no other.
    pub fn new(key: Key) -> Self {
        Self {
            active_key: key.id(),
            keys: vec![key],
            mode: HmacMode::default(),
            anti_replay: AntiReplay::default(),
        }
    }

    /// The key with this id.
    pub fn key(&self, id: u8) -> Option<&Key> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// The key to sign with; `None` if it does not sign.
    pub(crate) fn signing_key(&self) -> Option<&Key> {
        match self.mode {
            HmacMode::Enforce | HmacMode::Permissive => self.key(self.active_key),
            HmacMode::ReceiveOnly => None,
        }
    }

    pub(crate) fn is_sound(&self) -> bool {
        let unique = |key: &Key| self.keys.iter().filter(|other| other.id() == key.id()).count() == 1;
        self.key(self.active_key).is_some() && self.keys.iter().all(unique) && self.anti_replay.is_sound()
    }
}

/// What is required of others, and whether we sign. A cluster that runs unsigned goes through the three in the order
/// receive-only, permissive, enforce, all nodes in each before any in the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum HmacMode {
    /// Signs, and takes what is signed alone.
    #[default]
    Enforce,
    /// Signs, and takes what is not signed too.
    Permissive,
    /// Does not sign, and takes what is not signed too.
    ReceiveOnly,
}

/// What is a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum AntiReplay {
    /// What is not later than the last one of its sender, or further from our clock than the window, 1 to 300 s. Needs
    /// clocks that agree. `None`: three intervals, at least 5 s.
    Time {
        /// The window to either side.
        window: Option<Duration>,
    },
    /// What is not later than the last one of its sender. A router that was restarted takes old ones until it hears a new
    /// one.
    Monotonic,
}

impl Default for AntiReplay {
    fn default() -> Self {
        Self::Time { window: None }
    }
}

impl AntiReplay {
    const FLOOR: Duration = Duration::from_secs(5);

    fn window(self, interval: AdverInterval) -> Option<Duration> {
        match self {
            Self::Time { window } => Some(window.unwrap_or((interval.to_duration() * 3).max(Self::FLOOR))),
            Self::Monotonic => None,
        }
    }

    fn is_sound(self) -> bool {
        match self {
            Self::Time { window: Some(window) } => (1..=300).contains(&window.as_secs()),
            Self::Time { window: None } | Self::Monotonic => true,
        }
    }
}

/// What a signature told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    Absent,
    Genuine(Sequence),
}

/// The wall clock as the driver last told it; 1970 before that.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wall(Option<(Instant, Duration)>);

impl Wall {
    pub(crate) fn told(now: Instant, wall: Duration) -> Self {
        Self(Some((now, wall)))
    }

    pub(crate) fn at(self, now: Instant) -> Sequence {
        Sequence::at(self.0.map_or(Duration::ZERO, |(told, wall)| wall + now.saturating_duration_since(told)))
    }
}

/// What a virtual router has signed last, and the last of each sender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequences {
    sent: Sequence,
    /// The least recently heard first. Only holders of a key get in.
    marks: Vec<(IpAddr, Sequence)>,
}

impl Sequences {
    const CAPACITY: usize = 16;

    /// The sequence number of the next advertisement.
    pub(crate) fn next(&mut self, clock: Sequence, config: &HmacConfig, interval: AdverInterval) -> Sequence {
        let stranded = |window| self.sent.distance(clock) > window;
        // A clock that was set back has left us where receivers do not follow.
        let restart = config.anti_replay.window(interval).is_some_and(stranded);
        self.sent = if restart || clock.is_after(self.sent) { clock } else { self.sent.next() };
        self.sent
    }

    /// Judges the signature of a packet whose length and checksum are right. What costs least is checked first, so that a
    /// flood of old packets is not a flood of HMACs.
    pub(crate) fn check(
        &self,
        config: &HmacConfig,
        interval: AdverInterval,
        clock: Sequence,
        src: IpAddr,
        packet: &Packet<'_>,
    ) -> Result<Signature, Discard> {
        let Some(trailer) = packet.trailer()? else {
            return match config.mode {
                HmacMode::Enforce => Err(Discard::AuthExtMissing),
                HmacMode::Permissive | HmacMode::ReceiveOnly => Ok(Signature::Absent),
            };
        };
        let window = config.anti_replay.window(interval);
        let is_old = |sequence: Sequence| window.is_some_and(|window| sequence.distance(clock) > window);
        if is_old(trailer.sequence) {
            return Err(Discard::AuthExtStale);
        }
        // A mark outside the window orders nothing that the window lets through: its sender's clock was set.
        let mark = self.marks.iter().find(|(sender, _)| *sender == src).map(|&(_, mark)| mark);
        if mark.is_some_and(|mark| !is_old(mark) && !trailer.sequence.is_after(mark)) {
            return Err(Discard::AuthExtReplay);
        }
        let key = config.key(trailer.key_id).ok_or(Discard::AuthExtUnknownKey)?;
        if !trailer.is_of(key, packet.message(), src) {
            return Err(Discard::AuthExtInvalidHmac);
        }
        Ok(Signature::Genuine(trailer.sequence))
    }

    /// Takes no more from this sender that is not later than this.
    pub(crate) fn accept(&mut self, src: IpAddr, sequence: Sequence) {
        let known = self.marks.iter().position(|(sender, _)| *sender == src);
        match known {
            Some(at) => drop(self.marks.remove(at)),
            None if self.marks.len() == Self::CAPACITY => drop(self.marks.remove(0)),
            None => {}
        }
        self.marks.push((src, sequence));
    }
}
