//! `virtual_rules` and `static_rules`, in the words of `ip rule`.

use std::ops::RangeInclusive;

use super::Prefix;
use crate::source::Span;

/// One policy rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Whether it is about IPv6.
    pub ipv6: bool,
    /// `not`: it is for what does not match.
    pub not: bool,
    /// `from`
    pub from: Option<Prefix>,
    /// `to`
    pub to: Option<Prefix>,
    /// `tos` or `dsfield`.
    pub tos: Option<u8>,
    /// `fwmark MARK[/MASK]`; the mask's default is all ones.
    pub fwmark: Option<(u32, u32)>,
    /// `iif` or `dev`.
    pub iif: Option<String>,
    /// `oif`
    pub oif: Option<String>,
    /// `uidrange`
    pub uids: Option<RangeInclusive<u32>>,
    /// `ipproto`
    pub ip_protocol: Option<u8>,
    /// `sport`
    pub source_ports: Option<RangeInclusive<u16>>,
    /// `dport`
    pub destination_ports: Option<RangeInclusive<u16>>,
    /// `preference`, `priority` or `order`: the lowest is asked first. Without one: 16384 and downwards in file order, as
    /// in keepalived.
    pub preference: u32,
    /// `suppress_prefixlength`: ignore routes with a prefix of this length or shorter.
    pub suppress_prefix_len: Option<u32>,
    /// `suppress_ifgroup`: ignore routes of interfaces in this group.
    pub suppress_ifgroup: Option<u32>,
    /// `protocol`, default keepalived's (18).
    pub protocol: u8,
    /// What it does.
    pub action: RuleAction,
    /// Whether it is put back when somebody removes it; not with `no_track`.
    pub track: bool,
    /// `track_group` of a static rule.
    pub track_group: Option<String>,
    /// Where it is written.
    pub span: Span,
}

/// What becomes of packets that match a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleAction {
    /// `table` or `lookup`: look the route up in this table.
    Table(u32),
    /// `l3mdev`: in the table of the packet's VRF.
    L3mdev,
    /// `goto`: go on with the rule of this preference.
    Goto(u32),
    /// `nop`: go on with the next one.
    Nop,
    /// `blackhole`: drop in silence.
    Blackhole,
    /// `unreachable`: drop with ICMP unreachable.
    Unreachable,
    /// `prohibit`: drop with ICMP prohibited.
    Prohibit,
}
