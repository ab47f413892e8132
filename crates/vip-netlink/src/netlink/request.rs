//! Writing a netlink request, byte by byte as the kernel reads it.

use super::attribute::align;
use super::constants::{NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST};

/// Length of `struct nlmsghdr`: length, type, flags, sequence, port.
pub(crate) const HEADER: usize = 16;

/// A request under construction.
///
/// Attribute and message lengths are 16 bits wide: a value that does not fit is cut, and the kernel refuses the
/// message (no name or address comes near that).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    bytes: Vec<u8>,
}

impl Request {
    /// A request that the kernel answers with an acknowledgement. `fixed` is the structure of the message type.
    pub(crate) fn acknowledged(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        Self::new(kind, NLM_F_REQUEST | NLM_F_ACK | flags, fixed)
    }

    /// A request for a whole table.
    pub(crate) fn dump(kind: u16, fixed: &[u8]) -> Self {
        Self::new(kind, NLM_F_REQUEST | NLM_F_DUMP, fixed)
    }

    fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        Self { bytes }.raw(fixed)
    }

    /// Attributes without a message around them, for [`into_bytes`](Self::into_bytes).
    pub(crate) fn bare() -> Self {
        Self { bytes: Vec::new() }
    }

    /// What was appended, as it is.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends bytes that have no attribute header, padded.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(align(self.bytes.len()), 0);
        self
    }

    /// Appends an attribute.
    pub(crate) fn attribute(self, kind: u16, value: &[u8]) -> Self {
        self.nest(kind, |request| request.raw_unpadded(value))
    }

    /// Appends a 32-bit attribute.
    pub(crate) fn number(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Appends a string attribute with its final zero.
    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        self.nest(kind, |request| request.raw_unpadded(value.as_bytes()).raw_unpadded(&[0]))
    }

    /// Appends an attribute whose value is what `fill` appends.
    pub(crate) fn nest(mut self, kind: u16, fill: impl FnOnce(Self) -> Self) -> Self {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        let mut filled = fill(self);
        filled.bytes.truncate(start + usize::from(u16::MAX));
        let length = u16::try_from(filled.bytes.len() - start).unwrap_or(u16::MAX);
        filled.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        filled.bytes[start + 2..start + 4].copy_from_slice(&kind.to_ne_bytes());
        filled.raw(&[])
    }

    /// The bytes to send.
    pub(crate) fn seal(&self, sequence: u32) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes
    }

    fn raw_unpadded(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn lengths_cover_header_and_value_but_not_the_padding() {
        let request = Request::acknowledged(20, 0x500, &[2, 32, 0, 0, 1, 0, 0, 0])
            .attribute(11, &[0x70])
            .nest(18, |request| request.text(1, "veth"));
        let expected = [
            &[48_u8, 0, 0, 0, 20, 0, 5, 5, 9, 0, 0, 0, 0, 0, 0, 0][..],
            &[2, 32, 0, 0, 1, 0, 0, 0],
            &[5, 0, 11, 0, 0x70, 0, 0, 0],
            &[16, 0, 18, 0, 9, 0, 1, 0, b'v', b'e', b't', b'h', 0, 0, 0, 0],
        ]
        .concat();
        assert_eq!(request.seal(9), expected);
    }

    #[test]
    fn a_value_too_long_for_its_header_is_cut_and_does_not_panic() {
        let sealed = Request::acknowledged(16, 0, &[]).text(3, &"x".repeat(70_000)).seal(1);
        assert_eq!(sealed.len(), HEADER + align(usize::from(u16::MAX)));
    }
}
