//! The one message of VRRP.

use std::net::IpAddr;

use super::checksum::Sum;
use super::{Authentication, Checksum, Key, Packet, Password, Sequence, TYPE_ADVERTISEMENT, trailer};
use crate::discard::Discard;
use crate::interval::AdverInterval;
use crate::units::{Advertised, Family, Version, Vrid};

/// Values that no advertisement can carry together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdvertisement {
    /// The address count is 1 to 255.
    #[error("an advertisement carries 1 to 255 addresses, not {0}")]
    AddressCount(usize),
    /// All addresses of a virtual router are of one family.
    #[error("IPv4 and IPv6 addresses in one virtual router")]
    MixedFamilies,
    /// VRRPv2 is for IPv4.
    #[error("VRRP version 2 has no IPv6 addresses")]
    Version2WithIpv6,
    /// VRRPv2 counts whole seconds up to 255, VRRPv3 centiseconds up to 4095.
    #[error("VRRP version {} cannot carry an interval of {} ms", version.get(), interval.to_duration().as_millis())]
    Interval {
        /// The version asked for.
        version: Version,
        /// The interval that does not fit it.
        interval: AdverInterval,
    },
    /// Only VRRPv2 has authentication.
    #[error("VRRP version 3 has no authentication")]
    AuthenticationInVersion3,
}

/// An advertisement that can be sent as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Fields"))]
pub struct Advertisement {
    version: Version,
    vrid: Vrid,
    advertised: Advertised,
    interval: AdverInterval,
    addresses: Vec<IpAddr>,
    auth: Authentication,
    /// Not recorded: the key is a secret, and a replayed signature is worth nothing.
    #[cfg_attr(feature = "serde", serde(skip))]
    signature: Option<(Key, Sequence)>,
}

impl Advertisement {
    /// Checks the values against each other.
    ///
    /// # Errors
    /// See [`InvalidAdvertisement`].
    pub fn new(
        version: Version,
        vrid: Vrid,
        advertised: Advertised,
        interval: AdverInterval,
        addresses: Vec<IpAddr>,
        auth: Authentication,
    ) -> Result<Self, InvalidAdvertisement> {
        let [first, rest @ ..] = addresses.as_slice() else {
            return Err(InvalidAdvertisement::AddressCount(0));
        };
        if addresses.len() > 255 {
            return Err(InvalidAdvertisement::AddressCount(addresses.len()));
        }
        if rest.iter().any(|address| address.is_ipv4() != first.is_ipv4()) {
            return Err(InvalidAdvertisement::MixedFamilies);
        }
        if version == Version::V2 && first.is_ipv6() {
            return Err(InvalidAdvertisement::Version2WithIpv6);
        }
        if !interval.fits(version) {
            return Err(InvalidAdvertisement::Interval { version, interval });
        }
        if version == Version::V3 && auth != Authentication::None {
            return Err(InvalidAdvertisement::AuthenticationInVersion3);
        }
        Ok(Self { version, vrid, advertised, interval, addresses, auth, signature: None })
    }

    /// Reads the payload of an IP packet from `src` to `dst`, and says which form its checksum has.
    ///
    /// # Errors
    /// The first check it fails; TTL, and whatever depends on the receiver's configuration, are not checked here.
    pub fn decode(bytes: &[u8], src: IpAddr, dst: IpAddr) -> Result<(Self, Checksum), Discard> {
        let family = Family::of(src);
        if Family::of(dst) != family {
            return Err(Discard::MixedFamilies);
        }
        let packet = Packet::new(bytes, family)?;
        let version = packet.check_version()?;
        packet.check_type()?;
        let vrid = packet.check_vrid()?;
        packet.check_length(false)?;
        let form = packet.check_checksum(version, src, dst)?;
        let auth = match (version, packet.auth_type(), packet.auth_data()) {
            (Version::V2, Authentication::SIMPLE_TEXT, Some(data)) => {
                Authentication::Password(Password::new(data))
            }
            (Version::V2, Authentication::NONE, _) | (Version::V3, _, _) => Authentication::None,
            (Version::V2, _, _) => return Err(Discard::InvalidAuthType),
        };
        let interval = packet.check_interval(version)?;
        packet.check_count()?;
        let addresses = packet.addresses().collect();
        let advertised = packet.advertised();
        Ok((Self { version, vrid, advertised, interval, addresses, auth, signature: None }, form))
    }

    /// The bytes to send from `src` to `dst`, both of the family of the addresses.
    ///
    /// `dst` is the real destination, the group or a unicast peer. `form` matters to VRRPv3 over IPv4 only. For IPv6 the
    /// kernel may overwrite the checksum (`IPV6_CHECKSUM` at offset 6) with the same value.
    pub fn encode(&self, src: IpAddr, dst: IpAddr, form: Checksum) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode_into(&mut bytes, src, dst, form);
        bytes
    }

    /// [`encode`](Self::encode) into a buffer that the caller keeps; what was in it is cleared.
    pub fn encode_into(&self, bytes: &mut Vec<u8>, src: IpAddr, dst: IpAddr, form: Checksum) {
        bytes.clear();
        let count = u8::try_from(self.addresses.len()).expect("`new` admits 255 addresses at most");
        bytes.push(self.version.get() << 4 | TYPE_ADVERTISEMENT);
        bytes.extend([self.vrid.get(), self.advertised.get(), count]);
        match self.version {
            Version::V2 => {
                let seconds = self.interval.whole_seconds().expect("`new` admits whole seconds only");
                bytes.extend([self.auth.type_number(), seconds]);
            }
            Version::V3 => bytes.extend(self.interval.centiseconds().0.to_be_bytes()),
        }
        bytes.extend([0, 0]);
        for address in &self.addresses {
            match address {
                IpAddr::V4(address) => bytes.extend(address.octets()),
                IpAddr::V6(address) => bytes.extend(address.octets()),
            }
        }
        if self.version == Version::V2 {
            bytes.extend(self.auth.data());
        }

        let mut covered = bytes.len();
        if let Some((key, sequence)) = &self.signature {
            trailer::append(bytes, key, *sequence, src);
            if self.family() == Family::V6 {
                covered = bytes.len();
            }
        }
        let message = Sum::default().add(&bytes[..covered]);
        let sum = match (self.version, self.family(), form) {
            (Version::V2, _, _) | (Version::V3, Family::V4, Checksum::Rfc9568) => message,
            (Version::V3, Family::V6, _) | (Version::V3, Family::V4, Checksum::Keepalived) => {
                message.add_pseudo_header(src, dst, covered)
            }
            (Version::V3, Family::V4, Checksum::KeepalivedGroup) => {
                message.add_pseudo_header(src, Family::V4.group(), covered)
            }
        };
        bytes[6..8].copy_from_slice(&sum.finish().to_be_bytes());
    }

    /// The same advertisement with another priority field.
    pub fn with(&self, advertised: Advertised) -> Self {
        Self { advertised, ..self.clone() }
    }

    /// The same advertisement signed (`auth_hmac`): it is encoded with a trailer. Each one that is sent needs a sequence
    /// number after that of the one before; the copies for several unicast peers share one.
    pub fn signed(self, key: Key, sequence: Sequence) -> Self {
        Self { signature: Some((key, sequence)), ..self }
    }

    /// The resignation that comes after this advertisement: priority 0 and, if it is signed, the next sequence number.
    /// Whoever holds it can send it in place of the router, as long as that sends nothing more itself.
    pub fn resignation(&self) -> Self {
        let signature = self.signature.clone().map(|(key, sequence)| (key, sequence.next()));
        Self { advertised: Advertised::Resign, signature, ..self.clone() }
    }

    /// The same advertisement with another interval, if its version can carry that.
    pub(crate) fn with_interval(self, interval: AdverInterval) -> Self {
        if interval.fits(self.version) { Self { interval, ..self } } else { self }
    }

    /// Protocol version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The virtual router it speaks for.
    pub fn vrid(&self) -> Vrid {
        self.vrid
    }

    /// The priority field.
    pub fn advertised(&self) -> Advertised {
        self.advertised
    }

    /// The sender's interval.
    pub fn interval(&self) -> AdverInterval {
        self.interval
    }

    /// The virtual addresses: 1 to 255, all of one family.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Authentication; always none in VRRPv3.
    pub fn auth(&self) -> Authentication {
        self.auth
    }

    /// The family of the addresses.
    pub fn family(&self) -> Family {
        Family::of(self.addresses[0])
    }
}

/// What serde reads before the values are checked against each other.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct Fields {
    version: Version,
    vrid: Vrid,
    advertised: Advertised,
    interval: AdverInterval,
    addresses: Vec<IpAddr>,
    auth: Authentication,
}

#[cfg(feature = "serde")]
impl TryFrom<Fields> for Advertisement {
    type Error = InvalidAdvertisement;

    fn try_from(fields: Fields) -> Result<Self, InvalidAdvertisement> {
        let Fields { version, vrid, advertised, interval, addresses, auth } = fields;
        Self::new(version, vrid, advertised, interval, addresses, auth)
    }
}
