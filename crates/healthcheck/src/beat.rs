//! The liveness protocol between `lbd` and `vrrpd`: one text line a beat, on a Unix stream socket.
//!
//! Every worker of `lbd` writes `beat 1 <worker>/<workers> <readiness>\n` from its event loop every
//! [`BEAT_INTERVAL`]; the first number is the version of the protocol.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How often each worker beats.
pub const BEAT_INTERVAL: Duration = Duration::from_millis(20);

/// Longest line accepted, newline included.
pub const MAX_BEAT_LINE: usize = 64;

/// One beat of one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Which worker, from 0; below `workers`.
    pub worker: u16,
    /// How many workers there are, at least 1.
    pub workers: u16,
    /// Whether this worker can serve.
    pub readiness: Readiness,
}

/// What a worker says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Not listening yet.
    Starting,
    /// Accepts connections.
    Ready,
    /// Finishes what it has, accepts nothing new.
    Draining,
}

/// Why a line is not a beat. The sender speaks another protocol: close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BeatError {
    /// No newline within [`MAX_BEAT_LINE`] bytes.
    #[error("beat line longer than {} bytes", MAX_BEAT_LINE)]
    TooLong,
    /// Not four words beginning with `beat`, or not ASCII text.
    #[error("malformed beat line")]
    Malformed,
    /// A version other than 1.
    #[error("unsupported beat protocol version")]
    Version,
    /// Not `<worker>/<workers>` with worker below workers.
    #[error("invalid worker number in beat line")]
    Worker,
    /// Neither `starting`, `ready` nor `draining`.
    #[error("unknown readiness in beat line")]
    Readiness,
}

/// The line without its newline.
impl fmt::Display for Beat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readiness = match self.readiness {
            Readiness::Starting => "starting",
            Readiness::Ready => "ready",
            Readiness::Draining => "draining",
        };
        write!(f, "beat 1 {}/{} {readiness}", self.worker, self.workers)
    }
}

/// Reads a line without its newline.
impl FromStr for Beat {
    type Err = BeatError;

    fn from_str(line: &str) -> Result<Self, BeatError> {
        let mut words = line.split(' ');
        let mut word = || words.next().ok_or(BeatError::Malformed);
        if word()? != "beat" {
            return Err(BeatError::Malformed);
        }
        if word()? != "1" {
            return Err(BeatError::Version);
        }
        let (worker, workers) = word()?.split_once('/').ok_or(BeatError::Worker)?;
        let worker: u16 = worker.parse().map_err(|_| BeatError::Worker)?;
        let workers: u16 = workers.parse().map_err(|_| BeatError::Worker)?;
        if worker >= workers {
            return Err(BeatError::Worker);
        }
        let readiness = match word()? {
            "starting" => Readiness::Starting,
            "ready" => Readiness::Ready,
            "draining" => Readiness::Draining,
            _ => return Err(BeatError::Readiness),
        };
        match words.next() {
            Some(_) => Err(BeatError::Malformed),
            None => Ok(Self { worker, workers, readiness }),
        }
    }
}

/// Cuts a byte stream into beats; holds at most one unfinished line.
#[derive(Debug, Clone, Default)]
pub struct BeatDecoder {
    partial: Vec<u8>,
}

impl BeatDecoder {
    /// A decoder at the start of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes received bytes and appends the beats they complete to `beats`.
    ///
    /// On an error, the beats before the bad line are in `beats`, and the connection is to be closed.
    pub fn feed(&mut self, bytes: &[u8], beats: &mut Vec<Beat>) -> Result<(), BeatError> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.partial.len() + piece.len() > MAX_BEAT_LINE {
                return Err(BeatError::TooLong);
            }
            self.partial.extend_from_slice(piece);
            if let Some(line) = self.partial.strip_suffix(b"\n") {
                let line = std::str::from_utf8(line).map_err(|_| BeatError::Malformed)?;
                beats.push(line.parse()?);
                self.partial.clear();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn line_and_beat_agree_both_ways() {
        let table = [
            ("beat 1 0/2 ready", Beat { worker: 0, workers: 2, readiness: Readiness::Ready }),
            ("beat 1 7/8 draining", Beat { worker: 7, workers: 8, readiness: Readiness::Draining }),
            ("beat 1 0/1 starting", Beat { worker: 0, workers: 1, readiness: Readiness::Starting }),
        ];
        for (line, beat) in table {
            assert_eq!(beat.to_string(), line);
            assert_eq!(line.parse::<Beat>(), Ok(beat));
        }
    }

    #[test]
    fn bad_lines_have_typed_errors() {
        let table = [
            ("", BeatError::Malformed),
            ("GET / HTTP/1.1", BeatError::Malformed),
            ("beat", BeatError::Malformed),
            ("beat 2 0/1 ready", BeatError::Version),
            ("beat 1 2/2 ready", BeatError::Worker),
            ("beat 1 0/0 ready", BeatError::Worker),
            ("beat 1 x/2 ready", BeatError::Worker),
            ("beat 1 0/70000 ready", BeatError::Worker),
            ("beat 1 0/2 fine", BeatError::Readiness),
            ("beat 1 0/2 ready now", BeatError::Malformed),
        ];
        for (line, error) in table {
            assert_eq!(line.parse::<Beat>(), Err(error), "{line:?}");
        }
    }

    #[test]
    fn endless_line_is_refused_in_bounded_memory() {
        let mut decoder = BeatDecoder::new();
        let mut beats = Vec::new();
        assert_eq!(decoder.feed(&[b'a'; MAX_BEAT_LINE], &mut beats), Ok(()));
        assert_eq!(decoder.feed(b"a", &mut beats), Err(BeatError::TooLong));
        assert!(beats.is_empty());
    }

    proptest! {
        #[test]
        fn cutting_the_stream_anywhere_changes_nothing(cut in proptest::collection::vec(1usize..20, 1..20)) {
            let line = "beat 1 0/2 ready\nbeat 1 1/2 starting\n".repeat(4);
            let mut whole = Vec::new();
            BeatDecoder::new().feed(line.as_bytes(), &mut whole).unwrap();
            prop_assert_eq!(whole.len(), 8);

            let (mut decoder, mut beats, mut rest) = (BeatDecoder::new(), Vec::new(), line.as_bytes());
            for length in cut {
                let (piece, tail) = rest.split_at(length.min(rest.len()));
                decoder.feed(piece, &mut beats).unwrap();
                rest = tail;
            }
            decoder.feed(rest, &mut beats).unwrap();
            prop_assert_eq!(beats, whole);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut beats = Vec::new();
            let _ = BeatDecoder::new().feed(&bytes, &mut beats);
            prop_assert!(beats.iter().all(|beat| beat.worker < beat.workers));
        }
    }
}
