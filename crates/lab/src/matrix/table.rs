//! All runs together: rows, verdicts, text, Markdown and JSON.

use super::{Cell, Measured, Run};
use crate::error::Error;
use crate::peers::Router;
use crate::report::{Machine, Spread};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io;

/// Smaller differences are not the daemons': the client asks every 5 ms, and its answers wait for a processor.
const RESOLUTION_MS: f64 = 10.0;

/// What was played, and where. Its JSON form is what `tandem lab --matrix --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// Where and when it was made.
    pub machine: Machine,
    /// Every run.
    pub runs: Vec<Run>,
}

/// One line of the table: all runs of a cell. Times are milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was played.
    pub cell: Cell,
    /// How many runs there are numbers of.
    pub count: usize,
    /// See [`Measured`]; over the runs in which it came about.
    pub advert: Option<Spread>,
    /// See [`Measured`].
    pub announce: Option<Spread>,
    /// See [`Measured`].
    pub service: Option<Spread>,
    /// See [`Measured`].
    pub outage: Option<Spread>,
    /// In how many runs node 1 sent priority 0.
    pub prio0: usize,
    /// In how many runs node 1 had the address at the end.
    pub vip_left: usize,
    /// Why a run has no numbers.
    pub failures: Vec<String>,
}

/// One of our medians beside keepalived's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which line.
    pub line: String,
    /// Which number.
    pub what: String,
    /// Ours.
    pub ours_ms: f64,
    /// keepalived's.
    pub theirs_ms: f64,
}

impl Verdict {
    /// Whether ours is at most keepalived's, but for 10 ms that cannot be measured.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.ours_ms <= self.theirs_ms + RESOLUTION_MS
    }
}

impl Matrix {
    /// One row for each cell, in the order in which they were first played.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let mut cells: Vec<Cell> = Vec::new();
        for run in &self.runs {
            if !cells.contains(&run.cell) {
                cells.push(run.cell);
            }
        }
        cells.into_iter().map(|cell| self.row(cell)).collect()
    }

    /// Every median of ours that keepalived has one beside. Outages are not compared where keepalived's node 1 kept the
    /// address and ours did not.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Verdict> {
        let rows = self.rows();
        let median = |spread: &Option<Spread>| spread.map(|spread| spread.median);
        let mut verdicts = Vec::new();
        for ours in rows.iter().filter(|row| row.cell.router == Router::Vrrpd) {
            let twin = Cell { router: Router::Keepalived, ..ours.cell };
            let Some(theirs) = rows.iter().find(|row| row.cell == twin) else { continue };
            // An address that stays on a node whose daemon is dead is answered by two nodes. Its short outage is no merit.
            let abandoned = theirs.vip_left > 0 && ours.vip_left == 0;
            for (what, ours_ms, theirs_ms) in [
                ("advert", median(&ours.advert), median(&theirs.advert)),
                ("service", median(&ours.service), median(&theirs.service)),
                ("outage", median(&ours.outage), median(&theirs.outage).filter(|_| !abandoned)),
            ] {
                if let (Some(ours_ms), Some(theirs_ms)) = (ours_ms, theirs_ms) {
                    verdicts.push(Verdict {
                        line: ours.cell.name(),
                        what: what.to_owned(),
                        ours_ms,
                        theirs_ms,
                    });
                }
            }
        }
        verdicts
    }

    /// Whether every run has numbers and every median of ours is at most keepalived's.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.runs.iter().all(|run| run.result.is_ok()) && self.verdicts().iter().all(Verdict::ok)
    }

    /// As JSON, indented.
    pub fn json(&self) -> Result<String, Error> {
        Ok(serde_json::to_string_pretty(self).map_err(io::Error::from)?)
    }

    /// A table of Markdown, which is readable as it is. Times are min/median/max in milliseconds.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut lines = vec![
            [
                "conf", "scenario", "daemon", "n", "advert", "announce", "service", "outage", "prio0",
                "VIP left",
            ]
            .map(str::to_owned),
        ];
        lines.extend(self.rows().iter().map(Row::cells));
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or_default();
        let widths: [usize; 10] = std::array::from_fn(width);
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            for (cell, width) in line.iter().zip(widths) {
                // Writing to a String cannot fail.
                let _ = write!(text, "| {cell:width$} ");
            }
            text.push_str("|\n");
            if number == 0 {
                for width in widths {
                    let _ = write!(text, "|-{:-<width$}-", "");
                }
                text.push_str("|\n");
            }
        }
        text
    }

    /// What is not as it should be, a line each.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let failures = self.runs.iter().filter_map(|run| {
            let error = run.result.as_ref().err()?;
            Some(format!("{} ({}): {error}", run.cell.name(), run.cell.router.process()))
        });
        let slower = self.verdicts().into_iter().filter(|verdict| !verdict.ok()).map(|verdict| {
            let Verdict { line, what, ours_ms, theirs_ms } = verdict;
            format!("{line}: the median {what} is {ours_ms:.0} ms, keepalived's {theirs_ms:.0} ms")
        });
        failures.chain(slower).collect()
    }

    fn row(&self, cell: Cell) -> Row {
        let runs: Vec<&Run> = self.runs.iter().filter(|run| run.cell == cell).collect();
        let good: Vec<&Measured> = runs.iter().filter_map(|run| run.result.as_ref().ok()).collect();
        let spread =
            |value: fn(&Measured) -> Option<f64>| Spread::of(good.iter().filter_map(|run| value(run)));
        Row {
            cell,
            count: good.len(),
            advert: spread(|run| run.advert_ms),
            announce: spread(|run| run.announce_ms),
            service: spread(|run| run.service_ms),
            outage: spread(|run| Some(run.outage_ms)),
            prio0: good.iter().filter(|run| run.prio0).count(),
            vip_left: good.iter().filter(|run| run.vip_left).count(),
            failures: runs.iter().filter_map(|run| run.result.as_ref().err().cloned()).collect(),
        }
    }
}

impl Row {
    fn cells(&self) -> [String; 10] {
        let times = |spread: &Option<Spread>| match spread {
            Some(Spread { min, median, max, .. }) => format!("{min:.0}/{median:.0}/{max:.0}"),
            None => "–".to_owned(),
        };
        let share = |count: usize| format!("{count}/{}", self.count);
        [
            self.cell.conf.name().to_owned(),
            self.cell.event.name().to_owned(),
            self.cell.router.process().to_owned(),
            self.count.to_string(),
            times(&self.advert),
            times(&self.announce),
            times(&self.service),
            times(&self.outage),
            share(self.prio0),
            share(self.vip_left),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Conf, Event};
    use super::*;

    fn run(router: Router, outage_ms: f64) -> Run {
        let cell = Cell { conf: Conf::Article, event: Event::Term, router };
        let measured = Measured {
            advert_ms: Some(650.0),
            announce_ms: None,
            service_ms: Some(outage_ms),
            outage_ms,
            prio0: true,
            vip_left: false,
        };
        Run { cell, result: Ok(measured) }
    }

    fn matrix(ours: [f64; 3]) -> Matrix {
        let machine = Machine { unix_time: 0, kernel: "6.1".to_owned(), cores: 2 };
        let theirs = [650.0, 660.0, 670.0].map(|outage| run(Router::Keepalived, outage));
        let runs = theirs.into_iter().chain(ours.map(|outage| run(Router::Vrrpd, outage))).collect();
        Matrix { machine, runs }
    }

    #[test]
    fn a_row_has_smallest_middle_and_largest() {
        let text = matrix([640.0, 700.0, 655.0]).markdown();
        let last = text.lines().last().unwrap();
        let cells: Vec<&str> = last.split('|').map(str::trim).collect();
        let expected = [
            "",
            "article",
            "term",
            "vrrpd",
            "3",
            "650/650/650",
            "–",
            "640/655/700",
            "640/655/700",
            "3/3",
            "0/3",
            "",
        ];
        assert_eq!(cells, expected);
    }

    #[test]
    fn medians_are_compared_and_not_the_worst_runs() {
        assert!(matrix([640.0, 9_000.0, 655.0]).ok());
        let slow = matrix([640.0, 671.0, 672.0]);
        assert!(!slow.ok());
        assert_eq!(
            slow.complaints(),
            [
                "article/term: the median service is 671 ms, keepalived's 660 ms",
                "article/term: the median outage is 671 ms, keepalived's 660 ms",
            ]
        );
    }

    #[test]
    fn an_outage_is_not_compared_with_that_of_an_abandoned_address() {
        let mut matrix = matrix([900.0; 3]);
        for run in &mut matrix.runs[..3] {
            let measured = run.result.as_mut().unwrap();
            (measured.vip_left, measured.service_ms) = (true, Some(3_000.0));
        }
        assert!(matrix.ok(), "{:?}", matrix.complaints());
    }

    #[test]
    fn a_run_without_numbers_is_a_complaint() {
        let mut matrix = matrix([640.0; 3]);
        matrix.runs[0].result = Err("no network".to_owned());
        assert!(!matrix.ok());
        assert_eq!(matrix.complaints(), ["article/term (keepalived): no network"]);
        assert_eq!(serde_json::from_str::<Matrix>(&matrix.json().unwrap()).unwrap(), matrix);
    }
}
