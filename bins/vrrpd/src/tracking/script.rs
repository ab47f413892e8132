//! A program whose exit status is a health (`vrrp_script`).

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use config::keepalived::{GlobalDefs, VrrpScript};
use healthcheck::{Action, Change, Checker, CheckerConfig, Initial, Outcome, Period, ProbeId};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tracing::{info, warn};
use vrrp::Health;

use super::Reporter;
use crate::clock::now;
use crate::program::{Program, ProgramError};

/// Between the polite signal and the other one.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between further ones.
const LONG_PATIENCE: Duration = Duration::from_secs(10);

/// How to run a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScriptSpec {
    pub(super) name: String,
    raw: String,
    action: Result<What, ProgramError>,
    interval: Duration,
    timeout: Duration,
    rise: u16,
    fall: u16,
    init_fail: bool,
}

impl ScriptSpec {
    pub(super) fn new(script: &VrrpScript, global: &GlobalDefs) -> Self {
        let saturated = |count: u32| u16::try_from(count).unwrap_or(u16::MAX);
        Self {
            name: script.name.clone(),
            raw: script.script.raw.clone(),
            action: match &script.opens {
                Some(path) => Ok(What::Open(path.clone())),
                None => Program::resolve(&script.script, global).map(What::Run),
            },
            interval: script.interval,
            timeout: script.timeout,
            rise: saturated(script.rise),
            fall: saturated(script.fall),
            init_fail: script.init_fail,
        }
    }

    fn checker(&self) -> CheckerConfig {
        CheckerConfig {
            inter: self.interval,
            fast_inter: self.interval,
            down_inter: self.interval,
            timeout: self.timeout,
            rise: self.rise,
            fall: self.fall,
            initial: if self.init_fail { Initial::Down } else { Initial::Primed },
            period: Period::FromStart,
            ..CheckerConfig::default()
        }
    }
}

/// What a script does.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Run(Program),
    /// `</PATH`: opens this file.
    Open(PathBuf),
}

impl What {
    /// `Ok(None)`: it has passed already.
    fn start(&self) -> io::Result<Option<Run>> {
        match self {
            Self::Run(program) => program.spawn(&[]).map(|child| Some(Run::new(child))),
            Self::Open(path) => {
                let mut options = OpenOptions::new();
                // A FIFO without a writer must not stop the daemon.
                options.read(true).custom_flags(nix::libc::O_NONBLOCK);
                options.open(path).map(|_| None)
            }
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Exited(i32),
    Signalled(i32),
    TimedOut,
    NotRun(Option<i32>),
}

impl End {
    fn of(status: io::Result<ExitStatus>) -> Self {
        match status {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => Self::Exited(code),
                (None, signal) => Self::Signalled(signal.unwrap_or(0)),
            },
            Err(error) => Self::NotRun(error.raw_os_error()),
        }
    }

    fn outcome(self) -> Outcome {
        match self {
            Self::Exited(0) => Outcome::Pass,
            Self::Exited(_) | Self::Signalled(_) | Self::TimedOut | Self::NotRun(_) => Outcome::Fail,
        }
    }
}

/// keepalived's words after `VRRP_Script(NAME) `.
impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exited(0) => f.write_str("succeeded"),
            Self::Exited(code) => write!(f, "failed (exited with status {code})"),
            Self::Signalled(signal) => write!(f, "failed (due to signal {signal})"),
            Self::TimedOut => f.write_str("timed_out"),
            Self::NotRun(Some(errno)) => {
                write!(f, "failed (cannot be run: {})", io::Error::from_raw_os_error(errno))
            }
            Self::NotRun(None) => f.write_str("failed (cannot be run)"),
        }
    }
}

/// Runs the script at its interval, for ever.
pub(super) async fn follow(spec: ScriptSpec, reporter: Reporter) {
    let (name, what) = (spec.name.as_str(), spec.action.as_ref());
    match what {
        Ok(What::Run(program)) if !spec.raw.trim_start_matches(['"', '\'']).starts_with('/') => warn!(
            "WARNING - script `{}` resolved by path search to `{}`. Please specify full path.",
            spec.raw.split_whitespace().next().unwrap_or_default(),
            program.path().display()
        ),
        Ok(_) => {}
        Err(error) => warn!("VRRP_Script({name}) is never run, and counts as failed: {error}"),
    }
    if spec.init_fail {
        reporter.report(Health::Down, "failed until it has passed (init_fail)").await;
    }
    let mut checker = Checker::new(now(), spec.checker());
    let mut last = None;
    let mut run: Option<(ProbeId, Run)> = None;
    loop {
        let mut overdue = None;
        while let Some(action) = checker.poll_action() {
            match action {
                Action::StartProbe(id) => {
                    let started = what
                        .map_err(|_| None)
                        .and_then(|what| what.start().map_err(|error| error.raw_os_error()));
                    match started {
                        Ok(Some(running)) => run = Some((id, running)),
                        Ok(None) => {
                            note(name, &mut last, End::Exited(0));
                            checker.handle_result(now(), id, Outcome::Pass);
                        }
                        Err(errno) => {
                            note(name, &mut last, End::NotRun(errno));
                            checker.handle_result(now(), id, Outcome::Fail);
                        }
                    }
                }
                Action::AbortProbe(_) => {
                    note(name, &mut last, End::TimedOut);
                    overdue = run.take();
                }
                Action::Changed(change) => {
                    let health = match change {
                        Change::WentUp => Health::Up,
                        Change::WentDown => Health::Down,
                    };
                    let end = last.unwrap_or(End::NotRun(None));
                    info!("VRRP_Script({name}) {end}");
                    reporter.report(health, end.to_string()).await;
                }
            }
        }
        if let Some((_, overdue)) = overdue {
            // A run that will not end skips its turns, as in keepalived.
            overdue.terminate().await;
        }
        let due = checker.poll_timeout().unwrap_or_else(|| now() + spec.interval);
        let exited = async {
            match &mut run {
                Some((id, run)) => (*id, run.wait().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            (id, status) = exited => {
                run = None;
                let end = End::of(status);
                note(name, &mut last, end);
                checker.handle_result(now(), id, end.outcome());
            }
            () = tokio::time::sleep_until(due.into()) => checker.handle_timeout(now()),
        }
    }
}

/// Logs an end that differs from the one before, and remembers it.
fn note(name: &str, last: &mut Option<End>, end: End) {
    let before = last.replace(end);
    if before == Some(end) || (before.is_none() && end.outcome() == Outcome::Pass) {
        return;
    }
    match end {
        End::Exited(code) => info!("Script `{name}` now returning {code}"),
        End::Signalled(_) | End::TimedOut | End::NotRun(_) => info!("Script `{name}` {end}"),
    }
}

/// A running script. Dropped before its end, its process group is ended.
#[derive(Debug)]
struct Run {
    /// `None`: given away.
    child: Option<Child>,
    group: Option<Pid>,
}

impl Run {
    fn new(child: Child) -> Self {
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Self { child: Some(child), group }
    }

    async fn wait(&mut self) -> io::Result<ExitStatus> {
        let Some(child) = &mut self.child else { return Err(io::ErrorKind::NotFound.into()) };
        let status = child.wait().await;
        // From here on the number may be another's.
        self.group = None;
        status
    }

    /// Asks it to end, then makes it, and comes back when it has. One that waits for a dead disk may take for ever.
    async fn terminate(mut self) {
        if let Some((child, group)) = self.child.take().zip(self.group.take()) {
            end(child, group).await;
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let Some((child, group)) = self.child.take().zip(self.group.take()) else { return };
        signal(group, Signal::SIGTERM);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(end(child, group));
        }
    }
}

async fn end(mut child: Child, group: Pid) {
    signal(group, Signal::SIGTERM);
    let mut patience = PATIENCE;
    while tokio::time::timeout(patience, child.wait()).await.is_err() {
        signal(group, Signal::SIGKILL);
        patience = LONG_PATIENCE;
    }
}

fn signal(group: Pid, signal: Signal) {
    // It may have ended just now.
    let _ = killpg(group, signal);
}

#[cfg(test)]
mod tests {
    use config::keepalived::Command;
    use config::source::{FileId, Span};
    use tokio::sync::mpsc;

    use super::super::{Report, TrackerName};
    use super::*;

    fn spec(command: &[&str]) -> ScriptSpec {
        let span = Span::new(FileId(0), 0..0);
        let command = Command {
            raw: command.join(" "),
            argv: command.iter().map(|&word| word.to_owned()).collect(),
            user: None,
            span,
        };
        let script = VrrpScript {
            name: "chk".to_owned(),
            script: command,
            opens: None,
            interval: Duration::from_millis(100),
            timeout: Duration::from_millis(50),
            weight: 0,
            reverse: false,
            rise: 1,
            fall: 1,
            init_fail: false,
            span,
        };
        ScriptSpec::new(&script, &GlobalDefs::default())
    }

    async fn first_report(spec: ScriptSpec) -> Health {
        let (reports, mut inbox) = mpsc::channel(4);
        let tracker = TrackerName::Script("chk".to_owned());
        let task = tokio::spawn(follow(spec, Reporter { tracker, reports }));
        let Report { health, .. } = inbox.recv().await.unwrap();
        task.abort();
        health
    }

    #[tokio::test]
    async fn the_exit_status_is_the_health_and_what_cannot_run_has_failed() {
        for (command, health) in [
            (&["true"][..], Health::Up),
            (&["/bin/sh", "-c", "exit 3"], Health::Down),
            (&["/bin/sh", "-c", "kill -9 $$"], Health::Down),
            (&["/no/such/program"], Health::Down),
            (&["/bin/sleep", "60"], Health::Down),
        ] {
            assert_eq!(first_report(spec(command)).await, health, "{command:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_can_be_opened_is_a_pass() {
        for (path, health) in [("/proc/self/status", Health::Up), ("/no/such/file", Health::Down)] {
            let mut spec = spec(&["x"]);
            spec.action = Ok(What::Open(PathBuf::from(path)));
            assert_eq!(first_report(spec).await, health, "{path}");
        }
    }

    #[tokio::test]
    async fn a_run_that_takes_too_long_is_ended_with_its_whole_group() {
        let file = std::env::temp_dir().join(format!("vrrpd-script-test-{}", std::process::id()));
        let shell = format!("sleep 60 & echo $! > {}; wait", file.display());
        let mut slow = spec(&["/bin/sh", "-c", &shell]);
        (slow.interval, slow.timeout) = (Duration::from_secs(60), Duration::from_millis(300));
        assert_eq!(first_report(slow).await, Health::Down);
        let grandchild: i32 = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        let _ = std::fs::remove_file(&file);
        let gone = async {
            while alive(grandchild) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the grandchild ends");
    }

    /// A zombie is not alive: in a container nobody may reap it.
    fn alive(pid: i32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
    }

    #[test]
    fn ends_are_worded_as_keepalived_words_them() {
        for (end, words) in [
            (End::Exited(0), "succeeded"),
            (End::Exited(1), "failed (exited with status 1)"),
            (End::Signalled(9), "failed (due to signal 9)"),
            (End::TimedOut, "timed_out"),
            (End::NotRun(Some(2)), "failed (cannot be run: No such file or directory (os error 2))"),
        ] {
            assert_eq!(end.to_string(), words);
        }
    }
}
