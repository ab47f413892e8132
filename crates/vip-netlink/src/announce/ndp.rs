use std::net::Ipv6Addr;

use etherparse::icmpv6::NeighborAdvertisementHeader;
use etherparse::{EtherType, Ethernet2Header, Icmpv6Header, Icmpv6Type, IpNumber, Ipv6FlowLabel, Ipv6Header};

use crate::link_info::MacAddress;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];
/// RFC 4861 §7.1.2: receivers drop anything else, so that no router can have forwarded it.
const HOP_LIMIT: u8 = 255;
/// RFC 4861 §4.6.1: target link-layer address, in units of eight bytes.
const TARGET_LINK_LAYER_ADDRESS: [u8; 2] = [2, 1];

/// The Ethernet frame of an unsolicited neighbour advertisement: "`vip` is at `mac`", to all nodes of the link.
///
/// The override flag is set, so that receivers replace the address they have. `router` sets the router flag, as a
/// node that forwards IPv6 must (RFC 9568 §6.4.1): hosts drop a default router that clears it (RFC 4861 §7.2.5).
/// 86 bytes.
pub fn unsolicited_advertisement(mac: MacAddress, vip: Ipv6Addr, router: bool) -> Vec<u8> {
    let ethernet = Ethernet2Header { source: mac.0, destination: ALL_NODES_MAC, ether_type: EtherType::IPV6 };
    let body = [&vip.octets()[..], &TARGET_LINK_LAYER_ADDRESS[..], &mac.0[..]].concat();
    let flags = NeighborAdvertisementHeader { router, solicited: false, r#override: true };
    let kind = Icmpv6Type::NeighborAdvertisement(flags);
    let icmp = Icmpv6Header::with_checksum(kind, vip.octets(), ALL_NODES.octets(), &body);
    let icmp = icmp.expect("24 bytes are no more than an ICMPv6 message holds").to_bytes();
    let ip = Ipv6Header {
        traffic_class: 0,
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length: u16::try_from(icmp.len() + body.len()).expect("32 bytes"),
        next_header: IpNumber::IPV6_ICMP,
        hop_limit: HOP_LIMIT,
        source: vip.octets(),
        destination: ALL_NODES.octets(),
    };
    [&ethernet.to_bytes()[..], &ip.to_bytes()[..], &icmp[..], &body[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0x87, 0x0a]);

    /// ICMPv6 part captured from keepalived 2.2.7.
    #[test]
    fn it_is_the_advertisement_that_keepalived_sends() {
        let vip: Ipv6Addr = "fe80::10".parse().unwrap();
        let captured = [
            &[0x33_u8, 0x33, 0, 0, 0, 1, 0x02, 0x00, 0x00, 0x00, 0x87, 0x0a, 0x86, 0xdd][..],
            &[0x60, 0, 0, 0, 0, 32, 58, 255],
            &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10],
            &[0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01],
            &[0x88, 0x00, 0xd0, 0x73, 0x20, 0, 0, 0],
            &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10],
            &[0x02, 0x01, 0x02, 0x00, 0x00, 0x00, 0x87, 0x0a],
        ];
        assert_eq!(unsolicited_advertisement(MAC, vip, false), captured.concat());
    }

    /// RFC 1071: the sum over pseudo-header and message, checksum included, is all ones.
    #[test]
    fn the_checksum_adds_up_with_and_without_the_router_flag() {
        for router in [false, true] {
            let frame = unsolicited_advertisement(MAC, "2001:db8:87::10".parse().unwrap(), router);
            assert_eq!(frame[58] & 0x80 != 0, router);
            let pseudo = [&frame[22..54], &[0, 0, 0, 32, 0, 0, 0, 58], &frame[54..]].concat();
            let sum: u32 =
                pseudo.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
            assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        }
    }
}
