//! Which CPU runs what.

use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Confines the calling thread, and what it starts from now on, to one CPU.
pub(crate) fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// Runs `start` on another CPU, so that the process it starts begins its life there, then returns to `home`.
pub(crate) fn started_on<T>(cpu: usize, home: usize, start: impl FnOnce() -> T) -> io::Result<T> {
    pin(cpu)?;
    let started = start();
    pin(home)?;
    Ok(started)
}

/// Whether this process may run there.
pub(crate) fn is_available(cpu: usize) -> bool {
    sched_getaffinity(Pid::from_raw(0)).is_ok_and(|set| set.is_set(cpu).unwrap_or(false))
}
