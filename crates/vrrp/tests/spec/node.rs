//! Receive checks, links, tracking and commands of a whole node.

use std::net::IpAddr;
use std::time::Duration;

use vrrp::*;

use crate::bench::{at, config, ip, rank, words};

pub(crate) const ETH: IfIndex = IfIndex(2);

pub(crate) fn link() -> Link {
    Link { up: true, v4: Some([192, 0, 2, 11].into()), v6: Some("fe80::11".parse().unwrap()) }
}

pub(crate) fn id() -> InstanceId {
    config().id()
}

pub(crate) fn said(node: &mut Node) -> Vec<String> {
    std::iter::from_fn(|| node.poll_action()).map(|(_, action)| words(&action)).collect()
}

fn node(edit: impl FnOnce(&mut InstanceConfig)) -> Node {
    let mut config = config();
    edit(&mut config);
    Node::new(NodeConfig::new(vec![config]).unwrap())
}

/// Linked and started at 0.
fn started(edit: impl FnOnce(&mut InstanceConfig)) -> Node {
    let mut node = node(edit);
    node.handle_link(at(0), ETH, link());
    node.handle_command(at(0), Command::Start);
    said(&mut node);
    node
}

fn active(edit: impl FnOnce(&mut InstanceConfig)) -> Node {
    let mut node = started(edit);
    while node.instance(id()).unwrap().role != Role::Active {
        let wake = node.poll_timeout().unwrap();
        node.handle_timeout(wake.at);
        said(&mut node);
    }
    node
}

pub(crate) fn advert(config: &InstanceConfig, priority: u8) -> Advertisement {
    let InstanceConfig { version, vrid, interval, auth, .. } = *config;
    Advertisement::new(version, vrid, priority.into(), interval, config.addresses.clone(), auth).unwrap()
}

/// The packet a peer at .12 with this configuration sends.
fn packet(config: &InstanceConfig, priority: u8) -> Vec<u8> {
    advert(config, priority).encode(ip(12), Family::V4.group(), Checksum::Keepalived)
}

pub(crate) fn ingress(payload: &[u8]) -> Ingress<'_> {
    Ingress { iface: ETH, src: ip(12), dst: Family::V4.group(), ttl: 255, payload }
}

fn v2(config: &mut InstanceConfig) {
    config.version = Version::V2;
    config.auth = Authentication::Password(Password::new(b"1111"));
}

/// Recomputes a message-only checksum after an edit.
fn resummed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[6..8].fill(0);
    let sum: u32 = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    bytes[6..8].copy_from_slice(&(!u16::try_from(folded).unwrap()).to_be_bytes());
    bytes
}

#[test]
fn a_packet_that_fails_a_check_is_counted_and_has_no_other_effect() {
    type Spoil = fn(&mut Vec<u8>, &mut Ingress<'_>);
    let table: [(Discard, bool, Spoil); 22] = [
        (Discard::MixedFamilies, false, |_, ingress| ingress.dst = Family::V6.group()),
        (Discard::Truncated, false, |bytes, _| bytes.truncate(7)),
        (Discard::Truncated, false, |bytes, _| bytes.truncate(11)),
        (Discard::Truncated, true, |bytes, _| bytes.truncate(12)),
        (Discard::BadTtl, false, |_, ingress| ingress.ttl = 254),
        (Discard::BadTtl, false, |_, ingress| ingress.ttl = 0),
        (Discard::BadVersion, false, |bytes, _| bytes[0] = 0x41),
        (Discard::BadVersion, false, |bytes, _| bytes[0] = 0x21),
        (Discard::BadType, false, |bytes, _| bytes[0] = 0x32),
        (Discard::UnknownVrid, false, |bytes, _| bytes[1] = 52),
        (Discard::UnknownVrid, false, |bytes, _| bytes[1] = 0),
        (Discard::UnknownVrid, false, |_, ingress| ingress.iface = IfIndex(3)),
        (Discard::TrailingBytes, false, |bytes, _| bytes.push(0)),
        (Discard::BadChecksum, false, |bytes, _| bytes[2] ^= 4),
        (Discard::BadChecksum, false, |bytes, _| bytes[6..8].fill(0)),
        (Discard::BadChecksum, true, |bytes, _| bytes[6..8].fill(0)),
        (Discard::InvalidAuthType, true, |bytes, _| bytes[4] = 2),
        (Discard::AuthTypeMismatch, true, |bytes, _| bytes[4] = 0),
        (Discard::AuthFailure, true, |bytes, _| bytes[15] = b'2'),
        (Discard::ZeroInterval, false, |bytes, _| bytes[4..6].fill(0)),
        (Discard::IntervalMismatch, true, |bytes, _| bytes[5] = 2),
        (Discard::OwnAddress, false, |_, ingress| ingress.src = ip(11)),
    ];
    let elsewhere = |discard: &Discard| match discard {
        // `a_list_without_addresses_is_refused`, `an_owner_may_be_told_to_hear_nobody`,
        // `a_first_address_that_is_not_link_local_is_discarded_where_that_is_required`
        Discard::ZeroCount | Discard::OwnerIgnores | Discard::NotLinkLocal => true,
        // `hmac.rs`
        _ => format!("{discard:?}").starts_with("AuthExt"),
    };
    let in_table = |discard: &Discard| table.iter().any(|(row, _, _)| row == discard);
    assert!(
        Discard::ALL.iter().all(|discard| in_table(discard) != elsewhere(discard)),
        "every check has its test"
    );
    for is_active in [false, true] {
        for (discard, version_2, spoil) in table {
            let edit = |config: &mut InstanceConfig| {
                if version_2 {
                    v2(config)
                }
            };
            let mut node = if is_active { active(edit) } else { started(edit) };
            let mut config = config();
            edit(&mut config);
            // Priority 0 and 255 in turn: each would move a timer or end a role if it got through.
            for priority in [0, 255] {
                let before = node.clone();
                let snapshot = node.instance(id()).unwrap();
                let mut bytes = packet(&config, priority);
                let mut frame = ingress(&[]);
                spoil(&mut bytes, &mut frame);
                let summed =
                    !matches!(discard, Discard::BadChecksum | Discard::Truncated | Discard::TrailingBytes);
                let bytes = if summed { resummed(bytes) } else { bytes };
                let verdict = node.handle_packet(at(5000), Ingress { payload: &bytes, ..frame });
                assert_eq!(verdict, Err(discard));
                assert_eq!(said(&mut node), Vec::<String>::new(), "{discard:?}");
                assert_eq!(node.poll_timeout(), before.poll_timeout(), "{discard:?}");
                assert_eq!(node.stats().discards.get(discard), before.stats().discards.get(discard) + 1);
                let mut after = node.instance(id()).unwrap();
                after.stats.discards = snapshot.stats.discards.clone();
                assert_eq!(after, snapshot, "{discard:?}");
            }
        }
    }
}

#[test]
fn a_list_without_addresses_is_refused() {
    let mut node = started(|_| {});
    // 3133 + 6400 + 0064 = 9597, inverted 6a68.
    let bytes = [0x31, 51, 100, 0, 0, 100, 0x6a, 0x68];
    assert_eq!(node.handle_packet(at(1), ingress(&bytes)), Err(Discard::ZeroCount));
}

#[test]
fn the_first_failed_check_is_the_verdict() {
    let mut node = started(|_| {});
    let mut bytes = packet(&config(), 100);
    let verdict =
        |node: &mut Node, bytes: &[u8], ttl| node.handle_packet(at(1), Ingress { ttl, ..ingress(bytes) });
    bytes[4..6].fill(0);
    assert_eq!(verdict(&mut node, &bytes, 255), Err(Discard::BadChecksum));
    bytes[1] = 99;
    assert_eq!(verdict(&mut node, &bytes, 255), Err(Discard::UnknownVrid));
    bytes[0] = 0x33;
    assert_eq!(verdict(&mut node, &bytes, 255), Err(Discard::BadType));
    bytes[0] = 0x53;
    assert_eq!(verdict(&mut node, &bytes, 255), Err(Discard::BadVersion));
    assert_eq!(verdict(&mut node, &bytes, 1), Err(Discard::BadTtl));
    bytes.truncate(5);
    assert_eq!(verdict(&mut node, &bytes, 1), Err(Discard::Truncated));
}

#[test]
fn an_active_bombarded_with_invalid_packets_keeps_its_rhythm() {
    let mut node = active(v2);
    let start = node.poll_timeout().unwrap().at;
    let mut config = config();
    v2(&mut config);
    config.auth = Authentication::Password(Password::new(b"wrong"));
    let bytes = packet(&config, 255);
    let mut sent = 0;
    for step in 0..160_u32 {
        let now = start + Duration::from_millis(100) * step;
        assert_eq!(node.handle_packet(now, ingress(&bytes)), Err(Discard::AuthFailure));
        node.handle_timeout(now);
        sent += said(&mut node).iter().filter(|word| word.starts_with("transmit")).count();
    }
    assert_eq!(sent, 15);
    assert_eq!(node.instance(id()).unwrap().stats.discards.get(Discard::AuthFailure), 160);
}

#[test]
fn a_hundred_thousand_invalid_packets_a_second_leave_every_advertisement_on_time() {
    let interval = AdverInterval::from_centiseconds(1).unwrap();
    let mut node = active(|config| config.interval = interval);
    let valid = packet(&config(), 255);
    let wrong = |index: usize| {
        let mut bytes = valid.clone();
        bytes[index] ^= 1;
        bytes
    };
    let floods = [wrong(0), wrong(1), wrong(2), wrong(7), valid[..11].to_vec(), [&valid[..], &[0]].concat()];
    let start = node.poll_timeout().unwrap().at;
    let mut sent = Vec::new();
    for (step, bytes) in (0..100_000_u32).zip(floods.iter().cycle()) {
        let now = start + Duration::from_micros(10) * step;
        assert!(node.handle_packet(now, ingress(bytes)).is_err());
        if node.poll_timeout().unwrap().at <= now {
            node.handle_timeout(now);
            if said(&mut node).contains(&"transmit 100".to_owned()) {
                sent.push(now - start);
            }
        }
    }
    let on_time: Vec<Duration> = (0..100).map(|turn| interval.to_duration() * turn).collect();
    assert_eq!(sent, on_time);
}

#[test]
fn passwords_are_compared_over_eight_bytes() {
    let mut node = started(|config| {
        v2(config);
        config.auth = Authentication::Password(Password::new(b"12345678"));
    });
    let mut peer = config();
    v2(&mut peer);
    for (password, verdict) in
        [(&b"12345678"[..], Ok(())), (b"123456789", Ok(())), (b"1234567", Err(Discard::AuthFailure))]
    {
        peer.auth = Authentication::Password(Password::new(password));
        assert_eq!(node.handle_packet(at(1), ingress(&packet(&peer, 200))), verdict);
    }
}

#[test]
fn authentication_data_without_authentication_is_ignored() {
    let mut peer = config();
    peer.version = Version::V2;
    let mut node = started(|config| config.version = Version::V2);
    let mut bytes = packet(&peer, 200);
    bytes[12..20].copy_from_slice(b"anything");
    assert_eq!(node.handle_packet(at(1), ingress(&resummed(bytes))), Ok(()));
}

#[test]
fn both_checksum_forms_are_accepted_remembered_and_counted() {
    let mut node = started(|_| {});
    let advertisement = advert(&config(), 200);
    for form in [Checksum::Keepalived, Checksum::Rfc9568, Checksum::Rfc9568] {
        let bytes = advertisement.encode(ip(12), Family::V4.group(), form);
        assert_eq!(node.handle_packet(at(1), ingress(&bytes)), Ok(()));
        assert_eq!(node.instance(id()).unwrap().peers[0].checksum, form);
    }
    // Unicast by an old keepalived: the group's address is summed up, the packet comes to ours.
    let bytes = advertisement.encode(ip(12), ip(11), Checksum::KeepalivedGroup);
    assert_eq!(node.handle_packet(at(1), Ingress { dst: ip(11), ..ingress(&bytes) }), Ok(()));
    assert_eq!(node.instance(id()).unwrap().peers[0].checksum, Checksum::KeepalivedGroup);
    let stats = node.instance(id()).unwrap().stats;
    assert_eq!((stats.checksum_keepalived, stats.checksum_rfc9568), (1, 2));
    assert_eq!(stats.checksum_keepalived_group, 1);
}

#[test]
fn another_address_list_is_accepted_and_counted() {
    let mut peer = config();
    peer.addresses = vec![ip(100), ip(101)];
    for (skip, errors) in [(false, 1), (true, 0)] {
        let mut node = started(|config| config.skip_address_check = skip);
        assert_eq!(node.handle_packet(at(1000), ingress(&packet(&peer, 200))), Ok(()));
        let snapshot = node.instance(id()).unwrap();
        assert_eq!(snapshot.stats.address_list_errors, errors);
        assert_eq!(snapshot.active, Some(ip(12)));
    }
    // The order does not matter.
    let mut node = started(|config| config.addresses = vec![ip(101), ip(100)]);
    node.handle_packet(at(1000), ingress(&packet(&peer, 200))).unwrap();
    assert_eq!(node.instance(id()).unwrap().stats.address_list_errors, 0);
}

#[test]
fn ipv6_and_ipv4_with_one_vrid_are_two_routers() {
    let v6: Vec<IpAddr> = vec!["fe80::64".parse().unwrap(), "2001:db8::64".parse().unwrap()];
    let six = InstanceConfig::new(ETH, id().vrid, v6);
    let mut node = Node::new(NodeConfig::new(vec![config(), six.clone()]).unwrap());
    node.handle_link(at(0), ETH, link());
    node.handle_command(at(0), Command::Start);
    said(&mut node);
    let src = "fe80::12".parse().unwrap();
    let bytes = advert(&six, 200).encode(src, Family::V6.group(), Checksum::default());
    let frame = Ingress { iface: ETH, src, dst: Family::V6.group(), ttl: 255, payload: &bytes };
    assert_eq!(node.handle_packet(at(1000), frame), Ok(()));
    assert_eq!(node.instance(six.id()).unwrap().active, Some(src));
    assert_eq!(node.instance(id()).unwrap().active, None);
}

#[test]
fn a_first_address_that_is_not_link_local_is_discarded_where_that_is_required() {
    let list = |first: &str| -> Vec<IpAddr> { vec![first.parse().unwrap(), "2001:db8::64".parse().unwrap()] };
    let src = "fe80::12".parse().unwrap();
    for (first, required, verdict, errors) in [
        ("fe80::64", true, Ok(()), 0),
        ("2001:db8::65", true, Err(Discard::NotLinkLocal), 0),
        ("2001:db8::65", false, Ok(()), 1),
    ] {
        let mut six = InstanceConfig::new(ETH, id().vrid, list(first));
        six.require_link_local = required;
        let mut node = Node::new(NodeConfig::new(vec![six.clone()]).unwrap());
        node.handle_link(at(0), ETH, link());
        node.handle_command(at(0), Command::Start);
        said(&mut node);
        let bytes = advert(&six, 200).encode(src, Family::V6.group(), Checksum::default());
        let frame = Ingress { iface: ETH, src, dst: Family::V6.group(), ttl: 255, payload: &bytes };
        assert_eq!(node.handle_packet(at(1000), frame), verdict, "{first}");
        assert_eq!(node.instance(six.id()).unwrap().stats.address_list_errors, errors, "{first}");
    }
}

#[test]
fn the_reason_of_a_promotion_is_told_in_the_words_of_the_mib() {
    let cases: [(&[(u64, u8)], NewMasterReason); 3] = [
        (&[], NewMasterReason::MasterNoResponse),
        (&[(10, 200), (20, 0)], NewMasterReason::Priority),
        (&[(10, 90), (1010, 90)], NewMasterReason::Preempted),
    ];
    for (adverts, reason) in cases {
        let mut node = started(|_| {});
        assert_eq!(node.instance(id()).unwrap().stats.new_master_reason(), NewMasterReason::NotMaster);
        for &(millis, priority) in adverts {
            node.handle_packet(at(millis), ingress(&packet(&config(), priority))).unwrap();
        }
        let wake = node.poll_timeout().unwrap();
        node.handle_timeout(wake.at);
        said(&mut node);
        assert_eq!(node.instance(id()).unwrap().stats.new_master_reason(), reason, "{adverts:?}");
    }
    let owner = started(|config| config.priority = Rank::Owner);
    assert_eq!(owner.instance(id()).unwrap().stats.new_master_reason(), NewMasterReason::Priority);
}

#[test]
fn who_sends_the_old_checksum_of_unicast_is_sent_it_unless_that_is_forbidden() {
    let advertisement = advert(&config(), 50);
    let old = advertisement.encode(ip(12), ip(11), Checksum::KeepalivedGroup);
    let new = advertisement.encode(ip(12), ip(11), Checksum::Keepalived);
    for (follow, then) in [(true, Checksum::KeepalivedGroup), (false, Checksum::Rfc9568)] {
        let mut node = started(|config| {
            config.checksum = Checksum::Rfc9568;
            config.follow_old_checksum = follow;
        });
        let to = |node: &Node, host| node.checksum_to(id(), ip(host)).unwrap();
        let hear = |node: &mut Node, millis, payload: &[u8]| {
            node.handle_packet(at(millis), Ingress { dst: ip(11), ..ingress(payload) }).unwrap();
        };
        assert_eq!(to(&node, 12), Checksum::Rfc9568);
        hear(&mut node, 100, &old);
        assert_eq!((to(&node, 12), to(&node, 13)), (then, Checksum::Rfc9568));
        // It was brought up to date.
        hear(&mut node, 200, &new);
        assert_eq!(to(&node, 12), Checksum::Rfc9568);
    }
}

#[test]
fn without_anybody_to_speak_to_a_router_is_in_fault_until_it_is_configured_otherwise() {
    let mut node = started(|config| config.no_peer = true);
    assert_eq!(node.instance(id()).unwrap().role, Role::Fault(FaultReason::NoPeer));
    assert_eq!(node.poll_timeout(), None);
    let reconfigure = |node: &mut Node, millis, no_peer| {
        let config = InstanceConfig { no_peer, ..config() };
        node.handle_command(at(millis), Command::Reconfigure(NodeConfig::new(vec![config]).unwrap()));
    };
    said(&mut node);
    reconfigure(&mut node, 100, false);
    assert_eq!(said(&mut node), ["Fault(NoPeer) to Backup: Reconfigured"]);
}

#[test]
fn an_interval_of_version_3_is_learned_and_the_difference_counted() {
    let mut node = started(|_| {});
    let mut peer = config();
    peer.interval = AdverInterval::from_centiseconds(10).unwrap();
    node.handle_packet(at(0), ingress(&packet(&peer, 200))).unwrap();
    let snapshot = node.instance(id()).unwrap();
    assert_eq!(snapshot.active_interval, peer.interval);
    assert_eq!(snapshot.stats.interval_differences, 1);
    assert_eq!(node.poll_timeout().unwrap().at, at(360) + Duration::from_nanos(937_500));
}

#[test]
fn a_node_waits_for_its_link_and_its_address() {
    let mut node = node(|_| {});
    node.handle_command(at(0), Command::Start);
    assert_eq!(said(&mut node), ["Initialize to Fault(LinkDown): Command"]);
    node.handle_link(at(1), ETH, Link { up: true, v4: None, v6: None });
    assert_eq!(said(&mut node), ["Fault(LinkDown) to Fault(NoAddress): LinkUp"]);
    node.handle_link(at(2), ETH, link());
    assert_eq!(said(&mut node), ["Fault(NoAddress) to Backup: LinkUp"]);
    node.handle_link(at(3), IfIndex(9), Link::default());
    node.handle_link(at(3), ETH, link());
    assert_eq!(said(&mut node), Vec::<String>::new());
}

#[test]
fn virtual_routers_on_one_interface_differ_in_source_and_in_what_the_link_means_to_them() {
    let mut second = config();
    second.vrid = Vrid::new(52).unwrap();
    second.source = Some(ip(77));
    second.ignore_link = true;
    let mut node = Node::new(NodeConfig::new(vec![config(), second.clone()]).unwrap());
    node.handle_link(at(0), ETH, Link { up: false, ..link() });
    node.handle_command(at(0), Command::Start);
    said(&mut node);
    let snapshot = |node: &Node, id| node.instance(id).unwrap();
    assert_eq!(snapshot(&node, id()).role, Role::Fault(FaultReason::LinkDown));
    assert_eq!(
        (snapshot(&node, id()).source, snapshot(&node, second.id()).source),
        (Some(ip(11)), Some(ip(77)))
    );
    assert_eq!(snapshot(&node, second.id()).role, Role::Backup);
    // It needs the interface to exist, though.
    node.handle_link_gone(at(1), ETH);
    assert_eq!(said(&mut node), ["Backup to Fault(LinkDown): LinkDown"]);
    node.handle_link(at(2), ETH, link());
    said(&mut node);
    assert_eq!(snapshot(&node, id()).role, Role::Backup);
    assert_eq!(snapshot(&node, second.id()).role, Role::Backup);
}

#[test]
fn an_owner_may_be_told_to_hear_nobody() {
    for (ignores, verdict) in [(true, Err(Discard::OwnerIgnores)), (false, Ok(()))] {
        let mut node = started(|config| {
            config.priority = Rank::Owner;
            config.owner_ignores = ignores;
        });
        let bytes = packet(&config(), 255);
        assert_eq!(node.handle_packet(at(100), ingress(&bytes)), verdict);
        let role = node.instance(id()).unwrap().role;
        assert_eq!(role, if ignores { Role::Active } else { Role::Backup });
        said(&mut node);
    }
}

#[test]
fn an_active_that_loses_link_or_address_lets_go_without_a_word() {
    for (lost, fault) in
        [(Link { up: false, ..link() }, "LinkDown"), (Link { v4: None, ..link() }, "NoAddress")]
    {
        let mut node = active(|_| {});
        node.handle_link(at(3700), ETH, lost);
        assert_eq!(
            said(&mut node),
            ["remove .100 .200".to_owned(), format!("Active to Fault({fault}): LinkDown")]
        );
        assert_eq!(node.poll_timeout(), None);
    }
}

#[test]
fn a_check_of_weight_0_holds_the_start_until_its_first_result() {
    let track = TrackId(7);
    let mut node = started(|config| config.trackers = vec![(track, Weight::FAULT)]);
    assert_eq!(node.instance(id()).unwrap().role, Role::Fault(FaultReason::TrackUnknown(track)));
    node.handle_track(at(100), track, Health::Down);
    assert_eq!(node.instance(id()).unwrap().role, Role::Fault(FaultReason::TrackDown(track)));
    said(&mut node);
    node.handle_track(at(200), track, Health::Up);
    assert_eq!(said(&mut node), ["Fault(TrackDown(TrackId(7))) to Backup: Tracked(TrackId(7))"]);
}

#[test]
fn a_weighted_check_does_not_hold_the_start() {
    let track = TrackId(7);
    let mut node = started(|config| config.trackers = vec![(track, Weight::new(-20).unwrap())]);
    assert_eq!(node.instance(id()).unwrap().role, Role::Backup);
    node.handle_track(at(100), track, Health::Down);
    assert_eq!(node.instance(id()).unwrap().effective_priority, rank(80));
    assert_eq!(node.instance(id()).unwrap().base_priority, rank(100));
}

#[test]
fn the_number_of_a_file_moves_the_priority_and_can_be_a_fault() {
    let track = TrackId(7);
    let mut node = started(|config| config.trackers = vec![(track, Weight::new(2).unwrap())]);
    for (number, priority) in [(10, 120), (-10, 80), (100, 254), (0, 100)] {
        node.handle_track(at(100), track, Health::Number(number));
        assert_eq!(node.instance(id()).unwrap().effective_priority, rank(priority), "{number}");
        assert_eq!(node.instance(id()).unwrap().role, Role::Backup);
    }
    node.handle_track(at(200), track, Health::Number(-127));
    assert_eq!(node.instance(id()).unwrap().role, Role::Fault(FaultReason::TrackDown(track)));
}

#[test]
fn a_failed_check_of_weight_0_resigns() {
    let track = TrackId(7);
    let mut node = node(|config| config.trackers = vec![(track, Weight::FAULT)]);
    node.handle_track(at(0), track, Health::Up);
    node.handle_link(at(0), ETH, link());
    node.handle_command(at(0), Command::Start);
    said(&mut node);
    node.handle_timeout(at(3610));
    said(&mut node);
    node.handle_track(at(3700), track, Health::Down);
    let fault = "Active to Fault(TrackDown(TrackId(7))): Tracked(TrackId(7))";
    assert_eq!(said(&mut node), ["transmit 0", "remove .100 .200", fault]);
}

#[test]
fn a_weighted_check_yields_unless_the_peers_known_are_no_better() {
    let track = TrackId(7);
    // The priority falls from 100 to 80.
    let cases: [(&[(u8, u8)], &str); 7] = [
        (&[], "transmit 0"),
        (&[(12, 90)], "transmit 0"),
        (&[(12, 80)], "transmit 80"),
        (&[(12, 70)], "transmit 80"),
        (&[(12, 70), (13, 90)], "transmit 0"),
        (&[(12, 70), (12, 0)], "transmit 80"),
        (&[(12, 0)], "transmit 0"),
    ];
    for (adverts, expected) in cases {
        let mut node = active(|config| config.trackers = vec![(track, Weight::new(-20).unwrap())]);
        for &(host, priority) in adverts {
            let bytes =
                advert(&config(), priority).encode(ip(host), Family::V4.group(), Checksum::Keepalived);
            node.handle_packet(at(3700), Ingress { src: ip(host), ..ingress(&bytes) }).unwrap();
            said(&mut node);
        }
        node.handle_track(at(3800), track, Health::Down);
        assert_eq!(said(&mut node), [expected], "{adverts:?}");
        assert_eq!(node.instance(id()).unwrap().yielding, expected == "transmit 0");
        assert_eq!(node.instance(id()).unwrap().role, Role::Active);
    }
}

#[test]
fn stop_and_start_are_idempotent() {
    let mut node = active(|_| {});
    node.handle_command(at(3700), Command::Start);
    assert_eq!(said(&mut node), Vec::<String>::new());
    node.handle_command(at(3700), Command::Stop);
    assert_eq!(said(&mut node), ["transmit 0", "remove .100 .200", "Active to Initialize: Command"]);
    node.handle_command(at(3700), Command::Stop);
    assert_eq!(said(&mut node), Vec::<String>::new());
    assert_eq!(node.poll_timeout(), None);
}

#[test]
fn a_reload_adds_and_removes_routers_and_keeps_the_rest() {
    let mut node = active(|_| {});
    let due = node.poll_timeout();
    let mut second = config();
    second.vrid = Vrid::new(60).unwrap();
    second.addresses = vec![ip(110)];
    second.excluded.clear();
    let both = NodeConfig::new(vec![second.clone(), config()]).unwrap();
    node.handle_command(at(3612), Command::Reconfigure(both));
    assert_eq!(said(&mut node), ["Initialize to Backup: Reconfigured"]);
    assert_eq!(node.poll_timeout(), due);

    let only = NodeConfig::new(vec![second]).unwrap();
    node.handle_command(at(3613), Command::Reconfigure(only));
    assert_eq!(said(&mut node), ["transmit 0", "remove .100 .200", "Active to Initialize: Reconfigured"]);
    assert_eq!(node.instance(id()), None);
    assert_eq!(node.instances().count(), 1);
}

#[test]
fn a_reload_keeps_what_is_known_of_links_and_checks() {
    let track = TrackId(7);
    let mut node = active(|_| {});
    node.handle_track(at(3700), track, Health::Down);
    let mut tracked = config();
    tracked.trackers = vec![(track, Weight::new(-30).unwrap())];
    node.handle_command(at(3700), Command::Reconfigure(NodeConfig::new(vec![tracked]).unwrap()));
    // Not a hand-over: a reload keeps the role until the peer takes over.
    assert_eq!(said(&mut node), ["transmit 70"]);
}

#[test]
fn a_check_that_a_reload_adds_does_not_end_the_role_before_it_has_failed() {
    let track = TrackId(7);
    let mut node = active(|_| {});
    let mut tracked = config();
    tracked.trackers = vec![(track, Weight::FAULT)];
    node.handle_command(at(3612), Command::Reconfigure(NodeConfig::new(vec![tracked]).unwrap()));
    assert_eq!(said(&mut node), Vec::<String>::new());
    node.handle_track(at(3613), track, Health::Down);
    let fault = "Active to Fault(TrackDown(TrackId(7))): Tracked(TrackId(7))";
    assert_eq!(said(&mut node), ["transmit 0", "remove .100 .200", fault]);
}

#[test]
fn a_clock_that_goes_back_is_taken_as_standing_still() {
    let mut node = active(|_| {});
    let due = node.poll_timeout();
    node.handle_timeout(at(0));
    node.handle_packet(at(1), ingress(&packet(&config(), 90))).unwrap();
    said(&mut node);
    assert!(node.poll_timeout().unwrap().at >= due.unwrap().at);
}

#[test]
fn counters_follow_a_failover() {
    let mut node = active(|_| {});
    node.handle_packet(at(3700), ingress(&packet(&config(), 0))).unwrap();
    said(&mut node);
    node.handle_packet(at(3701), ingress(&packet(&config(), 200))).unwrap();
    said(&mut node);
    let InstanceSnapshot { stats, last_transition, active, .. } = node.instance(id()).unwrap();
    assert_eq!((stats.become_active, stats.release_active), (1, 1));
    assert_eq!((stats.adverts_received, stats.priority_zero_received), (2, 1));
    // Promotion, answer to the resignation, last word twice.
    assert_eq!((stats.adverts_sent, stats.priority_zero_sent), (4, 0));
    assert_eq!(stats.new_active_reason, Some(Cause::ActiveDown));
    assert_eq!(active, Some(ip(12)));
    let cause = Cause::HigherPriority { peer: ip(12), priority: Advertised::from(200) };
    assert_eq!(
        last_transition,
        Some(Transition { at: at(3701), from: Role::Active, to: Role::Backup, cause })
    );
}
