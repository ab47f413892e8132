//! Lines of `virtual_rules` and `static_rules`.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::super::keywords;
use super::super::lexer::Word;
use super::super::model::{Prefix, Rule, RuleAction};
use super::super::tree::Block;
use super::route::{self, named, number};
use super::words::Words;
use super::{Findings, value};
use crate::diagnostic::Diagnostic;

/// Where rules without a preference of their own begin; they go downwards from here.
const FIRST_PREFERENCE: u32 = 16384;

/// The next preference of rules that have none, by family.
#[derive(Debug, Clone, Copy)]
pub(super) struct Preferences {
    v4: u32,
    v6: u32,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { v4: FIRST_PREFERENCE, v6: FIRST_PREFERENCE }
    }
}

impl Preferences {
    fn next(&mut self, ipv6: bool) -> u32 {
        let next = if ipv6 { &mut self.v6 } else { &mut self.v4 };
        let taken = *next;
        *next = next.saturating_sub(1);
        taken
    }
}

/// One rule.
pub(super) fn rule(
    block: &Block,
    preferences: &mut Preferences,
    findings: &mut Findings<'_>,
) -> Option<Rule> {
    let all: Vec<Word> = std::iter::once(&block.keyword).chain(&block.args).cloned().collect();
    let mut words = Words::new(&all, &keywords::RULE, "rule");
    let mut draft = Draft::default();
    let before = findings.errors();
    while let Some(option) = words.option(findings) {
        draft.option(&option, findings);
    }
    (findings.errors() == before).then(|| draft.finish(block, preferences, findings)).flatten()
}

#[derive(Debug, Default)]
struct Draft {
    ipv6: Option<bool>,
    not: bool,
    from: Option<Prefix>,
    to: Option<Prefix>,
    tos: Option<u8>,
    fwmark: Option<(u32, u32)>,
    iif: Option<String>,
    oif: Option<String>,
    uids: Option<RangeInclusive<u32>>,
    ip_protocol: Option<u8>,
    source_ports: Option<RangeInclusive<u16>>,
    destination_ports: Option<RangeInclusive<u16>>,
    preference: Option<u32>,
    suppress_prefix_len: Option<u32>,
    suppress_ifgroup: Option<u32>,
    protocol: Option<u8>,
    action: Option<RuleAction>,
    no_track: bool,
    track_group: Option<String>,
}

impl Draft {
    fn option(&mut self, option: &Block, findings: &mut Findings<'_>) {
        let written = option.arg(0);
        let plain =
            |findings: &mut Findings<'_>| named(option, written.and_then(number), "a whole number", findings);
        match option.keyword.text.as_str() {
            "inet" => self.ipv6 = Some(false),
            "inet6" => self.ipv6 = Some(true),
            "not" => self.not = true,
            "from" => self.from = end(option, findings),
            "to" => self.to = end(option, findings),
            "tos" | "dsfield" => self.tos = route::byte(option, findings),
            "fwmark" => self.fwmark = named(option, written.and_then(mark), "MARK or MARK/MASK", findings),
            "iif" | "dev" => self.iif = interface(option, findings),
            "oif" => self.oif = interface(option, findings),
            "uidrange" => self.uids = named(option, written.and_then(range), "FIRST-LAST", findings),
            "ipproto" => {
                let protocol = written.and_then(ip_protocol);
                self.ip_protocol = named(option, protocol, "tcp, udp or another protocol's number", findings);
            }
            "sport" => self.source_ports = named(option, written.and_then(range), "FIRST[-LAST]", findings),
            "dport" => {
                self.destination_ports = named(option, written.and_then(range), "FIRST[-LAST]", findings);
            }
            "preference" | "priority" | "order" => self.preference = plain(findings),
            "suppress_prefixlength" | "sup_pl" => self.suppress_prefix_len = plain(findings),
            "suppress_ifgroup" | "sup_group" => self.suppress_ifgroup = plain(findings),
            "protocol" => self.protocol = route::protocol(option, findings),
            "table" | "lookup" => {
                self.action = route::table(option, findings).map(RuleAction::Table);
            }
            "goto" => self.action = plain(findings).map(RuleAction::Goto),
            "no_track" => self.no_track = true,
            "track_group" => self.track_group = written.map(str::to_owned),
            "type" => {
                let action = written.and_then(action);
                self.action = named(option, action, "blackhole, unreachable or prohibit", findings);
            }
            other => self.action = action(other).or(self.action),
        }
    }

    fn finish(
        self,
        block: &Block,
        preferences: &mut Preferences,
        findings: &mut Findings<'_>,
    ) -> Option<Rule> {
        let Some(action) = self.action else {
            findings.push(
                Diagnostic::error("this rule does nothing", block.span)
                    .label("neither a table nor another action")
                    .help("add `table TABLE`"),
            );
            return None;
        };
        let ends: Vec<bool> = self.from.iter().chain(&self.to).map(|end| end.addr.is_ipv6()).collect();
        let ipv6 = self.ipv6.or(ends.first().copied()).unwrap_or(false);
        if ends.iter().any(|other| *other != ipv6) {
            findings.push(
                Diagnostic::error("the addresses of a rule are IPv4, or all are IPv6", block.span)
                    .label("both stand here"),
            );
            return None;
        }
        if self.preference.is_none() {
            findings.push(
                Diagnostic::warning("this rule has no `preference`", block.span)
                    .label("it gets one by its place in the file, as in keepalived")
                    .help("add `preference NUMBER`; the lowest is asked first"),
            );
        }
        Some(Rule {
            ipv6,
            not: self.not,
            from: self.from,
            to: self.to,
            tos: self.tos,
            fwmark: self.fwmark,
            iif: self.iif,
            oif: self.oif,
            uids: self.uids,
            ip_protocol: self.ip_protocol,
            source_ports: self.source_ports,
            destination_ports: self.destination_ports,
            preference: self.preference.unwrap_or_else(|| preferences.next(ipv6)),
            suppress_prefix_len: self.suppress_prefix_len,
            suppress_ifgroup: self.suppress_ifgroup,
            protocol: self.protocol.unwrap_or(route::PROTOCOL),
            action,
            track: !self.no_track,
            track_group: self.track_group,
            span: block.span,
        })
    }
}

/// `from` or `to`; `all` and `default` are no condition.
fn end(option: &Block, findings: &mut Findings<'_>) -> Option<Prefix> {
    let word = option.args.first().filter(|word| !matches!(word.text.as_str(), "all" | "any" | "default"))?;
    route::prefix(word, findings)
}

fn interface(option: &Block, findings: &mut Findings<'_>) -> Option<String> {
    let word = option.args.first()?;
    value::interface(&word.text, word.span, findings)
}

fn action(word: &str) -> Option<RuleAction> {
    Some(match word {
        "l3mdev" => RuleAction::L3mdev,
        "nop" => RuleAction::Nop,
        "blackhole" => RuleAction::Blackhole,
        "unreachable" => RuleAction::Unreachable,
        "prohibit" => RuleAction::Prohibit,
        _ => return None,
    })
}

/// MARK or MARK/MASK.
fn mark(text: &str) -> Option<(u32, u32)> {
    match text.split_once('/') {
        Some((mark, mask)) => Some((number(mark)?, number(mask)?)),
        None => Some((number(text)?, u32::MAX)),
    }
}

/// FIRST-LAST or one number.
fn range<T: FromStr + PartialOrd + Copy>(text: &str) -> Option<RangeInclusive<T>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

fn ip_protocol(text: &str) -> Option<u8> {
    match text.to_ascii_lowercase().as_str() {
        "icmp" => Some(1),
        "tcp" => Some(6),
        "udp" => Some(17),
        "gre" => Some(47),
        "esp" => Some(50),
        "ipv6-icmp" | "icmpv6" => Some(58),
        "sctp" => Some(132),
        other => other.parse().ok(),
    }
}
