use std::net::Ipv4Addr;

use etherparse::{ArpEthIpv4Packet, ArpOperation, EtherType, Ethernet2Header};

use crate::link_info::MacAddress;

const BROADCAST: [u8; 6] = [0xff; 6];

/// The Ethernet frame of a gratuitous ARP request: "`vip` is at `mac`", to everybody.
///
/// Request form (operation 1) with the target address all ones, as keepalived sends it: hosts update an entry on a
/// request and on a reply alike (RFC 5227 §3 prefers the request). 42 bytes; the driver pads.
pub fn gratuitous_arp(mac: MacAddress, vip: Ipv4Addr) -> Vec<u8> {
    let ethernet = Ethernet2Header { source: mac.0, destination: BROADCAST, ether_type: EtherType::ARP };
    let packet = ArpEthIpv4Packet {
        operation: ArpOperation::REQUEST,
        sender_mac: mac.0,
        sender_ipv4: vip.octets(),
        target_mac: BROADCAST,
        target_ipv4: vip.octets(),
    };
    [&ethernet.to_bytes()[..], &packet.to_bytes()[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Captured from keepalived 2.2.7.
    #[test]
    fn it_is_the_frame_that_keepalived_sends() {
        let frame = gratuitous_arp(MacAddress([2, 0, 0, 0, 0x87, 0x0a]), Ipv4Addr::new(192, 168, 87, 10));
        let captured = [
            &[0xff_u8, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x87, 0x0a, 0x08, 0x06][..],
            &[0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01],
            &[0x02, 0x00, 0x00, 0x00, 0x87, 0x0a, 0xc0, 0xa8, 0x57, 0x0a],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc0, 0xa8, 0x57, 0x0a],
        ];
        assert_eq!(frame, captured.concat());
    }
}
