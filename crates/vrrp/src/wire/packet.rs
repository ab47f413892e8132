//! A view of received bytes, with the receive checks as separate steps so that the caller keeps their order.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum::Sum;
use super::{AUTH_LEN, Checksum, HEADER_LEN, TRAILER_LEN, TYPE_ADVERTISEMENT, Trailer};
use crate::discard::Discard;
use crate::interval::AdverInterval;
use crate::units::{Advertised, Family, Version, Vrid};

/// Received bytes that are at least a header long. Accessors return what the bytes say; `check_*` judge it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    header: [u8; HEADER_LEN],
    family: Family,
}

impl<'a> Packet<'a> {
    /// Views the payload of an IP packet. [`Discard::Truncated`] if it is shorter than the fixed header.
    pub fn new(bytes: &'a [u8], family: Family) -> Result<Self, Discard> {
        let header = *bytes.first_chunk().ok_or(Discard::Truncated)?;
        Ok(Self { bytes, header, family })
    }

    /// The version, if it is one that exists on this address family.
    pub fn check_version(&self) -> Result<Version, Discard> {
        match (self.version_number(), self.family) {
            (2, Family::V4) => Ok(Version::V2),
            (3, _) => Ok(Version::V3),
            _ => Err(Discard::BadVersion),
        }
    }

    /// Type 1 is the only one.
    pub fn check_type(&self) -> Result<(), Discard> {
        if self.header[0] & 0x0f == TYPE_ADVERTISEMENT { Ok(()) } else { Err(Discard::BadType) }
    }

    /// The VRID; 0 is never configured anywhere.
    pub fn check_vrid(&self) -> Result<Vrid, Discard> {
        Vrid::new(self.header[1]).ok_or(Discard::UnknownVrid)
    }

    /// The length must be the one that version and address count call for, or 28 bytes more with a trailer of `auth_hmac`.
    pub fn check_length(&self, trailer: bool) -> Result<(), Discard> {
        let more = self.bytes.len().checked_sub(self.message_len()).ok_or(Discard::Truncated)?;
        if more == 0 || (trailer && more == TRAILER_LEN) { Ok(()) } else { Err(Discard::TrailingBytes) }
    }

    /// The message without what follows it.
    pub fn message(&self) -> &'a [u8] {
        self.bytes.get(..self.message_len()).unwrap_or(self.bytes)
    }

    /// The trailer of `auth_hmac`, if 28 bytes follow the message.
    ///
    /// # Errors
    /// [`Discard::AuthExtMalformed`]: they are not such a trailer.
    pub fn trailer(&self) -> Result<Option<Trailer>, Discard> {
        let after = self.bytes.get(self.message_len()..).unwrap_or_default();
        <&[u8; TRAILER_LEN]>::try_from(after).ok().map(Trailer::decode).transpose()
    }

    /// Verifies the checksum and says which form it has. VRRPv2 and IPv6 have one form each and report the RFC's.
    ///
    /// A unicast packet may also carry the pseudo-header of the group: keepalived up to 1.3.6 sent that.
    pub fn check_checksum(&self, version: Version, src: IpAddr, dst: IpAddr) -> Result<Checksum, Discard> {
        // Over IPv6 the kernel sums up all that is sent; over IPv4 a trailer is not part of it.
        let covered = match self.family {
            Family::V4 => self.message(),
            Family::V6 => self.bytes,
        };
        let message = Sum::default().add(covered);
        let with_pseudo_header = |dst| message.add_pseudo_header(src, dst, covered.len()).is_valid();
        match (version, self.family) {
            (Version::V2, _) if message.is_valid() => Ok(Checksum::Rfc9568),
            (Version::V3, Family::V6) if with_pseudo_header(dst) => Ok(Checksum::Rfc9568),
            (Version::V3, Family::V4) if with_pseudo_header(dst) => Ok(Checksum::Keepalived),
            (Version::V3, Family::V4) if message.is_valid() => Ok(Checksum::Rfc9568),
            (Version::V3, Family::V4) if with_pseudo_header(Family::V4.group()) => {
                Ok(Checksum::KeepalivedGroup)
            }
            (Version::V2 | Version::V3, _) => Err(Discard::BadChecksum),
        }
    }

    /// The interval, which must not be 0.
    pub fn check_interval(&self, version: Version) -> Result<AdverInterval, Discard> {
        let interval = match version {
            Version::V2 => AdverInterval::from_seconds(self.header[5]),
            Version::V3 => {
                AdverInterval::from_centiseconds(u16::from_be_bytes([self.header[4] & 0x0f, self.header[5]]))
            }
        };
        interval.ok_or(Discard::ZeroInterval)
    }

    /// At least one address must be there.
    pub fn check_count(&self) -> Result<(), Discard> {
        if self.count() == 0 { Err(Discard::ZeroCount) } else { Ok(()) }
    }

    /// Version field as it stands, 0 to 15.
    pub fn version_number(&self) -> u8 {
        self.header[0] >> 4
    }

    /// VRID field as it stands.
    pub fn vrid_number(&self) -> u8 {
        self.header[1]
    }

    /// Priority field.
    pub fn advertised(&self) -> Advertised {
        Advertised::from(self.header[2])
    }

    /// Address count as it stands.
    pub fn count(&self) -> u8 {
        self.header[3]
    }

    /// VRRPv2 authentication type as it stands.
    pub fn auth_type(&self) -> u8 {
        self.header[4]
    }

    /// The eight bytes of VRRPv2 authentication data; `None` if the packet is too short for its address count.
    pub fn auth_data(&self) -> Option<&'a [u8; AUTH_LEN]> {
        let start = HEADER_LEN + usize::from(self.count()) * self.address_len();
        self.bytes.get(start..)?.first_chunk()
    }

    /// The virtual addresses, as many of them as are there in full.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + 'a {
        let family = self.family;
        let body = self.bytes.get(HEADER_LEN..).unwrap_or_default();
        body.chunks_exact(self.address_len()).take(usize::from(self.count())).map(
            move |octets| match family {
                Family::V4 => {
                    IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(octets).expect("chunks of four")))
                }
                Family::V6 => {
                    IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(octets).expect("chunks of sixteen")))
                }
            },
        )
    }

    fn message_len(&self) -> usize {
        let auth = if self.version_number() == Version::V2.get() { AUTH_LEN } else { 0 };
        HEADER_LEN + usize::from(self.count()) * self.address_len() + auth
    }

    fn address_len(&self) -> usize {
        match self.family {
            Family::V4 => 4,
            Family::V6 => 16,
        }
    }
}
