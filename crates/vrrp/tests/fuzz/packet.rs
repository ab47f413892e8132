//! Any bytes as a packet: nothing panics, what decodes encodes to itself, and a node's verdict is the decoder's.

use std::net::IpAddr;
use std::time::Instant;

use vrrp::*;

const ETH: IfIndex = IfIndex(2);

/// The first byte chooses family and destination, the rest is the packet.
pub(crate) fn play(bytes: &[u8]) {
    let Some((&choice, payload)) = bytes.split_first() else { return };
    let (src, unicast): (IpAddr, IpAddr) = if choice & 1 == 0 {
        ([192, 0, 2, 12].into(), [192, 0, 2, 11].into())
    } else {
        ("fe80::12".parse().expect("an address"), "fe80::11".parse().expect("an address"))
    };
    let dst = if choice & 2 == 0 { Family::of(src).group() } else { unicast };
    let decoded = Advertisement::decode(payload, src, dst);
    if let Ok((advertisement, form)) = &decoded {
        let encoded = advertisement.encode(src, dst, *form);
        assert_eq!(encoded.len(), payload.len());
        let again = Advertisement::decode(&encoded, src, dst);
        assert_eq!(again.as_ref().map(|(advertisement, _)| advertisement), Ok(advertisement));
    }
    if let Ok(packet) = Packet::new(payload, Family::of(src)) {
        assert!(packet.addresses().count() <= usize::from(packet.count()));
        assert!(packet.message().len() <= payload.len());
        let _ = (packet.auth_data(), packet.trailer());
    }
    hear(payload, src, dst, &decoded);
}

/// A node that is configured for what was decoded hears it; any other node does not.
fn hear(payload: &[u8], src: IpAddr, dst: IpAddr, decoded: &Result<(Advertisement, Checksum), Discard>) {
    let vip = if src.is_ipv4() { [192, 0, 2, 100].into() } else { "fe80::100".parse().expect("an address") };
    let mut config = InstanceConfig::new(ETH, Vrid::new(51).expect("a VRID"), vec![vip]);
    if let Ok((advertisement, _)) = decoded {
        config.vrid = advertisement.vrid();
        config.version = advertisement.version();
        config.interval = advertisement.interval();
        config.auth = advertisement.auth();
    }
    let id = config.id();
    let mut node = Node::new(NodeConfig::new(vec![config]).expect("a configuration"));
    let now = epoch();
    let link = Link {
        up: true,
        v4: Some([192, 0, 2, 11].into()),
        v6: Some("fe80::11".parse().expect("an address")),
    };
    node.handle_link(now, ETH, link);
    node.handle_command(now, Command::Start);
    while node.poll_action().is_some() {}
    let before = node.poll_timeout();
    let verdict = node.handle_packet(now, Ingress { iface: ETH, src, dst, ttl: 255, payload });
    while node.poll_action().is_some() {}
    assert_eq!(verdict.is_ok(), decoded.is_ok(), "{verdict:?} {decoded:?}");
    if verdict.is_err() {
        assert_eq!(node.poll_timeout(), before);
        assert_eq!(node.stats().discards.total(), 1);
    } else {
        assert_eq!(node.instance(id).map(|instance| instance.stats.adverts_received), Some(1));
    }
}

/// The one reading of a clock: an `Instant` cannot be made otherwise.
#[expect(clippy::disallowed_methods)]
fn epoch() -> Instant {
    static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}
