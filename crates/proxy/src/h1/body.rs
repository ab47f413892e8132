//! Decoding of message bodies (RFC 9112 §7), without IO: bytes in, data out, until the end is known.

use bytes::{Buf, Bytes, BytesMut};

use super::framing::BodyLength;
use super::head::parse_trailers;
use super::header_list::HeaderList;

/// Longest chunk: 2 GB - 1, as HAProxy.
const MAX_CHUNK: u64 = 0x7fff_ffff;
/// Longest chunk-size line, extensions included.
const MAX_SIZE_LINE: usize = 256;

/// Why a body was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// A chunk size that is not hexadecimal, too large, or not followed by CRLF.
    #[error("invalid chunk size")]
    ChunkSize,
    /// A chunk that is not followed by CRLF.
    #[error("chunk without its end")]
    ChunkEnd,
    /// Malformed trailer fields.
    #[error("invalid trailer")]
    Trailer,
}

/// One step of decoding.
#[derive(Debug)]
pub enum Decoded {
    /// Body bytes.
    Data(Bytes),
    /// Nothing more without more input.
    NeedMore,
    /// The body is complete; trailers, if there were any.
    End(Option<HeaderList>),
}

/// Where in a body the decoder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyDecoder(State);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
    UntilClose,
    Done,
}

impl BodyDecoder {
    /// A decoder for a body of that length.
    pub fn new(length: BodyLength) -> Self {
        Self(match length {
            BodyLength::None | BodyLength::Length(0) => State::Done,
            BodyLength::Length(n) => State::Length(n),
            BodyLength::Chunked => State::ChunkSize,
            BodyLength::UntilClose => State::UntilClose,
        })
    }

    /// Whether the whole body has been decoded.
    pub fn is_done(&self) -> bool {
        self.0 == State::Done
    }

    /// Whether the end of the connection is the proper end of this body.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.0, State::UntilClose | State::Done)
    }

    /// How many bytes of the body are still to come, where their number is known and all of them are data.
    pub fn left(&self) -> Option<u64> {
        match self.0 {
            State::Length(left) => Some(left),
            _ => None,
        }
    }

    /// `n` of the bytes that are [`left`](Self::left) have passed without being decoded.
    pub fn passed(&mut self, n: u64) {
        if let State::Length(left) = self.0 {
            self.0 = if n >= left { State::Done } else { State::Length(left - n) };
        }
    }

    /// Takes what can be decoded off the front of `buffer`.
    ///
    /// # Errors
    /// The coding is malformed; the connection cannot be used further.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, BadBody> {
        loop {
            match self.0 {
                State::Done => return Ok(Decoded::End(None)),
                State::UntilClose => {
                    return Ok(if buffer.is_empty() {
                        Decoded::NeedMore
                    } else {
                        Decoded::Data(buffer.split().freeze())
                    });
                }
                State::Length(left) => {
                    let Some(data) = take(buffer, left) else { return Ok(Decoded::NeedMore) };
                    let left = left - data.len() as u64;
                    self.0 = if left == 0 { State::Done } else { State::Length(left) };
                    return Ok(Decoded::Data(data));
                }
                State::ChunkData(left) => {
                    let Some(data) = take(buffer, left) else { return Ok(Decoded::NeedMore) };
                    let left = left - data.len() as u64;
                    self.0 = if left == 0 { State::ChunkEnd } else { State::ChunkData(left) };
                    return Ok(Decoded::Data(data));
                }
                State::ChunkEnd => match &buffer[..] {
                    [b'\r', b'\n', ..] => {
                        buffer.advance(2);
                        self.0 = State::ChunkSize;
                    }
                    [] | [b'\r'] => return Ok(Decoded::NeedMore),
                    _ => return Err(BadBody::ChunkEnd),
                },
                State::ChunkSize => {
                    let Some((size, line)) = chunk_size(buffer)? else { return Ok(Decoded::NeedMore) };
                    buffer.advance(line);
                    self.0 = if size == 0 { State::Trailers } else { State::ChunkData(size) };
                }
                State::Trailers => {
                    let Some(list) = parse_trailers(buffer).map_err(|_| BadBody::Trailer)? else {
                        return Ok(Decoded::NeedMore);
                    };
                    self.0 = State::Done;
                    return Ok(Decoded::End(Some(list).filter(|l| !l.is_empty())));
                }
            }
        }
    }
}

fn take(buffer: &mut BytesMut, most: u64) -> Option<Bytes> {
    if buffer.is_empty() {
        return None;
    }
    let n = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
    Some(buffer.split_to(n).freeze())
}

/// The size in a chunk-size line, and the length of the line. Extensions are skipped and never sent on; a control
/// character in them is refused, because recipients differ on where such a line ends.
fn chunk_size(buffer: &[u8]) -> Result<Option<(u64, usize)>, BadBody> {
    let digits = buffer.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    if digits == 0 && !buffer.is_empty() {
        return Err(BadBody::ChunkSize);
    }
    let size = buffer[..digits].iter().try_fold(0u64, |n, d| {
        let digit = char::from(*d).to_digit(16)?;
        Some(n * 16 + u64::from(digit)).filter(|n| *n <= MAX_CHUNK)
    });
    let size = size.ok_or(BadBody::ChunkSize)?;
    let rest = &buffer[digits..];
    let extension = rest.iter().take_while(|b| **b == b'\t' || !b.is_ascii_control()).count();
    let well_formed =
        extension == 0 || rest[..extension].trim_ascii_start().first().is_none_or(|b| *b == b';');
    if !well_formed || digits + extension > MAX_SIZE_LINE {
        return Err(BadBody::ChunkSize);
    }
    match &rest[extension..] {
        [b'\r', b'\n', ..] => Ok(Some((size, digits + extension + 2))),
        [] | [b'\r'] => Ok(None),
        _ => Err(BadBody::ChunkSize),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Decodes all of `input`, fed in pieces of `step` bytes; `None` when the end was not reached.
    fn decode(length: BodyLength, input: &[u8], step: usize) -> Result<Option<(Vec<u8>, usize)>, BadBody> {
        let (mut decoder, mut buffer, mut out) = (BodyDecoder::new(length), BytesMut::new(), Vec::new());
        let mut fed = 0;
        loop {
            match decoder.decode(&mut buffer)? {
                Decoded::Data(data) => out.extend_from_slice(&data),
                Decoded::End(_) => return Ok(Some((out, fed - buffer.len()))),
                Decoded::NeedMore if fed == input.len() => return Ok(None),
                Decoded::NeedMore => {
                    let end = (fed + step).min(input.len());
                    buffer.extend_from_slice(&input[fed..end]);
                    fed = end;
                }
            }
        }
    }

    #[test]
    fn chunked_bodies_end_where_the_coding_says() {
        let input = b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\nGET /";
        for step in 1..input.len() {
            let (body, used) = decode(BodyLength::Chunked, input, step).unwrap().unwrap();
            assert_eq!((body, used), (b"abc0123456789".to_vec(), input.len() - 5));
        }
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for bad in [
            "g\r\n",
            "\r\n",
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            "1_0\r\n",
            " 1\r\n",
            "1\nA",
            "1\rA",
            "1 2\r\n",
            "80000000\r\n",
            "fffffffffffffffff\r\n",
            "1;a\rb\r\nA\r\n",
            "1;a\nb",
            "1\r\nAB\r\n",
            "1\r\nA\n",
            "1\r\nA\rX",
            "0\r\nbad\r\n\r\n",
        ] {
            assert!(decode(BodyLength::Chunked, bad.as_bytes(), 64).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_length_takes_exactly_so_many_bytes() {
        let (body, used) = decode(BodyLength::Length(3), b"abcdef", 2).unwrap().unwrap();
        assert_eq!((body, used), (b"abc".to_vec(), 3));
        assert_eq!(decode(BodyLength::Length(9), b"abcdef", 2).unwrap(), None);
    }

    proptest! {
        #[test]
        fn a_coded_body_decodes_to_itself(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8), step in 1usize..20) {
            let mut coded = Vec::new();
            for chunk in &chunks {
                coded.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                coded.extend_from_slice(chunk);
                coded.extend_from_slice(b"\r\n");
            }
            coded.extend_from_slice(b"0\r\n\r\n");
            let (body, used) = decode(BodyLength::Chunked, &coded, step).unwrap().unwrap();
            prop_assert_eq!(body, chunks.concat());
            prop_assert_eq!(used, coded.len());
        }

        #[test]
        fn arbitrary_bytes_never_panic(input in proptest::collection::vec(any::<u8>(), 0..200), step in 1usize..20) {
            let _ = decode(BodyLength::Chunked, &input, step);
        }
    }
}
