//! Advertisement interval, skew time and down interval (RFC 9568 §6.1, RFC 3768 §6.1).

use std::time::Duration;

use crate::units::{OutOfRange, Rank, Version};

const NANOS_PER_CENTISECOND: u64 = 10_000_000;

/// Hundredths of a second, the unit of VRRPv3. Never zero-extended into seconds by accident: the only way out is
/// [`Centiseconds::to_duration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Centiseconds(pub u16);

impl Centiseconds {
    /// The same span as a [`Duration`].
    pub const fn to_duration(self) -> Duration {
        Duration::from_nanos(self.0 as u64 * NANOS_PER_CENTISECOND)
    }
}

/// Time between two advertisements of an Active router: 10 ms to 255 s, in centiseconds.
///
/// VRRPv3 carries 1 to 4095 centiseconds, VRRPv2 1 to 255 whole seconds. Which of the two bounds holds depends on the
/// version it is used with, and is checked where the two meet ([`Advertisement::new`](crate::Advertisement::new)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "u16", into = "u16")
)]
pub struct AdverInterval(u16);

impl AdverInterval {
    /// One second, the default of every version.
    pub const DEFAULT: Self = Self(100);

    /// Whole seconds, as VRRPv2 carries them; `None` for 0.
    pub const fn from_seconds(seconds: u8) -> Option<Self> {
        if seconds == 0 { None } else { Some(Self(seconds as u16 * 100)) }
    }

    /// Centiseconds, 1 to 25 500; `None` otherwise. 0 is refused on the wire too (RFC 9568 erratum 8301).
    pub const fn from_centiseconds(centiseconds: u16) -> Option<Self> {
        if centiseconds == 0 || centiseconds > 25_500 { None } else { Some(Self(centiseconds)) }
    }

    /// The interval in centiseconds.
    pub const fn centiseconds(self) -> Centiseconds {
        Centiseconds(self.0)
    }

    /// The interval in seconds, if it is whole: what VRRPv2 can say.
    pub fn whole_seconds(self) -> Option<u8> {
        if self.0.is_multiple_of(100) { u8::try_from(self.0 / 100).ok() } else { None }
    }

    /// The interval as a [`Duration`].
    pub const fn to_duration(self) -> Duration {
        self.centiseconds().to_duration()
    }

    /// Whether an advertisement of this version can carry it.
    pub fn fits(self, version: Version) -> bool {
        match version {
            Version::V2 => self.whole_seconds().is_some(),
            Version::V3 => self.0 <= 0x0fff,
        }
    }
}

impl TryFrom<u16> for AdverInterval {
    type Error = OutOfRange;

    fn try_from(value: u16) -> Result<Self, OutOfRange> {
        let error = OutOfRange { unit: "advertisement interval", value: value.into(), min: 1, max: 25_500 };
        Self::from_centiseconds(value).ok_or(error)
    }
}

impl From<AdverInterval> for u16 {
    fn from(interval: AdverInterval) -> Self {
        interval.0
    }
}

/// Skew_Time: the head start that a better rank has over a worse one.
///
/// VRRPv2: (256 − priority)/256 seconds, whatever the interval. VRRPv3: (256 − priority)/256 of the interval.
pub fn skew_time(version: Version, interval: AdverInterval, rank: Rank) -> Duration {
    skew_steps(version, interval, u64::from(256 - u16::from(rank.get())))
}

/// The difference between the skew times of two neighbouring priorities.
pub(crate) fn skew_step(version: Version, interval: AdverInterval) -> Duration {
    skew_steps(version, interval, 1)
}

/// Active_Down_Interval (VRRPv2: Master_Down_Interval): how long a backup waits for an advertisement.
///
/// `adverts` is the number of advertisements that may go missing: 3 in the RFCs, keepalived's `down_timer_adverts`.
pub fn down_interval(version: Version, interval: AdverInterval, rank: Rank, adverts: u8) -> Duration {
    interval.to_duration() * u32::from(adverts) + skew_time(version, interval, rank)
}

fn skew_steps(version: Version, interval: AdverInterval, steps: u64) -> Duration {
    let base = match version {
        Version::V2 => 100,
        Version::V3 => u64::from(interval.0),
    };
    Duration::from_nanos(base * NANOS_PER_CENTISECOND * steps / 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_are_those_of_the_rfc_formulas() {
        let cases = [
            // version, interval in cs, priority, skew in µs, down interval in µs; by hand from the formulas.
            (Version::V2, 100, 100, 609_375, 3_609_375),
            (Version::V2, 100, 90, 648_437, 3_648_437),
            (Version::V2, 500, 100, 609_375, 15_609_375),
            (Version::V3, 100, 90, 648_437, 3_648_437),
            (Version::V3, 10, 90, 64_843, 364_843),
            (Version::V3, 1, 254, 78, 30_078),
            (Version::V3, 4095, 1, 40_790_039, 163_640_039),
            (Version::V3, 100, 255, 3_906, 3_003_906),
        ];
        for (version, centiseconds, priority, skew, down) in cases {
            let interval = AdverInterval::from_centiseconds(centiseconds).unwrap();
            let rank = Rank::new(priority).unwrap();
            assert_eq!(
                skew_time(version, interval, rank).as_micros(),
                skew,
                "skew {version:?} {centiseconds} {priority}"
            );
            assert_eq!(
                down_interval(version, interval, rank, 3).as_micros(),
                down,
                "down {version:?} {centiseconds} {priority}"
            );
        }
    }

    #[test]
    fn each_version_carries_its_own_range() {
        let interval = |centiseconds| AdverInterval::from_centiseconds(centiseconds).unwrap();
        assert!(interval(100).fits(Version::V2) && interval(100).fits(Version::V3));
        assert!(!interval(150).fits(Version::V2) && interval(150).fits(Version::V3));
        assert!(interval(25_500).fits(Version::V2) && !interval(25_500).fits(Version::V3));
        assert!(interval(4095).fits(Version::V3) && !interval(4096).fits(Version::V3));
        assert_eq!(AdverInterval::from_centiseconds(0), None);
        assert_eq!(AdverInterval::from_seconds(0), None);
    }
}
