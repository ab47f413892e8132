//! Signed advertisements, against the images in the appendix of draft-cassen-vrrp-auth-hmac.

use std::net::IpAddr;
use std::time::Duration;

use vrrp::wire::{Sequence, Trailer};
use vrrp::*;

use crate::bench::{at, config, ip};
use crate::node::{ETH, id, ingress, link, said};
use crate::wire::hex;

/// The appendix: key 00 01 … 1f, VRID 51, priority 200, signed at 0x68000000.5 s.
const V4: &str = "3133c801 0064 4402 c0000264 010100006800000080000000 1b84bc4e8e43892dc6d98448f8ee2265";
const V6: &str = "3133c801 0064 a2e9 fe800000000000000000000000000100 010100006800000080000000 \
                  c8c56146ebfd66ee10ec4d8186461b78";
const SIGNED_AT: Duration = Duration::new(0x6800_0000, 500_000_000);

fn key(id: u8) -> Key {
    let secret: Vec<u8> = (0..32).map(|byte| byte ^ (id - 1)).collect();
    Key::new(id, &secret).unwrap()
}

/// The virtual router of an image, with its sender's and its receiver's address.
fn image(v6: bool) -> (Vec<u8>, InstanceConfig, IpAddr, IpAddr) {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let (text, vip, src, dst) = if v6 {
        (V6, address("fe80::100"), address("fe80::10"), address("fe80::20"))
    } else {
        (V4, address("192.0.2.100"), address("198.51.100.10"), address("192.0.2.10"))
    };
    let mut config = InstanceConfig::new(ETH, Vrid::new(51).unwrap(), vec![vip]);
    config.hmac = Some(HmacConfig::new(key(1)));
    config.checksum = Checksum::Rfc9568;
    (hex(text), config, src, dst)
}

/// A node that starts at 0, with its wall clock at `wall`.
fn node(config: InstanceConfig, wall: Duration) -> Node {
    let mut node = Node::new(NodeConfig::new(vec![config]).unwrap());
    node.handle_wall_clock(at(0), wall);
    node.handle_link(at(0), ETH, link());
    node.handle_command(at(0), Command::Start);
    said(&mut node);
    node
}

fn hear(node: &mut Node, millis: u64, src: IpAddr, dst: IpAddr, bytes: &[u8]) -> Result<(), Discard> {
    let verdict = node.handle_packet(at(millis), Ingress { iface: ETH, src, dst, ttl: 255, payload: bytes });
    said(node);
    verdict
}

#[test]
fn the_published_images_are_what_we_send() {
    for v6 in [false, true] {
        let (bytes, config, src, dst) = image(v6);
        let InstanceConfig { version, vrid, interval, addresses, auth, .. } = config;
        let unsigned = Advertisement::new(version, vrid, 200.into(), interval, addresses, auth).unwrap();
        let signed = unsigned.signed(key(1), Sequence::at(SIGNED_AT));
        assert_eq!(signed.encode(src, dst, Checksum::Rfc9568), bytes, "v6: {v6}");
    }
}

#[test]
fn the_published_images_are_heard() {
    for v6 in [false, true] {
        let (bytes, config, src, dst) = image(v6);
        let id = config.id();
        let mut node = node(config, SIGNED_AT);
        assert_eq!(hear(&mut node, 0, src, dst, &bytes), Ok(()), "v6: {v6}");
        assert_eq!(node.instance(id).unwrap().active, Some(src));
    }
}

#[test]
fn a_resignation_sent_in_place_of_the_signer_comes_after_its_advertisement() {
    for v6 in [false, true] {
        let (_, config, src, dst) = image(v6);
        let mut node = node(config.clone(), SIGNED_AT);
        let InstanceConfig { version, vrid, interval, addresses, auth, .. } = config;
        let unsigned = Advertisement::new(version, vrid, 200.into(), interval, addresses, auth).unwrap();
        let signed = unsigned.signed(key(1), Sequence::at(SIGNED_AT));
        let encode = |advertisement: &Advertisement| advertisement.encode(src, dst, Checksum::Rfc9568);
        assert_eq!(hear(&mut node, 1, src, dst, &encode(&signed)), Ok(()));
        assert_eq!(hear(&mut node, 2, src, dst, &encode(&signed)), Err(Discard::AuthExtReplay));
        assert_eq!(hear(&mut node, 3, src, dst, &encode(&signed.resignation())), Ok(()));
    }
}

#[test]
fn whatever_is_changed_on_the_way_is_noticed() {
    // The byte, of which one bit is flipped, and the verdict of one who does not look at the checksum.
    let table: [(&str, usize, Option<Discard>); 11] = [
        ("priority", 2, Some(Discard::AuthExtInvalidHmac)),
        ("interval", 5, Some(Discard::AuthExtInvalidHmac)),
        ("checksum", 6, None),
        ("address", 23, Some(Discard::AuthExtInvalidHmac)),
        ("type of the trailer", 24, Some(Discard::AuthExtMalformed)),
        ("key id", 25, Some(Discard::AuthExtUnknownKey)),
        ("reserved bits", 26, Some(Discard::AuthExtMalformed)),
        ("seconds", 31, Some(Discard::AuthExtInvalidHmac)),
        ("fraction", 32, Some(Discard::AuthExtInvalidHmac)),
        ("counter", 35, Some(Discard::AuthExtInvalidHmac)),
        ("HMAC", 36, Some(Discard::AuthExtInvalidHmac)),
    ];
    let (bytes, config, src, dst) = image(true);
    for (name, index, verdict) in table {
        let mut changed = bytes.clone();
        changed[index] ^= 1;
        let packet = Packet::new(&changed, Family::V6).unwrap();
        let judged = packet.trailer().and_then(|trailer| {
            let trailer = trailer.unwrap();
            let known =
                config.hmac.as_ref().unwrap().key(trailer.key_id).ok_or(Discard::AuthExtUnknownKey)?;
            let genuine = trailer.is_of(known, packet.message(), src);
            if genuine { Ok(()) } else { Err(Discard::AuthExtInvalidHmac) }
        });
        assert_eq!(judged.err(), verdict, "{name}");

        // A node sees the checksum first, unless whoever changed the packet has mended it.
        let mut node = node(config.clone(), SIGNED_AT);
        assert_eq!(hear(&mut node, 0, src, dst, &changed), Err(Discard::BadChecksum), "{name}");
        if verdict.is_some() {
            let sum = transport_checksum(&changed, src, dst);
            changed[6..8].copy_from_slice(&sum.to_be_bytes());
            assert_eq!(hear(&mut node, 0, src, dst, &changed).err(), verdict, "{name}");
        }
        assert_eq!(node.instance(config.id()).unwrap().active, None);
    }
}

/// RFC 8200 §8.1, word by word.
fn transport_checksum(message: &[u8], src: IpAddr, dst: IpAddr) -> u16 {
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (src, dst) else { panic!("IPv6 alone") };
    let mut all = [src.octets(), dst.octets()].concat();
    all.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    all.extend([0, 0, 0, 112]);
    all.extend(message);
    all[40 + 6..40 + 8].fill(0);
    let sum = all.chunks(2).fold(0_u32, |sum, word| {
        let sum = sum + u32::from(u16::from_be_bytes([word[0], word[1]]));
        (sum & 0xffff) + (sum >> 16)
    });
    !u16::try_from(sum).unwrap()
}

#[test]
fn another_source_or_another_virtual_router_cannot_use_a_signature() {
    let (bytes, _, src, _) = image(true);
    let trailer =
        |bytes: &[u8]| -> Trailer { Packet::new(bytes, Family::V6).unwrap().trailer().unwrap().unwrap() };
    let message = |bytes: &[u8]| bytes[..24].to_vec();
    assert!(trailer(&bytes).is_of(&key(1), &message(&bytes), src));
    assert!(!trailer(&bytes).is_of(&key(1), &message(&bytes), "fe80::20".parse().unwrap()));
    assert!(!trailer(&bytes).is_of(&key(2), &message(&bytes), src));
    let mut other = message(&bytes);
    other[1] = 52;
    assert!(!trailer(&bytes).is_of(&key(1), &other, src));
}

fn signed_config(edit: impl FnOnce(&mut HmacConfig)) -> InstanceConfig {
    let mut config = config();
    let mut hmac = HmacConfig::new(key(1));
    edit(&mut hmac);
    config.hmac = Some(hmac);
    config
}

/// What the peer .12 sends at priority 200, signed at this millisecond of the wall clock with this key.
fn packet(wall_millis: u64, key: Option<Key>) -> Vec<u8> {
    let mut advertisement = crate::node::advert(&config(), 200);
    if let Some(key) = key {
        advertisement = advertisement.signed(key, Sequence::at(Duration::from_millis(wall_millis)));
    }
    advertisement.encode(ip(12), Family::V4.group(), Checksum::Keepalived)
}

fn hears(node: &mut Node, millis: u64, bytes: &[u8]) -> Result<(), Discard> {
    let verdict = node.handle_packet(at(millis), ingress(bytes));
    said(node);
    verdict
}

const WALL: u64 = 1_000_000_000;

fn signed_node(edit: impl FnOnce(&mut HmacConfig)) -> Node {
    node(signed_config(edit), Duration::from_millis(WALL))
}

#[test]
fn what_is_not_fresh_is_stale_or_a_replay() {
    let mut node = signed_node(|_| {});
    let mut verdict = |millis, signed| hears(&mut node, millis, &packet(WALL + signed, Some(key(1))));
    assert_eq!(verdict(6000, 6000), Ok(()));
    assert_eq!(verdict(6001, 6000), Err(Discard::AuthExtReplay));
    assert_eq!(verdict(6001, 5999), Err(Discard::AuthExtReplay));
    // Three intervals of a second are less than the least window of 5 s.
    assert_eq!(verdict(6001, 1000), Err(Discard::AuthExtStale));
    assert_eq!(verdict(6001, 11_100), Err(Discard::AuthExtStale));
    assert_eq!(verdict(6001, 11_000), Ok(()));
    assert_eq!(verdict(6002, 10_999), Err(Discard::AuthExtReplay));
}

#[test]
fn each_sender_has_its_own_sequence() {
    let mut node = signed_node(|_| {});
    assert_eq!(hears(&mut node, 3000, &packet(WALL + 3000, Some(key(1)))), Ok(()));
    let advertisement =
        crate::node::advert(&config(), 200).signed(key(1), Sequence::at(Duration::from_millis(WALL + 2000)));
    let bytes = advertisement.encode(ip(13), Family::V4.group(), Checksum::Keepalived);
    let verdict = node.handle_packet(at(3001), Ingress { src: ip(13), ..ingress(&bytes) });
    said(&mut node);
    assert_eq!(verdict, Ok(()));
}

#[test]
fn a_mark_that_the_window_has_left_behind_stops_nobody() {
    let mut node = signed_node(|_| {});
    assert_eq!(hears(&mut node, 1000, &packet(WALL + 5000, Some(key(1)))), Ok(()));
    // Both clocks are set back by a minute.
    node.handle_wall_clock(at(2000), Duration::from_millis(WALL - 60_000));
    assert_eq!(hears(&mut node, 2000, &packet(WALL - 60_000, Some(key(1)))), Ok(()));
    assert_eq!(hears(&mut node, 2001, &packet(WALL - 60_000, Some(key(1)))), Err(Discard::AuthExtReplay));
}

#[test]
fn without_a_window_only_growth_counts() {
    let mut node = signed_node(|hmac| hmac.anti_replay = AntiReplay::Monotonic);
    assert_eq!(hears(&mut node, 0, &packet(5000, Some(key(1)))), Ok(()));
    assert_eq!(hears(&mut node, 1, &packet(WALL * 2, Some(key(1)))), Ok(()));
    assert_eq!(hears(&mut node, 2, &packet(WALL, Some(key(1)))), Err(Discard::AuthExtReplay));
}

#[test]
fn a_window_is_as_long_as_it_is_configured() {
    let window = Some(Duration::from_secs(60));
    let mut node = signed_node(|hmac| hmac.anti_replay = AntiReplay::Time { window });
    assert_eq!(hears(&mut node, 0, &packet(WALL - 60_001, Some(key(1)))), Err(Discard::AuthExtStale));
    assert_eq!(hears(&mut node, 0, &packet(WALL - 60_000, Some(key(1)))), Ok(()));
}

#[test]
fn the_mode_says_who_signs_and_what_is_required() {
    for (mode, unsigned, signs) in [
        (HmacMode::Enforce, Err(Discard::AuthExtMissing), true),
        (HmacMode::Permissive, Ok(()), true),
        (HmacMode::ReceiveOnly, Ok(()), false),
    ] {
        let mut node = signed_node(|hmac| hmac.mode = mode);
        assert_eq!(hears(&mut node, 0, &packet(0, None)), unsigned, "{mode:?}");
        assert_eq!(hears(&mut node, 0, &packet(WALL, Some(key(1)))), Ok(()));
        // What is signed is judged in every mode.
        assert_eq!(hears(&mut node, 0, &packet(WALL + 1, Some(key(2)))), Err(Discard::AuthExtUnknownKey));
        let stats = node.instance(id()).unwrap().stats;
        assert_eq!(stats.unsigned, u64::from(unsigned.is_ok()));
        assert_eq!(stats.discards.get(Discard::AuthExtUnknownKey), 1);
        assert_eq!(stats.discards.get(Discard::AuthExtMissing), u64::from(unsigned.is_err()));

        node.handle_timeout(at(3610));
        assert_eq!(first_sent(&mut node).len(), if signs { 12 + 28 } else { 12 });
    }
}

fn first_sent(node: &mut Node) -> Vec<u8> {
    let actions: Vec<Action> = std::iter::from_fn(|| node.poll_action()).map(|(_, action)| action).collect();
    let sent = actions.iter().find_map(|action| match action {
        Action::Transmit(advertisement) => Some(advertisement),
        Action::InstallVips { .. }
        | Action::RemoveVips { .. }
        | Action::Announce { .. }
        | Action::Transitioned { .. }
        | Action::SplitBegan { .. }
        | Action::SplitEnded => None,
    });
    sent.unwrap().encode(ip(11), Family::V4.group(), Checksum::Keepalived)
}

fn trailer_of(bytes: &[u8]) -> Trailer {
    Packet::new(bytes, Family::V4).unwrap().trailer().unwrap().unwrap()
}

#[test]
fn each_advertisement_is_signed_later_than_the_one_before() {
    let mut node = signed_node(|_| {});
    node.handle_timeout(at(3610));
    let first = trailer_of(&first_sent(&mut node)).sequence;
    assert_eq!(first, Sequence::at(Duration::from_millis(WALL + 3610)));
    // Another one in the same instant, in answer to a resignation.
    let mut resignation = crate::node::advert(&config(), 0);
    resignation = resignation.signed(key(1), Sequence::at(Duration::from_millis(WALL + 3610)));
    let bytes = resignation.encode(ip(12), Family::V4.group(), Checksum::Keepalived);
    node.handle_packet(at(3610), ingress(&bytes)).unwrap();
    let second = trailer_of(&first_sent(&mut node)).sequence;
    assert_eq!(second, first.next());
    // The clock was set back by less than the window: on from where it was.
    node.handle_wall_clock(at(3700), Duration::from_millis(WALL));
    node.handle_timeout(at(4610));
    assert_eq!(trailer_of(&first_sent(&mut node)).sequence, second.next());
    // By more: from the clock.
    node.handle_wall_clock(at(4700), Duration::from_millis(WALL - 60_000));
    node.handle_timeout(at(5610));
    assert_eq!(
        trailer_of(&first_sent(&mut node)).sequence,
        Sequence::at(Duration::from_millis(WALL - 60_000 + 910))
    );
}

#[test]
fn keys_are_exchanged_without_a_gap() {
    let both = |active| {
        signed_config(|hmac| {
            hmac.keys.push(key(2));
            hmac.active_key = active;
        })
    };
    let reload = |node: &mut Node, config| {
        node.handle_command(at(4000), Command::Reconfigure(NodeConfig::new(vec![config]).unwrap()));
    };
    let mut node = signed_node(|_| {});
    node.handle_timeout(at(3610));
    assert_eq!(trailer_of(&first_sent(&mut node)).key_id, 1);
    reload(&mut node, both(1));
    said(&mut node);
    assert_eq!(hears(&mut node, 4000, &resigned(4000, key(1))), Ok(()));
    assert_eq!(hears(&mut node, 4001, &resigned(4001, key(2))), Ok(()));
    reload(&mut node, both(2));
    said(&mut node);
    node.handle_timeout(at(5100));
    assert_eq!(trailer_of(&first_sent(&mut node)).key_id, 2);
    let mut last = signed_config(|hmac| *hmac = HmacConfig::new(key(2)));
    last.priority = Rank::new(100).unwrap();
    reload(&mut node, last);
    said(&mut node);
    assert_eq!(hears(&mut node, 5200, &resigned(5200, key(1))), Err(Discard::AuthExtUnknownKey));
    assert_eq!(hears(&mut node, 5201, &resigned(5201, key(2))), Ok(()));
}

fn resigned(wall_millis: u64, key: Key) -> Vec<u8> {
    let signed = crate::node::advert(&config(), 0)
        .signed(key, Sequence::at(Duration::from_millis(WALL + wall_millis)));
    signed.encode(ip(12), Family::V4.group(), Checksum::Keepalived)
}

#[test]
fn a_trailer_is_excess_where_none_is_configured_and_is_28_bytes_where_one_is() {
    let mut plain = node(config(), Duration::ZERO);
    assert_eq!(hears(&mut plain, 0, &packet(0, Some(key(1)))), Err(Discard::TrailingBytes));
    let mut signed = signed_node(|_| {});
    let mut bytes = packet(WALL, Some(key(1)));
    bytes.push(0);
    assert_eq!(hears(&mut signed, 0, &bytes), Err(Discard::TrailingBytes));
    bytes.truncate(12 + 27);
    assert_eq!(hears(&mut signed, 0, &bytes), Err(Discard::TrailingBytes));
}

#[test]
fn version_2_is_signed_after_its_authentication_data() {
    let mut two = signed_config(|_| {});
    two.version = Version::V2;
    let mut node = node(two.clone(), Duration::from_millis(WALL));
    let signed = crate::node::advert(&two, 200).signed(key(1), Sequence::at(Duration::from_millis(WALL)));
    let bytes = signed.encode(ip(12), Family::V4.group(), Checksum::Keepalived);
    assert_eq!(bytes.len(), 8 + 4 + 8 + 28);
    assert_eq!(hears(&mut node, 0, &bytes), Ok(()));
}

#[test]
fn a_node_that_was_not_told_the_time_hears_nothing_by_time() {
    let mut node = Node::new(NodeConfig::new(vec![signed_config(|_| {})]).unwrap());
    node.handle_link(at(0), ETH, link());
    node.handle_command(at(0), Command::Start);
    said(&mut node);
    assert_eq!(hears(&mut node, 0, &packet(WALL, Some(key(1)))), Err(Discard::AuthExtStale));
}

#[test]
fn impossible_signatures_are_refused_in_the_configuration() {
    type Edit = fn(&mut HmacConfig);
    let unsound: [Edit; 5] = [
        |hmac| hmac.active_key = 9,
        |hmac| hmac.keys.clear(),
        |hmac| hmac.keys.push(key(1)),
        |hmac| hmac.anti_replay = AntiReplay::Time { window: Some(Duration::ZERO) },
        |hmac| hmac.anti_replay = AntiReplay::Time { window: Some(Duration::from_secs(301)) },
    ];
    for edit in unsound {
        assert_eq!(signed_config(edit).check(), Err(ConfigError::UnsoundHmac(id())));
    }
    let mut both = signed_config(|_| {});
    both.version = Version::V2;
    both.auth = Authentication::Password(Password::new(b"1111"));
    assert_eq!(both.check(), Err(ConfigError::TwoAuthentications(id())));
}
