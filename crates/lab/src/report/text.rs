//! The report on a terminal.

use super::{Report, Row};
use crate::duration::duration;
use crate::scenario::{Bin, Lane, Phase, Picture, Run, Verdict};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Columns of a time line.
const WIDTH: usize = 72;

/// Whether text for a terminal may use its colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// ANSI sequences.
    Ansi,
    /// Plain text.
    None,
}

/// One line for each half of each scenario, in columns; then every broken promise and every reason for a missing one.
#[must_use]
pub fn table(report: &Report, colour: Colour) -> String {
    let headings = ["", "scenario", "outage", "failed", "what moved", "two holders"];
    let rows = report.rows();
    let cells: Vec<[String; 6]> = rows.iter().map(cells).collect();
    let mut text = String::new();
    let widths: Vec<usize> = (0..headings.len())
        .map(|n| cells.iter().map(|row| row[n].chars().count()).chain([headings[n].len()]).max().unwrap_or(0))
        .collect();
    let heading = columns(&headings.map(str::to_owned), &widths);
    text.push_str(&paint(colour, Ink::Dim, &heading));
    text.push('\n');
    for (row, cells) in rows.iter().zip(&cells) {
        let line = columns(cells, &widths);
        let (mark, rest) = line.split_at(symbol(row.verdict).len());
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "{}{rest}", paint(colour, ink(row.verdict), mark));
    }
    text.push_str(&paint(
        colour,
        Ink::Dim,
        "outage: longest time without a good answer for a client that opens a new connection every 5 ms\n",
    ));
    for run in &report.runs {
        for check in run.phases.iter().flat_map(|phase| &phase.checks).filter(|check| !check.ok) {
            let _ = writeln!(
                text,
                "{} {} (run {}): {}",
                paint(colour, Ink::Red, "!!"),
                run.scenario,
                run.number,
                check.text
            );
        }
    }
    let notes: BTreeSet<(&str, &str)> = report
        .runs
        .iter()
        .flat_map(|run| {
            run.phases.iter().filter_map(|phase| Some((run.scenario.as_str(), phase.note.as_deref()?)))
        })
        .collect();
    for (scenario, note) in notes {
        let _ = writeln!(text, "{} {scenario}: {note}", paint(colour, Ink::Yellow, "--"));
    }
    let (kept, all) = (report.runs.iter().filter(|run| run.ok()).count(), report.runs.len());
    let sum = format!("{kept} of {all} within their bounds");
    let _ = writeln!(text, "{}", paint(colour, if kept == all { Ink::Green } else { Ink::Red }, &sum));
    text
}

/// Who had the address, and what became of the requests, over the time of each run.
#[must_use]
pub fn timelines(report: &Report, colour: Colour) -> String {
    let mut text = String::new();
    let repeated = report.runs.iter().any(|run| run.number > 1);
    for run in &report.runs {
        timeline(&mut text, run, repeated, colour);
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "{}{} has the virtual address   {} requests answered   {} by one application server alone   {} requests failed",
        paint(colour, Ink::Blue, "█"),
        paint(colour, Ink::Yellow, "█"),
        paint(colour, Ink::Green, "▪"),
        paint(colour, Ink::Green, "▫"),
        paint(colour, Ink::Red, "×")
    );
    text
}

/// One half of a scenario in one line: what a user felt, and what moved.
#[must_use]
pub fn summary(row: &Row) -> String {
    let effect = row.effect();
    let comma = if effect.is_empty() { "" } else { ", " };
    format!("outage {}, {} of {} requests failed{comma}{effect}", row.outage, row.failed, row.total)
}

/// Two letters for a verdict.
#[must_use]
pub const fn symbol(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Kept => "ok",
        Verdict::NoPromise => "--",
        Verdict::Missed => "!!",
    }
}

fn cells(row: &Row) -> [String; 6] {
    let name = match row.phase {
        Phase::Fault => row.scenario.clone(),
        Phase::Repair => "  repaired".to_owned(),
    };
    let two = if row.two_holders.max < 0.5 { "-".to_owned() } else { row.two_holders.to_string() };
    let failed = format!("{} of {}", row.failed, row.total);
    [symbol(row.verdict).to_owned(), name, row.outage.to_string(), failed, row.effect(), two]
}

fn timeline(text: &mut String, run: &Run, repeated: bool, colour: Colour) {
    let picture = &run.picture;
    let number = if repeated { format!(" (run {})", run.number) } else { String::new() };
    let _ = writeln!(
        text,
        "{} {}{number}",
        paint(colour, ink(run.verdict()), symbol(run.verdict())),
        paint(colour, Ink::Bold, &run.scenario)
    );
    for (lane, ink) in picture.lanes.iter().zip([Ink::Blue, Ink::Yellow]) {
        let _ = writeln!(text, "   {:<9}{}", lane.node, paint(colour, ink, &held(picture, lane)));
    }
    let _ = writeln!(text, "   {:<9}{}", "requests", strip(&picture.bins, colour));
    for (mark, phase) in picture.marks.iter().zip(&run.phases) {
        let column = column(picture, mark.at_ms);
        let mut label = format!("{:.1} s: {}", mark.at_ms / 1e3, mark.label);
        if phase.is_noticeable() {
            let _ = write!(label, " ({} without an answer)", duration(phase.outage_ms));
        }
        // A label that would leave the picture on the right stands to the left of its mark.
        let length = label.chars().count();
        if column + length + 2 > WIDTH && column > length {
            let _ = writeln!(text, "   {:9}{label:>column$} ▲", "", column = column - 1);
        } else {
            let _ = writeln!(text, "   {:9}{:column$}▲ {label}", "", "");
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

fn strip(bins: &[Bin], colour: Colour) -> String {
    let cells = (0..WIDTH).map(|column| {
        let slice = &bins[column * bins.len() / WIDTH..(column + 1) * bins.len() / WIDTH];
        let failed = slice.iter().any(|bin| bin.failed > 0);
        let first = slice.iter().any(|bin| bin.first > 0);
        let second = slice.iter().any(|bin| bin.second > 0);
        match (failed, first, second) {
            (true, _, _) => (Ink::Red, '×'),
            (false, true, true) => (Ink::Green, '▪'),
            (false, true, false) | (false, false, true) => (Ink::Green, '▫'),
            (false, false, false) => (Ink::Dim, ' '),
        }
    });
    let cells: Vec<(Ink, char)> = cells.collect();
    cells
        .chunk_by(|a, b| a.0 == b.0)
        .map(|run| paint(colour, run[0].0, &run.iter().map(|cell| cell.1).collect::<String>()))
        .collect()
}

fn column(picture: &Picture, at_ms: f64) -> usize {
    let part = (at_ms - picture.from_ms) / (picture.until_ms - picture.from_ms).max(1.0);
    // A cast of a negative or too large number saturates.
    ((part * WIDTH as f64) as usize).min(WIDTH - 1)
}

/// Pads every cell to its column; numbers to the right.
fn columns<const N: usize>(cells: &[String; N], widths: &[usize]) -> String {
    let mut row = String::new();
    for (n, cell) in cells.iter().enumerate() {
        let width = widths[n];
        let words = n < 2 || n == 4;
        let _ = if words { write!(row, "{cell:<width$}  ") } else { write!(row, "{cell:>width$}  ") };
    }
    row.trim_end().to_owned()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ink {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
}

const fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Kept => Ink::Green,
        Verdict::NoPromise => Ink::Yellow,
        Verdict::Missed => Ink::Red,
    }
}

fn paint(colour: Colour, ink: Ink, text: &str) -> String {
    let code = match ink {
        Ink::Bold => 1,
        Ink::Dim => 2,
        Ink::Red => 31,
        Ink::Green => 32,
        Ink::Yellow => 33,
        Ink::Blue => 34,
    };
    match colour {
        Colour::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
        Colour::None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{sample, sample_report};
    use super::*;

    #[test]
    fn the_table_names_each_broken_promise() {
        let text = table(&sample_report(), Colour::None);
        let first = text.lines().find(|line| line.contains("one")).unwrap();
        assert!(first.starts_with("!!") && first.contains("10 / 30 / 200 ms"), "{text}");
        assert!(text.lines().any(|line| line.starts_with("ok") && line.contains("two")), "{text}");
        assert!(text.contains("!! one (run 3): outage 200 ms, at most 100 ms"), "{text}");
        assert!(text.ends_with("3 of 4 within their bounds\n"), "{text}");
    }

    #[test]
    fn the_table_gives_each_reason_for_a_missing_promise_once() {
        let mut report = sample_report();
        for run in &mut report.runs {
            run.phases[0].note = Some("nobody can know".to_owned());
        }
        let text = table(&report, Colour::None);
        assert_eq!(text.matches("-- one: nobody can know\n").count(), 1, "{text}");
        assert_eq!(text.matches("-- two: nobody can know\n").count(), 1, "{text}");
    }

    #[test]
    fn cells_stand_under_each_other() {
        let widths = [2, 2, 3];
        let line = |cells: [&str; 3]| columns(&cells.map(str::to_owned), &widths);
        assert_eq!(line(["a", "bb", "1"]), "a   bb    1");
        assert_eq!(line(["aa", "b", "100"]), "aa  b   100");
    }

    #[test]
    fn plain_text_holds_no_control_sequences_and_colours_change_no_words() {
        let report = sample_report();
        let plain = table(&report, Colour::None) + &timelines(&report, Colour::None);
        assert!(!plain.contains('\x1b'));
        let mut coloured = table(&report, Colour::Ansi) + &timelines(&report, Colour::Ansi);
        for code in [0, 1, 2, 31, 32, 33, 34] {
            coloured = coloured.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(coloured, plain);
    }

    #[test]
    fn lanes_show_who_had_the_address() {
        let picture = sample("one", 1, 1.0).picture;
        // Ten seconds in 72 columns: 7.2 columns before the fault, and the first 0.72 of the next without a holder.
        assert_eq!(held(&picture, &picture.lanes[0]), "█".repeat(8) + &"·".repeat(64));
        assert_eq!(held(&picture, &picture.lanes[1]), "·".repeat(7) + &"█".repeat(65));
        assert_eq!(strip(&picture.bins, Colour::None).chars().filter(|cell| *cell == '×').count(), 1);
    }
}
