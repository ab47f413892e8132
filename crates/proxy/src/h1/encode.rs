//! Writing of heads and chunked bodies, in one normal form.

use super::head::{RequestHead, ResponseHead, Version};
use super::header_list::HeaderList;

/// How header names are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameCase {
    /// In lower case, as HAProxy sends them.
    Lower,
    /// As received (`option keep-header-case`).
    AsReceived,
}

/// Appends a request head: version, target and fields are the head's own; `more` are fields of this connection, which go
/// last.
pub fn write_request(out: &mut Vec<u8>, head: &RequestHead, case: NameCase, more: &[(&str, &[u8])]) {
    out.extend_from_slice(head.method());
    out.push(b' ');
    out.extend_from_slice(head.target());
    out.extend_from_slice(match head.version {
        Version::Http10 => b" HTTP/1.0\r\n",
        Version::Http11 => b" HTTP/1.1\r\n",
    });
    write_fields(out, &head.headers, case);
    for (name, value) in more {
        write_field(out, name.as_bytes(), value, case);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a response head. The status line always says HTTP/1.1: it tells what this proxy speaks
/// (RFC 9110 §6.2), not what the server did.
pub fn write_response(out: &mut Vec<u8>, head: &ResponseHead, case: NameCase) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(&status_digits(head.status));
    out.push(b' ');
    out.extend_from_slice(head.reason());
    out.extend_from_slice(b"\r\n");
    write_fields(out, &head.headers, case);
    out.extend_from_slice(b"\r\n");
}

/// Appends header or trailer lines.
pub fn write_fields(out: &mut Vec<u8>, headers: &HeaderList, case: NameCase) {
    headers.write(out, case == NameCase::Lower);
}

fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8], case: NameCase) {
    let start = out.len();
    out.extend_from_slice(name);
    if case == NameCase::Lower {
        out[start..].make_ascii_lowercase();
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends the size line of a chunk.
pub fn write_chunk_size(out: &mut Vec<u8>, size: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let first = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for nibble in (0..first).rev() {
        out.push(DIGITS[(size >> (nibble * 4)) & 0xf]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the last chunk with its trailers.
pub fn write_last_chunk(out: &mut Vec<u8>, trailers: Option<&HeaderList>, case: NameCase) {
    out.extend_from_slice(b"0\r\n");
    if let Some(trailers) = trailers {
        write_fields(out, trailers, case);
    }
    out.extend_from_slice(b"\r\n");
}

fn status_digits(status: u16) -> [u8; 3] {
    let digit = |n: u16| b'0' + u8::try_from(n % 10).unwrap_or(0);
    [digit(status / 100), digit(status / 10), digit(status)]
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::h1::head::parse_request;

    #[test]
    fn heads_are_written_in_lower_case_unless_kept() {
        let mut buffer = BytesMut::from("GET /x HTTP/1.1\nHost:  a\r\nX-A: b\r\n\r\n");
        let head = parse_request(&mut buffer).unwrap().unwrap();
        let write = |case| {
            let mut out = Vec::new();
            write_request(&mut out, &head, case, &[]);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(write(NameCase::Lower), "GET /x HTTP/1.1\r\nhost: a\r\nx-a: b\r\n\r\n");
        assert_eq!(write(NameCase::AsReceived), "GET /x HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n");
    }

    #[test]
    fn chunk_sizes_are_hexadecimal() {
        for size in [0usize, 1, 15, 16, 255, 4096, 0x7fff_ffff] {
            let mut out = Vec::new();
            write_chunk_size(&mut out, size);
            assert_eq!(out, format!("{size:x}\r\n").as_bytes());
        }
    }
}
