//! The wires: on each segment one for each ordered pair of hosts.

use std::time::Duration;

use crate::rng::Rng;

#[derive(Clone, Copy, Default)]
struct Wire {
    cut: bool,
    /// The last arrival: frames on one wire do not overtake each other, as a rule.
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
    /// Percentage of frames that may overtake others.
    pub(crate) reordering: u64,
}

impl Net {
    pub(crate) fn new(segments: usize, hosts: usize) -> Self {
        let delay = (Duration::from_micros(50), Duration::from_micros(200));
        let wires = vec![Wire::default(); segments * hosts * hosts];
        Self { hosts, wires, delay, loss: 0, duplication: 0, reordering: 0 }
    }

    pub(crate) fn set_cut(&mut self, segment: usize, from: usize, to: usize, cut: bool) {
        self.wire(segment, from, to).cut = cut;
    }

    pub(crate) fn is_open(&self, segment: usize, from: usize, to: usize) -> bool {
        !self.wires[self.index(segment, from, to)].cut
    }

    /// Whether two hosts hear each other, and all that the other says.
    pub(crate) fn is_sound(&self, segment: usize, one: usize, other: usize) -> bool {
        self.loss == 0 && self.is_open(segment, one, other) && self.is_open(segment, other, one)
    }

    /// When a frame sent now arrives: not at all, once or twice.
    pub(crate) fn send(
        &mut self,
        rng: &mut Rng,
        now: Duration,
        segment: usize,
        from: usize,
        to: usize,
    ) -> Vec<Duration> {
        if !self.is_open(segment, from, to) || rng.chance(self.loss) {
            return Vec::new();
        }
        let copies = if rng.chance(self.duplication) { 2 } else { 1 };
        let (low, high) = self.delay;
        let arrivals = (0..copies).map(|_| {
            let overtakes = rng.chance(self.reordering);
            let wire = self.wire(segment, from, to);
            let arrival = now + rng.between(low, high);
            if overtakes {
                return arrival;
            }
            wire.last = wire.last.max(arrival);
            wire.last
        });
        arrivals.collect()
    }

    /// Hosts that hear each other on a segment, as groups.
    pub(crate) fn groups(&self, segment: usize) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for host in 0..self.hosts {
            let linked =
                |other: &usize| self.is_open(segment, host, *other) && self.is_open(segment, *other, host);
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

    fn wire(&mut self, segment: usize, from: usize, to: usize) -> &mut Wire {
        let index = self.index(segment, from, to);
        &mut self.wires[index]
    }

    fn index(&self, segment: usize, from: usize, to: usize) -> usize {
        (segment * self.hosts + from) * self.hosts + to
    }
}
