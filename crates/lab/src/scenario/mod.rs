//! What can go wrong in a pair, played and measured.

mod catalogue;
mod expectation;
mod outcome;
mod run;

pub use catalogue::{Fault, Scenario, catalogue, find};
pub use expectation::{Expectation, expect};
pub use outcome::{Bin, Check, Lane, Mark, Measured, Phase, Picture, Run, Span, Verdict};
pub use run::run;
