//! Pools and pickers.
