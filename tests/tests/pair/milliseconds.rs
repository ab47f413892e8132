//! `track_lbd`, and version 3 with an advertisement every 100 ms: bounds of a fraction of a second, so these labs run alone.

use crate::bench::{
    Bench, FAST_SILENCE, FAST_SKEW, KEEPALIVED, LEASE, MARGIN, OURS, OVERLAP, SKEW, Turn, assert_fails_back,
    assert_moved, assert_within, fast,
};
use lab::Setup;
use std::time::Duration;

/// The promise of `track_lbd`, to which the other node's skew is added.
const NOTICED: Duration = Duration::from_millis(100);

#[test]
fn with_track_lbd_a_dead_or_hung_lbd_costs_100_ms_and_the_skew() {
    let bench = Bench::start(Setup { track_lbd: true, ..Setup::default() }, Turn::alone());
    for name in ["lbd-killed", "lbd-hung"] {
        let run = bench.play(name);
        assert_moved(&run.phases[0], NOTICED + SKEW + MARGIN);
        assert_fails_back(&run);
    }
}

#[test]
fn at_100_ms_a_dead_or_hung_lbd_or_a_dead_node_costs_a_fraction_of_a_second() {
    let bench = Bench::start(fast([OURS; 2]), Turn::alone());
    for (name, outage) in [
        ("lbd-killed", NOTICED + FAST_SKEW),
        ("lbd-hung", NOTICED + FAST_SKEW),
        ("node-off", FAST_SILENCE + FAST_SKEW),
        ("vrrpd-stopped", FAST_SKEW),
    ] {
        let run = bench.play(name);
        assert_moved(&run.phases[0], outage + MARGIN);
        assert_within(name, run.phases[0].two_holders_ms, OVERLAP);
        assert_fails_back(&run);
    }
}

#[test]
fn keepalived_backs_vrrpd_in_version_3() {
    let Some(bench) = Bench::start_mixed(fast([OURS, KEEPALIVED]), Turn::alone()) else { return };
    for (name, outage, both) in [
        ("lbd-killed", NOTICED + FAST_SKEW, OVERLAP),
        ("lbd-hung", NOTICED + FAST_SKEW, OVERLAP),
        ("node-off", FAST_SILENCE + FAST_SKEW, OVERLAP),
        ("vrrpd-stopped", FAST_SKEW, OVERLAP),
        ("vrrpd-killed", FAST_SILENCE + FAST_SKEW, LEASE),
        ("vrrpd-hung", FAST_SILENCE + FAST_SKEW, LEASE),
    ] {
        let run = bench.play(name);
        assert_moved(&run.phases[0], outage + 2 * MARGIN);
        assert_within(name, run.phases[0].two_holders_ms, both);
        assert_fails_back(&run);
    }
}
