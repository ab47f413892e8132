//! Processes that must run (`vrrp_track_process`), by pidfd: a death is known at once, in any namespace.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use config::keepalived::{ParamMatch, TrackProcess};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::{info, warn};
use vrrp::Health;

use super::Reporter;
use crate::clock::now;
use crate::sys;

/// While processes are missing, new ones are looked for this often.
const RESCAN: Duration = Duration::from_millis(100);
/// With a largest number, new ones matter at any time.
const RESCAN_FOR_SURPLUS: Duration = Duration::from_secs(1);
/// The kernel keeps this much of a program's name.
const COMM_LEN: usize = 15;

/// Which processes, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessSpec {
    pub(super) name: String,
    process: String,
    arguments: Vec<String>,
    param_match: ParamMatch,
    full_command: bool,
    quorum: usize,
    quorum_max: Option<usize>,
    fork_delay: Duration,
    terminate_delay: Duration,
}

impl ProcessSpec {
    pub(super) fn new(process: &TrackProcess) -> Self {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            name: process.name.clone(),
            process: process.process.clone(),
            arguments: process.arguments.clone(),
            param_match: process.param_match,
            full_command: process.full_command,
            quorum: count(process.quorum),
            quorum_max: process.quorum_max.map(count),
            fork_delay: process.fork_delay,
            terminate_delay: process.terminate_delay,
        }
    }

    fn judge(&self, running: usize) -> Health {
        let enough = running >= self.quorum;
        let too_many = self.quorum_max.is_some_and(|max| running > max);
        if enough && !too_many { Health::Up } else { Health::Down }
    }

    /// Whether a process with this name and this command line is meant.
    fn fits(&self, comm: &str, cmdline: &[u8]) -> bool {
        let mut words = cmdline.split(|&byte| byte == 0).map(String::from_utf8_lossy);
        let program = words.next().unwrap_or_default();
        let named = if self.full_command {
            program == self.process.as_str()
        } else {
            let name = Path::new(&self.process).file_name().unwrap_or_default();
            let name = name.to_string_lossy();
            let cut = name.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|&end| end <= COMM_LEN);
            comm == &name[..cut.last().unwrap_or(0)]
        };
        let mut given: Vec<_> = words.collect();
        // The command line ends with a zero byte.
        given.pop_if(|last| last.is_empty());
        named && self.arguments_fit(&given)
    }

    fn arguments_fit(&self, given: &[impl AsRef<str>]) -> bool {
        let given: Vec<&str> = given.iter().map(AsRef::as_ref).collect();
        match self.param_match {
            ParamMatch::Ignored => true,
            ParamMatch::Exact => given == self.arguments,
            ParamMatch::Initial => {
                given.get(..self.arguments.len()).is_some_and(|first| first == self.arguments)
            }
            ParamMatch::Partial => match (self.arguments.split_last(), given.get(..self.arguments.len())) {
                (None, _) => true,
                (Some((last, rest)), Some(first)) => {
                    first[..rest.len()] == *rest && first[rest.len()].starts_with(last.as_str())
                }
                (Some(_), None) => false,
            },
        }
    }
}

/// Follows them for ever.
pub(super) async fn follow(spec: ProcessSpec, reporter: Reporter) {
    let (deaths, mut died) = mpsc::channel(64);
    let mut watched = Watched { running: BTreeMap::new(), deaths };
    watched.scan(&spec);
    let mut told = spec.judge(watched.running.len());
    let count = |running: usize| format!("{running} of {} processes", spec.quorum);
    info!("Process {} has {}", spec.name, count(watched.running.len()));
    reporter.report(told, count(watched.running.len())).await;
    let mut changing_since = None;
    loop {
        let health = spec.judge(watched.running.len());
        if health == told {
            changing_since = None;
        } else {
            let since = *changing_since.get_or_insert_with(now);
            let delay = if health == Health::Up { spec.fork_delay } else { spec.terminate_delay };
            if now() >= since + delay {
                (told, changing_since) = (health, None);
                let running = watched.running.len();
                info!("Process {} has {}", spec.name, count(running));
                reporter.report(told, count(running)).await;
                continue;
            }
        }
        let pending = changing_since.is_some();
        let rescan = match (health, spec.quorum_max) {
            (Health::Up, None) if !pending => None,
            (Health::Up, Some(_)) if !pending => Some(RESCAN_FOR_SURPLUS),
            _ => Some(RESCAN),
        };
        let rest = async {
            match rescan {
                Some(period) => tokio::time::sleep(period).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(pid) = died.recv() => {
                watched.running.remove(&pid);
                // Its successor may be there already.
                watched.scan(&spec);
            }
            () = rest => watched.scan(&spec),
        }
    }
}

/// The processes that run, each with a task that waits for its end.
struct Watched {
    running: BTreeMap<i32, Watch>,
    deaths: mpsc::Sender<i32>,
}

struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Watched {
    fn scan(&mut self, spec: &ProcessSpec) {
        let entries = match fs::read_dir("/proc") {
            Ok(entries) => entries,
            Err(error) => {
                warn!("Process {} cannot be looked for: /proc: {error}", spec.name);
                return;
            }
        };
        for entry in entries.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            if !self.running.contains_key(&pid)
                && is_meant(spec, &entry.path())
                && let Some(watch) = self.watch(spec, pid, &entry.path())
            {
                self.running.insert(pid, watch);
            }
        }
    }

    /// `None` when it has ended by now.
    fn watch(&self, spec: &ProcessSpec, pid: i32, directory: &Path) -> Option<Watch> {
        let pidfd = open(pid).ok()?;
        // The number may have gone to another process before the descriptor was opened.
        if !is_meant(spec, directory) {
            return None;
        }
        let deaths = self.deaths.clone();
        let task = tokio::spawn(async move {
            // A descriptor that cannot be waited for is taken for a death: the next scan opens another.
            let _ = pidfd.readable().await;
            let _ = deaths.send(pid).await;
        });
        Some(Watch(task.abort_handle()))
    }
}

fn open(pid: i32) -> io::Result<AsyncFd<OwnedFd>> {
    let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidInput)?;
    sys::register(pidfd_open(pid, PidfdFlags::empty())?)
}

fn is_meant(spec: &ProcessSpec, directory: &Path) -> bool {
    let read = |file: &str| fs::read(directory.join(file)).unwrap_or_default();
    let comm = read("comm");
    // A zombie has no command line, and a kernel thread neither.
    let cmdline = read("cmdline");
    !cmdline.is_empty() && spec.fits(String::from_utf8_lossy(&comm).trim_end_matches('\n'), &cmdline)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::{Report, TrackerName};
    use super::*;

    fn spec(process: &str, arguments: &[&str], param_match: ParamMatch) -> ProcessSpec {
        ProcessSpec {
            name: "test".to_owned(),
            process: process.to_owned(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            param_match,
            full_command: !arguments.is_empty(),
            quorum: 1,
            quorum_max: None,
            fork_delay: Duration::ZERO,
            terminate_delay: Duration::ZERO,
        }
    }

    #[test]
    fn processes_are_matched_as_in_keepalived() {
        let any = |process| spec(process, &[], ParamMatch::Ignored);
        let with = |arguments, how| spec("lbd", arguments, how);
        for (spec, comm, cmdline, fits) in [
            (any("lbd"), "lbd", &b"/usr/sbin/lbd\0-f\0x\0"[..], true),
            (any("/usr/sbin/lbd"), "lbd", b"lbd\0", true),
            (any("lbd"), "lbd2", b"lbd2\0", false),
            (any("a-program-with-a-long-name"), "a-program-with-", b"x\0", true),
            (with(&["-f", "x"], ParamMatch::Exact), "lbd", b"lbd\0-f\0x\0", true),
            (with(&["-f"], ParamMatch::Exact), "lbd", b"lbd\0-f\0x\0", false),
            (with(&["-f"], ParamMatch::Initial), "lbd", b"lbd\0-f\0x\0", true),
            (with(&["-x"], ParamMatch::Initial), "lbd", b"lbd\0-f\0x\0", false),
            (with(&["-f", "/etc"], ParamMatch::Partial), "lbd", b"lbd\0-f\0/etc/lbd\0", true),
            (with(&["-f", "/etc"], ParamMatch::Initial), "lbd", b"lbd\0-f\0/etc/lbd\0", false),
        ] {
            assert_eq!(spec.fits(comm, cmdline), fits, "{spec:?} {comm}");
        }
    }

    #[test]
    fn the_quorum_has_two_ends() {
        let spec = ProcessSpec { quorum: 2, quorum_max: Some(3), ..spec("lbd", &[], ParamMatch::Ignored) };
        let healths = [1, 2, 3, 4].map(|running| spec.judge(running));
        assert_eq!(healths, [Health::Down, Health::Up, Health::Up, Health::Down]);
    }

    #[tokio::test]
    async fn a_death_is_known_at_once_and_a_new_process_found() {
        let unique = format!("{}.25", 90_000 + std::process::id());
        let start = || Command::new("sleep").arg(&unique).spawn().unwrap();
        let (reports, mut inbox) = mpsc::channel(4);
        let tracker = TrackerName::Process("test".to_owned());
        let mut first = start();
        let spec = spec("sleep", &[&unique], ParamMatch::Exact);
        let task = tokio::spawn(follow(spec, Reporter { tracker, reports }));
        let mut next = async || {
            let report = tokio::time::timeout(Duration::from_secs(5), inbox.recv()).await;
            let Report { health, .. } = report.expect("a report in time").unwrap();
            health
        };
        // Between fork and exec the child has our own command line.
        let mut health = next().await;
        if health == Health::Down {
            health = next().await;
        }
        assert_eq!(health, Health::Up);

        first.kill().unwrap();
        let killed = now();
        assert_eq!(next().await, Health::Down);
        assert!(killed.elapsed() < RESCAN, "no scan was needed: {:?}", killed.elapsed());

        let mut second = start();
        assert_eq!(next().await, Health::Up);
        task.abort();
        second.kill().unwrap();
        first.wait().unwrap();
        second.wait().unwrap();
    }
}
