//! Reads a response piece by piece and holds every byte of its body against what the origin sent.

/// What is wrong with a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("status {0}")]
    Status(u16),
    #[error("malformed head")]
    Head,
    #[error("malformed chunk")]
    Chunk,
    #[error("wrong length")]
    Length,
    #[error("wrong bytes")]
    Bytes,
    #[error("connection closed early")]
    Closed,
    #[error("no connection")]
    Refused,
    #[error("no answer in time")]
    Unanswered,
}

/// How far a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Partial,
    /// Complete and right; whether the connection can be used again.
    Complete {
        keep_alive: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    /// So many bytes of the body, or of a chunk, are missing.
    Data(usize),
    ChunkSize,
    /// Behind the data of a chunk.
    ChunkEnd,
    LastChunk,
}

/// One response as it arrives.
#[derive(Debug)]
pub(crate) struct ResponseReader {
    state: State,
    /// An unfinished line or head.
    line: Vec<u8>,
    /// Bytes of the body seen.
    seen: usize,
    chunked: bool,
    keep_alive: bool,
}

impl ResponseReader {
    pub(crate) fn new() -> Self {
        Self { state: State::Head, line: Vec::new(), seen: 0, chunked: false, keep_alive: true }
    }

    /// Takes more bytes of the response, whose body should be `expected`.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], expected: &[u8]) -> Result<Progress, Wrong> {
        loop {
            match self.state {
                State::Head => {
                    let Some(head) = self.take_until(&mut bytes, b"\r\n\r\n") else { break };
                    self.read_head(&head)?;
                    if self.state == State::Data(0) {
                        return self.complete(bytes, expected);
                    }
                }
                State::Data(missing) => {
                    let (now, later) = bytes.split_at(missing.min(bytes.len()));
                    let end = self.seen + now.len();
                    let right = expected.get(self.seen..end).ok_or(Wrong::Length)?;
                    if now != right {
                        return Err(Wrong::Bytes);
                    }
                    (self.seen, bytes) = (end, later);
                    match (missing - now.len(), self.chunked) {
                        (0, true) => self.state = State::ChunkEnd,
                        (0, false) => return self.complete(bytes, expected),
                        (missing, _) => {
                            self.state = State::Data(missing);
                            break;
                        }
                    }
                }
                State::ChunkSize => {
                    let Some(line) = self.take_until(&mut bytes, b"\r\n") else { break };
                    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                    let size =
                        std::str::from_utf8(digits).ok().and_then(|s| usize::from_str_radix(s, 16).ok());
                    self.state = match size.ok_or(Wrong::Chunk)? {
                        0 => State::LastChunk,
                        size => State::Data(size),
                    };
                }
                State::ChunkEnd => {
                    let Some(line) = self.take_until(&mut bytes, b"\r\n") else { break };
                    if !line.is_empty() {
                        return Err(Wrong::Chunk);
                    }
                    self.state = State::ChunkSize;
                }
                State::LastChunk => {
                    // Origins send no trailers.
                    let Some(line) = self.take_until(&mut bytes, b"\r\n") else { break };
                    return if line.is_empty() { self.complete(bytes, expected) } else { Err(Wrong::Chunk) };
                }
            }
        }
        Ok(Progress::Partial)
    }

    fn complete(&self, behind: &[u8], expected: &[u8]) -> Result<Progress, Wrong> {
        if self.seen != expected.len() || !behind.is_empty() {
            return Err(Wrong::Length);
        }
        Ok(Progress::Complete { keep_alive: self.keep_alive })
    }

    fn read_head(&mut self, head: &[u8]) -> Result<(), Wrong> {
        let text = std::str::from_utf8(head).map_err(|_| Wrong::Head)?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or(Wrong::Head)?;
        if status != 200 {
            return Err(Wrong::Status(status));
        }
        let mut length = None;
        for line in lines {
            let (name, value) = line.split_once(':').ok_or(Wrong::Head)?;
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.parse().map_err(|_| Wrong::Head)?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                self.chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("connection") {
                self.keep_alive = !value.eq_ignore_ascii_case("close");
            }
        }
        self.state = match (self.chunked, length) {
            (true, None) => State::ChunkSize,
            (false, Some(length)) => State::Data(length),
            (true, Some(_)) | (false, None) => return Err(Wrong::Head),
        };
        Ok(())
    }

    /// What comes before `end`, once `end` has arrived.
    fn take_until(&mut self, bytes: &mut &[u8], end: &[u8]) -> Option<Vec<u8>> {
        let old = self.line.len();
        self.line.extend_from_slice(bytes);
        let from = old.saturating_sub(end.len() - 1);
        let found = self.line[from..].windows(end.len()).position(|window| window == end);
        let Some(position) = found.map(|position| from + position) else {
            *bytes = &[];
            return None;
        };
        *bytes = &bytes[position + end.len() - old..];
        let mut line = std::mem::take(&mut self.line);
        line.truncate(position);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Reply;

    fn read(pieces: &[&[u8]], expected: &[u8]) -> Result<Progress, Wrong> {
        let mut reader = ResponseReader::new();
        let mut last = Ok(Progress::Partial);
        for piece in pieces {
            assert_eq!(last, Ok(Progress::Partial));
            last = reader.feed(piece, expected);
        }
        last
    }

    #[test]
    fn responses_are_right_however_they_are_cut() {
        for reply in [Reply::Length(300), Reply::Chunked { chunks: 3, size: 20 }] {
            let (response, body) = (reply.response(), reply.body());
            for cut in 1..response.len() - 1 {
                for second in [cut + 1, response.len() - 1] {
                    let pieces = [&response[..cut], &response[cut..second], &response[second..]];
                    assert_eq!(read(&pieces, &body), Ok(Progress::Complete { keep_alive: true }), "{cut}");
                }
            }
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        for (rest, fault) in [("abd", Wrong::Bytes), ("abcd", Wrong::Length)] {
            assert_eq!(read(&[ok, rest.as_bytes()], b"abc"), Err(fault));
        }
        assert_eq!(read(&[ok, b"abc"], b"abcd"), Err(Wrong::Length));
        assert_eq!(read(&[b"HTTP/1.1 503 Busy\r\n\r\n"], b""), Err(Wrong::Status(503)));
        assert_eq!(read(&[b"HTTP/1.1 200 OK\r\n\r\n"], b""), Err(Wrong::Head));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(read(&[chunked, b"zz\r\n"], b""), Err(Wrong::Chunk));
    }

    #[test]
    fn a_server_may_ask_to_close() {
        let response = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(read(&[response], b""), Ok(Progress::Complete { keep_alive: false }));
    }
}
