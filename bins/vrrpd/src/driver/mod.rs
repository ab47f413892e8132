//! The loop: one input, the node, its actions in order, the next deadline. It decides nothing about VRRP.

mod inputs;
mod reload;
mod telling;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use config::keepalived::Config;
use tokio::sync::mpsc;
use tracing::{error, info, warn};
use vip_netlink::{AnnounceError, Announcer, Claim, Event, Handle, Monitor, NetlinkError};
use vrrp::{
    Action, Cause, Command, ConfigError, Discard, FaultReason, IfIndex, InstanceId, InstanceStats, Link,
    Node, Rank, Role,
};

use crate::claims::Claims;
use crate::clock::{self, SuspendWatch, now};
use crate::complaints::Complaints;
use crate::configuration::Source;
use crate::debounce::Debounce;
use crate::executor::Executor;
use crate::fights::Fights;
use crate::firewall::Firewall;
use crate::guardian::Line;
use crate::lint::{self, Mismatch};
use crate::locks::{Locked, Locks};
use crate::network;
use crate::notify::{Notifier, NotifyState, Subject};
use crate::plan::{self, InstancePlan, Plan};
use crate::scheduling::AutoPriority;
use crate::serve::{Question, Servers};
use crate::signals::{Request, Signals};
use crate::sockets::{Received, Sockets};
use crate::status::History;
use crate::tracking::{Report, TrackIds, Trackers};
use crate::wording;

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
        executor.adapt_vmacs(&plan::vmacs(&config)).await;
        let monitor = Monitor::open().await?;
        let mut ids = TrackIds::default();
        let plan = Plan::new(&config, |name| index_of(&monitor, &executor, name), &mut ids)?;
        let mut locks = Locks::default();
        lock(&mut locks, &plan).await?;
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
            self.executor.keep_routes(&self.plan).await;
        }
        if self.claims.next_at().is_some_and(|at| at <= now()) {
            self.ask_for_addresses().await;
        }
        if self.retry_at.is_some_and(|at| at <= now()) {
            self.retry_at = None;
            self.open_sockets();
            if self.executor.vmacs.any_failed() {
                self.plan_again().await;
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

    /// Drains the node. Everything else that it is told waits until the kernel has acknowledged all of it.
    async fn carry_out(&mut self) {
        let mut actions = Vec::new();
        while let Some(action) = self.node.poll_action() {
            actions.push(action);
        }
        for (id, action) in &actions {
            if let Action::Transitioned { from, to, cause } = action {
                self.log_transition(*id, *from, *to, *cause);
            }
        }
        for (id, action) in actions {
            // Hundreds of virtual routers that change at once take their time, and are no hang.
            self.executor.guardian.beat(now());
            self.execute(id, action).await;
        }
        self.tell_groups();
    }

    /// Tells the groups whose members have all come to another state.
    fn tell_groups(&mut self) {
        for snapshot in self.node.groups() {
            let Some(group) = self.plan.groups.get(&snapshot.id) else { continue };
            let Some(state) = NotifyState::of_role(snapshot.role) else { continue };
            let before = self.group_states.get(&group.name).copied();
            if before.unwrap_or(NotifyState::Stop) == state {
                continue;
            }
            self.group_states.insert(group.name.clone(), state);
            info!("VRRP_Group({}) Syncing instances to {} state", group.name, state.word());
            self.notifier.tell(Subject::Group { name: &group.name }, &group.notify, state);
        }
    }

    async fn execute(&mut self, id: InstanceId, action: Action) {
        let current = self.plan.instances.get(&id);
        let retired = || self.retired.as_ref().and_then(|plan| plan.instances.get(&id));
        let Some(instance) = current.or_else(retired) else { return };
        match action {
            Action::InstallVips { addresses } => {
                for &address in &addresses {
                    if self.claims.hold((id, address), now()) {
                        self.executor.ask(id, instance, address, self.monitor.view()).await;
                    }
                }
                self.executor.install(id, instance, &addresses).await;
            }
            Action::RemoveVips { addresses } => {
                if !self.is_active(id) {
                    self.executor.unroute(id, instance).await;
                }
                self.executor.remove(id, instance, &addresses).await;
                addresses.iter().for_each(|&address| self.claims.release((id, address)));
                if !self.is_active(id) {
                    self.executor.lower_vmacs(instance).await;
                }
            }
            Action::Transmit(advertisement) => {
                if self.is_active(id) {
                    self.executor.raise_vmac(instance).await;
                }
                let source = self.source_of(instance);
                let form = |to| self.node.checksum_to(id, to).unwrap_or(instance.config.checksum);
                let destinations: Vec<_> =
                    instance.destinations().into_iter().map(|to| (to, form(to))).collect();
                self.executor.transmit(id, instance, source, &destinations, &advertisement).await;
                if self.is_active(id) {
                    self.executor.accompany(id, instance, self.monitor.view()).await;
                }
            }
            Action::Announce { addresses } => {
                self.executor.announce(id, instance, &addresses, self.monitor.view()).await;
            }
            Action::SplitBegan { rival } => {
                warn!("({}) {}", instance.name, wording::split(rival));
                let subject =
                    Subject::Instance { name: &instance.name, rank: rank(&self.node, id, instance) };
                self.notifier.tell_split(subject, &instance.notify, true);
            }
            Action::SplitEnded => {
                info!("({}) {}", instance.name, wording::SPLIT_ENDED);
                let subject =
                    Subject::Instance { name: &instance.name, rank: rank(&self.node, id, instance) };
                self.notifier.tell_split(subject, &instance.notify, false);
            }
            Action::Transitioned { from, to, cause } => {
                if from == Role::Active {
                    self.executor.fell_silent(id, instance);
                }
                if let Some(state) = NotifyState::of(to, cause).filter(|_| !self.is_untold(id, to)) {
                    let rank = rank(&self.node, id, instance);
                    let subject = Subject::Instance { name: &instance.name, rank };
                    self.notifier.tell(subject, &instance.notify, state);
                }
            }
        }
    }

    /// Whether the node, which is ahead of its actions, wants the virtual router to be Active.
    fn is_active(&self, id: InstanceId) -> bool {
        self.node.instance(id).is_some_and(|snapshot| snapshot.role == Role::Active)
    }

    /// What is no news: a move, and waiting for one of the sync group that waits for a first result itself.
    fn is_untold(&self, id: InstanceId, to: Role) -> bool {
        let waits = |member| {
            let role = self.node.instance(member).map(|snapshot| snapshot.role);
            matches!(role, Some(Role::Fault(FaultReason::TrackUnknown(_))))
        };
        self.has_moved(id) || matches!(to, Role::Fault(FaultReason::SyncGroup(member)) if waits(member))
    }

    /// A virtual router whose interface was made anew has another identity in the node, and is the same to everybody
    /// else: what ends is not worth telling.
    fn has_moved(&self, id: InstanceId) -> bool {
        let retired = self.retired.as_ref().and_then(|plan| plan.instances.get(&id));
        !self.plan.instances.contains_key(&id)
            && retired.is_some_and(|old| self.plan.instances.values().any(|new| new.name == old.name))
    }

    fn log_transition(&mut self, id: InstanceId, from: Role, to: Role, cause: Cause) {
        if self.has_moved(id) {
            return;
        }
        let retired = self.retired.as_ref();
        let plan =
            if self.plan.instances.contains_key(&id) { &self.plan } else { retired.unwrap_or(&self.plan) };
        let Some(instance) = plan.instances.get(&id) else { return };
        let rank = rank(&self.node, id, instance);
        for line in wording::transition(from, to, cause, rank, |tracker| plan.tracker_label(tracker)) {
            info!("({}) {line}", instance.name);
        }
        let name = instance.name.clone();
        self.explain(id, &name, from, to, cause);
    }

    fn open_sockets(&mut self) {
        let wanted = self.wanted_sockets();
        self.executor.sockets.open(&wanted);
    }

    fn wanted_sockets(&self) -> std::collections::BTreeSet<crate::sockets::SocketKey> {
        Sockets::wanted(&self.plan, |instance| self.source_of(instance))
    }

    fn source_of(&self, instance: &InstancePlan) -> Option<IpAddr> {
        let link = self.links.get(&instance.config.iface).copied().flatten()?;
        instance.config.source_on(&link)
    }

    fn say_what_is_odd(&self) {
        for (name, &index) in &self.plan.interfaces {
            if crate::plan::existing(index).is_none() {
                warn!("Interface {name} is not there (yet): it is waited for");
            }
        }
        lint::outside(&self.plan, self.monitor.view()).iter().for_each(|line| warn!("{line}"));
    }

    /// What a link counts as. One that is down for a moment counts as it was, with addresses that go with it.
    fn steadied(&mut self, iface: IfIndex, link: Link) -> Link {
        let name = self.plan.interfaces.iter().find(|(_, index)| **index == iface).map(|(name, _)| name);
        let Some(name) = name else { return link };
        match (self.debounce.judge(now(), name, link.up), link.up) {
            (true, false) => self.links.get(&iface).copied().flatten().unwrap_or(link),
            (up, _) => Link { up, ..link },
        }
    }

    /// Tells the node the state of each interface that has changed.
    async fn look_at_links(&mut self) {
        for iface in self.plan.speaking() {
            let link = network::link(self.monitor.view(), &self.plan, iface);
            let link = link.map(|link| self.steadied(iface, link));
            let before = self.links.insert(iface, link);
            if before == Some(link) {
                continue;
            }
            let is_up = |link: Option<Link>| link.is_some_and(|link| link.up);
            if let Some(before) = before
                && is_up(before) != is_up(link)
            {
                let name = self.plan.interfaces.iter().find(|(_, index)| **index == iface);
                let name = name.map_or("an interface", |(name, _)| name.as_str());
                info!("Netlink reports {name} {}", if is_up(link) { "up" } else { "down" });
            }
            match link {
                Some(link) => self.node.handle_link(now(), iface, link),
                None => self.node.handle_link_gone(now(), iface),
            }
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

fn rank(node: &Node, id: InstanceId, instance: &InstancePlan) -> Rank {
    node.instance(id).map_or(instance.config.priority, |snapshot| snapshot.effective_priority)
}

/// `vrrp_startup_delay` and what is left of `vrrp_delay_after_boot`.
fn start_delay(config: &Config) -> Duration {
    let since_boot = clock::since_boot().unwrap_or(Duration::MAX);
    config.global.startup_delay.max(config.global.delay_after_boot.saturating_sub(since_boot))
}
