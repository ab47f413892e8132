//! The processes of a node, as its pid 1 sees them.

use super::protocol::{Exit, Signal, Spawn, Target};
use crate::sync::lock;
use nix::errno::Errno;
use nix::sys::signal::{self, kill};
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// What the lab started here, by pid.
#[derive(Default)]
pub(super) struct Processes {
    known: Mutex<HashMap<i32, Known>>,
    changed: Condvar,
}

struct Known {
    program: String,
    exit: Option<Exit>,
}

impl Processes {
    #[allow(clippy::zombie_processes, reason = "reap_forever collects every child")]
    pub(super) fn spawn(&self, spawn: &Spawn) -> io::Result<i32> {
        let (path, arguments) =
            spawn.argv.split_first().filter(|(path, _)| Path::new(path).is_absolute()).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidInput, "a program needs an absolute path")
            })?;
        let log = File::options().create(true).append(true).open(&spawn.log)?;
        let mut command = Command::new(path);
        command
            .args(arguments)
            .envs(spawn.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        // Under the lock, so that the reaper cannot see the end of a process before its beginning is on record.
        let mut known = lock(&self.known);
        let child = command.spawn()?;
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        let program = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        known.insert(pid, Known { program, exit: None });
        self.changed.notify_all();
        Ok(pid)
    }

    /// Collects every child, the lab's own and orphans, and tells `on_exit` of the lab's own.
    pub(super) fn reap_forever(&self, on_exit: impl Fn(i32, String, Exit)) -> ! {
        loop {
            let (pid, exit) = match wait() {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Exit::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, Exit::Signal(signal as i32)),
                Ok(_) => continue,
                Err(Errno::ECHILD) => {
                    self.wait_for_a_running_process();
                    continue;
                }
                Err(_) => continue,
            };
            let program = {
                let mut known = lock(&self.known);
                known.get_mut(&pid.as_raw()).map(|process| {
                    process.exit = Some(exit);
                    process.program.clone()
                })
            };
            self.changed.notify_all();
            if let Some(program) = program {
                on_exit(pid.as_raw(), program, exit);
            }
        }
    }

    /// Waits until the process has ended; `None` after `timeout` or if the lab never started it.
    pub(super) fn wait_for(&self, pid: i32, timeout: Duration) -> Option<Exit> {
        let running =
            |known: &mut HashMap<i32, Known>| known.get(&pid).is_some_and(|process| process.exit.is_none());
        let (known, _) = self
            .changed
            .wait_timeout_while(lock(&self.known), timeout, running)
            .unwrap_or_else(PoisonError::into_inner);
        known.get(&pid)?.exit
    }

    /// Sends a signal; says how many processes it went to.
    pub(super) fn signal(&self, target: &Target, signal: Signal) -> io::Result<usize> {
        let pids = match target {
            Target::Pid(pid) if *pid > 0 => vec![*pid],
            Target::Pid(_) => return Err(io::Error::from(io::ErrorKind::InvalidInput)),
            Target::Name(name) => {
                running()?.into_iter().filter(|(_, comm)| same(comm, name)).map(|(pid, _)| pid).collect()
            }
        };
        if signal == Signal::Kill && pids.len() > 1 {
            // One that watches the others must not get the time to react.
            send_each(&pids, signal::Signal::SIGSTOP);
        }
        Ok(send_each(&pids, native(signal)))
    }

    fn wait_for_a_running_process(&self) {
        let idle = |known: &mut HashMap<i32, Known>| known.values().all(|process| process.exit.is_some());
        drop(self.changed.wait_while(lock(&self.known), idle).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Pid and name of every live process of the node but pid 1, in the order of pids.
pub(super) fn running() -> io::Result<Vec<(i32, String)>> {
    let mut found: Vec<(i32, String)> = fs::read_dir("/proc")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| *pid > 1)
        .filter_map(|pid| {
            // A process may end between the listing and the reading.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, live_name(&stat)?.to_owned()))
        })
        .collect();
    found.sort_unstable();
    Ok(found)
}

/// The name in a line of `/proc/PID/stat`, unless the process is a zombie. The name itself may hold parentheses and spaces.
fn live_name(stat: &str) -> Option<&str> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    (!tail.trim_start().starts_with(['Z', 'X'])).then_some(name)
}

/// The kernel keeps 15 bytes of a name.
fn same(comm: &str, name: &str) -> bool {
    comm.as_bytes() == &name.as_bytes()[..name.len().min(15)]
}

fn send_each(pids: &[i32], signal: signal::Signal) -> usize {
    pids.iter().filter(|pid| kill(Pid::from_raw(**pid), signal).is_ok()).count()
}

fn native(signal: Signal) -> signal::Signal {
    match signal {
        Signal::Term => signal::Signal::SIGTERM,
        Signal::Kill => signal::Signal::SIGKILL,
        Signal::Stop => signal::Signal::SIGSTOP,
        Signal::Continue => signal::Signal::SIGCONT,
        Signal::Hangup => signal::Signal::SIGHUP,
        Signal::User1 => signal::Signal::SIGUSR1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_stat_lines_whatever_they_contain() {
        assert_eq!(live_name("12 (lbd) S 1 12 12 0"), Some("lbd"));
        assert_eq!(live_name("12 (a) b (c) R 1 12"), Some("a) b (c"));
        assert_eq!(live_name("12 (lbd) Z 1 12"), None);
        assert_eq!(live_name("nonsense"), None);
    }

    #[test]
    fn long_names_match_as_the_kernel_keeps_them() {
        assert!(same("lbd", "lbd"));
        assert!(!same("lbd", "lb"));
        assert!(same("a-rather-long-n", "a-rather-long-name"));
    }
}
