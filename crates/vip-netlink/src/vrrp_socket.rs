//! Raw sockets for VRRP (IP protocol 112), one pair for an interface and an address family.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::num::NonZeroU32;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use etherparse::{IpDscp, IpNumber, Ipv4Header, Ipv4HeaderSlice};
use nix::cmsg_space;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, recv, recvmsg, sendmsg, sendto,
    setsockopt, sockopt,
};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockAddr, SockFilter, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::sys;
use crate::will::LastWord;

/// VRRP's IPv4 group (RFC 9568 §5.1.1.2).
pub const VRRP_GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// VRRP's IPv6 group (RFC 9568 §5.1.2.2).
pub const VRRP_GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

const PROTOCOL: i32 = 112;
/// Internetwork control: `0xc0` with the two ECN bits, as keepalived sends.
const TRAFFIC_CLASS: u32 = 0xc0;
/// RFC 9568 §5.1.1.3: receivers drop an advertisement with any other, so that none can have been routed here.
const MULTICAST_TTL: u8 = 255;
/// `BPF_RET | BPF_K` with 0: keep no byte of any packet.
const DROP_ALL: [SockFilter; 1] = [SockFilter::new(0x06, 0, 0, 0)];
const DRAIN_LIMIT: usize = 4096;

/// Why a VRRP socket failed.
#[derive(Debug, thiserror::Error)]
pub enum VrrpSocketError {
    /// The process may not open raw sockets.
    #[error("not allowed to open a raw VRRP socket: run as root or grant CAP_NET_RAW")]
    Denied,
    /// The socket could not be made or set up.
    #[error("cannot set up a VRRP socket on interface {ifindex}: {source}")]
    Open {
        /// Interface index.
        ifindex: u32,
        /// The kernel's error.
        source: io::Error,
    },
    /// The group could not be joined: the interface has no IPv4 or IPv6 yet, or is gone. Try again when it comes up.
    #[error(
        "cannot join {group} on interface {ifindex}: {source}; this is tried again when the interface comes up"
    )]
    Join {
        /// The group.
        group: IpAddr,
        /// Interface index.
        ifindex: u32,
        /// The kernel's error.
        source: io::Error,
    },
    /// Receiving failed.
    #[error("cannot receive VRRP packets on interface {ifindex}: {source}")]
    Receive {
        /// Interface index.
        ifindex: u32,
        /// The kernel's error.
        source: io::Error,
    },
    /// The packet was not sent.
    #[error("cannot send a VRRP packet from {src} to {dst}: {source}")]
    Send {
        /// Source address.
        src: IpAddr,
        /// Destination address.
        dst: IpAddr,
        /// The kernel's error.
        source: io::Error,
    },
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A packet received. What it says is not checked, nor that `ttl` is 255.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub src: IpAddr,
    /// Destination address: the group, or one of this machine's.
    pub dst: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Where the VRRP packet is in the buffer given to [`VrrpSocket::recv`].
    pub payload: Range<usize>,
    /// Interface index.
    pub ifindex: u32,
}

/// A raw VRRP socket: it receives on one interface, and never what it sent itself.
///
/// The kernel delivers no IPv4 packet whose source is one of this machine's addresses: a peer that has the same
/// address as this node is not heard.
///
/// Checksums are the caller's, over IPv6 too: the kernel is not asked for them, so that packets with a bad one arrive
/// and can be counted.
#[derive(Debug)]
pub struct VrrpSocket {
    family: Family,
    ifindex: u32,
    ttl: u8,
    receiver: AsyncFd<OwnedFd>,
    sender: AsyncFd<OwnedFd>,
}

impl VrrpSocket {
    /// Opens a socket that receives what is sent to a multicast group on an interface: [`VRRP_GROUP_V4`] or
    /// [`VRRP_GROUP_V6`], if no other one is agreed on.
    ///
    /// # Errors
    /// [`VrrpSocketError::Join`] when the interface cannot join the group yet; [`VrrpSocketError::Denied`] without
    /// `CAP_NET_RAW`.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub fn multicast(group: IpAddr, ifindex: u32) -> Result<Self, VrrpSocketError> {
        let family = if group.is_ipv4() { Family::V4 } else { Family::V6 };
        let receiver = receiver(ifindex, group)?;
        join(&receiver, ifindex, group).map_err(|source| VrrpSocketError::Join { group, ifindex, source })?;
        Self::assemble(family, ifindex, MULTICAST_TTL, receiver)
    }

    /// Opens a socket that receives what is sent to `local` on an interface. `local` need not be there yet.
    ///
    /// # Errors
    /// [`VrrpSocketError::Open`] when the kernel refuses; it does not for an interface that is gone, over IPv4.
    /// [`VrrpSocketError::Denied`] without `CAP_NET_RAW`.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub fn unicast(local: IpAddr, ifindex: u32, ttl: u8) -> Result<Self, VrrpSocketError> {
        let family = if local.is_ipv4() { Family::V4 } else { Family::V6 };
        Self::assemble(family, ifindex, ttl, receiver(ifindex, local)?)
    }

    /// Waits for one packet. Cancel-safe. A packet that does not fit `buffer` is cut.
    ///
    /// # Errors
    /// [`VrrpSocketError::Receive`], once per cause: calling again goes on receiving.
    pub async fn recv(&self, buffer: &mut [u8]) -> Result<Datagram, VrrpSocketError> {
        let ifindex = self.ifindex;
        loop {
            let received = self.receiver.async_io(Interest::READABLE, |fd| match self.family {
                Family::V4 => receive_v4(fd.as_raw_fd(), ifindex, buffer),
                Family::V6 => receive_v6(fd.as_raw_fd(), ifindex, buffer),
            });
            match received.await {
                Ok(Some(datagram)) => return Ok(datagram),
                Ok(None) => tracing::debug!(ifindex, "raw packet without a readable IP header"),
                Err(source) => return Err(VrrpSocketError::Receive { ifindex, source }),
            }
        }
    }

    /// Sends one VRRP packet out of the interface: to the group, or to a peer. `src` need not be configured (yet).
    ///
    /// # Errors
    /// [`VrrpSocketError::Send`]: the interface is down, there is no route to the peer, or the families differ.
    pub async fn send(&self, dst: IpAddr, src: IpAddr, payload: &[u8]) -> Result<(), VrrpSocketError> {
        let (ifindex, ttl) = (self.ifindex, self.ttl);
        let sent = self
            .sender
            .async_io(Interest::WRITABLE, |fd| transmit(fd.as_raw_fd(), dst, src, ifindex, ttl, payload));
        sent.await.map_err(|source| VrrpSocketError::Send { src, dst, source })
    }

    fn assemble(family: Family, ifindex: u32, ttl: u8, receiver: Socket) -> Result<Self, VrrpSocketError> {
        let failed = |source| VrrpSocketError::Open { ifindex, source };
        let sender = sender(family, ifindex, ttl)?;
        Ok(Self {
            family,
            ifindex,
            ttl,
            receiver: sys::register(receiver.into()).map_err(failed)?,
            sender: sys::register(sender.into()).map_err(failed)?,
        })
    }
}

fn raw_socket(family: Family, ifindex: u32) -> Result<Socket, VrrpSocketError> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    Socket::new(domain, Type::RAW, Some(Protocol::from(PROTOCOL))).map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => VrrpSocketError::Denied,
        _ => VrrpSocketError::Open { ifindex, source },
    })
}

fn bind_to_interface(socket: &Socket, family: Family, ifindex: u32) -> io::Result<()> {
    // Index 0 would bind to no interface at all.
    let index = NonZeroU32::new(ifindex).ok_or(io::ErrorKind::InvalidInput)?;
    match family {
        Family::V4 => socket.bind_device_by_index_v4(Some(index)),
        Family::V6 => socket.bind_device_by_index_v6(Some(index)),
    }
}

/// A socket that receives packets to `local` (a group or an address) on one interface.
fn receiver(ifindex: u32, local: IpAddr) -> Result<Socket, VrrpSocketError> {
    let family = if local.is_ipv4() { Family::V4 } else { Family::V6 };
    let socket = raw_socket(family, ifindex)?;
    set_up_receiver(&socket, ifindex, local).map_err(|source| VrrpSocketError::Open { ifindex, source })?;
    Ok(socket)
}

fn set_up_receiver(socket: &Socket, ifindex: u32, local: IpAddr) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    match local {
        IpAddr::V4(local) => {
            bind_to_interface(socket, Family::V4, ifindex)?;
            socket.set_multicast_all_v4(false)?;
            socket.set_freebind_v4(true)?;
            socket.bind(&SockAddr::from(SocketAddrV4::new(local, 0)))?;
        }
        IpAddr::V6(local) => {
            bind_to_interface(socket, Family::V6, ifindex)?;
            socket.set_multicast_all_v6(false)?;
            socket.set_recv_hoplimit_v6(true)?;
            setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            socket.set_freebind_v6(true)?;
            socket.bind(&SockAddr::from(SocketAddrV6::new(local, 0, 0, scope_id(local, ifindex))))?;
        }
    }
    // Until it was bound, the socket took packets of every interface.
    for _ in 0..DRAIN_LIMIT {
        if recv(socket.as_raw_fd(), &mut [0; 1], MsgFlags::empty()).is_err() {
            break;
        }
    }
    Ok(())
}

fn join(socket: &Socket, ifindex: u32, group: IpAddr) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(ifindex)),
        IpAddr::V6(group) => socket.join_multicast_v6(&group, ifindex),
    }
}

/// A socket that only sends. It would receive a copy of everything too, hence the filter.
fn sender(family: Family, ifindex: u32, ttl: u8) -> Result<Socket, VrrpSocketError> {
    let socket = raw_socket(family, ifindex)?;
    set_up_sender(&socket, family, ifindex, ttl)
        .map_err(|source| VrrpSocketError::Open { ifindex, source })?;
    Ok(socket)
}

fn set_up_sender(socket: &Socket, family: Family, ifindex: u32, ttl: u8) -> io::Result<()> {
    socket.attach_filter(&DROP_ALL)?;
    socket.set_nonblocking(true)?;
    bind_to_interface(socket, family, ifindex)?;
    match family {
        Family::V4 => {
            socket.set_header_included_v4(true)?;
            socket.set_multicast_loop_v4(false)
        }
        Family::V6 => {
            socket.set_multicast_loop_v6(false)?;
            socket.set_multicast_if_v6(ifindex)?;
            socket.set_multicast_hops_v6(u32::from(MULTICAST_TTL))?;
            socket.set_unicast_hops_v6(u32::from(ttl))?;
            socket.set_freebind_v6(true)?;
            socket.set_tclass_v6(TRAFFIC_CLASS)
        }
    }
}

fn receive_v4(fd: RawFd, ifindex: u32, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
    let length = recv(fd, buffer, MsgFlags::empty())?;
    Ok(read_ipv4(&buffer[..length], ifindex))
}

/// A raw IPv4 socket delivers the IP header with the packet.
fn read_ipv4(packet: &[u8], ifindex: u32) -> Option<Datagram> {
    let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
    let start = header.slice().len();
    let end = usize::from(header.total_len()).min(packet.len());
    (start <= end).then(|| Datagram {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        ttl: header.ttl(),
        payload: start..end,
        ifindex,
    })
}

/// A raw IPv6 socket delivers the packet alone, and what was in the header as control messages.
fn receive_v6(fd: RawFd, bound_to: u32, buffer: &mut [u8]) -> io::Result<Option<Datagram>> {
    let mut control = cmsg_space!(libc::in6_pktinfo, libc::c_int);
    let mut slices = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrIn6>(fd, &mut slices, Some(&mut control), MsgFlags::empty())?;
    let (mut hop_limit, mut arrived) = (None, None);
    for control in message.cmsgs()? {
        match control {
            ControlMessageOwned::Ipv6HopLimit(limit) => hop_limit = u8::try_from(limit).ok(),
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                arrived = Some((Ipv6Addr::from(info.ipi6_addr.s6_addr), info.ipi6_ifindex));
            }
            _ => {}
        }
    }
    Ok(match (message.address, hop_limit, arrived) {
        (Some(src), Some(ttl), Some((dst, ifindex))) if ifindex == bound_to => {
            Some(Datagram { src: src.ip().into(), dst: dst.into(), ttl, payload: 0..message.bytes, ifindex })
        }
        _ => None,
    })
}

/// Sends one packet through a socket that is closed again.
pub(crate) fn send_once(word: &LastWord) -> Result<(), VrrpSocketError> {
    let LastWord { ifindex, src, dst, ttl, ref payload } = *word;
    let family = if src.is_ipv4() { Family::V4 } else { Family::V6 };
    let socket = sender(family, ifindex, ttl)?;
    transmit(socket.as_raw_fd(), dst, src, ifindex, ttl, payload).map_err(|source| VrrpSocketError::Send {
        src,
        dst,
        source,
    })
}

fn transmit(fd: RawFd, dst: IpAddr, src: IpAddr, ifindex: u32, ttl: u8, payload: &[u8]) -> io::Result<()> {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => send_v4(fd, dst, src, ttl, payload),
        (IpAddr::V6(src), IpAddr::V6(dst)) => send_v6(fd, dst, src, ifindex, payload),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn send_v4(fd: RawFd, dst: Ipv4Addr, src: Ipv4Addr, ttl: u8, payload: &[u8]) -> io::Result<()> {
    let ttl = if dst.is_multicast() { MULTICAST_TTL } else { ttl };
    let header = ipv4_header(dst, src, ttl, payload.len()).ok_or(io::ErrorKind::InvalidInput)?;
    let packet = [&header[..], payload].concat();
    sendto(fd, &packet, &SockaddrIn::from(SocketAddrV4::new(dst, 0)), MsgFlags::empty())?;
    Ok(())
}

/// The header that makes any source possible, also one that is not configured (yet). The kernel fills in the
/// checksum, and the identification because it is 0.
fn ipv4_header(dst: Ipv4Addr, src: Ipv4Addr, ttl: u8, payload: usize) -> Option<Vec<u8>> {
    let payload = u16::try_from(payload).ok()?;
    let mut header = Ipv4Header::new(payload, ttl, IpNumber::VRRP, src.octets(), dst.octets()).ok()?;
    header.dscp = IpDscp::CS6;
    header.dont_fragment = false;
    Some(header.to_bytes().to_vec())
}

fn send_v6(fd: RawFd, dst: Ipv6Addr, src: Ipv6Addr, ifindex: u32, payload: &[u8]) -> io::Result<()> {
    let info =
        libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: src.octets() }, ipi6_ifindex: ifindex };
    let to = SockaddrIn6::from(SocketAddrV6::new(dst, 0, 0, scope_id(dst, ifindex)));
    let control = [ControlMessage::Ipv6PacketInfo(&info)];
    sendmsg(fd, &[IoSlice::new(payload)], &control, MsgFlags::empty(), Some(&to))?;
    Ok(())
}

/// Link-local addresses and groups mean nothing without their interface; others must not name one.
fn scope_id(addr: Ipv6Addr, ifindex: u32) -> u32 {
    if addr.is_unicast_link_local() || addr.is_multicast() { ifindex } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Ipv4Addr = Ipv4Addr::new(192, 168, 87, 11);

    /// Header of an advertisement captured from keepalived 2.2.7, without the identification (1 there) and the
    /// checksum, which the kernel fills in.
    #[test]
    fn the_ipv4_header_is_the_one_that_keepalived_sends() {
        let captured = [
            [0x45_u8, 0xc0, 0x00, 0x28, 0x00, 0x00, 0x00, 0x00],
            [0xff, 0x70, 0x00, 0x00, 0xc0, 0xa8, 0x57, 0x0b],
        ];
        let header = ipv4_header(VRRP_GROUP_V4, A, 255, 20).unwrap();
        assert_eq!(header, [&captured.concat()[..], &[0xe0, 0x00, 0x00, 0x12]].concat());
    }

    #[test]
    fn a_payload_that_fits_no_packet_has_no_header() {
        assert_eq!(ipv4_header(VRRP_GROUP_V4, A, 255, 70_000), None);
        assert_eq!(ipv4_header(VRRP_GROUP_V4, A, 255, 65_530), None);
    }

    #[test]
    fn header_options_are_not_taken_for_payload_nor_padding_for_packet() {
        let mut packet = ipv4_header(VRRP_GROUP_V4, A, 254, 8).unwrap();
        packet[0] = 0x46;
        packet[3] = 32;
        packet.extend_from_slice(&[1, 1, 1, 1]);
        packet.extend_from_slice(b"VRRP....padding");
        let datagram = read_ipv4(&packet, 3).unwrap();
        assert_eq!(&packet[datagram.payload.clone()], b"VRRP....");
        assert_eq!(datagram.src, IpAddr::V4(A));
        assert_eq!(datagram.dst, IpAddr::V4(VRRP_GROUP_V4));
        assert_eq!((datagram.ttl, datagram.ifindex), (254, 3));
    }

    #[test]
    fn bytes_that_are_no_ipv4_packet_are_no_datagram() {
        let whole = ipv4_header(VRRP_GROUP_V4, A, 255, 0).unwrap();
        for length in 0..whole.len() {
            assert_eq!(read_ipv4(&whole[..length], 1), None);
        }
        for (index, value) in [(0, 0x65), (0, 0x44), (0, 0x4f), (3, 19)] {
            let mut bad = whole.clone();
            bad[index] = value;
            assert_eq!(read_ipv4(&bad, 1), None, "byte {index} = {value:#x}");
        }
    }
}
