//! An interface that must be up.

use vip_netlink::NetworkView;
use vrrp::Health;

/// Up with a carrier, or down; one that is not there is down.
pub(crate) fn health(view: &NetworkView, name: &str) -> Health {
    match view.link_named(name) {
        Some(link) if link.is_operational() => Health::Up,
        Some(_) | None => Health::Down,
    }
}
