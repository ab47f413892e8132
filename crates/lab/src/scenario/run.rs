//! Plays one scenario: settle, break, watch, repair, settle, measure.

use super::catalogue::{Fault, Scenario};
use super::expectation::expect;
use super::outcome::{Bin, Lane, Mark, Measured, NOTICEABLE, Phase, Picture, Run, Span};
use crate::clock::Stamp;
use crate::error::Error;
use crate::lab::Lab;
use crate::node::Signal;
use crate::probe::{Probe, Probing};
use crate::timeline::{Holding, Window, gained, longest_with_none, longest_with_two, outage, tally};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// How long a lab may take to come to rest: two rises of five-second checks, a boot, and a slow machine.
const SETTLE: Duration = Duration::from_secs(60);

/// What is shown before the fault. The lab was at rest for as long.
const BEFORE: Duration = Duration::from_secs(1);

const BINS: u32 = 240;

/// Plays `scenario` on a lab whose client is at work; `say` hears what is being done. The lab is at rest again afterwards.
pub fn run(
    lab: &Lab,
    client: &Probing,
    scenario: &Scenario,
    number: u32,
    say: &dyn Fn(&str),
) -> Result<Run, Error> {
    say("waits until all is green");
    lab.settle(client, SETTLE)?;
    // Advertisements and checks come every second: the fault falls anywhere between two of them.
    lab.pause(Duration::from_millis(RandomState::new().build_hasher().finish() % 1_000))?;

    say(scenario.title);
    let broken_at = Stamp::now();
    break_it(lab, scenario.fault)?;
    lab.pause(scenario.watch(lab.setup()))?;

    say(scenario.repair);
    let repaired_at = Stamp::now();
    repair_it(lab, scenario.fault)?;
    lab.settle(client, SETTLE)?;
    let until = Stamp::now();

    say("counts");
    lab.pause(client.lag())?;
    let probes = client.since(broken_at - BEFORE)?;
    let holdings = lab.holdings(until);
    let record = Record { scenario, probes: &probes, holdings: &holdings, broken_at, repaired_at, until };
    Ok(record.measure(lab, number))
}

fn break_it(lab: &Lab, fault: Fault) -> Result<(), Error> {
    match fault {
        Fault::AppKilled => lab.kill_app(1),
        Fault::AppSick => lab.set_sick(1, true),
        Fault::BalancerKilled => lab.signal_balancer(1, Signal::Kill),
        Fault::BalancerHung => lab.signal_balancer(1, Signal::Stop),
        Fault::NodeOff => lab.power_off(1),
        Fault::RouterStopped => lab.stop_router(1),
        Fault::RouterKilled => lab.signal_router(1, Signal::Kill),
        Fault::RouterHung => lab.signal_router(1, Signal::Stop),
    }
}

fn repair_it(lab: &Lab, fault: Fault) -> Result<(), Error> {
    match fault {
        Fault::AppKilled => lab.start_app(1),
        Fault::AppSick => lab.set_sick(1, false),
        Fault::BalancerKilled => lab.start_balancer(1).map(drop),
        Fault::BalancerHung => lab.signal_balancer(1, Signal::Continue),
        Fault::NodeOff => lab.power_on(1),
        Fault::RouterStopped | Fault::RouterKilled => lab.start_router(1).map(drop),
        Fault::RouterHung => lab.signal_router(1, Signal::Continue),
    }
}

/// Everything that was recorded of one run.
struct Record<'a> {
    scenario: &'a Scenario,
    /// From [`BEFORE`] the fault on, in the order of their starts.
    probes: &'a [Probe],
    holdings: &'a [Holding],
    broken_at: Stamp,
    repaired_at: Stamp,
    until: Stamp,
}

impl Record<'_> {
    fn measure(&self, lab: &Lab, number: u32) -> Run {
        let (during, after) = expect(self.scenario.fault, lab.setup());
        let fault = during.judge(self.fault(lab.node(2).name(), lab.app(1).name()));
        let repair = after.judge(self.repair(lab.node(1).name(), lab.app(1).name()));
        let lanes = [1, 2].map(|n| {
            let software = lab.setup().software[n - 1];
            let software = format!("{} + {}", software.balancer.process(), software.router.process());
            (lab.node(n).name().to_owned(), software)
        });
        Run {
            scenario: self.scenario.name.to_owned(),
            title: self.scenario.title.to_owned(),
            number,
            phases: [fault, repair],
            picture: self.picture(lanes, lab.app(1).name()),
        }
    }

    fn fault(&self, other: &str, server: &str) -> Measured {
        let broken = Window { from: self.broken_at, until: self.repaired_at };
        let mut answers = self.answers_of(server, broken);
        Measured {
            phase: Phase::Fault,
            what: self.scenario.title.to_owned(),
            vip_moved_ms: gained(self.holdings, other, broken).map(millis),
            // A killed server may have given its last answer before.
            server_ms: self
                .concerns_server()
                .then(|| answers.next_back().map_or(0.0, |at| at.millis_from(self.broken_at))),
            ..self.common(self.before_repair())
        }
    }

    fn repair(&self, home: &str, server: &str) -> Measured {
        let window = self.after_repair();
        let mut answers = self.answers_of(server, window);
        Measured {
            phase: Phase::Repair,
            what: self.scenario.repair.to_owned(),
            vip_moved_ms: gained(self.holdings, home, window).map(millis),
            server_ms: answers
                .next()
                .filter(|_| self.concerns_server())
                .map(|at| at.millis_from(self.repaired_at)),
            ..self.common(window)
        }
    }

    fn common(&self, window: Window) -> Measured {
        Measured {
            outage_ms: millis(outage(self.probes, window).length()),
            requests: tally(self.probes, window),
            two_holders_ms: millis(longest_with_two(self.holdings, window)),
            no_holder_ms: millis(longest_with_none(self.holdings, window)),
            ..Measured::default()
        }
    }

    /// A request that was under way when it happened belongs to the fault.
    fn before_repair(&self) -> Window {
        Window { from: self.broken_at - BEFORE, until: self.repaired_at }
    }

    fn after_repair(&self) -> Window {
        Window { from: self.repaired_at, until: self.until }
    }

    fn concerns_server(&self) -> bool {
        matches!(self.scenario.fault, Fault::AppKilled | Fault::AppSick)
    }

    fn answers_of(&self, server: &str, window: Window) -> impl DoubleEndedIterator<Item = Stamp> {
        self.probes
            .iter()
            .filter(move |probe| window.contains(probe.start) && probe.server.as_deref() == Some(server))
            .map(|probe| probe.start)
    }

    fn picture(&self, nodes: [(String, String); 2], server: &str) -> Picture {
        let window = Window { from: self.broken_at - BEFORE, until: self.until };
        let at = |stamp: Stamp| stamp.millis_from(self.broken_at);
        let lanes = nodes.map(|(node, software)| {
            let own = self.holdings.iter().filter(|holding| holding.node == node);
            let spans = own
                .map(|holding| (holding.window.from.max(window.from), holding.window.until.min(window.until)))
                .filter(|(from, until)| from < until)
                .map(|(from, until)| Span { from_ms: at(from), until_ms: at(until) })
                .collect();
            Lane { node, software, spans }
        });
        let outages = [self.before_repair(), self.after_repair()]
            .map(|half| outage(self.probes, half))
            .into_iter()
            .filter(|gap| gap.length() >= NOTICEABLE)
            .map(|gap| Span { from_ms: at(gap.from), until_ms: at(gap.until) })
            .collect();
        Picture {
            from_ms: at(window.from),
            until_ms: at(window.until),
            lanes: lanes.into(),
            bins: bins(self.probes, window, server),
            outages,
            marks: vec![
                Mark { at_ms: 0.0, label: self.scenario.title.to_owned() },
                Mark { at_ms: at(self.repaired_at), label: self.scenario.repair.to_owned() },
            ],
        }
    }
}

/// `first` is the name of application server 1.
fn bins(probes: &[Probe], window: Window, first: &str) -> Vec<Bin> {
    let mut bins = vec![Bin::default(); BINS as usize];
    let width = (window.until.since(window.from) / BINS).max(Duration::from_nanos(1));
    for probe in probes.iter().filter(|probe| window.contains(probe.start)) {
        let index = probe.start.since(window.from).as_nanos() / width.as_nanos();
        // The width is rounded down, so the last moments may fall beyond the last bin.
        let index = usize::try_from(index).unwrap_or(usize::MAX).min(bins.len() - 1);
        let bin = &mut bins[index];
        let count = match (probe.outcome.is_ok(), probe.server.as_deref() == Some(first)) {
            (false, _) => &mut bin.failed,
            (true, true) => &mut bin.first,
            (true, false) => &mut bin.second,
        };
        *count += 1;
    }
    bins
}

fn millis(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::find;
    use super::*;
    use crate::probe::Outcome;

    fn ms(at: u64) -> Stamp {
        Stamp::from_nanos(at * 1_000_000)
    }

    fn probe(at: u64, outcome: Outcome, server: &str) -> Probe {
        let server = Some(server.to_owned());
        Probe { start: ms(at), took: Duration::from_millis(1), outcome, server, via: None }
    }

    fn held(node: &str, from: u64, until: u64) -> Holding {
        Holding { node: node.to_owned(), window: Window { from: ms(from), until: ms(until) } }
    }

    #[test]
    fn a_take_over_is_measured_from_the_fault_and_the_way_back_from_the_repair() {
        let probes: Vec<Probe> = (0..600)
            .map(|n| n * 10)
            .map(|at| {
                probe(at, if (2_000..2_500).contains(&at) { Outcome::Timeout } else { Outcome::Ok }, "app2")
            })
            .collect();
        let holdings = [held("node1", 0, 2_030), held("node1", 4_100, 6_000), held("node2", 2_480, 4_110)];
        let record = Record {
            scenario: find("lbd-killed").unwrap(),
            probes: &probes,
            holdings: &holdings,
            broken_at: ms(2_000),
            repaired_at: ms(4_000),
            until: ms(6_000),
        };
        let (fault, repair) = (record.fault("node2", "app1"), record.repair("node1", "app1"));
        assert_eq!((fault.outage_ms, fault.requests.failed, fault.requests.total), (510.0, 50, 300));
        assert_eq!(repair.outage_ms, 10.0);
        assert_eq!((fault.vip_moved_ms, fault.two_holders_ms, fault.no_holder_ms), (Some(480.0), 0.0, 450.0));
        assert_eq!(
            (repair.vip_moved_ms, repair.two_holders_ms, repair.requests.failed),
            (Some(100.0), 10.0, 0)
        );
        assert_eq!((fault.server_ms, repair.server_ms), (None, None));

        let picture = record
            .picture([("node1".to_owned(), String::new()), ("node2".to_owned(), String::new())], "app1");
        assert_eq!((picture.from_ms, picture.until_ms), (-1_000.0, 4_000.0));
        assert_eq!(picture.outages, [Span { from_ms: -9.0, until_ms: 501.0 }]);
        assert_eq!(picture.lanes[0].spans[0], Span { from_ms: -1_000.0, until_ms: 30.0 });
        assert_eq!(picture.bins.iter().map(|bin| bin.second + bin.failed).sum::<u32>(), 500);
        assert_eq!(picture.bins.iter().map(|bin| bin.failed).sum::<u32>(), 50);
    }

    #[test]
    fn the_servers_last_and_first_answers_are_found() {
        let app1 = |at: u64| !(2_300..4_700).contains(&at);
        let probes: Vec<Probe> = (0..600)
            .map(|n| n * 10)
            .map(|at| probe(at, Outcome::Ok, if app1(at) && at % 20 == 0 { "app1" } else { "app2" }))
            .collect();
        let record = Record {
            scenario: find("app-sick").unwrap(),
            probes: &probes,
            holdings: &[],
            broken_at: ms(2_000),
            repaired_at: ms(4_000),
            until: ms(6_000),
        };
        assert_eq!(record.fault("node2", "app1").server_ms, Some(280.0));
        assert_eq!(record.repair("node1", "app1").server_ms, Some(700.0));
    }
}
