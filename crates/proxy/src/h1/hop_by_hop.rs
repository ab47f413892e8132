//! Fields that belong to one connection (RFC 9110 §7.6.1) and must not be sent on.

use super::head::Version;
use super::header_list::{HeaderList, Known, members};

/// What the fields of one connection asked for, read before they are removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionOptions {
    /// `Connection: close`.
    pub close: bool,
    /// `Connection: keep-alive`.
    pub keep_alive: bool,
    /// The protocol of `Upgrade`, when `Connection: upgrade` nominates it.
    pub upgrade: Option<Vec<u8>>,
}

impl ConnectionOptions {
    /// Reads the options of a message.
    pub fn read(headers: &HeaderList) -> Self {
        let mut options = Self::default();
        let mut upgrade = false;
        for value in headers.all(Known::Connection) {
            for member in members(value) {
                options.close |= member.eq_ignore_ascii_case(b"close");
                options.keep_alive |= member.eq_ignore_ascii_case(b"keep-alive");
                upgrade |= member.eq_ignore_ascii_case(b"upgrade");
            }
        }
        if upgrade {
            options.upgrade = headers
                .get(Known::Upgrade)
                .map(|p| p.trim_ascii().to_vec())
                .filter(|p| !p.is_empty() && !p.eq_ignore_ascii_case(b"h2c"));
        }
        options
    }

    /// Whether the sender lets the connection be used again (RFC 9112 §9.3).
    pub fn persistent(&self, version: Version) -> bool {
        match version {
            Version::Http11 => !self.close,
            Version::Http10 => self.keep_alive && !self.close,
        }
    }
}

/// Removes the fields of one connection, also those that `Connection` names. HAProxy lets nominated fields pass; RFC
/// 9110 §7.6.1 requires their removal. Framing fields and Host stay whatever is nominated: removing them would
/// change what the message means.
pub fn strip(headers: &mut HeaderList) {
    const OF_A_CONNECTION: &[Known] =
        &[Known::Connection, Known::KeepAlive, Known::ProxyConnection, Known::Upgrade, Known::Te];
    if !headers.may_have(OF_A_CONNECTION) {
        return;
    }
    let nominated: Vec<Vec<u8>> = headers
        .all(Known::Connection)
        .flat_map(members)
        .filter(|m| !m.eq_ignore_ascii_case(b"close") && !m.eq_ignore_ascii_case(b"keep-alive"))
        .map(<[u8]>::to_vec)
        .collect();
    headers.retain(|known, name, value| match known {
        Known::Connection | Known::KeepAlive | Known::ProxyConnection | Known::Upgrade => false,
        Known::Te => members(value).any(|m| m.eq_ignore_ascii_case(b"trailers")),
        Known::ContentLength | Known::TransferEncoding | Known::Host => true,
        Known::Expect | Known::Other => !nominated.iter().any(|n| n.eq_ignore_ascii_case(name)),
    });
    let te: Vec<&[u8]> = headers.all(Known::Te).collect();
    if te.len() > 1 || te.first().is_some_and(|v| !v.eq_ignore_ascii_case(b"trailers")) {
        headers.set("te", "trailers");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(fields: &[(&'static str, &'static str)]) -> HeaderList {
        let mut list = HeaderList::new();
        for (name, value) in fields {
            list.push(*name, *value);
        }
        list
    }

    fn names(list: &HeaderList) -> Vec<String> {
        list.iter().map(|(_, n, _)| String::from_utf8_lossy(n).into_owned()).collect()
    }

    #[test]
    fn connection_fields_and_those_it_names_are_removed() {
        let mut headers = list(&[
            ("Host", "a"),
            ("Connection", "close, X-Secret"),
            ("Connection", "content-length, host"),
            ("Keep-Alive", "5"),
            ("Proxy-Connection", "x"),
            ("X-Secret", "1"),
            ("Upgrade", "h2c"),
            ("TE", "gzip"),
            ("Content-Length", "3"),
            ("X-Other", "2"),
        ]);
        strip(&mut headers);
        assert_eq!(names(&headers), ["Host", "Content-Length", "X-Other"]);
    }

    #[test]
    fn te_is_kept_only_as_trailers() {
        let mut headers = list(&[("TE", "gzip, trailers"), ("TE", "trailers")]);
        strip(&mut headers);
        assert_eq!(headers.get(Known::Te), Some(&b"trailers"[..]));
        assert_eq!(headers.len(), 1);
    }

    #[test]
    fn persistence_follows_the_version() {
        let options = |c: &'static str| ConnectionOptions::read(&list(&[("Connection", c)]));
        assert!(options("").persistent(Version::Http11));
        assert!(!options("").persistent(Version::Http10));
        assert!(options("Keep-Alive").persistent(Version::Http10));
        assert!(!options("keep-alive, close").persistent(Version::Http11));
    }

    #[test]
    fn an_upgrade_counts_only_when_connection_nominates_it() {
        let websocket = list(&[("Connection", "Upgrade"), ("Upgrade", "websocket")]);
        assert_eq!(ConnectionOptions::read(&websocket).upgrade.as_deref(), Some(&b"websocket"[..]));
        assert_eq!(ConnectionOptions::read(&list(&[("Upgrade", "websocket")])).upgrade, None);
        let h2c = list(&[("Connection", "Upgrade"), ("Upgrade", "h2c")]);
        assert_eq!(ConnectionOptions::read(&h2c).upgrade, None);
    }
}
