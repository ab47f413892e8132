//! What the tests of the pair share: built programs, labs, and the order in which labs run.

use lab::scenario::{self, Measured, Run};
use lab::{Balancer, Lab, Probing, Router, Setup, Software, Timing, find_program};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

/// What a test adds to a promise for its own measuring: the client asks every 5 ms and an answer takes some; the programs
/// are debug builds; and on a machine of two cores three busy processes wait for each other for tens of milliseconds.
pub(crate) const MARGIN: Duration = Duration::from_millis(50);

/// RFC 3768: the skew of a backup at priority 90 with an advertisement a second.
pub(crate) const SKEW: Duration = Duration::from_millis(1_000 * (256 - 90) / 256);

/// RFC 9568: the same part of an advertisement interval of 100 ms.
pub(crate) const FAST_SKEW: Duration = Duration::from_millis(100 * (256 - 90) / 256);

/// Three advertisements missed, at one a second.
pub(crate) const SILENCE: Duration = Duration::from_secs(3);

/// The same at one every 100 ms.
pub(crate) const FAST_SILENCE: Duration = Duration::from_millis(300);

/// The shortest lease there is. The kernel removes an address up to 0.3 s after its end.
pub(crate) const LEASE: Duration = Duration::from_millis(2_000 + 300);

/// Nobody sees a live address move for longer than this: a gratuitous ARP, and the requests under way.
pub(crate) const FAIL_BACK: Duration = Duration::from_millis(300);

/// Nodes that are awake while they hand over both have the address for the time of a message.
pub(crate) const OVERLAP: Duration = Duration::from_millis(100);

pub(crate) const OURS: Software = Software { balancer: Balancer::Lbd, router: Router::Vrrpd };
pub(crate) const KEEPALIVED: Software = Software { balancer: Balancer::Lbd, router: Router::Keepalived };

/// A lab on an idle machine of two cores stalls 5 to 10 % of the time.
const QUIET: f64 = 0.25;

/// On a machine that never gets quiet, this one counts.
const ATTEMPTS: u32 = 3;

/// Labs that measure milliseconds run alone; the others may share the machine.
static MACHINE: RwLock<()> = RwLock::new(());

/// The right to run a lab; held until it has ended.
pub(crate) struct Turn {
    shared: Option<RwLockReadGuard<'static, ()>>,
    _alone: Option<RwLockWriteGuard<'static, ()>>,
}

impl Turn {
    pub(crate) fn shared() -> Self {
        Self { shared: Some(MACHINE.read().unwrap_or_else(PoisonError::into_inner)), _alone: None }
    }

    pub(crate) fn alone() -> Self {
        Self { shared: None, _alone: Some(MACHINE.write().unwrap_or_else(PoisonError::into_inner)) }
    }
}

/// A lab with a client at work, node 1 in charge, both application servers answering.
pub(crate) struct Bench {
    // Fields are dropped in this order: the lab ends before the next one may begin.
    pub(crate) lab: Lab,
    pub(crate) client: Probing,
    turn: Turn,
}

impl Bench {
    pub(crate) fn start(setup: Setup, turn: Turn) -> Self {
        let dir = programs();
        let lab = Lab::builder(dir).program(dir.join("tandem")).setup(setup).start();
        let lab = lab.unwrap_or_else(|error| panic!("no lab: {error}"));
        let client = lab.start_client().unwrap();
        lab.settle(&client, Duration::from_secs(60)).unwrap_or_else(|error| panic!("{error}"));
        Self { lab, client, turn }
    }

    /// `None`, said on standard error, where the lab needs a keepalived that is not installed.
    pub(crate) fn start_mixed(setup: Setup, turn: Turn) -> Option<Self> {
        if find_program("keepalived").is_err() {
            eprintln!("keepalived is not installed: mixed pairs are not tested");
            return None;
        }
        Some(Self::start(setup, turn))
    }

    /// Plays a scenario and its repair. Alone, it is played again, whatever came of it, while other programs keep the
    /// machine's processors: milliseconds measured then are theirs.
    pub(crate) fn play(&self, name: &str) -> Run {
        for attempt in 1.. {
            let (stalled, since) = (stalled(), Instant::now());
            let run = scenario::run(&self.lab, &self.client, scenario::find(name).unwrap(), attempt, &|_| {});
            let run = run.unwrap_or_else(|error| panic!("{name}: {error}"));
            let share = (self::stalled() - stalled).as_secs_f64() / since.elapsed().as_secs_f64();
            for half in &run.phases {
                println!("{name}, {:.0} % of the time stalled: {half:?}", share * 100.0);
            }
            if self.turn.shared.is_some() || share <= QUIET || attempt == ATTEMPTS {
                return run;
            }
        }
        unreachable!("the last attempt counts")
    }
}

/// For how long, since the machine started, some process has waited for a processor; zero where the kernel does not count it.
fn stalled() -> Duration {
    let text = fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let total = text.split_whitespace().find_map(|word| word.strip_prefix("total="));
    Duration::from_micros(total.and_then(|micros| micros.parse().ok()).unwrap_or_default())
}

impl Drop for Bench {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.lab.logs(30));
        }
    }
}

/// Version 3 with an advertisement every 100 ms, and `track_lbd` where both programs are ours.
pub(crate) fn fast(software: [Software; 2]) -> Setup {
    Setup { software, timing: Timing::Fast, ..Setup::default() }
}

/// Whether a measured number of milliseconds is within a bound.
#[track_caller]
pub(crate) fn assert_within(what: &str, millis: f64, bound: Duration) {
    let bound = bound.as_secs_f64() * 1e3;
    assert!(millis <= bound, "{what}: {millis:.0} ms, at most {bound:.0} ms");
}

/// The address came to the other node (fault) or back to node 1 (repair), and the user waited no longer than this.
#[track_caller]
pub(crate) fn assert_moved(half: &Measured, outage: Duration) {
    assert!(half.vip_moved_ms.is_some(), "{}: the address did not move", half.what);
    assert_within(&half.what, half.outage_ms, outage);
}

/// Node 1 took the address back, and nobody noticed.
#[track_caller]
pub(crate) fn assert_fails_back(run: &Run) {
    assert_moved(&run.phases[1], FAIL_BACK);
    assert_within("both nodes", run.phases[1].two_holders_ms, OVERLAP);
}

/// The directory with `lbd`, `vrrpd` and `tandem` of this workspace, in the profile of the running test. Under cargo they are
/// brought up to date first, so that no test passes on old ones.
pub(crate) fn programs() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let test = env::current_exe().unwrap();
        // target/<profile>/deps/<test>
        let dir = test.parent().and_then(Path::parent).unwrap();
        if let Some(cargo) = env::var_os("CARGO") {
            let mut build = Command::new(cargo);
            build.args(["build", "--quiet", "-p", "lbd", "-p", "vrrpd", "-p", "tandem", "--bins"]);
            build.arg("--target-dir").arg(dir.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
            let profile = dir.file_name().and_then(|name| name.to_str()).unwrap();
            if profile != "debug" {
                build.args(["--profile", profile]);
            }
            assert!(build.status().unwrap().success(), "the programs of the pair do not build");
        }
        dir.to_owned()
    })
}
