//! A second Active that stays, and the options about contests.

use std::time::Duration;

use vrrp::*;

use crate::bench::{Bench, at, ip};

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x12]);

fn active() -> Bench {
    let mut bench = Bench::active(|_| {});
    bench.run(5999);
    bench
}

fn answered(bench: &mut Bench, millis: u64, by: Option<MacAddr>) -> Vec<String> {
    bench.router.handle_vip_answer(at(millis), ip(100), by);
    bench.words()
}

#[test]
fn an_active_that_does_not_give_way_is_a_split() {
    let mut bench = active();
    // The first may be the last word of one that has just heard us.
    assert!(!bench.hear(6000, 12, 90).join(" ").contains("split"));
    assert!(!bench.hear(6002, 12, 90).join(" ").contains("split"));
    assert!(bench.hear(7000, 12, 90).contains(&"split: 192.0.2.12 advertises 90".to_owned()));
    assert!(!bench.hear(8000, 12, 90).join(" ").contains("split"), "it is told once");
    // A down interval after the last one it is over.
    let log = bench.run(20_000);
    let ended: Vec<u64> = log.iter().filter(|(_, word)| word == "split ended").map(|(at, _)| *at).collect();
    assert_eq!(ended, [11_609]);
}

#[test]
fn a_contest_that_is_settled_is_no_split() {
    let mut bench = active();
    bench.hear(6000, 12, 90);
    bench.hear(6002, 12, 90);
    assert!(!bench.run(60_000).iter().any(|(_, word)| word.contains("split")));
    // Long after it, a first word is a first word again.
    assert!(!bench.hear(61_000, 12, 90).join(" ").contains("split"));
}

#[test]
fn several_that_are_put_right_one_after_the_other_are_no_split() {
    let mut bench = active();
    for (millis, host) in [(6000, 12), (6400, 13), (6800, 14)] {
        assert!(!bench.hear(millis, host, 90).join(" ").contains("split"), "{host}");
    }
    // One of two that do not give way is enough.
    let mut bench = active();
    bench.hear(6000, 12, 90);
    bench.hear(6400, 13, 80);
    assert!(bench.hear(7000, 12, 90).contains(&"split: 192.0.2.12 advertises 90".to_owned()));
}

#[test]
fn resignations_are_no_split() {
    let mut bench = active();
    for second in 6..30 {
        assert!(!bench.hear(second * 1000, 12, 0).join(" ").contains("split"));
        bench.run(second * 1000 + 999);
    }
}

#[test]
fn another_mac_address_that_answers_is_a_split_until_nobody_does() {
    let mut bench = active();
    // The first may be that of one that preempts us, whose advertisement is still on its way.
    assert_eq!(answered(&mut bench, 6100, Some(MAC)), ["announce .100 .200"]);
    assert_eq!(answered(&mut bench, 6101, Some(MAC)), Vec::<String>::new());
    assert_eq!(answered(&mut bench, 6600, Some(MAC))[0], "split: 02:00:00:00:00:12 has 192.0.2.100");
    assert!(!answered(&mut bench, 6700, Some(MAC)).join(" ").contains("split"), "it is told once");
    assert!(!bench.run(60_000).iter().any(|(_, word)| word == "split ended"));
    assert_eq!(answered(&mut bench, 60_001, None), ["split ended"]);
    assert_eq!(answered(&mut bench, 60_002, None), Vec::<String>::new());
}

#[test]
fn a_split_that_shows_twice_ends_when_neither_shows() {
    let mut bench = active();
    answered(&mut bench, 6100, Some(MAC));
    answered(&mut bench, 6600, Some(MAC));
    bench.hear(6700, 12, 90);
    assert_eq!(answered(&mut bench, 6800, None), Vec::<String>::new());
    let log = bench.run(20_000);
    assert!(log.contains(&(10_309, "split ended".to_owned())), "{log:?}");
}

#[test]
fn one_that_loses_ends_its_split_first() {
    let mut bench = active();
    answered(&mut bench, 6100, Some(MAC));
    answered(&mut bench, 6600, Some(MAC));
    assert_eq!(
        bench.hear(6700, 13, 200),
        [
            "transmit 100",
            "remove .100 .200",
            "transmit 100",
            "split ended",
            "Active to Backup: beaten by .13 at 200"
        ]
    );
}

#[test]
fn the_claim_of_one_that_takes_over_is_no_split() {
    let mut bench = active();
    assert_eq!(answered(&mut bench, 6100, Some(MAC)), ["announce .100 .200"]);
    assert_eq!(
        bench.hear(6101, 12, 200),
        ["transmit 100", "remove .100 .200", "transmit 100", "Active to Backup: beaten by .12 at 200"]
    );
    // One that fell silent before it was certain was none either.
    let mut bench = active();
    answered(&mut bench, 6100, Some(MAC));
    assert_eq!(answered(&mut bench, 6700, None), Vec::<String>::new());
    assert!(!answered(&mut bench, 20_000, Some(MAC)).join(" ").contains("split"));
}

#[test]
fn answers_for_strange_addresses_and_to_backups_are_nothing() {
    let mut bench = active();
    bench.router.handle_vip_answer(at(6100), ip(77), Some(MAC));
    assert_eq!(bench.words(), Vec::<String>::new());
    let mut backup = Bench::started(|_| {});
    assert_eq!(answered(&mut backup, 100, Some(MAC)), Vec::<String>::new());
}

#[test]
fn a_lower_active_goes_unanswered_where_that_is_asked_for() {
    let mut bench = Bench::active(|config| config.silent_to_lower = true);
    bench.run(5999);
    assert_eq!(bench.hear(6000, 12, 90), ["announce .100 .200"]);
    // A resignation is answered all the same.
    assert_eq!(bench.hear(6001, 12, 0), ["transmit 100"]);
}

#[test]
fn a_loser_without_a_last_word_is_silent() {
    let mut bench = Bench::active(|config| config.last_word = false);
    assert_eq!(bench.hear(500, 12, 200), ["remove .100 .200", "Active to Backup: beaten by .12 at 200"]);
}

#[test]
fn a_contest_is_announced_by_its_own_schedule() {
    let mut bench = Bench::active(|config| {
        config.announce_contested = Schedule::new(vec![Duration::ZERO, Duration::from_millis(700)]);
    });
    bench.run(5999);
    assert_eq!(bench.hear(6500, 12, 90), ["transmit 100", "announce .100 .200"]);
    let announced: Vec<u64> = bench
        .run(30_000)
        .into_iter()
        .filter(|(_, word)| word.starts_with("announce"))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(announced, [7200]);
    let mut silent = Bench::active(|config| config.announce_contested = Schedule::new(Vec::new()));
    silent.run(5999);
    assert_eq!(silent.hear(6500, 12, 90), ["transmit 100"]);
}
