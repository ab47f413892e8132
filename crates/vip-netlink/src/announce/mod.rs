//! Telling the neighbours where an address is: gratuitous ARP and unsolicited neighbour advertisements.

mod arp;
mod ndp;
mod sender;

pub use arp::gratuitous_arp;
pub use ndp::unsolicited_advertisement;
pub use sender::{AnnounceError, Announcement, Announcer};
