//! The way into namespaces without `fork`.
//!
//! `unshare` moves the caller into new namespaces, but only its *next child* becomes pid 1 of the new pid namespace. So
//! each pid 1 has a launcher in front of it: a process with one thread that unshares, starts this executable again, and
//! waits. A pid 1 asks to die with its launcher, and the kernel ends a pid namespace with its pid 1; so killing a
//! launcher ends everything behind it, whatever state that is in.

use super::protocol::{Hello, tell};
use super::{ROLE, SELF};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{getegid, geteuid};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// Enters the namespaces of the switch (and, without root, a user namespace in which we are root), then becomes its parent.
///
/// It does not ask to die with the lab program: that request is tied to the *thread* that started us. The switch notices
/// the lab's end by the end of its standard input.
pub(super) fn launch_switch(dir: &str) -> ExitCode {
    if let Err((step, errno)) = enter_lab() {
        return refuse(&step, errno);
    }
    become_parent_of(&["switch", dir])
}

/// Enters the namespaces of a node, then becomes its parent.
pub(super) fn launch_node(name: &str, dir: &str) -> ExitCode {
    if let Err(errno) = set_pdeathsig(Signal::SIGKILL) {
        return refuse("prctl(PR_SET_PDEATHSIG)", errno);
    }
    if let Err(errno) = unshare(own_namespaces()) {
        return refuse("unshare(CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS)", errno);
    }
    become_parent_of(&["init", name, dir])
}

/// Reports on standard output that `step` was refused.
pub(super) fn refuse(step: &str, errno: Errno) -> ExitCode {
    // If nobody listens any more, there is nobody to tell.
    let _ = tell(&mut io::stdout().lock(), &Hello::Refused { step: step.to_owned(), errno: errno as i32 });
    ExitCode::FAILURE
}

fn own_namespaces() -> CloneFlags {
    CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS
}

fn enter_lab() -> Result<(), (String, Errno)> {
    if geteuid().is_root() {
        match unshare(own_namespaces()) {
            Ok(()) => return Ok(()),
            // Root of a container has no CAP_SYS_ADMIN, but may be allowed a user namespace like anybody else.
            Err(Errno::EPERM) => {}
            Err(errno) => return Err(("unshare(CLONE_NEWNET | ...)".to_owned(), errno)),
        }
    }
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER | own_namespaces())
        .map_err(|errno| ("unshare(CLONE_NEWUSER | CLONE_NEWNET | ...)".to_owned(), errno))?;
    // setgroups must be given up before an unprivileged process may map its group: user_namespaces(7).
    for (file, line) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {uid} 1")),
        ("/proc/self/gid_map", format!("0 {gid} 1")),
    ] {
        std::fs::write(file, line).map_err(|error| {
            (format!("write to {file}"), Errno::from_raw(error.raw_os_error().unwrap_or_default()))
        })?;
    }
    Ok(())
}

fn become_parent_of(words: &[&str]) -> ExitCode {
    let started = Command::new(SELF).arg0(ROLE).arg(ROLE).args(words).spawn();
    match started.and_then(|mut child| child.wait()) {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => refuse("start of pid 1", Errno::from_raw(error.raw_os_error().unwrap_or_default())),
    }
}
