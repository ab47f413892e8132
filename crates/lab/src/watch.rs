//! The frames that matter on a node's cable: advertisements and announcements, in both directions.

use crate::clock::Stamp;
use crate::error::Error;
use crate::node::{Node, ROLE, SELF};
use crate::record::{Record, Recorder};
use etherparse::{NetSlice, SlicedPacket};
use nix::errno::Errno;
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, socket};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::ExitCode;

const VRRP: u8 = 112;
const ICMPV6: u8 = 58;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// A frame seen on a node's network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// When the watcher got it from the kernel.
    pub at: Stamp,
    /// The node sent it, rather than received it.
    pub sent: bool,
    /// What it says.
    pub kind: FrameKind,
}

/// The frames of VRRP and of moving addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrameKind {
    /// A VRRP advertisement with this priority.
    Advert(u8),
    /// A gratuitous ARP or an unsolicited neighbour advertisement for this address.
    Announcement(IpAddr),
}

/// Starts a watcher on the node's card; it ends with the lab.
pub fn watch(node: &Node) -> Result<Record<Frame>, Error> {
    let record = Record::create(node, "frames")?;
    node.spawn(&[SELF, ROLE, "watch", &record.path().to_string_lossy()], &[])?;
    Ok(record)
}

/// The watcher process.
pub(crate) fn run(path: &Path) -> ExitCode {
    match record(path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn record(path: &Path) -> io::Result<()> {
    let mut recorder = Recorder::open(path)?;
    let all = SockProtocol::EthAll;
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, all)?;
    // A virtual router's own interface sends through this card, too; what is on the cable counts once.
    let card = if_nametoindex(Node::INTERFACE)? as usize;
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = match recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut buffer) {
            Ok((length, Some(from))) if from.ifindex() == card => (length, from),
            // A card that goes down says so once.
            Ok(_) | Err(Errno::EINTR | Errno::ENETDOWN) => continue,
            Err(errno) => return Err(errno.into()),
        };
        let at = Stamp::now();
        if let Some(kind) = FrameKind::of(&buffer[..length]) {
            recorder.write(&Frame { at, sent: from.pkttype() == libc::PACKET_OUTGOING, kind })?;
        }
    }
}

impl FrameKind {
    fn of(frame: &[u8]) -> Option<Self> {
        let packet = SlicedPacket::from_ethernet(frame).ok()?;
        let (protocol, payload) = match packet.net? {
            NetSlice::Arp(arp) => {
                let sender: [u8; 4] = arp.sender_protocol_addr().try_into().ok()?;
                let gratuitous = arp.sender_protocol_addr() == arp.target_protocol_addr();
                return gratuitous.then(|| Self::Announcement(Ipv4Addr::from(sender).into()));
            }
            NetSlice::Ipv4(ip) => (ip.payload().ip_number.0, ip.payload().payload),
            NetSlice::Ipv6(ip) => (ip.payload().ip_number.0, ip.payload().payload),
        };
        match (protocol, payload) {
            (VRRP, &[_, _, priority, ..]) => Some(Self::Advert(priority)),
            (ICMPV6, &[NEIGHBOUR_ADVERTISEMENT, _, _, _, flags, ..]) => {
                // RFC 4861 §4.4: S, the second bit, is set in an answer.
                let unsolicited = flags & 0x40 == 0;
                let target: [u8; 16] = payload.get(8..24)?.try_into().ok()?;
                unsolicited.then(|| Self::Announcement(Ipv6Addr::from(target).into()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    /// Captured from keepalived 2.2.7.
    #[test]
    fn frames_of_keepalived_are_recognised() {
        let advert = "01005e000012 02000000870a 0800 45c00028 00010000 ff70c2de c0a8570b e0000012 \
                      21336401 0101ffb4 c0a8570a 3131313100000000";
        assert_eq!(FrameKind::of(&bytes(advert)), Some(FrameKind::Advert(100)));
        let arp =
            "ffffffffffff 02000000870a 0806 0001 0800 06 04 0001 02000000870a c0a8570a ffffffffffff c0a8570a";
        let vip = "192.168.87.10".parse().unwrap();
        assert_eq!(FrameKind::of(&bytes(arp)), Some(FrameKind::Announcement(vip)));
        let question = arp.replace("ffffffffffff c0a8570a", "000000000000 c0a85764");
        assert_eq!(FrameKind::of(&bytes(&question)), None);
    }

    #[test]
    fn an_unsolicited_advertisement_is_an_announcement_and_an_answer_is_not() {
        let frame = |flags: &str| {
            let text = format!(
                "333300000001 02000000870a 86dd 60000000 0020 3aff fe800000000000000000000000000010 \
                 ff020000000000000000000000000001 8800d073 {flags}000000 fe800000000000000000000000000010 0201 02000000870a"
            );
            FrameKind::of(&bytes(&text))
        };
        assert_eq!(frame("20"), Some(FrameKind::Announcement("fe80::10".parse().unwrap())));
        assert_eq!(frame("60"), None);
    }
}
