//! What goes over the wire: a checked view of received bytes, and advertisements that hold only valid values. It needs
//! nothing else of this crate.
//!
//! ```
//! use std::net::IpAddr;
//! use vrrp::wire::{Advertisement, Authentication, Checksum};
//! use vrrp::{AdverInterval, Advertised, Discard, Version, Vrid};
//!
//! let vip: IpAddr = "192.168.87.10".parse()?;
//! let interval = AdverInterval::try_from(10)?; // centiseconds
//! let sent = Advertisement::new(
//!     Version::V3, Vrid::try_from(51)?, Advertised::from(100), interval, vec![vip], Authentication::None,
//! )?;
//! // Source and destination matter to some checksums. This is what keepalived sends, to the byte.
//! let (src, dst) = ("192.168.87.11".parse()?, "224.0.0.18".parse()?);
//! let mut bytes = sent.encode(src, dst, Checksum::Keepalived);
//! assert_eq!(bytes, [0x31, 51, 100, 1, 0, 10, 0x5a, 0xcb, 192, 168, 87, 10]);
//!
//! let (heard, form) = Advertisement::decode(&bytes, src, dst)?;
//! assert_eq!((heard, form), (sent, Checksum::Keepalived));
//! bytes[2] = 255;
//! assert_eq!(Advertisement::decode(&bytes, src, dst), Err(Discard::BadChecksum));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Shared by both versions (RFC 9568 §5.1, RFC 3768 §5.1):
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------+-------+---------------+---------------+---------------+
//! |version| type 1|     VRID      |   priority    |  addresses    |
//! +-------+-------+---------------+---------------+---------------+
//! |  v2: auth type, seconds       |           checksum            |
//! |  v3: 0 (4), centiseconds (12) |                               |
//! +-------------------------------+-------------------------------+
//! |  addresses, 4 or 16 bytes each; v2 then 8 bytes of password   |
//! +---------------------------------------------------------------+
//! |  with `auth_hmac`: 28 bytes more, see [`Trailer`]             |
//! +---------------------------------------------------------------+
//! ```

mod advertisement;
mod auth;
mod checksum;
mod packet;
mod trailer;

pub use advertisement::{Advertisement, InvalidAdvertisement};
pub use auth::{Authentication, Password};
pub use checksum::Checksum;
pub use packet::Packet;
pub use trailer::{Key, Sequence, TRAILER_LEN, Trailer};

/// IP protocol number and IPv6 next header of VRRP.
pub const PROTOCOL: u8 = 112;

/// TTL and hop limit of every advertisement; a packet with another one is discarded (RFC 5082's GTSM).
pub const TTL: u8 = 255;

const HEADER_LEN: usize = 8;
const AUTH_LEN: usize = 8;
const TYPE_ADVERTISEMENT: u8 = 1;
