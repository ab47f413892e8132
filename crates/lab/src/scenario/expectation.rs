//! What the configuration promises for each fault: arithmetic on its intervals, not earlier measurements.

use super::catalogue::Fault;
use super::outcome::{Check, Measured};
use crate::configs::{Timing, VrrpVersion};
use crate::lab::Setup;
use crate::peers::Router;
use std::time::Duration;

/// Bounds that a measurement is held to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expectation {
    /// Longest time without an answered request.
    pub outage: Option<Duration>,
    /// Most requests that may fail.
    pub failed: Option<usize>,
    /// Longest time with two holders of the virtual address.
    pub two_holders: Option<Duration>,
    /// Why there is no bound on the outage.
    pub note: Option<&'static str>,
}

/// A virtual address that nobody refreshes is removed by the kernel within its lease, and leases are whole seconds: a lease
/// of 2 s ends up to 0.3 s late.
const LEASE: Duration = Duration::from_millis(2_300);

/// A hand-over in which both nodes are awake overlaps by no more than the time a message takes, on a busy machine.
const OVERLAP: Duration = Duration::from_millis(100);

/// Moving a live address costs a gratuitous ARP and the requests under way.
const FAIL_BACK: Duration = Duration::from_millis(300);

/// What is promised while `fault` lasts, and for its repair.
#[must_use]
pub fn expect(fault: Fault, setup: &Setup) -> (Expectation, Expectation) {
    let times = Times::of(setup);
    let moved = |outage: Duration, two_holders: Duration| Expectation {
        outage: Some(outage),
        two_holders: Some(two_holders),
        ..Expectation::default()
    };
    let unfelt = Expectation { outage: Some(OVERLAP), failed: Some(0), ..Expectation::default() };
    let during = match fault {
        Fault::AppKilled | Fault::AppSick => return (unfelt, unfelt),
        Fault::BalancerKilled | Fault::BalancerHung if setup.tracks_heartbeat() => {
            moved(Duration::from_millis(100) + times.skew, OVERLAP)
        }
        Fault::BalancerKilled => moved(times.script + times.yielding + times.slack, OVERLAP),
        Fault::BalancerHung => Expectation {
            two_holders: Some(OVERLAP),
            note: Some("a script that looks for a process cannot see that it hangs; track_lbd can"),
            ..Expectation::default()
        },
        Fault::NodeOff => moved(times.down + times.slack, OVERLAP),
        Fault::RouterStopped => moved(times.skew + times.slack, OVERLAP),
        Fault::RouterKilled | Fault::RouterHung => moved(times.down + times.slack, LEASE),
    };
    (during, moved(FAIL_BACK, OVERLAP))
}

impl Expectation {
    /// Holds a measurement to the bounds.
    #[must_use]
    pub fn check(&self, measured: &Measured) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut within = |what: &str, millis: f64, bound: Duration| {
            let bound = bound.as_secs_f64() * 1e3;
            checks.push(Check {
                ok: millis <= bound,
                text: format!("{what} {millis:.0} ms, at most {bound:.0} ms"),
            });
        };
        if let Some(bound) = self.outage {
            within("outage", measured.outage_ms, bound);
        }
        if let Some(bound) = self.two_holders {
            within("two holders for", measured.two_holders_ms, bound);
        }
        if let Some(bound) = self.failed {
            let text = format!("{} requests failed, at most {bound}", measured.requests.failed);
            checks.push(Check { ok: measured.requests.failed <= bound, text });
        }
        if let Some(note) = self.note {
            checks.push(Check { ok: true, text: note.to_owned() });
        }
        checks
    }
}

struct Times {
    /// Node 2's skew time at priority 90.
    skew: Duration,
    /// Node 2's down interval: three advertisements missed, and its skew.
    down: Duration,
    /// Longest time until node 1's script has noticed.
    script: Duration,
    /// From then until node 2 is active.
    yielding: Duration,
    /// For one start of a script, one resolution of an address, and the spacing of requests.
    slack: Duration,
}

impl Times {
    fn of(setup: &Setup) -> Self {
        let (interval, script, slack) = match setup.timing {
            Timing::Classic => (1_000, 4_000, 350),
            Timing::Fast => (100, 1_000, 60),
        };
        let skew = match (setup.timing, setup.version) {
            // RFC 3768: (256 - priority) / 256 s, whatever the interval.
            (Timing::Classic, VrrpVersion::V2) => 1_000 * (256 - 90) / 256,
            // RFC 9568: the same part of the interval.
            (Timing::Fast, _) | (Timing::Classic, VrrpVersion::V3) => interval * (256 - 90) / 256,
        };
        let millis = Duration::from_millis;
        let down = millis(3 * interval + skew);
        let yielding = match setup.software[0].router {
            Router::Vrrpd => millis(skew),
            // keepalived lowers its priority and goes on advertising; with a weight of 0 it resigns.
            Router::Keepalived if setup.timing == Timing::Classic => down,
            Router::Keepalived => millis(skew),
        };
        Self { skew: millis(skew), down, script: millis(script), yielding, slack: millis(slack) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{Balancer, Software};

    fn outage(fault: Fault, setup: &Setup) -> Option<u128> {
        expect(fault, setup).0.outage.map(|bound| bound.as_millis())
    }

    #[test]
    fn bounds_follow_from_the_intervals() {
        let classic = Setup::default();
        let fast = Setup { timing: Timing::Fast, ..classic };
        // Skew 0.648 s, down interval 3.648 s; skew 64 ms, down interval 364 ms.
        let table = [
            (Fault::RouterStopped, 648 + 350, 64 + 60),
            (Fault::NodeOff, 3_648 + 350, 364 + 60),
            (Fault::BalancerKilled, 4_000 + 648 + 350, 164),
        ];
        for (fault, slow, quick) in table {
            assert_eq!(outage(fault, &classic), Some(slow), "{fault:?}");
            assert_eq!(outage(fault, &fast), Some(quick), "{fault:?}");
        }
    }

    #[test]
    fn a_hang_is_bounded_only_where_the_heartbeat_is_tracked() {
        let classic = Setup::default();
        assert_eq!(outage(Fault::BalancerHung, &classic), None);
        assert_eq!(outage(Fault::BalancerHung, &Setup { timing: Timing::Fast, ..classic }), Some(164));
        let haproxy = Software { balancer: Balancer::Haproxy, router: Router::Vrrpd };
        let mixed = Setup { timing: Timing::Fast, software: [haproxy; 2], ..classic };
        assert_eq!(outage(Fault::BalancerHung, &mixed), None);
    }

    #[test]
    fn what_exceeds_a_bound_is_said() {
        let mut measured = Measured { outage_ms: 12.0, ..Measured::default() };
        let bounds = Expectation {
            outage: Some(Duration::from_millis(10)),
            failed: Some(0),
            ..Expectation::default()
        };
        let checks = bounds.check(&measured);
        assert_eq!(checks.iter().map(|check| check.ok).collect::<Vec<_>>(), [false, true]);
        assert_eq!(checks[0].text, "outage 12 ms, at most 10 ms");
        measured.requests.failed = 1;
        assert!(bounds.check(&measured).iter().all(|check| !check.ok));
    }
}
