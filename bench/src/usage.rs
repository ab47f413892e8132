//! What processes have used, by the kernel's accounting (proc(5)).

use std::fs;
use std::io;
use std::ops::Sub;
use std::path::PathBuf;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use crate::error::BenchError;

/// Totals since processes started; the difference of two is what happened between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// Voluntary and involuntary context switches of all threads.
    pub(crate) switches: u64,
    /// How long threads that could run waited for a CPU, which other programs had.
    pub(crate) waited: Duration,
    /// Resident memory in bytes, now.
    pub(crate) rss: u64,
}

impl Usage {
    /// The sum over processes.
    pub(crate) fn of(processes: &[i32]) -> Result<Self, BenchError> {
        let mut sum = Self::default();
        for pid in processes {
            let one = Self::of_one(*pid).map_err(BenchError::io(format!("cannot read /proc/{pid}")))?;
            sum.user += one.user;
            sum.system += one.system;
            sum.switches += one.switches;
            sum.waited += one.waited;
            sum.rss += one.rss;
        }
        Ok(sum)
    }

    fn of_one(pid: i32) -> io::Result<Self> {
        let unreadable = || io::Error::from(io::ErrorKind::InvalidData);
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, user, system) = parse_stat(&stat).ok_or_else(unreadable)?;
        let rss = parse_status(&fs::read_to_string(format!("/proc/{pid}/status"))?, "VmRSS:");
        let (mut switches, mut waited) = (0, 0);
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end while its siblings are read.
            let read = |path: PathBuf| fs::read_to_string(path).unwrap_or_default();
            let task = task?.path();
            waited += parse_waited(&read(task.join("schedstat"))).unwrap_or(0);
            let status = read(task.join("status"));
            switches += parse_status(&status, "voluntary_ctxt_switches:").unwrap_or(0);
            switches += parse_status(&status, "nonvoluntary_ctxt_switches:").unwrap_or(0);
        }
        let tick = tick();
        Ok(Self {
            user: tick * user,
            system: tick * system,
            switches,
            waited: Duration::from_nanos(waited),
            rss: rss.unwrap_or(0) * 1024,
        })
    }

    /// User and system time.
    pub(crate) fn cpu(&self) -> Duration {
        self.user + self.system
    }
}

impl Sub for Usage {
    type Output = Self;

    /// Memory is no total: the later one stays.
    fn sub(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
            switches: self.switches.saturating_sub(earlier.switches),
            waited: self.waited.saturating_sub(earlier.waited),
            rss: self.rss,
        }
    }
}

/// A process and its children.
pub(crate) fn family(pid: i32) -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let children = all.filter(|other| {
        let stat = fs::read_to_string(format!("/proc/{other}/stat")).unwrap_or_default();
        parse_stat(&stat).is_some_and(|(parent, _, _)| parent == pid)
    });
    std::iter::once(pid).chain(children).collect()
}

/// When a process started, in ticks since boot: with its id it names one process, though ids are used again.
pub(crate) fn start_time(pid: i32) -> Option<u64> {
    parse_start_time(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Field 22 of proc(5).
fn parse_start_time(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19)?.parse().ok()
}

/// Parent, and user and system time in ticks.
fn parse_stat(stat: &str) -> Option<(i32, u32, u32)> {
    // The name may contain anything, parentheses included.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    // proc(5): ppid is field 4, utime 14, stime 15; the first one here is 3.
    let parent = fields.nth(1)?.parse().ok()?;
    let user = fields.nth(9)?.parse().ok()?;
    let system = fields.next()?.parse().ok()?;
    Some((parent, user, system))
}

/// Nanoseconds of waiting for a CPU: the second number.
fn parse_waited(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().nth(1)?.parse().ok()
}

/// The number behind a name.
fn parse_status(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

fn tick() -> Duration {
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u32::try_from(ticks).ok());
    // 100 on every Linux there is.
    Duration::from_secs(1) / per_second.filter(|ticks| *ticks > 0).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "4242 (a ) S 1 (b) R 17 4242 4242 0 -1 4194304 9 0 0 0 250 751 33 44 20 0 2 0 7 8 9";
        assert_eq!(parse_stat(stat), Some((17, 250, 751)));
        assert_eq!(parse_start_time(stat), Some(7));
        assert_eq!(parse_stat("4242 (cut"), None);
    }

    #[test]
    fn status_lines_are_found_by_their_whole_name() {
        let status =
            "Name:\tlbd\nVmRSS:\t    5120 kB\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(parse_status(status, "VmRSS:"), Some(5120));
        assert_eq!(parse_status(status, "voluntary_ctxt_switches:"), Some(12));
        assert_eq!(parse_status(status, "nonvoluntary_ctxt_switches:"), Some(3));
        assert_eq!(parse_status(status, "Threads:"), None);
    }

    #[test]
    fn waiting_is_the_second_number_of_schedstat() {
        assert_eq!(parse_waited("170 25 3\n"), Some(25));
        assert_eq!(parse_waited(""), None);
    }

    #[test]
    fn work_of_this_process_is_seen() {
        let me = i32::try_from(std::process::id()).unwrap();
        let before = Usage::of(&[me]).unwrap();
        let mut x = 1_u64;
        while (Usage::of(&[me]).unwrap() - before).cpu().is_zero() {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(before.rss > 0 && family(me).contains(&me));
    }
}
