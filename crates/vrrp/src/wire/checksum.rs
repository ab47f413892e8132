//! The internet checksum, and the two opinions about what VRRPv3 over IPv4 puts under it.

use std::net::IpAddr;

use super::PROTOCOL;

/// What the checksum of a VRRPv3 advertisement over IPv4 covers. VRRPv2 never has a pseudo-header and IPv6 always has
/// one, whatever is chosen here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Checksum {
    /// The message alone (RFC 9568 §5.2.8; Cisco, Juniper, Arista, holo; keepalived's `v3_checksum_as_v2`).
    Rfc9568,
    /// The message and an IPv4 pseudo-header (keepalived, FRR up to 8.4, tcpdump, tshark).
    #[default]
    Keepalived,
    /// The message and an IPv4 pseudo-header with the group as destination, whatever the destination is (keepalived up to
    /// 1.3.6 with unicast peers, `old_unicast_checksum`). To the group it is the form before.
    KeepalivedGroup,
}

/// Ones' complement sum in progress.
#[derive(Clone, Copy, Default)]
pub(super) struct Sum(u32);

impl Sum {
    /// Adds bytes as big-endian words; an odd last byte is padded. A message of 64 KiB cannot overflow 32 bits.
    pub(super) fn add(self, bytes: &[u8]) -> Self {
        let words = bytes.chunks(2).map(|pair| match *pair {
            [high, low] => u32::from(u16::from_be_bytes([high, low])),
            [high] => u32::from(high) << 8,
            _ => 0,
        });
        Self(self.fold_once() + words.sum::<u32>())
    }

    /// Adds source, destination, protocol and length (RFC 8200 §8.1, RFC 9293 §3.1).
    pub(super) fn add_pseudo_header(self, src: IpAddr, dst: IpAddr, len: usize) -> Self {
        let length = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        self.add_address(src).add_address(dst).add(&length).add(&[0, PROTOCOL])
    }

    /// The value for the checksum field.
    pub(super) fn finish(self) -> u16 {
        !self.folded()
    }

    /// Whether a message with its checksum in place adds up.
    pub(super) fn is_valid(self) -> bool {
        self.folded() == 0xffff
    }

    fn add_address(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.add(&address.octets()),
            IpAddr::V6(address) => self.add(&address.octets()),
        }
    }

    fn fold_once(self) -> u32 {
        (self.0 & 0xffff) + (self.0 >> 16)
    }

    fn folded(self) -> u16 {
        let once = self.fold_once();
        let twice = (once & 0xffff) + (once >> 16);
        u16::try_from(twice).expect("two folds leave 16 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_rfc_1071() {
        // The worked example of RFC 1071 §3.
        let sum = Sum::default().add(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.folded(), 0xddf2);
        assert_eq!(sum.finish(), !0xddf2);
    }

    #[test]
    fn an_odd_byte_is_padded_on_the_right() {
        assert_eq!(Sum::default().add(&[0x12]).folded(), 0x1200);
    }
}
