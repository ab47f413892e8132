//! What a finished check is called: HAProxy's codes, words and numbers.

/// Status of the last check, as statistics, logs and `show servers state` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CheckStatus {
    /// Never run.
    #[default]
    Unknown,
    /// About to run for the first time.
    Initializing,
    /// Ran without a statement about health.
    Checked,
    /// Failures seen in traffic reached their limit.
    HealthAnalyze,
    /// No socket for the check.
    SocketError,
    /// TCP connection made, nothing above it to check.
    L4Ok,
    /// TCP connection not made in time.
    L4Timeout,
    /// TCP connection refused, reset, or no route.
    L4Connection,
    /// TLS handshake done, nothing above it to check.
    L6Ok,
    /// TLS handshake not done in time.
    L6Timeout,
    /// TLS protocol or certificate problem.
    L6Response,
    /// The application's answer is the wanted one.
    L7Ok,
    /// The application asks for no new traffic: `404` with `http-check disable-on-404`.
    L7OkConditional,
    /// Connected, but no complete answer in time.
    L7Timeout,
    /// Not the protocol expected, or closed before an answer.
    L7Response,
    /// A valid answer, but not the wanted one.
    L7Status,
    /// External check could not run or failed.
    ProcessError,
    /// External check took too long.
    ProcessTimeout,
    /// External check succeeded.
    ProcessOk,
}

/// What a [`CheckStatus`] says about health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckResult {
    /// Nothing is known.
    Unknown,
    /// No change.
    Neutral,
    /// The check failed.
    Failed,
    /// The check passed.
    Passed,
    /// The check passed, but no new traffic is wanted.
    ConditionallyPassed,
}

impl CheckResult {
    /// Its number in `show servers state`.
    pub fn number(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Neutral => 1,
            Self::Failed => 2,
            Self::Passed => 3,
            Self::ConditionallyPassed => 4,
        }
    }
}

impl CheckStatus {
    /// Every status, in the order of the enum.
    pub const ALL: [Self; 19] = [
        Self::Unknown,
        Self::Initializing,
        Self::Checked,
        Self::HealthAnalyze,
        Self::SocketError,
        Self::L4Ok,
        Self::L4Timeout,
        Self::L4Connection,
        Self::L6Ok,
        Self::L6Timeout,
        Self::L6Response,
        Self::L7Ok,
        Self::L7OkConditional,
        Self::L7Timeout,
        Self::L7Response,
        Self::L7Status,
        Self::ProcessError,
        Self::ProcessTimeout,
        Self::ProcessOk,
    ];

    /// Short code: `L4CON`, `L7OK`, ...
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// Words for log lines and tooltips: `Layer4 connection problem`.
    pub fn description(self) -> &'static str {
        self.row().1
    }

    /// What it says about health.
    pub fn result(self) -> CheckResult {
        self.row().2
    }

    /// Its number in `show servers state`.
    pub fn number(self) -> u8 {
        self.row().3
    }

    /// Whether a numeric code (HTTP status, exit status) belongs to it.
    pub fn carries_code(self) -> bool {
        self.number() > 14
    }

    // Numbers 2 (running) and 14 (a divider) exist in HAProxy's numbering, but are never a finished check.
    fn row(self) -> (&'static str, &'static str, CheckResult, u8) {
        use CheckResult::{ConditionallyPassed, Failed, Neutral, Passed};
        match self {
            Self::Unknown => ("UNK", "Unknown", CheckResult::Unknown, 0),
            Self::Initializing => ("INI", "Initializing", CheckResult::Unknown, 1),
            Self::Checked => ("CHECKED", "No status change", Neutral, 3),
            Self::HealthAnalyze => ("HANA", "Health analyze", Failed, 4),
            Self::SocketError => ("SOCKERR", "Socket error", Failed, 5),
            Self::L4Ok => ("L4OK", "Layer4 check passed", Passed, 6),
            Self::L4Timeout => ("L4TOUT", "Layer4 timeout", Failed, 7),
            Self::L4Connection => ("L4CON", "Layer4 connection problem", Failed, 8),
            Self::L6Ok => ("L6OK", "Layer6 check passed", Passed, 9),
            Self::L6Timeout => ("L6TOUT", "Layer6 timeout", Failed, 10),
            Self::L6Response => ("L6RSP", "Layer6 invalid response", Failed, 11),
            Self::L7Timeout => ("L7TOUT", "Layer7 timeout", Failed, 12),
            Self::L7Response => ("L7RSP", "Layer7 invalid response", Failed, 13),
            Self::L7Ok => ("L7OK", "Layer7 check passed", Passed, 15),
            Self::L7OkConditional => ("L7OKC", "Layer7 check conditionally passed", ConditionallyPassed, 16),
            Self::L7Status => ("L7STS", "Layer7 wrong status", Failed, 17),
            Self::ProcessError => ("PROCERR", "External check error", Failed, 18),
            Self::ProcessTimeout => ("PROCTOUT", "External check timeout", Failed, 19),
            Self::ProcessOk => ("PROCOK", "External check passed", Passed, 20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_and_numbers_are_unique() {
        let codes: BTreeSet<_> = CheckStatus::ALL.iter().map(|s| s.code()).collect();
        let numbers: BTreeSet<_> = CheckStatus::ALL.iter().map(|s| s.number()).collect();
        assert_eq!(codes.len(), CheckStatus::ALL.len());
        assert_eq!(numbers.len(), CheckStatus::ALL.len());
    }

    #[test]
    fn numbers_are_those_of_show_servers_state() {
        assert_eq!(CheckStatus::Initializing.number(), 1);
        assert_eq!(CheckStatus::L4Ok.number(), 6);
        assert_eq!(CheckStatus::L4Timeout.number(), 7);
        assert_eq!(CheckStatus::L4Connection.number(), 8);
        assert_eq!(CheckStatus::L7Ok.number(), 15);
    }

    #[test]
    fn only_answers_above_the_transport_carry_a_code() {
        assert!(CheckStatus::L7Status.carries_code() && CheckStatus::L7Ok.carries_code());
        assert!(!CheckStatus::L4Connection.carries_code() && !CheckStatus::L7Timeout.carries_code());
    }
}
