//! The last checks of a server as a row of coloured marks.

use super::format::{Text, emit, latency, seconds, time_of_day};
use crate::CheckRecord;

/// How many checks are shown.
const SHOWN: usize = 20;

/// Oldest on the left. Each mark says in its tooltip when the check ended and what it found.
pub(super) fn ticks(out: &mut String, checks: &[CheckRecord]) {
    if checks.is_empty() {
        return;
    }
    let shown = &checks[checks.len().saturating_sub(SHOWN)..];
    let failed = shown.iter().filter(|check| !check.passed).count();
    emit!(
        out,
        "<ul class=\"ticks\" role=\"img\" aria-label=\"Last {} checks, {failed} failed\">",
        shown.len()
    );
    for check in shown {
        let class = if check.passed { "tick" } else { "tick fail" };
        emit!(out, "<li class=\"{class}\" title=\"{}\"></li>", Text(&tooltip(check)));
    }
    emit!(out, "</ul>");
}

fn tooltip(check: &CheckRecord) -> String {
    let code = check.http_code.map(|code| format!("/{code}")).unwrap_or_default();
    let colon = if check.text.is_empty() { "" } else { ": " };
    format!(
        "{} UTC, {} ago\n{}{code} in {}{colon}{}",
        time_of_day(check.at_unix),
        seconds(check.age.as_secs()),
        check.code,
        latency(check.duration),
        check.text
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_twenty_are_shown_with_what_they_found() {
        let checks: Vec<CheckRecord> = (0..25)
            .map(|i| CheckRecord {
                at_unix: 1_700_000_000 + i,
                age: Duration::from_secs(24 - i),
                code: "L7STS".into(),
                http_code: Some(503),
                duration: Duration::from_millis(3),
                passed: i != 24,
                text: "Layer7 wrong status".into(),
            })
            .collect();
        let mut out = String::new();
        ticks(&mut out, &checks);
        assert_eq!(out.matches("<li").count(), 20);
        assert!(out.contains("Last 20 checks, 1 failed"));
        assert!(
            out.ends_with(
                "<li class=\"tick fail\" title=\"22:13:44 UTC, 0s ago\nL7STS/503 in 3.0 ms: Layer7 wrong status\"></li></ul>"
            ),
            "{out}"
        );
    }
}
