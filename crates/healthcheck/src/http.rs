//! HTTP checks: the request to send and what the first bytes of the answer mean.

use crate::verdict::CheckStatus;
use std::ops::RangeInclusive;

/// Answers longer than this without an end of the status line are not HTTP.
pub const MAX_STATUS_LINE: usize = 8192;

/// Which status codes are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ExpectStatus {
    /// 200 to 399: what `option httpchk` alone wants.
    #[default]
    Success,
    /// `http-check expect [!] status 200,300-310`.
    Ranges {
        /// Wanted codes.
        ranges: Vec<RangeInclusive<u16>>,
        /// `!`: every code but these.
        negate: bool,
    },
}

impl ExpectStatus {
    /// Whether this status code is wanted.
    pub fn accepts(&self, code: u16) -> bool {
        match self {
            Self::Success => (200..=399).contains(&code),
            Self::Ranges { ranges, negate } => ranges.iter().any(|range| range.contains(&code)) != *negate,
        }
    }
}

/// What the bytes received so far say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The status line is not complete yet.
    NeedMore,
    /// The check is over.
    Verdict(Verdict),
}

/// How an HTTP check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Passed, conditionally passed or failed, and why.
    pub status: CheckStatus,
    /// HTTP status code, when the answer had one.
    pub code: Option<u16>,
    /// Reason phrase of the server, or what was wrong with its answer.
    pub info: String,
}

/// Judges an answer by its status line.
///
/// `received` is everything received so far, `closed` whether the server closed the connection after it.
/// With `disable_on_404` a 404 means "no new traffic", whatever is expected.
pub fn judge(received: &[u8], closed: bool, expect: &ExpectStatus, disable_on_404: bool) -> Judgement {
    if !looks_like_http(received) {
        return invalid("not an HTTP response");
    }
    let Some(end) = received.iter().position(|&byte| byte == b'\n') else {
        return match (closed, received.is_empty()) {
            (true, true) => invalid("connection closed without a response"),
            (true, false) => invalid("connection closed inside the status line"),
            (false, _) if received.len() > MAX_STATUS_LINE => invalid("status line too long"),
            (false, _) => Judgement::NeedMore,
        };
    };
    let line = received[..end].strip_suffix(b"\r").unwrap_or(&received[..end]);
    let Some((code, reason)) = parse_status_line(line) else { return invalid("invalid status line") };
    let status = if disable_on_404 && code == 404 {
        CheckStatus::L7OkConditional
    } else if expect.accepts(code) {
        CheckStatus::L7Ok
    } else {
        CheckStatus::L7Status
    };
    Judgement::Verdict(Verdict { status, code: Some(code), info: reason })
}

/// The bytes of a check request.
///
/// `version` is the text on the wire: `HTTP/1.0` (HAProxy's default, sent with no header at all) or
/// `HTTP/1.1`, which adds `Connection: close`. A body adds `Content-Length`. `Host` is sent only if it is
/// among `headers`.
pub fn build_request(
    method: &str,
    uri: &str,
    version: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Vec<u8> {
    let mut head = format!("{method} {uri} {version}\r\n");
    let mut header = |name: &str, value: &str| {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    };
    for (name, value) in headers {
        header(name, value);
    }
    let given = |wanted: &str| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    if version != "HTTP/1.0" && !given("connection") {
        header("Connection", "close");
    }
    if !body.is_empty() && !given("content-length") {
        header("Content-Length", &body.len().to_string());
    }
    head.push_str("\r\n");
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    request
}

fn invalid(info: &str) -> Judgement {
    Judgement::Verdict(Verdict { status: CheckStatus::L7Response, code: None, info: info.to_owned() })
}

/// Whether the bytes can still become `HTTP/...`.
fn looks_like_http(received: &[u8]) -> bool {
    let known = received.len().min(5);
    received[..known] == b"HTTP/"[..known]
}

/// Code and reason phrase of `HTTP/1.1 200 OK`.
fn parse_status_line(line: &[u8]) -> Option<(u16, String)> {
    let [major, b'.', minor, b' ', rest @ ..] = line.strip_prefix(b"HTTP/")? else { return None };
    if !major.is_ascii_digit() || !minor.is_ascii_digit() {
        return None;
    }
    let (digits, reason) = rest.split_at_checked(3)?;
    let reason = match reason {
        [] => reason,
        [b' ', phrase @ ..] => phrase,
        _ => return None,
    };
    let code: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    if !(100..=999).contains(&code) {
        return None;
    }
    Some((code, String::from_utf8_lossy(reason).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use CheckStatus::{L7Ok, L7OkConditional, L7Response, L7Status};

    fn verdict(received: &str, expect: &ExpectStatus, disable_on_404: bool) -> (CheckStatus, Option<u16>) {
        match judge(received.as_bytes(), true, expect, disable_on_404) {
            Judgement::Verdict(verdict) => (verdict.status, verdict.code),
            Judgement::NeedMore => panic!("a closed connection always has a verdict: {received:?}"),
        }
    }

    #[test]
    fn status_line_decides() {
        let success = ExpectStatus::Success;
        let table = [
            ("HTTP/1.0 200 OK\r\n", L7Ok, Some(200)),
            ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", L7Ok, Some(302)),
            ("HTTP/1.1 399\n", L7Ok, Some(399)),
            ("HTTP/1.1 400 Bad Request\r\n", L7Status, Some(400)),
            ("HTTP/1.1 503 Service Unavailable\r\n", L7Status, Some(503)),
            ("HTTP/1.1 404 Not Found\r\n", L7Status, Some(404)),
            ("", L7Response, None),
            ("HTTP/1.1 20", L7Response, None),
            ("HTTP/1.1 2000 OK\r\n", L7Response, None),
            ("HTTP/1.1 +20 OK\r\n", L7Response, None),
            ("HTTP/x.1 200 OK\r\n", L7Response, None),
            ("SSH-2.0-OpenSSH_9.2\r\n", L7Response, None),
            ("\0\u{1}\u{2}", L7Response, None),
        ];
        for (received, status, code) in table {
            assert_eq!(verdict(received, &success, false), (status, code), "{received:?}");
        }
    }

    #[test]
    fn expected_ranges_replace_the_default_rule() {
        let ranges = vec![200..=200, 300..=310];
        let wanted = ExpectStatus::Ranges { ranges: ranges.clone(), negate: false };
        let unwanted = ExpectStatus::Ranges { ranges, negate: true };
        for (code, inside) in
            [(200, true), (201, false), (300, true), (310, true), (311, false), (500, false)]
        {
            assert_eq!(wanted.accepts(code), inside, "{code}");
            assert_eq!(unwanted.accepts(code), !inside, "{code}");
        }
    }

    #[test]
    fn not_found_wins_over_the_expectation_when_it_disables() {
        let never = ExpectStatus::Ranges { ranges: vec![404..=404], negate: true };
        assert_eq!(verdict("HTTP/1.1 404 Not Found\r\n", &never, true), (L7OkConditional, Some(404)));
        assert_eq!(verdict("HTTP/1.1 200 OK\r\n", &ExpectStatus::Success, true), (L7Ok, Some(200)));
    }

    #[test]
    fn incomplete_status_line_waits_and_other_protocols_do_not() {
        for part in ["", "H", "HTTP/", "HTTP/1.1 200 O"] {
            assert_eq!(
                judge(part.as_bytes(), false, &ExpectStatus::Success, false),
                Judgement::NeedMore,
                "{part:?}"
            );
        }
        let judged = judge(b"HTTQ", false, &ExpectStatus::Success, false);
        assert!(matches!(judged, Judgement::Verdict(Verdict { status: L7Response, .. })));
    }

    #[test]
    fn reason_phrase_is_reported() {
        let judged = judge(b"HTTP/1.1 503 Service Unavailable\r\n", false, &ExpectStatus::Success, false);
        assert!(matches!(judged, Judgement::Verdict(Verdict { info, .. }) if info == "Service Unavailable"));
    }

    #[test]
    fn default_request_has_no_headers_at_all() {
        let request = build_request("GET", "/api/v1/health", "HTTP/1.0", &[], b"");
        assert_eq!(request, b"GET /api/v1/health HTTP/1.0\r\n\r\n");
    }

    #[test]
    fn http_1_1_request_closes_and_a_body_has_a_length() {
        let headers = [("Host".to_owned(), "app.example".to_owned())];
        let request = build_request("POST", "/", "HTTP/1.1", &headers, b"ping");
        let expected =
            "POST / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\nContent-Length: 4\r\n\r\nping";
        assert_eq!(String::from_utf8_lossy(&request), expected);
    }
}
