//! Virtual addresses with leases, and what a VRRP router needs of the kernel besides.
//!
//! An address is added with a finite lifetime and renewed while its owner is well. An owner that is killed, stopped
//! or hung renews nothing, and the kernel itself removes the address: no second machine answers for it for longer
//! than the lease. [`Handle`] reads and changes links and addresses, and sets routes and rules, [`Monitor`] tells of changes to them,
//! [`Announcer`] tells the neighbours where an address is, [`ClaimListener`] hears who else says so, and [`VrrpSocket`] carries advertisements.
//!
//! Decisions are pure and separate from the calls: [`plan()`] says what to change, [`VipSet`] says when to renew.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use vip_netlink::{Desired, Observed, Step, VipSet, VirtualAddress, plan};
//!
//! # fn main() -> Result<(), std::net::AddrParseError> {
//! let vip = VirtualAddress {
//!     lease: Some(Duration::from_secs(2)),
//!     ..VirtualAddress::new(2, "192.168.87.10".parse()?)
//! };
//! let desired = Desired { addresses: vec![vip.clone()], managed: vec![vip.key()] };
//! let steps = plan(&desired, &Observed::default());
//! assert_eq!(steps, [Step::Add(vip.clone())]);
//!
//! // After `Handle::apply(&steps)`:
//! let now = Instant::now();
//! let mut held = VipSet::new();
//! held.held(vip.clone(), now);
//! let at = held.next_renewal().expect("a lease is held");
//! assert_eq!(held.due(at).renew, [vip]);
//! # Ok(())
//! # }
//! ```
//!
//! Needs Linux 5.1 or later, `CAP_NET_ADMIN` for changes and `CAP_NET_RAW` for raw sockets. Sockets belong to the
//! network namespace in which they are opened, and must be opened within a tokio runtime with IO enabled.
//!
//! Out of scope: which node holds an address (the `vrrp` crate), when to announce and how often.

mod address;
mod announce;
mod claim;
mod handle;
mod leases;
mod link;
mod link_info;
mod monitor;
pub mod netlink;
mod plan;
mod route;
mod rule;
mod sys;
mod view;
mod vrrp_socket;
mod will;

pub use address::{AddressInfo, AddressKey, AddressOptions, Preferred, Scope, VIP_PROTO, VirtualAddress};
pub use announce::{AnnounceError, Announcement, Announcer, gratuitous_arp, unsolicited_advertisement};
pub use claim::{Claim, ClaimListener};
pub use handle::Handle;
pub use leases::{Due, Renewal, VipSet};
pub use link::{IpvlanMode, LinkChange, LinkKind, Namespace, NewLink};
pub use link_info::{ArpRules, LinkInfo, MacAddress};
pub use monitor::Monitor;
pub use netlink::NetlinkError;
pub use plan::{Desired, Observed, Step, plan};
pub use route::{Hop, Place, Prefix, Route};
pub use rule::Rule;
pub use view::{Event, NetworkView};
pub use vrrp_socket::{Datagram, Family, VRRP_GROUP_V4, VRRP_GROUP_V6, VrrpSocket, VrrpSocketError};
pub use will::{LastWord, Removals};
