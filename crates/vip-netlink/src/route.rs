//! Routes to add and remove.

use std::net::IpAddr;

use crate::address::Scope;
use crate::netlink::constants::{
    AF_INET, AF_INET6, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, RTA_DST, RTA_GATEWAY, RTA_METRICS,
    RTA_MULTIPATH, RTA_OIF, RTA_PREFSRC, RTA_PRIORITY, RTA_SRC, RTA_TABLE, RTA_VIA, RTAX_LOCK, RTM_DELROUTE,
    RTM_NEWROUTE, RTNH_F_ONLINK,
};
use crate::netlink::request::Request;

/// An address and how many bits of it count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// The address; the kernel refuses bits beyond the prefix.
    pub addr: IpAddr,
    /// 0 to 32 or 128.
    pub len: u8,
}

/// A route as the kernel's `rtmsg` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `RTN_*`: 1 unicast, 2 local, 6 blackhole, 7 unreachable, 8 prohibit, 9 throw.
    pub kind: u8,
    /// Where packets are to go that take it; its family is the route's.
    pub destination: Prefix,
    /// IPv6 only: where they come from.
    pub from: Option<Prefix>,
    /// The source address that the kernel chooses.
    pub source: Option<IpAddr>,
    /// The way, unless there are several.
    pub hop: Hop,
    /// Several ways.
    pub hops: Vec<Hop>,
    /// The table; main is 254.
    pub table: u32,
    /// Scope.
    pub scope: Scope,
    /// Who set it (`/etc/iproute2/rt_protos`).
    pub protocol: u8,
    /// Metric; 0 is the kernel's choice.
    pub metric: u32,
    /// Type of service, IPv4 only.
    pub tos: u8,
    /// `RTAX_*` and value.
    pub metrics: Vec<(u16, u32)>,
    /// Bit n: the kernel leaves `RTAX_` n alone.
    pub locked: u32,
    /// Where it goes among those of the same destination.
    pub place: Place,
}

/// One way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hop {
    /// The gateway.
    pub via: Option<IpAddr>,
    /// The interface.
    pub ifindex: Option<u32>,
    /// The gateway is reachable although no prefix says so.
    pub onlink: bool,
    /// 1 to 256, of several ways.
    pub weight: u16,
}

/// Where a route goes among those of the same destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// First.
    Prepend,
    /// Last.
    Append,
    /// Only when there is no other.
    Add,
}

pub(crate) fn add_request(route: &Route) -> Request {
    let flags = match route.place {
        Place::Prepend => NLM_F_CREATE,
        Place::Append => NLM_F_CREATE | NLM_F_APPEND,
        Place::Add => NLM_F_CREATE | NLM_F_EXCL,
    };
    request(RTM_NEWROUTE, flags, route)
}

pub(crate) fn remove_request(route: &Route) -> Request {
    request(RTM_DELROUTE, 0, route)
}

fn request(kind: u16, flags: u16, route: &Route) -> Request {
    let mut request = Request::acknowledged(kind, flags, &header(route))
        .number(RTA_TABLE, route.table)
        .attribute(RTA_DST, &octets(route.destination.addr));
    if let Some(from) = route.from {
        request = request.attribute(RTA_SRC, &octets(from.addr));
    }
    if let Some(source) = route.source {
        request = request.attribute(RTA_PREFSRC, &octets(source));
    }
    if route.metric != 0 {
        request = request.number(RTA_PRIORITY, route.metric);
    }
    if let Some(ifindex) = route.hop.ifindex {
        request = request.number(RTA_OIF, ifindex);
    }
    if let Some(via) = route.hop.via {
        request = gateway(request, route, via);
    }
    if !route.metrics.is_empty() {
        request = request.nest(RTA_METRICS, |mut metrics| {
            if route.locked != 0 {
                metrics = metrics.number(RTAX_LOCK, route.locked);
            }
            route.metrics.iter().fold(metrics, |metrics, &(kind, value)| metrics.number(kind, value))
        });
    }
    if !route.hops.is_empty() {
        request = request
            .nest(RTA_MULTIPATH, |hops| route.hops.iter().fold(hops, |hops, hop| way(hops, route, hop)));
    }
    request
}

/// `struct rtmsg`.
fn header(route: &Route) -> [u8; 12] {
    let family = if route.destination.addr.is_ipv4() { AF_INET } else { AF_INET6 };
    // The whole number is in an attribute; a larger one is said as "unspecified" here.
    let table = u8::try_from(route.table).unwrap_or(0);
    let flags = if route.hop.onlink { u32::from(RTNH_F_ONLINK) } else { 0 };
    let [a, b, c, d] = flags.to_ne_bytes();
    let from = route.from.map_or(0, |from| from.len);
    [
        family,
        route.destination.len,
        from,
        route.tos,
        table,
        route.protocol,
        route.scope.0,
        route.kind,
        a,
        b,
        c,
        d,
    ]
}

/// `struct rtnexthop` with its attributes; its length covers them.
fn way(request: Request, route: &Route, hop: &Hop) -> Request {
    let attributes = hop.via.map_or_else(Vec::new, |via| gateway(Request::bare(), route, via).into_bytes());
    let length = u16::try_from(8 + attributes.len()).unwrap_or(u16::MAX).to_ne_bytes();
    let flags = if hop.onlink { RTNH_F_ONLINK } else { 0 };
    let weight = u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
    let [a, b, c, d] = hop.ifindex.unwrap_or(0).to_ne_bytes();
    request.raw(&[length[0], length[1], flags, weight, a, b, c, d]).raw(&attributes)
}

/// A gateway of the other family is named with its family.
fn gateway(request: Request, route: &Route, via: IpAddr) -> Request {
    if via.is_ipv4() == route.destination.addr.is_ipv4() {
        return request.attribute(RTA_GATEWAY, &octets(via));
    }
    let family = u16::from(if via.is_ipv4() { AF_INET } else { AF_INET6 });
    request.attribute(RTA_VIA, &[&family.to_ne_bytes()[..], &octets(via)].concat())
}

pub(crate) fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    }
}
