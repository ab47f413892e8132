//! One node ours, the other a real keepalived. Where only seconds matter; see `milliseconds` for the rest.

use crate::bench::{
    Bench, FAIL_BACK, FAST_SILENCE, FAST_SKEW, KEEPALIVED, MARGIN, OURS, OVERLAP, SILENCE, SKEW, Turn,
    assert_fails_back, assert_moved, assert_within, fast,
};
use lab::{Setup, Software};
use std::time::Duration;

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

#[test]
fn vrrpd_backs_keepalived_in_version_3() {
    let Some(bench) = Bench::start_mixed(fast([KEEPALIVED, OURS]), Turn::shared()) else { return };
    for (name, outage) in [
        // Its script looks every second, and fails at once.
        ("lbd-killed", Duration::from_secs(1) + FAST_SKEW),
        ("node-off", FAST_SILENCE + FAST_SKEW),
        ("vrrpd-stopped", FAST_SKEW),
        // It keeps the address for ever; ours takes it all the same.
        ("vrrpd-killed", FAST_SILENCE + FAST_SKEW),
    ] {
        let run = bench.play(name);
        assert_moved(&run.phases[0], outage + 2 * MARGIN);
        if name == "vrrpd-killed" {
            // Both have it until keepalived has started and removes what it left, however long that takes it.
            assert_moved(&run.phases[1], FAIL_BACK);
        } else {
            assert_fails_back(&run);
        }
    }
}
