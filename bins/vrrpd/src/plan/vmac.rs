//! The interfaces of virtual routers that have a hardware address of their own (RFC 9568 §7.3).

use std::collections::BTreeSet;

use config::keepalived::{Config, VirtualAddress, VrrpInstance};
use vip_netlink::MacAddress;

/// A macvlan that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vmac {
    pub(crate) name: String,
    /// The interface below.
    pub(crate) parent: String,
    pub(crate) mac: MacAddress,
    /// The group of interfaces that it is in; `None`: that of the interface below.
    pub(crate) group: Option<u32>,
    /// Have the kernel tell of the interface below when this one goes up or down.
    pub(crate) notify: bool,
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

/// `use_vmac` of the instance.
pub(super) fn of_instance(instance: &VrrpInstance) -> Option<Vmac> {
    let vmac = instance.vmac.as_ref()?;
    Some(Vmac {
        name: vmac.name.clone(),
        parent: instance.interface.clone(),
        mac: MacAddress(vmac.mac),
        group: vmac.group,
        notify: vmac.netlink_notify_msg,
    })
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
        mac: MacAddress([0, 0, 0x5e, 0, digit, vrid]),
        group: None,
        notify: false,
    })
}

fn addresses(instance: &VrrpInstance) -> impl Iterator<Item = &VirtualAddress> {
    instance.virtual_ipaddress.iter().chain(&instance.virtual_ipaddress_excluded)
}
