//! Nobody takes the address away from a dead or hung `vrrpd` but the kernel, at the end of the lease.

use crate::bench::{
    Bench, LEASE, MARGIN, OURS, OVERLAP, SILENCE, SKEW, Turn, assert_fails_back, assert_moved, assert_within,
    fast,
};
use lab::Setup;

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

#[test]
fn a_killed_or_hung_vrrpd_shares_the_address_for_no_longer_than_the_lease() {
    let bench = Bench::start(fast([OURS; 2]), Turn::shared());
    for name in ["vrrpd-killed", "vrrpd-hung"] {
        let run = bench.play(name);
        assert!(run.phases[0].vip_moved_ms.is_some(), "{run:?}");
        assert_within(name, run.phases[0].two_holders_ms, LEASE);
        assert_within(name, run.phases[1].two_holders_ms, OVERLAP);
    }
}
