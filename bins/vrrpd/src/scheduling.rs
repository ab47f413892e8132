//! Real time, locked memory, nice value and processors, where the configuration asks for them. What is refused is said, and
//! keeps nothing else from working.

use std::io;
use std::time::Duration;

use config::keepalived::Scheduling;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::unistd::Pid;
use rustix::process::{getpriority_process, setpriority_process};

use crate::sys;

/// The shortest that the kernel knows.
const TURN: Duration = Duration::from_micros(100);

/// Schedules this process, its calling thread in real time; what could not be done, as sentences.
pub(crate) fn apply(wanted: &Scheduling) -> Vec<String> {
    let mut refused = Vec::new();
    let mut note = |what: &str, needs: &str, result: io::Result<()>| {
        if let Err(error) = result {
            refused.push(format!("{what} is refused: {error}; it needs {needs}"));
        }
    };
    const NICE: &str = "CAP_SYS_NICE, or LimitRTPRIO= and LimitNICE= in the service unit";
    if wanted.no_swap {
        let all = MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE;
        note(
            "vrrp_no_swap",
            "CAP_IPC_LOCK or LimitMEMLOCK= in the service unit",
            mlockall(all).map_err(into),
        );
    }
    if let Some(nice) = wanted.nice {
        let result = setpriority_process(None, nice.into()).map_err(io::Error::from);
        note("vrrp_priority", NICE, result);
    }
    // Nobody has asked for it, and it needs no privilege.
    let _ = shorten_turns();
    if !wanted.cpu_affinity.is_empty() {
        note("vrrp_cpu_affinity", "processors that are there", pin(&wanted.cpu_affinity).map_err(into));
    }
    if let Some(priority) = wanted.rt_priority {
        if let Some(limit) = wanted.rlimit_rttime {
            let result = setrlimit(Resource::RLIMIT_RTTIME, limit, RLIM_INFINITY);
            note("vrrp_rlimit_rttime", "a higher hard limit", result.map_err(into));
        }
        note("vrrp_rt_priority", NICE, sys::set_real_time(priority));
    }
    refused
}

/// Has this process run soon after it was woken on a busy machine, too.
fn shorten_turns() -> io::Result<()> {
    sys::set_turn(TURN, getpriority_process(None)?)
}

fn pin(processors: &[u16]) -> nix::Result<()> {
    let mut set = CpuSet::new();
    for &processor in processors {
        set.set(processor.into())?;
    }
    sched_setaffinity(Pid::from_raw(0), &set)
}

fn into(errno: nix::Error) -> io::Error {
    errno.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn turns_are_short_where_the_kernel_has_such() {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = release.split(['.', '-']).map_while(|number| number.trim().parse::<u32>().ok());
        let release = (numbers.next().unwrap(), numbers.next().unwrap());
        shorten_turns().unwrap();
        let text = fs::read_to_string("/proc/thread-self/sched").unwrap_or_default();
        let shown = text.lines().find(|line| line.starts_with("se.slice"));
        if let (true, Some(line)) = (release >= (6, 12), shown) {
            assert!(line.ends_with(" 100000"), "{line}");
        }
    }
}
