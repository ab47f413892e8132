//! Routes and rules, from keepalived's words to the kernel's numbers.

use config::keepalived::{self as ka, RouteKind, RoutePlace, RuleAction};
use vip_netlink::{Hop, Place, Prefix, Route, Rule, Scope};

/// `RT_TABLE_UNSPEC`: a rule that looks into no table.
const NO_TABLE: u32 = 0;

/// The route with indices in place of names; `None`: it names an interface that is not there.
pub(super) fn route(route: &ka::Route, index: impl Fn(&str) -> Option<u32>) -> Option<Route> {
    let hop = |via, dev: Option<&String>, onlink, weight| {
        let ifindex = match dev {
            Some(dev) => Some(index(dev)?),
            None => None,
        };
        Some(Hop { via, ifindex, onlink, weight })
    };
    let hops: Option<Vec<Hop>> =
        route.nexthops.iter().map(|way| hop(way.via, way.dev.as_ref(), way.onlink, way.weight)).collect();
    Some(Route {
        kind: match route.kind {
            RouteKind::Unicast => 1,
            RouteKind::Local => 2,
            RouteKind::Broadcast => 3,
            RouteKind::Anycast => 4,
            RouteKind::Multicast => 5,
            RouteKind::Blackhole => 6,
            RouteKind::Unreachable => 7,
            RouteKind::Prohibit => 8,
            RouteKind::Throw => 9,
        },
        destination: prefix(route.destination),
        from: route.from.map(prefix),
        source: route.source,
        hop: hop(route.via, route.dev.as_ref(), route.onlink, 1)?,
        hops: hops?,
        table: route.table,
        scope: scope(route),
        protocol: route.protocol,
        metric: route.metric,
        tos: route.tos,
        metrics: route.metrics.iter().map(|metric| (metric.kind.rtax(), metric.value)).collect(),
        locked: route
            .metrics
            .iter()
            .filter(|metric| metric.lock)
            .fold(0, |locked, metric| locked | 1_u32.checked_shl(u32::from(metric.kind.rtax())).unwrap_or(0)),
        place: match route.place {
            RoutePlace::Prepend => Place::Prepend,
            RoutePlace::Append => Place::Append,
            RoutePlace::Add => Place::Add,
        },
    })
}

pub(super) fn rule(rule: &ka::Rule) -> Rule {
    let (action, table, goto) = match rule.action {
        RuleAction::Table(table) => (1, table, None),
        RuleAction::L3mdev => (1, NO_TABLE, None),
        RuleAction::Goto(preference) => (2, NO_TABLE, Some(preference)),
        RuleAction::Nop => (3, NO_TABLE, None),
        RuleAction::Blackhole => (6, NO_TABLE, None),
        RuleAction::Unreachable => (7, NO_TABLE, None),
        RuleAction::Prohibit => (8, NO_TABLE, None),
    };
    Rule {
        ipv6: rule.ipv6,
        invert: rule.not,
        from: rule.from.map(prefix),
        to: rule.to.map(prefix),
        tos: rule.tos.unwrap_or(0),
        fwmark: rule.fwmark,
        iif: rule.iif.clone(),
        oif: rule.oif.clone(),
        uids: rule.uids.clone(),
        ip_protocol: rule.ip_protocol,
        source_ports: rule.source_ports.clone(),
        destination_ports: rule.destination_ports.clone(),
        preference: rule.preference,
        suppress_prefix_len: rule.suppress_prefix_len,
        suppress_ifgroup: rule.suppress_ifgroup,
        protocol: rule.protocol,
        action,
        table,
        goto,
        l3mdev: rule.action == RuleAction::L3mdev,
    }
}

/// The interfaces that a route names.
pub(super) fn names(route: &ka::Route) -> impl Iterator<Item = &String> {
    route.dev.iter().chain(route.nexthops.iter().filter_map(|way| way.dev.as_ref()))
}

/// As `ip route` takes it: link without a gateway, host for local addresses, else global.
fn scope(route: &ka::Route) -> Scope {
    match (route.scope, route.kind) {
        (Some(scope), _) => super::convert::scope(scope),
        (None, RouteKind::Local) if !route.ipv6 => Scope::HOST,
        (None, RouteKind::Unicast | RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast)
            if !route.ipv6 && route.via.is_none() && route.nexthops.is_empty() =>
        {
            Scope::LINK
        }
        (None, _) => Scope::GLOBAL,
    }
}

/// The kernel refuses bits beyond the prefix.
fn prefix(prefix: ka::Prefix) -> Prefix {
    let addr = match prefix.addr {
        std::net::IpAddr::V4(addr) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.len.min(32))).unwrap_or(0);
            std::net::Ipv4Addr::from_bits(addr.to_bits() & mask).into()
        }
        std::net::IpAddr::V6(addr) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.len.min(128))).unwrap_or(0);
            std::net::Ipv6Addr::from_bits(addr.to_bits() & mask).into()
        }
    };
    Prefix { addr, len: prefix.len }
}
