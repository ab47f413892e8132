//! Hosts on a switch, and the loop that plays them.

use std::collections::BTreeMap;
use std::time::Duration;

use vrrp::*;

use crate::epoch;
use crate::host::{ETH, Frame, Host, Process};
use crate::net::Net;
use crate::rng::Rng;
use crate::trace::{Entry, Line};

enum Event {
    Arrive { to: usize, frame: Frame },
    Resume { host: usize, pause: u64, suspended: Option<Duration> },
}

pub(crate) struct Lan {
    seed: u64,
    rng: Rng,
    pub(crate) now: Duration,
    pub(crate) hosts: Vec<Host>,
    pub(crate) net: Net,
    /// Ordered by time, then by when they were queued.
    queue: BTreeMap<(Duration, u64), Event>,
    queued: u64,
    pub(crate) trace: Vec<Line>,
    /// Longest time by which a timeout is handled late.
    pub(crate) lateness: Duration,
    /// Timeouts handled.
    steps: u64,
}

impl Lan {
    /// Hosts that all start at 0.
    pub(crate) fn new(seed: u64, configs: Vec<InstanceConfig>) -> Self {
        let mut lan = Self::unstarted(seed, configs);
        for host in 0..lan.hosts.len() {
            lan.boot(host);
        }
        lan
    }

    pub(crate) fn unstarted(seed: u64, configs: Vec<InstanceConfig>) -> Self {
        let hosts: Vec<Host> =
            configs.into_iter().enumerate().map(|(index, config)| Host::new(index, config)).collect();
        Self {
            seed,
            rng: Rng::new(seed ^ 0x6c61_6e00),
            now: Duration::ZERO,
            net: Net::new(hosts.len()),
            hosts,
            queue: BTreeMap::new(),
            queued: 0,
            trace: Vec::new(),
            lateness: Duration::ZERO,
            steps: 0,
        }
    }

    /// Four of the longest intervals and two of the longest delays, in the network or in being woken.
    pub(crate) fn converge(&self) -> Duration {
        let longest = self.hosts.iter().map(|host| host.config.interval).max().unwrap();
        longest.to_duration() * 4 + (self.net.delay.1 + self.lateness) * 2
    }

    /// Plays everything that happens in this time.
    pub(crate) fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        loop {
            let wake = self.next_wake().filter(|(at, _)| *at <= until);
            let event = self.queue.first_key_value().map(|(&(at, _), _)| at).filter(|at| *at <= until);
            match (wake, event) {
                (None, None) => break,
                (Some((at, host)), event) if event.is_none_or(|event| at < event) => {
                    self.now = self.now.max(at);
                    self.wake(host);
                }
                (_, _) => {
                    let ((at, _), event) = self.queue.pop_first().expect("an event is due");
                    self.now = self.now.max(at);
                    self.play(event);
                }
            }
        }
        self.now = until;
    }

    // Faults and operators.

    /// Cuts all wires between two groups, both ways.
    pub(crate) fn partition(&mut self, one: &[usize], other: &[usize]) {
        self.event(one[0], format!("partition {one:?} | {other:?}"));
        for &a in one {
            for &b in other {
                self.net.set_cut(a, b, true);
                self.net.set_cut(b, a, true);
            }
        }
    }

    /// Cuts one wire in one direction.
    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        self.event(from, format!("no longer reaches #{to}"));
        self.net.set_cut(from, to, true);
    }

    /// Mends all wires.
    pub(crate) fn heal(&mut self) {
        self.event(0, "all wires mended".into());
        for from in 0..self.hosts.len() {
            for to in 0..self.hosts.len() {
                self.net.set_cut(from, to, false);
            }
        }
    }

    /// Ends the process as kill -9 does: its addresses stay until their lease ends.
    pub(crate) fn crash(&mut self, host: usize) {
        self.event(host, "crash".into());
        self.hosts[host].process = Process::Crashed;
        self.hosts[host].socket.clear();
    }

    /// Starts the process again after a crash. It begins by clearing addresses that it finds.
    pub(crate) fn restart(&mut self, host: usize) {
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
        let suspended = self.rng.chance(50).then_some(duration);
        let pause = self.hosts[host].pauses;
        self.push(self.now + duration, Event::Resume { host, pause, suspended });
    }

    pub(crate) fn stop(&mut self, host: usize) {
        self.hosts[host].stopped = true;
        self.command(host, "stop", Command::Stop);
    }

    pub(crate) fn start(&mut self, host: usize) {
        self.hosts[host].stopped = false;
        self.command(host, "start", Command::Start);
    }

    pub(crate) fn reload(&mut self, host: usize, config: InstanceConfig) {
        self.hosts[host].config = config.clone();
        let text = format!("reload with priority {}", config.priority);
        self.command(host, &text, Command::Reconfigure(NodeConfig::new(vec![config]).unwrap()));
    }

    pub(crate) fn track(&mut self, host: usize, track: TrackId, health: Health) {
        self.hosts[host].health.insert(track, health);
        if self.hosts[host].process == Process::Running {
            self.event(host, format!("{track:?} is {health:?}"));
            let now = self.instant();
            self.hosts[host].node.handle_track(now, track, health);
            self.settle(host);
        }
    }

    pub(crate) fn link(&mut self, host: usize, up: bool) {
        self.hosts[host].link.up = up;
        if self.hosts[host].process == Process::Running {
            self.event(host, format!("link up: {up}"));
            let (now, link) = (self.instant(), self.hosts[host].link);
            self.hosts[host].node.handle_link(now, ETH, link);
            self.settle(host);
        }
    }

    /// Somebody deletes an address by hand.
    pub(crate) fn lose_vip(&mut self, host: usize) {
        let (vip, id) = (crate::host::vip(), self.hosts[host].config.id());
        if self.hosts[host].process == Process::Running && self.hosts[host].holds(self.now) {
            self.event(host, "address deleted by hand".into());
            self.hosts[host].kernel.remove(&[vip]);
            let now = self.instant();
            self.hosts[host].node.handle_vip_lost(now, id, vip);
            self.settle(host);
        }
    }

    // Questions.

    /// The Active hosts among these that run.
    pub(crate) fn actives(&self, among: &[usize]) -> Vec<usize> {
        let is_active =
            |host: &&usize| self.hosts[**host].competes() && self.hosts[**host].role() == Role::Active;
        among.iter().filter(is_active).copied().collect()
    }

    /// The groups in which anybody competes, without those that do not.
    pub(crate) fn competing_groups(&self) -> Vec<Vec<usize>> {
        let groups = self.net.groups().into_iter().map(|mut group| {
            group.retain(|&host| self.hosts[host].competes());
            group
        });
        groups.filter(|group| !group.is_empty()).collect()
    }

    /// Exactly one Active in each group, and it alone there holds the address.
    pub(crate) fn assert_one_active_each(&self) {
        for group in self.competing_groups() {
            let actives = self.actives(&group);
            assert_eq!(actives.len(), 1, "Actives {actives:?} in {group:?} at {:?}", self.now);
            let holders: Vec<usize> =
                group.iter().filter(|&&host| self.hosts[host].holds(self.now)).copied().collect();
            assert_eq!(holders, actives, "holders and Actives of {group:?} at {:?}", self.now);
        }
    }

    /// What hosts did since a time.
    pub(crate) fn did_since(&self, since: Duration) -> impl Iterator<Item = (Duration, usize, &Action)> {
        self.trace.iter().filter(move |line| line.at >= since).filter_map(|line| match &line.entry {
            Entry::Did(action) => Some((line.at, line.host, action)),
            Entry::Event(_) | Entry::Heard { .. } => None,
        })
    }

    // The loop.

    fn instant(&self) -> std::time::Instant {
        epoch() + self.now
    }

    fn push(&mut self, at: Duration, event: Event) {
        self.queue.insert((at, self.queued), event);
        self.queued += 1;
    }

    pub(crate) fn event(&mut self, host: usize, text: String) {
        self.trace.push(Line { at: self.now, host, entry: Entry::Event(text) });
    }

    fn next_wake(&self) -> Option<(Duration, usize)> {
        let running = self.hosts.iter().enumerate().filter(|(_, host)| host.process == Process::Running);
        let wakes = running.filter_map(|(index, host)| {
            let at = host.node.poll_timeout()?.at - epoch();
            Some((at + self.late(at, index), index))
        });
        wakes.min()
    }

    /// How late this timeout is handled: the same whenever it is asked.
    fn late(&self, at: Duration, host: usize) -> Duration {
        let salt = u64::try_from(at.as_nanos()).unwrap() ^ (host as u64) << 56;
        Rng::new(self.seed ^ salt).between(Duration::ZERO, self.lateness)
    }

    fn wake(&mut self, host: usize) {
        let now = self.instant();
        self.hosts[host].node.handle_timeout(now);
        self.settle(host);
        let node = &mut self.hosts[host].node;
        assert!(node.poll_timeout().is_none_or(|wake| wake.at > now), "host {host} is woken for the past");
        // Now and then, for it doubles the work.
        if self.steps.is_multiple_of(8) {
            let due = node.poll_timeout();
            node.handle_timeout(now);
            assert_eq!(node.poll_action(), None, "a repeated timeout did something");
            assert_eq!(node.poll_timeout(), due, "a repeated timeout moved a timer");
        }
        self.steps += 1;
    }

    fn play(&mut self, event: Event) {
        match event {
            Event::Arrive { to, frame } => match self.hosts[to].process {
                Process::Running if self.hosts[to].link.up => self.receive(to, &frame),
                Process::Paused if self.hosts[to].link.up => self.hosts[to].socket.push_back(frame),
                Process::Running | Process::Paused | Process::Crashed => {}
            },
            Event::Resume { host, pause, suspended } => {
                if self.hosts[host].process == Process::Paused && self.hosts[host].pauses == pause {
                    self.resume(host, suspended);
                }
            }
        }
    }

    fn resume(&mut self, host: usize, suspended: Option<Duration>) {
        self.event(host, "resume".into());
        self.hosts[host].process = Process::Running;
        let now = self.instant();
        if let Some(duration) = suspended {
            self.hosts[host].node.handle_pause(now, duration);
            self.drain(host);
        } else if self.rng.chance(50) {
            self.hosts[host].node.handle_timeout(now);
            self.drain(host);
        }
        while let Some(frame) = self.hosts[host].socket.pop_front() {
            self.receive_quietly(host, &frame);
        }
        // What changed meanwhile is noticed now.
        let link = self.hosts[host].link;
        self.hosts[host].node.handle_link(now, ETH, link);
        self.drain(host);
        for (track, health) in self.hosts[host].health.clone() {
            self.hosts[host].node.handle_track(now, track, health);
            self.drain(host);
        }
        let command = if self.hosts[host].stopped { Command::Stop } else { Command::Start };
        self.hosts[host].node.handle_command(now, command);
        self.drain(host);
        self.wake(host);
    }

    fn boot(&mut self, host: usize) {
        let now = self.instant();
        let machine = &mut self.hosts[host];
        machine.process = Process::Running;
        machine.kernel.clear();
        machine.node = Node::new(NodeConfig::new(vec![machine.config.clone()]).unwrap());
        machine.node.handle_link(now, ETH, machine.link);
        for (&track, &health) in &machine.health {
            machine.node.handle_track(now, track, health);
        }
        if !machine.stopped {
            machine.node.handle_command(now, Command::Start);
        }
        self.settle(host);
    }

    fn command(&mut self, host: usize, text: &str, command: Command) {
        if self.hosts[host].process == Process::Running {
            self.event(host, text.into());
            let now = self.instant();
            self.hosts[host].node.handle_command(now, command);
            self.settle(host);
        }
    }

    fn receive(&mut self, to: usize, frame: &Frame) {
        self.receive_quietly(to, frame);
        self.assert_holds_what_it_should(to);
    }

    fn receive_quietly(&mut self, to: usize, frame: &Frame) {
        let now = self.instant();
        let src = self.hosts[frame.from].source();
        let ingress = Ingress { iface: ETH, src, dst: Family::V4.group(), ttl: 255, payload: &frame.bytes };
        let heard = Entry::Heard { from: frame.from, advertised: frame.advertised };
        self.trace.push(Line { at: self.now, host: to, entry: heard });
        let verdict = self.hosts[to].node.handle_packet(now, ingress);
        assert_eq!(verdict, Ok(()), "a frame of host {} to host {to}", frame.from);
        self.drain(to);
    }

    /// Carries out what the node asks for, and checks the outcome.
    fn settle(&mut self, host: usize) {
        self.drain(host);
        self.assert_holds_what_it_should(host);
    }

    fn drain(&mut self, host: usize) {
        while let Some((_, action)) = self.hosts[host].node.poll_action() {
            let lease = self.now + self.hosts[host].lease();
            match &action {
                Action::InstallVips { addresses } => self.hosts[host].kernel.install(addresses, lease),
                Action::RemoveVips { addresses } => self.hosts[host].kernel.remove(addresses),
                Action::Transmit(advertisement) => {
                    self.hosts[host].kernel.renew(lease);
                    self.transmit(host, advertisement);
                }
                Action::Announce { .. } => {
                    assert!(self.hosts[host].holds(self.now), "host {host} announces what it does not hold");
                }
                Action::Transitioned { .. } | Action::SplitBegan { .. } | Action::SplitEnded => {}
            }
            self.trace.push(Line { at: self.now, host, entry: Entry::Did(action) });
        }
    }

    fn transmit(&mut self, from: usize, advertisement: &Advertisement) {
        if !self.hosts[from].link.up {
            return;
        }
        let form = self.hosts[from].config.checksum;
        let bytes = advertisement.encode(self.hosts[from].source(), Family::V4.group(), form);
        let advertised = advertisement.advertised();
        for to in (0..self.hosts.len()).filter(|&to| to != from) {
            for at in self.net.send(&mut self.rng, self.now, from, to) {
                let frame = Frame { from, advertised, bytes: bytes.clone() };
                self.push(at, Event::Arrive { to, frame });
            }
        }
    }

    fn assert_holds_what_it_should(&self, host: usize) {
        let machine = &self.hosts[host];
        let is_active = machine.role() == Role::Active;
        assert_eq!(
            machine.holds(self.now),
            is_active,
            "host {host}: does it hold the address, is it Active?"
        );
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
                let InstanceConfig { priority, interval, preempt, version, .. } = host.config;
                eprintln!("host {index}: {version:?} {priority} {:?} {preempt:?}", interval.to_duration());
            }
            eprintln!("run it alone with VRRP_SIM_SEED={}", self.seed);
        }
    }
}
