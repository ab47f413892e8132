//! Named stories.

use std::time::Duration;

use vrrp::*;

use crate::host::{ETH, vip};
use crate::lan::Lan;
use crate::ms;

pub(crate) fn router(priority: u8) -> InstanceConfig {
    let mut config = InstanceConfig::new(ETH, Vrid::new(51).unwrap(), vec![vip(0)]);
    config.priority = Rank::new(priority).unwrap();
    config
}

pub(crate) fn routers(priorities: &[u8]) -> Vec<InstanceConfig> {
    priorities.iter().map(|&priority| router(priority)).collect()
}

/// Converged, with host 0 Active.
pub(crate) fn settled(seed: u64, configs: Vec<InstanceConfig>) -> Lan {
    let mut lan = Lan::new(seed, configs);
    lan.run(lan.converge());
    lan.assert_one_active_each();
    assert_eq!(lan.actives(&[0]), [0]);
    // Out of the first announcements, at another phase for each seed.
    lan.run(Duration::from_secs(6) + ms(seed * 37 % 1000));
    lan
}

fn became_active(lan: &Lan, since: Duration, host: usize) -> Option<Duration> {
    let is_it = |(_, who, action): &(Duration, usize, &Action)| {
        *who == host && matches!(action, Action::Transitioned { to: Role::Active, .. })
    };
    lan.did_since(since).find(is_it).map(|(at, _, _)| at - since)
}

#[test]
fn the_highest_priority_becomes_active() {
    for seed in 0..50 {
        let mut lan = Lan::new(seed, routers(&[100, 90, 250, 80]));
        lan.run(lan.converge());
        lan.assert_one_active_each();
        assert_eq!(lan.actives(&[0, 1, 2, 3]), [2]);
    }
}

#[test]
fn an_owner_is_active_at_once() {
    let mut lan = Lan::new(1, routers(&[254, 255]));
    lan.run(ms(1));
    assert_eq!(lan.actives(&[0, 1]), [1]);
    lan.run(lan.converge());
    lan.assert_one_active_each();
}

#[test]
fn a_split_makes_two_actives_and_its_end_makes_one() {
    for seed in 0..50 {
        let mut lan = settled(seed, routers(&[100, 90, 80]));
        lan.partition(&[0], &[1, 2]);
        lan.run(lan.converge());
        lan.assert_one_active_each();
        assert_eq!(lan.actives(&[1, 2]), [1]);
        lan.heal();
        lan.run(lan.converge());
        lan.assert_one_active_each();
        assert_eq!(lan.actives(&[0, 1, 2]), [0]);
    }
}

#[test]
fn after_a_heal_the_winner_announces_after_the_loser_has_let_go() {
    for seed in 0..200 {
        let mut lan = settled(seed, routers(&[100, 90, 80, 70]));
        lan.net.delay = (Duration::ZERO, ms(20));
        lan.partition(&[0], &[1, 2, 3]);
        lan.partition(&[1], &[2, 3]);
        lan.run(ms(20_000 + seed * 13));
        lan.assert_one_active_each();
        let healed = lan.now;
        lan.heal();
        lan.run(lan.converge());
        lan.assert_one_active_each();
        let last = |wanted: fn(&Action) -> bool, winner: bool| {
            lan.did_since(healed)
                .filter(|(_, host, action)| (*host == 0) == winner && wanted(action))
                .map(|(at, _, _)| at)
                .collect::<Vec<_>>()
        };
        let let_go = *last(|action| matches!(action, Action::RemoveVips { .. }), false).last().unwrap();
        let announced = last(|action| matches!(action, Action::Announce { .. }), true);
        let after = announced.into_iter().find(|at| *at > let_go).expect("the winner announces once more");
        assert!(after - let_go < ms(200), "seed {seed}: only {:?} later", after - let_go);
    }
}

#[test]
fn the_last_word_of_a_loser_does_not_start_a_quarrel() {
    for seed in 0..100 {
        let mut lan = settled(seed, routers(&[100, 90, 80, 70, 60]));
        lan.net.delay = (Duration::ZERO, ms(30));
        for host in 0..5 {
            let others: Vec<usize> = (0..5).filter(|&other| other != host).collect();
            lan.partition(&[host], &others);
        }
        lan.run(ms(15_000));
        let healed = lan.now;
        lan.heal();
        lan.run(lan.converge());
        lan.assert_one_active_each();
        for loser in 1..5 {
            let (mut sent, mut changes) = (0, 0);
            for (_, _, action) in lan.did_since(healed).filter(|(_, host, _)| *host == loser) {
                sent += usize::from(matches!(action, Action::Transmit(_)));
                changes += usize::from(matches!(action, Action::Transitioned { .. }));
            }
            // One regular advertisement, answers to that of each of the three other losers and to their last words, two
            // last words.
            assert!(sent <= 12, "seed {seed}: loser {loser} sent {sent}");
            assert_eq!(changes, 1, "seed {seed}: loser {loser}");
        }
        let quiet = lan.now;
        lan.run(ms(10_000));
        assert!(lan.did_since(quiet).all(|(_, host, _)| host == 0), "seed {seed}: a loser still speaks");
    }
}

#[test]
fn a_stop_hands_over_within_the_skew_time() {
    for seed in 0..100 {
        let mut lan = settled(seed, routers(&[100, 90, 80]));
        lan.net.delay = (Duration::ZERO, ms(15));
        let stopped = lan.now;
        lan.stop(0);
        lan.run(ms(700));
        // Skew of 90 is 648.4 ms.
        let after = became_active(&lan, stopped, 1).expect("handed over");
        assert!(after <= ms(649) + ms(15), "seed {seed}: {after:?}");
        lan.run(lan.converge());
        lan.assert_one_active_each();
        assert_eq!(lan.actives(&[1, 2]), [1]);
    }
}

#[test]
fn a_crash_is_taken_over_within_the_down_interval_and_never_held_twice() {
    for seed in 0..100 {
        let mut lan = settled(seed, routers(&[100, 90]));
        let crashed = lan.now;
        lan.crash(0);
        for _ in 0..400 {
            lan.run(ms(10));
            assert!(!(lan.hosts[0].holds(lan.now) && lan.hosts[1].holds(lan.now)), "seed {seed}: held twice");
        }
        let after = became_active(&lan, crashed, 1).unwrap();
        assert!((ms(2648)..ms(3650)).contains(&after), "seed {seed}: {after:?}");
    }
}

#[test]
fn a_stopped_process_lets_go_before_it_speaks_again() {
    for seed in 0..100 {
        let mut lan = settled(seed, routers(&[100, 90]));
        lan.pause(0, ms(4000 + seed * 50));
        lan.run(ms(4000 + seed * 50 - 1));
        assert_eq!(lan.actives(&[0, 1]), [1]);
        assert!(!lan.hosts[0].holds(lan.now), "seed {seed}: the lease has ended");
        let resumed = lan.now;
        lan.run(ms(500));
        let first =
            lan.did_since(resumed).find(|(_, host, _)| *host == 0).map(|(_, _, action)| action.clone());
        assert!(matches!(first, Some(Action::RemoveVips { .. })), "seed {seed}: {first:?}");
        assert_eq!(lan.actives(&[0, 1]), [1]);
        lan.run(lan.converge());
        assert_eq!(lan.actives(&[0, 1]), [0]);
    }
}

#[test]
fn a_returning_node_preempts_unless_told_not_to() {
    for (preempt, expected) in [(Preempt::Immediate, 0), (Preempt::Never, 1)] {
        let mut configs = routers(&[100, 90]);
        configs[0].preempt = preempt;
        let mut lan = settled(5, configs);
        lan.crash(0);
        lan.run(lan.converge());
        lan.restart(0);
        lan.run(lan.converge());
        lan.assert_one_active_each();
        assert_eq!(lan.actives(&[0, 1]), [expected]);
        lan.run(ms(30_000));
        assert_eq!(lan.actives(&[0, 1]), [expected]);
    }
}

#[test]
fn a_one_way_cable_makes_two_actives_that_stay_polite() {
    for seed in 0..20 {
        let mut lan = settled(seed, routers(&[100, 90]));
        lan.cut(0, 0, 1);
        lan.run(lan.converge());
        // Host 1 cannot know better; host 0 hears it and answers once for each of its advertisements.
        assert_eq!(lan.actives(&[0, 1]), [0, 1]);
        let since = lan.now;
        lan.run(ms(10_000));
        let count = |wanted: fn(&Action) -> bool| {
            lan.did_since(since).filter(|(_, _, action)| wanted(action)).count()
        };
        assert!(count(|action| matches!(action, Action::Transmit(_))) <= 31);
        assert!(count(|action| matches!(action, Action::Announce { .. })) <= 55);
        lan.heal();
        lan.run(lan.converge());
        lan.assert_one_active_each();
    }
}

#[test]
fn a_deleted_address_is_back_before_anybody_notices() {
    let mut lan = settled(3, routers(&[100, 90]));
    let before = lan.now;
    lan.lose_vip(0, 0);
    lan.assert_one_active_each();
    lan.run(ms(20_000));
    assert!(lan.did_since(before).all(|(_, _, action)| !matches!(action, Action::Transitioned { .. })));
}

#[test]
fn sub_second_intervals_fail_over_in_sub_seconds() {
    for seed in 0..50 {
        let mut configs = routers(&[100, 90]);
        for config in &mut configs {
            config.interval = AdverInterval::from_centiseconds(10).unwrap();
        }
        let mut lan = settled(seed, configs);
        let crashed = lan.now;
        lan.crash(0);
        lan.run(ms(400));
        let after = became_active(&lan, crashed, 1).unwrap();
        assert!((ms(264)..ms(366)).contains(&after), "seed {seed}: {after:?}");
    }
}

#[test]
fn version_2_with_passwords_fails_over_too() {
    let mut configs = routers(&[100, 90]);
    for config in &mut configs {
        config.version = Version::V2;
        config.auth = Authentication::Password(Password::new(b"1111"));
    }
    let mut lan = settled(9, configs);
    lan.crash(0);
    lan.run(lan.converge());
    lan.assert_one_active_each();
    lan.restart(0);
    lan.run(lan.converge());
    assert_eq!(lan.actives(&[0, 1]), [0]);
}
