//! Hosts on switches, and what goes wrong with them.

use std::collections::BTreeMap;
use std::time::Duration;

use vrrp::*;

use crate::engine::Event;
use crate::host::{Host, Process, Setup, interface, vip};
use crate::net::Net;
use crate::rng::Rng;
use crate::trace::{Entry, Line};
use crate::watch::Watch;

pub(crate) struct Lan {
    pub(crate) seed: u64,
    pub(crate) rng: Rng,
    pub(crate) now: Duration,
    pub(crate) hosts: Vec<Host>,
    pub(crate) net: Net,
    /// Ordered by time, then by when they were queued.
    pub(crate) queue: BTreeMap<(Duration, u64), Event>,
    pub(crate) queued: u64,
    pub(crate) trace: Vec<Line>,
    /// Longest time by which a timeout is handled late.
    pub(crate) lateness: Duration,
    /// Timeouts handled.
    pub(crate) steps: u64,
    pub(crate) watch: Watch,
    /// Longest interval that was ever configured.
    longest: Duration,
    /// Longest down timer that was ever configured, in advertisements.
    down_adverts: u32,
}

impl Lan {
    /// Hosts on one segment that all start at 0.
    pub(crate) fn new(seed: u64, configs: Vec<InstanceConfig>) -> Self {
        Self::with(seed, configs.into_iter().map(|config| Setup(vec![config])).collect(), &[])
    }

    /// Hosts with these clocks, the same number of segments each, that all start at 0.
    pub(crate) fn with(seed: u64, setups: Vec<Setup>, drifts: &[i32]) -> Self {
        let segments = setups[0].0.len();
        let mut hosts: Vec<Host> =
            setups.into_iter().enumerate().map(|(index, setup)| Host::new(index, setup)).collect();
        for (host, &drift) in hosts.iter_mut().zip(drifts) {
            host.clock.drift = drift;
        }
        let mut lan = Self {
            seed,
            rng: Rng::new(seed ^ 0x6c61_6e00),
            now: Duration::ZERO,
            net: Net::new(segments, hosts.len()),
            hosts,
            queue: BTreeMap::new(),
            queued: 0,
            trace: Vec::new(),
            lateness: Duration::ZERO,
            steps: 0,
            watch: Watch::default(),
            longest: Duration::ZERO,
            down_adverts: 0,
        };
        for host in 0..lan.hosts.len() {
            lan.remember_extremes(host);
            lan.boot(host);
        }
        lan
    }

    pub(crate) fn segments(&self) -> usize {
        self.hosts[0].setup.0.len()
    }

    pub(crate) fn longest_interval(&self) -> Duration {
        self.longest
    }

    /// What drifting clocks add to any of the bounds.
    pub(crate) fn slack(&self) -> Duration {
        let drift = self.hosts.iter().map(|host| host.clock.drift.unsigned_abs()).max().unwrap();
        self.longest * self.down_adverts * drift * 2 / 1_000_000
    }

    /// A down interval of the slowest and one interval, and two of the longest delays, in the network or in being woken.
    /// Where an Active lets a lower one go unanswered, that one hears of it an interval later.
    /// A sync group waits for the slowest of its members, once to get ready and once after a step back.
    pub(crate) fn converge(&self) -> Duration {
        let silent = self.hosts.iter().any(|host| host.config().silent_to_lower);
        let once = self.longest * (self.down_adverts + 1 + u32::from(silent))
            + (self.net.delay.1 + self.lateness) * 2
            + self.slack();
        if self.segments() > 1 { once * 3 } else { once }
    }

    // Faults and operators.

    /// Cuts all wires between two groups, both ways, on all segments.
    pub(crate) fn partition(&mut self, one: &[usize], other: &[usize]) {
        for segment in 0..self.segments() {
            self.partition_on(segment, one, other);
        }
    }

    pub(crate) fn partition_on(&mut self, segment: usize, one: &[usize], other: &[usize]) {
        self.event_on(segment, one[0], format!("partition {one:?} | {other:?}"));
        for &a in one {
            for &b in other {
                self.net.set_cut(segment, a, b, true);
                self.net.set_cut(segment, b, a, true);
            }
        }
    }

    /// Cuts one wire in one direction.
    pub(crate) fn cut(&mut self, segment: usize, from: usize, to: usize) {
        self.event_on(segment, from, format!("no longer reaches #{to}"));
        self.net.set_cut(segment, from, to, true);
    }

    /// Mends all wires.
    pub(crate) fn heal(&mut self) {
        self.event(0, "all wires mended".into());
        for segment in 0..self.segments() {
            for from in 0..self.hosts.len() {
                for to in 0..self.hosts.len() {
                    self.net.set_cut(segment, from, to, false);
                }
            }
        }
    }

    /// Ends the process as kill -9 does: its addresses stay until their lease ends.
    pub(crate) fn crash(&mut self, host: usize) {
        self.event(host, "crash".into());
        self.hosts[host].process = Process::Crashed;
        self.hosts[host].fuse = None;
        self.hosts[host].socket.clear();
    }

    /// Ends the process in the middle of what it does next: so many actions are carried out, and the rest is not.
    pub(crate) fn crash_after(&mut self, host: usize, actions: usize) {
        if self.hosts[host].process == Process::Running {
            self.event(host, format!("will crash after {actions} actions"));
            self.hosts[host].fuse = Some(actions);
        }
    }

    /// Starts the process again after a crash. It begins by clearing addresses that it finds.
    pub(crate) fn restart(&mut self, host: usize) {
        self.hosts[host].fuse = None;
        if self.hosts[host].process == Process::Crashed {
            self.event(host, "restart".into());
            self.boot(host);
        }
    }

    /// Stops the process for a while, as SIGSTOP does, or the machine, as suspend does.
    pub(crate) fn pause(&mut self, host: usize, duration: Duration) {
        if self.hosts[host].process != Process::Running {
            return;
        }
        self.event(host, format!("pause of {duration:?}"));
        self.hosts[host].process = Process::Paused;
        self.hosts[host].pauses += 1;
        let pause = self.hosts[host].pauses;
        self.push(self.now + duration, Event::Resume { host, pause, slept: duration });
    }

    pub(crate) fn stop(&mut self, host: usize) {
        self.hosts[host].stopped = true;
        self.told(host, "stop".into(), |node, now| node.handle_command(now, Command::Stop));
    }

    pub(crate) fn start(&mut self, host: usize) {
        self.hosts[host].stopped = false;
        self.told(host, "start".into(), |node, now| node.handle_command(now, Command::Start));
    }

    pub(crate) fn reload(&mut self, host: usize, setup: Setup) {
        if self.hosts[host].process != Process::Running {
            return;
        }
        let config = setup.node();
        self.hosts[host].setup = setup;
        self.remember_extremes(host);
        let InstanceConfig { priority, interval, preempt, down_timer_adverts, addresses, .. } =
            self.hosts[host].config();
        let text = format!(
            "reload: priority {priority}, {:?}, {preempt:?}, {down_timer_adverts} adverts, {addresses:?}",
            interval.to_duration()
        );
        self.told(host, text, |node, now| node.handle_command(now, Command::Reconfigure(config)));
    }

    pub(crate) fn track(&mut self, host: usize, track: TrackId, health: Health) {
        self.hosts[host].health.insert(track, health);
        let text = format!("{track:?} is {health:?}");
        self.told(host, text, |node, now| node.handle_track(now, track, health));
    }

    pub(crate) fn link(&mut self, host: usize, segment: usize, up: bool) {
        self.hosts[host].links[segment].up = up;
        let link = self.hosts[host].links[segment];
        let text = format!("link {segment} up: {up}");
        self.told(host, text, |node, now| node.handle_link(now, interface(segment), link));
    }

    /// Somebody deletes an address by hand.
    pub(crate) fn lose_vip(&mut self, host: usize, segment: usize) {
        let id = self.hosts[host].setup.0[segment].id();
        if self.hosts[host].process == Process::Running && self.hosts[host].holds_on(segment, self.now) {
            self.hosts[host].kernel.remove(segment, &[vip(segment)]);
            let text = "address deleted by hand".into();
            self.told(host, text, |node, now| node.handle_vip_lost(now, id, vip(segment)));
        }
    }

    pub(crate) fn event(&mut self, host: usize, text: String) {
        self.event_on(0, host, text);
    }

    fn event_on(&mut self, segment: usize, host: usize, text: String) {
        self.trace.push(Line { at: self.now, host, segment, entry: Entry::Event(text) });
    }

    fn remember_extremes(&mut self, host: usize) {
        let config = self.hosts[host].config();
        self.longest = self.longest.max(config.interval.to_duration());
        self.down_adverts = self.down_adverts.max(config.down_timer_adverts.into());
    }
}

/// A failing test shows how it came to that.
impl Drop for Lan {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let skipped = self.trace.len().saturating_sub(400);
            eprintln!("seed {} at {:?}; {skipped} lines before these:", self.seed, self.now);
            for line in &self.trace[skipped..] {
                eprintln!("{line}");
            }
            for (index, host) in self.hosts.iter().enumerate() {
                let InstanceConfig { priority, interval, preempt, version, .. } = host.config();
                let drift = host.clock.drift;
                let interval = interval.to_duration();
                eprintln!("host {index}: {version:?} {priority} {interval:?} {preempt:?} drift {drift} ppm");
            }
            eprintln!("run it alone with VRRP_SIM_SEED={}", self.seed);
        }
    }
}
