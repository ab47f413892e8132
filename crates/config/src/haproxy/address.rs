//! Addresses of `bind`, `server` and `log` (configuration manual 4.2 `bind`, 11).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;

use super::model::{BindAddress, LogDestination, ServerAddress};

/// What is wrong with which part of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressError {
    pub(crate) at: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

const BIND_HELP: &str =
    "an address is [ADDRESS]:PORT, as in :80, 192.0.2.1:80 or [2001:db8::1]:80, or unix@PATH or fd@NUMBER";
const SERVER_HELP: &str =
    "an address is ADDRESS:PORT, as in 192.0.2.1:80, [2001:db8::1]:80 or name:80, or unix@PATH";
const LOG_HELP: &str = "a log target is ADDRESS[:PORT], a path such as /dev/log, stdout, stderr, or 'global'";
/// Prefixes of HAProxy that mean something else than TCP over IP, a Unix socket or a descriptor.
const OTHER_PREFIXES: [&str; 16] = [
    "abns", "abnsz", "sockpair", "udp", "udp4", "udp6", "quic4", "quic6", "mptcp", "mptcp4", "mptcp6",
    "rhttp", "uxdg", "ring", "backend", "dgram",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Any,
    V4,
    V6,
}

enum Kind<'a> {
    Ip(Family, &'a str),
    Unix(&'a str),
    Fd(&'a str),
}

enum Host {
    Wildcard,
    Ip(IpAddr),
    Name(String),
}

/// One element of a `bind` address list; a port range gives one address a port.
pub(crate) fn bind_addresses(text: &str) -> Result<Vec<BindAddress>, AddressError> {
    let (family, rest) = match kind(text, BIND_HELP)? {
        Kind::Unix(path) => return Ok(vec![BindAddress::Unix(path_of(text, path)?)]),
        Kind::Fd(number) => {
            let valid = number.bytes().all(|b| b.is_ascii_digit());
            return match number.parse().ok().filter(|_| valid) {
                Some(fd) => Ok(vec![BindAddress::Fd(fd)]),
                None => {
                    Err(error(part(text, number), "'fd@' needs the number of an open descriptor", BIND_HELP))
                }
            };
        }
        Kind::Ip(family, rest) => (family, rest),
    };
    let (host, port) = split_port(text, rest, BIND_HELP)?;
    let ip = match parse_host(text, host, family, BIND_HELP)? {
        Host::Wildcard if family == Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Host::Wildcard => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Host::Ip(ip) => ip,
        Host::Name(name) => {
            let help = "names are not looked up for listeners: write the IP address";
            return Err(error(part(text, host), &format!("'{name}' is not an IP address"), help));
        }
    };
    let Some(port) = port else {
        return Err(error(0..text.len(), &format!("'{text}' has no port"), BIND_HELP));
    };
    let (first, last) = match port.split_once('-') {
        Some((first, last)) => (port_number(text, first)?, port_number(text, last)?),
        None => (port_number(text, port)?, port_number(text, port)?),
    };
    if first > last {
        return Err(error(part(text, port), "this port range runs backwards", "write the lower port first"));
    }
    Ok((first..=last).map(|port| BindAddress::Tcp(SocketAddr::new(ip, port))).collect())
}

/// The address of a `server`.
pub(crate) fn server_address(text: &str) -> Result<ServerAddress, AddressError> {
    let (family, rest) = match kind(text, SERVER_HELP)? {
        Kind::Unix(path) => return Ok(ServerAddress::Unix(path_of(text, path)?)),
        Kind::Fd(_) => return Err(error(0..text.len(), "a server cannot be a descriptor", SERVER_HELP)),
        Kind::Ip(family, rest) => (family, rest),
    };
    let (host, port) = split_port(text, rest, SERVER_HELP)?;
    let port = match port {
        None => {
            let message = "a server without a port, which keeps the client's port, is not yet supported";
            return Err(error(0..text.len(), message, SERVER_HELP));
        }
        Some(port) if port.starts_with(['+', '-']) => {
            let message = "a port relative to the client's port is not yet supported";
            return Err(error(part(text, port), message, SERVER_HELP));
        }
        Some(port) => port_number(text, port)?,
    };
    match parse_host(text, host, family, SERVER_HELP)? {
        Host::Ip(ip) if !ip.is_unspecified() => Ok(ServerAddress::Tcp(SocketAddr::new(ip, port))),
        Host::Name(host) => Ok(ServerAddress::Name { host, port }),
        Host::Wildcard | Host::Ip(_) => {
            let message = "a server that is the client's own destination is not yet supported";
            Err(error(0..text.len(), message, SERVER_HELP))
        }
    }
}

/// The target of a `log` line.
pub(crate) fn log_destination(text: &str) -> Result<LogDestination, AddressError> {
    if text == "stdout" {
        return Ok(LogDestination::Stdout);
    }
    if text == "stderr" {
        return Ok(LogDestination::Stderr);
    }
    let text_udp = text.strip_prefix("udp@").unwrap_or(text);
    let (family, rest) = match kind(text_udp, LOG_HELP).map_err(|e| shift(e, text.len() - text_udp.len()))? {
        Kind::Unix(path) => return Ok(LogDestination::Unix(path_of(text, path)?)),
        Kind::Fd(_) => {
            return Err(error(0..text.len(), "logs to a descriptor are not yet supported", LOG_HELP));
        }
        Kind::Ip(family, rest) => (family, rest),
    };
    if let Ok(ip) = rest.parse::<Ipv6Addr>() {
        return Ok(LogDestination::Udp(SocketAddr::new(ip.into(), 514)));
    }
    let (host, port) = split_port(text, rest, LOG_HELP)?;
    let port = port.filter(|p| !p.is_empty()).map_or(Ok(514), |port| port_number(text, port))?;
    match parse_host(text, host, family, LOG_HELP)? {
        Host::Ip(ip) => Ok(LogDestination::Udp(SocketAddr::new(ip, port))),
        Host::Wildcard => Err(error(0..text.len(), "a log target needs an address", LOG_HELP)),
        Host::Name(name) => {
            let message = format!("'{name}' is not an IP address");
            Err(error(
                part(text, host),
                &message,
                "names are not looked up for log targets: write the IP address",
            ))
        }
    }
}

fn error(at: Range<usize>, message: &str, help: &'static str) -> AddressError {
    AddressError { at, message: message.to_owned(), help }
}

fn shift(error: AddressError, by: usize) -> AddressError {
    AddressError { at: error.at.start + by..error.at.end + by, ..error }
}

/// The range of `inner`, which is a slice of the end or middle of `text`.
fn part(text: &str, inner: &str) -> Range<usize> {
    let start = (inner.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len());
    start..(start + inner.len()).min(text.len())
}

fn kind<'a>(text: &'a str, help: &'static str) -> Result<Kind<'a>, AddressError> {
    if text.starts_with('/') {
        return Ok(Kind::Unix(text));
    }
    let Some((prefix, rest)) = text.split_once('@') else { return Ok(Kind::Ip(Family::Any, text)) };
    Ok(match prefix {
        "ipv4" | "tcp4" => Kind::Ip(Family::V4, rest),
        "ipv6" | "tcp6" => Kind::Ip(Family::V6, rest),
        "tcp" => Kind::Ip(Family::Any, rest),
        "unix" | "uxst" => Kind::Unix(rest),
        "fd" => Kind::Fd(rest),
        _ if OTHER_PREFIXES.contains(&prefix) || prefix.contains('+') => {
            let message = format!("'{prefix}@' addresses are not yet supported");
            return Err(error(0..prefix.len() + 1, &message, help));
        }
        _ => return Err(error(0..prefix.len() + 1, &format!("'{prefix}@' is not a kind of address"), help)),
    })
}

fn path_of(text: &str, path: &str) -> Result<PathBuf, AddressError> {
    if path.is_empty() {
        return Err(error(0..text.len(), "'unix@' needs a path", BIND_HELP));
    }
    Ok(PathBuf::from(path))
}

/// The host, and the port when there is a colon for it.
fn split_port<'a>(
    text: &str,
    rest: &'a str,
    help: &'static str,
) -> Result<(&'a str, Option<&'a str>), AddressError> {
    if let Some(inner) = rest.strip_prefix('[') {
        let Some((host, after)) = inner.split_once(']') else {
            return Err(error(part(text, rest), "this bracket is never closed", help));
        };
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(error(part(text, after), "a colon and a port should follow the bracket", help)),
        };
    }
    Ok(rest.rsplit_once(':').map_or((rest, None), |(host, port)| (host, Some(port))))
}

fn parse_host(text: &str, host: &str, family: Family, help: &'static str) -> Result<Host, AddressError> {
    if host.is_empty() || host == "*" {
        return Ok(Host::Wildcard);
    }
    let ip = if host == "localhost" && help != SERVER_HELP {
        Some(IpAddr::V4(Ipv4Addr::LOCALHOST))
    } else {
        host.parse::<IpAddr>().ok()
    };
    match (ip, family) {
        (Some(IpAddr::V6(_)), Family::V4) => {
            Err(error(part(text, host), "this is not an IPv4 address", help))
        }
        (Some(IpAddr::V4(_)), Family::V6) => {
            Err(error(part(text, host), "this is not an IPv6 address", help))
        }
        (Some(ip), _) => Ok(Host::Ip(ip)),
        (None, _) => {
            let named = host.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                && host.bytes().any(|b| b.is_ascii_alphabetic())
                && !host.starts_with(['-', '.']);
            if named {
                return Ok(Host::Name(host.to_owned()));
            }
            Err(error(part(text, host), &format!("'{host}' is not an address"), help))
        }
    }
}

fn port_number(text: &str, port: &str) -> Result<u16, AddressError> {
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match port.parse() {
        Ok(number) if digits && number != 0 => Ok(number),
        _ => {
            let at =
                if port.is_empty() { text.len().saturating_sub(1)..text.len() } else { part(text, port) };
            Err(error(at, &format!("'{port}' is not a port"), "ports are numbers from 1 to 65535"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> BindAddress {
        BindAddress::Tcp(text.parse().unwrap())
    }

    #[test]
    fn bind_takes_every_form() {
        for (text, expected) in [
            (":80", vec![tcp("0.0.0.0:80")]),
            ("*:80", vec![tcp("0.0.0.0:80")]),
            ("192.0.2.1:80", vec![tcp("192.0.2.1:80")]),
            ("[2001:db8::1]:80", vec![tcp("[2001:db8::1]:80")]),
            ("2001:db8::1:80", vec![tcp("[2001:db8::1]:80")]),
            (":::80", vec![tcp("[::]:80")]),
            ("[::]:80", vec![tcp("[::]:80")]),
            ("ipv4@:80", vec![tcp("0.0.0.0:80")]),
            ("ipv6@:80", vec![tcp("[::]:80")]),
            ("ipv6@*:80", vec![tcp("[::]:80")]),
            ("localhost:80", vec![tcp("127.0.0.1:80")]),
            (":8000-8002", vec![tcp("0.0.0.0:8000"), tcp("0.0.0.0:8001"), tcp("0.0.0.0:8002")]),
            ("unix@/run/x.sock", vec![BindAddress::Unix("/run/x.sock".into())]),
            ("/run/x.sock", vec![BindAddress::Unix("/run/x.sock".into())]),
            ("fd@3", vec![BindAddress::Fd(3)]),
        ] {
            assert_eq!(bind_addresses(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn bad_bind_addresses_blame_the_part_that_is_wrong() {
        for (text, at, message) in [
            ("192.0.2.1", 0..9, "'192.0.2.1' has no port"),
            (":0", 1..2, "'0' is not a port"),
            (":http", 1..5, "'http' is not a port"),
            (":65536", 1..6, "'65536' is not a port"),
            (":", 0..1, "'' is not a port"),
            (":80-70", 1..6, "this port range runs backwards"),
            ("300.0.0.1:80", 0..9, "'300.0.0.1' is not an address"),
            ("web1:80", 0..4, "'web1' is not an IP address"),
            ("[::1:80", 0..7, "this bracket is never closed"),
            ("[::1]80", 5..7, "a colon and a port should follow the bracket"),
            ("ipv4@[::1]:80", 6..9, "this is not an IPv4 address"),
            ("fd@x", 3..4, "'fd@' needs the number of an open descriptor"),
            ("unix@", 0..5, "'unix@' needs a path"),
            ("quic4@:443", 0..6, "'quic4@' addresses are not yet supported"),
            ("tpc@:80", 0..4, "'tpc@' is not a kind of address"),
        ] {
            let error = bind_addresses(text).unwrap_err();
            assert_eq!((error.at, error.message.as_str()), (at, message), "{text}");
        }
    }

    #[test]
    fn servers_may_be_names() {
        let name = |host: &str| ServerAddress::Name { host: host.into(), port: 80 };
        for (text, expected) in [
            ("192.0.2.1:80", ServerAddress::Tcp("192.0.2.1:80".parse().unwrap())),
            ("::1:80", ServerAddress::Tcp("[::1]:80".parse().unwrap())),
            ("app-1.example.org:80", name("app-1.example.org")),
            ("localhost:80", name("localhost")),
            ("unix@/run/app", ServerAddress::Unix("/run/app".into())),
        ] {
            assert_eq!(server_address(text), Ok(expected), "{text}");
        }
        for text in
            ["192.0.2.1", "app", ":80", "*:80", "0.0.0.0:80", "app:+1", "app:80-90", "a_b!:80", "fd@3"]
        {
            assert!(server_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn log_targets_default_to_the_syslog_port() {
        let udp = |text: &str| LogDestination::Udp(text.parse().unwrap());
        for (text, expected) in [
            ("127.0.0.1", udp("127.0.0.1:514")),
            ("127.0.0.1:5140", udp("127.0.0.1:5140")),
            ("localhost", udp("127.0.0.1:514")),
            ("::1", udp("[::1]:514")),
            ("[::1]:99", udp("[::1]:99")),
            ("udp@127.0.0.1", udp("127.0.0.1:514")),
            ("/dev/log", LogDestination::Unix("/dev/log".into())),
            ("stdout", LogDestination::Stdout),
            ("stderr", LogDestination::Stderr),
        ] {
            assert_eq!(log_destination(text), Ok(expected), "{text}");
        }
        for text in ["", "loghost", "ring@x", "fd@1", ":514"] {
            assert!(log_destination(text).is_err(), "{text}");
        }
    }
}
