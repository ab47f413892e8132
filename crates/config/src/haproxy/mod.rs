//! HAProxy's configuration language.

mod model;

pub use model::*;
