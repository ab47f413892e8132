//! Lines of a head: where they end, and folds.
//!
//! A bare LF ends a line, because HAProxy takes it for that and what is sent on has one normal form.

use bytes::{Buf, BytesMut};

use super::head::{BadHead, MAX_HEAD};
use super::octets::{find, has_control};

/// Drops empty lines before a request line (RFC 9112 §2.2).
pub(super) fn skip_empty_lines(buffer: &mut BytesMut) {
    let mut skip = 0;
    loop {
        match &buffer[skip..] {
            [b'\r', b'\n', ..] => skip += 2,
            [b'\n', ..] => skip += 1,
            _ => break,
        }
    }
    if skip > 0 {
        buffer.advance(skip);
    }
}

/// Offset just past the empty line that ends the head.
pub(super) fn head_end(buffer: &[u8]) -> Result<Option<usize>, BadHead> {
    let mut at = 0;
    while let Some(lf) = find(&buffer[at..], b'\n') {
        let next = at + lf + 1;
        match &buffer[next..] {
            [b'\n', ..] => return Ok(Some(next + 1)),
            [b'\r', b'\n', ..] => return Ok(Some(next + 2)),
            _ => at = next,
        }
    }
    if buffer.len() >= MAX_HEAD { Err(too_large(buffer)) } else { Ok(None) }
}

/// What is too large about a head that does not fit.
pub(super) fn too_large(buffer: &[u8]) -> BadHead {
    let first = &buffer[..buffer.len().min(MAX_HEAD)];
    if first.contains(&b'\n') { BadHead::TooLarge } else { BadHead::TargetTooLong }
}

/// Lines of a head without their ends, as ranges; stops at the empty line. Folded lines come as one range.
pub(super) struct Lines<'a> {
    raw: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(raw: &'a [u8]) -> Self {
        Self { raw, at: 0 }
    }
}

impl Iterator for Lines<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        let mut end = self.line_end(start)?;
        if end == start {
            return None;
        }
        while matches!(self.raw.get(self.at), Some(b' ' | b'\t')) {
            end = self.line_end(self.at)?;
        }
        Some((start, end))
    }
}

impl Lines<'_> {
    fn line_end(&mut self, from: usize) -> Option<usize> {
        let lf = from + find(self.raw.get(from..)?, b'\n')?;
        self.at = lf + 1;
        Some(if lf > from && self.raw[lf - 1] == b'\r' { lf - 1 } else { lf })
    }
}

/// RFC 9112 §5.2: each line fold becomes one space. Any other control character is refused.
pub(super) fn unfolded(text: &[u8]) -> Result<Vec<u8>, BadHead> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut lines = text.split(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        // The CR of the last line went with its LF; one that is still there is bare.
        let line = if lines.peek().is_some() { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
        if has_control(line) {
            return Err(BadHead::Value);
        }
        if !out.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(line.trim_ascii());
    }
    Ok(out.trim_ascii().to_vec())
}
