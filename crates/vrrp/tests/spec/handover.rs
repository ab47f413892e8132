//! An Active whose own priority falls.

use vrrp::*;

use crate::bench::{Bench, at, rank};

/// Active at 100, fallen to 80 at 500 ms, yielding. Skew of 80 is 687.5 ms, half a step of priority 1.95 ms.
fn yielding() -> Bench {
    let mut bench = Bench::active(|_| {});
    bench.run(499);
    bench.router.handle_priority(at(500), rank(80), Lowered::Yield);
    assert_eq!(bench.words(), ["transmit 0"]);
    bench
}

fn is_yielding(bench: &Bench) -> bool {
    matches!(bench.router.state(), State::Active(Active { speech: Speech::Yielding { .. }, .. }))
}

#[test]
fn a_lower_priority_is_advertised_at_once_when_nobody_better_is_known() {
    let mut bench = Bench::active(|_| {});
    bench.run(499);
    bench.router.handle_priority(at(500), rank(80), Lowered::Advertise);
    assert_eq!(bench.words(), ["transmit 80"]);
    assert!(bench.run(1500).contains(&(1500, "transmit 80".to_owned())));
}

#[test]
fn a_lone_node_keeps_the_addresses_and_goes_on_after_its_skew_time() {
    let mut bench = yielding();
    assert!(is_yielding(&bench));
    let log = bench.run(2500);
    let expected = [(1000, "announce .100 .200"), (1189, "transmit 80"), (2189, "transmit 80")];
    assert_eq!(log, expected.map(|(at, word)| (at, word.to_owned())));
    assert!(!is_yielding(&bench));
}

#[test]
fn a_better_router_that_speaks_while_we_yield_takes_over() {
    let mut bench = yielding();
    let expected =
        ["transmit 80", "remove .100 .200", "transmit 80", "Active to Backup: beaten by .12 at 90"];
    assert_eq!(bench.hear(1149, 12, 90), expected);
}

#[test]
fn a_worse_router_that_speaks_while_we_yield_is_put_right() {
    let mut bench = yielding();
    bench.run(1000);
    assert_eq!(bench.hear(1180, 12, 70), ["transmit 80", "announce .100 .200"]);
    assert!(!is_yielding(&bench));
}

#[test]
fn a_resignation_does_not_end_yielding() {
    let mut bench = yielding();
    bench.hear(600, 12, 0);
    assert!(is_yielding(&bench));
}

#[test]
fn a_priority_that_rises_again_ends_yielding() {
    for priority in [100, 81] {
        let mut bench = yielding();
        bench.router.handle_priority(at(600), rank(priority), Lowered::Yield);
        assert_eq!(bench.words(), [format!("transmit {priority}")]);
        assert!(!is_yielding(&bench));
    }
}

#[test]
fn a_priority_that_falls_further_waits_longer_from_the_same_start() {
    let mut bench = yielding();
    bench.router.handle_priority(at(600), rank(16), Lowered::Yield);
    assert_eq!(bench.words(), Vec::<String>::new());
    assert!(bench.run(1600).contains(&(1439, "transmit 16".to_owned())));
}

#[test]
fn a_stop_while_yielding_resigns_again() {
    let mut bench = yielding();
    bench.router.handle_halt(at(600), None, Cause::Command);
    assert_eq!(bench.words(), ["transmit 0", "remove .100 .200", "Active to Initialize: Command"]);
}

#[test]
fn a_raised_priority_of_an_active_waits_for_the_regular_advertisement() {
    let mut bench = Bench::active(|_| {});
    bench.run(499);
    bench.router.handle_priority(at(500), rank(120), Lowered::Yield);
    assert_eq!(bench.words(), Vec::<String>::new());
    assert!(bench.run(1000).contains(&(1000, "transmit 120".to_owned())));
}
