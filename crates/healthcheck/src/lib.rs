//! Health, without IO: when to probe, what an answer means, and when enough answers change a verdict.
//!
//! The crate decides; its caller owns sockets, processes and clocks. [`Checker`] says when a probe
//! starts and turns results into [`Change`]s by HAProxy's rise/fall rule ([`Fsm`]); the same type runs
//! keepalived's track scripts ([`Period::FromStart`], [`Initial::Primed`]). [`http::judge`] reads the
//! answer to an HTTP check, [`sentence`] words the log line, [`History`] remembers the last results,
//! and [`BeatMonitor`] follows the liveness beats that `lbd`'s workers send to `vrrpd`.
//!
//! ```
//! use healthcheck::{Action, Change, Checker, CheckerConfig, Outcome};
//! use std::time::{Duration, Instant};
//!
//! let now = Instant::now();
//! let mut checker = Checker::new(now, CheckerConfig { rise: 2, fall: 3, ..CheckerConfig::default() });
//! checker.handle_timeout(now);
//! let Some(Action::StartProbe(id)) = checker.poll_action() else { panic!("a probe is due at once") };
//!
//! // The driver connects, is refused, and says so. A server starts at `UP 1/3`: one failure downs it.
//! checker.handle_result(now + Duration::from_millis(1), id, Outcome::Fail);
//! assert_eq!(checker.poll_action(), Some(Action::Changed(Change::WentDown)));
//! assert_eq!(checker.fsm().display().to_string(), "DOWN");
//! assert_eq!(checker.poll_timeout(), Some(now + Duration::from_millis(2001)));
//! ```
//!
//! # The contract
//! Call a `handle_*` method with the current time, then drain `poll_action` to `None`, then sleep until
//! `poll_timeout`. Early, late or repeated `handle_timeout` calls are harmless; time that runs backwards
//! is clamped; a result that nobody waits for any more is ignored.
//!
//! # Out of scope
//! Connecting, TLS, running scripts, writing logs, and the state of anything but one checked object: what
//! a server that is down means for traffic is the balancer's business.
#![forbid(unsafe_code)]

mod beat;
mod beat_monitor;
mod checker;
mod fsm;
mod history;
pub mod http;
pub mod sentence;
mod spread;
mod verdict;

pub use beat::{BEAT_INTERVAL, Beat, BeatDecoder, BeatError, MAX_BEAT_LINE, Readiness};
pub use beat_monitor::{BEAT_RECOVERY, BEAT_TIMEOUT, BeatMonitor, Liveness, STARVATION_LIMIT};
pub use checker::{Action, Checker, CheckerConfig, EVIDENCE_GAP, Period, ProbeId};
pub use fsm::{Change, Fsm, HealthDisplay, Initial, Outcome};
pub use history::{HISTORY_LEN, History, Record};
pub use spread::{first_delay, jitter};
pub use verdict::{CheckResult, CheckStatus};
