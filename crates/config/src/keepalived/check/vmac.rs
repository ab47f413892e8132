//! `use_vmac`.

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
    group: Option<String>,
}

/// Reads `use_vmac [[name] NAME] [MAC] [netlink_notify_msg] [group GROUP]`.
pub(super) fn read(block: &Block, findings: &mut Findings<'_>) -> Written {
    let mut out =
        Written { block: block.clone(), name: None, mac: None, netlink_notify_msg: false, group: None };
    let mut words = block.args.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "netlink_notify_msg" => out.netlink_notify_msg = true,
            option @ ("name" | "group") => match words.next() {
                Some(value) if option == "group" => out.group = Some(value.text.clone()),
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

/// Five or six octets.
fn mac(text: &str) -> Option<Vec<u8>> {
    let octets: Option<Vec<u8>> = text
        .split(':')
        .map(|part| u8::from_str_radix(part, 16).ok().filter(|_| (1..=2).contains(&part.len())))
        .collect();
    octets.filter(|octets| matches!(octets.len(), 5 | 6))
}
