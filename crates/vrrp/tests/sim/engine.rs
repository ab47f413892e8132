//! The loop that plays a LAN.

use std::time::{Duration, Instant};

use vrrp::*;

use crate::host::{Frame, Host, Process, interface, segment};
use crate::lan::Lan;
use crate::rng::Rng;
use crate::trace::{Entry, Line};

pub(crate) enum Event {
    Arrive { to: usize, frame: Frame },
    Resume { host: usize, pause: u64, slept: Duration },
}

impl Lan {
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
            self.watch_for_two_holders();
        }
        self.now = until;
    }

    pub(crate) fn push(&mut self, at: Duration, event: Event) {
        self.queue.insert((at, self.queued), event);
        self.queued += 1;
    }

    /// An operator, or the kernel, tells a process that runs.
    pub(crate) fn told(&mut self, host: usize, text: String, tell: impl FnOnce(&mut Node, Instant)) {
        if self.hosts[host].process == Process::Running {
            self.event(host, text);
            self.tell(host, tell);
            self.assert_holds_what_it_should(host);
        }
    }

    pub(crate) fn boot(&mut self, host: usize) {
        let machine = &mut self.hosts[host];
        machine.process = Process::Running;
        machine.kernel.clear();
        machine.node = Node::new(machine.setup.node());
        for (segment, link) in machine.links.clone().into_iter().enumerate() {
            self.tell(host, |node, now| node.handle_link(now, interface(segment), link));
        }
        for (track, health) in self.hosts[host].health.clone() {
            self.tell(host, |node, now| node.handle_track(now, track, health));
        }
        if !self.hosts[host].stopped {
            self.tell(host, |node, now| node.handle_command(now, Command::Start));
        }
        self.assert_holds_what_it_should(host);
    }

    fn next_wake(&self) -> Option<(Duration, usize)> {
        let running = self.hosts.iter().enumerate().filter(|(_, host)| host.process == Process::Running);
        let wakes = running.filter_map(|(index, host)| {
            let at = host.node.poll_timeout()?.at - crate::epoch();
            Some((host.clock.global(at) + self.late(at, index), index))
        });
        wakes.min()
    }

    /// How late this timeout is handled: the same whenever it is asked.
    fn late(&self, at: Duration, host: usize) -> Duration {
        if self.lateness == Duration::ZERO {
            return Duration::ZERO;
        }
        let salt = u64::try_from(at.as_nanos()).unwrap() ^ (host as u64) << 56;
        Rng::new(self.seed ^ salt).between(Duration::ZERO, self.lateness)
    }

    fn wake(&mut self, host: usize) {
        self.tell(host, Node::handle_timeout);
        if self.hosts[host].process != Process::Running {
            return;
        }
        self.assert_holds_what_it_should(host);
        let now = self.hosts[host].instant(self.now);
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
            Event::Arrive { to, frame } => {
                let up = self.hosts[to].links[frame.segment].up;
                match self.hosts[to].process {
                    Process::Running if up => {
                        self.receive(to, &frame);
                        self.assert_holds_what_it_should(to);
                    }
                    Process::Paused if up => self.hosts[to].socket.push_back(frame),
                    Process::Running | Process::Paused | Process::Crashed => {}
                }
            }
            Event::Resume { host, pause, slept } => {
                if self.hosts[host].process == Process::Paused && self.hosts[host].pauses == pause {
                    self.resume(host, slept);
                }
            }
        }
    }

    fn resume(&mut self, host: usize, slept: Duration) {
        self.event(host, "resume".into());
        self.hosts[host].process = Process::Running;
        let InstanceSnapshot { role, effective_priority, .. } = self.hosts[host].snapshot();
        let InstanceConfig { version, interval, down_timer_adverts, .. } = *self.hosts[host].config();
        let down_interval = down_interval(version, interval, effective_priority, down_timer_adverts);
        let lapsed = |segment| !self.hosts[host].holds_on(segment, self.now);
        if slept <= down_interval + self.slack() {
            // It may be longer than a lease all the same. A driver must not put such addresses back: only an election does.
            if role == Role::Active && (0..self.segments()).any(lapsed) {
                self.tell(host, |node, now| node.handle_pause(now, Duration::MAX));
            }
        } else if self.rng.chance(50) {
            // A suspended machine: its driver has another clock to see it by.
            self.tell(host, |node, now| node.handle_pause(now, slept));
        } else if self.rng.chance(50) {
            self.tell(host, Node::handle_timeout);
        }
        while let Some(frame) = self.hosts[host].socket.pop_front() {
            self.receive(host, &frame);
        }
        // What changed meanwhile is noticed now.
        for (segment, link) in self.hosts[host].links.clone().into_iter().enumerate() {
            self.tell(host, |node, now| node.handle_link(now, interface(segment), link));
        }
        for (track, health) in self.hosts[host].health.clone() {
            self.tell(host, |node, now| node.handle_track(now, track, health));
        }
        let command = if self.hosts[host].stopped { Command::Stop } else { Command::Start };
        self.tell(host, |node, now| node.handle_command(now, command));
        self.wake(host);
    }

    fn receive(&mut self, to: usize, frame: &Frame) {
        let Frame { segment, from, advertised, ref bytes } = *frame;
        let src = self.hosts[from].source(segment);
        let ingress =
            Ingress { iface: interface(segment), src, dst: Family::V4.group(), ttl: 255, payload: bytes };
        let heard = Entry::Heard { from, advertised };
        self.trace.push(Line { at: self.now, host: to, segment, entry: heard });
        let mut verdict = Ok(());
        self.tell(to, |node, now| verdict = node.handle_packet(now, ingress));
        let signed = self.hosts[to].config().hmac.is_some();
        match verdict {
            // A copy, one that was overtaken, one that waited in the socket.
            Err(Discard::AuthExtReplay | Discard::AuthExtStale) if signed => {}
            verdict => assert_eq!(verdict, Ok(()), "a frame of host {from} to host {to}"),
        }
    }

    /// Tells a node something, if it runs, and carries out what it asks for.
    fn tell(&mut self, host: usize, tell: impl FnOnce(&mut Node, Instant)) {
        let machine = &mut self.hosts[host];
        if machine.process != Process::Running {
            return;
        }
        let now = machine.instant(self.now);
        if machine.config().hmac.is_some() {
            machine.node.handle_wall_clock(now, Host::wall(self.now));
        }
        tell(&mut machine.node, now);
        while let Some((id, action)) = self.hosts[host].node.poll_action() {
            match &mut self.hosts[host].fuse {
                Some(0) => {
                    self.crash(host);
                    return;
                }
                Some(left) => *left -= 1,
                None => {}
            }
            self.carry_out(host, segment(id), &action);
            self.trace.push(Line { at: self.now, host, segment: segment(id), entry: Entry::Did(action) });
        }
    }

    fn carry_out(&mut self, host: usize, segment: usize, action: &Action) {
        let lease = self.now + self.hosts[host].lease();
        match action {
            Action::InstallVips { addresses } => {
                self.hosts[host].kernel.install(segment, addresses, lease);
            }
            Action::RemoveVips { addresses } => self.hosts[host].kernel.remove(segment, addresses),
            Action::Transmit(advertisement) => {
                self.hosts[host].kernel.renew(segment, lease);
                self.transmit(host, segment, advertisement);
            }
            Action::Announce { .. } => {
                let holds = self.hosts[host].holds_on(segment, self.now);
                assert!(holds, "host {host} announces what it does not hold");
            }
            Action::Transitioned { .. } | Action::SplitBegan { .. } | Action::SplitEnded => {}
        }
    }

    fn transmit(&mut self, from: usize, segment: usize, advertisement: &Advertisement) {
        if !self.hosts[from].links[segment].up {
            return;
        }
        let form = self.hosts[from].setup.0[segment].checksum;
        let bytes = advertisement.encode(self.hosts[from].source(segment), Family::V4.group(), form);
        let advertised = advertisement.advertised();
        for to in (0..self.hosts.len()).filter(|&to| to != from) {
            for at in self.net.send(&mut self.rng, self.now, segment, from, to) {
                let frame = Frame { segment, from, advertised, bytes: bytes.clone() };
                self.push(at, Event::Arrive { to, frame });
            }
        }
    }
}
