//! How long a body is (RFC 9112 §6), decided once. Ambiguity is refused or resolved to a single reading that is
//! also the one sent on, so that no two parties can disagree about where a message ends.

use super::head::{RequestHead, ResponseHead, Version, absolute_authority};
use super::header_list::{HeaderList, Known};

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// There is no body.
    None,
    /// Exactly so many bytes.
    Length(u64),
    /// Chunked coding.
    Chunked,
    /// When the connection closes (responses only).
    UntilClose,
}

/// What a request's framing says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestFraming {
    /// Where its body ends.
    pub body: BodyLength,
    /// The client connection must not be reused: the framing was legal but suspicious.
    pub must_close: bool,
}

/// Why a message was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFraming {
    /// `Content-Length` is not one plain number.
    #[error("invalid Content-Length")]
    ContentLength,
    /// `Transfer-Encoding` is malformed, repeats `chunked`, or does not end with it.
    #[error("invalid Transfer-Encoding")]
    TransferEncoding,
    /// A transfer coding other than `chunked`.
    #[error("unsupported transfer coding")]
    UnsupportedCoding,
    /// `Host` is malformed, contradicts itself or the target.
    #[error("invalid Host")]
    Host,
    /// A body where HTTP/1.0 gives it no meaning.
    #[error("request body not allowed")]
    BodyNotAllowed,
}

/// Decides the framing of a request and checks its `Host`. Normalises: one `Content-Length`, none beside
/// `Transfer-Encoding`, one `Host`.
///
/// # Errors
/// The request must be refused: 422 for [`BadFraming::UnsupportedCoding`], 413 for
/// [`BadFraming::BodyNotAllowed`], otherwise 400.
pub fn request_framing(head: &mut RequestHead) -> Result<RequestFraming, BadFraming> {
    check_host(head)?;
    let coding = transfer_coding(&head.headers)?;
    let length = content_length(&head.headers)?;
    if coding == Coding::Chunked {
        let suspicious = length.is_some() || head.version == Version::Http10;
        head.headers.retain(|known, _, _| known != Known::ContentLength);
        normalise_coding(&mut head.headers);
        return Ok(RequestFraming { body: BodyLength::Chunked, must_close: suspicious });
    }
    let Some(length) = length else {
        return Ok(RequestFraming { body: BodyLength::None, must_close: false });
    };
    normalise_length(&mut head.headers, length);
    let meaningless =
        head.version == Version::Http10 && matches!(head.method(), b"GET" | b"HEAD" | b"DELETE");
    if length > 0 && meaningless {
        return Err(BadFraming::BodyNotAllowed);
    }
    let body = if length == 0 { BodyLength::None } else { BodyLength::Length(length) };
    Ok(RequestFraming { body, must_close: false })
}

/// Decides the framing of a response to a request with `method`. Normalises like [`request_framing`].
///
/// # Errors
/// The response cannot be trusted (502).
pub fn response_framing(head: &mut ResponseHead, method: &[u8]) -> Result<BodyLength, BadFraming> {
    let coding = transfer_coding(&head.headers)?;
    let length = content_length(&head.headers)?;
    if let Some(length) = length {
        if coding == Coding::Chunked {
            head.headers.retain(|known, _, _| known != Known::ContentLength);
        } else {
            normalise_length(&mut head.headers, length);
        }
    }
    if coding == Coding::Chunked {
        normalise_coding(&mut head.headers);
    }
    let bodiless = method == b"HEAD" || matches!(head.status, 100..200 | 204 | 304);
    Ok(match (bodiless, coding, length) {
        (true, _, _) | (false, Coding::Identity, Some(0)) => BodyLength::None,
        (false, Coding::Chunked, _) => BodyLength::Chunked,
        (false, Coding::Identity, Some(n)) => BodyLength::Length(n),
        (false, Coding::Identity, None) => BodyLength::UntilClose,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Identity,
    Chunked,
}

fn transfer_coding(headers: &HeaderList) -> Result<Coding, BadFraming> {
    if !headers.may_have(&[Known::TransferEncoding]) {
        return Ok(Coding::Identity);
    }
    let mut present = false;
    let (mut chunked, mut others, mut last_is_chunked) = (0, 0, false);
    for value in headers.all(Known::TransferEncoding) {
        present = true;
        for coding in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            last_is_chunked = coding.eq_ignore_ascii_case(b"chunked");
            if last_is_chunked { chunked += 1 } else { others += 1 }
        }
    }
    match (present, chunked, others, last_is_chunked) {
        (false, ..) => Ok(Coding::Identity),
        (true, 1, 0, _) => Ok(Coding::Chunked),
        (true, 1, _, true) => Err(BadFraming::UnsupportedCoding),
        (true, ..) => Err(BadFraming::TransferEncoding),
    }
}

fn content_length(headers: &HeaderList) -> Result<Option<u64>, BadFraming> {
    let mut agreed: Option<u64> = None;
    for value in headers.all(Known::ContentLength) {
        for part in value.split(|b| *b == b',') {
            let part = part.trim_ascii();
            if part.is_empty() || !part.iter().all(u8::is_ascii_digit) {
                return Err(BadFraming::ContentLength);
            }
            let number = part
                .iter()
                .try_fold(0u64, |n, d| n.checked_mul(10)?.checked_add(u64::from(d - b'0')))
                .ok_or(BadFraming::ContentLength)?;
            if agreed.is_some_and(|n| n != number) {
                return Err(BadFraming::ContentLength);
            }
            agreed = Some(number);
        }
    }
    Ok(agreed)
}

fn normalise_length(headers: &mut HeaderList, length: u64) {
    let plain = headers.all(Known::ContentLength).count() == 1
        && headers.get(Known::ContentLength).is_some_and(|v| v.iter().all(u8::is_ascii_digit));
    if !plain {
        headers.set("content-length", length.to_string());
    }
}

fn normalise_coding(headers: &mut HeaderList) {
    let plain = headers.all(Known::TransferEncoding).count() == 1
        && headers.get(Known::TransferEncoding).is_some_and(|v| v.eq_ignore_ascii_case(b"chunked"));
    if !plain {
        headers.set("transfer-encoding", "chunked");
    }
}

/// RFC 9112 §3.2: one Host, valid, and equal to the authority of an absolute-form target. A missing Host passes,
/// as with HAProxy.
fn check_host(head: &mut RequestHead) -> Result<(), BadFraming> {
    if let Some(host) = normal_host(head)? {
        head.headers.set("host", host);
    }
    Ok(())
}

/// The value that must replace the Host fields, where they are not in normal form.
fn normal_host(head: &RequestHead) -> Result<Option<Vec<u8>>, BadFraming> {
    let mut hosts = head.headers.all(Known::Host);
    let first = hosts.next();
    let repeated = head.headers.all(Known::Host).count() > 1;
    if let Some(first) = first
        && (!is_authority(first) || hosts.any(|other| !other.eq_ignore_ascii_case(first)))
    {
        return Err(BadFraming::Host);
    }
    let target = head.target();
    let (scheme, authority) = match absolute_authority(target) {
        _ if head.method() == b"CONNECT" => (&b""[..], target),
        Some(authority) => (target.split(|b| *b == b':').next().unwrap_or_default(), authority),
        None => return Ok(first.filter(|_| repeated).map(<[u8]>::to_vec)),
    };
    let normal = without_default_port(authority, scheme);
    let agrees = first.is_none_or(|h| without_default_port(h, scheme).eq_ignore_ascii_case(normal));
    if !is_authority(authority) || !agrees {
        return Err(BadFraming::Host);
    }
    Ok((repeated || first != Some(normal)).then(|| normal.to_vec()))
}

/// Whether every character may stand in a host and port (RFC 3986 §3.2); a user name may not.
fn is_authority(text: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+;=:[]%".contains(b))
}

fn without_default_port<'a>(authority: &'a [u8], scheme: &[u8]) -> &'a [u8] {
    let port: &[u8] = match scheme {
        s if s.eq_ignore_ascii_case(b"http") => b":80",
        s if s.eq_ignore_ascii_case(b"https") => b":443",
        _ => return authority,
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::h1::head::{parse_request, parse_response};

    fn framing(method: &str, version: &str, fields: &str) -> Result<RequestFraming, BadFraming> {
        let text = format!("{method} / HTTP/{version}\r\n{fields}\r\n");
        let mut head = parse_request(&mut BytesMut::from(text.as_str())).unwrap().unwrap();
        request_framing(&mut head)
    }

    fn ok(body: BodyLength, must_close: bool) -> Result<RequestFraming, BadFraming> {
        Ok(RequestFraming { body, must_close })
    }

    #[test]
    fn request_matrix() {
        use BadFraming as E;
        use BodyLength as L;
        let table = [
            ("", ok(L::None, false)),
            ("Content-Length: 4\r\n", ok(L::Length(4), false)),
            ("Content-Length: 4\r\nContent-Length: 4\r\n", ok(L::Length(4), false)),
            ("Content-Length: 4, 4\r\n", ok(L::Length(4), false)),
            ("Content-Length: 4\r\nContent-Length: 5\r\n", Err(E::ContentLength)),
            ("Content-Length: +4\r\n", Err(E::ContentLength)),
            ("Content-Length: 0x4\r\n", Err(E::ContentLength)),
            ("Content-Length: 4_0\r\n", Err(E::ContentLength)),
            ("Content-Length: -1\r\n", Err(E::ContentLength)),
            ("Content-Length: \r\n", Err(E::ContentLength)),
            ("Content-Length: 4,\r\n", Err(E::ContentLength)),
            ("Content-Length: 18446744073709551616\r\n", Err(E::ContentLength)),
            ("Transfer-Encoding: chunked\r\n", ok(L::Chunked, false)),
            ("Transfer-Encoding: CHUNKED\r\n", ok(L::Chunked, false)),
            ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", ok(L::Chunked, true)),
            ("Content-Length: +4\r\nTransfer-Encoding: chunked\r\n", Err(E::ContentLength)),
            ("Transfer-Encoding: chunked, chunked\r\n", Err(E::TransferEncoding)),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(E::TransferEncoding)),
            ("Transfer-Encoding: chunked, gzip\r\n", Err(E::TransferEncoding)),
            ("Transfer-Encoding: xchunked\r\n", Err(E::TransferEncoding)),
            ("Transfer-Encoding: identity\r\n", Err(E::TransferEncoding)),
            ("Transfer-Encoding:\r\n", Err(E::TransferEncoding)),
            ("Transfer-Encoding: gzip, chunked\r\n", Err(E::UnsupportedCoding)),
            ("Transfer-Encoding: chunked,\r\n", Err(E::TransferEncoding)),
        ];
        for (fields, want) in table {
            assert_eq!(framing("POST", "1.1", fields), want, "{fields:?}");
        }
    }

    #[test]
    fn http_1_0_requests() {
        assert_eq!(framing("POST", "1.0", "Transfer-Encoding: chunked\r\n"), ok(BodyLength::Chunked, true));
        assert_eq!(framing("GET", "1.0", "Content-Length: 3\r\n"), Err(BadFraming::BodyNotAllowed));
        assert_eq!(framing("GET", "1.0", "Content-Length: 0\r\n"), ok(BodyLength::None, false));
    }

    #[test]
    fn hosts() {
        let table = [
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", Some("a")),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n", None),
            ("GET / HTTP/1.1\r\nHost: a, b\r\n", None),
            ("GET / HTTP/1.1\r\nHost: a/b\r\n", None),
            ("GET / HTTP/1.1\r\nHost: u@a\r\n", None),
            ("GET http://a:80/ HTTP/1.1\r\nHost: a\r\n", Some("a")),
            ("GET http://a/ HTTP/1.1\r\nHost: A:80\r\n", Some("a")),
            ("GET http://a/ HTTP/1.1\r\nHost: b\r\n", None),
            ("GET http://a:8080/ HTTP/1.1\r\n", Some("a:8080")),
            ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n", None),
            ("GET http://a^/ HTTP/1.1\r\n", None),
            ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n", Some("a:443")),
            ("CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n", None),
        ];
        for (text, want) in table {
            let text = format!("{text}\r\n");
            let mut head = parse_request(&mut BytesMut::from(text.as_str())).unwrap().unwrap();
            let got = request_framing(&mut head).map(|_| {
                let all: Vec<_> = head.headers.all(Known::Host).map(<[u8]>::to_vec).collect();
                assert_eq!(all.len(), 1, "{text:?}");
                String::from_utf8(all[0].clone()).unwrap()
            });
            assert_eq!(got.ok().as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn response_matrix() {
        use BodyLength as L;
        let table = [
            ("GET", 200, "", Ok(L::UntilClose)),
            ("GET", 200, "Content-Length: 3\r\n", Ok(L::Length(3))),
            ("GET", 200, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", Ok(L::Chunked)),
            ("GET", 200, "Content-Length: 3\r\nContent-Length: 4\r\n", Err(BadFraming::ContentLength)),
            ("GET", 200, "Transfer-Encoding: gzip, chunked\r\n", Err(BadFraming::UnsupportedCoding)),
            ("GET", 200, "Transfer-Encoding: gzip\r\n", Err(BadFraming::TransferEncoding)),
            ("HEAD", 200, "Content-Length: 3\r\n", Ok(L::None)),
            ("GET", 204, "", Ok(L::None)),
            ("GET", 304, "Content-Length: 3\r\n", Ok(L::None)),
            ("GET", 304, "Transfer-Encoding: chunked\r\n", Ok(L::None)),
        ];
        for (method, status, fields, want) in table {
            let text = format!("HTTP/1.1 {status} x\r\n{fields}\r\n");
            let mut head = parse_response(&mut BytesMut::from(text.as_str())).unwrap().unwrap();
            assert_eq!(response_framing(&mut head, method.as_bytes()), want, "{method} {status} {fields:?}");
        }
    }
}
