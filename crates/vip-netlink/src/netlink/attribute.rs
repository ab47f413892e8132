//! Reading netlink attributes and the integers in front of them, without trusting any length.

use super::wire::DecodeError;

/// Attribute types carry two flag bits (nested, network byte order) above the number.
const TYPE_MASK: u16 = 0x3fff;
const HEADER: usize = 4;

/// Iterates over a run of attributes: `(type, value)` each. A malformed length ends the run with an error.
pub(crate) fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes { rest: bytes }
}

/// See [`attributes`].
#[derive(Debug, Clone)]
pub(crate) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Fewer bytes than a header are padding.
        let (Some(length), Some(kind)) = (u16_at(self.rest, 0), u16_at(self.rest, 2)) else {
            return None;
        };
        let length = usize::from(length);
        let kind = kind & TYPE_MASK;
        let Some(value) = self.rest.get(HEADER..length) else {
            self.rest = &[];
            return Some(Err(DecodeError::BadAttribute { kind, length }));
        };
        self.rest = self.rest.get(align(length)..).unwrap_or(&[]);
        Some(Ok((kind, value)))
    }
}

/// Messages and attributes are padded to four bytes.
pub(crate) fn align(length: usize) -> usize {
    length.next_multiple_of(4)
}

pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// A string attribute, with or without its final zero.
pub(crate) fn text(value: &[u8]) -> String {
    let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_with_their_padding() {
        let mut bytes = Vec::new();
        for (length, kind, value) in [(5_u16, 1_u16, &[7_u8, 0, 0, 0][..]), (8, 0x8002, &[1, 2, 3, 4][..])] {
            bytes.extend_from_slice(&length.to_ne_bytes());
            bytes.extend_from_slice(&kind.to_ne_bytes());
            bytes.extend_from_slice(value);
        }
        let read: Result<Vec<_>, _> = attributes(&bytes).collect();
        assert_eq!(read.unwrap(), [(1, &[7_u8][..]), (2, &[1, 2, 3, 4][..])]);
    }

    #[test]
    fn a_length_beyond_the_end_or_below_the_header_is_an_error_and_ends_the_run() {
        for length in [0_u16, 3, 9, u16::MAX] {
            let mut bytes = length.to_ne_bytes().to_vec();
            bytes.extend_from_slice(&[1, 0, 0, 0, 0, 0]);
            let mut run = attributes(&bytes);
            assert!(run.next().unwrap().is_err(), "length {length}");
            assert!(run.next().is_none());
        }
    }

    #[test]
    fn text_ends_at_the_first_zero() {
        assert_eq!(text(b"eth0\0"), "eth0");
        assert_eq!(text(b"eth0"), "eth0");
        assert_eq!(text(b""), "");
    }
}
