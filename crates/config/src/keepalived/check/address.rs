//! Addresses: lines of `virtual_ipaddress` and `unicast_peer`.

use std::net::IpAddr;

use super::super::lexer::Word;
use super::super::model::{Broadcast, Scope, UnicastPeer, VirtualAddress};
use super::super::tree::Block;
use super::{Findings, split_inline, value};
use crate::diagnostic::{Diagnostic, nearest};

/// The options of a virtual address; the second list is not supported yet.
const OPTIONS: &[&str] = &["brd", "broadcast", "dev", "scope", "label", "nodad", "noprefixroute"];
const MISSING: &[&str] = &[
    "peer",
    "home",
    "-nodad",
    "mngtmpaddr",
    "autojoin",
    "no_track",
    "preferred_lft",
    "valid_lft",
    "use_vmac",
    "track_group",
];

/// The statements of an address list; in a one-line block each address starts a new one.
pub(super) fn entries(body: &[Block]) -> Vec<Block> {
    let begins = |words: &[Word], _start: usize, at: usize| {
        let value_of = matches!(words[at - 1].text.as_str(), "brd" | "broadcast" | "peer");
        !value_of && parse(&words[at].text).is_some()
    };
    body.iter().flat_map(|block| split_inline(block, &begins)).collect()
}

/// One line of `virtual_ipaddress`; `interface` is the instance's.
pub(super) fn virtual_address(
    block: &Block,
    interface: &str,
    findings: &mut Findings,
) -> Option<VirtualAddress> {
    let word = &block.keyword;
    let Some((addr, prefix)) = parse(&word.text) else {
        findings.push(
            Diagnostic::error(format!("`{}` is not an address", word.text), word.span)
                .label("expected ADDRESS or ADDRESS/LENGTH")
                .help("write for example `192.0.2.10/24 dev eth0`"),
        );
        return None;
    };
    let mut out = VirtualAddress {
        addr,
        prefix_len: prefix.unwrap_or(if addr.is_ipv4() { 32 } else { 128 }),
        dev: interface.to_owned(),
        label: None,
        scope: Scope::Global,
        broadcast: Broadcast::None,
        noprefixroute: false,
        span: block.span,
    };
    let mut words = block.args.iter();
    while let Some(option) = words.next() {
        let takes_value = matches!(option.text.as_str(), "brd" | "broadcast" | "dev" | "scope" | "label");
        if !takes_value {
            flag(option, &mut out, findings);
            if matches!(option.text.as_str(), "peer" | "preferred_lft" | "valid_lft" | "track_group") {
                // Its value is no option of its own.
                words.next();
            }
            continue;
        }
        let Some(value) = words.next() else {
            findings.push(
                Diagnostic::error(format!("`{}` needs a value", option.text), option.span)
                    .label("nothing follows"),
            );
            break;
        };
        valued(&option.text, value, &mut out, findings);
    }
    Some(out)
}

/// An option without a value.
fn flag(option: &Word, out: &mut VirtualAddress, findings: &mut Findings) {
    let name = option.text.as_str();
    match name {
        "noprefixroute" => out.noprefixroute = true,
        // Duplicate address detection is off for virtual addresses anyway.
        "nodad" => {}
        _ if MISSING.contains(&name) => findings.push(
            Diagnostic::error(format!("address option `{name}` is not supported yet"), option.span)
                .label("keepalived's option, not ours so far")
                .help("remove it"),
        ),
        _ => {
            let found = Diagnostic::error(format!("unknown address option `{name}`"), option.span)
                .label("expected brd, dev, scope, label or noprefixroute");
            findings.push(match nearest(name, OPTIONS.iter().copied()) {
                Some(near) => found.help(format!("did you mean `{near}`?")),
                None => found,
            });
        }
    }
}

/// An option with a value.
fn valued(option: &str, value: &Word, out: &mut VirtualAddress, findings: &mut Findings) {
    let text = value.text.as_str();
    match option {
        "dev" => {
            if let Some(dev) = value::interface(text, value.span, findings) {
                out.dev = dev;
            }
        }
        "label" if !text.is_empty() && text.len() <= 15 => out.label = Some(text.to_owned()),
        "scope" if scope(text).is_some() => out.scope = scope(text).unwrap_or(out.scope),
        "brd" | "broadcast" if broadcast(text, out.addr).is_some() => {
            out.broadcast = broadcast(text, out.addr).unwrap_or(out.broadcast);
        }
        _ => {
            let expected = match option {
                "label" => "1 to 15 bytes, by convention INTERFACE:TEXT",
                "scope" => "global, site, link, host, nowhere or a number to 255",
                _ => "an IPv4 address, + or -, at an IPv4 address",
            };
            findings.push(
                Diagnostic::error(format!("`{option}` cannot be `{text}`"), value.span)
                    .label(format!("expected {expected}")),
            );
        }
    }
}

/// One line of `unicast_peer`.
pub(super) fn unicast_peer(block: &Block, findings: &mut Findings) -> Option<UnicastPeer> {
    let addr = single(&block.keyword, findings)?;
    let mut peer = UnicastPeer { addr, min_ttl: None, max_ttl: None };
    let mut words = block.args.iter();
    while let Some(option) = words.next() {
        let known = matches!(option.text.as_str(), "min_ttl" | "max_ttl");
        let (true, Some(value)) = (known, words.next()) else {
            findings.push(
                Diagnostic::error(format!("`{}` is not expected after a peer", option.text), option.span)
                    .label("expected `min_ttl NUMBER`, `max_ttl NUMBER` or nothing")
                    .help("one peer a line"),
            );
            break;
        };
        let option = Block::from_words(option.clone(), vec![value.clone()], false);
        let ttl = value::integer::<u8>(&option, 0, 0..=255, findings);
        if option.keyword.text == "min_ttl" {
            peer.min_ttl = ttl;
        } else {
            peer.max_ttl = ttl;
        }
    }
    Some(peer)
}

/// An address without a prefix length.
pub(super) fn single(word: &Word, findings: &mut Findings) -> Option<IpAddr> {
    let addr = word.text.parse().ok();
    if addr.is_none() {
        findings.push(
            Diagnostic::error(format!("`{}` is not an IP address", word.text), word.span)
                .label("expected an IPv4 or IPv6 address"),
        );
    }
    addr
}

/// ADDRESS or ADDRESS/LENGTH.
fn parse(text: &str) -> Option<(IpAddr, Option<u8>)> {
    let Some((addr, prefix)) = text.split_once('/') else {
        return Some((text.parse().ok()?, None));
    };
    let addr: IpAddr = addr.parse().ok()?;
    let prefix: u8 = prefix.parse().ok()?;
    (prefix <= if addr.is_ipv4() { 32 } else { 128 }).then_some((addr, Some(prefix)))
}

fn scope(text: &str) -> Option<Scope> {
    Some(match text {
        "global" => Scope::Global,
        "site" => Scope::Site,
        "link" => Scope::Link,
        "host" => Scope::Host,
        "nowhere" => Scope::Nowhere,
        number => Scope::Number(number.parse().ok()?),
    })
}

fn broadcast(text: &str, addr: IpAddr) -> Option<Broadcast> {
    match text {
        _ if addr.is_ipv6() => None,
        "+" => Some(Broadcast::FromPrefix),
        "-" => Some(Broadcast::None),
        address => address.parse().ok().map(Broadcast::Address),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn an_address_may_have_a_prefix_length_that_fits_its_family() {
        let v4 = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
        let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
        for (text, expected) in [
            ("192.0.2.10", Some((v4, None))),
            ("192.0.2.10/24", Some((v4, Some(24)))),
            ("192.0.2.10/33", None),
            ("192.0.2.10/", None),
            ("192.0.2", None),
            ("::1", Some((v6, None))),
            ("::1/128", Some((v6, Some(128)))),
            ("::1/129", None),
            ("eth0", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
