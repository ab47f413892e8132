//! `use_vmac` and `use_ipvlan`.

use std::net::IpAddr;
use std::path::Path;

use super::super::lexer::Word;
use super::super::model::{IpvlanMode, Vmac, VmacKind, VrrpInstance};
use super::super::tree::Block;
use super::{Findings, address, value};
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};

/// `use_vmac` or `use_ipvlan` as written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    block: Block,
    name: Option<String>,
    group: Option<u32>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Macvlan {
        /// Five or six octets.
        mac: Option<Vec<u8>>,
        netlink_notify_msg: bool,
    },
    Ipvlan {
        address: Option<Spanned<IpAddr>>,
        prefix_len: u8,
        /// There is one, which could not be read.
        unreadable: bool,
        mode: IpvlanMode,
    },
}

impl Written {
    /// The interface's own address.
    pub(super) fn address(&self) -> Option<&Spanned<IpAddr>> {
        match &self.kind {
            Kind::Macvlan { .. } => None,
            Kind::Ipvlan { address, .. } => address.as_ref(),
        }
    }
}

/// Where iproute2 has the names of groups of interfaces.
const GROUPS: [&str; 2] = ["/etc/iproute2/group", "/usr/share/iproute2/group"];

/// Reads `use_vmac [[name] NAME] [MAC] [netlink_notify_msg] [group GROUP]` or `use_ipvlan [[name] NAME] [ADDRESS[/LENGTH]]
/// [bridge|private|vepa] [group GROUP]`, after what stands before it.
pub(super) fn read(block: &Block, before: Option<Written>, findings: &mut Findings<'_>) -> Option<Written> {
    let other = before.as_ref().filter(|other| other.block.keyword.text != block.keyword.text);
    if let Some(other) = other {
        findings.push(
            Diagnostic::error("`use_vmac` and `use_ipvlan` exclude each other", block.span)
                .label("a second interface for the same addresses")
                .help(
                    "keep `use_vmac` for a MAC address that moves with the addresses, or `use_ipvlan` for the MAC address of the \
                     interface",
                )
                .related(other.block.span, "the other one"),
        );
        return before;
    }
    let kind = if block.keyword.text == "use_ipvlan" {
        Kind::Ipvlan { address: None, prefix_len: 0, unreadable: false, mode: IpvlanMode::default() }
    } else {
        Kind::Macvlan { mac: None, netlink_notify_msg: false }
    };
    let mut out = Written { block: block.clone(), name: None, group: None, kind };
    let mut words = block.args.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            option @ ("name" | "group") => match words.next() {
                Some(value) if option == "group" => out.group = group(block, value, findings),
                Some(value) => out.name = value::interface(&value.text, value.span, findings),
                None => findings.push(
                    Diagnostic::error(format!("`{option}` needs a value"), word.span)
                        .label("nothing follows"),
                ),
            },
            text if out.kind.take(text, word, block, findings) => {}
            text => out.name = value::interface(text, word.span, findings),
        }
    }
    Some(out)
}

impl Kind {
    /// A word that only this kind has; whether it was one.
    fn take(&mut self, text: &str, word: &Word, block: &Block, findings: &mut Findings<'_>) -> bool {
        match (self, text) {
            (Self::Macvlan { netlink_notify_msg, .. }, "netlink_notify_msg") => *netlink_notify_msg = true,
            (Self::Macvlan { mac, .. }, text) if text.contains(':') => {
                *mac = self::mac(text);
                if mac.as_ref().is_none_or(|mac| mac.first().is_some_and(|first| first & 1 == 1)) {
                    value::wrong(block, text, "a unicast MAC address of 5 or 6 octets", word.span, findings);
                }
            }
            (Self::Ipvlan { mode, .. }, "bridge") => *mode = IpvlanMode::Bridge,
            (Self::Ipvlan { mode, .. }, "private") => *mode = IpvlanMode::Private,
            (Self::Ipvlan { mode, .. }, "vepa") => *mode = IpvlanMode::Vepa,
            (Self::Ipvlan { address, prefix_len, unreadable, .. }, text) if is_like_an_address(text) => {
                match address::parse(text) {
                    Some((addr, length)) => {
                        *address = Some(Spanned::new(addr, word.span));
                        *prefix_len = length.unwrap_or(if addr.is_ipv4() { 32 } else { 128 });
                    }
                    None => {
                        *unreadable = true;
                        value::wrong(block, text, "ADDRESS or ADDRESS/LENGTH", word.span, findings);
                    }
                }
            }
            (Self::Macvlan { .. } | Self::Ipvlan { .. }, _) => return false,
        }
        true
    }
}

/// No interface is meant by this: one that is wrong would otherwise become its name.
fn is_like_an_address(text: &str) -> bool {
    text.contains([':', '/']) || text.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// What of it is in force in a virtual router.
pub(super) fn resolve(
    written: Written,
    (vrid, ipv6): (u8, bool),
    (prefix, xmit_base): (&str, bool),
    findings: &mut Findings<'_>,
) -> Vmac {
    let (span, keyword) = (written.block.span, written.block.keyword.text);
    let name = written.name.unwrap_or_else(|| format!("{prefix}{}.{vrid}", if ipv6 { "6" } else { "" }));
    if name.len() > 15 {
        findings.push(
            Diagnostic::error(format!("`{name}` is too long for the name of an interface"), span)
                .help(format!("write `{keyword} NAME` with 15 bytes at most")),
        );
    }
    let kind = match written.kind {
        Kind::Macvlan { mac: written, netlink_notify_msg } => {
            // RFC 9568 §7.3
            let mut mac = [0, 0, 0x5e, 0, if ipv6 { 2 } else { 1 }, vrid];
            for (to, from) in mac.iter_mut().zip(written.unwrap_or_default()) {
                *to = from;
            }
            VmacKind::Macvlan { mac, netlink_notify_msg, xmit_base }
        }
        Kind::Ipvlan { address, prefix_len, unreadable, mode } => {
            if address.is_none() && !unreadable && !ipv6 {
                findings.push(
                    Diagnostic::error("`use_ipvlan` needs an address in an IPv4 instance", span)
                        .label("advertisements have no source")
                        .help(
                            "write `use_ipvlan ADDRESS/LENGTH` with a free address of the interface's subnet",
                        ),
                );
            }
            if xmit_base {
                findings.push(
                    Diagnostic::warning("`vmac_xmit_base` has no effect with `use_ipvlan`", span)
                        .help("remove it: the MAC address is that of the interface below anyway"),
                );
            }
            VmacKind::Ipvlan { address: address.map(|address| (address.value, prefix_len)), mode }
        }
    };
    Vmac { name, kind, group: written.group, span }
}

/// The address of an ipvlan, which its advertisements come from.
pub(super) fn own_address(vmac: &Vmac) -> Option<IpAddr> {
    match vmac.kind {
        VmacKind::Macvlan { .. } => None,
        VmacKind::Ipvlan { address, .. } => address.map(|(address, _)| address),
    }
}

/// Reports where answers of unicast peers would not arrive.
pub(super) fn peers(
    vmac: &Vmac,
    peer: Option<Span>,
    source: Option<&Spanned<IpAddr>>,
    findings: &mut Findings<'_>,
) {
    let Some(peer) = peer else { return };
    match vmac.kind {
        VmacKind::Macvlan { xmit_base: true, .. } => {}
        VmacKind::Macvlan { xmit_base: false, .. } => findings.push(
            Diagnostic::error("`use_vmac` with unicast peers needs `vmac_xmit_base`", vmac.span)
                .label("advertisements would come from the virtual MAC")
                .help("add `vmac_xmit_base`")
                .related(peer, "a unicast peer"),
        ),
        VmacKind::Ipvlan { .. } => {
            let own = own_address(vmac);
            if let Some(source) = source.filter(|source| Some(source.value) != own) {
                findings.push(
                    Diagnostic::error("`unicast_src_ip` is not the address of `use_ipvlan`", source.span)
                        .label("what is sent to it does not come through the ipvlan")
                        .help("remove it: the ipvlan's own address is the source")
                        .related(vmac.span, "the ipvlan"),
                );
            }
        }
    }
}

/// Reports an interface that the kernel would not make beside that of an earlier instance.
pub(super) fn compare(instance: &VrrpInstance, earlier: &[VrrpInstance], findings: &mut Findings<'_>) {
    let Some(vmac) = &instance.vmac else { return };
    let others = || earlier.iter().filter_map(|other| Some((other, other.vmac.as_ref()?)));
    if let Some((_, other)) = others().find(|(_, other)| other.name == vmac.name) {
        findings.push(
            Diagnostic::error(format!("the interface `{}` would be made twice", vmac.name), vmac.span)
                .label("another instance has it")
                .help("write `use_vmac NAME`, or `use_ipvlan NAME`, with a name for each")
                .related(other.span, "the first one"),
        );
    }
    let on = &instance.interface;
    for other in others().filter(|(other, _)| other.interface == *on).map(|(_, other)| other) {
        let (what, help) = match (vmac.kind, other.kind) {
            (VmacKind::Macvlan { .. }, VmacKind::Macvlan { .. }) => continue,
            (VmacKind::Ipvlan { mode, .. }, VmacKind::Ipvlan { mode: first, .. }) if mode == first => {
                continue;
            }
            (VmacKind::Ipvlan { .. }, VmacKind::Ipvlan { .. }) => {
                ("ipvlans of different modes", "write the same of `bridge`, `private` and `vepa` in both")
            }
            (VmacKind::Macvlan { .. }, VmacKind::Ipvlan { .. })
            | (VmacKind::Ipvlan { .. }, VmacKind::Macvlan { .. }) => (
                "`use_vmac` and `use_ipvlan` side by side",
                "write the same of `use_vmac` and `use_ipvlan` in all instances of the interface",
            ),
        };
        findings.push(
            Diagnostic::error(format!("{on} cannot have {what}"), vmac.span)
                .label("the kernel refuses this one")
                .help(help)
                .related(other.span, "the first one"),
        );
        return;
    }
}

/// A group of interfaces by its number or its name.
fn group(block: &Block, value: &Word, findings: &mut Findings<'_>) -> Option<u32> {
    let name = value.text.as_str();
    let known = number(name).or_else(|| (name == "default").then_some(0)).or_else(|| {
        let files = GROUPS.iter().filter_map(|path| (findings.read_file)(Path::new(path)).ok());
        files.filter_map(|file| named(&String::from_utf8_lossy(&file), name)).next()
    });
    if known.is_none() {
        value::wrong(block, name, "a number, or a name that /etc/iproute2/group has", value.span, findings);
    }
    known
}

/// The number of `name` in a file of iproute2: a number and a name a line.
fn named(file: &str, name: &str) -> Option<u32> {
    file.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let number = number(words.next()?)?;
        (words.next() == Some(name)).then_some(number)
    })
}

/// Decimal, or hexadecimal after `0x`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Five or six octets.
fn mac(text: &str) -> Option<Vec<u8>> {
    let octets: Option<Vec<u8>> = text
        .split(':')
        .map(|part| u8::from_str_radix(part, 16).ok().filter(|_| (1..=2).contains(&part.len())))
        .collect();
    octets.filter(|octets| matches!(octets.len(), 5 | 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_interfaces_have_numbers_in_iproute2_s_file() {
        let file = "# device group names\n0\tdefault\n7 uplinks # of the hall\n0x10\tdark\n# 9 gone\n";
        for (name, number) in [("default", Some(0)), ("uplinks", Some(7)), ("dark", Some(16)), ("gone", None)]
        {
            assert_eq!(named(file, name), number, "{name}");
        }
    }
}
