//! `virtual_routes` and `static_routes`, in the words of `ip route`.

use std::net::IpAddr;

use super::Scope;
use crate::source::Span;

/// An address with a prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// The address; bits beyond the prefix are as written.
    pub addr: IpAddr,
    /// 0 to 32 or 128.
    pub len: u8,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// What becomes of packets, default unicast.
    pub kind: RouteKind,
    /// Whether it is an IPv6 route.
    pub ipv6: bool,
    /// `[to] PREFIX`; `default` is the prefix of length 0.
    pub destination: Prefix,
    /// `src`: the preferred source address.
    pub source: Option<IpAddr>,
    /// `from PREFIX`, IPv6 only.
    pub from: Option<Prefix>,
    /// `via` or `gw`.
    pub via: Option<IpAddr>,
    /// `dev` or `oif`. `None`: the kernel finds it by `via`.
    pub dev: Option<String>,
    /// `onlink`: `via` is reachable although no prefix says so.
    pub onlink: bool,
    /// `nexthop`s of a multipath route; then `via` and `dev` are empty.
    pub nexthops: Vec<NextHop>,
    /// `table`, default main (254).
    pub table: u32,
    /// `scope`. `None`: link without gateway, host for local, else global.
    pub scope: Option<Scope>,
    /// `protocol`, default keepalived's (18).
    pub protocol: u8,
    /// `metric`, `priority` or `preference`; 0 (the default) is the kernel's own.
    pub metric: u32,
    /// `tos` or `dsfield`, IPv4 only.
    pub tos: u8,
    /// `mtu`, `advmss` and others.
    pub metrics: Vec<RouteMetric>,
    /// `add`, `append` or `prepend` (the default).
    pub place: RoutePlace,
    /// Whether it is put back when somebody removes it; not with `no_track`.
    pub track: bool,
    /// `track_group` of a static route.
    pub track_group: Option<String>,
    /// Where it is written.
    pub span: Span,
}

/// The kind of a route (`RTN_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteKind {
    /// Forward.
    Unicast,
    /// Deliver here.
    Local,
    /// Deliver here as broadcast.
    Broadcast,
    /// Multicast.
    Multicast,
    /// Deliver here as broadcast, send as unicast.
    Anycast,
    /// Drop in silence.
    Blackhole,
    /// Drop with ICMP unreachable.
    Unreachable,
    /// Drop with ICMP prohibited.
    Prohibit,
    /// Go on with the next rule.
    Throw,
}

/// One way of a multipath route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// `via`
    pub via: Option<IpAddr>,
    /// `dev`
    pub dev: Option<String>,
    /// `weight`, 1 to 256, default 1.
    pub weight: u16,
    /// `onlink`
    pub onlink: bool,
}

/// Where a route goes among those of the same destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoutePlace {
    /// First.
    Prepend,
    /// Last.
    Append,
    /// Only when there is no other.
    Add,
}

/// A metric with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RouteMetric {
    /// Which.
    pub kind: RouteMetricKind,
    /// Its value; times in milliseconds.
    pub value: u32,
    /// `lock`: the kernel does not adapt it.
    pub lock: bool,
}

/// What a route metric is about (`RTAX_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteMetricKind {
    /// `mtu`
    Mtu,
    /// `window`
    Window,
    /// `rtt`
    Rtt,
    /// `rttvar`
    RttVar,
    /// `ssthresh`
    SsThresh,
    /// `cwnd`
    Cwnd,
    /// `advmss`
    AdvMss,
    /// `reordering`
    Reordering,
    /// `hoplimit`
    HopLimit,
    /// `initcwnd`
    InitCwnd,
    /// `rto_min`
    RtoMin,
    /// `initrwnd`
    InitRwnd,
    /// `quickack`
    QuickAck,
    /// `fastopen_no_cookie`
    FastOpenNoCookie,
}

impl RouteMetricKind {
    /// The kernel's number for it.
    pub fn rtax(self) -> u16 {
        match self {
            Self::Mtu => 2,
            Self::Window => 3,
            Self::Rtt => 4,
            Self::RttVar => 5,
            Self::SsThresh => 6,
            Self::Cwnd => 7,
            Self::AdvMss => 8,
            Self::Reordering => 9,
            Self::HopLimit => 10,
            Self::InitCwnd => 11,
            Self::RtoMin => 13,
            Self::InitRwnd => 14,
            Self::QuickAck => 15,
            Self::FastOpenNoCookie => 17,
        }
    }
}
