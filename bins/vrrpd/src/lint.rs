//! What the machine and the wire show of a configuration that is legal and probably not meant.

use std::net::IpAddr;

use vip_netlink::{AddressInfo, NetworkView};
use vrrp::{Advertised, Packet, Rank, Role, Version};

use crate::plan::{InstancePlan, Plan};

/// What an advertisement shows; at most one of each is said every now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mismatch {
    Interval,
    Weights,
}

/// What the sender of an accepted advertisement has that does not fit ours, each with the way out.
pub(crate) fn mismatches(
    ours: &InstancePlan,
    role: Role,
    from: IpAddr,
    payload: &[u8],
) -> Vec<(Mismatch, String)> {
    let Ok(packet) = Packet::new(payload, ours.config.family) else { return Vec::new() };
    let mut found = Vec::new();
    let field = |at: usize| payload.get(at).copied().unwrap_or(0);
    let mine = ours.config.interval.to_duration().as_millis();
    let theirs = u128::from(u16::from_be_bytes([field(4), field(5)]) & 0xfff) * 10;
    // Version 2 discards such an advertisement, which is said elsewhere.
    if ours.config.version == Version::V3 && theirs != mine {
        found.push((
            Mismatch::Interval,
            format!(
                "advertisement interval mismatch mine={mine} ms rcv'd={theirs} ms from {from}: it counts while that node is \
                 MASTER; advert_int should be the same on all nodes"
            ),
        ));
    }
    if let (Role::Backup, Advertised::Backup(theirs)) = (role, packet.advertised()) {
        found.extend(too_light(ours, from, i32::from(theirs.get())).map(|text| (Mismatch::Weights, text)));
    }
    found
}

/// Whether the MASTER would keep a higher priority than ours if all that we track failed there. It tracks the same, if the
/// files of the nodes are alike.
fn too_light(ours: &InstancePlan, from: IpAddr, theirs: i32) -> Option<String> {
    let Rank::Backup(base) = ours.config.priority else { return None };
    let healthy = i32::from(base.get()) + ours.gain;
    let gap = theirs - healthy;
    (ours.swing > 0 && gap >= ours.swing).then(|| {
        format!(
            "the MASTER {from} has priority {theirs}, {gap} above ours: weights of {} cannot make it lower when a check \
             fails there. Use weights above {gap} on all nodes, or weight 0, or priorities that are closer",
            ours.swing
        )
    })
}

/// Virtual addresses that no subnet of their interface has, as `(instance) text`.
pub(crate) fn outside(plan: &Plan, view: &NetworkView) -> Vec<String> {
    let managed = plan.managed();
    let mut found = Vec::new();
    for (id, instance) in &plan.instances {
        for vip in instance.vips.values() {
            // The subnets of an ipvlan are those of the interface below.
            let below = (vip.ifindex == id.iface.0).then_some(instance.below.0);
            let host = if vip.addr.is_ipv4() { 32 } else { 128 };
            let own: Vec<&AddressInfo> = view
                .addresses()
                .filter(|own| own.ifindex == vip.ifindex || Some(own.ifindex) == below)
                .filter(|own| own.addr.is_ipv4() == vip.addr.is_ipv4())
                .filter(|own| own.proto != vip_netlink::VIP_PROTO && !managed.contains(&own.key()))
                .collect();
            // One with a prefix of its own brings its subnet with it, one with a peer the way there.
            let settled =
                vip.prefix_len < host || vip.peer.is_some() || own.is_empty() || is_link_local(vip.addr);
            if settled || own.iter().any(|own| contains(own.addr, own.prefix_len, vip.addr)) {
                continue;
            }
            let subnets: Vec<String> =
                own.iter().map(|own| format!("{}/{}", own.addr, own.prefix_len)).collect();
            found.push(format!(
                "({}) VIP {} is in no subnet of {} ({}): nobody there asks for it. Correct it, or write it with the length of \
                 its subnet",
                instance.name,
                vip.addr,
                instance.interface,
                subnets.join(", ")
            ));
        }
    }
    found
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// Whether two addresses have the same first `len` bits.
fn contains(network: IpAddr, len: u8, address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(len.min(32))).unwrap_or(0);
            a.to_bits() & mask == b.to_bits() & mask
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(len.min(128))).unwrap_or(0);
            a.to_bits() & mask == b.to_bits() & mask
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_has_the_addresses_with_its_first_bits() {
        for (network, len, address, inside) in [
            ("192.0.2.1", 24, "192.0.2.10", true),
            ("192.0.2.1", 24, "192.0.3.10", false),
            ("192.0.2.1", 32, "192.0.2.1", true),
            ("192.0.2.1", 0, "203.0.113.9", true),
            ("2001:db8::1", 64, "2001:db8::ffff", true),
            ("2001:db8::1", 64, "2001:db8:0:1::1", false),
            ("2001:db8::1", 0, "fd00::1", true),
            ("192.0.2.1", 0, "::1", false),
        ] {
            let (network, address) = (network.parse().unwrap(), address.parse().unwrap());
            assert_eq!(contains(network, len, address), inside, "{network}/{len} {address}");
        }
    }
}
