//! What a scenario showed: numbers for a table, and a picture of the time.

use crate::timeline::Tally;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Shorter pauses between two answers are the machine's own noise.
pub(super) const NOTICEABLE: Duration = Duration::from_millis(40);

/// One scenario, played once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its name, as `--only` takes it.
    pub scenario: String,
    /// What happens in it, in words.
    pub title: String,
    /// Counts from 1 when scenarios are repeated.
    pub number: u32,
    /// The fault, then the repair.
    pub phases: [Measured; 2],
    /// Both on one time line.
    pub picture: Picture,
}

impl Run {
    /// The worse of the verdicts on its two halves.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.phases.iter().map(|phase| phase.verdict).max().unwrap_or_default()
    }

    /// Whether no bound was missed.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.verdict() != Verdict::Missed
    }
}

/// What became of the promises; the worst is the greatest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every bound was kept.
    #[default]
    Kept,
    /// What there is of bounds was kept, but this software under this configuration promises nothing on the main thing.
    NoPromise,
    /// A bound was missed.
    Missed,
}

/// Which half of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Something breaks.
    #[default]
    Fault,
    /// It is put right.
    Repair,
}

/// The numbers of one half of a scenario. Times are milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Which half.
    pub phase: Phase,
    /// What was done, in words.
    pub what: String,
    /// Longest time without a good answer.
    pub outage_ms: f64,
    /// What became of the requests.
    pub requests: Tally,
    /// Until the virtual address was on the other node (fault) or back on node 1 (repair).
    pub vip_moved_ms: Option<f64>,
    /// Longest time with the virtual address on two nodes.
    pub two_holders_ms: f64,
    /// Longest time with the virtual address on no node.
    pub no_holder_ms: f64,
    /// Until the last answer of application server 1 (fault) or its first one again (repair), where it is the one concerned.
    pub server_ms: Option<f64>,
    /// The sum of the checks.
    pub verdict: Verdict,
    /// What the configuration promises, held against the numbers.
    pub checks: Vec<Check>,
    /// Why something is not promised.
    pub note: Option<String>,
}

impl Measured {
    /// Whether the outage was longer than the pauses between two answers that a busy machine makes.
    #[must_use]
    pub fn is_noticeable(&self) -> bool {
        self.outage_ms >= NOTICEABLE.as_secs_f64() * 1e3
    }
}

/// One promise, kept or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Whether it was kept.
    pub ok: bool,
    /// The promise and the number.
    pub text: String,
}

/// The time line of a run. All times are milliseconds from the fault, negative before it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// Left edge.
    pub from_ms: f64,
    /// Right edge.
    pub until_ms: f64,
    /// For each load balancer node, when it had the virtual address.
    pub lanes: Vec<Lane>,
    /// Requests by their starts, in bins of equal width from edge to edge.
    pub bins: Vec<Bin>,
    /// The longest time without a good answer in each half, where a person would notice it.
    pub outages: Vec<Span>,
    /// What was done when.
    pub marks: Vec<Mark>,
}

/// One node's times with the virtual address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// The node.
    pub node: String,
    /// What runs on it.
    pub software: String,
    /// When it had the address.
    pub spans: Vec<Span>,
}

/// From here to there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Beginning.
    pub from_ms: f64,
    /// End.
    pub until_ms: f64,
}

/// The requests that started in one slice of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bin {
    /// Answered by application server 1.
    pub first: u32,
    /// Answered by application server 2.
    pub second: u32,
    /// Not answered.
    pub failed: u32,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// When.
    pub at_ms: f64,
    /// What.
    pub label: String,
}
