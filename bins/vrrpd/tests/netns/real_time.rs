//! Ten milliseconds between two advertisements, on a machine that has other things to do.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::daemon::{Daemon, VIP, config};
use crate::guardian::Load;
use crate::lan::{Lan, run, run_for};

/// Seconds of load. The long form is ten minutes.
const SECONDS: &str = "VRRPD_REAL_TIME_SECONDS";
const SHORT: u64 = 5;
/// Beside the load itself.
const SETTING_UP: Duration = Duration::from_secs(30);

/// A machine that stands still for so long makes advertisements late, whatever their priority: the down interval is 36 ms.
pub(crate) const STANDSTILL: Duration = Duration::from_millis(15);
/// Runs in which the machine may stand still.
pub(crate) const TRIES: usize = 5;

pub(crate) fn busy() {
    let seconds = std::env::var(SECONDS).map_or(SHORT, |text| text.parse().expect("a number of seconds"));
    let time = Duration::from_secs(seconds);
    run_for((time + SETTING_UP) * TRIES as u32, async {
        let mut lan = Lan::new().await;
        for _ in 0..TRIES {
            let (failed_over, standstill) = play(&mut lan, time).await;
            // Where a witness of higher priority did not run either, nothing has been found out.
            if !failed_over || standstill < STANDSTILL {
                assert!(!failed_over, "the machine never stood still for more than {standstill:?}");
                return;
            }
            eprintln!("measured again: the machine stood still for {standstill:?}");
        }
        panic!("the machine stood still in each of {TRIES} runs: nothing can be measured on it");
    });
}

/// Whether the worse node took over, and the longest time in which a processor did not run at all.
async fn play(lan: &mut Lan, time: Duration) -> (bool, Duration) {
    let text = |priority| {
        let instance = config(priority, &[VIP], "").replace("advert_int 0.1", "advert_int 0.01");
        let global = "global_defs {\n status_socket off\n vrrp_rt_priority 50\n vrrp_no_swap\n}\n";
        global.to_owned() + &instance
    };
    let mut better = Daemon::start(&lan.nodes[0], "better", &text(200));
    lan.nodes[0].gains(VIP).await;
    let mut worse = Daemon::start(&lan.nodes[1], "worse", &text(100));
    worse.says("Entering BACKUP STATE (init)").await;
    let refused = worse.has_said("vrrp_rt_priority is refused");
    assert!(!refused, "real time is refused here: run as root, or raise RLIMIT_RTPRIO (`ulimit -r`)");
    let witnesses = Witnesses::start();
    let load = Load::start();
    tokio::time::sleep(time).await;
    drop(load);
    let standstill = witnesses.longest();
    for daemon in [&mut worse, &mut better] {
        daemon.signal(Signal::SIGTERM);
        daemon.says("Stopped").await;
    }
    lan.nodes[0].loses(VIP).await;
    let hung = better.has_said("is hung") || worse.has_said("is hung");
    (worse.has_said("Entering MASTER STATE") || hung, standstill)
}

pub(crate) fn raised() {
    run(async {
        let lan = Lan::new().await;
        let text =
            "global_defs {\n status_socket off\n max_auto_priority 9\n min_auto_priority_delay 100000\n}\n";
        // At this interval a worker may be silent for a second.
        let instance = config(200, &[VIP], "").replace("advert_int 0.1", "advert_int 1");
        let mut daemon = Daemon::start(&lan.nodes[0], "late", &(text.to_owned() + &instance));
        daemon.says("Entering MASTER STATE").await;
        daemon.signal_worker(Signal::SIGSTOP);
        tokio::time::sleep(Duration::from_millis(600)).await;
        daemon.signal_worker(Signal::SIGCONT);
        daemon.says("`max_auto_priority`").await;
        let refused = daemon.has_said("is refused");
        assert!(!refused, "real time is refused here: run as root, or raise RLIMIT_RTPRIO (`ulimit -r`)");
        assert!(daemon.last_line().ends_with("real-time priority 1 (`max_auto_priority`)"));
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.worker())).unwrap();
        // proc(5): `rt_priority` and `policy` are fields 40 and 41, and the name, field 2, has no blank.
        let fields: Vec<&str> = stat.split(' ').collect();
        assert_eq!((fields[39], fields[40]), ("1", "2"), "SCHED_RR");
    });
}

/// A thread on each processor, of higher priority than anything here, that wants to run each millisecond.
pub(crate) struct Witnesses {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Duration>>,
}

impl Witnesses {
    pub(crate) fn start() -> Self {
        let stop = Arc::<AtomicBool>::default();
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let thread = |processor| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || witness(processor, &stop))
        };
        let threads = (0..processors).map(thread).collect();
        Self { stop, threads }
    }

    /// Ends them. The longest time that one of them had to wait.
    pub(crate) fn longest(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        let waits = self.threads.into_iter().map(|thread| thread.join().expect("a witness does not panic"));
        waits.max().unwrap_or_default()
    }
}

fn witness(processor: usize, stop: &AtomicBool) -> Duration {
    let mut cpus = CpuSet::new();
    cpus.set(processor).expect("a processor has a number");
    // On a machine that forbids this processor the witness looks at another.
    let _ = sched_setaffinity(Pid::from_raw(0), &cpus);
    let thread = nix::unistd::gettid().to_string();
    let raised = Command::new("chrt").args(["--fifo", "--pid", "60", &thread]).status();
    assert!(raised.is_ok_and(|status| status.success()), "chrt can raise a thread where vrrpd can");
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let before = Instant::now();
        std::thread::sleep(Duration::from_millis(1));
        longest = longest.max(before.elapsed());
    }
    longest
}
