//! Policy routing rules to add and remove.

use std::ops::RangeInclusive;

use crate::netlink::constants::{
    AF_INET, AF_INET6, FIB_RULE_INVERT, FRA_DPORT_RANGE, FRA_DST, FRA_FWMARK, FRA_FWMASK, FRA_GOTO,
    FRA_IIFNAME, FRA_IP_PROTO, FRA_L3MDEV, FRA_OIFNAME, FRA_PRIORITY, FRA_PROTOCOL, FRA_SPORT_RANGE, FRA_SRC,
    FRA_SUPPRESS_IFGROUP, FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_UID_RANGE, NLM_F_CREATE, NLM_F_EXCL,
    RTM_DELRULE, RTM_NEWRULE,
};
use crate::netlink::request::Request;
use crate::route::{Prefix, octets};

/// A rule as the kernel's `fib_rule_hdr` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Whether it is about IPv6.
    pub ipv6: bool,
    /// It is for what does not match.
    pub invert: bool,
    /// Source of the packets.
    pub from: Option<Prefix>,
    /// Destination of the packets.
    pub to: Option<Prefix>,
    /// Type of service.
    pub tos: u8,
    /// Mark and mask.
    pub fwmark: Option<(u32, u32)>,
    /// Interface that packets come in by.
    pub iif: Option<String>,
    /// Interface that a socket is bound to.
    pub oif: Option<String>,
    /// Users.
    pub uids: Option<RangeInclusive<u32>>,
    /// IP protocol.
    pub ip_protocol: Option<u8>,
    /// Source ports.
    pub source_ports: Option<RangeInclusive<u16>>,
    /// Destination ports.
    pub destination_ports: Option<RangeInclusive<u16>>,
    /// The lowest is asked first.
    pub preference: u32,
    /// Ignore routes with a prefix of this length or shorter.
    pub suppress_prefix_len: Option<u32>,
    /// Ignore routes of interfaces in this group.
    pub suppress_ifgroup: Option<u32>,
    /// Who set it.
    pub protocol: u8,
    /// `FR_ACT_*`: 1 table, 2 goto, 3 nop, 6 blackhole, 7 unreachable, 8 prohibit.
    pub action: u8,
    /// The table of action 1.
    pub table: u32,
    /// The preference that action 2 goes on with.
    pub goto: Option<u32>,
    /// The table is that of the packet's VRF.
    pub l3mdev: bool,
}

pub(crate) fn add_request(rule: &Rule) -> Request {
    request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule)
}

pub(crate) fn remove_request(rule: &Rule) -> Request {
    request(RTM_DELRULE, 0, rule)
}

fn request(kind: u16, flags: u16, rule: &Rule) -> Request {
    let mut request = Request::acknowledged(kind, flags, &header(rule))
        .number(FRA_PRIORITY, rule.preference)
        .attribute(FRA_PROTOCOL, &[rule.protocol]);
    for (kind, prefix) in [(FRA_SRC, rule.from), (FRA_DST, rule.to)] {
        if let Some(prefix) = prefix.filter(|prefix| prefix.len > 0) {
            request = request.attribute(kind, &octets(prefix.addr));
        }
    }
    for (kind, name) in [(FRA_IIFNAME, &rule.iif), (FRA_OIFNAME, &rule.oif)] {
        if let Some(name) = name {
            request = request.text(kind, name);
        }
    }
    let (mark, mask) = rule.fwmark.unzip();
    for (kind, number) in [
        (FRA_FWMARK, mark),
        (FRA_FWMASK, mask),
        (FRA_SUPPRESS_PREFIXLEN, rule.suppress_prefix_len),
        (FRA_SUPPRESS_IFGROUP, rule.suppress_ifgroup),
        (FRA_GOTO, rule.goto),
        (FRA_TABLE, Some(rule.table).filter(|table| *table != 0)),
    ] {
        if let Some(number) = number {
            request = request.number(kind, number);
        }
    }
    if rule.l3mdev {
        request = request.attribute(FRA_L3MDEV, &[1]);
    }
    if let Some(uids) = &rule.uids {
        request = request
            .attribute(FRA_UID_RANGE, &[uids.start().to_ne_bytes(), uids.end().to_ne_bytes()].concat());
    }
    if let Some(protocol) = rule.ip_protocol {
        request = request.attribute(FRA_IP_PROTO, &[protocol]);
    }
    for (kind, ports) in [(FRA_SPORT_RANGE, &rule.source_ports), (FRA_DPORT_RANGE, &rule.destination_ports)] {
        if let Some(ports) = ports {
            request =
                request.attribute(kind, &[ports.start().to_ne_bytes(), ports.end().to_ne_bytes()].concat());
        }
    }
    request
}

/// `struct fib_rule_hdr`.
fn header(rule: &Rule) -> [u8; 12] {
    let family = if rule.ipv6 { AF_INET6 } else { AF_INET };
    let len = |prefix: Option<Prefix>| prefix.map_or(0, |prefix| prefix.len);
    let table = u8::try_from(rule.table).unwrap_or(0);
    let flags = if rule.invert { FIB_RULE_INVERT } else { 0 };
    let [a, b, c, d] = flags.to_ne_bytes();
    [family, len(rule.to), len(rule.from), rule.tos, table, 0, 0, rule.action, a, b, c, d]
}
