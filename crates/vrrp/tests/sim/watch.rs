//! Watches for an address that two hold at once.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::lan::Lan;

/// Since when two hosts that hear each other on a segment have both held its address: (segment, one, other).
#[derive(Default)]
pub(crate) struct Watch(BTreeMap<(usize, usize, usize), Duration>);

impl Lan {
    /// Two that hear each other settle it with their next advertisements, and one that is dead or stopped loses the
    /// address with its lease: nothing lasts longer than the longest lease, an interval, and the delays in between.
    pub(crate) fn watch_for_two_holders(&mut self) {
        for segment in 0..self.segments() {
            let holds = |host: &usize| self.hosts[*host].holds_on(segment, self.now);
            let holders: Vec<usize> = (0..self.hosts.len()).filter(holds).collect();
            if holders.len() < 2 {
                self.watch.0.retain(|(at, _, _), _| *at != segment);
                continue;
            }
            let now = self.now;
            let joined = |one: usize, other: usize| {
                holders.contains(&one)
                    && holders.contains(&other)
                    && self.net.is_sound(segment, one, other)
                    && [one, other].iter().all(|&host| self.hosts[host].links[segment].up)
            };
            self.watch.0.retain(|&(at, one, other), _| at != segment || joined(one, other));
            for (index, &one) in holders.iter().enumerate() {
                for &other in &holders[index + 1..] {
                    if joined(one, other) {
                        self.watch.0.entry((segment, one, other)).or_insert(now);
                    }
                }
            }
        }
        let longest = self.longest_interval();
        let bound = longest * 4 + (self.net.delay.1 + self.lateness) * 2 + self.slack();
        if let Some((&(segment, one, other), &since)) =
            self.watch.0.iter().find(|(_, since)| self.now - **since > bound)
        {
            panic!(
                "hosts {one} and {other} have both held the address of segment {segment} since {since:?}, it is {:?}",
                self.now
            );
        }
    }
}
