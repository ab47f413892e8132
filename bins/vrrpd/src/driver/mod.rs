//! The loop: one input, the node, its actions in order, the next deadline. It decides nothing about VRRP.

mod actions;
mod inputs;
mod links;
mod reload;
mod telling;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use config::keepalived::Config;
use tokio::sync::mpsc;
use tracing::{error, info, warn};
use vip_netlink::{AnnounceError, Announcer, Claim, Event, Handle, Monitor, NetlinkError};
use vrrp::{Command, ConfigError, Discard, IfIndex, InstanceId, InstanceStats, Link, Node};

use crate::claims::Claims;
use crate::clock::{self, SuspendWatch, now};
use crate::complaints::Complaints;
use crate::configuration::Source;
use crate::debounce::Debounce;
use crate::executor::Executor;
use crate::fights::Fights;
use crate::firewall::Firewall;
use crate::guardian::Line;
use crate::lint::Mismatch;
use crate::locks::{Locked, Locks};
use crate::notify::{Notifier, NotifyState};
use crate::plan::{self, Plan};
use crate::scheduling::AutoPriority;
use crate::serve::{Question, Servers};
use crate::signals::{Request, Signals};
use crate::sockets::{Received, Sockets};
use crate::status::History;
use crate::tracking::{Report, TrackIds, Trackers};

/// A loop that was this late was not just busy: the process was stopped, or the machine was.
const PAUSE: Duration = Duration::from_millis(250);
/// Packets of one turn. Timers come between turns, so that no flood of packets keeps them waiting.
const PACKETS_A_TURN: usize = 64;
/// What the kernel refused is tried again after this.
const RETRY: Duration = Duration::from_secs(1);
/// Between these the guardian's patience is two advertisement intervals.
const SHORTEST_SILENCE: Duration = Duration::from_millis(300);
const LONGEST_SILENCE: Duration = Duration::from_secs(1);
/// How long a start waits for another daemon that is about to end, and how often it looks.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_RETRY: Duration = Duration::from_millis(10);
/// Longest sleep.
const HOUR: Duration = Duration::from_secs(3600);

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The configuration makes no sense on this machine.
    #[error("the configuration cannot be run: {0}")]
    Plan(#[from] ConfigError),
    /// Another daemon has one of the virtual routers.
    #[error(transparent)]
    Locked(#[from] Locked),
    /// Netlink does not work.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// No packet socket.
    #[error(transparent)]
    Announce(#[from] AnnounceError),
    /// No signals.
    #[error("signals cannot be caught: {0}")]
    Signals(#[source] std::io::Error),
}

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Driver {
    node: Node,
    plan: Plan,
    /// The plan before, while its virtual routers are being ended.
    retired: Option<Plan>,
    config: Config,
    source: Source,
    ids: TrackIds,
    /// As the node was told; `None`: not there.
    links: BTreeMap<IfIndex, Option<Link>>,
    executor: Executor,
    monitor: Monitor,
    trackers: Trackers,
    notifier: Notifier,
    claims: Claims,
    signals: Signals,
    packets: mpsc::Receiver<Received>,
    reports: mpsc::Receiver<Report>,
    suspend: SuspendWatch,
    /// `interface_up_down_delays`.
    debounce: Debounce,
    /// What was told of each sync group last.
    group_states: BTreeMap<String, NotifyState>,
    /// When the node is started (`vrrp_startup_delay`), until it was.
    start_at: Option<Instant>,
    retry_at: Option<Instant>,
    /// After an error of the monitor.
    deaf_until: Option<Instant>,
    discards: Complaints<(InstanceId, Discard)>,
    lists: Complaints<InstanceId>,
    mismatches: Complaints<(InstanceId, Mismatch)>,
    /// `log_unknown_vrids`
    unknown: Complaints<Option<InstanceId>>,
    history: History,
    /// RFC 6527's last reason to discard a packet.
    protocol_errors: BTreeMap<InstanceId, &'static str>,
    /// The counters when they were last cleared.
    cleared: BTreeMap<InstanceId, InstanceStats>,
    locks: Locks,
    fights: Fights,
    firewall: Firewall,
    auto_priority: AutoPriority,
    servers: Servers,
    questions: mpsc::Receiver<Question>,
    started: Instant,
    stopped: bool,
}

/// What a turn is about.
#[derive(Debug)]
enum Input {
    Packet(Received),
    Network(Result<Event, NetlinkError>),
    Report(Report),
    Claim(Claim),
    Request(Request),
    Question(Question),
    Deadline,
}

impl Driver {
    /// Opens everything, clears what an earlier run left, and starts the node.
    pub(crate) async fn start(
        source: Source,
        config: Config,
        guardian: Line,
        firewall: Firewall,
    ) -> Result<Self, StartError> {
        let signals = Signals::listen().map_err(StartError::Signals)?;
        let announcer = Announcer::open()?;
        let (sockets, packets) = Sockets::new();
        let (trackers, reports) = Trackers::new();
        let (servers, questions) = Servers::new();
        let mut executor = Executor::new(Handle::open()?, announcer, sockets, guardian);
        let monitor = Monitor::open().await?;
        let mut ids = TrackIds::default();
        let plan = Plan::new(&config, |name| index_of(&monitor, &executor, name), &mut ids)?;
        let mut locks = Locks::default();
        lock(&mut locks, &plan).await?;
        // Only now: those that are there may be another daemon's.
        executor.adapt_vmacs(&plan::vmacs(&config)).await;
        let monitor = Monitor::open().await?;
        let plan = Plan::new(&config, |name| index_of(&monitor, &executor, name), &mut ids)?;
        executor.adapt_secondaries(&plan.promoting()).await;
        executor.clear_leftovers(&plan).await?;
        let mut driver = Self {
            auto_priority: AutoPriority::new(&config.global.scheduling),
            node: Node::new(plan.node.clone()),
            notifier: Notifier::new(&config.global),
            claims: Claims::listen()?,
            start_at: Some(now() + start_delay(&config)),
            plan,
            retired: None,
            config,
            source,
            ids,
            links: BTreeMap::new(),
            executor,
            monitor,
            trackers,
            signals,
            packets,
            reports,
            suspend: SuspendWatch::start(),
            group_states: BTreeMap::new(),
            debounce: Debounce::default(),
            retry_at: None,
            deaf_until: None,
            discards: Complaints::default(),
            lists: Complaints::default(),
            mismatches: Complaints::default(),
            unknown: Complaints::default(),
            history: History::default(),
            protocol_errors: BTreeMap::new(),
            cleared: BTreeMap::new(),
            locks,
            fights: Fights::default(),
            firewall,
            servers,
            questions,
            started: now(),
            stopped: false,
        };
        driver.refuse_packets();
        driver.servers.apply(&driver.config.global);
        driver.debounce.configure(&driver.config.interface_delays);
        driver.executor.pacing.configure(&driver.config);
        driver.say_what_is_odd();
        driver.executor.fix(&driver.plan.fixed).await;
        driver.trackers.apply(&driver.plan.trackers);
        driver.look_at_links().await;
        driver.look_at_tracked_network().await;
        driver.open_sockets();
        info!("Startup complete");
        driver.executor.guardian.ready();
        driver.executor.guardian.limit(silence_limit(&driver.plan), now());
        driver.start_when_due(now()).await;
        Ok(driver)
    }

    /// Runs until it is told to stop.
    pub(crate) async fn run(mut self) {
        while !self.stopped {
            let deadline = self.deadline();
            let input = self.input(deadline).await;
            self.turn(input, deadline).await;
        }
        info!("Stopped vrrpd v{}", env!("CARGO_PKG_VERSION"));
    }

    /// Drops packets to the addresses of `no_accept`. Where that cannot be done the addresses are held all the same.
    fn refuse_packets(&mut self) {
        if let Err(error) = self.firewall.apply(&self.config) {
            error!("`no_accept`: packets to the virtual addresses are not dropped: {error}");
        }
    }

    async fn input(&mut self, deadline: Instant) -> Input {
        let hears = self.deaf_until.is_none_or(|until| until <= now());
        tokio::select! {
            request = self.signals.next() => Input::Request(request),
            Some(packet) = self.packets.recv() => Input::Packet(packet),
            event = self.monitor.next(), if hears => Input::Network(event),
            Some(report) = self.reports.recv() => Input::Report(report),
            Some(question) = self.questions.recv() => Input::Question(question),
            Some(claim) = self.claims.next() => Input::Claim(claim),
            () = tokio::time::sleep_until(deadline.into()) => Input::Deadline,
        }
    }

    async fn turn(&mut self, input: Input, deadline: Instant) {
        let late = now().saturating_duration_since(deadline);
        self.node.handle_wall_clock(now(), clock::wall());
        if let Some(line) = self.auto_priority.handle_delay(late) {
            warn!("{line}");
        }
        self.notice_pause(late).await;
        match input {
            Input::Packet(packet) => self.packet(&packet).await,
            Input::Network(Ok(event)) => self.network(event).await,
            Input::Network(Err(error)) => {
                warn!("changes of interfaces and addresses are not heard: {error}");
                self.deaf_until = Some(now() + RETRY);
            }
            Input::Report(report) => self.report(report).await,
            Input::Claim(claim) => self.claim(claim).await,
            Input::Request(request) => self.request(request).await,
            Input::Question(question) => self.answer(question),
            Input::Deadline => {}
        }
        self.deadlines(late).await;
    }

    /// A process that was stopped, or a machine that was suspended, must not act on a role that it has lost.
    async fn notice_pause(&mut self, late: Duration) {
        if let Some(asleep) = self.suspend.suspended() {
            warn!("the machine was suspended for {:.1} s", asleep.as_secs_f64());
            self.node.handle_pause(now(), asleep);
            self.carry_out().await;
        }
        let lapsed = self.executor.take_lapsed(now());
        if !lapsed.is_empty() && late > PAUSE {
            warn!("not run for {:.1} s: leases of VIPs have run out", late.as_secs_f64());
            // Whatever the down interval is, addresses that were gone come back by an election alone.
            self.node.handle_pause(now(), Duration::MAX);
            self.carry_out().await;
        }
    }

    /// Does what is due. Packets that wait are older than a timer that fires now, and are heard first.
    async fn deadlines(&mut self, late: Duration) {
        self.executor.guardian.beat(now());
        let due = |node: &Node| node.poll_timeout().is_some_and(|wake| wake.at <= now());
        if due(&self.node) {
            if late > PAUSE {
                // Lets the tasks that read the sockets run.
                tokio::task::yield_now().await;
            }
            self.waiting_packets().await;
            self.node.handle_timeout(now());
            self.carry_out().await;
        }
        self.start_when_due(now()).await;
        if self.debounce.next().is_some_and(|at| at <= now()) {
            self.look_at_links().await;
            self.look_at_tracked_network().await;
        }
        if self.executor.next_upkeep().is_some_and(|at| at <= now()) {
            self.executor.renew().await;
            self.executor.refresh(&self.plan, self.monitor.view()).await;
            self.executor.announce_waiting(&self.plan, self.monitor.view()).await;
            self.executor.keep_routes(&self.plan).await;
        }
        if self.claims.next_at().is_some_and(|at| at <= now()) {
            self.ask_for_addresses().await;
        }
        if self.retry_at.is_some_and(|at| at <= now()) {
            self.retry_at = None;
            self.open_sockets();
            if self.executor.vmacs.any_failed() {
                self.executor.adapt_vmacs(&plan::vmacs(&self.config)).await;
                if self.plan.is_stale(|name| index_of(&self.monitor, &self.executor, name)) {
                    self.plan_again().await;
                }
            }
            for (id, address) in self.executor.restore_unheld(&self.plan).await {
                self.node.handle_vip_lost(now(), id, address);
                self.carry_out().await;
            }
        }
        let to_retry = self.executor.sockets.any_failed()
            || self.executor.vmacs.any_failed()
            || self.executor.any_unheld();
        if to_retry && self.retry_at.is_none() {
            self.retry_at = Some(now() + RETRY);
        }
    }

    fn deadline(&self) -> Instant {
        let node = self.node.poll_timeout().map(|wake| wake.at);
        let beat = self.executor.guardian.next_beat();
        let ask = self.claims.next_at();
        let steady = self.debounce.next();
        let others =
            [self.executor.next_upkeep(), beat, ask, steady, self.start_at, self.retry_at, self.deaf_until];
        let deaf = |at: &Instant| Some(*at) != self.deaf_until || *at > now();
        let all = node.into_iter().chain(others.into_iter().flatten()).filter(deaf);
        all.min().unwrap_or_else(|| now() + HOUR)
    }

    async fn start_when_due(&mut self, at: Instant) {
        if self.start_at.is_some_and(|due| due <= at) {
            self.start_at = None;
            self.node.handle_wall_clock(at, clock::wall());
            self.node.handle_command(at, Command::Start);
            self.carry_out().await;
        }
    }
}

/// A process that was killed a moment ago may still be there.
async fn lock(locks: &mut Locks, plan: &Plan) -> Result<(), Locked> {
    let until = now() + LOCK_PATIENCE;
    loop {
        match locks.take(plan) {
            Err(_) if now() < until => tokio::time::sleep(LOCK_RETRY).await,
            result => return result,
        }
    }
}

/// How long the guardian waits for a sign of life: less than the shortest down interval, where that leaves time to be
/// busy, so that the addresses of a hung worker are gone before another node takes them.
fn silence_limit(plan: &Plan) -> Duration {
    let shortest = plan.instances.values().map(|instance| instance.config.interval.to_duration()).min();
    (shortest.unwrap_or(LONGEST_SILENCE) * 2).clamp(SHORTEST_SILENCE, LONGEST_SILENCE)
}

/// The index of an interface: one that we made is known before the kernel's report of it was read.
fn index_of(monitor: &Monitor, executor: &Executor, name: &str) -> Option<u32> {
    executor.vmacs.index(name).or_else(|| monitor.view().link_named(name).map(|link| link.index))
}

/// `vrrp_startup_delay` and what is left of `vrrp_delay_after_boot`.
fn start_delay(config: &Config) -> Duration {
    let since_boot = clock::since_boot().unwrap_or(Duration::MAX);
    config.global.startup_delay.max(config.global.delay_after_boot.saturating_sub(since_boot))
}
