//! Statistics: counters that cost one atomic add, and the four forms people read them in.
//!
//! Workers count on a [`Shard`] of a [`Registry`] through handles of the [`metrics`] facade, resolved once;
//! readers sum the shards. The proxy puts what it read into a [`Report`], plain data with one [`Row`] for
//! each frontend, listener, server and backend, and renders it as HAProxy's CSV ([`csv`]) and JSON
//! ([`json`]), as Prometheus text ([`prometheus`]) or as the dashboard ([`html`]).
//!
//! ```
//! use stats::{Field, Filter, FrontendCounters, ProxyReport, Registry, Report, Row};
//!
//! let registry = Registry::new(2);
//! for worker in 0..2 {
//!     let counters = FrontendCounters::new(&registry.shard(worker), "web");
//!     counters.req_tot.increment(21);
//! }
//!
//! let mut row = Row::frontend("web", 2);
//! registry.frontend("web").fill(&mut row);
//! assert_eq!(row.u64(Field::ReqTot), Some(42));
//!
//! let proxy = ProxyReport { name: "web".into(), iid: 2, frontend: Some(row), ..ProxyReport::default() };
//! let report = Report { proxies: vec![proxy], ..Report::default() };
//! assert!(stats::csv::render(&report, &Filter::default()).contains("\nweb,FRONTEND,"));
//! let metrics = stats::prometheus::render(&report, &stats::prometheus::Options::default());
//! assert!(metrics.contains("haproxy_frontend_http_requests_total{proxy=\"web\"} 42\n"));
//! ```
//!
//! [`router`] is what a VRRP daemon says of itself.
//!
//! Out of scope: serving these over HTTP (headers, authentication, the runtime socket) and deciding anything.
//! There is no clock in here: every function that depends on the time takes it as an argument.
#![forbid(unsafe_code)]

mod cells;
mod counters;
pub mod csv;
mod field;
mod filter;
pub mod html;
pub mod json;
pub mod names;
pub mod prometheus;
mod recorder;
mod report;
pub mod router;
mod row;
mod series;

pub use cells::HistogramTotals;
pub use counters::{
    BackendCounters, BackendTotals, FrontendCounters, FrontendTotals, ServerCounters, ServerTotals,
};
pub use field::{Field, FieldKind, Nature, Origin, Scope};
pub use filter::Filter;
pub use recorder::{Registry, Shard};
pub use report::{CheckRecord, ProcessInfo, ProxyReport, Report, ServerReport};
pub use row::{ObjectKind, Row, Value};
pub use series::{History, Peak, RateMeter, Sparkline, Window1024, WindowTotals};
