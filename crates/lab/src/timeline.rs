//! What happened, as pure functions of recorded events and requests: who held the address when, and what the user felt.

use crate::clock::Stamp;
use crate::node::NodeChange;
use crate::probe::Probe;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Something that happened in the lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Stamp,
    /// To which node.
    pub node: String,
    /// What.
    pub what: What,
}

/// What can happen to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The node itself reported it.
    Reported(NodeChange),
    /// It lost power: whatever it held is gone.
    PoweredOff,
    /// It was switched on.
    PoweredOn,
}

/// A stretch of time, its end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its first moment.
    pub from: Stamp,
    /// The first moment after it.
    pub until: Stamp,
}

impl Window {
    /// How long it is.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.until.since(self.from)
    }

    /// Whether `at` lies in it.
    #[must_use]
    pub fn contains(&self, at: Stamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// One node had the address for one uninterrupted time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Which node.
    pub node: String,
    /// When.
    pub window: Window,
}

/// Who had `address` when, up to `until`; in the order of beginnings. An address that is added again (a refreshed lease) is
/// still the same holding. Events may come in any order.
#[must_use]
pub fn holdings(events: &[Event], address: IpAddr, until: Stamp) -> Vec<Holding> {
    let mut sorted: Vec<&Event> = events.iter().filter(|event| event.at < until).collect();
    sorted.sort_by_key(|event| event.at);
    let mut since: BTreeMap<&str, Stamp> = BTreeMap::new();
    let mut found = Vec::new();
    let end = |node: &str, from: Option<Stamp>, at: Stamp| {
        from.map(|from| Holding { node: node.to_owned(), window: Window { from, until: at } })
    };
    for event in sorted {
        match &event.what {
            What::Reported(NodeChange::AddressAdded(added)) if *added == address => {
                since.entry(&event.node).or_insert(event.at);
            }
            What::Reported(NodeChange::AddressRemoved(removed)) if *removed == address => {
                found.extend(end(&event.node, since.remove(event.node.as_str()), event.at));
            }
            What::PoweredOff => found.extend(end(&event.node, since.remove(event.node.as_str()), event.at)),
            What::Reported(_) | What::PoweredOn => {}
        }
    }
    found.extend(since.into_iter().filter_map(|(node, from)| end(node, Some(from), until)));
    found.sort_by(|a, b| (a.window.from, &a.node).cmp(&(b.window.from, &b.node)));
    found
}

/// The longest uninterrupted time within `window` in which two nodes or more had the address.
#[must_use]
pub fn longest_with_two(holdings: &[Holding], window: Window) -> Duration {
    longest_with(holdings, window, |holders| holders >= 2)
}

/// The longest uninterrupted time within `window` in which no node had the address.
#[must_use]
pub fn longest_with_none(holdings: &[Holding], window: Window) -> Duration {
    longest_with(holdings, window, |holders| holders == 0)
}

/// How long after the beginning of `window` the node got the address, if it did within it.
#[must_use]
pub fn gained(holdings: &[Holding], node: &str, window: Window) -> Option<Duration> {
    holdings
        .iter()
        .find(|holding| holding.node == node && window.contains(holding.window.from))
        .map(|holding| holding.window.from.since(window.from))
}

/// The longest time within `window` in which no good answer arrived; the edges of the window count as arrivals. This is what
/// a user feels who asks all the time.
#[must_use]
pub fn outage(probes: &[Probe], window: Window) -> Window {
    let answered = probes.iter().filter(|probe| probe.outcome.is_ok()).map(|probe| probe.start + probe.took);
    let mut arrivals: Vec<Stamp> = answered.filter(|at| window.contains(*at)).collect();
    arrivals.extend([window.from, window.until]);
    arrivals.sort_unstable();
    arrivals
        .windows(2)
        .map(|pair| Window { from: pair[0], until: pair[1] })
        .max_by_key(Window::length)
        .unwrap_or(window)
}

/// Requests and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All of them.
    pub total: usize,
    /// Those that did not get the whole answer in time.
    pub failed: usize,
    /// The failed ones by what came instead.
    pub reasons: BTreeMap<String, usize>,
}

/// Counts the requests that started within `window`.
#[must_use]
pub fn tally(probes: &[Probe], window: Window) -> Tally {
    let mut tally = Tally::default();
    for probe in probes.iter().filter(|probe| window.contains(probe.start)) {
        tally.total += 1;
        if !probe.outcome.is_ok() {
            tally.failed += 1;
            *tally.reasons.entry(probe.outcome.to_string()).or_default() += 1;
        }
    }
    tally
}

fn longest_with(holdings: &[Holding], window: Window, wanted: impl Fn(i32) -> bool) -> Duration {
    let mut changes: Vec<(Stamp, i32)> = Vec::new();
    for holding in holdings {
        let (from, until) = (holding.window.from.max(window.from), holding.window.until.min(window.until));
        if from < until {
            changes.push((from, 1));
            changes.push((until, -1));
        }
    }
    // All changes of one moment count together: a hand-over without a gap is no moment without a holder.
    changes.push((window.until, 0));
    changes.sort_unstable_by_key(|(at, _)| *at);
    let (mut holders, mut longest, mut since) = (0, Duration::ZERO, window.from);
    let mut open = wanted(0);
    for moment in changes.chunk_by(|a, b| a.0 == b.0) {
        let at = moment[0].0;
        if open {
            longest = longest.max(at.since(since));
        }
        holders += moment.iter().map(|(_, change)| change).sum::<i32>();
        let now = wanted(holders);
        if now && !open {
            since = at;
        }
        open = now;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Outcome;
    use proptest::prelude::*;

    const VIP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 87, 10));

    fn ms(at: u64) -> Stamp {
        Stamp::from_nanos(at * 1_000_000)
    }

    fn window(from: u64, until: u64) -> Window {
        Window { from: ms(from), until: ms(until) }
    }

    fn held(node: &str, from: u64, until: u64) -> Holding {
        Holding { node: node.to_owned(), window: window(from, until) }
    }

    fn event(at: u64, node: &str, what: What) -> Event {
        Event { at: ms(at), node: node.to_owned(), what }
    }

    fn added(at: u64, node: &str) -> Event {
        event(at, node, What::Reported(NodeChange::AddressAdded(VIP)))
    }

    fn removed(at: u64, node: &str) -> Event {
        event(at, node, What::Reported(NodeChange::AddressRemoved(VIP)))
    }

    fn probe(at: u64, outcome: Outcome) -> Probe {
        Probe { start: ms(at), took: Duration::from_millis(2), outcome, server: None, via: None }
    }

    #[test]
    fn a_refreshed_lease_is_one_holding() {
        let events = [added(10, "node1"), added(20, "node1"), added(30, "node1"), removed(40, "node1")];
        assert_eq!(holdings(&events, VIP, ms(100)), [held("node1", 10, 40)]);
    }

    #[test]
    fn power_off_ends_a_holding_and_other_addresses_do_not_count() {
        let other = "192.168.87.6".parse().unwrap();
        let events = [
            event(5, "node1", What::Reported(NodeChange::AddressAdded(other))),
            added(50, "node2"),
            added(10, "node1"),
            event(45, "node1", What::PoweredOff),
            event(60, "node1", What::PoweredOn),
        ];
        assert_eq!(holdings(&events, VIP, ms(100)), [held("node1", 10, 45), held("node2", 50, 100)]);
    }

    #[test]
    fn overlap_and_gap_are_measured_within_the_window() {
        let all = [held("node1", 0, 40), held("node2", 30, 100)];
        assert_eq!(longest_with_two(&all, window(0, 100)), Duration::from_millis(10));
        assert_eq!(longest_with_two(&all, window(35, 100)), Duration::from_millis(5));
        assert_eq!(longest_with_two(&all, window(50, 100)), Duration::ZERO);
        assert_eq!(longest_with_none(&all, window(0, 130)), Duration::from_millis(30));
    }

    #[test]
    fn a_hand_over_without_a_gap_leaves_nobody_without() {
        let all = [held("node1", 0, 40), held("node2", 40, 100)];
        assert_eq!(longest_with_none(&all, window(0, 100)), Duration::ZERO);
        assert_eq!(longest_with_two(&all, window(0, 100)), Duration::ZERO);
        assert_eq!(gained(&all, "node2", window(10, 100)), Some(Duration::from_millis(30)));
        assert_eq!(gained(&all, "node1", window(10, 100)), None);
    }

    #[test]
    fn an_outage_lasts_from_answer_to_answer() {
        let probes = [
            probe(5, Outcome::Ok),
            probe(10, Outcome::Refused),
            probe(15, Outcome::Timeout),
            probe(20, Outcome::Ok),
        ];
        assert_eq!(outage(&probes, window(0, 25)), window(7, 22));
        let counted = tally(&probes, window(0, 20));
        assert_eq!((counted.total, counted.failed), (3, 2));
        assert_eq!(counted.reasons, BTreeMap::from([("refused".to_owned(), 1), ("timeout".to_owned(), 1)]));
    }

    #[test]
    fn without_any_success_the_outage_is_the_window() {
        assert_eq!(outage(&[], window(10, 35)), window(10, 35));
        assert_eq!(outage(&[probe(12, Outcome::Reset)], window(10, 35)), window(10, 35));
    }

    #[test]
    fn a_request_that_waited_for_its_answer_shortens_no_outage() {
        let waited = Probe { took: Duration::from_millis(900), ..probe(110, Outcome::Ok) };
        let probes = [probe(98, Outcome::Ok), waited, probe(1_015, Outcome::Ok)];
        assert_eq!(outage(&probes, window(50, 1_100)), window(100, 1_010));
    }

    fn some_holdings() -> impl Strategy<Value = Vec<Holding>> {
        let one = |node: &'static str| {
            proptest::collection::btree_set(0_u64..200, 0..6).prop_map(move |edges| {
                let edges: Vec<u64> = edges.into_iter().collect();
                edges.chunks_exact(2).map(|pair| held(node, pair[0], pair[1])).collect::<Vec<_>>()
            })
        };
        (one("node1"), one("node2"), one("node3")).prop_map(|(a, b, c)| [a, b, c].concat())
    }

    /// Milliseconds of the longest run in which `wanted` holds, looked up one by one.
    fn naive(all: &[Holding], from: u64, until: u64, wanted: impl Fn(usize) -> bool) -> Duration {
        let (mut run, mut longest) = (0, 0);
        for at in from..until {
            let holders = all.iter().filter(|holding| holding.window.contains(ms(at))).count();
            run = if wanted(holders) { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        Duration::from_millis(longest)
    }

    proptest! {
        #[test]
        fn overlaps_and_gaps_equal_a_naive_count(all in some_holdings(), from in 0_u64..200, length in 0_u64..200) {
            let within = window(from, from + length);
            prop_assert_eq!(longest_with_two(&all, within), naive(&all, from, from + length, |n| n >= 2));
            prop_assert_eq!(longest_with_none(&all, within), naive(&all, from, from + length, |n| n == 0));
        }

        #[test]
        fn holdings_do_not_depend_on_the_order_in_which_reports_arrive(
            mut steps in proptest::collection::vec((0_u64..1000, any::<bool>()), 0..30),
            seed in any::<u64>(),
        ) {
            steps.sort_unstable();
            steps.dedup_by_key(|step| step.0);
            let events: Vec<Event> =
                steps.iter().map(|(at, add)| if *add { added(*at, "node1") } else { removed(*at, "node1") }).collect();
            let mut shuffled = events.clone();
            let turn = usize::try_from(seed % 31).unwrap().min(shuffled.len());
            shuffled.rotate_left(turn);
            prop_assert_eq!(holdings(&events, VIP, ms(1000)), holdings(&shuffled, VIP, ms(1000)));
        }

        #[test]
        fn an_outage_equals_the_largest_difference_of_neighbouring_answers(
            starts in proptest::collection::btree_map(0_u64..300, any::<bool>(), 0..60),
        ) {
            let probes: Vec<Probe> = starts
                .iter()
                .map(|(at, ok)| probe(*at, if *ok { Outcome::Ok } else { Outcome::Timeout }))
                .collect();
            let mut marks: Vec<u64> = starts.iter().filter(|(at, ok)| **ok && **at < 298).map(|(at, _)| *at + 2).collect();
            marks.push(0);
            marks.push(300);
            marks.sort_unstable();
            let expected = marks.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            prop_assert_eq!(outage(&probes, window(0, 300)).length(), Duration::from_millis(expected));
        }
    }
}
