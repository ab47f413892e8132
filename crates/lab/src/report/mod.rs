//! What a lab showed, for people and for programs.

mod html;
mod svg;
mod text;

pub use html::html;
pub use text::{Colour, summary, symbol, table, timelines};

use crate::duration::scale;
use crate::error::Error;
use crate::lab::Setup;
use crate::scenario::{Measured, Phase, Run, Verdict};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Everything about one session in the lab. Its JSON form is what `tandem lab --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Where and when it was made.
    pub machine: Machine,
    /// What ran in the lab.
    pub setup: Setup,
    /// The scenarios, in the order in which they were played.
    pub runs: Vec<Run>,
}

/// The circumstances that numbers depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Seconds since 1970, UTC.
    pub unix_time: u64,
    /// Linux release.
    pub kernel: String,
    /// Processors this process may use.
    pub cores: usize,
}

impl Machine {
    /// This machine, now.
    #[must_use]
    pub fn here() -> Self {
        Self {
            unix_time: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            cores: thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// The date as `2026-01-31`, UTC.
    #[must_use]
    pub fn date(&self) -> String {
        let (year, month, day) = civil(self.unix_time / 86_400);
        format!("{year:04}-{month:02}-{day:02}")
    }
}

impl Report {
    /// Whether every bound was kept in every run.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.runs.iter().all(Run::ok)
    }

    /// As JSON, indented.
    pub fn json(&self) -> Result<String, Error> {
        Ok(serde_json::to_string_pretty(self).map_err(io::Error::from)?)
    }

    /// The two rows of a single run.
    #[must_use]
    pub fn rows_of(run: &Run) -> Vec<Row> {
        run.phases.iter().filter_map(|half| Row::of(&run.scenario, &[half])).collect()
    }

    /// One row for each half of each scenario, repetitions of it together.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let mut names: Vec<&str> = Vec::new();
        for run in &self.runs {
            if !names.contains(&run.scenario.as_str()) {
                names.push(&run.scenario);
            }
        }
        let halves = names.into_iter().flat_map(|name| [(name, 0), (name, 1)]);
        halves
            .filter_map(|(name, half)| {
                let all: Vec<&Measured> = self
                    .runs
                    .iter()
                    .filter(|run| run.scenario == name)
                    .map(|run| &run.phases[half])
                    .collect();
                Row::of(name, &all)
            })
            .collect()
    }
}

/// One half of a scenario over all its repetitions. Times are milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The scenario's name.
    pub scenario: String,
    /// Which half.
    pub phase: Phase,
    /// What was done, in words.
    pub what: String,
    /// Longest time without a good answer.
    pub outage: Spread,
    /// Requests that failed, in all repetitions.
    pub failed: usize,
    /// Requests, in all repetitions.
    pub total: usize,
    /// Until the virtual address had moved, over the repetitions in which it did.
    pub vip_moved: Option<Spread>,
    /// Until application server 1 gave its last answer, or its first one again, where it is the one concerned.
    pub server_moved: Option<Spread>,
    /// Longest time with two holders.
    pub two_holders: Spread,
    /// The worst verdict of all repetitions.
    pub verdict: Verdict,
}

impl Row {
    /// What moved, whereto and when; empty if nothing did.
    #[must_use]
    pub fn effect(&self) -> String {
        let (node, server) = match self.phase {
            Phase::Fault => ("node2", "out"),
            Phase::Repair => ("node1", "back"),
        };
        match (self.server_moved, self.vip_moved) {
            (Some(spread), _) if spread.max < 0.5 => format!("server {server} at once"),
            (Some(spread), _) => format!("server {server} after {spread}"),
            (None, Some(spread)) => format!("VIP on {node} after {spread}"),
            (None, None) => String::new(),
        }
    }

    fn of(scenario: &str, all: &[&Measured]) -> Option<Self> {
        let spread = |value: fn(&Measured) -> f64| Spread::of(all.iter().map(|measured| value(measured)));
        Some(Self {
            scenario: scenario.to_owned(),
            phase: all.first()?.phase,
            what: all.first()?.what.clone(),
            outage: spread(|measured| measured.outage_ms)?,
            failed: all.iter().map(|measured| measured.requests.failed).sum(),
            total: all.iter().map(|measured| measured.requests.total).sum(),
            vip_moved: Spread::of(all.iter().filter_map(|measured| measured.vip_moved_ms)),
            server_moved: Spread::of(all.iter().filter_map(|measured| measured.server_ms)),
            two_holders: spread(|measured| measured.two_holders_ms)?,
            verdict: all.iter().map(|measured| measured.verdict).max()?,
        })
    }
}

/// Smallest, middle and largest of some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The middle one; of an even count the upper of the two in the middle.
    pub median: f64,
    /// The largest.
    pub max: f64,
    /// How many there are.
    pub count: usize,
}

impl Spread {
    /// `None` of no numbers.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        Some(Self {
            min: *values.first()?,
            median: values[values.len() / 2],
            max: *values.last()?,
            count: values.len(),
        })
    }
}

impl std::fmt::Display for Spread {
    /// `12 ms`, or `10 / 12 / 40 ms` for several numbers; in seconds where one of them is longer than that.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (scale, digits, unit) = scale(self.max);
        let [min, median, max] = [self.min, self.median, self.max].map(|millis| millis / scale);
        if self.count == 1 {
            write!(f, "{median:.digits$} {unit}")
        } else {
            write!(f, "{min:.digits$} / {median:.digits$} / {max:.digits$} {unit}")
        }
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil(mut day: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    loop {
        let days = if leap(year) { 366 } else { 365 };
        if day < days {
            break;
        }
        day -= days;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    (year, month, day + 1)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::scenario::{Bin, Check, Lane, Mark, Picture, Span};

    /// A run with numbers of its own, for the tests of all forms of a report.
    pub(crate) fn sample(scenario: &str, number: u32, outage_ms: f64) -> Run {
        let measured = |phase, what: &str| Measured {
            phase,
            what: what.to_owned(),
            outage_ms,
            verdict: if outage_ms < 100.0 { Verdict::Kept } else { Verdict::Missed },
            checks: vec![Check {
                ok: outage_ms < 100.0,
                text: format!("outage {outage_ms} ms, at most 100 ms"),
            }],
            ..Measured::default()
        };
        let lane = |node: &str, from_ms, until_ms| Lane {
            node: node.to_owned(),
            software: "lbd + vrrpd".to_owned(),
            spans: vec![Span { from_ms, until_ms }],
        };
        Run {
            scenario: scenario.to_owned(),
            title: "<something> breaks".to_owned(),
            number,
            phases: [measured(Phase::Fault, "breaks"), measured(Phase::Repair, "is put right")],
            picture: Picture {
                from_ms: -1_000.0,
                until_ms: 9_000.0,
                lanes: vec![lane("node1", -1_000.0, 0.0), lane("node2", 100.0, 9_000.0)],
                bins: vec![Bin { first: 5, second: 5, failed: 0 }, Bin { first: 0, second: 6, failed: 4 }],
                outages: vec![Span { from_ms: 0.0, until_ms: outage_ms }],
                marks: vec![Mark { at_ms: 0.0, label: "<something> breaks".to_owned() }],
            },
        }
    }

    pub(crate) fn sample_report() -> Report {
        let machine = Machine { unix_time: 0, kernel: "6.1".to_owned(), cores: 2 };
        let runs = vec![
            sample("one", 1, 30.0),
            sample("two", 1, 5.0),
            sample("one", 2, 10.0),
            sample("one", 3, 200.0),
        ];
        Report { machine, setup: Setup::default(), runs }
    }

    #[test]
    fn repetitions_share_a_row_for_each_half() {
        let rows = sample_report().rows();
        let names: Vec<(&str, Phase)> = rows.iter().map(|row| (row.scenario.as_str(), row.phase)).collect();
        assert_eq!(
            names,
            [("one", Phase::Fault), ("one", Phase::Repair), ("two", Phase::Fault), ("two", Phase::Repair)]
        );
        assert_eq!(rows[0].outage, Spread { min: 10.0, median: 30.0, max: 200.0, count: 3 });
        assert_eq!(rows[0].outage.to_string(), "10 / 30 / 200 ms");
        assert_eq!(rows[2].outage.to_string(), "5 ms");
        assert_eq!((rows[0].verdict, rows[2].verdict), (Verdict::Missed, Verdict::Kept));
    }

    #[test]
    fn a_spread_has_one_unit() {
        let spread = |millis: &[f64]| Spread::of(millis.iter().copied()).unwrap().to_string();
        assert_eq!(spread(&[999.4]), "999 ms");
        assert_eq!(spread(&[5.0, 1_200.0, 20.0]), "0.01 / 0.02 / 1.20 s");
    }

    #[test]
    fn the_effect_tells_where_the_address_went_or_the_server() {
        let row = |phase, vip_moved_ms, server_ms| {
            let measured = Measured { phase, vip_moved_ms, server_ms, ..Measured::default() };
            Row::of("one", &[&measured]).unwrap().effect()
        };
        assert_eq!(row(Phase::Fault, Some(80.0), None), "VIP on node2 after 80 ms");
        assert_eq!(row(Phase::Repair, Some(3_700.0), None), "VIP on node1 after 3.70 s");
        assert_eq!(row(Phase::Fault, None, Some(12_000.0)), "server out after 12.00 s");
        assert_eq!(row(Phase::Repair, None, Some(7.0)), "server back after 7 ms");
        assert_eq!(row(Phase::Fault, None, Some(0.0)), "server out at once");
        assert_eq!(row(Phase::Fault, None, None), "");
    }

    #[test]
    fn json_round_trips() {
        let report = sample_report();
        assert_eq!(serde_json::from_str::<Report>(&report.json().unwrap()).unwrap(), report);
    }

    #[test]
    fn days_become_dates() {
        let table = [
            (0, (1970, 1, 1)),
            (58, (1970, 2, 28)),
            (59, (1970, 3, 1)),
            (364, (1970, 12, 31)),
            // 30 years with 7 leap days, then the leap day of 2000 itself.
            (30 * 365 + 7, (2000, 1, 1)),
            (30 * 365 + 7 + 59, (2000, 2, 29)),
        ];
        for (day, date) in table {
            assert_eq!(civil(day), date);
        }
    }
}
