//! Lines of `virtual_routes` and `static_routes`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::keywords;
use super::super::lexer::Word;
use super::super::model::{
    NextHop, Prefix, Route, RouteKind, RouteMetric, RouteMetricKind, RoutePlace, Scope,
};
use super::super::tree::Block;
use super::words::Words;
use super::{Findings, address, value};
use crate::diagnostic::Diagnostic;

/// The main table.
pub(super) const MAIN: u32 = 254;
/// The protocol number of what a VRRP daemon sets; `ip` shows it as `keepalived`.
pub(super) const PROTOCOL: u8 = 18;

/// One route.
pub(super) fn route(block: &Block, findings: &mut Findings<'_>) -> Option<Route> {
    let all: Vec<Word> = std::iter::once(&block.keyword).chain(&block.args).cloned().collect();
    let mut words = Words::new(&all, &keywords::ROUTE, "route");
    let mut draft = Draft::default();
    let before = findings.errors();
    loop {
        if let Some(word) = words.value() {
            draft.destination(word, findings);
            continue;
        }
        let Some(option) = words.option(findings) else { break };
        match option.keyword.text.as_str() {
            "nexthop" => draft.nexthops.push(NextHop { via: None, dev: None, weight: 1, onlink: false }),
            "mtu" | "window" | "rtt" | "rttvar" | "ssthresh" | "cwnd" | "advmss" | "reordering"
            | "hoplimit" | "initcwnd" | "initrwnd" | "rto_min" | "quickack" | "fastopen_no_cookie" => {
                draft.metric(&option, &mut words, findings);
            }
            "via" | "gw" => {
                // `via inet6 ADDRESS`
                let family = matches!(option.arg(0), Some("inet" | "inet6"));
                let word = if family { words.value() } else { option.args.first() };
                if let Some(word) = word {
                    *draft.via() = address::single(word, findings);
                }
            }
            _ => draft.option(&option, findings),
        }
    }
    (findings.errors() == before).then(|| draft.finish(block, findings)).flatten()
}

#[derive(Debug, Default)]
struct Draft {
    kind: Option<RouteKind>,
    ipv6: Option<bool>,
    destination: Option<Option<Prefix>>,
    source: Option<IpAddr>,
    from: Option<Prefix>,
    via: Option<IpAddr>,
    dev: Option<String>,
    onlink: bool,
    nexthops: Vec<NextHop>,
    table: Option<u32>,
    scope: Option<Scope>,
    protocol: Option<u8>,
    metric: u32,
    tos: u8,
    metrics: Vec<RouteMetric>,
    place: Option<RoutePlace>,
    no_track: bool,
    track_group: Option<String>,
}

impl Draft {
    fn via(&mut self) -> &mut Option<IpAddr> {
        match self.nexthops.last_mut() {
            Some(hop) => &mut hop.via,
            None => &mut self.via,
        }
    }

    fn destination(&mut self, word: &Word, findings: &mut Findings<'_>) {
        if self.destination.is_some() {
            findings.push(
                Diagnostic::error(format!("`{}` is not expected in a route", word.text), word.span)
                    .label("the destination is there already")
                    .help("one route a line: `PREFIX via ADDRESS dev NAME`"),
            );
        } else if word.text == "default" {
            self.destination = Some(None);
        } else {
            self.destination = prefix(word, findings).map(Some);
        }
    }

    /// `NAME [lock] VALUE`
    fn metric(&mut self, option: &Block, words: &mut Words<'_>, findings: &mut Findings<'_>) {
        let lock = option.arg(0) == Some("lock");
        let written = if lock { words.value() } else { option.args.first() };
        let Some(written) = written else { return };
        let Some(kind) = metric_kind(&option.keyword.text) else { return };
        let time = matches!(kind, RouteMetricKind::Rtt | RouteMetricKind::RttVar | RouteMetricKind::RtoMin);
        let number = if time { milliseconds(&written.text) } else { written.text.parse().ok() };
        match number {
            Some(value) => self.metrics.push(RouteMetric { kind, value, lock }),
            None => value::wrong(option, &written.text, "a whole number", written.span, findings),
        }
    }

    fn option(&mut self, option: &Block, findings: &mut Findings<'_>) {
        let number = |findings: &mut Findings<'_>| value::integer::<u32>(option, 0, 0..=u32::MAX, findings);
        match option.keyword.text.as_str() {
            "to" => {
                if let Some(word) = option.args.first() {
                    self.destination(word, findings);
                }
            }
            "from" => self.from = option.args.first().and_then(|word| prefix(word, findings)),
            "src" => self.source = option.args.first().and_then(|word| address::single(word, findings)),
            "dev" | "oif" => {
                let dev = option.args.first().and_then(|w| value::interface(&w.text, w.span, findings));
                match self.nexthops.last_mut() {
                    Some(hop) => hop.dev = dev,
                    None => self.dev = dev,
                }
            }
            "onlink" => match self.nexthops.last_mut() {
                Some(hop) => hop.onlink = true,
                None => self.onlink = true,
            },
            "weight" => {
                let weight = value::integer::<u16>(option, 0, 1..=256, findings).unwrap_or(1);
                match self.nexthops.last_mut() {
                    Some(hop) => hop.weight = weight,
                    None => findings.push(
                        Diagnostic::error("`weight` belongs to a `nexthop`", option.span)
                            .help("write `nexthop via ADDRESS weight NUMBER`"),
                    ),
                }
            }
            "table" => self.table = table(option, findings),
            "protocol" => self.protocol = protocol(option, findings),
            "scope" => match option.arg(0).and_then(address::scope) {
                Some(scope) => self.scope = Some(scope),
                None => value::wrong(
                    option,
                    option.arg(0).unwrap_or_default(),
                    "global, site, link, host, nowhere or a number to 255",
                    option.span,
                    findings,
                ),
            },
            "metric" | "priority" | "preference" => self.metric = number(findings).unwrap_or(0),
            "tos" | "dsfield" => self.tos = byte(option, findings).unwrap_or(0),
            "inet" => self.ipv6 = Some(false),
            "inet6" => self.ipv6 = Some(true),
            "add" => self.place = Some(RoutePlace::Add),
            "append" => self.place = Some(RoutePlace::Append),
            "prepend" => self.place = Some(RoutePlace::Prepend),
            "no_track" => self.no_track = true,
            "track_group" => self.track_group = option.arg(0).map(str::to_owned),
            kind => self.kind = route_kind(kind).or(self.kind),
        }
    }

    fn finish(self, block: &Block, findings: &mut Findings<'_>) -> Option<Route> {
        let Some(destination) = self.destination else {
            findings.push(
                Diagnostic::error("this route has no destination", block.span)
                    .label("to where?")
                    .help("write `default` or `PREFIX` first, for example `192.0.2.0/24 via 198.51.100.1`"),
            );
            return None;
        };
        let addresses =
            [destination.map(|to| to.addr), self.via, self.source, self.from.map(|from| from.addr)];
        let hops = self.nexthops.iter().map(|hop| hop.via);
        let known: Vec<bool> = addresses.into_iter().chain(hops).flatten().map(|a| a.is_ipv6()).collect();
        let ipv6 = self.ipv6.or(known.first().copied()).unwrap_or(false);
        if known.iter().any(|other| *other != ipv6) {
            findings.push(
                Diagnostic::error("the addresses of a route are IPv4, or all are IPv6", block.span)
                    .label("both stand here"),
            );
            return None;
        }
        let any = if ipv6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
        let kind = self.kind.unwrap_or(RouteKind::Unicast);
        let drops = matches!(
            kind,
            RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Throw
        );
        let nowhere = self.via.is_none() && self.dev.is_none() && self.nexthops.is_empty();
        if nowhere && !drops {
            findings.push(
                Diagnostic::error("this route leads nowhere", block.span)
                    .label("neither a gateway nor an interface")
                    .help("add `via ADDRESS` or `dev NAME`"),
            );
            return None;
        }
        Some(Route {
            kind,
            ipv6,
            destination: destination.unwrap_or(Prefix { addr: any, len: 0 }),
            source: self.source,
            from: self.from,
            via: self.via,
            dev: self.dev,
            onlink: self.onlink,
            nexthops: self.nexthops,
            table: self.table.unwrap_or(MAIN),
            scope: self.scope,
            protocol: self.protocol.unwrap_or(PROTOCOL),
            metric: self.metric,
            tos: self.tos,
            metrics: self.metrics,
            place: self.place.unwrap_or(RoutePlace::Prepend),
            track: !self.no_track,
            track_group: self.track_group,
            span: block.span,
        })
    }
}

/// ADDRESS or ADDRESS/LENGTH.
pub(super) fn prefix(word: &Word, findings: &mut Findings<'_>) -> Option<Prefix> {
    let found = address::parse(&word.text);
    if found.is_none() {
        findings.push(
            Diagnostic::error(format!("`{}` is not a prefix", word.text), word.span)
                .label("expected ADDRESS or ADDRESS/LENGTH"),
        );
    }
    let (addr, len) = found?;
    Some(Prefix { addr, len: len.unwrap_or(if addr.is_ipv4() { 32 } else { 128 }) })
}

/// A routing table: a name that every machine has, or a number.
pub(super) fn table(option: &Block, findings: &mut Findings<'_>) -> Option<u32> {
    let number = match option.arg(0)? {
        "default" => Some(253),
        "main" => Some(MAIN),
        "local" => Some(255),
        other => number(other),
    };
    named(
        option,
        number,
        "main, local, default or a number; /etc/iproute2/rt_tables has the numbers",
        findings,
    )
}

/// A routing protocol: a well-known name, or a number.
pub(super) fn protocol(option: &Block, findings: &mut Findings<'_>) -> Option<u8> {
    let number = match option.arg(0)? {
        "kernel" => Some(2),
        "boot" => Some(3),
        "static" => Some(4),
        "ra" => Some(9),
        "zebra" => Some(11),
        "bird" => Some(12),
        "dhcp" => Some(16),
        "keepalived" => Some(18),
        "babel" => Some(42),
        "bgp" => Some(186),
        "isis" => Some(187),
        "ospf" => Some(188),
        "rip" => Some(189),
        other => number(other).and_then(|number| u8::try_from(number).ok()),
    };
    named(option, number, "a protocol's name or a number to 255; /etc/iproute2/rt_protos has them", findings)
}

/// A number to 255, also in hexadecimal.
pub(super) fn byte(option: &Block, findings: &mut Findings<'_>) -> Option<u8> {
    let value = option.arg(0).and_then(number).and_then(|number| u8::try_from(number).ok());
    named(option, value, "a number to 255", findings)
}

/// Decimal, or hexadecimal after `0x`.
pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `value`, or the report that there is none.
pub(super) fn named<T>(
    option: &Block,
    value: Option<T>,
    expected: &str,
    findings: &mut Findings<'_>,
) -> Option<T> {
    if value.is_none() {
        value::wrong(option, option.arg(0).unwrap_or_default(), expected, option.span, findings);
    }
    value
}

/// `200`, `200ms` or `1.5s`.
fn milliseconds(text: &str) -> Option<u32> {
    if let Some(seconds) = text.strip_suffix('s').filter(|rest| !rest.ends_with('m')) {
        let time = super::super::duration::parse(seconds)?;
        return u32::try_from(time.as_millis()).ok();
    }
    text.strip_suffix("ms").unwrap_or(text).parse().ok()
}

fn route_kind(word: &str) -> Option<RouteKind> {
    Some(match word {
        "unicast" => RouteKind::Unicast,
        "local" => RouteKind::Local,
        "broadcast" => RouteKind::Broadcast,
        "multicast" => RouteKind::Multicast,
        "anycast" => RouteKind::Anycast,
        "blackhole" => RouteKind::Blackhole,
        "unreachable" => RouteKind::Unreachable,
        "prohibit" => RouteKind::Prohibit,
        "throw" => RouteKind::Throw,
        _ => return None,
    })
}

fn metric_kind(word: &str) -> Option<RouteMetricKind> {
    Some(match word {
        "mtu" => RouteMetricKind::Mtu,
        "window" => RouteMetricKind::Window,
        "rtt" => RouteMetricKind::Rtt,
        "rttvar" => RouteMetricKind::RttVar,
        "ssthresh" => RouteMetricKind::SsThresh,
        "cwnd" => RouteMetricKind::Cwnd,
        "advmss" => RouteMetricKind::AdvMss,
        "reordering" => RouteMetricKind::Reordering,
        "hoplimit" => RouteMetricKind::HopLimit,
        "initcwnd" => RouteMetricKind::InitCwnd,
        "rto_min" => RouteMetricKind::RtoMin,
        "initrwnd" => RouteMetricKind::InitRwnd,
        "quickack" => RouteMetricKind::QuickAck,
        "fastopen_no_cookie" => RouteMetricKind::FastOpenNoCookie,
        _ => return None,
    })
}
