//! What colour a row has, and how the whole is doing.

use crate::{Field, Filter, ObjectKind, Report, Row};

/// The class of a row, by HAProxy's names.
pub(super) fn row_class(row: &Row) -> &'static str {
    match row.kind() {
        ObjectKind::Frontend => "frontend",
        ObjectKind::Listener => "socket",
        ObjectKind::Backend => "backend",
        ObjectKind::Server => server_class(row),
    }
}

fn server_class(row: &Row) -> &'static str {
    // `UP 2/3` is on its way down, `DOWN 1/2` on its way up.
    let between = row.status().contains('/') && !row.status().contains('(');
    match (row.state(), between, row.is_backup()) {
        _ if row.status() == "no check" => {
            if row.is_backup() {
                "backup_no_check"
            } else {
                "active_no_check"
            }
        }
        ("UP", false, false) => "active_up",
        ("UP", true, false) => "active_going_down",
        ("DOWN", false, false) => "active_down",
        ("DOWN", true, false) => "active_going_up",
        ("NOLB", _, false) => "active_nolb",
        ("DRAIN", _, false) => "active_draining",
        ("UP", false, true) => "backup_up",
        ("UP", true, true) => "backup_going_down",
        ("DOWN", false, true) => "backup_down",
        ("DOWN", true, true) => "backup_going_up",
        ("NOLB", _, true) => "backup_nolb",
        ("DRAIN", _, true) => "backup_draining",
        _ => "maintain",
    }
}

/// The classes of servers and what they mean, for the legend.
pub(super) const CLASSES: [(&str, &str); 14] = [
    ("active_up", "active UP"),
    ("active_going_down", "active UP, going down"),
    ("active_going_up", "active DOWN, going up"),
    ("active_down", "active or backup DOWN"),
    ("active_draining", "active DRAIN or NOLB"),
    ("active_no_check", "not checked"),
    ("maintain", "maintenance (MAINT)"),
    ("backup_up", "backup UP"),
    ("backup_going_down", "backup UP, going down"),
    ("backup_going_up", "backup DOWN, going up"),
    ("backup_nolb", "backup NOLB"),
    ("backup_draining", "backup DRAIN"),
    ("frontend", "frontend, backend"),
    ("socket", "listening socket"),
];

/// How many servers there are and how they do.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Health {
    servers: usize,
    down: usize,
    wavering: usize,
    out_of_service: usize,
    backends_down: Vec<String>,
}

impl Health {
    /// Counts the proxies in scope. Servers that the reader hides count all the same.
    pub(super) fn of(report: &Report, filter: &Filter) -> Self {
        let mut health = Self::default();
        for proxy in report.proxies.iter().filter(|proxy| filter.proxy(&proxy.name)) {
            for server in &proxy.servers {
                health.servers += 1;
                match server.row.state() {
                    "DOWN" => health.down += 1,
                    "MAINT" | "DRAIN" | "NOLB" => health.out_of_service += 1,
                    _ => health.wavering += usize::from(server.row.status().contains('/')),
                }
            }
            if proxy.backend.as_ref().is_some_and(|row| row.text(Field::Status) == Some("DOWN")) {
                health.backends_down.push(proxy.name.clone());
            }
        }
        health
    }

    /// The class of the summary: `ok`, `warn`, `bad` or `none`.
    pub(super) fn class(&self) -> &'static str {
        if self.down > 0 || !self.backends_down.is_empty() {
            "bad"
        } else if self.wavering + self.out_of_service > 0 {
            "warn"
        } else if self.servers > 0 {
            "ok"
        } else {
            "none"
        }
    }

    /// The summary as a sentence.
    pub(super) fn summary(&self) -> String {
        let mut parts = Vec::new();
        if !self.backends_down.is_empty() {
            parts.push(format!("No server left in {}", self.backends_down.join(", ")));
        }
        if self.down > 0 {
            parts.push(format!("{} of {} servers down", self.down, self.servers));
        }
        if self.wavering > 0 {
            parts.push(format!("{} failing checks", self.wavering));
        }
        if self.out_of_service > 0 {
            parts.push(format!("{} out of service", self.out_of_service));
        }
        match (parts.is_empty(), self.servers) {
            (false, _) => parts.join(" · "),
            (true, 0) => "No servers".to_owned(),
            (true, 1) => "1 server up".to_owned(),
            (true, servers) => format!("All {servers} servers up"),
        }
    }

    /// The beginning of the page's title, short enough for a browser tab.
    pub(super) fn title(&self) -> String {
        if self.down > 0 { format!("({} down)", self.down) } else { "Statistics ·".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ProxyReport, ServerReport};

    fn server(status: &'static str, backup: bool) -> Row {
        let mut row = Row::server("b", "s", 2, 1);
        row.set(Field::Status, status).set(Field::Act, u32::from(!backup)).set(Field::Bck, u32::from(backup));
        row
    }

    #[test]
    fn servers_have_the_class_of_their_status() {
        for (status, backup, class) in [
            ("UP", false, "active_up"),
            ("UP 2/3", false, "active_going_down"),
            ("DOWN", false, "active_down"),
            ("DOWN 1/2", false, "active_going_up"),
            ("DOWN (agent)", false, "active_down"),
            ("NOLB", false, "active_nolb"),
            ("DRAIN 1/2", false, "active_draining"),
            ("no check", false, "active_no_check"),
            ("MAINT", false, "maintain"),
            ("MAINT (via b/s)", true, "maintain"),
            ("UP", true, "backup_up"),
            ("UP 1/3", true, "backup_going_down"),
            ("DOWN", true, "backup_down"),
            ("DOWN 1/2", true, "backup_going_up"),
            ("NOLB 1/2", true, "backup_nolb"),
            ("DRAIN", true, "backup_draining"),
            ("no check", true, "backup_no_check"),
        ] {
            assert_eq!(row_class(&server(status, backup)), class, "{status}");
        }
    }

    #[test]
    fn the_summary_names_what_is_wrong() {
        let report = |statuses: &[&'static str]| {
            let servers = statuses
                .iter()
                .copied()
                .map(|status| ServerReport { row: server(status, false), checks: Vec::new() })
                .collect();
            Report { proxies: vec![ProxyReport { servers, ..ProxyReport::default() }], ..Report::default() }
        };
        let cases: [(&[&'static str], &str, &str); 5] = [
            (&[], "none", "No servers"),
            (&["UP"], "ok", "1 server up"),
            (&["UP", "no check"], "ok", "All 2 servers up"),
            (&["UP", "UP 1/3"], "warn", "1 failing checks"),
            (&["UP", "DOWN 1/2", "MAINT"], "bad", "1 of 3 servers down · 1 out of service"),
        ];
        for (statuses, class, summary) in cases {
            let health = Health::of(&report(statuses), &Filter::default());
            assert_eq!((health.class(), health.summary().as_str()), (class, summary));
        }
    }
}
