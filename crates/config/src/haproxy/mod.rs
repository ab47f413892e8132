//! HAProxy's configuration language.
//!
//! [`load()`] reads files, [`parse`] reads text that is already in memory; both report everything that is wrong
//! in one run, in file order. The version of the language is 3.2, which is what `.if version_atleast(…)` sees.

mod address;
mod condition;
mod crosscheck;
mod directive;
mod directives;
mod dispatch;
mod draft;
mod environment;
mod finish;
mod headers;
mod keywords;
mod lexer;
mod lint;
mod load;
mod model;
mod preprocess;
mod quick_start;
mod sections;
mod units;
mod variables;

pub use condition::{ConditionError, evaluate_condition};
pub use environment::{Environment, FixedEnvironment, ProcessEnvironment};
pub use load::{Loaded, Parsed, load, parse};
pub use model::*;
pub use quick_start::quick_start;

/// The version of HAProxy's language that is spoken, as `HAPROXY_BRANCH` and `.if version_atleast(…)` see it.
pub const LANGUAGE_VERSION: &str = "3.2";
