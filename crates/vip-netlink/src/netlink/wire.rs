//! Reading what the kernel sends on a netlink socket.

use super::attribute::{align, attributes, text, u16_at, u32_at};
use super::constants::{
    NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN, NLMSGERR_ATTR_MSG,
    RTM_DELADDR, RTM_DELLINK, RTM_NEWADDR, RTM_NEWLINK,
};
use super::request::HEADER;
use crate::address::AddressInfo;
use crate::link_info::LinkInfo;

/// Reads all messages of one datagram.
///
/// Total: any bytes give messages or an error, never a panic, and no more messages than there are headers in the
/// input. Message types of no use here come out as [`Body::Other`].
///
/// # Errors
/// The first length in the datagram that does not fit.
pub fn decode(datagram: &[u8]) -> Result<Vec<Message>, DecodeError> {
    let mut messages = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let header = Header::read(rest).ok_or(DecodeError::Truncated { have: rest.len() })?;
        let payload = usize::try_from(header.length).ok().and_then(|length| rest.get(HEADER..length));
        let payload =
            payload.ok_or(DecodeError::BadLength { length: header.length, available: rest.len() })?;
        messages.push(Message {
            flags: header.flags,
            sequence: header.sequence,
            body: Body::read(&header, payload)?,
        });
        rest = rest.get(align(HEADER + payload.len())..).unwrap_or(&[]);
    }
    Ok(messages)
}

/// One message from the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `NLM_F_*` flags.
    pub flags: u16,
    /// Sequence number of the request that this answers or that caused it; 0 where none did.
    pub sequence: u32,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Padding.
    Noop,
    /// End of a dump; the number is an errno, 0 for success.
    Done(i32),
    /// A request was carried out (`errno` 0) or refused.
    Ack {
        /// Positive errno, 0 for success.
        errno: i32,
        /// The kernel's explanation (extended acknowledgement), where it gives one.
        explanation: Option<String>,
    },
    /// Messages were lost.
    Overrun,
    /// A link exists with these properties.
    Link(LinkInfo),
    /// A link is gone.
    LinkGone(LinkInfo),
    /// An address exists with these properties.
    Address(AddressInfo),
    /// An address is gone.
    AddressGone(AddressInfo),
    /// A type or address family of no use here.
    Other(u16),
}

/// Why bytes are no netlink messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Fewer bytes than a message header, or than the structure of the message type.
    #[error("netlink message is cut short after {have} bytes")]
    Truncated {
        /// Bytes there are.
        have: usize,
    },
    /// The length in a message header is less than the header, or more than the datagram.
    #[error("netlink message claims {length} bytes where the datagram has {available}")]
    BadLength {
        /// Length in the header.
        length: u32,
        /// Bytes left in the datagram.
        available: usize,
    },
    /// The length in an attribute header is less than the header, or more than the message.
    #[error("netlink attribute {kind} claims {length} bytes and does not fit its message")]
    BadAttribute {
        /// Attribute type.
        kind: u16,
        /// Length in its header.
        length: usize,
    },
}

/// `struct nlmsghdr`, without the port: the socket checks the sender's own address instead.
struct Header {
    length: u32,
    kind: u16,
    flags: u16,
    sequence: u32,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.get(..HEADER)?;
        Some(Self {
            length: u32_at(bytes, 0)?,
            kind: u16_at(bytes, 4)?,
            flags: u16_at(bytes, 6)?,
            sequence: u32_at(bytes, 8)?,
        })
    }
}

impl Body {
    fn read(header: &Header, payload: &[u8]) -> Result<Self, DecodeError> {
        let other = Self::Other(header.kind);
        Ok(match header.kind {
            NLMSG_NOOP => Self::Noop,
            NLMSG_OVERRUN => Self::Overrun,
            NLMSG_DONE => Self::Done(errno(payload).unwrap_or(0)),
            NLMSG_ERROR => Self::read_ack(header.flags, payload)?,
            RTM_NEWLINK => LinkInfo::decode(payload)?.map_or(other, Self::Link),
            RTM_DELLINK => LinkInfo::decode(payload)?.map_or(other, Self::LinkGone),
            RTM_NEWADDR => AddressInfo::decode(payload)?.map_or(other, Self::Address),
            RTM_DELADDR => AddressInfo::decode(payload)?.map_or(other, Self::AddressGone),
            _ => other,
        })
    }

    /// `struct nlmsgerr`: the error, the header of the request, the rest of the request unless capped, attributes.
    fn read_ack(flags: u16, payload: &[u8]) -> Result<Self, DecodeError> {
        let errno = errno(payload).ok_or(DecodeError::Truncated { have: payload.len() })?;
        let mut explanation = None;
        if flags & NLM_F_ACK_TLVS != 0 {
            let request = match flags & NLM_F_CAPPED {
                0 => u32_at(payload, 4).and_then(|length| usize::try_from(length).ok()).unwrap_or(HEADER),
                _ => HEADER,
            };
            let start = request.checked_add(4).and_then(|start| start.checked_next_multiple_of(4));
            let tail = start.and_then(|start| payload.get(start..)).unwrap_or(&[]);
            for attribute in attributes(tail) {
                let (kind, value) = attribute?;
                if kind == NLMSGERR_ATTR_MSG {
                    explanation = Some(text(value));
                }
            }
        }
        Ok(Self::Ack { errno, explanation })
    }
}

/// The kernel writes errors as negative numbers.
fn errno(payload: &[u8]) -> Option<i32> {
    Some(u32_at(payload, 0)?.cast_signed().saturating_neg())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_decode_or_err(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = decode(&bytes);
        }

        /// Bytes behind a fitting header reach the readers of every message type.
        #[test]
        fn any_payload_of_a_known_type_decodes_or_errs(
            kind in prop::sample::select(vec![1_u16, 2, 3, 4, 16, 17, 20, 21, 99]),
            flags in any::<u16>(),
            mut payload in proptest::collection::vec(prop_oneof![Just(0_u8), 0_u8..32, any::<u8>()], 0..128),
            family in prop::sample::select(vec![0_u8, 2, 7, 10]),
        ) {
            if let Some(first) = payload.first_mut() {
                *first = family;
            }
            let _ = decode(&message(kind, flags, &payload));
        }

        #[test]
        fn no_prefix_of_a_datagram_panics(cut in 0_usize..200) {
            let whole = [message(2, 0x200, &[0; 20]), message(20, 0, &[2; 60]), message(3, 0, &[0; 4])].concat();
            let _ = decode(&whole[..cut.min(whole.len())]);
        }
    }

    fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + payload.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend_from_slice(payload);
        bytes.resize(align(bytes.len()), 0);
        bytes
    }

    #[test]
    fn an_empty_datagram_has_no_messages() {
        assert_eq!(decode(&[]), Ok(Vec::new()));
    }

    #[test]
    fn a_length_below_the_header_is_refused() {
        let mut bytes = message(3, 0, &[0; 4]);
        bytes[0..4].copy_from_slice(&8_u32.to_ne_bytes());
        assert_eq!(decode(&bytes), Err(DecodeError::BadLength { length: 8, available: 20 }));
    }

    /// Answers captured from Linux 6.18.
    #[cfg(target_endian = "little")]
    mod captured {
        use super::*;

        fn only(hex: &str) -> Body {
            let bytes: Vec<u8> = (0..hex.len() / 2)
                .map(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap())
                .collect();
            let mut messages = decode(&bytes).unwrap();
            assert_eq!(messages.len(), 1);
            messages.remove(0).body
        }

        #[test]
        fn success() {
            let body = only("240000000200000101000000952c00000000000044000000140005050100000000000000");
            assert_eq!(body, Body::Ack { errno: 0, explanation: None });
        }

        #[test]
        fn refusal_with_an_explanation() {
            let body = only(concat!(
                "440000000200000302000000952c0000eaffffff200000001400050502000000",
                "0000000020000100697076343a20496e76616c696420707265666978206c656e67746800",
            ));
            let explanation = Some("ipv4: Invalid prefix length".to_owned());
            assert_eq!(body, Body::Ack { errno: 22, explanation });
        }

        #[test]
        fn an_ipv6_address_with_a_protocol_number() {
            let body = only(concat!(
                "500000001400020009000000952c00000a80a200010000001400010020010db8",
                "0000000000000000000000101400060000000000ffffffffb67b0200b67b0200",
                "08000800a200000005000b0070000000",
            ));
            let Body::Address(address) = body else { panic!("{body:?}") };
            assert_eq!(address.ifindex, 1);
            assert_eq!(address.addr.to_string(), "2001:db8::10");
            assert_eq!(address.prefix_len, 128);
            assert_eq!(address.proto, 0x70);
            assert_eq!(address.flags, 0xa2);
            assert_eq!(address.valid_lft, None);
            assert_eq!(address.preferred_lft, Some(std::time::Duration::ZERO));
            assert!(address.is_usable());
        }
    }
}
