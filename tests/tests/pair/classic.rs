//! An advertisement a second in version 2 with a password, and a script that looks for the balancer's process. Bounds are
//! seconds, so these labs may run beside each other.

use crate::bench::{
    Bench, KEEPALIVED, MARGIN, OURS, OVERLAP, SKEW, Turn, assert_fails_back, assert_moved, assert_within,
};
use lab::{Setup, Software};
use std::time::Duration;

/// A script every 2 s that must fail twice.
const SCRIPT_TIME: Duration = Duration::from_secs(2 * 2);

/// For one start of the script on a busy machine.
const SCRIPT_RUN: Duration = Duration::from_millis(300);

/// Three advertisements missed.
const SILENCE: Duration = Duration::from_secs(3);

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

#[test]
fn the_lease_of_a_killed_or_hung_vrrpd_ends_before_the_other_node_takes_over() {
    let bench = Bench::start(Setup::default(), Turn::shared());
    for name in ["vrrpd-killed", "vrrpd-hung"] {
        let run = bench.play(name);
        assert_moved(&run.phases[0], SILENCE + SKEW + MARGIN);
        assert_within(name, run.phases[0].two_holders_ms, OVERLAP);
        assert_fails_back(&run);
    }
}

fn assert_hands_over(software: [Software; 2]) {
    let Some(bench) = Bench::start_mixed(Setup { software, ..Setup::default() }, Turn::shared()) else {
        return;
    };
    // A resignation, then the skew.
    let stopped = bench.play("vrrpd-stopped");
    assert_moved(&stopped.phases[0], SKEW + 2 * MARGIN);
    let off = bench.play("node-off");
    assert_moved(&off.phases[0], SILENCE + SKEW + 2 * MARGIN);
    for run in [stopped, off] {
        assert_within("both nodes", run.phases[0].two_holders_ms, OVERLAP);
        assert_fails_back(&run);
    }
}

#[test]
fn keepalived_backs_vrrpd_in_version_2_with_a_password() {
    assert_hands_over([OURS, KEEPALIVED]);
}

#[test]
fn vrrpd_backs_keepalived_in_version_2_with_a_password() {
    assert_hands_over([KEEPALIVED, OURS]);
}
