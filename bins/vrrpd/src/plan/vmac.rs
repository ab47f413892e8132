//! The interfaces of virtual routers that have one of their own, most with a hardware address (RFC 9568 §7.3).

use std::collections::BTreeSet;
use std::net::IpAddr;

use config::keepalived::{self as ka, Config, VirtualAddress, VmacKind, VrrpInstance};
use vip_netlink::{IpvlanMode, MacAddress};

/// A macvlan or an ipvlan that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vmac {
    pub(crate) name: String,
    /// The interface below.
    pub(crate) parent: String,
    pub(crate) kind: Kind,
    /// The group of interfaces that it is in; `None`: that of the interface below.
    pub(crate) group: Option<u32>,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With a hardware address of its own; `notify`: have the kernel tell of the interface below when this one goes up or
    /// down.
    Macvlan { mac: MacAddress, notify: bool },
    /// With that of the interface below, and an address that is always there; `None`: the kernel's link-local one.
    Ipvlan { address: Option<(IpAddr, u8)>, mode: IpvlanMode },
}

impl Kind {
    /// As the kernel calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Macvlan { .. } => "macvlan",
            Self::Ipvlan { .. } => "ipvlan",
        }
    }

    /// As the configuration calls it.
    pub(crate) fn keyword(&self) -> &'static str {
        match self {
            Self::Macvlan { .. } => "use_vmac",
            Self::Ipvlan { .. } => "use_ipvlan",
        }
    }
}

/// All that a configuration asks for, each once.
pub(crate) fn vmacs(config: &Config) -> Vec<Vmac> {
    let mut all: Vec<Vmac> = Vec::new();
    for instance in &config.instances {
        let own = of_instance(instance);
        let addresses = addresses(instance).filter_map(|address| of_address(config, instance, address));
        for vmac in own.into_iter().chain(addresses) {
            if all.iter().all(|known| known.name != vmac.name) {
                all.push(vmac);
            }
        }
    }
    all
}

/// The interface that the instance is known by. An ipvlan, which is always up, is one in its own right: advertisements pass
/// through it in both directions, and it is the source that counts.
pub(super) fn speaks_on(instance: &VrrpInstance) -> &str {
    let ipvlan = instance.vmac.as_ref().filter(|vmac| matches!(vmac.kind, VmacKind::Ipvlan { .. }));
    ipvlan.map_or(&instance.interface, |vmac| &vmac.name)
}

/// The macvlan that its advertisements leave by while it is Active.
pub(super) fn leaves_by(instance: &VrrpInstance) -> Option<&str> {
    let transmits = |vmac: &&ka::Vmac| matches!(vmac.kind, VmacKind::Macvlan { xmit_base: false, .. });
    let vmac = instance.vmac.as_ref().filter(|_| instance.unicast_peer.is_empty());
    vmac.filter(transmits).map(|vmac| vmac.name.as_str())
}

/// `use_vmac` or `use_ipvlan` of the instance.
fn of_instance(instance: &VrrpInstance) -> Option<Vmac> {
    let vmac = instance.vmac.as_ref()?;
    let kind = match vmac.kind {
        VmacKind::Macvlan { mac, netlink_notify_msg, xmit_base: _ } => {
            Kind::Macvlan { mac: MacAddress(mac), notify: netlink_notify_msg }
        }
        VmacKind::Ipvlan { address, mode } => Kind::Ipvlan {
            address,
            mode: match mode {
                ka::IpvlanMode::Bridge => IpvlanMode::Bridge,
                ka::IpvlanMode::Private => IpvlanMode::Private,
                ka::IpvlanMode::Vepa => IpvlanMode::Vepa,
            },
        },
    };
    Some(Vmac { name: vmac.name.clone(), parent: instance.interface.clone(), kind, group: vmac.group })
}

/// The one that an address goes onto: that of its instance, or with `use_vmac` in its line, or `use_vmac_addr`, one on
/// the interface that it names.
pub(super) fn of_address(config: &Config, instance: &VrrpInstance, address: &VirtualAddress) -> Option<Vmac> {
    let own = of_instance(instance).filter(|own| own.parent == address.dev);
    if own.is_some() || !address.use_vmac {
        return own;
    }
    let parents: BTreeSet<&str> =
        addresses(instance).filter(|other| other.use_vmac).map(|other| &*other.dev).collect();
    let number = parents.iter().position(|parent| *parent == address.dev)? + 1;
    let (family, digit) = if address.addr.is_ipv6() { ("6", 2) } else { ("", 1) };
    let (prefix, vrid) = (&config.global.vmac_addr_prefix, instance.virtual_router_id);
    Some(Vmac {
        name: format!("{prefix}{family}.{vrid}.{number}"),
        parent: address.dev.clone(),
        kind: Kind::Macvlan { mac: MacAddress([0, 0, 0x5e, 0, digit, vrid]), notify: false },
        group: None,
    })
}

fn addresses(instance: &VrrpInstance) -> impl Iterator<Item = &VirtualAddress> {
    instance.virtual_ipaddress.iter().chain(&instance.virtual_ipaddress_excluded)
}
