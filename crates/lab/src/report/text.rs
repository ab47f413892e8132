//! The report on a terminal.

use super::Report;
use crate::scenario::{Bin, Lane, Picture, Run};
use std::fmt::Write as _;

/// Columns of a time line.
const WIDTH: usize = 72;

/// One line for each half of each scenario, in columns.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut lines =
        vec![["", "scenario", "", "outage", "failed", "VIP moved", "two holders"].map(str::to_owned)];
    let mut last = String::new();
    for row in report.rows() {
        let name = if row.scenario == last { String::new() } else { row.scenario.clone() };
        last.clone_from(&row.scenario);
        lines.push([
            (if row.ok { "ok" } else { "!!" }).to_owned(),
            name,
            row.what,
            row.outage.to_string(),
            format!("{} of {}", row.failed, row.total),
            row.vip_moved.map_or_else(|| "-".to_owned(), |spread| spread.to_string()),
            row.two_holders.to_string(),
        ]);
    }
    let mut text = columns(&lines);
    for run in &report.runs {
        let broken = run.phases.iter().flat_map(|phase| &phase.checks).filter(|check| !check.ok);
        for check in broken {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(text, "!! {} (run {}): {}", run.scenario, run.number, check.text);
        }
    }
    text
}

/// Who had the address, and what became of the requests, over the time of each run.
#[must_use]
pub fn timelines(report: &Report) -> String {
    let mut text = String::new();
    for run in &report.runs {
        timeline(&mut text, run);
        text.push('\n');
    }
    text.push_str("█ has the virtual address   ▪ requests answered   × requests failed\n");
    text
}

fn timeline(text: &mut String, run: &Run) {
    let picture = &run.picture;
    let seconds = |ms: f64| ms / 1e3;
    let _ = writeln!(
        text,
        "{} (run {}): {:.1} s to {:.1} s",
        run.scenario,
        run.number,
        seconds(picture.from_ms),
        seconds(picture.until_ms)
    );
    for lane in &picture.lanes {
        let _ = writeln!(text, "  {:<9}{}", lane.node, held(picture, lane));
    }
    let _ = writeln!(text, "  {:<9}{}", "requests", strip(&picture.bins));
    for mark in &picture.marks {
        let column = column(picture, mark.at_ms);
        let label = format!("{:.1} s: {}", seconds(mark.at_ms), mark.label);
        // A label that would leave the picture on the right stands to the left of its mark.
        if column + label.chars().count() + 2 > WIDTH && column > label.chars().count() {
            let _ = writeln!(text, "  {:9}{:>column$} ^", "", label);
        } else {
            let _ = writeln!(text, "  {:9}{:column$}^ {label}", "", "");
        }
    }
}

fn held(picture: &Picture, lane: &Lane) -> String {
    let width = (picture.until_ms - picture.from_ms) / WIDTH as f64;
    (0..WIDTH)
        .map(|column| {
            let from = picture.from_ms + width * column as f64;
            let here = lane.spans.iter().any(|span| span.from_ms < from + width && span.until_ms > from);
            if here { '█' } else { '·' }
        })
        .collect()
}

fn strip(bins: &[Bin]) -> String {
    (0..WIDTH)
        .map(|column| {
            let slice = &bins[column * bins.len() / WIDTH..(column + 1) * bins.len() / WIDTH];
            let failed = slice.iter().any(|bin| bin.failed > 0);
            let ok = slice.iter().any(|bin| bin.ok > 0);
            match (failed, ok) {
                (true, _) => '×',
                (false, true) => '▪',
                (false, false) => ' ',
            }
        })
        .collect()
}

fn column(picture: &Picture, at_ms: f64) -> usize {
    let part = (at_ms - picture.from_ms) / (picture.until_ms - picture.from_ms).max(1.0);
    // A cast of a negative or too large number saturates.
    ((part * WIDTH as f64) as usize).min(WIDTH - 1)
}

/// Pads every column to its widest cell; numbers, from the fourth column on, to the right.
fn columns<const N: usize>(lines: &[[String; N]]) -> String {
    let widths: Vec<usize> =
        (0..N).map(|n| lines.iter().map(|line| line[n].chars().count()).max().unwrap_or_default()).collect();
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (n, cell) in line.iter().enumerate() {
            let width = widths[n];
            let _ = if n < 3 { write!(row, "{cell:<width$}  ") } else { write!(row, "{cell:>width$}  ") };
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sample, sample_report};
    use super::*;

    #[test]
    fn the_table_names_each_broken_promise() {
        let text = table(&sample_report());
        let first = text.lines().find(|line| line.contains("one")).unwrap();
        assert!(first.starts_with("!!") && first.contains("10 / 30 / 200 ms"), "{text}");
        assert!(text.lines().any(|line| line.starts_with("ok") && line.contains("two")), "{text}");
        assert!(text.contains("!! one (run 3): outage 200 ms, at most 100 ms"), "{text}");
    }

    #[test]
    fn cells_stand_under_each_other() {
        let lines = [["a", "bb", "c", "1"], ["aa", "b", "c", "100"]].map(|line| line.map(str::to_owned));
        assert_eq!(columns(&lines), "a   bb  c    1\naa  b   c  100\n");
    }

    #[test]
    fn lanes_show_who_had_the_address() {
        let picture = sample("one", 1, 1.0).picture;
        // Ten seconds in 72 columns: 7.2 columns before the fault, and the first 0.72 of the next without a holder.
        assert_eq!(held(&picture, &picture.lanes[0]), "█".repeat(8) + &"·".repeat(64));
        assert_eq!(held(&picture, &picture.lanes[1]), "·".repeat(7) + &"█".repeat(65));
        assert_eq!(strip(&picture.bins).chars().filter(|cell| *cell == '×').count(), 1);
    }
}
