//! The proxy of Tandem: listeners, workers, a tower stack for HTTP, TCP mode, health probes.
//!
//! [`Instance::start`] takes a checked configuration (crate `config`) and serves it until told to stop:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use config::source::Sources;
//!
//! let socket = std::env::temp_dir().join(format!("proxy-example-{}.sock", std::process::id()));
//! let mut sources = Sources::new();
//! let file = sources.add("example.cfg", format!("
//! global
//!     nbthread 1
//!     no heartbeat
//! listen web
//!     bind unix@{}
//!     mode http
//!     timeout connect 1s
//!     timeout client 5s
//!     timeout server 5s
//!     server a 127.0.0.1:9001
//! ", socket.display()));
//! let parsed = config::haproxy::parse(&sources, &[file], &config::haproxy::FixedEnvironment::new());
//! let instance = proxy::Instance::start(&parsed.config.ok_or("invalid configuration")?)?;
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! runtime.block_on(instance.run(async || proxy::Stop::Graceful));
//! # std::fs::remove_file(socket)?;
//! # Ok(())
//! # }
//! ```
//!
//! Counters go through the `metrics` facade: a recorder installed by the embedding program before the start gets them too.
//!
//! Out of scope: reading configurations (`config`), the decisions of health and balancing (`healthcheck`, `lb-core`), the
//! look of the statistics (`stats`). `stack/mod.rs` is the map of what a request passes.

mod accept;
mod admin;
mod client;
mod clock;
mod ctx;
mod entropy;
mod entry;
mod error;
mod error_pages;
pub mod h1;
mod health;
mod heartbeat;
mod idle;
mod instance;
mod log;
mod message;
mod metrics;
mod net;
mod objects;
mod probe;
mod relay;
mod report;
mod stack;
mod tcp;
mod worker;

pub use accept::BindError;
pub use error::ProxyError;
pub use heartbeat::DEFAULT_PATH as DEFAULT_HEARTBEAT_PATH;
pub use instance::{Instance, StartError, Stop};
