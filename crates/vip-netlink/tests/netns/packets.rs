use std::net::IpAddr;

use vip_netlink::{
    Announcement, Announcer, Handle, VRRP_GROUP_V4, VRRP_GROUP_V6, VrrpSocket, VrrpSocketError,
};

use crate::sandbox::{ETHERTYPE_ARP, Other, cable_to, hears, key, listener, run};

const ETHERTYPE_IPV6: u16 = 0x86dd;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn an_announcement_arrives_at_the_other_end() {
    run(async {
        let other = Other::new();
        let (left, _) = cable_to(&other).await;
        let announcer = Announcer::open().unwrap();
        for (ethertype, vip) in [(ETHERTYPE_ARP, ip("192.0.2.10")), (ETHERTYPE_IPV6, ip("fe80::10"))] {
            let mut socket = other.run(|| listener(ethertype));
            let announcement = Announcement::new(&left, vip, true).unwrap();
            announcer.send(&announcement).await.unwrap();
            assert!(hears(&mut socket, &announcement.frame()), "the announcement of {vip} did not arrive");
        }
    });
}

pub(crate) fn advertisements_to_the_group_arrive_and_own_ones_do_not() {
    run(async {
        let other = Other::new();
        let (left, right) = cable_to(&other).await;
        let there = other.run(|| Handle::open().unwrap());
        let here = Handle::open().unwrap();
        let cases = [
            (IpAddr::V4(VRRP_GROUP_V4), "192.0.2.1", "192.0.2.2", 24),
            (IpAddr::V6(VRRP_GROUP_V6), "fe80::1", "fe80::2", 64),
        ];
        for (group, a, b, prefix_len) in cases {
            here.add_own(key(left.index, a, prefix_len)).await.unwrap();
            there.add_own(key(right.index, b, prefix_len)).await.unwrap();
            let near = VrrpSocket::multicast(group, left.index).unwrap();
            let far = other.run(|| VrrpSocket::multicast(group, right.index).unwrap());

            let mut buffer = [0; 1500];
            near.send(group, ip(a), b"from here").await.unwrap();
            let heard = far.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[heard.payload.clone()], b"from here");
            assert_eq!((heard.src, heard.dst), (ip(a), group));
            assert_eq!((heard.ttl, heard.ifindex), (255, right.index));

            // The first packet that the near end hears is the answer, not its own.
            far.send(group, ip(b), b"from there").await.unwrap();
            let heard = near.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[heard.payload.clone()], b"from there");
            assert_eq!(heard.src, ip(b));
        }
    });
}

pub(crate) fn unicast_advertisements_arrive_with_their_ttl() {
    run(async {
        let other = Other::new();
        let (left, right) = cable_to(&other).await;
        let there = other.run(|| Handle::open().unwrap());
        let here = Handle::open().unwrap();
        for (a, b, prefix_len) in [("192.0.2.1", "192.0.2.2", 24), ("2001:db8::1", "2001:db8::2", 64)] {
            here.add_own(key(left.index, a, prefix_len)).await.unwrap();
            there.add_own(key(right.index, b, prefix_len)).await.unwrap();
            let near = VrrpSocket::unicast(ip(a), left.index, 64).unwrap();
            let far = other.run(|| VrrpSocket::unicast(ip(b), right.index, 255).unwrap());
            near.send(ip(b), ip(a), b"hello").await.unwrap();
            let mut buffer = [0; 1500];
            let heard = far.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[heard.payload.clone()], b"hello");
            assert_eq!((heard.src, heard.dst, heard.ttl), (ip(a), ip(b), 64));
        }
    });
}

pub(crate) fn a_socket_on_a_missing_interface_is_an_error() {
    run(async {
        for ifindex in [0, 1_000] {
            for group in [IpAddr::V4(VRRP_GROUP_V4), IpAddr::V6(VRRP_GROUP_V6)] {
                let error = VrrpSocket::multicast(group, ifindex).unwrap_err();
                assert!(
                    matches!(error, VrrpSocketError::Open { .. } | VrrpSocketError::Join { .. }),
                    "{error:?}"
                );
            }
        }
    });
}
