//! What a packet costs in memory: nothing, unless it is answered.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod sys;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use vrrp::wire::Sequence;
use vrrp::*;

const ETH: IfIndex = IfIndex(2);
const WALL: Duration = Duration::from_secs(1_000_000);

/// The one reading of a clock in these tests: an `Instant` cannot be made otherwise.
#[expect(clippy::disallowed_methods)]
fn epoch() -> Instant {
    Instant::now()
}

fn config(version: Version, vip: &str) -> InstanceConfig {
    let mut config = InstanceConfig::new(ETH, Vrid::new(51).unwrap(), vec![vip.parse().unwrap()]);
    config.version = version;
    config
}

fn key() -> Key {
    Key::new(1, &[7; 32]).unwrap()
}

/// The virtual routers that peers may have to be heard by: every version, family and kind of authentication.
fn kinds() -> Vec<(&'static str, InstanceConfig)> {
    let mut password = config(Version::V2, "192.0.2.100");
    password.auth = Authentication::Password(Password::new(b"1111"));
    let mut signed = config(Version::V3, "192.0.2.100");
    signed.hmac = Some(HmacConfig::new(key()));
    vec![
        ("version 2", config(Version::V2, "192.0.2.100")),
        ("version 2 with a password", password),
        ("version 3, IPv4", config(Version::V3, "192.0.2.100")),
        ("version 3, IPv6", config(Version::V3, "fe80::100")),
        ("version 3, signed", signed),
    ]
}

fn peer(family: Family) -> IpAddr {
    match family {
        Family::V4 => [192, 0, 2, 12].into(),
        Family::V6 => "fe80::12".parse().unwrap(),
    }
}

/// What the peer sends, `millis` after the start.
fn packet(config: &InstanceConfig, priority: u8, millis: u64) -> Vec<u8> {
    let InstanceConfig { version, vrid, interval, auth, .. } = *config;
    let addresses = config.addresses.clone();
    let mut sent = Advertisement::new(version, vrid, priority.into(), interval, addresses, auth).unwrap();
    if config.hmac.is_some() {
        sent = sent.signed(key(), Sequence::at(WALL + Duration::from_millis(millis)));
    }
    sent.encode(peer(config.family), config.family.group(), Checksum::Keepalived)
}

fn ingress(config: &InstanceConfig, payload: &[u8]) -> Ingress<'static> {
    let payload: &'static [u8] = payload.to_vec().leak();
    Ingress { iface: ETH, src: peer(config.family), dst: config.family.group(), ttl: 255, payload }
}

fn started(config: &InstanceConfig, start: Instant) -> Node {
    let other = InstanceConfig { vrid: Vrid::new(52).unwrap(), ..config.clone() };
    let members = vec![config.id(), other.id()];
    let both = NodeConfig::new(vec![config.clone(), other]).unwrap();
    let group = SyncGroup { id: GroupId(1), members };
    let mut node = Node::new(both.with_groups(vec![group]).unwrap());
    node.handle_wall_clock(start, WALL);
    let link = Link { up: true, v4: Some([192, 0, 2, 11].into()), v6: Some("fe80::11".parse().unwrap()) };
    node.handle_link(start, ETH, link);
    node.handle_command(start, Command::Start);
    while node.poll_action().is_some() {}
    node
}

/// Allocations while the node gets these packets, one each millisecond.
fn cost(node: &mut Node, start: Instant, packets: &[Ingress<'_>], verdict: Result<(), Discard>) -> u64 {
    let before = sys::allocations();
    for (millis, packet) in (0..).zip(packets) {
        let heard = node.handle_packet(start + Duration::from_millis(millis), *packet);
        assert_eq!(heard, verdict);
        assert_eq!(node.poll_action(), None);
    }
    sys::allocations() - before
}

#[test]
fn a_packet_that_a_backup_hears_allocates_nothing() {
    let start = epoch();
    for (kind, config) in kinds() {
        let mut node = started(&config, start);
        let packets: Vec<Ingress<'_>> =
            (1..1000).map(|millis| ingress(&config, &packet(&config, 200, millis))).collect();
        // The first one makes room for its sender.
        let (first, rest) = packets.split_first().unwrap();
        node.handle_packet(start, *first).unwrap();
        assert_eq!(cost(&mut node, start, rest, Ok(())), 0, "{kind}");
        let received = node.instance(config.id()).unwrap().stats.adverts_received;
        assert_eq!(received, 999, "{kind}");
    }
}

#[test]
fn a_packet_that_fails_a_check_allocates_nothing() {
    let start = epoch();
    for (kind, config) in kinds() {
        let mut node = started(&config, start);
        for cut in [0, 7, 9] {
            let short = ingress(&config, &packet(&config, 200, 1)[..cut]);
            assert_eq!(cost(&mut node, start, &[short; 100], Err(Discard::Truncated)), 0, "{kind}");
        }
        let mut bytes = packet(&config, 200, 1);
        bytes[2] ^= 1;
        let wrong = ingress(&config, &bytes);
        assert_eq!(cost(&mut node, start, &[wrong; 1000], Err(Discard::BadChecksum)), 0, "{kind}");
    }
}

#[test]
fn the_allocator_counts() {
    let before = sys::allocations();
    let boxed = std::hint::black_box(Box::new(7));
    assert_eq!(sys::allocations() - before, 1);
    assert_eq!(*boxed, 7);
}
