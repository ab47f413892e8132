//! A strict HTTP/1 parser (RFC 9112): what is not exactly one message with one framing is malformed.

/// A request or a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// First line, without its end.
    pub line: String,
    /// Fields in order, names as sent.
    pub fields: Vec<(String, String)>,
    /// How the body was delimited.
    pub framing: Framing,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// Trailer fields of a chunked body.
    pub trailers: Vec<(String, String)>,
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length(usize),
    /// After the last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// Why bytes are not a message; in words, for a failed test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

impl Message {
    /// Method of a request.
    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    /// Target of a request.
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// Status of a response; 0 for a request.
    pub fn status(&self) -> u16 {
        self.line.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0)
    }

    /// Value of the only field with that name, in any case.
    ///
    /// # Panics
    /// There are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() <= 1, "several {name} in {self:?}");
        values.first().copied()
    }

    /// Values of all fields with that name, in any case.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// Names of the fields, as sent.
    pub fn names(&self) -> Vec<&str> {
        self.fields.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// All complete requests at the front of `bytes`, and what is left: the beginning of another one.
///
/// # Errors
/// Something there is not a request, whatever may follow.
pub fn parse_requests(bytes: &[u8]) -> Result<(Vec<Message>, &[u8]), Malformed> {
    let (mut requests, mut rest) = (Vec::new(), bytes);
    while let Some((request, used)) = parse_request(rest)? {
        requests.push(request);
        rest = &rest[used..];
    }
    Ok((requests, rest))
}

/// The response to a request with `method` at the front of `bytes` and its length; `None` when there must be more.
/// `ended`: nothing more will come.
///
/// # Errors
/// It is not a response, whatever may follow.
pub fn parse_response(
    bytes: &[u8],
    method: &str,
    ended: bool,
) -> Result<Option<(Message, usize)>, Malformed> {
    let Some((line, fields, used)) = parse_head(bytes)? else { return Ok(None) };
    let status = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "));
    let digits = status.and_then(|s| s.get(..3)).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    let Some(digits) = digits else { return malformed(format!("status line {line:?}")) };
    let bodiless = method == "HEAD" || digits.starts_with('1') || digits == "204" || digits == "304";
    let framing = match framing(&fields)? {
        _ if bodiless => Framing::None,
        Framing::None => Framing::UntilClose,
        framing => framing,
    };
    if framing == Framing::UntilClose && !ended {
        return Ok(None);
    }
    finish(bytes, line, fields, framing, used)
}

/// The head and the framing of the request at the front of `bytes`, its body empty still, and the head's length.
pub(crate) fn parse_request_head(bytes: &[u8]) -> Result<Option<(Message, usize)>, Malformed> {
    let Some((line, fields, used)) = parse_head(bytes)? else { return Ok(None) };
    let words: Vec<&str> = line.split(' ').collect();
    let valid = matches!(words[..], [method, target, "HTTP/1.0" | "HTTP/1.1"]
        if is_token(method) && !target.is_empty() && target.bytes().all(|b| b.is_ascii_graphic()));
    if !valid {
        return malformed(format!("request line {line:?}"));
    }
    let framing = framing(&fields)?;
    Ok(Some((Message { line, fields, framing, body: Vec::new(), trailers: Vec::new() }, used)))
}

/// The request at the front of `bytes` and its length.
pub(crate) fn parse_request(bytes: &[u8]) -> Result<Option<(Message, usize)>, Malformed> {
    let Some((head, used)) = parse_request_head(bytes)? else { return Ok(None) };
    finish(bytes, head.line, head.fields, head.framing, used)
}

fn finish(
    bytes: &[u8],
    line: String,
    fields: Vec<(String, String)>,
    framing: Framing,
    head: usize,
) -> Result<Option<(Message, usize)>, Malformed> {
    let rest = &bytes[head..];
    let (body, trailers, used) = match framing {
        Framing::None => (Vec::new(), Vec::new(), 0),
        Framing::Length(n) if rest.len() < n => return Ok(None),
        Framing::Length(n) => (rest[..n].to_vec(), Vec::new(), n),
        Framing::UntilClose => (rest.to_vec(), Vec::new(), rest.len()),
        Framing::Chunked => match parse_chunks(rest)? {
            Some(chunks) => chunks,
            None => return Ok(None),
        },
    };
    Ok(Some((Message { line, fields, framing, body, trailers }, head + used)))
}

type Fields = Vec<(String, String)>;

fn parse_head(bytes: &[u8]) -> Result<Option<(String, Fields, usize)>, Malformed> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return check_unfinished(bytes) };
    let mut lines = split_lines(&bytes[..end])?.into_iter();
    let line = lines.next().unwrap_or_default();
    let fields = lines.map(|line| parse_field(&line)).collect::<Result<Fields, Malformed>>()?;
    Ok(Some((line, fields, end + 4)))
}

/// A head that has not ended yet must not be long already: then its end was missed.
fn check_unfinished<T>(bytes: &[u8]) -> Result<Option<T>, Malformed> {
    if bytes.len() > 64 * 1024 { malformed("a head without an end".to_owned()) } else { Ok(None) }
}

fn split_lines(head: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut lines = Vec::new();
    let mut rest = head;
    loop {
        let end = find(rest, b"\r\n").unwrap_or(rest.len());
        let line = &rest[..end];
        if line.iter().any(|b| (*b < 0x20 && *b != b'\t') || *b == 0x7f) {
            return malformed(format!("control character in {:?}", String::from_utf8_lossy(line)));
        }
        lines.push(String::from_utf8_lossy(line).into_owned());
        if end == rest.len() {
            return Ok(lines);
        }
        rest = &rest[end + 2..];
    }
}

fn parse_field(line: &str) -> Result<(String, String), Malformed> {
    match line.split_once(':') {
        Some((name, value)) if is_token(name) => {
            Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
        }
        _ => malformed(format!("field {line:?}")),
    }
}

fn framing(fields: &[(String, String)]) -> Result<Framing, Malformed> {
    let values = |name: &str| {
        fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
            .collect::<Vec<&str>>()
    };
    match (&values("transfer-encoding")[..], &values("content-length")[..]) {
        ([], []) => Ok(Framing::None),
        ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        ([], [length]) if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => {
            match length.parse::<usize>() {
                Ok(n) => Ok(Framing::Length(n)),
                Err(_) => malformed(format!("content-length {length:?}")),
            }
        }
        (codings, lengths) => {
            malformed(format!("transfer-encoding {codings:?} with content-length {lengths:?}"))
        }
    }
}

fn parse_chunks(bytes: &[u8]) -> Result<Option<(Vec<u8>, Fields, usize)>, Malformed> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let Some(end) = find(&bytes[at..], b"\r\n") else {
            return if bytes.len() - at > 32 {
                malformed("a chunk size without an end".to_owned())
            } else {
                Ok(None)
            };
        };
        let digits = &bytes[at..at + end];
        let text = String::from_utf8_lossy(digits).into_owned();
        let size = match usize::from_str_radix(&text, 16) {
            Ok(size) if digits.iter().all(u8::is_ascii_hexdigit) => size,
            _ => return malformed(format!("chunk size {text:?}")),
        };
        at += end + 2;
        if size == 0 {
            break;
        }
        let Some(data) = bytes.get(at..at + size + 2) else { return Ok(None) };
        if !data.ends_with(b"\r\n") {
            return malformed("a chunk without its end".to_owned());
        }
        body.extend_from_slice(&data[..size]);
        at += size + 2;
    }
    if bytes[at..].starts_with(b"\r\n") {
        return Ok(Some((body, Vec::new(), at + 2)));
    }
    let Some(end) = find(&bytes[at..], b"\r\n\r\n") else { return check_unfinished(&bytes[at..]) };
    let lines = split_lines(&bytes[at..at + end])?;
    let trailers = lines.iter().map(|line| parse_field(line)).collect::<Result<Fields, Malformed>>()?;
    Ok(Some((body, trailers, at + end + 4)))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn malformed<T>(why: String) -> Result<T, Malformed> {
    Err(Malformed(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_framing_is_required() {
        for fields in [
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Content-Length: +1\r\n",
            "Content-Length : 1\r\n",
            "A: b\n c\r\n",
            "A: b\r\n c\r\n",
        ] {
            let bytes = format!("POST / HTTP/1.1\r\n{fields}\r\na");
            assert!(parse_requests(bytes.as_bytes()).is_err(), "{fields:?}");
        }
    }

    #[test]
    fn chunks_and_trailers_are_read_to_their_end() {
        let bytes =
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\nrest";
        let (requests, rest) = parse_requests(bytes).unwrap();
        assert_eq!((&requests[0].body[..], rest), (&b"hi"[..], &b"rest"[..]));
        assert_eq!(requests[0].trailers, [("X-T".to_owned(), "1".to_owned())]);
        let (none, rest) = parse_requests(&bytes[..bytes.len() - 6]).unwrap();
        assert!(none.is_empty() && !rest.is_empty());
    }

    #[test]
    fn a_response_without_length_ends_with_the_connection() {
        let bytes = b"HTTP/1.1 200 OK\r\n\r\nhi";
        assert_eq!(parse_response(bytes, "GET", false).unwrap(), None);
        let (response, used) = parse_response(bytes, "GET", true).unwrap().unwrap();
        assert_eq!((response.text().as_str(), used), ("hi", bytes.len()));
        let (head, used) = parse_response(bytes, "HEAD", false).unwrap().unwrap();
        assert_eq!((head.framing, used), (Framing::None, bytes.len() - 2));
    }
}
