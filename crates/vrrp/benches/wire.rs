//! What it costs to read and to write an advertisement.

use std::net::{IpAddr, Ipv4Addr};

use divan::{Bencher, black_box};
use vrrp::{AdverInterval, Advertised, Advertisement, Authentication, Checksum, Version, Vrid};

const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 11));
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
const ADDRESSES: [u8; 3] = [1, 20, 200];
const FORMS: [Checksum; 2] = [Checksum::Rfc9568, Checksum::Keepalived];

fn main() {
    divan::main();
}

#[divan::bench(args = ADDRESSES)]
fn decode(bencher: Bencher<'_, '_>, addresses: u8) {
    let bytes = advertisement(addresses).encode(ROUTER, GROUP, Checksum::Rfc9568);
    bencher.bench(|| Advertisement::decode(black_box(&bytes), ROUTER, GROUP));
}

#[divan::bench(args = FORMS)]
fn decode_by_form_of_checksum(bencher: Bencher<'_, '_>, form: Checksum) {
    let bytes = advertisement(1).encode(ROUTER, GROUP, form);
    bencher.bench(|| Advertisement::decode(black_box(&bytes), ROUTER, GROUP));
}

#[divan::bench]
fn decode_refuses_a_bad_checksum(bencher: Bencher<'_, '_>) {
    let mut bytes = advertisement(1).encode(ROUTER, GROUP, Checksum::Rfc9568);
    bytes[6] ^= 0xff;
    bencher.bench(|| Advertisement::decode(black_box(&bytes), ROUTER, GROUP));
}

#[divan::bench(args = ADDRESSES)]
fn encode(bencher: Bencher<'_, '_>, addresses: u8) {
    let advertisement = advertisement(addresses);
    let mut bytes = Vec::new();
    bencher.bench_local(|| {
        black_box(&advertisement).encode_into(&mut bytes, ROUTER, GROUP, Checksum::Rfc9568);
        black_box(bytes.len())
    });
}

fn advertisement(addresses: u8) -> Advertisement {
    let vrid = Vrid::new(51).expect("51 is a VRID");
    let addresses = (1..=addresses).map(|n| IpAddr::V4(Ipv4Addr::new(192, 0, 2, n))).collect();
    let priority = Advertised::from(100);
    Advertisement::new(Version::V3, vrid, priority, AdverInterval::DEFAULT, addresses, Authentication::None)
        .expect("it is the most ordinary of advertisements")
}
