//! keepalived's configuration language, as `vrrpd` reads it.
//!
//! [`load()`] reads a file with everything it includes and gives a checked [`Config`] or all of its errors at once.
//! The way of a file: characters and words (`lexer`), definitions, conditions and includes (`expand`, `reader`), blocks
//! (`tree`), typed values (`check`, by the tables in `keywords`), and advice (`lint`).
//!
//! ```
//! use config::keepalived::{Options, parse};
//! use config::source::Sources;
//!
//! let mut sources = Sources::new();
//! let file = sources.add(
//!     "keepalived.conf",
//!     "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n priority 100\n virtual_ipaddress {\n 192.0.2.10\n }\n}\n",
//! );
//! let no_includes =
//!     |_: &std::path::Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
//! let (config, diagnostics) = parse(&mut sources, file, &Options::default(), &no_includes);
//! let config = config.expect("no errors");
//! assert_eq!(config.instances[0].virtual_router_id, 51);
//! assert!(!diagnostics.has_errors());
//! ```
//!
//! What LVS and the other parts of keepalived are configured with is accepted and ignored with a warning; what changes
//! behaviour and is not there yet is an error that names the keyword.

mod check;
mod command;
mod duration;
mod expand;
mod keywords;
mod lexer;
mod lint;
mod load;
mod model;
mod random;
mod reader;
mod repeat;
mod tree;

pub use load::{Loaded, Options, load, parse};
pub use model::*;
