//! The bytes that origins send and generators expect. Both sides make them by the same rule, so that a proxy which loses,
//! repeats or reorders bytes is found out.

/// What an origin answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A body of that many bytes with its Content-Length.
    Length(usize),
    /// A chunked body.
    Chunked { chunks: usize, size: usize },
}

impl Reply {
    /// The path that asks for it.
    pub(crate) fn path(self) -> String {
        match self {
            Self::Length(length) => format!("/length/{length}"),
            Self::Chunked { chunks, size } => format!("/chunked/{chunks}x{size}"),
        }
    }

    /// The body without its coding.
    pub(crate) fn body(self) -> Vec<u8> {
        match self {
            Self::Length(length) => pattern(length),
            Self::Chunked { chunks, size } => pattern(chunks * size),
        }
    }

    /// The whole response.
    pub(crate) fn response(self) -> Vec<u8> {
        let body = self.body();
        let head = "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\n";
        match self {
            Self::Length(length) => {
                [format!("{head}Content-Length: {length}\r\n\r\n").into_bytes(), body].concat()
            }
            Self::Chunked { size, .. } => {
                let mut out = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
                for chunk in body.chunks(size) {
                    out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"0\r\n\r\n");
                out
            }
        }
    }
}

/// A request body of that many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Upload(pub(crate) usize);

impl Upload {
    pub(crate) fn body(self) -> Vec<u8> {
        pattern(self.0)
    }
}

/// Printable bytes whose period is longer than any buffer of a proxy.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| b'a' + ((i * 7 + i / 26 + i / 1021) % 26) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_carry_the_body_in_order() {
        let reply = Reply::Chunked { chunks: 2, size: 3 };
        let text = String::from_utf8(reply.response()).unwrap();
        let body = String::from_utf8(reply.body()).unwrap();
        let (first, second) = body.split_at(3);
        assert!(text.ends_with(&format!("\r\n\r\n3\r\n{first}\r\n3\r\n{second}\r\n0\r\n\r\n")), "{text}");
    }

    #[test]
    fn a_buffer_s_worth_of_bytes_does_not_come_twice() {
        let body = pattern(64 << 10);
        assert!(body.chunks(4096).zip(body.chunks(4096).skip(1)).all(|(a, b)| a != b));
    }
}
