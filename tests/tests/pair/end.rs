//! How a lab ends.

use crate::bench::{Turn, programs};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// `tandem lab --keep`, up and at rest.
struct Kept {
    tandem: Child,
    said: Vec<String>,
}

impl Kept {
    fn start() -> Self {
        let mut tandem = Command::new(programs().join("tandem"))
            .args(["lab", "--fast", "--keep", "--bin-dir"])
            .arg(programs())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = Vec::new();
        for line in BufReader::new(tandem.stdout.take().unwrap()).lines() {
            said.push(line.unwrap());
            if said.last().is_some_and(|line| line.starts_with("Ctrl-C")) {
                return Self { tandem, said };
            }
        }
        panic!("the lab did not stay up: {:?}, {said:?}", tandem.wait());
    }

    /// What follows `label` in the line that begins with it.
    fn word(&self, label: &str) -> &str {
        let line = self.said.iter().find(|line| line.starts_with(label));
        line.unwrap_or_else(|| panic!("no {label} in {:?}", self.said)).rsplit(' ').next().unwrap()
    }

    fn assert_gone(&self) {
        let dir = Path::new(self.word("files and logs:"));
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let left = processes_naming(&dir.to_string_lossy());
            if left.is_empty() && !dir.exists() {
                return;
            }
            assert!(Instant::now() < deadline, "left behind: {left:?}, directory: {}", dir.exists());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // After a failed test; otherwise it has ended.
        let _ = self.tandem.kill();
        let _ = self.tandem.wait();
    }
}

fn processes_naming(text: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .map(|words| String::from_utf8_lossy(&words).replace('\0', " "))
        .filter(|line| line.contains(text))
        .collect()
}

#[test]
fn a_kept_lab_shows_its_dashboard_and_ends_at_the_first_interrupt() {
    let _turn = Turn::shared();
    let mut kept = Kept::start();
    let url = kept.word("dashboard of node1:").strip_prefix("http://").unwrap();
    let (address, path) = url.split_once('/').unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "GET /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("backend-1"), "{answer}");

    let interrupt = Command::new("kill").args(["-INT", &kept.tandem.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert!(kept.tandem.wait().unwrap().success());
    kept.assert_gone();
}

#[test]
fn a_killed_lab_leaves_no_process_and_no_file() {
    let _turn = Turn::shared();
    let mut kept = Kept::start();
    assert!(!processes_naming(kept.word("files and logs:")).is_empty());
    kept.tandem.kill().unwrap();
    kept.tandem.wait().unwrap();
    kept.assert_gone();
}
