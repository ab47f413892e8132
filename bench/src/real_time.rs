//! Real-time scheduling of a round, so that nothing else on the machine is in its latencies, and how far the machine itself
//! stood still meanwhile, which no scheduling helps against.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::cpu;

/// The load generator, which spends most of its time on answers that are there already.
const GENERATOR: &str = "1";
/// The proxy, and the servers, which share a CPU with the generator.
const SERVING: &str = "2";
const WITNESS: &str = "3";

/// How often a witness wants to run.
const TICK: Duration = Duration::from_millis(1);
/// What it takes to wake up.
const PROMPT: Duration = Duration::from_micros(100);

/// Processes that run before all ordinary ones until this is dropped: the proxy, and load and servers, which are threads of
/// this process. The kernel leaves one twentieth of each second to the others.
#[derive(Debug)]
pub(crate) struct RealTime {
    processes: Vec<String>,
}

impl RealTime {
    /// Raises this process, whose calling thread generates load, and the proxy's; `None` where the kernel does not let us.
    pub(crate) fn begin(proxy: &[i32]) -> Option<Self> {
        let own = std::process::id().to_string();
        let processes: Vec<String> = proxy.iter().map(i32::to_string).chain([own]).collect();
        // Undone when dropped, also if only some could be raised.
        let raised = Self { processes };
        let all =
            raised.processes.iter().all(|pid| change(&["--fifo", "--all-tasks", "--pid", SERVING, pid]));
        (all && change(&["--fifo", "--pid", GENERATOR, &this_thread()])).then_some(raised)
    }
}

impl Drop for RealTime {
    fn drop(&mut self) {
        for pid in &self.processes {
            change(&["--other", "--all-tasks", "--pid", "0", pid]);
        }
    }
}

/// A thread on each CPU of a round, above everything that is measured, that wants to run each millisecond.
#[derive(Debug)]
pub(crate) struct Witnesses {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Duration>>,
}

impl Witnesses {
    /// Starts them; they are at work when this returns.
    pub(crate) fn start(cpus: &[usize]) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (ready, started) = std::sync::mpsc::channel();
        let witness = |cpu| {
            let (stop, ready) = (Arc::clone(&stop), ready.clone());
            thread::spawn(move || {
                // On a machine that forbids either it sees more delays than there are.
                let _ = cpu::pin(cpu);
                change(&["--fifo", "--pid", WITNESS, &this_thread()]);
                let _ = ready.send(());
                witness(&stop)
            })
        };
        let threads: Vec<_> = cpus.iter().copied().map(witness).collect();
        for _ in &threads {
            let _ = started.recv();
        }
        Self { stop, threads }
    }

    /// Ends them: for how long in all a CPU did not run what should have run.
    pub(crate) fn standstill(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
    }
}

fn witness(stop: &AtomicBool) -> Duration {
    let mut late = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let due = Instant::now() + TICK;
        thread::sleep(TICK);
        late += due.elapsed().saturating_sub(PROMPT);
    }
    late
}

/// Its number, as the kernel counts threads.
fn this_thread() -> String {
    nix::unistd::gettid().to_string()
}

/// Runs chrt(1) of util-linux; says whether it did what it was asked for.
fn change(arguments: &[&str]) -> bool {
    let mut command = Command::new("chrt");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
