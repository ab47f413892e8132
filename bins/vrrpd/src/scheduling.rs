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

const NICE: &str = "CAP_SYS_NICE, or LimitRTPRIO= and LimitNICE= in the service unit";
/// `min_auto_priority_delay`, unless it is told.
const AUTO_DELAY: Duration = Duration::from_secs(1);
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
            note("vrrp_rlimit_rttime", "a higher hard limit", limit_real_time(limit));
        }
        note("vrrp_rt_priority", NICE, sys::set_real_time(priority));
    }
    refused
}

/// `max_auto_priority`: a process that is run too late raises its real-time priority, by one each time.
#[derive(Debug)]
pub(crate) struct AutoPriority {
    /// 0: not in real time.
    priority: u8,
    most: u8,
    delay: Duration,
    rlimit: Option<u64>,
}

impl AutoPriority {
    pub(crate) fn new(wanted: &Scheduling) -> Self {
        Self {
            priority: wanted.rt_priority.unwrap_or(0),
            most: wanted.max_auto_priority.unwrap_or(0),
            delay: wanted.min_auto_priority_delay.map_or(AUTO_DELAY, Duration::from_micros),
            rlimit: wanted.rlimit_rttime,
        }
    }

    /// This process was run so much later than it had to be. What was done about it, as a sentence.
    pub(crate) fn handle_delay(&mut self, late: Duration) -> Option<String> {
        let priority = self.raised(late)?;
        if let (1, Some(limit)) = (priority, self.rlimit) {
            // Where it is refused the kernel ends nobody.
            let _ = limit_real_time(limit);
        }
        let late = late.as_millis();
        Some(match sys::set_real_time(priority) {
            Ok(()) => format!("run {late} ms late: real-time priority {priority} (`max_auto_priority`)"),
            Err(error) => {
                // It would be refused again and again.
                self.most = 0;
                format!("run {late} ms late: `max_auto_priority` is refused: {error}; it needs {NICE}")
            }
        })
    }

    fn raised(&mut self, late: Duration) -> Option<u8> {
        if late < self.delay || self.priority >= self.most {
            return None;
        }
        self.priority += 1;
        Some(self.priority)
    }
}

fn limit_real_time(limit: u64) -> io::Result<()> {
    setrlimit(Resource::RLIMIT_RTTIME, limit, RLIM_INFINITY).map_err(into)
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
    fn each_delay_raises_the_priority_by_one_up_to_the_limit() {
        let wanted = |rt_priority, max_auto_priority, min_auto_priority_delay| Scheduling {
            rt_priority,
            max_auto_priority,
            min_auto_priority_delay,
            ..Scheduling::default()
        };
        let raised = |wanted: &Scheduling, millis: [u64; 4]| {
            let mut auto = AutoPriority::new(wanted);
            millis.map(|late| auto.raised(Duration::from_millis(late)))
        };
        let (late, none) = ([999, 1000, 2000, 3000], [None; 4]);
        assert_eq!(raised(&wanted(None, None, None), late), none);
        assert_eq!(raised(&wanted(None, Some(2), None), late), [None, Some(1), Some(2), None]);
        assert_eq!(raised(&wanted(Some(50), Some(99), None), late), [None, Some(51), Some(52), Some(53)]);
        assert_eq!(raised(&wanted(Some(50), Some(40), None), late), none);
        assert_eq!(
            raised(&wanted(None, Some(9), Some(20_000)), [19, 20, 0, 21]),
            [None, Some(1), None, Some(2)]
        );
    }

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
