//! An Active whose priority falls, among others.

use std::time::Duration;

use vrrp::*;

use crate::lan::Lan;
use crate::ms;
use crate::scenarios::{routers, settled};

const CHECK: TrackId = TrackId(1);

/// Hosts whose check takes 20 from their priority.
fn checked(seed: u64, priorities: &[u8], edit: impl Fn(&mut InstanceConfig)) -> Lan {
    let mut configs = routers(priorities);
    for config in &mut configs {
        config.trackers = vec![(CHECK, Weight::new(-20).unwrap())];
        edit(config);
    }
    settled(seed, configs)
}

/// Runs in small steps; the longest time without any holder, and whether each step had one.
fn longest_gap(lan: &mut Lan, duration: Duration) -> Duration {
    let (mut gap, mut longest) = (Duration::ZERO, Duration::ZERO);
    let until = lan.now + duration;
    while lan.now < until {
        lan.run(Duration::from_micros(500));
        let held = lan.hosts.iter().any(|host| host.holds(lan.now));
        gap = if held { Duration::ZERO } else { gap + Duration::from_micros(500) };
        longest = longest.max(gap);
    }
    longest
}

fn first_active(lan: &Lan, since: Duration) -> Option<(Duration, usize)> {
    let is_it = |(_, _, action): &(Duration, usize, &Action)| {
        matches!(action, Action::Transitioned { to: Role::Active, .. })
    };
    lan.did_since(since).find(is_it).map(|(at, host, _)| (at - since, host))
}

#[test]
fn a_better_backup_takes_over_after_its_skew_time_and_without_a_gap() {
    for seed in 0..50 {
        let mut lan = checked(seed, &[100, 90], |_| {});
        let failed = lan.now;
        lan.track(0, CHECK, Health::Down);
        assert_eq!(longest_gap(&mut lan, ms(1500)), Duration::ZERO, "seed {seed}");
        let (after, host) = first_active(&lan, failed).unwrap();
        assert_eq!(host, 1);
        // Skew of 90 is 648.4 ms.
        assert!(after < ms(650), "seed {seed}: {after:?}");
        lan.assert_one_active_each();
        assert_eq!(lan.actives(&[0, 1]), [1]);
    }
}

#[test]
fn it_takes_over_although_it_does_not_preempt() {
    for seed in 0..50 {
        let mut lan = checked(seed, &[100, 90], |config| config.preempt = Preempt::Never);
        lan.track(0, CHECK, Health::Down);
        lan.run(ms(700));
        lan.assert_one_active_each();
        assert_eq!(lan.actives(&[0, 1]), [1], "seed {seed}");
    }
}

#[test]
fn a_lone_node_stays_in_service() {
    for seed in 0..20 {
        let mut lan = checked(seed, &[100], |_| {});
        lan.track(0, CHECK, Health::Down);
        assert_eq!(longest_gap(&mut lan, ms(8000)), Duration::ZERO);
        assert_eq!(lan.actives(&[0]), [0]);
        assert_eq!(lan.hosts[0].snapshot().effective_priority.get(), 80);
        assert!(!lan.hosts[0].snapshot().yielding);
    }
}

#[test]
fn a_node_whose_peers_are_all_worse_stays_in_service() {
    for seed in 0..50 {
        let mut lan = checked(seed, &[200, 90, 80, 70], |_| {});
        let failed = lan.now;
        lan.track(0, CHECK, Health::Down);
        assert_eq!(longest_gap(&mut lan, ms(8000)), Duration::ZERO);
        assert_eq!(first_active(&lan, failed), None, "seed {seed}: a worse one took over");
        assert_eq!(lan.actives(&[0, 1, 2, 3]), [0]);
    }
}

#[test]
fn a_backup_one_step_worse_does_not_get_to_speak() {
    for seed in 0..50 {
        let mut lan = checked(seed, &[100, 79, 78], |_| {});
        let failed = lan.now;
        lan.track(0, CHECK, Health::Down);
        assert!(lan.hosts[0].snapshot().yielding, "it has never heard the others");
        lan.run(ms(8000));
        assert_eq!(first_active(&lan, failed), None, "seed {seed}: a worse one took over");
    }
}

#[test]
fn the_best_of_several_backups_takes_over_and_no_other() {
    for seed in 0..100 {
        let mut lan = checked(seed, &[100, 85, 90, 95, 81, 70], |_| {});
        let failed = lan.now;
        lan.track(0, CHECK, Health::Down);
        assert_eq!(longest_gap(&mut lan, ms(5000)), Duration::ZERO);
        let promoted: Vec<usize> = lan
            .did_since(failed)
            .filter(|(_, _, action)| matches!(action, Action::Transitioned { to: Role::Active, .. }))
            .map(|(_, host, _)| host)
            .collect();
        assert_eq!(promoted, [3], "seed {seed}");
        lan.assert_one_active_each();
    }
}

#[test]
fn late_packets_and_lost_resignations_change_when_but_not_who() {
    for seed in 0..200 {
        let mut lan = checked(seed, &[100, 85, 90, 95, 81, 70], |_| {});
        lan.net.delay = (Duration::ZERO, ms(40));
        lan.net.loss = 30;
        lan.track(0, CHECK, Health::Down);
        lan.run(ms(1000));
        lan.net.loss = 0;
        lan.run(lan.converge());
        lan.assert_one_active_each();
        assert_eq!(lan.actives(&[0, 1, 2, 3, 4, 5]), [3], "seed {seed}");
    }
}

#[test]
fn a_check_that_recovers_while_we_yield_ends_it() {
    for seed in 0..50 {
        let mut lan = checked(seed, &[100, 90], |_| {});
        let failed = lan.now;
        lan.track(0, CHECK, Health::Down);
        lan.run(ms(seed * 12));
        lan.track(0, CHECK, Health::Up);
        lan.run(ms(8000));
        assert_eq!(first_active(&lan, failed), None, "seed {seed}");
        assert_eq!(lan.actives(&[0, 1]), [0]);
    }
}

#[test]
fn a_check_that_flaps_costs_no_service() {
    for seed in 0..20 {
        let mut lan = checked(seed, &[100, 90, 85], |_| {});
        for round in 0..30 {
            let health = if round % 2 == 0 { Health::Down } else { Health::Up };
            lan.track(0, CHECK, health);
            let gap = longest_gap(&mut lan, ms(50 + (seed * 131 + round * 377) % 1500));
            assert_eq!(gap, Duration::ZERO, "seed {seed} round {round}");
        }
        lan.run(lan.converge());
        lan.assert_one_active_each();
        assert_eq!(lan.actives(&[0, 1, 2]), [0]);
    }
}

#[test]
fn two_whose_checks_fail_at_once_agree() {
    for seed in 0..50 {
        let mut lan = checked(seed, &[100, 90, 75], |_| {});
        lan.track(0, CHECK, Health::Down);
        lan.run(ms(seed * 20));
        lan.track(1, CHECK, Health::Down);
        assert_eq!(longest_gap(&mut lan, ms(10_000)), Duration::ZERO, "seed {seed}");
        lan.assert_one_active_each();
        assert_eq!(lan.actives(&[0, 1, 2]), [0], "seed {seed}");
    }
}
