//! What the configuration promises for each fault: arithmetic on its intervals, not earlier measurements.

use super::catalogue::Fault;
use super::outcome::{Check, Measured, Phase, Verdict};
use crate::configs::{Timing, VrrpVersion};
use crate::duration::duration;
use crate::lab::Setup;
use crate::peers::{Balancer, Router};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Bounds that a measurement is held to. They follow from the built-in files; an operator's own with other intervals may
/// promise something else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectation {
    /// Longest time without a good answer.
    pub outage: Option<Duration>,
    /// Most requests that may fail.
    pub failed: Option<usize>,
    /// Longest time with two holders of the virtual address.
    pub two_holders: Option<Duration>,
    /// When application server 1 gives its last answer (fault) or its first one again (repair).
    pub server: Option<RangeInclusive<Duration>>,
    /// What is not promised, and why.
    pub note: Option<&'static str>,
}

/// A virtual address that nobody refreshes is removed by the kernel within its lease, and leases are whole seconds: a lease
/// of 2 s ends up to 0.3 s late.
const LEASE: Duration = Duration::from_millis(2_300);

/// A hand-over in which both nodes are awake overlaps by no more than the time a message takes, on a busy machine.
const OVERLAP: Duration = Duration::from_millis(100);

/// Moving a live address costs a gratuitous ARP and the requests under way.
const FAIL_BACK: Duration = Duration::from_millis(300);

/// For the answers of the checks, the spread at their start, and the requests that were under way.
const CHECKING: Duration = Duration::from_millis(500);

/// What is promised while `fault` lasts, and for its repair.
#[must_use]
pub fn expect(fault: Fault, setup: &Setup) -> (Expectation, Expectation) {
    let times = Times::of(setup);
    let first = setup.software[0];
    let moved = |outage: Duration, two_holders: Duration| Expectation {
        outage: Some(outage),
        two_holders: Some(two_holders),
        ..Expectation::default()
    };
    let back = moved(FAIL_BACK, OVERLAP);
    let during = match fault {
        Fault::AppKilled | Fault::AppSick => return expect_of_server(fault, setup),
        Fault::BalancerKilled | Fault::BalancerHung if setup.tracks_heartbeat(1) => {
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
        Fault::RouterKilled | Fault::RouterHung if first.router == Router::Keepalived => {
            let note = "keepalived leaves the address where it is when it is killed or hangs: two nodes have it from then on";
            let during = Expectation {
                outage: Some(times.down + times.slack),
                note: Some(note),
                ..Expectation::default()
            };
            return (during, Expectation { two_holders: None, ..back });
        }
        Fault::RouterKilled | Fault::RouterHung => moved(times.down + times.slack, LEASE),
    };
    (during, back)
}

/// A fault of application server 1, of which nobody is to notice anything.
fn expect_of_server(fault: Fault, setup: &Setup) -> (Expectation, Expectation) {
    let unfelt = Expectation { outage: Some(OVERLAP), failed: Some(0), ..Expectation::default() };
    let interval = setup.timing.check_interval();
    // The second good check of two.
    let after = Expectation { server: Some(Duration::ZERO..=2 * interval + CHECKING), ..unfelt.clone() };
    let during = match fault {
        // The last check before the fault may lie a whole interval back: the third bad one follows two to three after it.
        Fault::AppSick => {
            let out = (2 * interval).saturating_sub(CHECKING)..=3 * interval + CHECKING;
            Expectation { server: Some(out), ..unfelt }
        }
        _ if setup.software[0].balancer == Balancer::Haproxy => Expectation {
            note: Some(
                "HAProxy sends requests to a dead server, and answers them with 503, until its checks have found out",
            ),
            ..Expectation::default()
        },
        _ => unfelt,
    };
    (during, after)
}

impl Expectation {
    /// Holds a measurement to the bounds.
    #[must_use]
    pub fn judge(&self, measured: Measured) -> Measured {
        let checks = self.check(&measured);
        let verdict = match () {
            () if checks.iter().any(|check| !check.ok) => Verdict::Missed,
            () if self.note.is_some() => Verdict::NoPromise,
            () => Verdict::Kept,
        };
        Measured { verdict, checks, note: self.note.map(str::to_owned), ..measured }
    }

    fn check(&self, measured: &Measured) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut within = |what: &str, measured: f64, bound: Duration| {
            let bound = millis(bound);
            checks.push(Check {
                ok: measured <= bound,
                text: format!("{what} {}, at most {}", duration(measured), duration(bound)),
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
        if let (Some(bounds), Some(moved)) = (&self.server, measured.server_ms) {
            let (from, until) = (millis(*bounds.start()), millis(*bounds.end()));
            checks.push(Check {
                ok: (from..=until).contains(&moved),
                text: format!(
                    "server {} after {}, within {} to {}",
                    if measured.phase == Phase::Fault { "out" } else { "back" },
                    duration(moved),
                    duration(from),
                    duration(until)
                ),
            });
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
        let from_millis = Duration::from_millis;
        let down = from_millis(3 * interval + skew);
        let yielding = match setup.software[0].router {
            Router::Vrrpd => from_millis(skew),
            // keepalived lowers its priority and goes on advertising; with a weight of 0 it resigns.
            Router::Keepalived if setup.timing == Timing::Classic => down,
            Router::Keepalived => from_millis(skew),
        };
        Self {
            skew: from_millis(skew),
            down,
            script: from_millis(script),
            yielding,
            slack: from_millis(slack),
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Software;

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
        assert_eq!(outage(Fault::BalancerHung, &Setup { track_lbd: true, ..classic }), Some(748));
        let haproxy = Software { balancer: Balancer::Haproxy, router: Router::Vrrpd };
        let mixed = Setup { timing: Timing::Fast, software: [haproxy; 2], ..classic };
        assert_eq!(outage(Fault::BalancerHung, &mixed), None);
    }

    #[test]
    fn what_others_do_not_promise_is_said_and_not_missed() {
        let theirs = Software { balancer: Balancer::Haproxy, router: Router::Keepalived };
        let theirs = Setup { software: [theirs; 2], ..Setup::default() };
        let bad = Measured { two_holders_ms: 8_000.0, ..Measured::default() };
        for (fault, ours) in [(Fault::RouterKilled, Verdict::Missed), (Fault::AppKilled, Verdict::Kept)] {
            assert_eq!(expect(fault, &Setup::default()).0.judge(bad.clone()).verdict, ours, "{fault:?}");
            let judged = expect(fault, &theirs).0.judge(bad.clone());
            assert_eq!(judged.verdict, Verdict::NoPromise, "{fault:?}");
            assert!(judged.note.is_some());
        }
    }

    #[test]
    fn a_sick_server_is_out_after_its_third_check_and_not_before() {
        let during = expect(Fault::AppSick, &Setup::default()).0;
        let verdict =
            |server_ms| during.judge(Measured { server_ms: Some(server_ms), ..Measured::default() }).verdict;
        assert_eq!(
            [9_000.0, 11_000.0, 15_100.0, 16_000.0].map(verdict),
            [Verdict::Missed, Verdict::Kept, Verdict::Kept, Verdict::Missed]
        );
    }

    #[test]
    fn what_exceeds_a_bound_is_said() {
        let measured = Measured { outage_ms: 12.0, ..Measured::default() };
        let bounds = Expectation {
            outage: Some(Duration::from_millis(10)),
            failed: Some(0),
            ..Expectation::default()
        };
        let judged = bounds.judge(measured);
        assert_eq!(judged.checks.iter().map(|check| check.ok).collect::<Vec<_>>(), [false, true]);
        assert_eq!(judged.checks[0].text, "outage 12 ms, at most 10 ms");
        assert_eq!(judged.verdict, Verdict::Missed);
    }
}
