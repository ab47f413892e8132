//! Both nodes ours, an advertisement a second, and a script that looks for the balancer's process.

use crate::bench::{Bench, MARGIN, OVERLAP, SKEW, Turn, assert_fails_back, assert_moved, assert_within};
use lab::Setup;
use std::time::Duration;

/// A script every 2 s that must fail twice.
const SCRIPT_TIME: Duration = Duration::from_secs(2 * 2);

/// For one start of the script on a busy machine.
const SCRIPT_RUN: Duration = Duration::from_millis(300);

#[test]
fn a_killed_lbd_moves_the_address_in_script_time() {
    let bench = Bench::start(Setup::default(), Turn::shared());
    assert_eq!(bench.lab.vip_holders().unwrap(), [1]);
    let run = bench.play("lbd-killed");
    assert_moved(&run.phases[0], SCRIPT_TIME + SKEW + SCRIPT_RUN + MARGIN);
    assert_within("both nodes", run.phases[0].two_holders_ms, OVERLAP);
    assert_fails_back(&run);
}

#[test]
fn a_killed_or_sick_application_server_costs_no_request() {
    let bench = Bench::start(Setup::default(), Turn::shared());
    let (killed, sick) = (bench.play("app-killed"), bench.play("app-sick"));
    for half in [&killed.phases[..], &sick.phases[..]].concat() {
        assert_eq!(half.requests.failed, 0, "{half:?}");
    }
    // A check every 5 s: the third bad one comes 10 to 15 s after the fault.
    let out = sick.phases[0].server_ms.unwrap();
    let margin = MARGIN.as_secs_f64() * 1e3;
    assert!((10_000.0 - margin..15_000.0 + margin).contains(&out), "out after {out} ms");
}
