//! `startup_script` and `shutdown_script`: run to their end while nothing else runs.

use std::process::Child;
use std::time::{Duration, Instant};

use config::keepalived::{GlobalDefs, TimedCommand};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::log::say;
use crate::program::Program;

/// Between the polite signal and the other one.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often an end is looked for.
const GLANCE: Duration = Duration::from_millis(5);

/// Runs it, for as long as it may take. That it fails is said, and no reason to stop.
pub(crate) fn run(what: &str, script: &TimedCommand, global: &GlobalDefs) {
    let raw = &script.command.raw;
    let program = match Program::resolve(&script.command, global) {
        Ok(program) => program,
        Err(error) => return say(&format!("{what} script `{raw}` is not run: {error}")),
    };
    match program.command(&[]).spawn() {
        Ok(child) => say(&format!("{what} script `{raw}` {}", finish(child, script.timeout))),
        Err(error) => say(&format!("{what} script `{raw}` cannot be run: {error}")),
    }
}

/// Waits for it, then ends its group. How it ended.
fn finish(mut child: Child, timeout: Duration) -> String {
    let group = i32::try_from(child.id()).ok().map(Pid::from_raw);
    for (limit, signal) in
        [(timeout, Some(Signal::SIGTERM)), (PATIENCE, Some(Signal::SIGKILL)), (PATIENCE, None)]
    {
        let until = Instant::now() + limit;
        while Instant::now() < until {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return "succeeded".to_owned(),
                Ok(Some(status)) => return format!("failed ({status})"),
                Ok(None) => std::thread::sleep(GLANCE),
                Err(error) => return format!("is lost: {error}"),
            }
        }
        if let (Some(group), Some(signal)) = (group, signal) {
            // It may have ended just now.
            let _ = killpg(group, signal);
        }
    }
    "does not end".to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_script_is_waited_for_and_then_ended_with_its_group() {
        let started =
            |text: &str| Command::new("/bin/sh").args(["-c", text]).process_group(0).spawn().unwrap();
        assert_eq!(finish(started("exit 0"), Duration::from_secs(10)), "succeeded");
        assert_eq!(finish(started("exit 3"), Duration::from_secs(10)), "failed (exit status: 3)");
        let slow = finish(started("sleep 60"), Duration::from_millis(20));
        assert!(slow.contains("signal: 15"), "{slow}");
        let stubborn = finish(started("trap '' TERM; sleep 60 & wait; wait"), Duration::from_millis(200));
        assert!(stubborn.contains("signal: 9"), "{stubborn}");
    }
}
