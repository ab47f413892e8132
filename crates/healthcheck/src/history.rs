//! The last results of one checker.

use crate::verdict::CheckStatus;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Results a [`History`] keeps.
pub const HISTORY_LEN: usize = 20;

/// One finished check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When it finished.
    pub at: Instant,
    /// How it ended.
    pub status: CheckStatus,
    /// HTTP status or exit status, where there is one.
    pub code: Option<u16>,
    /// How long it took.
    pub duration: Duration,
    /// Detail for people: `Connection refused`, a reason phrase; empty when there is none.
    pub info: String,
}

/// Ring of the last [`HISTORY_LEN`] results.
#[derive(Debug, Clone, Default)]
pub struct History {
    records: VecDeque<Record>,
}

impl History {
    /// An empty history.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a result and forgets the oldest beyond [`HISTORY_LEN`].
    pub fn push(&mut self, record: Record) {
        if self.records.len() == HISTORY_LEN {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    /// The newest result.
    pub fn last(&self) -> Option<&Record> {
        self.records.back()
    }

    /// All results kept, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_results_are_forgotten() {
        let mut history = History::new();
        let at = Instant::now();
        for code in 0..25 {
            history.push(Record {
                at,
                status: CheckStatus::L7Ok,
                code: Some(code),
                duration: Duration::ZERO,
                info: String::new(),
            });
        }
        let codes: Vec<_> = history.iter().filter_map(|record| record.code).collect();
        assert_eq!(codes, (5..25).collect::<Vec<_>>());
        assert_eq!(history.last().and_then(|record| record.code), Some(24));
    }
}
