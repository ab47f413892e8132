//! Numbers that cannot hold a value the protocol forbids.

use std::fmt;
use std::num::NonZeroU8;

/// A number from outside does not fit the unit it was meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{unit} must be {min} to {max}, not {value}")]
pub struct OutOfRange {
    /// The unit, in the words of the RFC.
    pub unit: &'static str,
    /// The value that was refused.
    pub value: u32,
    /// Smallest accepted value.
    pub min: u32,
    /// Largest accepted value.
    pub max: u32,
}

/// Virtual router identifier, 1 to 255 (RFC 9568 §5.2.3). The same VRID on IPv4 and on IPv6 names two virtual routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "u8", into = "u8")
)]
pub struct Vrid(NonZeroU8);

impl Vrid {
    /// `None` for 0, which no virtual router may use.
    pub const fn new(value: u8) -> Option<Self> {
        match NonZeroU8::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number on the wire, 1 to 255.
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl TryFrom<u8> for Vrid {
    type Error = OutOfRange;

    fn try_from(value: u8) -> Result<Self, OutOfRange> {
        Self::new(value).ok_or(OutOfRange { unit: "VRID", value: value.into(), min: 1, max: 255 })
    }
}

impl From<Vrid> for u8 {
    fn from(vrid: Vrid) -> Self {
        vrid.get()
    }
}

impl fmt::Display for Vrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// Priority of a router that does not own the addresses, 1 to 254 (RFC 9568 §5.2.4). 0 and 255 are no priorities but
/// messages: see [`Advertised`] and [`Rank`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "u8", into = "u8")
)]
pub struct Priority(NonZeroU8);

impl Priority {
    /// The RFC's default, 100.
    pub const DEFAULT: Self = Self(NonZeroU8::new(100).expect("100 is not zero"));

    /// `None` for 0 and 255.
    pub const fn new(value: u8) -> Option<Self> {
        match NonZeroU8::new(value) {
            Some(priority) if value < 255 => Some(Self(priority)),
            Some(_) | None => None,
        }
    }

    /// The number on the wire, 1 to 254.
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    /// The nearest priority to any sum of base priority and weights.
    pub fn clamped(sum: i32) -> Self {
        let value = u8::try_from(sum.clamp(1, 254)).expect("1 to 254 fits u8");
        Self::new(value).expect("1 to 254 is a priority")
    }
}

impl TryFrom<u8> for Priority {
    type Error = OutOfRange;

    fn try_from(value: u8) -> Result<Self, OutOfRange> {
        Self::new(value).ok_or(OutOfRange { unit: "priority", value: value.into(), min: 1, max: 254 })
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority.get()
    }
}

/// What a router stands for election with: a priority, or ownership of the addresses (255).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "u8", into = "u8")
)]
pub enum Rank {
    /// A router that backs up the addresses, 1 to 254.
    Backup(Priority),
    /// The router whose own addresses these are, 255. Tracking never changes it.
    Owner,
}

impl Rank {
    /// `None` for 0, which is a message and not a rank.
    pub const fn new(value: u8) -> Option<Self> {
        match (value, Priority::new(value)) {
            (255, _) => Some(Self::Owner),
            (_, Some(priority)) => Some(Self::Backup(priority)),
            (_, None) => None,
        }
    }

    /// The number on the wire, 1 to 255.
    pub const fn get(self) -> u8 {
        match self {
            Self::Backup(priority) => priority.get(),
            Self::Owner => 255,
        }
    }
}

impl TryFrom<u8> for Rank {
    type Error = OutOfRange;

    fn try_from(value: u8) -> Result<Self, OutOfRange> {
        Self::new(value).ok_or(OutOfRange { unit: "priority", value: value.into(), min: 1, max: 255 })
    }
}

impl From<Rank> for u8 {
    fn from(rank: Rank) -> Self {
        rank.get()
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// The priority field of an advertisement, all 256 values of it, ordered as the election orders them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(from = "u8", into = "u8"))]
pub enum Advertised {
    /// 0: the sender stops being Active; backups take over after their skew time.
    Resign,
    /// 1 to 254.
    Backup(Priority),
    /// 255: the sender owns the addresses.
    Owner,
}

impl Advertised {
    /// The number on the wire.
    pub const fn get(self) -> u8 {
        match self {
            Self::Resign => 0,
            Self::Backup(priority) => priority.get(),
            Self::Owner => 255,
        }
    }

    /// The rank it states; `None` for a resignation.
    pub const fn rank(self) -> Option<Rank> {
        match self {
            Self::Resign => None,
            Self::Backup(priority) => Some(Rank::Backup(priority)),
            Self::Owner => Some(Rank::Owner),
        }
    }
}

impl From<u8> for Advertised {
    fn from(value: u8) -> Self {
        Rank::new(value).map_or(Self::Resign, Self::from)
    }
}

impl From<Advertised> for u8 {
    fn from(advertised: Advertised) -> Self {
        advertised.get()
    }
}

impl From<Rank> for Advertised {
    fn from(rank: Rank) -> Self {
        match rank {
            Rank::Backup(priority) => Self::Backup(priority),
            Rank::Owner => Self::Owner,
        }
    }
}

impl fmt::Display for Advertised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// Protocol version of a virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Version {
    /// RFC 3768: IPv4, whole seconds, equal intervals on all routers, simple passwords (RFC 2338).
    V2,
    /// RFC 5798 and 9568: IPv4 and IPv6, centiseconds, backups learn the interval, no authentication.
    V3,
}

impl Version {
    /// The number on the wire, 2 or 3.
    pub const fn get(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// Address family of a virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Family {
    /// IPv4, group 224.0.0.18.
    V4,
    /// IPv6, group ff02::12.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: std::net::IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The group that advertisements go to (RFC 9568 §5.1.1.2, §5.1.2.2).
    pub const fn group(self) -> std::net::IpAddr {
        use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)),
            Self::V6 => IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12)),
        }
    }
}

/// Kernel index of a network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IfIndex(pub u32);

/// Names a virtual router of a node, and stays the same over a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InstanceId {
    /// The interface it speaks on.
    pub iface: IfIndex,
    /// Its VRID there.
    pub vrid: Vrid,
    /// Its address family.
    pub family: Family,
}

impl InstanceId {
    /// The MAC address of the virtual router, 00-00-5E-00-01-VRID for IPv4 and 00-00-5E-00-02-VRID for IPv6 (RFC 9568
    /// §7.3).
    pub const fn virtual_mac(self) -> MacAddr {
        let family = match self.family {
            Family::V4 => 1,
            Family::V6 => 2,
        };
        MacAddr([0, 0, 0x5e, 0, family, self.vrid.get()])
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MacAddr(pub [u8; 6]);

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_refuse_what_the_protocol_forbids() {
        assert_eq!(Vrid::new(0), None);
        assert_eq!(Priority::new(0), None);
        assert_eq!(Priority::new(255), None);
        assert_eq!(Rank::new(0), None);
        assert_eq!(Vrid::try_from(0).unwrap_err().to_string(), "VRID must be 1 to 255, not 0");
    }

    #[test]
    fn every_priority_byte_survives_the_round_trip_in_order() {
        let all: Vec<Advertised> = (0..=255).map(Advertised::from).collect();
        assert!(all.is_sorted());
        assert!(all.iter().enumerate().all(|(byte, advertised)| usize::from(advertised.get()) == byte));
    }

    #[test]
    fn the_virtual_mac_address_is_that_of_the_rfc() {
        let id = |family| InstanceId { iface: IfIndex(2), vrid: Vrid::new(51).unwrap(), family };
        assert_eq!(id(Family::V4).virtual_mac().to_string(), "00:00:5e:00:01:33");
        assert_eq!(id(Family::V6).virtual_mac().to_string(), "00:00:5e:00:02:33");
    }

    #[test]
    fn sums_of_weights_are_clamped_to_priorities() {
        for (sum, expected) in [(-500, 1), (0, 1), (1, 1), (120, 120), (254, 254), (255, 254), (900, 254)] {
            assert_eq!(Priority::clamped(sum).get(), expected, "{sum}");
        }
    }
}
