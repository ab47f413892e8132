use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, sendto, socket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{gratuitous_arp, unsolicited_advertisement};
use crate::claim::question;
use crate::link_info::{LinkInfo, MacAddress};
use crate::sys;

const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// Why an address could not be announced.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// The process may not send frames.
    #[error("not allowed to send ARP and neighbour advertisements: run as root or grant CAP_NET_RAW")]
    Denied,
    /// No packet socket.
    #[error("cannot open a packet socket: {0}")]
    Open(#[source] io::Error),
    /// The frame was not sent: the link is down or gone.
    #[error("cannot announce {address} on interface {ifindex}: {source}")]
    Send {
        /// Interface index.
        ifindex: u32,
        /// The address to announce.
        address: IpAddr,
        /// The kernel's error.
        source: io::Error,
    },
}

/// One address to announce on one link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcement {
    /// Interface index.
    pub ifindex: u32,
    /// Where the address is: the link's hardware address, or a virtual router's.
    pub mac: MacAddress,
    /// The address.
    pub address: IpAddr,
    /// This node forwards IPv6, see [`unsolicited_advertisement`]; of no effect for IPv4.
    pub router: bool,
}

impl Announcement {
    /// Announces `address` at the link's own hardware address; `None` where nobody resolves addresses (`IFF_NOARP`,
    /// loopback, no Ethernet).
    pub fn new(link: &LinkInfo, address: IpAddr, router: bool) -> Option<Self> {
        let mac = link.mac.filter(|_| !link.no_arp && !link.loopback)?;
        Some(Self { ifindex: link.index, mac, address, router })
    }

    /// The Ethernet frame.
    pub fn frame(&self) -> Vec<u8> {
        match self.address {
            IpAddr::V4(vip) => gratuitous_arp(self.mac, vip),
            IpAddr::V6(vip) => unsolicited_advertisement(self.mac, vip, self.router),
        }
    }
}

/// Sends announcements, in the network namespace in which it was opened. One serves all links.
#[derive(Debug)]
pub struct Announcer {
    fd: AsyncFd<OwnedFd>,
}

impl Announcer {
    /// Opens a packet socket that receives nothing.
    ///
    /// # Errors
    /// [`AnnounceError::Denied`] without `CAP_NET_RAW`.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub fn open() -> Result<Self, AnnounceError> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Packet, SockType::Raw, flags, None).map_err(|errno| match errno {
            Errno::EPERM => AnnounceError::Denied,
            errno => AnnounceError::Open(errno.into()),
        })?;
        Ok(Self { fd: sys::register(fd).map_err(AnnounceError::Open)? })
    }

    /// Sends one announcement. Spacing and repeating them is the caller's business.
    ///
    /// # Errors
    /// [`AnnounceError::Send`] with `ENETDOWN` when the link is down, `ENXIO` or `ENODEV` when it is gone.
    pub async fn send(&self, announcement: &Announcement) -> Result<(), AnnounceError> {
        self.send_frame(announcement, &announcement.frame()).await
    }

    /// Asks who else has the address, without telling anybody where it is. Answers come to a
    /// [`ClaimListener`](crate::ClaimListener).
    ///
    /// # Errors
    /// As [`Announcer::send`].
    pub async fn ask(&self, announcement: &Announcement) -> Result<(), AnnounceError> {
        self.send_frame(announcement, &question(announcement.mac, announcement.address)).await
    }

    async fn send_frame(&self, announcement: &Announcement, frame: &[u8]) -> Result<(), AnnounceError> {
        let &Announcement { ifindex, address, .. } = announcement;
        let ethertype = if address.is_ipv4() { ETHERTYPE_ARP } else { ETHERTYPE_IPV6 };
        let destination = sys::packet_address(ifindex, ethertype);
        self.fd
            .async_io(Interest::WRITABLE, |fd| {
                sendto(fd.as_raw_fd(), frame, &destination, MsgFlags::empty()).map_err(io::Error::from)
            })
            .await
            .map(drop)
            .map_err(|source| AnnounceError::Send { ifindex, address, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link_info::ArpRules;

    fn ethernet() -> LinkInfo {
        LinkInfo {
            index: 3,
            name: "eth0".to_owned(),
            mac: Some(MacAddress([2, 0, 0, 0, 0, 1])),
            up: true,
            running: true,
            no_arp: false,
            loopback: false,
            mtu: 1500,
            master: None,
            lower: None,
            kind: None,
            alias: None,
            group: 0,
            arp: ArpRules::default(),
            promotes: false,
        }
    }

    #[test]
    fn nothing_is_announced_where_nobody_resolves_addresses() {
        let address = "10.0.0.1".parse().unwrap();
        assert!(Announcement::new(&ethernet(), address, false).is_some());
        for link in [
            LinkInfo { no_arp: true, ..ethernet() },
            LinkInfo { loopback: true, ..ethernet() },
            LinkInfo { mac: None, ..ethernet() },
        ] {
            assert_eq!(Announcement::new(&link, address, false), None);
        }
    }
}
