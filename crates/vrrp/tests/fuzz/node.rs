//! Any sequence of inputs to a node with two virtual routers: the laws that hold whatever happens.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use vrrp::wire::Sequence;
use vrrp::*;

/// Reads choices from bytes. At their end every choice is 0.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    fn flag(&mut self) -> bool {
        self.below(2) == 1
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }
}

struct World {
    node: Node,
    now: Duration,
    /// By virtual router.
    held: [Vec<IpAddr>; 2],
    signed: bool,
}

/// The first bytes choose the configuration, the others what happens, step by step.
pub(crate) fn play(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let signed = choices.flag();
    let node = Node::new(configuration(&mut choices, signed));
    let mut world = World { node, now: Duration::ZERO, held: [Vec::new(), Vec::new()], signed };
    while !choices.0.is_empty() {
        world.now += Duration::from_millis(u64::from(choices.byte()) * u64::from(choices.byte()) / 16);
        world.step(&mut choices);
        world.carry_out();
        world.assert_laws();
    }
}

fn key() -> Key {
    Key::new(1, &[7; 32]).expect("a key")
}

fn interface(router: usize) -> IfIndex {
    IfIndex(u32::try_from(router).expect("0 or 1") + 2)
}

fn vip(router: usize, host: u8) -> IpAddr {
    [10, u8::try_from(router).expect("0 or 1"), 0, host].into()
}

fn instance(router: usize, choices: &mut Choices<'_>, signed: bool) -> InstanceConfig {
    let addresses = (0..=choices.below(3)).map(|host| vip(router, 100 + host)).collect();
    let mut config = InstanceConfig::new(interface(router), Vrid::new(51).expect("a VRID"), addresses);
    config.priority = Rank::new(choices.byte().max(1)).expect("1 to 255");
    config.version = if choices.flag() { Version::V2 } else { Version::V3 };
    if config.version == Version::V3 {
        let centiseconds = choices.word() % 300 + 1;
        config.interval = AdverInterval::from_centiseconds(centiseconds).expect("1 to 300");
    }
    config.preempt = match choices.below(3) {
        0 => Preempt::Immediate,
        1 => Preempt::Never,
        _ => Preempt::Delayed(Duration::from_millis(choices.word().into())),
    };
    config.down_timer_adverts = choices.below(5) + 1;
    config.ignore_link = choices.flag();
    config.silent_to_lower = choices.flag();
    config.last_word = choices.flag();
    config.owner_ignores = choices.flag();
    let weight = |value: u8| Weight::new(i16::from(value) - 128).expect("-128 to 127");
    config.trackers = (0..choices.below(3)).map(|id| (TrackId(id.into()), weight(choices.byte()))).collect();
    config.hmac = signed.then(|| HmacConfig::new(key()));
    config
}

fn configuration(choices: &mut Choices<'_>, signed: bool) -> NodeConfig {
    let mut instances = vec![instance(0, choices, signed)];
    if choices.flag() {
        instances.push(instance(1, choices, signed));
    }
    let members = instances.iter().map(InstanceConfig::id).collect();
    let groups = if choices.flag() { vec![SyncGroup { id: GroupId(1), members }] } else { Vec::new() };
    NodeConfig::new(instances).and_then(|config| config.with_groups(groups)).expect("a configuration")
}

impl World {
    fn instant(&self) -> Instant {
        epoch() + self.now
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let (now, router) = (self.instant(), usize::from(choices.below(2)));
        let ids: Vec<InstanceId> = self.node.instances().map(|instance| instance.id).collect();
        let id = ids[router % ids.len()];
        match choices.below(16) {
            0..=3 => self.hear(choices, router),
            4..=6 => {
                if let Some(wake) = self.node.poll_timeout() {
                    self.now = self.now.max(wake.at - epoch());
                    self.node.handle_timeout(wake.at);
                }
            }
            7 => self.node.handle_timeout(now),
            8 => {
                let v4 = choices.flag().then(|| [10, 0, 0, 11].into());
                let link = Link { up: choices.flag(), v4, v6: None };
                self.node.handle_link(now, interface(router), link);
            }
            9 => self.node.handle_link_gone(now, interface(router)),
            10 => {
                let health = [Health::Unknown, Health::Up, Health::Down][usize::from(choices.below(3))];
                self.node.handle_track(now, TrackId(choices.below(3).into()), health);
            }
            11 => {
                let start = choices.below(4) > 0;
                self.node.handle_command(now, if start { Command::Start } else { Command::Stop });
            }
            12 => {
                let config = configuration(choices, self.signed);
                self.node.handle_command(now, Command::Reconfigure(config));
            }
            13 => self.node.handle_pause(now, Duration::from_millis(choices.word().into())),
            14 => self.node.handle_vip_lost(now, id, vip(router, 99 + choices.below(5))),
            _ => {
                let by = choices.flag().then_some(MacAddr([2, 0, 0, 0, 0, 1]));
                self.node.handle_vip_answer(now, id, vip(router, 100 + choices.below(3)), by);
            }
        }
    }

    /// An advertisement with a byte spoilt, or none.
    fn hear(&mut self, choices: &mut Choices<'_>, router: usize) {
        let Some(ours) = self.node.instances().nth(router) else { return };
        let src = vip(router, 10 + choices.below(4));
        let version = if choices.below(8) == 0 { Version::V2 } else { Version::V3 };
        let interval = match version {
            Version::V2 => AdverInterval::DEFAULT,
            Version::V3 => AdverInterval::from_centiseconds(choices.word() % 300 + 1).expect("1 to 300"),
        };
        let (priority, addresses) = (choices.byte().into(), vec![vip(router, 100)]);
        let mut sent =
            Advertisement::new(version, ours.id.vrid, priority, interval, addresses, Authentication::None)
                .expect("an advertisement");
        if self.signed && choices.below(8) > 0 {
            let time = Duration::from_millis(choices.word().into());
            sent = sent.signed(key(), Sequence::at(self.now.saturating_sub(time)));
        }
        let mut bytes = sent.encode(src, Family::V4.group(), Checksum::Rfc9568);
        if choices.below(3) == 0 {
            let at = usize::from(choices.byte()) % bytes.len();
            bytes[at] = choices.byte();
        }
        let now = self.instant();
        if self.signed {
            self.node.handle_wall_clock(now, self.now);
        }
        let before = self.node.poll_timeout();
        let ingress =
            Ingress { iface: interface(router), src, dst: Family::V4.group(), ttl: 255, payload: &bytes };
        if self.node.handle_packet(now, ingress).is_err() {
            assert_eq!(self.node.poll_timeout(), before, "a packet that fails a check moves no timer");
        }
    }

    fn carry_out(&mut self) {
        while let Some((id, action)) = self.node.poll_action() {
            let held = &mut self.held[usize::try_from(id.iface.0 - 2).expect("0 or 1")];
            match action {
                Action::InstallVips { addresses } => {
                    held.retain(|vip| !addresses.contains(vip));
                    held.extend(addresses);
                }
                Action::RemoveVips { addresses } => {
                    assert!(addresses.iter().all(|vip| held.contains(vip)));
                    held.retain(|vip| !addresses.contains(vip));
                }
                Action::Announce { addresses } => assert!(addresses.iter().all(|vip| held.contains(vip))),
                Action::Transitioned { from, to, .. } => assert_ne!(from, to),
                Action::Transmit(_) | Action::SplitBegan { .. } | Action::SplitEnded => {}
            }
        }
    }

    fn assert_laws(&self) {
        for instance in self.node.instances() {
            let held = &self.held[usize::try_from(instance.id.iface.0 - 2).expect("0 or 1")];
            assert_eq!(instance.role == Role::Active, !held.is_empty(), "{instance:?} {held:?}");
            assert!(instance.split.is_none() || instance.role == Role::Active);
            assert!(!instance.waiting || instance.role == Role::Backup);
        }
        for group in self.node.groups() {
            let faults = self.node.instances().filter(|member| matches!(member.role, Role::Fault(_))).count();
            let all = self.node.instances().count();
            assert!(faults == 0 || faults == all, "{group:?}: some take part and some cannot");
        }
        // A timeout leaves nothing due, and a second one does nothing.
        let now = self.instant();
        let mut later = self.node.clone();
        later.handle_timeout(now);
        while later.poll_action().is_some() {}
        let due = later.poll_timeout();
        assert!(due.is_none_or(|wake| wake.at > now), "{due:?} at {now:?}");
        later.handle_timeout(now);
        assert_eq!(later.poll_action(), None);
        assert_eq!(later.poll_timeout(), due);
    }
}

/// The one reading of a clock: an `Instant` cannot be made otherwise.
#[expect(clippy::disallowed_methods)]
fn epoch() -> Instant {
    static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}
