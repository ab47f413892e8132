//! The trailer of keepalived 2.4's `auth_hmac` (draft-cassen-vrrp-auth-hmac): an HMAC-SHA256 cut to 128 bits, and a
//! sequence number that is a time.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---------------+---------------+-------------------------------+
//! |    type 1     |    key id     |               0               |
//! +---------------+---------------+-------------------------------+
//! |                          seconds, UTC                         |
//! +-------------------------------+-------------------------------+
//! |      1/65536 of a second      |            counter            |
//! +-------------------------------+-------------------------------+
//! |                        HMAC, 16 bytes                         |
//! +---------------------------------------------------------------+
//! ```
//! The HMAC covers a pseudo-header (address family, version, VRID, 0, source address in 16 bytes), the message with its
//! checksum as 0, and the trailer with its HMAC as 0. It does not cover the destination, so that one signed advertisement
//! goes to all unicast peers.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU8;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::discard::Discard;
use crate::units::OutOfRange;

/// Length of a trailer.
pub const TRAILER_LEN: usize = 28;

const TYPE_HMAC_SHA256: u8 = 1;
const STAMP_LEN: usize = 12;
const MAC_LEN: usize = 16;
const CHECKSUM: std::ops::Range<usize> = 6..8;

/// A secret that all routers of a virtual router share, and the number it goes by on the wire.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "(u8, Vec<u8>)", into = "(u8, Vec<u8>)")
)]
pub struct Key {
    id: NonZeroU8,
    len: u8,
    bytes: [u8; Self::MAX],
}

impl Key {
    /// Shortest key, in bytes.
    pub const MIN: usize = 32;
    /// Longest key, in bytes: SHA-256's block.
    pub const MAX: usize = 64;

    /// A key of 32 to 64 bytes with an id from 1 to 255.
    ///
    /// # Errors
    /// Another id or length.
    pub fn new(id: u8, secret: &[u8]) -> Result<Self, OutOfRange> {
        let id = NonZeroU8::new(id).ok_or(OutOfRange { unit: "key id", value: 0, min: 1, max: 255 })?;
        if !(Self::MIN..=Self::MAX).contains(&secret.len()) {
            let value = u32::try_from(secret.len()).unwrap_or(u32::MAX);
            return Err(OutOfRange { unit: "length of a key", value, min: 32, max: 64 });
        }
        let mut bytes = [0; Self::MAX];
        bytes[..secret.len()].copy_from_slice(secret);
        Ok(Self { id, len: u8::try_from(secret.len()).expect("at most 64"), bytes })
    }

    /// Its number, 1 to 255.
    pub fn id(&self) -> u8 {
        self.id.get()
    }

    fn secret(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl TryFrom<(u8, Vec<u8>)> for Key {
    type Error = OutOfRange;

    fn try_from((id, secret): (u8, Vec<u8>)) -> Result<Self, OutOfRange> {
        Self::new(id, &secret)
    }
}

impl From<Key> for (u8, Vec<u8>) {
    fn from(key: Key) -> Self {
        (key.id(), key.secret().to_vec())
    }
}

/// Hides the secret: configurations end up in logs.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, ****)", self.id)
    }
}

/// When an advertisement was signed, in 2⁻³² s since 1970 with the low 16 bits as a counter, and so its place among all of
/// its sender. It wraps in 2106; what is later is told by serial number arithmetic (RFC 1982).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// A UTC time since 1970, counter 0.
    pub fn at(wall: Duration) -> Self {
        let fraction = u64::from(wall.subsec_nanos()) * 65_536 / 1_000_000_000;
        Self(wall.as_secs() << 32 | fraction << 16)
    }

    /// The next one in the same instant.
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Whether it comes after `other`.
    pub fn is_after(self, other: Self) -> bool {
        let ahead = self.0.wrapping_sub(other.0);
        ahead != 0 && ahead < 1 << 63
    }

    /// How far apart the two times are.
    pub fn distance(self, other: Self) -> Duration {
        let ahead = self.0.wrapping_sub(other.0);
        let apart = ahead.min(ahead.wrapping_neg());
        Duration::from_secs(apart >> 32) + Duration::from_nanos(((apart & 0xffff_ffff) * 1_000_000_000) >> 32)
    }
}

/// A received trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// The key it claims to be made with.
    pub key_id: u8,
    /// Its place among those of its sender.
    pub sequence: Sequence,
    stamp: [u8; STAMP_LEN],
    mac: [u8; MAC_LEN],
}

impl Trailer {
    /// Reads the last bytes of a packet.
    ///
    /// # Errors
    /// [`Discard::AuthExtMalformed`]: another type, or reserved bits that are not 0.
    pub fn decode(bytes: &[u8; TRAILER_LEN]) -> Result<Self, Discard> {
        let (mut stamp, mut mac) = ([0; STAMP_LEN], [0; MAC_LEN]);
        stamp.copy_from_slice(&bytes[..STAMP_LEN]);
        mac.copy_from_slice(&bytes[STAMP_LEN..]);
        let [kind, key_id, reserved @ .., _, _, _, _, _, _, _, _] = stamp;
        if (kind, reserved) != (TYPE_HMAC_SHA256, [0, 0]) {
            return Err(Discard::AuthExtMalformed);
        }
        let mut time = [0; 8];
        time.copy_from_slice(&stamp[4..]);
        Ok(Self { key_id, sequence: Sequence(u64::from_be_bytes(time)), stamp, mac })
    }

    /// Whether the key's holder has sent this message from this address. Takes as long for a wrong HMAC as for a right one.
    pub fn is_of(&self, key: &Key, message: &[u8], src: IpAddr) -> bool {
        authenticator(key, message, src, &self.stamp).verify_truncated_left(&self.mac).is_ok()
    }
}

/// Signs what is in `message` for its source and appends the trailer. The checksum of the message may be anything.
pub(super) fn append(message: &mut Vec<u8>, key: &Key, sequence: Sequence, src: IpAddr) {
    let mut stamp = [TYPE_HMAC_SHA256, key.id(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    stamp[4..].copy_from_slice(&sequence.0.to_be_bytes());
    let mac = authenticator(key, message, src, &stamp).finalize().into_bytes();
    message.extend(stamp);
    message.extend(&mac[..MAC_LEN]);
}

fn authenticator(key: &Key, message: &[u8], src: IpAddr, stamp: &[u8; STAMP_LEN]) -> Hmac<Sha256> {
    let mut hmac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key.secret()).expect("HMAC takes keys of any length");
    let field = |at: usize| message.get(at).copied().unwrap_or(0);
    let (family, mut address) = (if src.is_ipv4() { 4 } else { 6 }, [0; 16]);
    match src {
        IpAddr::V4(src) => address[..4].copy_from_slice(&src.octets()),
        IpAddr::V6(src) => address = src.octets(),
    }
    hmac.update(&[family, field(0) >> 4, field(1), 0]);
    hmac.update(&address);
    hmac.update(message.get(..CHECKSUM.start).unwrap_or_default());
    hmac.update(&[0; 2]);
    hmac.update(message.get(CHECKSUM.end..).unwrap_or_default());
    hmac.update(stamp);
    hmac.update(&[0; MAC_LEN]);
    hmac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_times_in_order_and_wrap() {
        let at = |seconds, nanos| Sequence::at(Duration::new(seconds, nanos));
        assert_eq!(at(0x6800_0000, 500_000_000), Sequence(0x6800_0000_8000_0000));
        assert!(at(1, 0).next().is_after(at(1, 0)));
        assert!(!at(1, 0).is_after(at(1, 0)));
        assert!(at(1, 20_000).is_after(at(1, 0).next()));
        // 2106: the seconds begin again at 0.
        assert!(at(0x1_0000_0000, 0).is_after(at(0xffff_ffff, 999_999_999)));
        assert!(!at(0xffff_ffff, 0).is_after(at(0x1_0000_0000, 0)));
        assert_eq!(at(10, 500_000_000).distance(at(12, 0)), Duration::from_millis(1500));
        assert_eq!(at(12, 0).distance(at(10, 500_000_000)), Duration::from_millis(1500));
    }

    #[test]
    fn keys_have_an_id_and_32_to_64_bytes_and_are_not_shown() {
        for (id, len, valid) in
            [(1, 32, true), (255, 64, true), (0, 32, false), (1, 31, false), (1, 65, false)]
        {
            assert_eq!(Key::new(id, &vec![7; len]).is_ok(), valid, "{id} {len}");
        }
        assert_eq!(format!("{:?}", Key::new(9, &[7; 40]).unwrap()), "Key(9, ****)");
        assert_ne!(Key::new(9, &[7; 40]), Key::new(9, &[7; 41]));
    }
}
