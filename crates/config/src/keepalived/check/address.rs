//! Addresses: lines of `virtual_ipaddress` and `unicast_peer`.

use std::net::IpAddr;

use super::super::keywords;
use super::super::lexer::Word;
use super::super::model::{Broadcast, PreferredLifetime, Scope, UnicastPeer, VirtualAddress};
use super::super::tree::Block;
use super::words::Words;
use super::{Findings, split_inline, value};
use crate::diagnostic::Diagnostic;

/// The statements of an address list; in a one-line block each address starts a new one.
pub(super) fn entries(body: &[Block]) -> Vec<Block> {
    let begins = |words: &[Word], _start: usize, at: usize| {
        let value_of = matches!(words[at - 1].text.as_str(), "brd" | "broadcast" | "peer");
        !value_of && parse(&words[at].text).is_some()
    };
    body.iter().flat_map(|block| split_inline(block, &begins)).collect()
}

/// One line of `virtual_ipaddress`; `interface` is the instance's. No address has its duplicates looked for: a router
/// that takes over would find the one before it.
pub(super) fn virtual_address(
    block: &Block,
    interface: &str,
    findings: &mut Findings<'_>,
) -> Option<VirtualAddress> {
    let address = address(block, interface, false, findings)?;
    if address.track_group.is_some() {
        findings.push(
            Diagnostic::warning("`track_group` has no effect on a virtual address", block.span)
                .help("it is for `static_ipaddress`; a virtual address comes back by itself"),
        );
    }
    Some(address)
}

/// One line of `static_ipaddress`; `interface` is the default one.
pub(super) fn static_address(
    block: &Block,
    interface: &str,
    findings: &mut Findings<'_>,
) -> Option<VirtualAddress> {
    address(block, interface, true, findings)
}

fn address(block: &Block, interface: &str, dad: bool, findings: &mut Findings<'_>) -> Option<VirtualAddress> {
    let word = &block.keyword;
    let Some((addr, prefix)) = parse(&word.text) else {
        findings.push(
            Diagnostic::error(format!("`{}` is not an address", word.text), word.span)
                .label("expected ADDRESS or ADDRESS/LENGTH")
                .help("write for example `192.0.2.10/24 dev eth0`"),
        );
        return None;
    };
    let host = if addr.is_ipv4() { 32 } else { 128 };
    let mut out = VirtualAddress {
        addr,
        prefix_len: prefix.unwrap_or(host),
        dev: interface.to_owned(),
        label: None,
        scope: Scope::Global,
        broadcast: Broadcast::None,
        peer: None,
        noprefixroute: false,
        home: false,
        mngtmpaddr: false,
        autojoin: false,
        dad,
        track: true,
        preferred_lft: PreferredLifetime::Forever,
        use_vmac: false,
        track_group: None,
        span: block.span,
    };
    let mut preferred = None;
    let mut words = Words::new(&block.args, &keywords::ADDRESS, "address");
    while let Some(option) = words.option(findings) {
        match (option.keyword.text.as_str(), option.args.first()) {
            ("preferred_lft", Some(value)) => preferred = lifetime(&option, value, findings),
            (_, Some(value)) => valued(&option, value, &mut out, findings),
            (flag, None) => self::flag(flag, &mut out),
        }
    }
    let host_v6 = addr.is_ipv6() && out.prefix_len == 128;
    let default = if host_v6 { PreferredLifetime::Seconds(0) } else { PreferredLifetime::Forever };
    out.preferred_lft = preferred.unwrap_or(default);
    Some(out)
}

/// An option without a value.
fn flag(name: &str, out: &mut VirtualAddress) {
    match name {
        "noprefixroute" => out.noprefixroute = true,
        "home" => out.home = true,
        "mngtmpaddr" => out.mngtmpaddr = true,
        "autojoin" => out.autojoin = true,
        "no_track" => out.track = false,
        "use_vmac" => out.use_vmac = true,
        "nodad" => out.dad = false,
        "-nodad" => out.dad = true,
        _ => {}
    }
}

/// `preferred_lft SECONDS|forever`
fn lifetime(option: &Block, value: &Word, findings: &mut Findings<'_>) -> Option<PreferredLifetime> {
    if value.text == "forever" {
        return Some(PreferredLifetime::Forever);
    }
    value::integer::<u32>(option, 0, 0..=u32::MAX - 1, findings).map(PreferredLifetime::Seconds)
}

/// An option with a value.
fn valued(option: &Block, value: &Word, out: &mut VirtualAddress, findings: &mut Findings<'_>) {
    let text = value.text.as_str();
    let name = option.keyword.text.as_str();
    match name {
        "dev" => {
            if let Some(dev) = value::interface(text, value.span, findings) {
                out.dev = dev;
            }
        }
        "track_group" => out.track_group = Some(text.to_owned()),
        "peer" if parse(text).is_some_and(|(peer, _)| peer.is_ipv4() == out.addr.is_ipv4()) => {
            if let Some((peer, prefix)) = parse(text) {
                out.peer = Some(peer);
                out.prefix_len = prefix.unwrap_or(out.prefix_len);
            }
        }
        "label" if !text.is_empty() && text.len() <= 15 => out.label = Some(text.to_owned()),
        "scope" if scope(text).is_some() => out.scope = scope(text).unwrap_or(out.scope),
        "brd" | "broadcast" if broadcast(text, out.addr).is_some() => {
            out.broadcast = broadcast(text, out.addr).unwrap_or(out.broadcast);
        }
        _ => {
            let expected = match name {
                "label" => "1 to 15 bytes, by convention INTERFACE:TEXT",
                "scope" => "global, site, link, host, nowhere or a number to 255",
                "peer" => "an address of the same family, with or without a length",
                _ => "an IPv4 address, + or -, at an IPv4 address",
            };
            findings.push(
                Diagnostic::error(format!("`{name}` cannot be `{text}`"), value.span)
                    .label(format!("expected {expected}")),
            );
        }
    }
}

/// One line of `unicast_peer`.
pub(super) fn unicast_peer(block: &Block, findings: &mut Findings<'_>) -> Option<UnicastPeer> {
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
pub(super) fn single(word: &Word, findings: &mut Findings<'_>) -> Option<IpAddr> {
    let addr = word.text.parse().ok();
    if addr.is_none() {
        findings.push(
            Diagnostic::error(format!("`{}` is not an IP address", word.text), word.span)
                .label("expected an IPv4 or IPv6 address"),
        );
    }
    addr
}

/// A multicast group; `ipv6` is the family it must be of, if that is known.
pub(super) fn group(s: &Block, ipv6: Option<bool>, findings: &mut Findings<'_>) -> Option<IpAddr> {
    let word = s.args.first()?;
    let addr = single(word, findings)?;
    // Advertisements do not leave their link, and IPv6 says so in the address.
    let fits = match addr {
        IpAddr::V4(group) => group.is_multicast(),
        IpAddr::V6(group) => group.is_multicast() && group.segments()[0] & 0xf == 2,
    };
    if !fits || ipv6.is_some_and(|ipv6| ipv6 != addr.is_ipv6()) {
        let expected = match ipv6 {
            Some(false) => "an IPv4 multicast address",
            Some(true) => "an IPv6 multicast address of link scope, ffx2::/16",
            None => "a multicast address, in IPv6 of link scope, ffx2::/16",
        };
        value::wrong(s, &word.text, expected, word.span, findings);
        return None;
    }
    Some(addr)
}

/// ADDRESS or ADDRESS/LENGTH.
pub(super) fn parse(text: &str) -> Option<(IpAddr, Option<u8>)> {
    let Some((addr, prefix)) = text.split_once('/') else {
        return Some((text.parse().ok()?, None));
    };
    let addr: IpAddr = addr.parse().ok()?;
    let prefix: u8 = prefix.parse().ok()?;
    (prefix <= if addr.is_ipv4() { 32 } else { 128 }).then_some((addr, Some(prefix)))
}

/// A scope's name or number.
pub(super) fn scope(text: &str) -> Option<Scope> {
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
