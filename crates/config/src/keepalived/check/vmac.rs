//! `use_vmac`.

use std::path::Path;

use super::super::lexer::Word;
use super::super::model::Vmac;
use super::super::tree::Block;
use super::{Findings, value};
use crate::diagnostic::Diagnostic;

/// `use_vmac` as written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    block: Block,
    name: Option<String>,
    /// Five or six octets.
    mac: Option<Vec<u8>>,
    netlink_notify_msg: bool,
    group: Option<u32>,
}

/// Where iproute2 has the names of groups of interfaces.
const GROUPS: [&str; 2] = ["/etc/iproute2/group", "/usr/share/iproute2/group"];

/// Reads `use_vmac [[name] NAME] [MAC] [netlink_notify_msg] [group GROUP]`.
pub(super) fn read(block: &Block, findings: &mut Findings<'_>) -> Written {
    let mut out =
        Written { block: block.clone(), name: None, mac: None, netlink_notify_msg: false, group: None };
    let mut words = block.args.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "netlink_notify_msg" => out.netlink_notify_msg = true,
            option @ ("name" | "group") => match words.next() {
                Some(value) if option == "group" => out.group = group(block, value, findings),
                Some(value) => out.name = value::interface(&value.text, value.span, findings),
                None => findings.push(
                    Diagnostic::error(format!("`{option}` needs a value"), word.span)
                        .label("nothing follows"),
                ),
            },
            text if text.contains(':') => {
                out.mac = mac(text);
                if out.mac.as_ref().is_none_or(|mac| mac.first().is_some_and(|first| first & 1 == 1)) {
                    value::wrong(block, text, "a unicast MAC address of 5 or 6 octets", word.span, findings);
                }
            }
            text => out.name = value::interface(text, word.span, findings),
        }
    }
    out
}

/// What of it is in force in a virtual router.
pub(super) fn resolve(
    written: Written,
    (vrid, ipv6): (u8, bool),
    (prefix, xmit_base): (&str, bool),
    findings: &mut Findings<'_>,
) -> Vmac {
    let span = written.block.span;
    let name = written.name.unwrap_or_else(|| format!("{prefix}{}.{vrid}", if ipv6 { "6" } else { "" }));
    if name.len() > 15 {
        findings.push(
            Diagnostic::error(format!("`{name}` is too long for the name of an interface"), span)
                .help("write `use_vmac NAME` with 15 bytes at most"),
        );
    }
    // RFC 9568 §7.3
    let mut mac = [0, 0, 0x5e, 0, if ipv6 { 2 } else { 1 }, vrid];
    for (to, from) in mac.iter_mut().zip(written.mac.unwrap_or_default()) {
        *to = from;
    }
    Vmac { name, mac, netlink_notify_msg: written.netlink_notify_msg, group: written.group, xmit_base, span }
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
