//! Who says that an address is theirs: answers and announcements of ARP and neighbour discovery, and the questions that
//! bring them out.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use etherparse::{ArpEthIpv4Packet, ArpOperation, EtherType, Ethernet2Header, NetSlice, SlicedPacket};
use etherparse::{Icmpv6Header, Icmpv6Type, IpNumber, Ipv6FlowLabel, Ipv6Header};
use nix::sys::socket::{LinkAddr, recvfrom};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::announce::AnnounceError;
use crate::link_info::MacAddress;
use crate::sys;

const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// RFC 4861 §7.1.2
const HOP_LIMIT: u8 = 255;
/// RFC 4861 §4.6.1
const TARGET_LINK_LAYER_ADDRESS: u8 = 2;
/// Neighbour advertisements right behind an IPv6 header, of all IPv6 frames: load the next header, compare, load the
/// ICMPv6 type, compare, keep all or nothing.
const ADVERTISEMENTS: [SockFilter; 6] = [
    SockFilter::new(0x30, 0, 0, 20),
    SockFilter::new(0x15, 0, 3, 58),
    SockFilter::new(0x30, 0, 0, 54),
    SockFilter::new(0x15, 0, 1, 136),
    SockFilter::new(0x06, 0, 0, 0x0004_0000),
    SockFilter::new(0x06, 0, 0, 0),
];

/// Somebody else says that an address is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The interface that it was heard on.
    pub ifindex: u32,
    /// The address.
    pub address: IpAddr,
    /// Where it is said to be.
    pub mac: MacAddress,
}

/// Hears claims on all interfaces of the network namespace in which it was opened.
#[derive(Debug)]
pub struct ClaimListener {
    arp: AsyncFd<OwnedFd>,
    ndp: AsyncFd<OwnedFd>,
}

impl ClaimListener {
    /// Opens two packet sockets.
    ///
    /// # Errors
    /// [`AnnounceError::Denied`] without `CAP_NET_RAW`.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub fn open() -> Result<Self, AnnounceError> {
        let ndp = packet_socket(ETHERTYPE_IPV6)?;
        ndp.attach_filter(&ADVERTISEMENTS).map_err(AnnounceError::Open)?;
        let register = |socket: Socket| sys::register(socket.into()).map_err(AnnounceError::Open);
        Ok(Self { arp: register(packet_socket(ETHERTYPE_ARP)?)?, ndp: register(ndp)? })
    }

    /// Waits for the next claim. What this machine sends itself is not heard. Cancel-safe.
    ///
    /// # Errors
    /// The kernel's, once per cause: calling again goes on.
    pub async fn next(&self) -> io::Result<Claim> {
        loop {
            let frame = tokio::select! {
                frame = receive(&self.arp) => frame?,
                frame = receive(&self.ndp) => frame?,
            };
            if let Some(claim) = claim(frame.0, &frame.1) {
                return Ok(claim);
            }
        }
    }
}

/// The question who has an address, asked without saying who asks: an ARP probe (RFC 5227 §2.1.1) or the neighbour
/// solicitation of duplicate address detection (RFC 4862 §5.4.2). No cache learns anything from it.
pub(crate) fn question(mac: MacAddress, address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => arp_probe(mac, address),
        IpAddr::V6(address) => solicitation(mac, address),
    }
}

fn packet_socket(ethertype: u16) -> Result<Socket, AnnounceError> {
    let protocol = Protocol::from(i32::from(ethertype.to_be()));
    let socket =
        Socket::new(Domain::PACKET, Type::RAW, Some(protocol)).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => AnnounceError::Denied,
            _ => AnnounceError::Open(error),
        })?;
    socket.set_nonblocking(true).map_err(AnnounceError::Open)?;
    Ok(socket)
}

async fn receive(socket: &AsyncFd<OwnedFd>) -> io::Result<(u32, Vec<u8>)> {
    socket
        .async_io(Interest::READABLE, |fd| {
            let mut frame = [0; 128];
            let (length, from) = recvfrom::<LinkAddr>(fd.as_raw_fd(), &mut frame)?;
            let ifindex = from.map_or(0, |from| u32::try_from(from.ifindex()).unwrap_or(0));
            Ok((ifindex, frame[..length].to_vec()))
        })
        .await
}

fn claim(ifindex: u32, frame: &[u8]) -> Option<Claim> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    match packet.net? {
        NetSlice::Arp(arp) => {
            let address: [u8; 4] = arp.sender_protocol_addr().try_into().ok()?;
            let mac = MacAddress(arp.sender_hw_addr().try_into().ok()?);
            let address = Ipv4Addr::from(address);
            // Who asks without an address of its own claims none.
            (!address.is_unspecified()).then_some(Claim { ifindex, address: address.into(), mac })
        }
        NetSlice::Ipv6(ip) => {
            let message = ip.payload().payload;
            let advertises =
                message.first() == Some(&NEIGHBOUR_ADVERTISEMENT) && ip.header().hop_limit() == HOP_LIMIT;
            let target: [u8; 16] = message.get(8..24)?.try_into().ok()?;
            let option: &[u8; 8] = message.get(24..32)?.try_into().ok()?;
            let mac = MacAddress(option[2..].try_into().ok()?);
            let address = Ipv6Addr::from(target).into();
            (advertises && option[0] == TARGET_LINK_LAYER_ADDRESS).then_some(Claim { ifindex, address, mac })
        }
        NetSlice::Ipv4(_) => None,
    }
}

fn arp_probe(mac: MacAddress, address: Ipv4Addr) -> Vec<u8> {
    let ethernet = Ethernet2Header { source: mac.0, destination: [0xff; 6], ether_type: EtherType::ARP };
    let packet = ArpEthIpv4Packet {
        operation: ArpOperation::REQUEST,
        sender_mac: mac.0,
        sender_ipv4: [0; 4],
        target_mac: [0; 6],
        target_ipv4: address.octets(),
    };
    [&ethernet.to_bytes()[..], &packet.to_bytes()[..]].concat()
}

fn solicitation(mac: MacAddress, address: Ipv6Addr) -> Vec<u8> {
    let target = address.octets();
    let low = [target[13], target[14], target[15]];
    // RFC 4291 §2.7.1: the solicited-node group.
    let group = Ipv6Addr::new(
        0xff02,
        0,
        0,
        0,
        0,
        1,
        0xff00 | u16::from(low[0]),
        u16::from_be_bytes([low[1], low[2]]),
    );
    let destination = [0x33, 0x33, 0xff, low[0], low[1], low[2]];
    let ethernet = Ethernet2Header { source: mac.0, destination, ether_type: EtherType::IPV6 };
    let icmp =
        Icmpv6Header::with_checksum(Icmpv6Type::NeighborSolicitation, [0; 16], group.octets(), &target);
    let icmp = icmp.expect("16 bytes are no more than an ICMPv6 message holds").to_bytes();
    let ip = Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: u16::try_from(icmp.len() + target.len()).expect("24 bytes"),
        next_header: IpNumber::IPV6_ICMP,
        hop_limit: HOP_LIMIT,
        source: [0; 16],
        destination: group.octets(),
    };
    [&ethernet.to_bytes()[..], &ip.to_bytes()[..], &icmp[..], &target[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announce::{gratuitous_arp, unsolicited_advertisement};

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0x87, 0x0a]);

    #[test]
    fn announcements_are_claims_and_questions_are_not() {
        for address in ["192.168.87.10", "2001:db8:87::10"] {
            let address: IpAddr = address.parse().unwrap();
            let announcement = match address {
                IpAddr::V4(address) => gratuitous_arp(MAC, address),
                IpAddr::V6(address) => unsolicited_advertisement(MAC, address, false),
            };
            assert_eq!(claim(3, &announcement), Some(Claim { ifindex: 3, address, mac: MAC }));
            assert_eq!(claim(3, &question(MAC, address)), None);
        }
    }

    /// RFC 5227 §2.1.1 and RFC 826.
    #[test]
    fn an_arp_probe_has_no_sender_address() {
        let expected = [
            &[0xff_u8, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x87, 0x0a, 0x08, 0x06][..],
            &[0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01],
            &[0x02, 0x00, 0x00, 0x00, 0x87, 0x0a, 0, 0, 0, 0],
            &[0, 0, 0, 0, 0, 0, 0xc0, 0xa8, 0x57, 0x0a],
        ];
        assert_eq!(question(MAC, "192.168.87.10".parse().unwrap()), expected.concat());
    }

    #[test]
    fn what_is_cut_claims_nothing() {
        let whole = unsolicited_advertisement(MAC, "2001:db8:87::10".parse().unwrap(), false);
        let arp = gratuitous_arp(MAC, "192.168.87.10".parse().unwrap());
        for frame in [whole, arp] {
            for length in 0..frame.len() {
                assert_eq!(claim(1, &frame[..length]), None, "{length}");
            }
        }
    }
}
