//! Tables of a scenario, for a terminal and for Markdown.

use std::fmt::Write;

use crate::report::{Busy, Figures, Idle, PeerReport, ScenarioReport};

/// Headings and rows; the first column is a name, the others are numbers.
struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Aligned text with the title above.
pub(crate) fn text(scenario: &ScenarioReport) -> String {
    let table = Table::of(scenario);
    let all = || std::iter::once(&table.headings).chain(&table.rows);
    let widths: Vec<usize> = (0..table.headings.len())
        .map(|column| all().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut out = format!("{} [{}]\n", scenario.title, scenario.name);
    for row in all() {
        let (name, numbers) = row.split_first().expect("every row has a name");
        write_to(&mut out, format_args!("  {name:<width$}", width = widths[0]));
        for (cell, width) in numbers.iter().zip(&widths[1..]) {
            write_to(&mut out, format_args!("  {cell:>width$}"));
        }
        out.push('\n');
    }
    for (peer, problem) in problems(scenario) {
        write_to(&mut out, format_args!("  WRONG: {peer}: {problem}\n"));
    }
    out
}

/// A Markdown section.
pub(crate) fn markdown(scenario: &ScenarioReport) -> String {
    let table = Table::of(scenario);
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut out = format!("### {} (`{}`)\n\n", scenario.title, scenario.name);
    out.push_str(&line(&table.headings));
    out.push_str(&format!("|---{}|\n", "|--:".repeat(table.headings.len() - 1)));
    for row in &table.rows {
        out.push_str(&line(row));
    }
    for (peer, problem) in problems(scenario) {
        write_to(&mut out, format_args!("\n**Wrong:** {peer}: {problem}\n"));
    }
    out
}

fn problems(scenario: &ScenarioReport) -> impl Iterator<Item = (&str, &str)> {
    scenario
        .peers
        .iter()
        .flat_map(|peer| peer.problems.iter().map(|problem| (peer.name.as_str(), problem.as_str())))
}

fn write_to(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes what is written to it");
}

impl Table {
    fn of(scenario: &ScenarioReport) -> Self {
        let mut table = Self { headings: Vec::new(), rows: Vec::new() };
        for peer in &scenario.peers {
            let cells = match &peer.figures {
                Figures::Busy(busy) => busy_cells(busy, scenario),
                Figures::Idle(idle) => idle_cells(idle, peer),
            };
            let rss = ("RSS MB".to_owned(), megabytes(peer.rss));
            let (headings, row): (Vec<_>, Vec<_>) =
                std::iter::once((String::new(), peer.name.clone())).chain(cells).chain([rss]).unzip();
            table.headings = headings;
            table.rows.push(row);
        }
        table
    }
}

fn busy_cells(busy: &Busy, scenario: &ScenarioReport) -> Vec<(String, String)> {
    let mut cells = vec![
        ("CPU µs/req".to_owned(), significant(busy.cpu_us)),
        ("rounds".to_owned(), range(&busy.rounds_us)),
        ("user".to_owned(), significant(busy.user_us)),
        ("system".to_owned(), significant(busy.system_us)),
    ];
    if let Some(best) = scenario.best_reference() {
        cells.push(("÷ best peer".to_owned(), format!("{:.2}", busy.cpu_us / best)));
    }
    if let Some(calls) = &busy.system_calls {
        cells.push(("calls/req".to_owned(), significant(calls.total)));
    }
    cells.push(("switches/req".to_owned(), format!("{:.3}", busy.context_switches)));
    cells.push(("conns/req".to_owned(), format!("{:.3}", busy.server_connections)));
    if let Some(lines) = busy.log_lines {
        cells.push(("lines/req".to_owned(), format!("{lines:.3}")));
    }
    cells.push(("req/s".to_owned(), format!("{:.0}", busy.requests_per_second)));
    cells.push(("CPU %".to_owned(), format!("{:.0}", busy.utilisation * 100.0)));
    cells.push(("wait %".to_owned(), format!("{:.0}", busy.disturbance * 100.0)));
    if let (Some(latency), Some(rate)) = (&busy.latency, scenario.fixed_rate) {
        cells.push((format!("p50 µs at {rate:.0}/s"), format!("{:.0}", latency.p50_us)));
        cells.push(("p99".to_owned(), format!("{:.0}", latency.p99_us)));
        cells.push(("rounds".to_owned(), range(&latency.p99_rounds_us)));
        if let Some(best) = scenario.best_p99() {
            cells.push(("÷ best peer".to_owned(), format!("{:.2}", latency.p99_us / best)));
        }
        cells.push(("p99.9".to_owned(), format!("{:.0}", latency.p999_us)));
    }
    cells
}

/// Least and most.
fn range(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    format!("{}-{}", significant(least), significant(most))
}

fn idle_cells(idle: &Idle, peer: &PeerReport) -> Vec<(String, String)> {
    vec![
        ("clients".to_owned(), idle.clients.to_string()),
        ("kB/client".to_owned(), significant(idle.bytes_per_client / 1024.0)),
        ("RSS MB at rest".to_owned(), megabytes(peer.rss_at_rest)),
    ]
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

/// Three digits that count, or all before the point.
fn significant(value: f64) -> String {
    match value {
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Latency;

    fn peer(name: &str, reference: bool, cpu_us: f64) -> PeerReport {
        let busy = Busy {
            cpu_us,
            user_us: 5.0,
            system_us: cpu_us - 5.0,
            rounds_us: vec![cpu_us, cpu_us + 1.0],
            utilisation: 0.985,
            disturbance: 0.01,
            requests_per_second: 40_000.0,
            context_switches: 0.0123,
            server_connections: 0.0,
            log_lines: None,
            system_calls: None,
            latency: Some(Latency {
                p50_us: 80.0,
                p99_us: 200.0,
                p99_rounds_us: vec![150.0, 300.0],
                p999_us: 900.4,
                real_time: true,
                standstill: 0.0,
            }),
        };
        let figures = Figures::Busy(busy);
        PeerReport {
            name: name.into(),
            reference,
            figures,
            rss_at_rest: 0,
            rss: 6 << 20,
            problems: Vec::new(),
        }
    }

    fn report() -> ScenarioReport {
        let peers = vec![peer("lbd", false, 20.0), peer("haproxy", true, 25.0), peer("nginx", true, 22.0)];
        ScenarioReport { name: "keepalive".into(), title: "Small".into(), fixed_rate: Some(20_000.0), peers }
    }

    #[test]
    fn the_ratio_is_to_the_best_of_the_others() {
        let text = text(&report());
        let row = text.lines().find(|line| line.trim_start().starts_with("lbd")).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells[..6], ["lbd", "20.0", "20.0-21.0", "5.00", "15.0", "0.91"]);
    }

    #[test]
    fn columns_line_up() {
        let text = text(&report());
        let lengths: Vec<usize> = text.lines().skip(1).map(|line| line.chars().count()).collect();
        assert_eq!(lengths.len(), 4);
        assert!(lengths.iter().all(|length| *length == lengths[0]), "{text}");
    }

    #[test]
    fn what_was_wrong_is_below_the_table() {
        let mut report = report();
        report.peers[1].problems.push("3 responses: wrong bytes".into());
        assert!(text(&report).ends_with("  WRONG: haproxy: 3 responses: wrong bytes\n"));
        assert!(markdown(&report).ends_with("\n**Wrong:** haproxy: 3 responses: wrong bytes\n"));
    }
}
