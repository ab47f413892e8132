//! What the configuration and the address of the request say about the page.

use crate::Filter;

/// How to show the page: the `stats` lines of the proxy and the options at the end of the address.
#[derive(Clone, Debug, Default)]
pub struct PageOptions {
    /// `stats uri`: where the page, `;csv` and `;json` are.
    pub uri: String,
    /// Where the Prometheus text is, if it is served.
    pub metrics_uri: Option<String>,
    /// `stats refresh` in seconds.
    pub refresh: Option<u32>,
    /// `stats hide-version`.
    pub hide_version: bool,
    /// `stats show-legends`: addresses, algorithms, cookies.
    pub show_legends: bool,
    /// `stats show-node`: the name to show.
    pub show_node: Option<String>,
    /// `stats show-desc`: the text to show.
    pub show_desc: Option<String>,
    /// `stats show-modules`: the columns of HTTP/1 and HTTP/2 counters.
    pub show_modules: bool,
    /// `stats admin`: with the forms that change states.
    pub admin: bool,
    /// `;scope=` and `;up`.
    pub filter: Filter,
    /// `;norefresh`.
    pub norefresh: bool,
    /// `;st=`.
    pub banner: Option<Banner>,
}

impl PageOptions {
    /// Reads the options that follow the URI in the address, such as `;up;norefresh;scope=api;st=DONE`.
    /// Unknown ones have no effect.
    pub fn with_url_options(mut self, options: &str) -> Self {
        for option in options.split([';', '?', '&']) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match name {
                "up" => self.filter.up_only = true,
                "norefresh" => self.norefresh = true,
                "scope" if !value.is_empty() => self.filter.scope = Some(percent_decoded(value)),
                "st" => self.banner = Banner::from_code(value),
                _ => {}
            }
        }
        self
    }

    /// The interval of the `Refresh` header to send with the page, in seconds; none when the reader turned it
    /// off.
    pub fn active_refresh(&self) -> Option<u32> {
        self.refresh.filter(|_| !self.norefresh)
    }

    /// The address of the page with other choices for hiding servers that are down and for refreshing; it
    /// keeps the scope.
    pub(super) fn link(&self, up_only: bool, norefresh: bool) -> String {
        let mut link = self.uri.clone();
        if up_only {
            link.push_str(";up");
        }
        if norefresh {
            link.push_str(";norefresh");
        }
        if let Some(scope) = &self.filter.scope {
            link.push_str(";scope=");
            percent_encode(&mut link, scope);
        }
        link
    }
}

/// The outcome of a form, told on the page that the form's reply leads to (`;st=CODE`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Banner {
    /// `DONE`
    Done,
    /// `NONE`
    Nothing,
    /// `PART`
    Partial,
    /// `ERRP`
    Invalid,
    /// `EXCD`
    TooLong,
    /// `DENY`
    Denied,
    /// `IVAL`
    InvalidRequest,
    /// `UNKN`
    Unexpected,
}

impl Banner {
    const ALL: [Self; 8] = [
        Self::Done,
        Self::Nothing,
        Self::Partial,
        Self::Invalid,
        Self::TooLong,
        Self::Denied,
        Self::InvalidRequest,
        Self::Unexpected,
    ];

    /// The banner of a code in the address.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|banner| banner.code() == code)
    }

    /// The code in the address.
    pub fn code(self) -> &'static str {
        match self {
            Self::Done => "DONE",
            Self::Nothing => "NONE",
            Self::Partial => "PART",
            Self::Invalid => "ERRP",
            Self::TooLong => "EXCD",
            Self::Denied => "DENY",
            Self::InvalidRequest => "IVAL",
            Self::Unexpected => "UNKN",
        }
    }

    pub(super) fn is_success(self) -> bool {
        self == Self::Done
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Done => "Action processed successfully.",
            Self::Nothing => "Nothing has changed.",
            Self::Partial => "Action partially processed: some server names are probably unknown.",
            Self::Invalid => "Action not processed: parameters are missing, unknown or ambiguous.",
            Self::TooLong => "Action not processed: the form is too long, select fewer servers.",
            Self::Denied => "Action denied.",
            Self::InvalidRequest => "Action not processed: the request is not one of this page's forms.",
            Self::Unexpected => "Unexpected result.",
        }
    }
}

fn percent_encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            }
        }
    }
}

/// A `%` that two hexadecimal digits do not follow is itself.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|digits| !digits.starts_with('+'));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[at], byte) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (other, _) => {
                decoded.push(other);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn url_options_are_those_of_haproxy() {
        let options = PageOptions { uri: "/stats".into(), refresh: Some(10), ..PageOptions::default() };
        assert_eq!(options.active_refresh(), Some(10));
        let options = options.with_url_options(";up;norefresh;scope=a%20b;st=PART;else");
        assert!(options.filter.up_only);
        assert_eq!(options.active_refresh(), None);
        assert_eq!(options.filter.scope.as_deref(), Some("a b"));
        assert_eq!(options.banner, Some(Banner::Partial));
        assert_eq!(options.link(false, true), "/stats;norefresh;scope=a%20b");
    }

    proptest! {
        #[test]
        fn a_scope_survives_the_address(scope in "\\PC+") {
            let filter = Filter { scope: Some(scope.clone()), ..Filter::default() };
            let link = PageOptions { filter, ..PageOptions::default() }.link(false, false);
            prop_assert!(link.is_ascii());
            let read = PageOptions::default().with_url_options(&link);
            prop_assert_eq!(read.filter.scope, Some(scope));
        }
    }
}
