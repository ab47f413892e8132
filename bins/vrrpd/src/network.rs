//! The machine's interfaces as virtual routers see them.

use std::net::IpAddr;

use vip_netlink::{AddressInfo, LinkInfo, NetworkView, Scope};
use vrrp::{Family, IfIndex, Link};

use crate::plan::Plan;

/// `IFA_F_SECONDARY`: the kernel does not send from it unless asked to.
const SECONDARY: u32 = 0x01;

/// State and source addresses of an interface; `None` if it is not there.
pub(crate) fn link(view: &NetworkView, plan: &Plan, iface: IfIndex) -> Option<Link> {
    let v4 = match primary(view, plan, iface, Family::V4) {
        Some(IpAddr::V4(address)) => Some(address),
        Some(IpAddr::V6(_)) | None => None,
    };
    let v6 = match primary(view, plan, iface, Family::V6) {
        Some(IpAddr::V6(address)) => Some(address),
        Some(IpAddr::V4(_)) | None => None,
    };
    // The kernel leaves an ipvlan running when the interface below is switched off.
    let below = view.link(plan.below(iface).0).is_some_and(LinkInfo::is_operational);
    view.link(iface.0).map(|link| Link { up: link.is_operational() && below, v4, v6 })
}

/// The address to send from: never a virtual one, which an earlier run or another daemon may have left; the kernel's
/// primary before its secondary addresses, wide scope before narrow. IPv6 sends from a link-local address.
fn primary(view: &NetworkView, plan: &Plan, iface: IfIndex, family: Family) -> Option<IpAddr> {
    let fit = |address: &&AddressInfo| {
        address.ifindex == iface.0
            && Family::of(address.addr) == family
            && address.proto != vip_netlink::VIP_PROTO
            && !plan.virtual_addresses.contains(&address.addr)
            && match address.addr {
                IpAddr::V4(_) => address.scope < Scope::HOST,
                IpAddr::V6(v6) => v6.is_unicast_link_local(),
            }
    };
    let preference = |address: &&AddressInfo| (address.flags & SECONDARY, address.scope, address.addr);
    view.addresses().filter(fit).min_by_key(preference).map(|address| address.addr)
}
