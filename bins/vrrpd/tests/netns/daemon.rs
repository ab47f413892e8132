//! The daemon under test, its configuration and its log.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::lan::Host;

/// The virtual address of every configuration here.
pub(crate) const VIP: &str = "192.0.2.10";
/// What a busy machine may add to a time.
pub(crate) const SLACK: Duration = Duration::from_millis(200);

/// A running daemon; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    config: PathBuf,
    said: Vec<String>,
}

/// A configuration with version 3 at 100 ms; `more` goes into the instance.
pub(crate) fn config(priority: u8, addresses: &[&str], more: &str) -> String {
    let addresses = addresses.join("\n");
    format!(
        "vrrp_instance VI_1 {{\n version 3\n interface eth0\n virtual_router_id 51\n priority {priority}\n \
         advert_int 0.1\n virtual_ipaddress {{\n{addresses}\n }}\n{more}\n}}\n"
    )
}

impl Daemon {
    /// Starts it on a node.
    pub(crate) fn start(host: &Host, name: &str, config: &str) -> Self {
        Self::start_with(host, name, config, &[])
    }

    /// The same with more options.
    pub(crate) fn start_with(host: &Host, name: &str, config: &str, options: &[&OsStr]) -> Self {
        let path = std::env::temp_dir().join(format!("vrrpd-netns-{}-{name}.conf", std::process::id()));
        fs::write(&path, alone(config)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_vrrpd"));
        command.arg("-f").arg(&path).args(options).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = host.inside(|| command.spawn()).unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, log, config: path, said: Vec::new() }
    }

    /// Starts the node of priority 100, which listens from then on.
    pub(crate) async fn backup(host: &Host) -> Self {
        let mut daemon = Self::start(host, "worse", &config(100, &[VIP], ""));
        daemon.says("Entering BACKUP STATE (init)").await;
        daemon
    }

    /// Signals the guardian, as an operator does.
    pub(crate) fn signal(&self, signal: Signal) -> Instant {
        kill(self.guardian(), signal).unwrap();
        Instant::now()
    }

    /// The same with a signal that has a number alone.
    pub(crate) fn signal_number(&self, signal: i32) {
        send(self.guardian(), signal);
    }

    /// Signals the process that does the work.
    pub(crate) fn signal_worker(&self, signal: Signal) -> Instant {
        kill(self.worker(), signal).unwrap();
        Instant::now()
    }

    /// Signals both. A guardian that is killed is stopped first: it must not see the worker die.
    pub(crate) fn signal_both(&self, signal: Signal) -> Instant {
        let both = [self.guardian(), self.worker()];
        if signal == Signal::SIGKILL {
            kill(both[0], Signal::SIGSTOP).unwrap();
        }
        both.iter().for_each(|&pid| kill(pid, signal).unwrap());
        Instant::now()
    }

    pub(crate) fn guardian(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id().expect("it runs")).unwrap())
    }

    /// The guardian's only child.
    pub(crate) fn worker(&self) -> Pid {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.guardian())).unwrap();
        Pid::from_raw(children.trim().parse().unwrap_or_else(|_| panic!("one worker, not {children:?}")))
    }

    /// Ends it, and waits for that.
    pub(crate) async fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        assert!(self.exit().await.success());
    }

    pub(crate) async fn exit(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }

    /// Waits for a line of its log.
    pub(crate) async fn says(&mut self, text: &str) {
        loop {
            let line = self.log.next_line().await.unwrap();
            let line =
                line.unwrap_or_else(|| panic!("it ended without saying {text:?}:\n{}", self.said.join("\n")));
            self.said.push(line);
            if self.said.last().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
    }

    /// What it said last.
    pub(crate) fn last_line(&self) -> &str {
        self.said.last().map_or("", String::as_str)
    }

    /// Whether it has said this, as far as its log was read.
    pub(crate) fn has_said(&self, text: &str) -> bool {
        self.said.iter().any(|line| line.contains(text))
    }

    pub(crate) fn reconfigure(&self, config: &str) {
        fs::write(&self.config, alone(config)).unwrap();
        self.signal(Signal::SIGHUP);
    }
}

/// Daemons of different cases have the file system in common, and must not meet at the default status socket.
fn alone(config: &str) -> String {
    let quiet = if config.contains("global_defs") { "" } else { "global_defs {\n status_socket off\n}\n" };
    quiet.to_owned() + config
}

/// Sends a signal that has a number alone.
pub(crate) fn send(pid: Pid, signal: i32) {
    let status =
        std::process::Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status().unwrap();
    assert!(status.success());
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.config);
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.config.display(), self.said.join("\n"));
        }
    }
}
