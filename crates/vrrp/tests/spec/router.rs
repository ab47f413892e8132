//! State × input → actions and the next deadline (RFC 9568 §6.4).

use std::time::Duration;

use vrrp::*;

use crate::bench::{Bench, at, ip, rank};

type Given = fn() -> Bench;
type Input = fn(&mut Bench);
type Due = Option<(u64, WakeReason)>;
type Row = (&'static str, Given, Input, &'static [&'static str], Due);

fn initialize() -> Bench {
    Bench::new(|_| {})
}

fn backup() -> Bench {
    Bench::started(|_| {})
}

fn backup_without_preemption() -> Bench {
    Bench::started(|config| config.preempt = Preempt::Never)
}

fn active() -> Bench {
    Bench::active(|_| {})
}

fn owner() -> Bench {
    let mut bench = Bench::new(|config| config.priority = Rank::Owner);
    bench.router.handle_start(at(0), Cause::Command);
    bench.words();
    bench
}

#[test]
fn each_input_in_each_state_has_these_actions_in_this_order() {
    use WakeReason::{ActiveDown, Advertise, Announce};
    // All inputs come at 500 ms. Skew of priority 100 is 609 ms, its down interval 3609 ms.
    let table: [Row; 28] = [
        (
            "a router that starts listens for a full down interval",
            initialize,
            |b| b.router.handle_start(at(500), Cause::Command),
            &["Initialize to Backup: Command"],
            Some((4109, ActiveDown)),
        ),
        (
            "an owner that starts is Active at once",
            || Bench::new(|config| config.priority = Rank::Owner),
            |b| b.router.handle_start(at(500), Cause::Command),
            &["transmit 255", "install .100 .200", "announce .100 .200", "Initialize to Active: Owner"],
            Some((510, Announce)),
        ),
        (
            "a stopped router hears nothing",
            initialize,
            |b| b.router.handle_advertisement(at(500), hears(12, 0)),
            &[],
            None,
        ),
        ("a stopped router has no timeout", initialize, |b| b.router.handle_timeout(at(500)), &[], None),
        (
            "a backup whose timer has not ended does nothing",
            backup,
            |b| b.router.handle_timeout(at(500)),
            &[],
            Some((3609, ActiveDown)),
        ),
        (
            "a backup whose timer ends becomes Active",
            backup,
            |b| b.router.handle_timeout(at(3610)),
            &["transmit 100", "install .100 .200", "announce .100 .200", "Backup to Active: ActiveDown"],
            Some((3620, Announce)),
        ),
        (
            "a backup that hears a higher priority waits anew",
            backup,
            |b| b.router.handle_advertisement(at(500), hears(12, 200)),
            &[],
            Some((4109, ActiveDown)),
        ),
        (
            "a backup that hears its own priority waits anew",
            backup,
            |b| b.router.handle_advertisement(at(500), hears(10, 100)),
            &[],
            Some((4109, ActiveDown)),
        ),
        (
            "a backup that hears a lower priority keeps its timer",
            backup,
            |b| b.router.handle_advertisement(at(500), hears(12, 90)),
            &[],
            Some((3609, ActiveDown)),
        ),
        (
            "without preemption it waits anew",
            backup_without_preemption,
            |b| b.router.handle_advertisement(at(500), hears(12, 90)),
            &[],
            Some((4109, ActiveDown)),
        ),
        (
            "a backup that hears a resignation waits its skew time",
            backup,
            |b| b.router.handle_advertisement(at(500), hears(12, 0)),
            &[],
            Some((1109, ActiveDown)),
        ),
        (
            "a backup that is stopped is silent",
            backup,
            |b| b.router.handle_halt(at(500), None, Cause::Command),
            &["Backup to Initialize: Command"],
            None,
        ),
        (
            "a backup does not care for addresses it does not hold",
            backup,
            |b| b.router.handle_vip_lost(at(500), ip(100)),
            &[],
            Some((3609, ActiveDown)),
        ),
        (
            "an Active whose timer ends advertises",
            active,
            |b| b.router.handle_timeout(at(1000)),
            &["transmit 100", "announce .100 .200"],
            Some((2000, Advertise)),
        ),
        (
            "an Active that hears a resignation advertises at once and announces",
            active,
            |b| b.router.handle_advertisement(at(1500), hears(12, 0)),
            &["transmit 100", "announce .100 .200"],
            Some((1510, Announce)),
        ),
        (
            "an Active that hears a lower priority advertises at once and announces",
            active,
            |b| b.router.handle_advertisement(at(1500), hears(12, 90)),
            &["transmit 100", "announce .100 .200"],
            Some((1510, Announce)),
        ),
        (
            "an Active that hears its own priority from a lower address wins",
            active,
            |b| b.router.handle_advertisement(at(1500), hears(10, 100)),
            &["transmit 100", "announce .100 .200"],
            Some((1510, Announce)),
        ),
        (
            "an Active that hears its own priority from a higher address loses",
            active,
            |b| b.router.handle_advertisement(at(500), hears(12, 100)),
            &["transmit 100", "remove .100 .200", "transmit 100", "Active to Backup: beaten by .12 at 100"],
            Some((4109, ActiveDown)),
        ),
        (
            "an Active that hears a higher priority has a last word, removes, says it again, and is backup",
            active,
            |b| b.router.handle_advertisement(at(500), hears(10, 101)),
            &["transmit 100", "remove .100 .200", "transmit 100", "Active to Backup: beaten by .10 at 101"],
            Some((4109, ActiveDown)),
        ),
        (
            "an Active that hears the owner loses",
            active,
            |b| b.router.handle_advertisement(at(500), hears(10, 255)),
            &["transmit 100", "remove .100 .200", "transmit 100", "Active to Backup: beaten by .10 at 255"],
            Some((4109, ActiveDown)),
        ),
        (
            "of two owners the one with the higher address stays",
            owner,
            |b| b.router.handle_advertisement(at(500), hears(12, 255)),
            &["transmit 255", "remove .100 .200", "transmit 255", "Active to Backup: beaten by .12 at 255"],
            Some((3503, ActiveDown)),
        ),
        (
            "an Active that is stopped resigns before it removes",
            active,
            |b| b.router.handle_halt(at(500), None, Cause::Command),
            &["transmit 0", "remove .100 .200", "Active to Initialize: Command"],
            None,
        ),
        (
            "an Active whose check fails resigns before it removes",
            active,
            |b| {
                b.router.handle_halt(
                    at(500),
                    Some(FaultReason::TrackDown(TrackId(7))),
                    Cause::Tracked(TrackId(7)),
                )
            },
            &[
                "transmit 0",
                "remove .100 .200",
                "Active to Fault(TrackDown(TrackId(7))): Tracked(TrackId(7))",
            ],
            None,
        ),
        (
            "an Active without a link cannot resign",
            active,
            |b| b.router.handle_halt(at(500), Some(FaultReason::LinkDown), Cause::LinkDown),
            &["remove .100 .200", "Active to Fault(LinkDown): LinkDown"],
            None,
        ),
        (
            "an address that is lost is put back and announced",
            active,
            |b| b.router.handle_vip_lost(at(500), ip(200)),
            &["install .200", "announce .100 .200"],
            Some((510, Announce)),
        ),
        (
            "a strange address that is lost is not ours to put back",
            active,
            |b| b.router.handle_vip_lost(at(500), ip(77)),
            &[],
            Some((10, Announce)),
        ),
        (
            "an Active that did not run for longer than a down interval lets go and listens",
            active,
            |b| b.router.handle_timeout(at(3700)),
            &["remove .100 .200", "Active to Backup: Paused"],
            Some((7309, ActiveDown)),
        ),
        (
            "a pause that another clock saw counts too",
            active,
            |b| b.router.handle_pause(at(500), Duration::from_secs(60)),
            &["remove .100 .200", "Active to Backup: Paused"],
            Some((4109, ActiveDown)),
        ),
    ];
    for (name, given, input, actions, due) in table {
        let mut bench = given();
        input(&mut bench);
        assert_eq!(bench.words(), actions, "{name}");
        assert_eq!(bench.due(), due, "{name}");
    }
}

fn hears(host: u8, priority: u8) -> Heard {
    crate::bench::heard(host, priority)
}

#[test]
fn backup_learns_interval_from_active() {
    let mut bench = backup();
    let fast = AdverInterval::from_centiseconds(10).unwrap();
    bench.router.handle_advertisement(at(0), Heard { interval: fast, ..hears(12, 200) });
    assert_eq!(bench.due(), Some((360, WakeReason::ActiveDown)));
    // The skew time is that of the learned interval.
    bench.router.handle_advertisement(at(100), hears(12, 0));
    assert_eq!(bench.due(), Some((160, WakeReason::ActiveDown)));
}

#[test]
fn version_2_skews_by_seconds_whatever_the_interval() {
    let mut bench = Bench::started(|config| {
        config.version = Version::V2;
        config.interval = AdverInterval::from_seconds(5).unwrap();
    });
    assert_eq!(bench.due(), Some((15_609, WakeReason::ActiveDown)));
    bench.hear(0, 12, 0);
    assert_eq!(bench.due(), Some((609, WakeReason::ActiveDown)));
}

#[test]
fn the_cause_of_a_promotion_is_what_ended_the_wait() {
    let cases: [(&[(u64, u8)], &str); 5] = [
        (&[], "Backup to Active: ActiveDown"),
        (&[(10, 200)], "Backup to Active: ActiveDown"),
        (&[(10, 200), (20, 0)], "Backup to Active: .12 resigned"),
        (&[(10, 90), (1010, 90)], "Backup to Active: preempts .12 at 90"),
        (&[(10, 90), (20, 200)], "Backup to Active: ActiveDown"),
    ];
    for (adverts, expected) in cases {
        let mut bench = backup();
        for &(millis, priority) in adverts {
            bench.hear(millis, 12, priority);
        }
        let log = bench.run(5000);
        assert_eq!(log.iter().find(|(_, word)| word.contains(" to ")).unwrap().1, expected, "{adverts:?}");
    }
}

#[test]
fn one_that_preempts_has_the_addresses_before_the_active_hears_of_it() {
    let mut bench = backup();
    bench.hear(10, 12, 90);
    let words: Vec<String> = bench.run(3610).into_iter().map(|(_, word)| word).collect();
    let expected =
        ["install .100 .200", "transmit 100", "announce .100 .200", "Backup to Active: preempts .12 at 90"];
    assert_eq!(words, expected);
}

#[test]
fn preempt_delay_counts_from_the_first_lower_advertisement() {
    let delayed = |config: &mut InstanceConfig| config.preempt = Preempt::Delayed(Duration::from_secs(10));
    let mut bench = Bench::started(delayed);
    for second in 1..=30 {
        let log = bench.run(second * 1000);
        if let Some((millis, _)) = log.first() {
            // Adverts at 1 s to 10 s are accepted, the one at 11 s is not: 10 s + 3.609 s.
            assert_eq!(*millis, 13_609);
            return;
        }
        bench.hear(second * 1000, 12, 90);
    }
    panic!("never preempted");
}

#[test]
fn preempt_delay_starts_over_when_somebody_better_was_active() {
    let mut bench = Bench::started(|config| config.preempt = Preempt::Delayed(Duration::from_secs(3)));
    bench.hear(1000, 12, 90);
    bench.hear(2000, 13, 200);
    bench.hear(4500, 12, 90);
    assert_eq!(bench.due(), Some((8109, WakeReason::ActiveDown)));
}

#[test]
fn preempt_delay_does_not_hold_up_a_resignation() {
    let mut bench = Bench::started(|config| config.preempt = Preempt::Delayed(Duration::from_secs(1000)));
    bench.hear(1000, 12, 90);
    bench.hear(1500, 12, 0);
    assert_eq!(bench.due(), Some((2109, WakeReason::ActiveDown)));
}

#[test]
fn an_owner_preempts_even_with_nopreempt() {
    let mut bench = Bench::new(|config| {
        config.priority = Rank::Owner;
        config.preempt = Preempt::Never;
    });
    bench.router.handle_start(at(0), Cause::Command);
    bench.router.handle_pause(at(0), Duration::from_secs(60));
    bench.hear(500, 12, 254);
    assert_eq!(bench.due(), Some((3003, WakeReason::ActiveDown)));
}

#[test]
fn a_new_priority_moves_the_running_timer_by_the_difference() {
    let mut bench = backup();
    bench.router.handle_priority(at(1000), rank(164), Lowered::Advertise);
    assert_eq!(bench.due(), Some((3359, WakeReason::ActiveDown)));
    bench.router.handle_priority(at(1000), rank(100), Lowered::Advertise);
    assert_eq!(bench.due(), Some((3609, WakeReason::ActiveDown)));
    bench.hear(1000, 12, 0);
    bench.router.handle_priority(at(1000), rank(228), Lowered::Advertise);
    assert_eq!(bench.due(), Some((1109, WakeReason::ActiveDown)));
}

#[test]
fn an_active_advertises_in_step_though_it_wakes_late() {
    let mut bench = active();
    bench.timeout(1040);
    assert_eq!(bench.router.state().role(), Role::Active);
    bench.timeout(2100);
    let times: Vec<u64> =
        bench.run(6000).into_iter().filter(|(_, word)| word == "transmit 100").map(|(at, _)| at).collect();
    assert_eq!(times, [3000, 4000, 5000, 6000]);
}

#[test]
fn announcements_follow_a_promotion_at_growing_distances() {
    let mut bench = active();
    let times: Vec<u64> = bench
        .run(20_000)
        .into_iter()
        .filter(|(_, word)| word.starts_with("announce"))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(times, [10, 50, 200, 1000, 5000]);
}

#[test]
fn a_chattering_peer_cannot_make_an_active_storm() {
    let mut bench = active();
    let (mut adverts, mut announcements) = (0, 0);
    for millis in 0..10_000 {
        for word in bench.timeout(millis).into_iter().chain(bench.hear(millis, 12, 90)) {
            adverts += usize::from(word.starts_with("transmit"));
            announcements += usize::from(word.starts_with("announce"));
        }
    }
    // Fourteen at once and a regular one in each interval; one schedule of five in each second, three that come early.
    assert!(adverts <= 15 * 11, "{adverts} advertisements in 10 s");
    assert!(adverts >= 10, "{adverts} advertisements in 10 s");
    assert!(announcements <= 5 * (11 + 3), "{announcements} announcements in 10 s");
}

#[test]
fn a_winner_announces_again_after_the_last_word_of_the_loser() {
    let mut winner = active();
    winner.run(7000);
    // The loser's regular advertisement, then its last word 2 ms later.
    assert_eq!(winner.hear(7300, 12, 90), ["transmit 100", "announce .100 .200"]);
    assert_eq!(winner.hear(7302, 12, 90), ["transmit 100"]);
    let times: Vec<u64> = winner
        .run(8400)
        .into_iter()
        .filter(|(_, word)| word.starts_with("announce"))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(times, [7310, 7350, 7400, 7410, 7450, 7600, 8400]);
}

#[test]
fn the_last_word_carries_the_interval_of_the_winner() {
    let mut loser = active();
    let slow = AdverInterval::from_seconds(3).unwrap();
    loser.router.handle_advertisement(at(500), Heard { interval: slow, ..hears(12, 200) });
    let said: Vec<Action> = std::iter::from_fn(|| loser.router.poll_action()).collect();
    let [Action::Transmit(first), _, Action::Transmit(last_word), _] = said.as_slice() else {
        panic!("{said:?}")
    };
    assert_eq!(first, last_word);
    assert_eq!((last_word.advertised(), last_word.interval()), (Advertised::from(100), slow));
    // Three intervals of the winner and the skew time by them: 9 s + 156 × 3 s / 256.
    assert_eq!(loser.due(), Some((11_328, WakeReason::ActiveDown)));
}

#[test]
fn a_backup_that_did_not_run_listens_before_it_takes_over() {
    let mut bench = backup();
    // Its timer ended at 3609 ms; at 6219 ms it is late by more than the silence of 2609 ms it has to fear.
    assert_eq!(bench.timeout(6300), Vec::<String>::new());
    assert_eq!(bench.due(), Some((9909, WakeReason::ActiveDown)));
    // A little late is no pause.
    let mut bench = backup();
    assert!(bench.timeout(4500).contains(&"Backup to Active: ActiveDown".to_owned()));
}

#[test]
fn a_paused_active_that_first_gets_a_packet_lets_go_too() {
    let mut bench = active();
    assert_eq!(bench.hear(60_000, 12, 90), ["remove .100 .200", "Active to Backup: Paused"]);
    let mut bench = active();
    bench.router.handle_halt(at(60_000), None, Cause::Command);
    assert_eq!(
        bench.words(),
        ["remove .100 .200", "Active to Backup: Paused", "Backup to Initialize: Command"]
    );
}

#[test]
fn repeated_and_early_timeouts_change_nothing() {
    for mut bench in [backup(), active(), owner()] {
        bench.timeout(0);
        let state = *bench.router.state();
        for millis in [0, 1, 5, 9] {
            assert_eq!(bench.timeout(millis), Vec::<String>::new());
        }
        assert_eq!(*bench.router.state(), state);
    }
}
