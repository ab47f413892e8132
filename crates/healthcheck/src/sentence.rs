//! The sentences HAProxy writes about health, word for word, because tools grep for them.

use crate::fsm::HealthDisplay;
use crate::verdict::{CheckResult, CheckStatus};
use std::fmt;
use std::time::Duration;

/// Syslog severity of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// 0.
    Emerg,
    /// 1.
    Alert,
    /// 5.
    Notice,
}

impl Level {
    /// The number on the wire.
    pub fn severity(self) -> u8 {
        match self {
            Self::Emerg => 0,
            Self::Alert => 1,
            Self::Notice => 5,
        }
    }
}

/// The server a sentence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerName<'a> {
    /// Name of its backend.
    pub backend: &'a str,
    /// Its own name.
    pub server: &'a str,
    /// Whether it is a `backup` server.
    pub backup: bool,
}

impl fmt::Display for ServerName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.server)
    }
}

/// The check that led to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason<'a> {
    /// How it ended.
    pub status: CheckStatus,
    /// HTTP status or exit status; shown only where [`CheckStatus::carries_code`].
    pub code: Option<u16>,
    /// Detail; nothing is shown for an empty one.
    pub info: &'a str,
    /// How long the check took; shown in whole milliseconds.
    pub duration: Duration,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ", reason: {}", self.status.description())?;
        if let Some(code) = self.code.filter(|_| self.status.carries_code()) {
            write!(f, ", code: {code}")?;
        }
        if !self.info.is_empty() {
            write!(f, ", info: \"{}\"", self.info)?;
        }
        write!(f, ", check duration: {}ms", self.duration.as_millis())
    }
}

/// Why a server changed state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause<'a> {
    /// A check said so.
    Check(Reason<'a>),
    /// The server follows another one (`track`), named `backend/server`.
    Tracked(&'a str),
    /// The operator set the health on the runtime socket or the statistics page.
    Operator,
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(reason) => reason.fmt(f),
            Self::Tracked(via) => write!(f, " via {via}"),
            Self::Operator => f.write_str(", changed from CLI"),
        }
    }
}

/// State of the backend right after the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remaining {
    /// Usable servers that are not backups.
    pub active: usize,
    /// Usable backup servers.
    pub backup: usize,
    /// Whether traffic goes to backup servers now.
    pub on_backup: bool,
    /// Sessions on the server.
    pub sessions: u32,
    /// Requests moved from its queue to other servers.
    pub requeued: u32,
    /// Requests still waiting for it (after a fall) or in total (after a rise).
    pub queued: u32,
}

impl Remaining {
    fn left(&self) -> String {
        format!(
            "{} active and {} backup servers left.{} {} sessions active, {} requeued, {} remaining in queue.",
            self.active,
            self.backup,
            self.on_backup_words(),
            self.sessions,
            self.requeued,
            self.queued,
        )
    }

    fn online(&self) -> String {
        format!(
            "{} active and {} backup servers online.{} {} sessions requeued, {} total in queue.",
            self.active,
            self.backup,
            self.on_backup_words(),
            self.requeued,
            self.queued,
        )
    }

    fn on_backup_words(&self) -> &'static str {
        if self.on_backup { " Running on backup." } else { "" }
    }
}

/// `Server b/s is DOWN, reason: ...`. `was_draining` lowers the level: nobody expected traffic there.
pub fn down(name: ServerName<'_>, cause: Cause<'_>, rest: Remaining, was_draining: bool) -> (Level, String) {
    let level = if was_draining { Level::Notice } else { Level::Alert };
    (level, format!("{}Server {name} is DOWN{cause}. {}", backup_prefix(name), rest.left()))
}

/// `Server b/s is UP, reason: ...`.
pub fn up(name: ServerName<'_>, cause: Cause<'_>, rest: Remaining) -> (Level, String) {
    (Level::Notice, format!("{}Server {name} is UP{cause}. {}", backup_prefix(name), rest.online()))
}

/// `Server b/s is stopping, reason: ...`: a conditionally passed check, no new traffic.
pub fn stopping(name: ServerName<'_>, cause: Cause<'_>, rest: Remaining) -> (Level, String) {
    (Level::Notice, format!("{}Server {name} is stopping{cause}. {}", backup_prefix(name), rest.left()))
}

/// `Server b/s is going DOWN for maintenance...`, or what a server that was already down is given instead.
pub fn enters_maintenance(name: ServerName<'_>, was_up: bool, rest: Remaining) -> (Level, String) {
    let prefix = backup_prefix(name);
    let sentence = if was_up {
        format!("{prefix}Server {name} is going DOWN for maintenance. {}", rest.left())
    } else {
        format!("{prefix}Server {name} was DOWN and now enters maintenance.")
    };
    (Level::Notice, sentence)
}

/// `Server b/s is UP/READY (leaving forced maintenance).`
pub fn leaves_maintenance(name: ServerName<'_>, is_up: bool, draining: bool) -> (Level, String) {
    let health = if is_up { "UP" } else { "DOWN" };
    let admin = if draining { "DRAIN" } else { "READY" };
    let prefix = backup_prefix(name);
    (Level::Notice, format!("{prefix}Server {name} is {health}/{admin} (leaving forced maintenance)."))
}

/// `Server b/s enters drain state. ...`
pub fn enters_drain(name: ServerName<'_>, rest: Remaining) -> (Level, String) {
    (Level::Notice, format!("{}Server {name} enters drain state. {}", backup_prefix(name), rest.left()))
}

/// `Server b/s is UP (leaving forced drain).`
pub fn leaves_drain(name: ServerName<'_>, is_up: bool) -> (Level, String) {
    let health = if is_up { "UP" } else { "DOWN" };
    (Level::Notice, format!("{}Server {name} is {health} (leaving forced drain).", backup_prefix(name)))
}

/// `Health check for server b/s succeeded, reason: ..., status: 2/3 UP.`, for `option log-health-checks`.
/// `health` is the state after the check; `weight_zero` shows an up server as `DRAIN`.
pub fn health_check(
    name: ServerName<'_>,
    reason: Reason<'_>,
    health: HealthDisplay,
    weight_zero: bool,
) -> (Level, String) {
    let outcome = match reason.status.result() {
        CheckResult::Passed => "succeeded",
        CheckResult::ConditionallyPassed => "conditionally succeeded",
        CheckResult::Failed | CheckResult::Neutral | CheckResult::Unknown => "failed",
    };
    let (position, of, up) = health.progress();
    let word = match (up, weight_zero) {
        (true, false) => "UP",
        (true, true) => "DRAIN",
        (false, _) => "DOWN",
    };
    let backup = if name.backup { "backup " } else { "" };
    let sentence =
        format!("Health check for {backup}server {name} {outcome}{reason}, status: {position}/{of} {word}.");
    (Level::Notice, sentence)
}

/// `backend X has no server available!`; `kind` is `backend`, or `proxy` for a `listen` section.
pub fn no_server_available(kind: &str, name: &str) -> (Level, String) {
    (Level::Emerg, format!("{kind} {name} has no server available!"))
}

fn backup_prefix(name: ServerName<'_>) -> &'static str {
    if name.backup { "Backup " } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fsm::{Fsm, Initial, Outcome};

    const NAME: ServerName<'static> = ServerName { backend: "b", server: "s", backup: false };

    fn refused() -> Reason<'static> {
        Reason {
            status: CheckStatus::L4Connection,
            code: Some(111),
            info: "Connection refused",
            duration: Duration::from_micros(300),
        }
    }

    #[test]
    fn server_down_names_reason_and_what_is_left() {
        let rest = Remaining { active: 1, ..Remaining::default() };
        let (level, text) = down(NAME, Cause::Check(refused()), rest, false);
        assert_eq!(level.severity(), 1);
        assert_eq!(
            text,
            "Server b/s is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", \
             check duration: 0ms. 1 active and 0 backup servers left. 0 sessions active, 0 requeued, \
             0 remaining in queue."
        );
    }

    #[test]
    fn backup_server_and_running_on_backup_are_said() {
        let name = ServerName { backup: true, ..NAME };
        let rest = Remaining { backup: 1, on_backup: true, ..Remaining::default() };
        let (level, text) = down(name, Cause::Operator, rest, true);
        assert_eq!(level, Level::Notice);
        assert_eq!(
            text,
            "Backup Server b/s is DOWN, changed from CLI. 0 active and 1 backup servers left. \
             Running on backup. 0 sessions active, 0 requeued, 0 remaining in queue."
        );
    }

    #[test]
    fn server_up_counts_what_is_online() {
        let reason = Reason {
            status: CheckStatus::L7Ok,
            code: Some(200),
            info: "OK",
            duration: Duration::from_millis(2),
        };
        let rest = Remaining { active: 2, ..Remaining::default() };
        assert_eq!(
            up(NAME, Cause::Check(reason), rest).1,
            "Server b/s is UP, reason: Layer7 check passed, code: 200, info: \"OK\", check duration: 2ms. \
             2 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."
        );
    }

    #[test]
    fn health_check_shows_progress_even_when_full() {
        let mut fsm = Fsm::new(2, 3, Initial::FullyUp);
        fsm.observe(Outcome::Fail);
        assert_eq!(
            health_check(NAME, Reason { info: "", ..refused() }, fsm.display(), false).1,
            "Health check for server b/s failed, reason: Layer4 connection problem, check duration: 0ms, \
             status: 2/3 UP."
        );
        fsm.observe(Outcome::Pass);
        let passed = Reason { status: CheckStatus::L4Ok, code: None, info: "", duration: Duration::ZERO };
        assert_eq!(
            health_check(ServerName { backup: true, ..NAME }, passed, fsm.display(), true).1,
            "Health check for backup server b/s succeeded, reason: Layer4 check passed, \
             check duration: 0ms, status: 3/3 DRAIN."
        );
        fsm.force_down();
        assert!(health_check(NAME, refused(), fsm.display(), false).1.ends_with("status: 0/2 DOWN."));
    }

    #[test]
    fn administrative_changes_are_notices() {
        let rest = Remaining { active: 1, ..Remaining::default() };
        let table = [
            (enters_maintenance(NAME, true, rest), "Server b/s is going DOWN for maintenance. 1 active and "),
            (enters_maintenance(NAME, false, rest), "Server b/s was DOWN and now enters maintenance."),
            (leaves_maintenance(NAME, true, false), "Server b/s is UP/READY (leaving forced maintenance)."),
            (enters_drain(NAME, rest), "Server b/s enters drain state. 1 active and 0 backup servers left."),
            (leaves_drain(NAME, true), "Server b/s is UP (leaving forced drain)."),
        ];
        for ((level, text), start) in table {
            assert_eq!(level, Level::Notice);
            assert!(text.starts_with(start), "{text}");
        }
    }

    #[test]
    fn losing_the_last_server_is_an_emergency() {
        let expected = (Level::Emerg, "backend web has no server available!".to_owned());
        assert_eq!(no_server_available("backend", "web"), expected);
    }
}
