//! The wires: one for each ordered pair of hosts.

use std::time::Duration;

use crate::rng::Rng;

#[derive(Clone, Copy, Default)]
struct Wire {
    cut: bool,
    /// Frames on one wire do not overtake each other.
    last: Duration,
}

pub(crate) struct Net {
    hosts: usize,
    wires: Vec<Wire>,
    /// Bounds of the delay of each frame.
    pub(crate) delay: (Duration, Duration),
    /// Percentage of frames lost.
    pub(crate) loss: u64,
    /// Percentage of frames that arrive twice.
    pub(crate) duplication: u64,
}

impl Net {
    pub(crate) fn new(hosts: usize) -> Self {
        let delay = (Duration::from_micros(50), Duration::from_micros(200));
        Self { hosts, wires: vec![Wire::default(); hosts * hosts], delay, loss: 0, duplication: 0 }
    }

    pub(crate) fn set_cut(&mut self, from: usize, to: usize, cut: bool) {
        self.wires[from * self.hosts + to].cut = cut;
    }

    pub(crate) fn is_open(&self, from: usize, to: usize) -> bool {
        !self.wires[from * self.hosts + to].cut
    }

    /// When a frame sent now arrives: not at all, once or twice.
    pub(crate) fn send(&mut self, rng: &mut Rng, now: Duration, from: usize, to: usize) -> Vec<Duration> {
        if !self.is_open(from, to) || rng.chance(self.loss) {
            return Vec::new();
        }
        let copies = if rng.chance(self.duplication) { 2 } else { 1 };
        let wire = &mut self.wires[from * self.hosts + to];
        let arrivals = (0..copies).map(|_| {
            wire.last = wire.last.max(now + rng.between(self.delay.0, self.delay.1));
            wire.last
        });
        arrivals.collect()
    }

    /// Hosts that hear each other, as groups.
    pub(crate) fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for host in 0..self.hosts {
            let linked = |other: &usize| self.is_open(host, *other) && self.is_open(*other, host);
            match groups.iter_mut().find(|group| group.iter().any(linked)) {
                Some(group) => {
                    assert!(group.iter().all(linked), "the topology is no set of partitions");
                    group.push(host);
                }
                None => groups.push(vec![host]),
            }
        }
        groups
    }
}
