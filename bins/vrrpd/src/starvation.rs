//! Whether a process that is silent is hung, or wants to run and gets no CPU: the scheduler knows.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

/// What a silent process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It wants to run and gets no CPU.
    Starved,
    /// It uses a CPU.
    Runs,
    /// It waits for something that can be interrupted: a lock, a timer, a packet.
    Sleeps,
    /// It waits in the kernel and cannot be interrupted, mostly for a disk.
    Blocked,
    /// Stopped by a signal or a debugger, or dead.
    Stopped,
    /// It cannot be looked at.
    Unknown,
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starved => "gets no CPU",
            Self::Runs => "runs",
            Self::Sleeps => "sleeps",
            Self::Blocked => "waits for the kernel",
            Self::Stopped => "is stopped",
            Self::Unknown => "cannot be looked at",
        })
    }
}

/// Looks at a process whenever it is suspected.
#[derive(Debug)]
pub(crate) struct Suspect {
    pid: u32,
    seen: Option<(Instant, Threads)>,
}

/// By thread number.
type Threads = BTreeMap<u32, Thread>;

/// A thread as `/proc/PID/task/TID/stat` and `schedstat` show it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Thread {
    name: String,
    state: State,
    /// CPU time it has had.
    ran: Duration,
    /// Time it was ready to run and was not run; what goes on now is not in it.
    waited: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Running, or waiting for a CPU: the kernel does not tell these apart.
    Runnable,
    Asleep,
    Blocked,
    /// Stopped by a signal or a debugger, or dead.
    Stopped,
}

impl Suspect {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid, seen: None }
    }

    /// What its threads of that name do at `now`; all its threads, if none has the name.
    pub(crate) fn look(&mut self, thread: &str, now: Instant) -> Activity {
        let threads = named(thread, read(self.pid));
        let before = self.seen.replace((now, threads.clone()));
        judge(before.as_ref().map(|(at, before)| (now.saturating_duration_since(*at), before)), &threads)
    }
}

/// On the first look a thread that is runnable may wait for a CPU; from the second on it must not have had one for half of
/// the time.
fn judge(before: Option<(Duration, &Threads)>, threads: &Threads) -> Activity {
    let any = |state| threads.values().any(|thread| thread.state == state);
    if any(State::Stopped) {
        return Activity::Stopped;
    }
    let starved = threads.iter().any(|(tid, thread)| {
        let runnable = thread.state == State::Runnable;
        let Some((elapsed, Some(old))) = before.map(|(elapsed, threads)| (elapsed, threads.get(tid))) else {
            return runnable;
        };
        let ran = thread.ran.saturating_sub(old.ran);
        let waited = thread.waited.saturating_sub(old.waited);
        waited >= elapsed / 2 || (runnable && ran < elapsed / 2)
    });
    match (starved, any(State::Runnable), any(State::Blocked)) {
        (true, ..) => Activity::Starved,
        (false, true, _) => Activity::Runs,
        (false, false, true) => Activity::Blocked,
        (false, false, false) if threads.is_empty() => Activity::Unknown,
        (false, false, false) => Activity::Sleeps,
    }
}

fn named(name: &str, threads: Threads) -> Threads {
    let chosen: Threads = threads
        .iter()
        .filter(|(_, thread)| thread.name == name)
        .map(|(&tid, thread)| (tid, thread.clone()))
        .collect();
    if chosen.is_empty() { threads } else { chosen }
}

fn read(pid: u32) -> Threads {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let tids = tasks.filter_map(|task| task.file_name().to_str()?.parse::<u32>().ok());
    tids.filter_map(|tid| {
        let file = |name: &str| fs::read_to_string(format!("/proc/{pid}/task/{tid}/{name}")).ok();
        Some((tid, thread(&file("stat")?, &file("schedstat").unwrap_or_default())?))
    })
    .collect()
}

/// A kernel without `schedstat` shows no times; there the state alone counts.
fn thread(stat: &str, schedstat: &str) -> Option<Thread> {
    // The name in parentheses may hold anything, parentheses too.
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let state = match tail.trim_start().chars().next()? {
        'R' => State::Runnable,
        'T' | 't' | 'Z' | 'X' => State::Stopped,
        'D' => State::Blocked,
        _ => State::Asleep,
    };
    let mut times = schedstat.split_whitespace().map(|word| Duration::from_nanos(word.parse().unwrap_or(0)));
    Some(Thread {
        name,
        state,
        ran: times.next().unwrap_or_default(),
        waited: times.next().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn one(state: char, ran: u64, waited: u64) -> Threads {
        let stat = format!("7 (a) b) {state} 1 7 7 0");
        BTreeMap::from([(7, thread(&stat, &format!("{} {} 12\n", ran * MS, waited * MS)).unwrap())])
    }

    #[test]
    fn a_thread_that_waits_for_a_cpu_is_starved_and_one_that_uses_it_is_not() {
        let before = one('R', 100, 50);
        let later = Some((Duration::from_millis(20), &before));
        for (what, threads, activity) in [
            ("waits", one('R', 100, 50), Activity::Starved),
            ("had a CPU for a moment", one('R', 104, 65), Activity::Starved),
            ("waited, and sleeps now", one('S', 101, 61), Activity::Starved),
            ("spins", one('R', 119, 50), Activity::Runs),
            ("sleeps", one('S', 100, 50), Activity::Sleeps),
            ("waits for a disk", one('D', 100, 50), Activity::Blocked),
            ("is stopped", one('T', 100, 69), Activity::Stopped),
            ("is dead", one('Z', 100, 69), Activity::Stopped),
        ] {
            assert_eq!(judge(later, &threads), activity, "{what}");
        }
    }

    #[test]
    fn the_first_look_knows_the_state_alone() {
        for (state, activity) in [
            ('R', Activity::Starved),
            ('S', Activity::Sleeps),
            ('D', Activity::Blocked),
            ('T', Activity::Stopped),
            ('t', Activity::Stopped),
        ] {
            assert_eq!(judge(None, &one(state, 1_000, 1_000)), activity, "{state}");
        }
        assert_eq!(judge(None, &Threads::new()), Activity::Unknown);
    }

    #[test]
    fn one_starved_thread_of_several_is_enough() {
        let before: Threads = [(7, 'S'), (8, 'R')]
            .into_iter()
            .map(|(tid, state)| (tid, one(state, 0, 0)[&7].clone()))
            .collect();
        assert_eq!(judge(Some((Duration::from_millis(20), &before)), &before), Activity::Starved);
    }

    #[test]
    fn only_the_threads_of_a_name_are_looked_at_if_there_are_any() {
        let worker = thread("8 (worker-1) S 1", "0 0 0").unwrap();
        let threads: Threads = one('R', 0, 0).into_iter().chain([(8, worker)]).collect();
        assert!(named("worker-1", threads.clone()).into_keys().eq([8]));
        assert!(named("worker-2", threads.clone()).into_keys().eq([7, 8]));
        assert!(named("a) b", threads).into_keys().eq([7]));
    }

    #[test]
    fn this_process_can_be_looked_at_and_is_not_starved_of_a_look() {
        let threads = read(std::process::id());
        assert!(threads.values().any(|thread| thread.state == State::Runnable), "{threads:?}");
    }
}
