//! Parsing of request and response heads (RFC 9112 §2 to §5), strict where leniency smuggles.
//!
//! What is lenient, because HAProxy is and the result is re-emitted in one normal form: a bare LF ends a line, a
//! folded line is joined by a space, empty lines before a request line are skipped.

use bytes::{Bytes, BytesMut};

use super::header_list::{HeaderList, Known, Text};
use super::lines::{Lines, head_end, skip_empty_lines, too_large, unfolded};
use super::octets::{find, has_control, has_non_target, token_len};

/// Longest head taken: a 16 kB buffer less the room kept for rewriting, as HAProxy's default.
pub const MAX_HEAD: usize = 15_360;
/// Most lines in a head, the first one included (`tune.http.maxhdr`).
pub const MAX_LINES: usize = 101;

/// HTTP versions that reach the proxy as HTTP/1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1, and any later minor version, which is spoken as 1.1
    Http11,
}

/// Why a head was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadHead {
    /// Not a request line or status line.
    #[error("malformed first line")]
    FirstLine,
    /// A header line without a valid name.
    #[error("malformed header name")]
    Name,
    /// A control character in a header value, or a bare CR.
    #[error("invalid character in a header value")]
    Value,
    /// The request target has an invalid character or form.
    #[error("invalid request target")]
    Target,
    /// The head does not fit in [`MAX_HEAD`].
    #[error("header fields too large")]
    TooLarge,
    /// The request line alone does not fit.
    #[error("request target too long")]
    TargetTooLong,
    /// More lines than [`MAX_LINES`].
    #[error("too many header fields")]
    TooManyFields,
}

/// A request head as received.
#[derive(Debug, Clone)]
pub struct RequestHead {
    method: Text,
    target: Text,
    line: Text,
    /// Version of the request line.
    pub version: Version,
    /// Fields in order.
    pub headers: HeaderList,
}

impl RequestHead {
    /// The method.
    pub fn method(&self) -> &[u8] {
        self.headers.text(self.method)
    }

    /// The request target as received.
    pub fn target(&self) -> &[u8] {
        self.headers.text(self.target)
    }

    /// The path and query: the target without the scheme and authority of an absolute form.
    pub fn path(&self) -> &[u8] {
        let target = self.target();
        if target.first() == Some(&b'/') {
            return target;
        }
        let Some(at) = after_scheme(target) else { return target };
        let rest = &target[at..];
        match rest.iter().position(|b| matches!(b, b'/' | b'?')) {
            Some(slash) => &rest[slash..],
            None => b"/",
        }
    }

    /// The first line as received, for the access log.
    pub fn line(&self) -> &[u8] {
        self.headers.text(self.line)
    }

    /// [`Self::line`] without a copy.
    pub fn line_bytes(&self) -> Bytes {
        self.headers.head().slice(..self.line().len())
    }

    /// Bytes of the head as received.
    pub fn size(&self) -> usize {
        self.headers.head().len()
    }

    /// Whether repeating the request has the effect of sending it once (RFC 9110 §9.2.2).
    pub fn is_idempotent(&self) -> bool {
        matches!(self.method(), b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE")
    }
}

/// A response head as received, or one the proxy made.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// Status code, 100 to 999.
    pub status: u16,
    reason: Text,
    /// Version of the status line.
    pub version: Version,
    /// Fields in order.
    pub headers: HeaderList,
}

impl ResponseHead {
    /// A head of our own.
    pub fn new(status: u16, reason: &'static str) -> Self {
        let mut headers = HeaderList::new();
        let reason = headers.keep(reason.as_bytes());
        Self { status, reason, version: Version::Http11, headers }
    }

    /// Reason phrase.
    pub fn reason(&self) -> &[u8] {
        self.headers.text(self.reason)
    }
}

/// Takes a complete request head off the front of `buffer`; `None` when more bytes are needed.
///
/// # Errors
/// The head is malformed or too large; `buffer` is left as it was.
pub fn parse_request(buffer: &mut BytesMut) -> Result<Option<RequestHead>, BadHead> {
    skip_empty_lines(buffer);
    let Some(end) = head_end(buffer)? else { return Ok(None) };
    if end > MAX_HEAD {
        return Err(too_large(buffer));
    }
    let raw = &buffer[..end];
    let mut lines = Lines::of(raw);
    let line = lines.next().ok_or(BadHead::FirstLine)?;
    let (method, target, version) = request_line(raw, line)?;
    let mut headers = fields(raw, lines)?;
    headers.found_in(buffer.split_to(end).freeze());
    Ok(Some(RequestHead { method, target, line: Text::received(line.0, line.1), version, headers }))
}

/// Takes a complete response head off the front of `buffer`; `None` when more bytes are needed.
///
/// # Errors
/// The head is malformed or too large; `buffer` is left as it was.
pub fn parse_response(buffer: &mut BytesMut) -> Result<Option<ResponseHead>, BadHead> {
    const START: &[u8] = b"HTTP/1.";
    let seen = buffer.len().min(START.len());
    if buffer[..seen] != START[..seen] {
        return Err(BadHead::FirstLine);
    }
    let Some(end) = head_end(buffer)? else { return Ok(None) };
    if end > MAX_HEAD {
        return Err(BadHead::TooLarge);
    }
    let raw = &buffer[..end];
    let mut lines = Lines::of(raw);
    let (from, to) = lines.next().ok_or(BadHead::FirstLine)?;
    let line = &raw[from..to];
    let version = match line.get(..9) {
        Some(b"HTTP/1.1 ") => Version::Http11,
        Some(b"HTTP/1.0 ") => Version::Http10,
        _ => return Err(BadHead::FirstLine),
    };
    let digits = line.get(9..12).filter(|d| d.iter().all(u8::is_ascii_digit)).ok_or(BadHead::FirstLine)?;
    let status = digits.iter().fold(0u16, |n, d| n * 10 + u16::from(d - b'0'));
    let reason = match line.get(12) {
        None => Text::received(to, to),
        Some(b' ') => Text::received(from + 13, to),
        Some(_) => return Err(BadHead::FirstLine),
    };
    if status < 100 || has_control(&line[12..]) {
        return Err(BadHead::FirstLine);
    }
    let mut headers = fields(raw, lines)?;
    headers.found_in(buffer.split_to(end).freeze());
    Ok(Some(ResponseHead { status, reason, version, headers }))
}

/// Parses trailer fields that end with an empty line; `None` when more bytes are needed. Here a bare LF ends no line: where
/// a body ends is not a matter for leniency.
///
/// # Errors
/// As for a head.
pub(super) fn parse_trailers(buffer: &mut BytesMut) -> Result<Option<HeaderList>, BadHead> {
    let end = match buffer.first() {
        None => return Ok(None),
        Some(b'\r') if buffer.len() < 2 => None,
        Some(b'\r') if buffer[1] == b'\n' => Some(2),
        Some(b'\n') => return Err(BadHead::Value),
        Some(_) => head_end(buffer)?,
    };
    let Some(end) = end else { return Ok(None) };
    let raw = &buffer[..end];
    let bare = |at: &usize| raw[*at] == b'\n' && (*at == 0 || raw[*at - 1] != b'\r');
    if (0..raw.len()).any(|at| bare(&at)) {
        return Err(BadHead::Value);
    }
    let mut trailers = fields(raw, Lines::of(raw))?;
    trailers.found_in(buffer.split_to(end).freeze());
    Ok(Some(trailers))
}

fn request_line(raw: &[u8], line: (usize, usize)) -> Result<(Text, Text, Version), BadHead> {
    let text = &raw[line.0..line.1];
    let method_end = find(text, b' ').ok_or(BadHead::FirstLine)?;
    let target_end =
        text.iter().rposition(|b| *b == b' ').filter(|at| *at > method_end).ok_or(BadHead::FirstLine)?;
    let (method, target) = (&text[..method_end], &text[method_end + 1..target_end]);
    if method.is_empty() || token_len(method) != method.len() {
        return Err(BadHead::FirstLine);
    }
    let version = match &text[target_end + 1..] {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if (b'1'..=b'9').contains(major) && minor.is_ascii_digit() =>
        {
            Version::Http11
        }
        _ => return Err(BadHead::FirstLine),
    };
    check_target(method, target)?;
    let method = Text::received(line.0, line.0 + method_end);
    Ok((method, Text::received(line.0 + method_end + 1, line.0 + target_end), version))
}

/// RFC 9112 §3.2: origin form, absolute form, authority form for CONNECT, asterisk form for OPTIONS.
fn check_target(method: &[u8], target: &[u8]) -> Result<(), BadHead> {
    if target.is_empty() || has_non_target(target) {
        return Err(BadHead::Target);
    }
    let valid = match (method, target[0]) {
        (b"CONNECT", _) => authority_has_port(target),
        (_, b'/') => true,
        (b"OPTIONS", b'*') => target.len() == 1,
        _ => absolute_authority(target).is_some_and(|a| !a.is_empty()),
    };
    if valid { Ok(()) } else { Err(BadHead::Target) }
}

/// The authority of an absolute-form target.
pub(super) fn absolute_authority(target: &[u8]) -> Option<&[u8]> {
    if target.first() == Some(&b'/') {
        return None;
    }
    let rest = after_scheme(target)?;
    let scheme = &target[..rest - 3];
    let plausible = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b));
    if !plausible {
        return None;
    }
    let rest = &target[rest..];
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    Some(&rest[..end])
}

fn authority_has_port(authority: &[u8]) -> bool {
    let Some(colon) = authority.iter().rposition(|b| *b == b':') else { return false };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    !host.is_empty()
        && !host.contains(&b'/')
        && !port.is_empty()
        && port.len() <= 5
        && port.iter().all(u8::is_ascii_digit)
}

/// The fields of `lines`; the list does not have `raw` yet.
fn fields(raw: &[u8], lines: Lines<'_>) -> Result<HeaderList, BadHead> {
    let mut list = HeaderList::with_room();
    for (start, end) in lines {
        if list.len() + 2 > MAX_LINES {
            return Err(BadHead::TooManyFields);
        }
        let text = &raw[start..end];
        let name_len = token_len(text);
        if name_len == 0 || text.get(name_len) != Some(&b':') {
            return Err(BadHead::Name);
        }
        let name = &text[..name_len];
        let (value, plain) = field_value(&mut list, raw, start + name_len + 1, end)?;
        list.push_received(Known::of(name), Text::received(start, start + name_len), value, plain);
    }
    Ok(list)
}

/// The value in `start..end`, and whether its line is in the form that is written.
fn field_value(list: &mut HeaderList, raw: &[u8], start: usize, end: usize) -> Result<(Text, bool), BadHead> {
    let text = &raw[start..end];
    if has_control(text) {
        let value = unfolded(text)?;
        return Ok((list.keep(&value), false));
    }
    let is_blank = |b: &&u8| matches!(b, b' ' | b'\t');
    let lead = text.iter().take_while(is_blank).count();
    let tail = text[lead..].iter().rev().take_while(is_blank).count();
    let plain = lead == 1 && tail == 0 && text[0] == b' ' && raw.get(end) == Some(&b'\r');
    Ok((Text::received(start + lead, end - tail), plain))
}

/// Where the text after a scheme's `://` begins.
fn after_scheme(target: &[u8]) -> Option<usize> {
    target.windows(3).position(|w| w == b"://").map(|at| at + 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Result<Option<RequestHead>, BadHead> {
        parse_request(&mut BytesMut::from(text))
    }

    fn values(head: &RequestHead) -> Vec<(String, String)> {
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        head.headers.iter().map(|(_, n, v)| (text(n), text(v))).collect()
    }

    #[test]
    fn a_head_is_taken_and_the_body_left() {
        let mut buffer = BytesMut::from("POST /a?b HTTP/1.1\r\nHost: x\r\nA:  b \r\n\r\nbody");
        let head = parse_request(&mut buffer).unwrap().unwrap();
        assert_eq!(
            (head.method(), head.target(), head.version),
            (&b"POST"[..], &b"/a?b"[..], Version::Http11)
        );
        assert_eq!(head.line(), b"POST /a?b HTTP/1.1");
        assert_eq!(values(&head), [("Host".into(), "x".into()), ("A".into(), "b".into())]);
        assert_eq!(&buffer[..], b"body");
    }

    #[test]
    fn every_prefix_of_a_head_asks_for_more() {
        let text = "GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n";
        for end in 0..text.len() {
            assert!(request(&text[..end]).unwrap().is_none(), "at {end}");
        }
        assert!(request(text).unwrap().is_some());
    }

    #[test]
    fn refused_heads() {
        let table = [
            ("GET /\r\n\r\n", BadHead::FirstLine),
            ("GET  / HTTP/1.1\r\n\r\n", BadHead::Target),
            ("G\u{7f}T / HTTP/1.1\r\n\r\n", BadHead::FirstLine),
            ("GET / HTTP/0.9\r\n\r\n", BadHead::FirstLine),
            ("GET / http/1.1\r\n\r\n", BadHead::FirstLine),
            ("GET /a#b HTTP/1.1\r\n\r\n", BadHead::Target),
            ("GET /\u{e9} HTTP/1.1\r\n\r\n", BadHead::Target),
            ("GET /a b HTTP/1.1\r\n\r\n", BadHead::Target),
            ("GET * HTTP/1.1\r\n\r\n", BadHead::Target),
            ("OPTIONS */x HTTP/1.1\r\n\r\n", BadHead::Target),
            ("GET x HTTP/1.1\r\n\r\n", BadHead::Target),
            ("CONNECT / HTTP/1.1\r\n\r\n", BadHead::Target),
            ("PRI * HTTP/2.0\r\n\r\n", BadHead::Target),
            ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", BadHead::Name),
            ("GET / HTTP/1.1\r\n: x\r\n\r\n", BadHead::Name),
            ("GET / HTTP/1.1\r\nnocolon\r\n\r\n", BadHead::Name),
            ("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", BadHead::Value),
            ("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", BadHead::Value),
            ("GET / HTTP/1.1\r\nA: b\r\r\n\r\n", BadHead::Value),
            ("GET / HTTP/1.1\r\nA: b\r\rX: y\r\n\r\n", BadHead::Value),
            ("GET / HTTP/1.1\r\n A: b\r\n\r\n", BadHead::FirstLine),
        ];
        for (text, want) in table {
            assert_eq!(request(text).unwrap_err(), want, "{text:?}");
        }
    }

    #[test]
    fn accepted_heads() {
        for text in [
            "OPTIONS * HTTP/1.1\r\n\r\n",
            "CONNECT a:443 HTTP/1.1\r\n\r\n",
            "GET http://a/b HTTP/1.1\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\nHost: x\n\n",
            "GET / HTTP/1.1\r\nA:\r\n\r\n",
        ] {
            assert!(request(text).unwrap().is_some(), "{text:?}");
        }
    }

    #[test]
    fn folded_lines_are_joined_by_one_space() {
        let head = request("GET / HTTP/1.1\r\nA: b\r\n   c\r\n\td\r\nE: f\r\n\r\n").unwrap().unwrap();
        assert_eq!(values(&head), [("A".into(), "b c d".into()), ("E".into(), "f".into())]);
    }

    #[test]
    fn sizes_have_bounds() {
        let at = |n: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(n));
        let fixed = at(0).len();
        assert!(request(&at(MAX_HEAD - fixed)).unwrap().is_some());
        assert_eq!(request(&at(MAX_HEAD - fixed + 1)).unwrap_err(), BadHead::TooLarge);
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(MAX_HEAD));
        assert_eq!(request(&long).unwrap_err(), BadHead::TargetTooLong);
        let lines = |n: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(n));
        assert!(request(&lines(MAX_LINES - 1)).unwrap().is_some());
        assert_eq!(request(&lines(MAX_LINES)).unwrap_err(), BadHead::TooManyFields);
    }

    #[test]
    fn responses() {
        let mut buffer = BytesMut::from("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nrest");
        let head = parse_response(&mut buffer).unwrap().unwrap();
        assert_eq!((head.status, head.reason(), &buffer[..]), (404, &b"Not Found"[..], &b"rest"[..]));
        let ok = |t: &str| parse_response(&mut BytesMut::from(t));
        assert_eq!(ok("HTTP/1.1 200\r\n\r\n").unwrap().unwrap().status, 200);
        for bad in [
            "SSH-2.0-x",
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "x",
        ] {
            assert!(ok(bad).is_err(), "{bad}");
        }
        assert!(ok("HTTP/1").unwrap().is_none());
    }

    #[test]
    fn absolute_targets_have_a_path() {
        for (target, path) in
            [("http://a/b?c", "/b?c"), ("http://a", "/"), ("http://a?x", "?x"), ("/x", "/x")]
        {
            let head = request(&format!("GET {target} HTTP/1.1\r\n\r\n")).unwrap().unwrap();
            assert_eq!(head.path(), path.as_bytes());
        }
    }
}
