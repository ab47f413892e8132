//! Bytes and values, both ways.

use std::net::IpAddr;

use proptest::prelude::*;
use vrrp::*;

struct Golden {
    name: &'static str,
    bytes: &'static str,
    src: &'static str,
    dst: &'static str,
    form: Checksum,
    value: Advertisement,
}

fn ips(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

fn value(
    version: Version,
    priority: u8,
    centiseconds: u16,
    addresses: &[&str],
    auth: Authentication,
) -> Advertisement {
    let interval = AdverInterval::from_centiseconds(centiseconds).unwrap();
    let vrid = Vrid::new(51).unwrap();
    Advertisement::new(version, vrid, priority.into(), interval, ips(addresses), auth).unwrap()
}

/// Captured from keepalived 2.2.7, and the vector of draft-cassen-vrrp-auth-hmac without its trailer. The two last ones
/// are summed up by hand.
fn goldens() -> Vec<Golden> {
    let password = Authentication::Password(Password::new(b"1111"));
    vec![
        Golden {
            name: "version 2 with a password",
            bytes: "2133640101 01ffb4 c0a8570a 3131313100000000",
            src: "192.168.87.11",
            dst: "224.0.0.18",
            form: Checksum::Rfc9568,
            value: value(Version::V2, 100, 100, &["192.168.87.10"], password),
        },
        Golden {
            name: "version 3 over IPv4, priority 100",
            bytes: "31336401 000a 5acb c0a8570a",
            src: "192.168.87.11",
            dst: "224.0.0.18",
            form: Checksum::Keepalived,
            value: value(Version::V3, 100, 10, &["192.168.87.10"], Authentication::None),
        },
        Golden {
            name: "version 3 over IPv4, priority 90",
            bytes: "31335a01 000a 64ca c0a8570a",
            src: "192.168.87.12",
            dst: "224.0.0.18",
            form: Checksum::Keepalived,
            value: value(Version::V3, 90, 10, &["192.168.87.10"], Authentication::None),
        },
        Golden {
            name: "version 3 over IPv4, priority 100, 1 s",
            bytes: "31336401 0064 5a71 c0a8570a",
            src: "192.168.87.11",
            dst: "224.0.0.18",
            form: Checksum::Keepalived,
            value: value(Version::V3, 100, 100, &["192.168.87.10"], Authentication::None),
        },
        Golden {
            name: "version 3 over IPv6",
            bytes: "31336402 0064 3f3c fe800000000000000000000000000010 20010db8008700000000000000000010",
            src: "fe80::a:11",
            dst: "ff02::12",
            form: Checksum::Rfc9568,
            value: value(Version::V3, 100, 100, &["fe80::10", "2001:db8:87::10"], Authentication::None),
        },
        Golden {
            name: "version 3 over IPv4 of keepalived 2.4",
            bytes: "3133c801 0064 4402 c0000264",
            src: "198.51.100.10",
            dst: "224.0.0.18",
            form: Checksum::Rfc9568,
            value: value(Version::V3, 200, 100, &["192.0.2.100"], Authentication::None),
        },
        Golden {
            // 3133 + 6401 + 000a + c0a8 + 570a = 1acf0, folded acf1, inverted 530e.
            name: "version 3 over IPv4, checksum of the message alone",
            bytes: "31336401 000a 530e c0a8570a",
            src: "192.168.87.11",
            dst: "224.0.0.18",
            form: Checksum::Rfc9568,
            value: value(Version::V3, 100, 10, &["192.168.87.10"], Authentication::None),
        },
        Golden {
            // 2133 + 0001 + 0001 + c0a8 + 570a = 138e7, folded 38e8, inverted c717.
            name: "version 2 resignation without authentication",
            bytes: "21330001 0001 c717 c0a8570a 0000000000000000",
            src: "192.168.87.11",
            dst: "192.168.87.12",
            form: Checksum::Rfc9568,
            value: value(Version::V2, 0, 100, &["192.168.87.10"], Authentication::None),
        },
    ]
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|char| char.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

#[test]
fn goldens_encode_and_decode() {
    for golden in goldens() {
        let (src, dst) = (golden.src.parse().unwrap(), golden.dst.parse().unwrap());
        let bytes = hex(golden.bytes);
        assert_eq!(golden.value.encode(src, dst, golden.form), bytes, "{}", golden.name);
        assert_eq!(
            Advertisement::decode(&bytes, src, dst),
            Ok((golden.value, golden.form)),
            "{}",
            golden.name
        );
    }
}

#[test]
fn a_unicast_packet_may_sum_up_the_group_address() {
    let advertisement = value(Version::V3, 100, 100, &["192.168.87.10"], Authentication::None);
    let (src, dst) = ("192.168.87.11".parse().unwrap(), "192.168.87.12".parse().unwrap());
    let bytes = advertisement.encode(src, Family::V4.group(), Checksum::Keepalived);
    assert_eq!(
        Advertisement::decode(&bytes, src, dst),
        Ok((advertisement.clone(), Checksum::KeepalivedGroup))
    );
    assert_eq!(advertisement.encode(src, dst, Checksum::KeepalivedGroup), bytes);
}

#[test]
fn reserved_bits_of_version_3_are_ignored() {
    // The reserved bits add f000 to the sum of the golden "message alone": acf1 + f000 = 19cf1, folded 9cf2.
    let bytes = hex("31336401 f00a 630d c0a8570a");
    let (src, dst) = ("192.168.87.11".parse().unwrap(), Family::V4.group());
    let (advertisement, _) = Advertisement::decode(&bytes, src, dst).unwrap();
    assert_eq!(advertisement.interval().centiseconds(), Centiseconds(10));
}

#[test]
fn encode_into_clears_the_buffer_first() {
    let golden = goldens().remove(0);
    let (src, dst) = (golden.src.parse().unwrap(), golden.dst.parse().unwrap());
    let mut buffer = vec![7; 99];
    golden.value.encode_into(&mut buffer, src, dst, golden.form);
    assert_eq!(buffer, hex(golden.bytes));
}

fn any_advertisement() -> impl Strategy<Value = Advertisement> {
    let v4 = prop::collection::vec(any::<[u8; 4]>().prop_map(IpAddr::from), 1..256);
    let v6 = prop::collection::vec(any::<[u8; 16]>().prop_map(IpAddr::from), 1..20);
    let password = prop_oneof![
        Just(Authentication::None),
        any::<[u8; 8]>().prop_map(|bytes| Authentication::Password(Password::new(&bytes))),
    ];
    let centiseconds = (1..4096_u16).prop_map(|value| AdverInterval::from_centiseconds(value).unwrap());
    let seconds = (1..=255_u8).prop_map(|value| AdverInterval::from_seconds(value).unwrap());
    let v2 = (v4.clone(), seconds, password)
        .prop_map(|(addresses, interval, auth)| (Version::V2, addresses, interval, auth));
    let v3 = (prop_oneof![v4, v6], centiseconds)
        .prop_map(|(addresses, interval)| (Version::V3, addresses, interval, Authentication::None));
    (1..=255_u8, any::<u8>(), prop_oneof![v2, v3]).prop_map(
        |(vrid, priority, (version, addresses, interval, auth))| {
            let vrid = Vrid::new(vrid).unwrap();
            Advertisement::new(version, vrid, priority.into(), interval, addresses, auth).unwrap()
        },
    )
}

fn ends(family: Family) -> (IpAddr, IpAddr) {
    let src = match family {
        Family::V4 => IpAddr::from([192, 0, 2, 1]),
        Family::V6 => "fe80::1".parse().unwrap(),
    };
    (src, family.group())
}

/// Ones' complement arithmetic as RFC 1071 defines it, one word at a time.
fn naive_sum(bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(0, |sum: u16, pair| {
        let (sum, carry) = sum.overflowing_add(u16::from_be_bytes([pair[0], pair[1]]));
        sum + u16::from(carry)
    })
}

proptest! {
    #[test]
    fn advertisements_round_trip(advertisement in any_advertisement(), keepalived: bool) {
        let form = if keepalived { Checksum::Keepalived } else { Checksum::Rfc9568 };
        let (src, dst) = ends(advertisement.family());
        let bytes = advertisement.encode(src, dst, form);
        let (decoded, _) = Advertisement::decode(&bytes, src, dst).unwrap();
        prop_assert_eq!(decoded, advertisement);
    }

    #[test]
    fn the_message_sums_up_as_in_rfc_1071(advertisement in any_advertisement()) {
        prop_assume!(advertisement.family() == Family::V4);
        let (src, dst) = ends(Family::V4);
        prop_assert_eq!(naive_sum(&advertisement.encode(src, dst, Checksum::Rfc9568)), 0xffff);
    }

    #[test]
    fn any_cut_or_added_byte_is_noticed(advertisement in any_advertisement(), cut: prop::sample::Index, extra: u8) {
        let (src, dst) = ends(advertisement.family());
        let mut bytes = advertisement.encode(src, dst, Checksum::Keepalived);
        let short = &bytes[..cut.index(bytes.len())];
        prop_assert_eq!(Advertisement::decode(short, src, dst), Err(Discard::Truncated));
        bytes.push(extra);
        prop_assert_eq!(Advertisement::decode(&bytes, src, dst), Err(Discard::TrailingBytes));
    }

    #[test]
    fn a_flipped_bit_is_noticed(advertisement in any_advertisement(), at: prop::sample::Index) {
        let (src, dst) = ends(advertisement.family());
        let mut bytes = advertisement.encode(src, dst, Checksum::Keepalived);
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Advertisement::decode(&bytes, src, dst).is_err());
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), v6: bool) {
        let (src, dst) = ends(if v6 { Family::V6 } else { Family::V4 });
        if let Ok((advertisement, form)) = Advertisement::decode(&bytes, src, dst) {
            prop_assert_eq!(advertisement.encode(src, dst, form).len(), bytes.len());
        }
        if let Ok(packet) = Packet::new(&bytes, Family::of(src)) {
            prop_assert!(packet.addresses().count() <= usize::from(packet.count()));
            let _ = packet.auth_data();
        }
    }
}
