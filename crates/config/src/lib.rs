//! Both configuration languages: lexers, diagnostics, typed configuration.

pub mod diagnostic;
pub mod haproxy;
pub mod keepalived;
pub mod source;
