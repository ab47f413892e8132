//! Health state.
