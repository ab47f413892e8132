//! wrk: as many requests as the proxy takes.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::BenchError;
use crate::interrupt;
use crate::scenario::Scenario;

/// wrk with a scenario's requests.
#[derive(Debug)]
pub(crate) struct Wrk {
    script: PathBuf,
    path: String,
    connections: usize,
    close: bool,
    /// Bytes that a response has at least.
    body: u64,
}

/// What one run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    bytes: u64,
    microseconds: u64,
    connect: u64,
    read: u64,
    write: u64,
    status: u64,
    timeout: u64,
}

impl Wrk {
    /// Writes its script into `dir`.
    pub(crate) fn new(scenario: &Scenario, dir: &Path) -> Result<Self, BenchError> {
        let script = dir.join("wrk.lua");
        let mut text = String::new();
        if let Some(upload) = scenario.upload {
            let body = String::from_utf8(upload.body()).expect("payloads are printable");
            text.push_str(&format!("wrk.method = \"POST\"\nwrk.body = \"{body}\"\n"));
        }
        text.push_str(
            "done = function(summary)
    local e = summary.errors
    io.write(string.format(\"TALLY %d %d %d %d %d %d %d %d\\n\", summary.requests, summary.bytes,
        summary.duration, e.connect, e.read, e.write, e.status, e.timeout))
end
",
        );
        fs::write(&script, text).map_err(BenchError::io("cannot write a script for wrk"))?;
        Ok(Self {
            script,
            path: scenario.reply.path(),
            connections: scenario.connections,
            close: scenario.close,
            body: scenario.reply.body().len() as u64,
        })
    }

    /// Loads a proxy for some seconds.
    pub(crate) fn run(&self, target: SocketAddr, seconds: u64) -> Result<Tally, BenchError> {
        let mut command = Command::new("wrk");
        command.args(["--threads", "1", "--timeout", "10s"]);
        command.args(["--connections", &self.connections.to_string(), "--duration", &format!("{seconds}s")]);
        if self.close {
            command.args(["--header", "Connection: close"]);
        }
        command.arg("--script").arg(&self.script).arg(format!("http://{target}{}", self.path));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child =
            command.spawn().map_err(|source| BenchError::Program { program: "wrk".into(), source })?;
        let output = finish(child, Duration::from_secs(seconds + 15))?;
        Tally::parse(&output).ok_or(BenchError::Unreadable { program: "wrk".into(), output })
    }

    /// What was wrong with the responses of a run.
    pub(crate) fn problems(&self, tally: &Tally) -> Vec<String> {
        let counts = [
            ("connections refused", tally.connect),
            ("failed reads", tally.read),
            ("failed writes", tally.write),
            ("answers that were not 2xx", tally.status),
            ("timeouts", tally.timeout),
        ];
        let mut problems: Vec<_> =
            counts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("wrk: {n} {what}")).collect();
        if tally.requests == 0 {
            problems.push("wrk: no answer at all".into());
        }
        if tally.bytes < tally.requests * self.body {
            problems.push(format!("wrk: {} bytes in {} answers", tally.bytes, tally.requests));
        }
        problems
    }
}

impl Tally {
    /// From what our script prints at the end.
    fn parse(output: &str) -> Option<Self> {
        let line = output.lines().find_map(|line| line.strip_prefix("TALLY "))?;
        let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let [requests, bytes, microseconds, connect, read, write, status, timeout] =
            numbers.try_into().ok()?;
        Some(Self { requests, bytes, microseconds, connect, read, write, status, timeout })
    }

    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 * 1e6 / self.microseconds.max(1) as f64
    }
}

/// Waits for a program that writes little, and returns what it wrote.
fn finish(mut child: Child, limit: Duration) -> Result<String, BenchError> {
    let deadline = Instant::now() + limit;
    let waiting = "cannot wait for wrk";
    while child.try_wait().map_err(BenchError::io(waiting))?.is_none() {
        let overdue = if Instant::now() > deadline {
            Err(BenchError::Overdue { program: "wrk".into() })
        } else {
            Ok(())
        };
        if let Err(error) = interrupt::check().and(overdue) {
            // Already gone is as good.
            let _ = child.kill();
            let _ = child.wait();
            return Err(error);
        }
        thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().map_err(BenchError::io(waiting))?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(BenchError::Failed { program: "wrk".into(), status: output.status.to_string(), output: text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tally_is_found_below_wrk_s_own_report() {
        let output = "Running 3s test @ http://127.0.0.1:1/length/128\n  1 threads and 64 connections\n\
                      Requests/sec:  1000.00\nTALLY 3000 768000 3000100 0 1 0 2 0\n";
        let tally = Tally::parse(output).unwrap();
        assert_eq!((tally.requests, tally.read, tally.status), (3000, 1, 2));
        assert!((tally.rate() - 999.97).abs() < 0.01);
        assert_eq!(Tally::parse("unable to connect to 127.0.0.1:1 Connection refused\n"), None);
    }

    #[test]
    fn every_kind_of_failure_is_a_problem() {
        let wrk = Wrk { script: PathBuf::new(), path: String::new(), connections: 1, close: false, body: 10 };
        let right = Tally { requests: 2, bytes: 200, ..Tally::default() };
        assert_eq!(wrk.problems(&right), Vec::<String>::new());
        let wrong = [
            Tally { status: 1, ..right },
            Tally { connect: 1, ..right },
            Tally { read: 1, ..right },
            Tally { write: 1, ..right },
            Tally { timeout: 1, ..right },
            Tally { bytes: 19, ..right },
            Tally { requests: 0, ..right },
        ];
        assert!(wrong.iter().all(|tally| wrk.problems(tally).len() == 1));
    }
}
