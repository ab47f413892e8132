//! Where a run took place.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// What figures depend on besides the programs.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cpus: usize,
    pub(crate) memory_mb: u64,
    pub(crate) kernel: String,
    /// Year, month and day, UTC.
    pub(crate) date: String,
    /// The commit that was measured.
    pub(crate) commit: String,
}

impl Machine {
    /// This one; what cannot be found out is empty.
    pub(crate) fn this() -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kilobytes = value(&memory, "MemTotal").split(' ').next().and_then(|n| n.parse::<u64>().ok());
        Self {
            processor: value(&processor, "model name").to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mb: kilobytes.unwrap_or(0) / 1024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            date: first_line("date", &["-u", "+%Y-%m-%d"]),
            commit: first_line("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]),
        }
    }
}

/// What a program says first, on standard output or else on standard error.
pub(crate) fn first_line(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else { return String::new() };
    let text = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().trim().to_owned()
}

/// The value behind `name` and a colon.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    line.unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_behind_blanks_and_a_colon() {
        assert_eq!(value("flags\t: a\nmodel name\t: AMD EPYC\n", "model name"), "AMD EPYC");
        assert_eq!(value("MemTotal:       24680 kB\n", "MemTotal"), "24680 kB");
        assert_eq!(value("", "x"), "");
    }
}
