//! System calls of processes, counted by strace. It slows them down many times over, so its rounds are never timed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::child;
use crate::error::BenchError;

/// A running strace.
#[derive(Debug)]
pub(crate) struct Strace {
    child: Child,
    file: PathBuf,
    attached: bool,
}

impl Strace {
    /// Begins to count what `processes` call; its table goes into `dir`.
    pub(crate) fn attach(processes: &[i32], dir: &Path) -> Result<Self, BenchError> {
        let file = dir.join("strace.txt");
        let mut command = Command::new("strace");
        command.args(["-c", "-f", "-q", "-S", "calls", "-U", "calls,name", "-o"]).arg(&file);
        for pid in processes {
            command.args(["-p", &pid.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child =
            command.spawn().map_err(|source| BenchError::Program { program: "strace".into(), source })?;
        let mut strace = Self { child, file, attached: false };
        strace.attached = strace.is_attached_in_time(processes);
        Ok(strace)
    }

    /// Lets go of the processes. Calls by name, the most frequent one first; `None` where the kernel does not let us trace.
    pub(crate) fn finish(self) -> Option<Vec<(String, u64)>> {
        let (file, attached) = (self.file.clone(), self.attached);
        drop(self);
        let text = fs::read_to_string(file).unwrap_or_default();
        attached.then(|| parse(&text)).filter(|calls| !calls.is_empty())
    }

    fn is_attached_in_time(&mut self, processes: &[i32]) -> bool {
        let deadline = Instant::now() + Duration::from_secs(5);
        while !processes.iter().all(|pid| is_traced(*pid)) {
            if Instant::now() > deadline || !matches!(self.child.try_wait(), Ok(None)) {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // At SIGINT it writes its table.
        child::end(&mut self.child, Duration::from_secs(5));
    }
}

fn is_traced(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|tracer| tracer.trim() != "0")
}

/// Rows of `calls` and `name`; headings, rules and the total are left out.
fn parse(text: &str) -> Vec<(String, u64)> {
    let rows = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let calls = words.next()?.parse().ok()?;
        let name = words.next()?;
        (name != "total").then(|| (name.to_owned(), calls))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_without_its_total() {
        let text = "    calls syscall\n--------- ----------------\n     9413 epoll_wait\n       12 recvfrom\n\
                    --------- ----------------\n     9425 total\n";
        assert_eq!(parse(text), [("epoll_wait".to_owned(), 9413), ("recvfrom".to_owned(), 12)]);
        assert_eq!(parse(""), []);
    }
}
