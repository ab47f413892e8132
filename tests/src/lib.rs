//! What the end-to-end tests share: the real `lbd` on loopback, origin servers that record every byte they get, raw
//! clients, a syslog receiver, and a strict HTTP/1 parser of their own.
//!
//! Nothing here uses the proxy's code: a parser that is wrong in the same way as the proxy would find nothing. Every
//! wait has a limit, and everything panics with what it saw, because it runs in tests only.
//!
//! ```
//! let bytes = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiGET";
//! let (requests, rest) = e2e::parse_requests(bytes).unwrap();
//! assert_eq!(requests[0].target(), "/a");
//! assert_eq!(requests[0].body, b"hi");
//! assert_eq!(rest, b"GET");
//! ```
//!
//! Out of scope: TLS, HTTP/2 and anything that needs more than one host.

mod acceptor;
mod binary;
mod black_hole;
mod client;
mod csv;
mod gate;
mod judge;
mod lbd;
mod message;
mod origin;
mod port;
mod reply;
mod syslog;
mod temp_dir;
mod wait;

pub use acceptor::Acceptor;
pub use binary::{lbd_binary, run_lbd};
pub use black_hole::BlackHole;
pub use client::{Client, get, request};
pub use csv::{Csv, HEADER_3_2};
pub use gate::Gate;
pub use judge::{HIDDEN, Judge, Outcome, hidden_chunk};
pub use lbd::{DEFAULTS, Lbd, STATS};
pub use message::{Framing, Malformed, Message, parse_requests, parse_response};
pub use nix::sys::signal::Signal;
pub use origin::Origin;
pub use port::free_port;
pub use reply::{Reply, answer};
pub use syslog::{HttpLog, SyslogSink};
pub use temp_dir::TempDir;
pub use wait::{LIMIT, eventually, every};
