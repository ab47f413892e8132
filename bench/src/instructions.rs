//! Instruction counts: the same on a busy machine as on a quiet one, and so fit to be checked by a machine.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::cli::InstructionsArgs;
use crate::error::BenchError;
use crate::workload::{self, Workload};

/// Growth that a check lets pass.
const TOLERANCE: f64 = 0.05;
/// A smaller move is not worth a new figure.
const NOTABLE: f64 = 0.01;
/// Two runs of a workload; start and set-up are in both, and so not in their difference.
const ITERATIONS: [u64; 2] = [200, 2200];

/// Workloads that differ in the number of servers only, 2 and 2 000.
const SIZES: [[&str; 2]; 5] = [
    ["pick-leastconn-2", "pick-leastconn-2000"],
    ["pick-random-2", "pick-random-2000"],
    ["pick-round-robin-2", "pick-round-robin-2000"],
    ["pick-source-2", "pick-source-2000"],
    ["pick-static-rr-2", "pick-static-rr-2000"],
];
/// What the larger one may cost, in multiples of the smaller one.
const MOST_FOR_SIZE: f64 = 2.0;

/// A committed figure.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    /// Of one iteration.
    instructions: f64,
    /// Why it is what it is.
    reason: String,
}

/// Counts every workload, then prints, checks or updates. The text to print, and whether the check passed.
pub(crate) fn run(args: &InstructionsArgs) -> Result<(String, bool), BenchError> {
    let mut baseline = read(&args.baseline)?;
    let mut counts = BTreeMap::new();
    for workload in workload::ALL {
        counts.insert(workload.name.to_owned(), count(&workload)?);
    }
    let (mut text, unchanged) = compare(&baseline, &counts);
    if args.check && !unchanged {
        text.push_str(
            "If that is worth it: instructions --update --reason \"...\", and commit the baseline.\n",
        );
    }
    let (sizes, flat) = compare_sizes(&counts);
    text.push_str(&sizes);
    if let (true, Some(reason)) = (args.update, &args.reason) {
        update(&mut baseline, &counts, reason);
        std::fs::write(&args.baseline, render(&baseline))
            .map_err(BenchError::io(format!("cannot write {}", args.baseline.display())))?;
    }
    Ok((text, (unchanged && flat) || !args.check))
}

/// Instructions of one iteration.
fn count(workload: &Workload) -> Result<f64, BenchError> {
    let [few, many] = ITERATIONS;
    let difference = collected(workload.name, many)? - collected(workload.name, few)?;
    Ok(difference / (many - few) as f64)
}

/// Instructions of a whole run.
fn collected(name: &str, iterations: u64) -> Result<f64, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::io("a running program has a path"))?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(program).args(["workload", name, &iterations.to_string()]);
    let failed = |source| BenchError::Program { program: "valgrind".into(), source };
    let output = command.output().map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    parse_collected(&text).ok_or(BenchError::Unreadable { program: "valgrind".into(), output: text })
}

/// From `==1234== Collected : 5678`.
fn parse_collected(output: &str) -> Option<f64> {
    let line = output.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

/// A line for each workload, and whether all are within the tolerance.
fn compare(baseline: &BTreeMap<String, Figure>, counts: &BTreeMap<String, f64>) -> (String, bool) {
    let mut text = String::from("instructions per iteration; baseline; change\n");
    let mut passed = true;
    for (name, count) in counts {
        let before = baseline.get(name).map(|figure| figure.instructions);
        let change = before.map(|before| count / before - 1.0);
        let verdict = match change {
            None => "  not in the baseline",
            Some(change) if change > TOLERANCE => "  GREW",
            Some(_) => "",
        };
        passed &= verdict.is_empty();
        let before = before.map_or_else(|| "-".into(), |before| format!("{before:.0}"));
        let change = change.map_or_else(|| "-".into(), |change| format!("{:+.1} %", change * 100.0));
        text.write_fmt(format_args!("{name:<24} {count:>8.0} {before:>8} {change:>9}{verdict}\n"))
            .expect("a String takes what is written to it");
    }
    (text, passed)
}

/// A line for each pair, and whether no pick costs too much more with many servers than with few.
fn compare_sizes(counts: &BTreeMap<String, f64>) -> (String, bool) {
    let mut text = String::from("2 000 servers ÷ 2 servers\n");
    let mut passed = true;
    for [few, many] in SIZES {
        let (Some(few), Some(count)) = (counts.get(few), counts.get(many)) else { continue };
        let ratio = count / few;
        let verdict = if ratio > MOST_FOR_SIZE { "  TOO MUCH" } else { "" };
        passed &= verdict.is_empty();
        text.write_fmt(format_args!("{many:<24} {ratio:>8.2}{verdict}\n"))
            .expect("a String takes what is written to it");
    }
    (text, passed)
}

fn update(baseline: &mut BTreeMap<String, Figure>, counts: &BTreeMap<String, f64>, reason: &str) {
    baseline.retain(|name, _| counts.contains_key(name));
    for (name, count) in counts {
        let kept = baseline.get(name).is_some_and(|old| (count / old.instructions - 1.0).abs() <= NOTABLE);
        if !kept {
            let figure = Figure { instructions: count.round(), reason: reason.to_owned() };
            baseline.insert(name.clone(), figure);
        }
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, Figure>, BenchError> {
    let refused = |reason: String| BenchError::Baseline { path: path.to_owned(), reason };
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        result => result.map_err(|error| refused(error.to_string()))?,
    };
    let figures: BTreeMap<String, Figure> =
        toml::from_str(&text).map_err(|error| refused(error.to_string()))?;
    match figures.iter().find(|(_, figure)| figure.reason.trim().is_empty() || figure.instructions <= 0.0) {
        Some((name, _)) => Err(refused(format!("{name} needs a count above 0 and a reason"))),
        None => Ok(figures),
    }
}

fn render(baseline: &BTreeMap<String, Figure>) -> String {
    let mut text = String::from(
        "# Instructions of one iteration of each workload, and why the figure is what it is.\n\
         # Written by `cargo bench-proxy instructions --update --reason \"...\"`.\n",
    );
    for (name, figure) in baseline {
        let reason = figure.reason.replace('\\', "\\\\").replace('"', "\\\"");
        text.write_fmt(format_args!(
            "\n[{name}]\ninstructions = {:.1}\nreason = \"{reason}\"\n",
            figure.instructions
        ))
        .expect("a String takes what is written to it");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(all: &[(&str, f64)]) -> BTreeMap<String, Figure> {
        let figure = |instructions| Figure { instructions, reason: "a \"first\" count".into() };
        all.iter().map(|(name, n)| ((*name).to_owned(), figure(*n))).collect()
    }

    fn counts(all: &[(&str, f64)]) -> BTreeMap<String, f64> {
        all.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
    }

    #[test]
    fn callgrind_s_total_is_found() {
        let output = "==77== Events    : Ir\n==77== Collected : 1234567\n==77== \n";
        assert_eq!(parse_collected(output), Some(1_234_567.0));
        assert_eq!(parse_collected("valgrind: not found"), None);
    }

    #[test]
    fn only_growth_beyond_five_percent_and_unknown_workloads_fail() {
        let baseline = figures(&[("a", 100.0)]);
        for (count, passes) in [(100.0, true), (104.9, true), (50.0, true), (105.1, false)] {
            assert_eq!(compare(&baseline, &counts(&[("a", count)])).1, passes, "{count}");
        }
        assert!(!compare(&baseline, &counts(&[("b", 1.0)])).1);
    }

    #[test]
    fn a_pick_among_many_may_cost_twice_one_among_few() {
        for (many, passes) in [(100.0, true), (200.0, true), (200.1, false)] {
            let pair = counts(&[("pick-random-2", 100.0), ("pick-random-2000", many)]);
            assert_eq!(compare_sizes(&pair).1, passes, "{many}");
        }
        let unknown = SIZES.as_flattened().iter().find(|name| Workload::named(name).is_none());
        assert_eq!(unknown, None);
    }

    #[test]
    fn an_update_touches_what_moved_and_nothing_else() {
        let mut baseline = figures(&[("gone", 1.0), ("same", 1000.0), ("moved", 1000.0)]);
        update(&mut baseline, &counts(&[("same", 1005.0), ("moved", 1100.0), ("new", 7.0)]), "because");
        let seen: Vec<_> = baseline
            .iter()
            .map(|(name, f)| (name.as_str(), f.instructions as u64, f.reason.as_str()))
            .collect();
        let first = "a \"first\" count";
        assert_eq!(seen, [("moved", 1100, "because"), ("new", 7, "because"), ("same", 1000, first)]);
    }

    #[test]
    fn a_written_baseline_is_read_back() {
        let baseline = figures(&[("a-2", 12.0), ("b", 3.0)]);
        assert_eq!(toml::from_str::<BTreeMap<String, Figure>>(&render(&baseline)).unwrap(), baseline);
    }

    #[test]
    fn the_committed_baseline_has_a_reason_for_every_workload() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.toml");
        let baseline = read(&path).unwrap();
        let missing: Vec<_> =
            workload::ALL.iter().map(|w| w.name).filter(|name| !baseline.contains_key(*name)).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }
}
