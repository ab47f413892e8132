//! The Markdown page that keeps a run.

use std::fmt::Write;
use std::path::Path;

use crate::error::BenchError;
use crate::report::Report;
use crate::table;

/// What is below this line is written by hand, and stays.
const NOTES: &str = "<!-- Notes: what is below is written by hand and kept. -->";

/// Writes the page; the notes of an older one stay.
pub(crate) fn write(path: &Path, report: &Report) -> Result<(), BenchError> {
    let old = std::fs::read_to_string(path).unwrap_or_default();
    std::fs::write(path, page(report, notes(&old)))
        .map_err(BenchError::io(format!("cannot write {}", path.display())))
}

fn notes(old: &str) -> &str {
    old.split_once(NOTES).map_or("\n", |(_, notes)| notes)
}

fn page(report: &Report, notes: &str) -> String {
    let machine = &report.machine;
    let mut out = format!(
        "# Results

Written by `cargo bench-proxy --results bench/RESULTS.md`; [README.md](README.md) says how to read it. Numbers are of this
machine and this run; only ratios carry over to others.

- {}, commit {}
- {}, {} CPUs, {} MB, Linux {}
- {} rounds of {} s each, interleaved; medians
",
        machine.date,
        machine.commit,
        machine.processor,
        machine.cpus,
        machine.memory_mb,
        machine.kernel,
        report.rounds,
        report.seconds,
    );
    for (name, version) in &report.versions {
        out.write_fmt(format_args!("- {name}: {version}\n")).expect("a String takes what is written to it");
    }
    out.push_str("\n## CPU time a request\n");
    for scenario in &report.scenarios {
        out.push('\n');
        out.push_str(&table::markdown(scenario));
    }
    out.push('\n');
    out.push_str(NOTES);
    out.push_str(notes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Machine;

    #[test]
    fn notes_survive_a_new_run() {
        let report = Report {
            machine: Machine::this(),
            versions: vec![("nginx".into(), "1.22.1".into())],
            rounds: 5,
            seconds: 3,
            scenarios: Vec::new(),
        };
        let first = page(&report, notes(""));
        let annotated = format!("{first}\n## Where the rest goes\n\nKernel.\n");
        let second = page(&report, notes(&annotated));
        assert_eq!(second, annotated);
        assert!(second.contains("- nginx: 1.22.1\n"));
    }
}
