//! Virtual addresses.
