//! What becomes of a node's address when the processes of its daemon die or hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::daemon::{Daemon, SLACK, VIP, config};
use crate::faults::{SKEW, pair};
use crate::lan::{Lan, hear_resignation, run};

/// What the guardian may take to notice a death and to act, on top of the skew time.
const PROMPT: Duration = Duration::from_millis(50);
/// How long a worker at 100 ms may be silent.
const HANG: Duration = Duration::from_millis(300);
/// Three intervals and the skew time of priority 100.
const DOWN: Duration = Duration::from_millis(361);
/// The shortest lease, 2 s, and the least time between two looks of the kernel at lifetimes, 1 s (`check_lifetime` of its IPv4
/// code): who is looked at just before the end stays for another second. Timers of the kernel may be an eighth late.
const LEASE: Duration = Duration::from_millis(3_375);

const NODE_1: [u8; 4] = [192, 0, 2, 1];

/// The worker of the better node dies: the address moves, is gone there before anybody is told, and comes back.
async fn dies(lan: &mut Lan) {
    let [mut better, mut worse] = pair(lan).await;
    let mut advertisements = lan.advertisements();
    let old = better.worker();
    let at = better.signal_worker(Signal::SIGKILL);
    hear_resignation(&mut advertisements, NODE_1);
    assert!(!lan.nodes[0].has(VIP).await, "it is gone before it is resigned");
    let gone = lan.nodes[0].loses(VIP).await - at;
    let taken = lan.nodes[1].gains(VIP).await - at;
    println!("gone after {gone:?}, taken after {taken:?}");
    assert!(gone < PROMPT + SLACK, "{gone:?}");
    assert!(taken < SKEW + PROMPT + SLACK, "{taken:?}");
    better.says("exited due to signal 9").await;
    better.says("Respawning").await;
    worse.says("Backup received priority 0 advertisement").await;
    // The one that is started again takes the address back.
    better.says("Entering MASTER STATE").await;
    lan.nodes[0].gains(VIP).await;
    assert_ne!(better.worker(), old);
    better.signal(Signal::SIGTERM);
    assert!(better.exit().await.success());
}

pub(crate) fn worker_killed() {
    run(async { dies(&mut Lan::new().await).await });
}

pub(crate) fn worker_killed_under_load() {
    run(async {
        let mut lan = Lan::new().await;
        let _load = Load::start();
        dies(&mut lan).await;
    });
}

/// The kernel closes what a dead process has open one after the other, and waits at each queue of inotify.
pub(crate) fn worker_slow_to_close() {
    run(async {
        let mut lan = Lan::new().await;
        let file = std::env::temp_dir().join(format!("vrrpd-netns-{}.number", std::process::id()));
        let names = || (0..48).map(|n| format!("file{n}"));
        let files: String = names()
            .map(|name| format!("vrrp_track_file {name} {{\n file {}\n}}\n", file.display()))
            .collect();
        let tracked = names().collect::<Vec<_>>().join("\n");
        let text = config(200, &[VIP], &format!("track_file {{\n{tracked}\n}}"));
        let mut daemon = Daemon::start(&lan.nodes[0], "slow", &(text + &files));
        lan.nodes[0].gains(VIP).await;
        let at = daemon.signal_worker(Signal::SIGKILL);
        let gone = lan.nodes[0].loses(VIP).await - at;
        println!("gone after {gone:?}");
        assert!(gone < PROMPT + SLACK, "{gone:?}");
        daemon.says("exited due to signal 9").await;
        assert!(!daemon.has_said("is hung"), "who is dead is not hung");
        daemon.says("Entering MASTER STATE").await;
    });
}

pub(crate) fn worker_hung() {
    run(async {
        let mut lan = Lan::new().await;
        let [mut better, _worse] = pair(&mut lan).await;
        let old = better.worker();
        let at = better.signal_worker(Signal::SIGSTOP);
        let gone = lan.nodes[0].loses(VIP).await - at;
        assert!(gone < HANG + SLACK, "{gone:?}");
        let taken = lan.nodes[1].gains(VIP).await - at;
        assert!(taken < HANG + SKEW + PROMPT + SLACK, "{taken:?}");
        better.says("is hung").await;
        assert!(kill(old, None).is_err(), "a hung worker does not wake up");
        better.says("Entering MASTER STATE").await;
    });
}

pub(crate) fn worker_starved() {
    run(async {
        let mut lan = Lan::new().await;
        let [mut better, _worse] = pair(&mut lan).await;
        let worker = better.worker();
        let _load = Load::start();
        // Ten times as long as it may be silent.
        tokio::time::sleep(10 * HANG).await;
        assert_eq!(better.worker(), worker);
        better.signal(Signal::SIGTERM);
        better.says("Stopped").await;
        assert!(!better.has_said("is hung"));
    });
}

pub(crate) fn both_killed() {
    run(async {
        let mut lan = Lan::new().await;
        let [mut better, _worse] = pair(&mut lan).await;
        let at = better.signal_both(Signal::SIGKILL);
        better.exit().await;
        let taken = lan.nodes[1].gains(VIP).await - at;
        assert!(taken < DOWN + SLACK, "{taken:?}");
        let gone = lan.nodes[0].loses(VIP).await - at;
        assert!(gone < LEASE + SLACK, "{gone:?}");
    });
}

pub(crate) fn both_frozen() {
    run(async {
        let mut lan = Lan::new().await;
        let [mut better, _worse] = pair(&mut lan).await;
        let worker = better.worker();
        let at = better.signal_both(Signal::SIGSTOP);
        lan.nodes[1].gains(VIP).await;
        let gone = lan.nodes[0].loses(VIP).await - at;
        assert!(gone < LEASE + SLACK, "{gone:?}");

        let at = better.signal_both(Signal::SIGCONT);
        better.says("was not run for too long").await;
        better.says("Entering BACKUP STATE").await;
        let back = lan.nodes[0].gains(VIP).await - at;
        assert!(back > Duration::from_millis(300), "it listened for a down interval: {back:?}");
        lan.nodes[1].loses(VIP).await;
        assert_eq!(better.worker(), worker, "a guardian that was stopped itself judges nobody");
    });
}

pub(crate) fn guardian_killed() {
    run(async {
        let mut lan = Lan::new().await;
        let [mut better, _worse] = pair(&mut lan).await;
        let worker = better.worker();
        let at = better.signal(Signal::SIGKILL);
        better.exit().await;
        let taken = lan.nodes[1].gains(VIP).await - at;
        assert!(taken < SKEW + PROMPT + SLACK, "{taken:?}");
        assert!(!lan.nodes[0].has(VIP).await);
        better.says("Stopped").await;
        gone(worker).await;
    });
}

pub(crate) fn hung_and_stopped() {
    run(async {
        let mut lan = Lan::new().await;
        let [mut better, _worse] = pair(&mut lan).await;
        better.signal_worker(Signal::SIGSTOP);
        let at = better.signal(Signal::SIGTERM);
        assert!(better.exit().await.success());
        assert!(at.elapsed() < HANG + SLACK, "{:?}", at.elapsed());
        assert!(!lan.nodes[0].has(VIP).await);
    });
}

pub(crate) fn stale_pid_file() {
    run(async {
        let lan = Lan::new().await;
        let file = std::env::temp_dir().join(format!("vrrpd-netns-{}.pid", std::process::id()));
        let start = |name: &str| {
            let options = ["-p".as_ref(), file.as_os_str()];
            Daemon::start_with(&lan.nodes[0], name, &config(200, &[VIP], ""), &options)
        };
        // A process with that number runs, as after a start of the machine.
        std::fs::write(&file, format!("{}\n", std::process::id())).unwrap();
        let mut first = start("first");
        first.says("Entering MASTER STATE").await;
        assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{}\n", first.guardian()));

        let mut second = start("second");
        second.says("daemon is already running").await;
        assert_eq!(second.exit().await.code(), Some(1));

        first.signal_both(Signal::SIGKILL);
        first.exit().await;
        let mut third = start("third");
        third.says("Entering MASTER STATE").await;
        third.signal(Signal::SIGTERM);
        assert!(third.exit().await.success());
        assert!(!file.exists());
    });
}

/// Waits until no process has this number.
pub(crate) async fn gone(pid: Pid) {
    while kill(pid, None).is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Threads that want every CPU of the machine, four of them for each.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let count = 4 * thread::available_parallelism().map_or(1, usize::from);
        let spin = |stop: Arc<AtomicBool>| {
            move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            }
        };
        let threads = (0..count).map(|_| thread::spawn(spin(Arc::clone(&stop)))).collect();
        Self { stop, threads }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}
