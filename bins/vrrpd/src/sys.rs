//! The only unsafe code of the daemon: calls that no safe wrapper covers.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{ForkResult, setgid, setgroups, setuid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::program::Identity;

/// Registers a descriptor with the current runtime for reading. Panics outside of a tokio runtime.
pub(crate) fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open and the same descriptor until it is dropped, and nothing in this crate takes a
    // mutable reference into the `AsyncFd`, so that it cannot be exchanged.
    unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }.map_err(io::Error::from)
}

/// Which process this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fork {
    /// The new one.
    Child,
    /// The old one.
    Parent {
        /// The number of the new one.
        child: u32,
    },
}

/// Divides this process in two. Refused when it has more than one thread.
pub(crate) fn fork() -> io::Result<Fork> {
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other("a process with several threads cannot be divided"));
    }
    // SAFETY: this thread is the only one, so that no other one can hold a lock of the allocator or of the C library
    // that would stay locked in the child.
    Ok(match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => Fork::Child,
        ForkResult::Parent { child } => Fork::Parent { child: child.as_raw().unsigned_abs() },
    })
}

/// Sends a signal by its number, real-time signals too, which `nix` has no names for.
pub(crate) fn kill(pid: u32, signal: i32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 1).ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: the call takes two numbers and touches no memory of this process.
    Errno::result(unsafe { libc::kill(pid, signal) }).map(drop).map_err(io::Error::from)
}

/// Has a command begin as somebody else, without real-time priority and blocked signals, and told to end when the thread
/// that starts it ends.
pub(crate) fn prepare(command: &mut Command, identity: Option<Identity>) {
    let parent = std::process::id();
    let begin = move || {
        SigSet::empty().thread_set_mask()?;
        let ordinary = libc::sched_param { sched_priority: 0 };
        // SAFETY: the call reads the structure alone, which outlives it. That it may be refused is no reason not to run.
        unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &ordinary) };
        if let Some(Identity { uid, gid, groups }) = &identity {
            // In this order: the user alone may not change the groups.
            setgroups(groups)?;
            setgid(*gid)?;
            setuid(*uid)?;
        }
        // After the change of the user, which clears it.
        prctl::set_pdeathsig(Signal::SIGTERM)?;
        if std::os::unix::process::parent_id() != parent {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made: nothing allocates, and no lock is taken that another
    // thread could have held at the fork.
    unsafe { command.pre_exec(begin) };
}

/// Asks for turns of this length on a CPU: the shorter they are, the sooner one comes when this thread is woken, for the same
/// share of the time. What it starts from here on has them too. A kernel before 6.12 takes no notice.
pub(crate) fn set_turn(length: Duration, nice: i32) -> io::Result<()> {
    /// `struct sched_attr` of the kernel, in its first form.
    #[repr(C)]
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime: u64,
        deadline: u64,
        period: u64,
    }
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy: libc::SCHED_OTHER as u32,
        flags: 0,
        nice,
        priority: 0,
        runtime: u64::try_from(length.as_nanos()).unwrap_or(u64::MAX),
        deadline: 0,
        period: 0,
    };
    // SAFETY: the pointer is to a whole structure of the size that it says, which outlives the call, and the kernel only
    // reads it, or writes the size that it would rather have into its first field.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, std::ptr::from_ref(&attributes), 0) };
    Errno::result(result).map(drop).map_err(io::Error::from)
}

/// Schedules this thread round-robin in real time, above everything that is not. What it starts from here on is scheduled
/// as usual.
pub(crate) fn set_real_time(priority: u8) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: priority.into() };
    let policy = libc::SCHED_RR | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the pointer is to a whole `sched_param` that outlives the call, and the kernel only reads it.
    let result = unsafe { libc::sched_setscheduler(0, policy, std::ptr::from_ref(&parameters)) };
    Errno::result(result).map(drop).map_err(io::Error::from)
}
