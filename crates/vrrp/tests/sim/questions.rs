//! What a LAN can be asked.

use std::time::Duration;

use vrrp::*;

use crate::host::Process;
use crate::lan::Lan;
use crate::trace::Entry;

impl Lan {
    /// The Active hosts on the first segment among these that run.
    pub(crate) fn actives(&self, among: &[usize]) -> Vec<usize> {
        self.actives_on(0, among)
    }

    pub(crate) fn actives_on(&self, segment: usize, among: &[usize]) -> Vec<usize> {
        let is_active = |host: &&usize| {
            self.hosts[**host].competes(segment) && self.hosts[**host].role(segment) == Role::Active
        };
        among.iter().filter(is_active).copied().collect()
    }

    /// The groups in which anybody competes, without those that do not.
    pub(crate) fn competing_groups(&self, segment: usize) -> Vec<Vec<usize>> {
        let groups = self.net.groups(segment).into_iter().map(|mut group| {
            group.retain(|&host| self.hosts[host].competes(segment));
            group
        });
        groups.filter(|group| !group.is_empty()).collect()
    }

    /// Exactly one Active in each group, it alone there holds the address, and all of a sync group are alike.
    pub(crate) fn assert_one_active_each(&self) {
        for segment in 0..self.segments() {
            for group in self.competing_groups(segment) {
                let actives = self.actives_on(segment, &group);
                assert_eq!(
                    actives.len(),
                    1,
                    "Actives {actives:?} in {group:?} on segment {segment} at {:?}",
                    self.now
                );
                let holds = |host: &&usize| self.hosts[**host].holds_on(segment, self.now);
                let holders: Vec<usize> = group.iter().filter(holds).copied().collect();
                assert_eq!(holders, actives, "holders and Actives of {group:?} at {:?}", self.now);
            }
        }
        for (index, host) in self.hosts.iter().enumerate() {
            let is_active = |segment| host.role(segment) == Role::Active;
            let alike = (1..self.segments()).all(|segment| is_active(segment) == is_active(0));
            assert!(
                alike || host.process != Process::Running,
                "host {index} is Active in part at {:?}",
                self.now
            );
        }
    }

    pub(crate) fn assert_holds_what_it_should(&self, host: usize) {
        let machine = &self.hosts[host];
        if machine.process != Process::Running {
            return;
        }
        for segment in 0..self.segments() {
            let is_active = machine.role(segment) == Role::Active;
            let holds = machine.holds_on(segment, self.now);
            assert_eq!(holds, is_active, "host {host}: does it hold the address, is it Active?");
        }
    }

    /// What hosts did since a time.
    pub(crate) fn did_since(&self, since: Duration) -> impl Iterator<Item = (Duration, usize, &Action)> {
        self.did_on_each(since).map(|(at, host, _, action)| (at, host, action))
    }

    /// What hosts did since a time, and on which segment.
    pub(crate) fn did_on_each(
        &self,
        since: Duration,
    ) -> impl Iterator<Item = (Duration, usize, usize, &Action)> {
        let first = self.trace.partition_point(|line| line.at < since);
        self.trace[first..].iter().filter_map(|line| match &line.entry {
            Entry::Did(action) => Some((line.at, line.host, line.segment, action)),
            Entry::Event(_) | Entry::Heard { .. } => None,
        })
    }
}
