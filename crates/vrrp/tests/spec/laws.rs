//! A node under random inputs: the laws that hold whatever happens.

use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;
use vrrp::*;

use crate::bench::{at, config, ip, rank};
use crate::node::{ETH, advert, id, ingress, link, said};

#[derive(Clone, Debug)]
enum Op {
    Packet { host: u8, priority: u8, centiseconds: u16, spoil: Option<(usize, u8)> },
    Timeout,
    Sleep,
    Link(bool, bool),
    Track(u32, Health),
    Stop,
    Start,
    Reload { priority: u8, preempt: Preempt, addresses: u8 },
    Pause(u64),
    Lost(u8),
}

fn any_op() -> impl Strategy<Value = Op> {
    let health = prop::sample::select(vec![Health::Unknown, Health::Up, Health::Down]);
    let preempt = prop::sample::select(vec![
        Preempt::Immediate,
        Preempt::Never,
        Preempt::Delayed(Duration::from_millis(1500)),
    ]);
    let spoil = prop::option::weighted(0.3, (0..20_usize, any::<u8>()));
    prop_oneof![
        6 => (10..14_u8, any::<u8>(), 1..300_u16, spoil)
            .prop_map(|(host, priority, centiseconds, spoil)| Op::Packet { host, priority, centiseconds, spoil }),
        6 => Just(Op::Sleep),
        2 => Just(Op::Timeout),
        1 => any::<(bool, bool)>().prop_map(|(up, addressed)| Op::Link(up, addressed)),
        2 => (0..3_u32, health).prop_map(|(id, health)| Op::Track(id, health)),
        1 => Just(Op::Stop),
        2 => Just(Op::Start),
        1 => (1..=255_u8, preempt, 1..4_u8)
            .prop_map(|(priority, preempt, addresses)| Op::Reload { priority, preempt, addresses }),
        1 => (0..9000_u64).prop_map(Op::Pause),
        1 => (99..104_u8).prop_map(Op::Lost),
    ]
}

fn tracked(priority: u8, preempt: Preempt, addresses: u8) -> NodeConfig {
    let mut config = config();
    config.priority = rank(priority);
    config.preempt = preempt;
    config.addresses = (0..addresses).map(|host| ip(100 + host)).collect();
    let weight = |value| Weight::new(value).unwrap();
    config.trackers = vec![(TrackId(0), weight(0)), (TrackId(1), weight(20)), (TrackId(2), weight(-30))];
    NodeConfig::new(vec![config]).unwrap()
}

proptest! {
    #[test]
    fn whatever_happens_the_laws_of_a_node_hold(ops in prop::collection::vec((any_op(), 0..2000_u64), 1..80)) {
        let mut node = Node::new(tracked(100, Preempt::Immediate, 1));
        let mut held: Vec<IpAddr> = Vec::new();
        let mut millis = 0;
        for (op, wait) in ops {
            millis += wait;
            let now = at(millis);
            match op {
                Op::Packet { host, priority, centiseconds, spoil } => {
                    let mut peer = config();
                    peer.interval = AdverInterval::from_centiseconds(centiseconds).unwrap();
                    let mut bytes = advert(&peer, priority).encode(ip(host), Family::V4.group(), Checksum::Rfc9568);
                    if let Some((index, value)) = spoil && index < bytes.len() {
                        bytes[index] = value;
                    }
                    let before = node.poll_timeout();
                    let verdict = node.handle_packet(now, Ingress { src: ip(host), ..ingress(&bytes) });
                    if verdict.is_err() {
                        prop_assert_eq!(node.poll_timeout(), before);
                    }
                }
                Op::Timeout => node.handle_timeout(now),
                Op::Sleep => {
                    if let Some(wake) = node.poll_timeout() {
                        node.handle_timeout(wake.at);
                        millis = millis.max((wake.at - at(0)).as_millis().try_into().unwrap());
                    }
                }
                Op::Link(up, addressed) => {
                    let v4 = link().v4.filter(|_| addressed);
                    node.handle_link(now, ETH, Link { up, v4, v6: None });
                }
                Op::Track(id, health) => node.handle_track(now, TrackId(id), health),
                Op::Stop => node.handle_command(now, Command::Stop),
                Op::Start => node.handle_command(now, Command::Start),
                Op::Reload { priority, preempt, addresses } => {
                    node.handle_command(now, Command::Reconfigure(tracked(priority, preempt, addresses)));
                }
                Op::Pause(millis) => node.handle_pause(now, Duration::from_millis(millis)),
                Op::Lost(host) => node.handle_vip_lost(now, id(), ip(host)),
            }
            while let Some((_, action)) = node.poll_action() {
                match action {
                    Action::InstallVips { addresses } => {
                        held.retain(|vip| !addresses.contains(vip));
                        held.extend(addresses);
                    }
                    Action::RemoveVips { addresses } => {
                        prop_assert!(addresses.iter().all(|vip| held.contains(vip)));
                        held.retain(|vip| !addresses.contains(vip));
                    }
                    Action::Announce { addresses } => {
                        prop_assert!(addresses.iter().all(|vip| held.contains(vip)));
                    }
                    Action::Transitioned { from, to, .. } => prop_assert_ne!(from, to),
                    Action::Transmit(_) | Action::SplitBegan { .. } | Action::SplitEnded => {}
                }
            }
            let snapshot = node.instance(id()).unwrap();
            prop_assert_eq!(snapshot.role == Role::Active, !held.is_empty());

            // A timeout leaves nothing due, and a second one does nothing.
            let mut later = node.clone();
            later.handle_timeout(at(millis));
            said(&mut later);
            prop_assert!(later.poll_timeout().is_none_or(|wake| wake.at > at(millis)));
            let due = later.poll_timeout();
            later.handle_timeout(at(millis));
            prop_assert_eq!(said(&mut later), Vec::<String>::new());
            prop_assert_eq!(later.poll_timeout(), due);
        }
    }
}
