//! `vrrp_garp_interval`, `vrrp_gna_interval` and `garp_group`: a switch gets announcements no faster than it can take them.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use config::keepalived::Config;
use vrrp::InstanceId;

/// A virtual router, and its address that is announced.
type Holder = (InstanceId, IpAddr);

/// Announcements that wait for their turn.
#[derive(Debug, Default)]
pub(crate) struct Pacing {
    /// Of interfaces in no group.
    default: Gaps,
    /// Of interfaces in a group: the first one of it stands for all.
    grouped: BTreeMap<String, (String, Gaps)>,
    lanes: BTreeMap<(String, bool), Lane>,
}

/// The least time between two gratuitous ARPs, and between two neighbour advertisements.
#[derive(Debug, Clone, Copy, Default)]
struct Gaps {
    arp: Duration,
    neighbour: Duration,
}

/// What goes one after the other: the announcements of a family on the interfaces of a group.
#[derive(Debug, Default)]
struct Lane {
    gap: Duration,
    /// When the next one may be sent.
    free_at: Option<Instant>,
    waiting: VecDeque<Holder>,
}

impl Pacing {
    /// Takes over what a configuration says. What waits goes on waiting.
    pub(crate) fn configure(&mut self, config: &Config) {
        let global = &config.global;
        self.default = Gaps { arp: global.garp_interval, neighbour: global.gna_interval };
        let member = |group: &config::keepalived::GarpGroup, name: &String| {
            let gaps = Gaps { arp: group.garp_interval, neighbour: group.gna_interval };
            let first = group.interfaces.first().unwrap_or(name);
            (name.clone(), (first.clone(), gaps))
        };
        let groups = config.garp_groups.iter();
        self.grouped =
            groups.flat_map(|group| group.interfaces.iter().map(move |name| member(group, name))).collect();
    }

    /// Whether an announcement on `interface` is to be sent now. Otherwise it waits, once however often it is wanted.
    pub(crate) fn admit(&mut self, now: Instant, interface: &str, holder: Holder) -> bool {
        let (name, gaps) =
            self.grouped.get(interface).map_or((interface, self.default), |(first, gaps)| (first, *gaps));
        let ipv6 = holder.1.is_ipv6();
        let gap = if ipv6 { gaps.neighbour } else { gaps.arp };
        if gap.is_zero() {
            return true;
        }
        let lane = self.lanes.entry((name.to_owned(), ipv6)).or_default();
        lane.gap = gap;
        if lane.waiting.is_empty() && lane.is_free(now) {
            lane.free_at = Some(now + gap);
            return true;
        }
        if !lane.waiting.contains(&holder) {
            lane.waiting.push_back(holder);
        }
        false
    }

    /// The next one that is to be sent now.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Holder> {
        self.lanes.values_mut().find_map(|lane| lane.next(now))
    }

    /// When [`due`](Self::due) has one.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.lanes.values().filter(|lane| !lane.waiting.is_empty()).filter_map(|lane| lane.free_at).min()
    }

    /// The address is given up: nobody is told any more that it is here.
    pub(crate) fn forget(&mut self, holder: Holder) {
        self.lanes.values_mut().for_each(|lane| lane.waiting.retain(|waiting| *waiting != holder));
    }
}

impl Lane {
    fn is_free(&self, now: Instant) -> bool {
        self.free_at.is_none_or(|at| at <= now)
    }

    fn next(&mut self, now: Instant) -> Option<Holder> {
        let holder = if self.is_free(now) { self.waiting.pop_front() } else { None };
        if holder.is_some() {
            self.free_at = Some(now + self.gap);
        }
        holder
    }
}

#[cfg(test)]
mod tests {
    use config::keepalived::{Options, parse};
    use config::source::Sources;
    use vrrp::{Family, IfIndex, Vrid};

    use super::*;

    fn pacing(text: &str) -> Pacing {
        let text = format!(
            "{text}\nvrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\npriority 100\n\
             virtual_ipaddress {{\n192.0.2.10\n}}\n}}\n"
        );
        let mut sources = Sources::new();
        let file = sources.add("keepalived.conf", text);
        let no_includes =
            |_: &std::path::Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
        let (config, found) = parse(&mut sources, file, &Options::default(), &no_includes);
        let mut pacing = Pacing::default();
        pacing.configure(&config.unwrap_or_else(|| panic!("{found:?}")));
        pacing
    }

    fn holder(address: &str) -> Holder {
        let vrid = Vrid::new(51).unwrap();
        (InstanceId { iface: IfIndex(2), vrid, family: Family::V4 }, address.parse().unwrap())
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn without_a_gap_nothing_waits() {
        let mut pacing = pacing("");
        let now = Instant::now();
        assert!((1..100).all(|_| pacing.admit(now, "eth0", holder("192.0.2.10"))));
        assert_eq!(pacing.next_at(), None);
    }

    #[test]
    fn announcements_wait_for_each_other_on_an_interface_and_within_a_family() {
        let mut pacing = pacing("global_defs {\nvrrp_garp_interval 0.005\nvrrp_gna_interval 0.002\n}");
        let now = Instant::now();
        let [a, b, c] = ["192.0.2.10", "192.0.2.11", "192.0.2.12"].map(holder);
        let [d, e] = ["2001:db8::10", "2001:db8::11"].map(holder);
        assert!(pacing.admit(now, "eth0", a));
        assert!(pacing.admit(now, "eth1", a));
        assert!(pacing.admit(now, "eth0", d));
        for waits in [b, c, e] {
            assert!(!pacing.admit(now, "eth0", waits));
        }
        assert_eq!(pacing.next_at(), Some(now + 2 * MS));
        assert_eq!(pacing.due(now + 2 * MS), Some(e));
        assert_eq!((pacing.due(now + 2 * MS), pacing.next_at()), (None, Some(now + 5 * MS)));
        // A late one delays the one after it.
        assert_eq!(pacing.due(now + 7 * MS), Some(b));
        assert_eq!((pacing.due(now + 7 * MS), pacing.next_at()), (None, Some(now + 12 * MS)));
        assert!(!pacing.admit(now + 12 * MS, "eth0", a), "who has waited comes first");
        assert_eq!(pacing.due(now + 12 * MS), Some(c));
        assert_eq!(pacing.due(now + 17 * MS), Some(a));
        assert_eq!((pacing.due(now + 30 * MS), pacing.next_at()), (None, None));
    }

    #[test]
    fn what_waits_already_does_not_wait_twice_and_what_is_given_up_not_at_all() {
        let mut pacing = pacing("global_defs {\nvrrp_garp_interval 0.005\n}");
        let now = Instant::now();
        let [a, b, c] = ["192.0.2.10", "192.0.2.11", "192.0.2.12"].map(holder);
        assert!(pacing.admit(now, "eth0", a));
        for _ in 0..3 {
            assert!(!pacing.admit(now, "eth0", b));
            assert!(!pacing.admit(now, "eth0", c));
        }
        pacing.forget(b);
        assert_eq!(pacing.due(now + 5 * MS), Some(c));
        assert_eq!(pacing.due(now + 10 * MS), None);
    }

    #[test]
    fn a_group_has_one_turn_for_all_its_interfaces_and_gaps_of_its_own() {
        let mut pacing = pacing(
            "global_defs {\nvrrp_garp_interval 1\nvrrp_gna_interval 1\n}\n\
             garp_group {\ngarp_interval 0.005\ninterfaces {\neth0\neth1\n}\n}",
        );
        let now = Instant::now();
        let [a, b, d] = ["192.0.2.10", "192.0.2.11", "2001:db8::10"].map(holder);
        assert!(pacing.admit(now, "eth1", a));
        assert!(!pacing.admit(now, "eth0", b));
        assert!(pacing.admit(now, "eth2", b));
        assert!((1..9).all(|_| pacing.admit(now, "eth0", d)), "the group sets no gap for these");
        assert_eq!(pacing.due(now + 5 * MS), Some(b));
    }
}
