//! Another configuration without a flap.

use vrrp::*;

use crate::bench::{Bench, at, config, ip, rank};

fn reload(bench: &mut Bench, edit: impl FnOnce(&mut InstanceConfig)) -> Vec<String> {
    let mut config = config();
    edit(&mut config);
    let rank = config.priority;
    bench.router.handle_config(at(500), config, rank).unwrap();
    bench.words()
}

fn active() -> Bench {
    let mut bench = Bench::active(|_| {});
    bench.run(499);
    bench
}

#[test]
fn an_unchanged_configuration_changes_nothing() {
    for mut bench in [active(), Bench::started(|_| {})] {
        let (state, due) = (*bench.router.state(), bench.due());
        assert_eq!(reload(&mut bench, |_| {}), Vec::<String>::new());
        assert_eq!((*bench.router.state(), bench.due()), (state, due));
    }
}

#[test]
fn only_the_difference_of_the_addresses_is_installed_and_removed() {
    let words = reload(&mut active(), |config| {
        config.addresses = vec![ip(101), ip(100)];
        config.excluded.clear();
    });
    assert_eq!(words, ["remove .200", "install .101", "transmit 100", "announce .101 .100"]);
}

#[test]
fn an_address_that_moves_to_the_excluded_ones_stays_where_it_is() {
    let words = reload(&mut active(), |config| {
        config.addresses = vec![ip(200)];
        config.excluded = vec![ip(100)];
    });
    assert_eq!(words, ["transmit 100"]);
}

#[test]
fn a_lower_priority_keeps_the_role_until_a_peer_takes_over() {
    let mut bench = active();
    assert_eq!(reload(&mut bench, |config| config.priority = rank(80)), ["transmit 80"]);
    assert_eq!(bench.router.state().role(), Role::Active);
    assert_eq!(
        bench.hear(4000, 12, 90),
        ["transmit 80", "remove .100 .200", "transmit 80", "Active to Backup: beaten by .12 at 90"]
    );
}

#[test]
fn a_backup_shifts_its_timer_to_the_new_down_interval() {
    let mut bench = Bench::started(|_| {});
    assert_eq!(reload(&mut bench, |config| config.down_timer_adverts = 2), Vec::<String>::new());
    assert_eq!(bench.due(), Some((2609, WakeReason::ActiveDown)));
}

#[test]
fn a_backup_that_learned_its_interval_keeps_it() {
    let mut bench = Bench::started(|_| {});
    bench.hear(400, 12, 200);
    let slow = AdverInterval::from_seconds(10).unwrap();
    reload(&mut bench, |config| config.interval = slow);
    assert_eq!(bench.due(), Some((4009, WakeReason::ActiveDown)));
}

#[test]
fn a_shorter_interval_counts_from_the_reload() {
    let mut bench = active();
    let fast = AdverInterval::from_centiseconds(10).unwrap();
    assert_eq!(reload(&mut bench, |config| config.interval = fast), ["transmit 100"]);
    let times: Vec<u64> = bench.run(750).into_iter().map(|(at, _)| at).collect();
    assert_eq!(times, [600, 700]);
}

#[test]
fn an_impossible_configuration_leaves_the_old_one() {
    let mut bench = active();
    let mut config = config();
    config.addresses.clear();
    assert!(bench.router.handle_config(at(500), config, rank(100)).is_err());
    assert_eq!(bench.words(), Vec::<String>::new());
    assert_eq!(bench.router.config().addresses, [ip(100)]);
}
