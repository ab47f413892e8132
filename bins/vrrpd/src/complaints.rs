//! Complaints that do not fill the disk: each kind at once, then one in ten seconds with the number left out.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

const QUIET: Duration = Duration::from_secs(10);
/// Kinds remembered; more come only from somebody who invents them.
const CAPACITY: usize = 256;

/// What was complained of, and when.
#[derive(Debug)]
pub(crate) struct Complaints<K> {
    said: BTreeMap<K, Said>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    left_out: u64,
}

/// How many were left out since the last one; empty for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut(u64);

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            count => write!(f, " ({count} more like this since the last line)"),
        }
    }
}

impl<K> Default for Complaints<K> {
    fn default() -> Self {
        Self { said: BTreeMap::new() }
    }
}

impl<K: Ord> Complaints<K> {
    /// Whether to say this one; counted if not.
    pub(crate) fn admit(&mut self, kind: K, now: Instant) -> Option<LeftOut> {
        if let Some(said) = self.said.get_mut(&kind) {
            if now < said.at + QUIET {
                said.left_out += 1;
                return None;
            }
            let left_out = std::mem::take(&mut said.left_out);
            said.at = now;
            return Some(LeftOut(left_out));
        }
        if self.said.len() == CAPACITY {
            self.said.pop_first();
        }
        self.said.insert(kind, Said { at: now, left_out: 0 });
        Some(LeftOut(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_one_line_in_ten_seconds_and_a_number() {
        let mut complaints = Complaints::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(complaints.admit("a", at(0)), Some(LeftOut(0)));
        assert_eq!(complaints.admit("b", at(0)), Some(LeftOut(0)));
        for second in 1..10 {
            assert_eq!(complaints.admit("a", at(second)), None);
        }
        let line = complaints.admit("a", at(10)).unwrap();
        assert_eq!(line.to_string(), " (9 more like this since the last line)");
        assert_eq!(complaints.admit("a", at(30)), Some(LeftOut(0)));
    }
}
