//! What a virtual router is configured with.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::action::TrackId;
use crate::announce::Schedule;
use crate::group::SyncGroup;
use crate::hmac::HmacConfig;
use crate::input::{Health, Link};
use crate::interval::AdverInterval;
use crate::units::{Family, IfIndex, InstanceId, OutOfRange, Priority, Rank, Version, Vrid};
use crate::wire::{Advertisement, Authentication, Checksum, InvalidAdvertisement};

/// The virtual routers of a node, checked. The default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked", into = "Unchecked"))]
pub struct NodeConfig {
    instances: Vec<InstanceConfig>,
    groups: Vec<SyncGroup>,
}

impl NodeConfig {
    /// Checks each virtual router, and that no two have the same interface, VRID and family.
    ///
    /// # Errors
    /// The first [`ConfigError`].
    pub fn new(instances: Vec<InstanceConfig>) -> Result<Self, ConfigError> {
        let mut seen = BTreeSet::new();
        for instance in &instances {
            instance.check()?;
            if !seen.insert(instance.id()) {
                return Err(ConfigError::Duplicate(instance.id()));
            }
        }
        Ok(Self { instances, groups: Vec::new() })
    }

    /// With these sync groups: each member is there, and in one group.
    ///
    /// # Errors
    /// [`ConfigError::NoSuchMember`] or [`ConfigError::MemberTwice`].
    pub fn with_groups(self, groups: Vec<SyncGroup>) -> Result<Self, ConfigError> {
        let known: BTreeSet<InstanceId> = self.instances.iter().map(InstanceConfig::id).collect();
        let mut seen = BTreeSet::new();
        for &member in groups.iter().flat_map(|group| &group.members) {
            if !known.contains(&member) {
                return Err(ConfigError::NoSuchMember(member));
            }
            if !seen.insert(member) {
                return Err(ConfigError::MemberTwice(member));
            }
        }
        Ok(Self { groups, ..self })
    }

    /// The virtual routers, in the order given.
    pub fn instances(&self) -> &[InstanceConfig] {
        &self.instances
    }

    /// The sync groups, in the order given.
    pub fn groups(&self) -> &[SyncGroup] {
        &self.groups
    }

    pub(crate) fn into_parts(self) -> (Vec<InstanceConfig>, Vec<SyncGroup>) {
        (self.instances, self.groups)
    }
}

/// What serde reads before the values are checked against each other.
#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
struct Unchecked {
    instances: Vec<InstanceConfig>,
    groups: Vec<SyncGroup>,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for NodeConfig {
    type Error = ConfigError;

    fn try_from(unchecked: Unchecked) -> Result<Self, ConfigError> {
        Self::new(unchecked.instances)?.with_groups(unchecked.groups)
    }
}

#[cfg(feature = "serde")]
impl From<NodeConfig> for Unchecked {
    fn from(config: NodeConfig) -> Self {
        Self { instances: config.instances, groups: config.groups }
    }
}

/// A configuration that no router can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Its advertisements could not be sent.
    #[error("virtual router {} on interface {}: {source}", id.vrid, id.iface.0)]
    Advertisement {
        /// The virtual router.
        id: InstanceId,
        /// What is wrong with its advertisements.
        source: InvalidAdvertisement,
    },
    /// The advertised addresses or the source are not of the family of the virtual router.
    #[error("virtual router {} on interface {}: addresses of the other family", .0.vrid, .0.iface.0)]
    WrongFamily(InstanceId),
    /// `down_timer_adverts` is at least 1.
    #[error("virtual router {} on interface {}: a down timer of no advertisements", .0.vrid, .0.iface.0)]
    NoDownTimer(InstanceId),
    /// `auth_hmac` without its active key, with a key id twice, or with a window outside 1 to 300 s.
    #[error("virtual router {} on interface {}: signatures need an active key, ids that differ and a window of 1 to 300 s", .0.vrid, .0.iface.0)]
    UnsoundHmac(InstanceId),
    /// Both a password and signatures.
    #[error("virtual router {} on interface {}: a password and signatures exclude each other", .0.vrid, .0.iface.0)]
    TwoAuthentications(InstanceId),
    /// Two virtual routers with the same interface, VRID and family.
    #[error("virtual router {} on interface {} is configured twice", .0.vrid, .0.iface.0)]
    Duplicate(InstanceId),
    /// A sync group names a virtual router that is not there.
    #[error("a sync group has virtual router {} on interface {}, which is not configured", .0.vrid, .0.iface.0)]
    NoSuchMember(InstanceId),
    /// A virtual router is in two sync groups, or twice in one.
    #[error("virtual router {} on interface {} is in sync groups twice", .0.vrid, .0.iface.0)]
    MemberTwice(InstanceId),
}

/// One virtual router. Start from [`InstanceConfig::new`] and set what differs from the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InstanceConfig {
    /// The interface it speaks on.
    pub iface: IfIndex,
    /// Its VRID there.
    pub vrid: Vrid,
    /// Its family; IPv6 needs version 3.
    pub family: Family,
    /// Protocol version. Default 3.
    pub version: Version,
    /// Base priority, before tracking. Default 100. An owner starts Active and is not tracked by weight.
    pub priority: Rank,
    /// Interval of its advertisements. Default 1 s.
    pub interval: AdverInterval,
    /// What it does about an Active router of lower priority. Default: preempt at once.
    pub preempt: Preempt,
    /// Virtual addresses in its advertisements, 1 to 255, all of `family`. For IPv6 the first should be link-local.
    pub addresses: Vec<IpAddr>,
    /// Virtual addresses that go with it unadvertised, of any family (`virtual_ipaddress_excluded`). Default none.
    pub excluded: Vec<IpAddr>,
    /// Authentication, version 2 only. Default none. A router with another one is not heard, and both become Active.
    pub auth: Authentication,
    /// Signatures (`auth_hmac`), any version. Default none. Excludes `auth`.
    pub hmac: Option<HmacConfig>,
    /// Checksum form of what it sends, version 3 over IPv4 only; both forms are accepted. Default keepalived's.
    pub checksum: Checksum,
    /// Send to a unicast peer in the form of keepalived up to 1.3.6 when it was last heard to send that itself: it understands no
    /// other. Default yes (`old_unicast_checksum never`: no).
    pub follow_old_checksum: bool,
    /// Do not count advertisements with another address list (`skip_check_adv_addr`). They are accepted in any case.
    pub skip_address_check: bool,
    /// Discard IPv6 advertisements whose first address is not link-local, as erratum 8300 has it. Default no: keepalived
    /// sends such lists where it is told to, and discarding them makes two Actives. They are counted in any case.
    pub require_link_local: bool,
    /// Advertisements that may be missed before a backup takes over, 1 to 255. Default 3.
    pub down_timer_adverts: u8,
    /// When to announce after a promotion.
    pub announce: Schedule,
    /// When to announce after another Active was heard (`garp_lower_prio_delay`, `garp_lower_prio_repeat`), after an
    /// address was put back, and while somebody else answers for one. At most one such schedule a second.
    pub announce_contested: Schedule,
    /// The address to send from. Default: the one of the interface ([`Link`]).
    pub source: Option<IpAddr>,
    /// It is to speak to unicast peers and has none: it stays in Fault (`unicast_fault_no_peer`). Default no.
    pub no_peer: bool,
    /// Take part although the interface is down (`dont_track_primary`). It must exist. Default no.
    pub ignore_link: bool,
    /// As Active, let a lower priority go unanswered (`lower_prio_no_advert`; RFC 5798's way). Its sender learns of us by
    /// the next regular advertisement. Default no, as RFC 9568 §6.4.3 has it.
    pub silent_to_lower: bool,
    /// Advertise once more when losing to another Active, before the addresses are removed and after, so that it hears
    /// that it was contested and announces them again (`higher_prio_send_advert`). Default yes; keepalived's is no.
    pub last_word: bool,
    /// As owner, hear nobody (`owner_ignore_adverts`). Default no, as erratum 8298 has it.
    pub owner_ignores: bool,
    /// What is tracked, and what it weighs.
    pub trackers: Vec<(TrackId, Weight)>,
}

impl InstanceConfig {
    /// A virtual router for these addresses with the defaults of VRRPv3. The family is that of the first address.
    pub fn new(iface: IfIndex, vrid: Vrid, addresses: Vec<IpAddr>) -> Self {
        let family = addresses.first().copied().map_or(Family::V4, Family::of);
        Self {
            iface,
            vrid,
            family,
            version: Version::V3,
            priority: Rank::Backup(Priority::DEFAULT),
            interval: AdverInterval::DEFAULT,
            preempt: Preempt::Immediate,
            addresses,
            excluded: Vec::new(),
            auth: Authentication::None,
            hmac: None,
            checksum: Checksum::default(),
            follow_old_checksum: true,
            skip_address_check: false,
            require_link_local: false,
            down_timer_adverts: 3,
            announce: Schedule::default(),
            announce_contested: Schedule::default(),
            source: None,
            no_peer: false,
            ignore_link: false,
            silent_to_lower: false,
            last_word: true,
            owner_ignores: false,
            trackers: Vec::new(),
        }
    }

    /// What names it in a node.
    pub fn id(&self) -> InstanceId {
        InstanceId { iface: self.iface, vrid: self.vrid, family: self.family }
    }

    /// Checks the values against each other.
    ///
    /// # Errors
    /// Any [`ConfigError`] but `Duplicate`.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.advertisement().map_err(|source| ConfigError::Advertisement { id: self.id(), source })?;
        if self.addresses.iter().chain(&self.source).any(|&address| Family::of(address) != self.family) {
            return Err(ConfigError::WrongFamily(self.id()));
        }
        if self.down_timer_adverts == 0 {
            return Err(ConfigError::NoDownTimer(self.id()));
        }
        if self.hmac.as_ref().is_some_and(|hmac| !hmac.is_sound()) {
            return Err(ConfigError::UnsoundHmac(self.id()));
        }
        if self.hmac.is_some() && self.auth != Authentication::None {
            return Err(ConfigError::TwoAuthentications(self.id()));
        }
        Ok(())
    }

    /// The address it sends from on an interface like this.
    pub fn source_on(&self, link: &Link) -> Option<IpAddr> {
        self.source.or_else(|| link.source(self.family))
    }

    /// The advertisement it sends at base priority.
    pub(crate) fn advertisement(&self) -> Result<Advertisement, InvalidAdvertisement> {
        let advertised = self.priority.into();
        Advertisement::new(
            self.version,
            self.vrid,
            advertised,
            self.interval,
            self.addresses.clone(),
            self.auth,
        )
    }

    /// All its virtual addresses, the advertised before the excluded ones.
    pub fn vips(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.iter().chain(&self.excluded).copied()
    }

    /// Base priority and the weights in effect, clamped to 1 to 254. An owner stays owner.
    pub(crate) fn effective_priority(&self, health: &BTreeMap<TrackId, Health>) -> Rank {
        match self.priority {
            Rank::Owner => Rank::Owner,
            Rank::Backup(base) => {
                let weights = self.trackers.iter().map(|(id, weight)| weight.effect(health_of(health, *id)));
                Rank::Backup(Priority::clamped(i32::from(base.get()) + weights.sum::<i32>()))
            }
        }
    }
}

pub(crate) fn health_of(health: &BTreeMap<TrackId, Health>, id: TrackId) -> Health {
    health.get(&id).copied().unwrap_or_default()
}

/// What a backup does about an Active router of lower priority. An owner preempts whatever is set here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Preempt {
    /// Takes over when its down timer ends (`preempt`).
    #[default]
    Immediate,
    /// Leaves it Active for this long, from its first advertisement on (`preempt_delay`).
    Delayed(Duration),
    /// Leaves it Active (`nopreempt`).
    Never,
}

/// What a tracked thing does to the priority, −254 to 254, with keepalived's meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "i16", into = "i16")
)]
pub struct Weight(i16);

impl Weight {
    /// Fault while down, and while nothing is known.
    pub const FAULT: Self = Self(0);

    /// `None` outside −254 to 254.
    pub const fn new(value: i16) -> Option<Self> {
        if value < -254 || value > 254 { None } else { Some(Self(value)) }
    }

    /// The number.
    pub const fn get(self) -> i16 {
        self.0
    }

    /// A positive weight counts while up, a negative one while down; neither while nothing is known. A number counts as
    /// often as the weight says.
    fn effect(self, health: Health) -> i32 {
        match health {
            Health::Up => i32::from(self.0.max(0)),
            Health::Down => i32::from(self.0.min(0)),
            Health::Number(number) => number.saturating_mul(i32::from(self.0)).clamp(-MOST, MOST),
            Health::Unknown => 0,
        }
    }

    /// Whether a virtual router with this weight on it cannot take part.
    pub(crate) fn is_fault(self, health: Health) -> bool {
        match health {
            Health::Down => self == Self::FAULT,
            Health::Number(number) if self == Self::FAULT => number != 0,
            Health::Number(number) => number.saturating_mul(i32::from(self.0)) < -MOST,
            Health::Up | Health::Unknown => false,
        }
    }
}

/// The most that the number of a file changes a priority by.
const MOST: i32 = 253;

impl TryFrom<i16> for Weight {
    type Error = OutOfRange;

    fn try_from(value: i16) -> Result<Self, OutOfRange> {
        let error =
            OutOfRange { unit: "size of a weight", value: value.unsigned_abs().into(), min: 0, max: 254 };
        Self::new(value).ok_or(error)
    }
}

impl From<Weight> for i16 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> InstanceConfig {
        InstanceConfig::new(IfIndex(2), Vrid::new(51).unwrap(), vec!["192.0.2.10".parse().unwrap()])
    }

    #[test]
    fn weights_count_as_in_keepalived() {
        let cases = [
            // base, weight, health, effective
            (100, 20, Health::Up, 120),
            (100, 20, Health::Down, 100),
            (100, 20, Health::Unknown, 100),
            (100, -20, Health::Up, 100),
            (100, -20, Health::Down, 80),
            (100, -20, Health::Unknown, 100),
            (250, 20, Health::Up, 254),
            (10, -20, Health::Down, 1),
            (100, 0, Health::Down, 100),
            (100, 1, Health::Number(7), 107),
            (100, -2, Health::Number(7), 86),
            (100, 254, Health::Number(0), 100),
            (100, 1, Health::Number(i32::MAX), 254),
            (100, 0, Health::Number(7), 100),
            (255, 1, Health::Number(-7), 255),
            (255, -20, Health::Down, 255),
        ];
        for (base, weight, health, effective) in cases {
            let mut config = instance();
            config.priority = Rank::new(base).unwrap();
            config.trackers = vec![(TrackId(1), Weight::new(weight).unwrap())];
            let health = BTreeMap::from([(TrackId(1), health)]);
            assert_eq!(config.effective_priority(&health).get(), effective, "{base} {weight} {health:?}");
        }
    }

    #[test]
    fn a_number_is_a_fault_at_weight_0_and_far_below_0() {
        for (weight, number, fault) in [
            (0, 0, false),
            (0, 1, true),
            (0, -1, true),
            (1, -253, false),
            (1, -254, true),
            (254, -1, true),
            (-254, 1, true),
            (2, i32::MIN, true),
            (1, i32::MAX, false),
        ] {
            let judged = Weight::new(weight).unwrap().is_fault(Health::Number(number));
            assert_eq!(judged, fault, "{weight} {number}");
        }
    }

    #[test]
    fn impossible_configurations_are_refused() {
        type Edit = fn(&mut InstanceConfig);
        let cases: [(Edit, &str); 7] = [
            (|c| c.addresses.clear(), "an advertisement carries 1 to 255 addresses, not 0"),
            (
                |c| c.addresses.push("fe80::1".parse().unwrap()),
                "IPv4 and IPv6 addresses in one virtual router",
            ),
            (|c| c.family = Family::V6, "addresses of the other family"),
            (
                |c| (c.version, c.interval) = (Version::V2, AdverInterval::from_centiseconds(150).unwrap()),
                "VRRP version 2 cannot carry an interval of 1500 ms",
            ),
            (
                |c| c.interval = AdverInterval::from_seconds(41).unwrap(),
                "VRRP version 3 cannot carry an interval of 41000 ms",
            ),
            (
                |c| c.auth = Authentication::Password(crate::Password::new(b"1111")),
                "VRRP version 3 has no authentication",
            ),
            (|c| c.down_timer_adverts = 0, "a down timer of no advertisements"),
        ];
        for (edit, message) in cases {
            let mut config = instance();
            edit(&mut config);
            let error = NodeConfig::new(vec![config]).unwrap_err().to_string();
            assert_eq!(error, format!("virtual router 51 on interface 2: {message}"));
        }
        let error = NodeConfig::new(vec![instance(), instance()]).unwrap_err().to_string();
        assert_eq!(error, "virtual router 51 on interface 2 is configured twice");
    }
}
