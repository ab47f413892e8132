//! Both configuration languages: HAProxy's for `lbd`, keepalived's for `vrrpd`.
//!
//! The promise: a file that the original loads is read the same way, or there is an error that says where, why
//! and what to do instead. All mistakes of a configuration are found in one run, each with its place in the
//! source, and nothing that would change behaviour is dropped without a word.
//!
//! ```
//! use config::diagnostic::render;
//! use config::haproxy::{FixedEnvironment, parse};
//! use config::source::Sources;
//!
//! let mut sources = Sources::new();
//! let id = sources.add(
//!     "haproxy.cfg",
//!     "listen web\n    bind :80\n    balance roundrobbin\n    server a 192.0.2.1:80 check intr 5s\n",
//! );
//! let parsed = parse(&sources, &[id], &FixedEnvironment::new());
//! assert!(parsed.config.is_none());
//!
//! let text = render(&parsed.diagnostics, &sources, false);
//! assert!(text.contains("haproxy.cfg:3:13"));
//! assert!(text.contains("did you mean 'roundrobin'?"));
//! assert!(text.contains("did you mean 'inter'?"), "the second mistake is found in the same run");
//! ```
//!
//! Out of scope: sockets, name resolution, the clock. The crate reads files and nothing else; what it returns is
//! plain data that the programs apply.

#![forbid(unsafe_code)]

pub mod diagnostic;
pub mod haproxy;
pub mod keepalived;
pub mod source;
