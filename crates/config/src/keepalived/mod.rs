//! keepalived's configuration language.
