//! Random LANs under random faults: whatever happened, they converge, and the laws hold all the time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vrrp::*;

use crate::host::{Process, Setup, interface, vip};
use crate::lan::Lan;
use crate::ms;
use crate::rng::Rng;
use crate::scenarios::router;

const DECISIVE: TrackId = TrackId(0);
const WEIGHTED: TrackId = TrackId(1);

#[test]
fn random_lans_converge_and_stay_converged() {
    if let Some(seed) = number("VRRP_SIM_SEED") {
        let lan = play(seed);
        lan.trace.iter().for_each(|line| eprintln!("{line}"));
        return;
    }
    let first = number("VRRP_SIM_FIRST").unwrap_or(0);
    let seeds = number("VRRP_SIM_SEEDS").unwrap_or(10_000);
    let (next, contested) = (AtomicU64::new(first), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return;
            }
            if play(seed).competing_groups(0).iter().any(|group| group.len() > 1) {
                contested.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let contested = contested.into_inner();
    assert!(contested * 2 > seeds, "only {contested} of {seeds} LANs ended with anybody to elect");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..40 {
        assert!(play(seed).trace == play(seed).trace, "seed {seed}");
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn play(seed: u64) -> Lan {
    let mut rng = Rng::new(seed);
    let setups = any_setups(&mut rng);
    let interval = |setup: &Setup| setup.0[0].interval.to_duration();
    let shortest = setups.iter().map(interval).min().unwrap();
    let longest = setups.iter().map(interval).max().unwrap();
    let signed = setups[0].0[0].hmac.is_some();
    let worst = rng.pick(&[0, 0, 100, 1000, 10_000]);
    let drifts: Vec<i32> = setups.iter().map(|_| any_drift(&mut rng, worst)).collect();
    let mut lan = Lan::with(seed, setups, &drifts);
    lan.net.delay.1 = rng.pick(&[Duration::from_micros(200), shortest / 50, shortest / 10, shortest / 4]);
    lan.net.delay.0 = rng.pick(&[Duration::ZERO, lan.net.delay.1 / 2, lan.net.delay.1]);
    lan.net.reordering = rng.pick(&[0, 0, 20, 100]);

    lan.lateness = rng.pick(&[Duration::ZERO, shortest / 100, shortest / 10]);

    let faults = rng.below(20);
    for _ in 0..faults {
        lan.run(rng.between(Duration::ZERO, longest * 3));
        any_fault(&mut rng, &mut lan, longest);
    }
    if signed {
        // To those that sign, a frame that was overtaken is one that was lost.
        lan.net.reordering = 0;
    }
    end_of_faults(&mut rng, &mut lan);
    let calm = lan.now;

    let bound = lan.converge();
    lan.run(bound);
    if let Some(delay) = longest_preempt_delay(&lan) {
        lan.run(delay + lan.slack() + bound);
    }
    lan.assert_one_active_each();
    assert_the_best_is_active(&lan);
    // The last words of those that lost in the last moment, and the answers.
    lan.run((lan.net.delay.1 + lan.lateness) * 2);
    assert_it_stays(&mut lan, longest * 8);
    assert_polite(&lan, shortest);
    assert_winners_had_the_last_word(&mut lan, calm);
    lan
}

fn any_drift(rng: &mut Rng, worst: i32) -> i32 {
    let span = u64::from(worst.unsigned_abs()) * 2;
    i32::try_from(rng.below(span + 1)).unwrap() - worst
}

fn any_setups(rng: &mut Rng) -> Vec<Setup> {
    let version = rng.pick(&[Version::V2, Version::V3, Version::V3]);
    let pace = rng.pick(&[1, 10, 30, 100, 100]);
    let mixed_intervals = rng.chance(25);
    let spread = rng.pick(&[3, 20, 253]);
    let preemption = rng.pick(&[0, 0, 1, 2]);
    let grouped = rng.chance(20);
    let signed = rng.chance(5);
    let hosts = 2 + rng.below(6);
    let mut any = |_| {
        let mut config =
            router(u8::try_from(100_u64.saturating_sub(spread / 2).max(1) + rng.below(spread)).unwrap());
        config.version = version;
        let centiseconds = if mixed_intervals { rng.pick(&[pace, pace * 3, pace * 10]) } else { pace };
        config.interval = match version {
            Version::V2 => AdverInterval::DEFAULT,
            Version::V3 => AdverInterval::from_centiseconds(centiseconds).unwrap(),
        };
        config.preempt = match (preemption, rng.below(3)) {
            (1 | 2, 0) => Preempt::Never,
            (2, 1) => Preempt::Delayed(config.interval.to_duration() * 2),
            (_, _) => Preempt::Immediate,
        };
        config.checksum = rng.pick(&[Checksum::Keepalived, Checksum::Rfc9568]);
        config.silent_to_lower = rng.chance(10);
        if rng.chance(50) {
            let weight = rng.pick(&[-50, -20, -1, 1, 20, 50]);
            config.trackers = vec![(DECISIVE, Weight::FAULT), (WEIGHTED, Weight::new(weight).unwrap())];
        }
        if signed {
            config.hmac = Some(HmacConfig::new(Key::new(1, &[7; 32]).unwrap()));
        }
        config
    };
    let mut configs: Vec<InstanceConfig> = (0..hosts).map(&mut any).collect();
    if rng.chance(10) {
        configs[0].priority = Rank::Owner;
    }
    configs
        .into_iter()
        .map(|config| if grouped { two_segments(config) } else { Setup(vec![config]) })
        .collect()
}

/// The same virtual router once more on a second segment, both in a sync group.
pub(crate) fn two_segments(config: InstanceConfig) -> Setup {
    let second = InstanceConfig { iface: interface(1), addresses: vec![vip(1)], ..config.clone() };
    Setup(vec![config, second])
}

fn any_fault(rng: &mut Rng, lan: &mut Lan, longest: Duration) {
    let host = rng.index(lan.hosts.len());
    let segment = rng.index(lan.segments());
    match rng.below(18) {
        0 => any_partition(rng, lan),
        1 => any_partition_on(rng, lan, segment),
        2 => {
            let to = rng.index(lan.hosts.len());
            if to != host {
                lan.cut(segment, host, to);
            }
        }
        3 | 4 => lan.heal(),
        5 => lan.net.loss = rng.pick(&[0, 10, 50, 90]),
        6 => lan.net.duplication = rng.pick(&[0, 30]),
        7 => lan.crash(host),
        8 => lan.restart(host),
        9 => lan.pause(host, rng.between(Duration::ZERO, longest * 6)),
        10 => lan.track(host, DECISIVE, rng.pick(&[Health::Up, Health::Down])),
        11 | 12 => lan.track(host, WEIGHTED, rng.pick(&[Health::Up, Health::Down])),
        13 => {
            let up = rng.chance(50);
            lan.link(host, segment, up);
        }
        14 => {
            if rng.chance(50) {
                lan.stop(host);
            } else {
                lan.start(host);
            }
            lan.lose_vip(rng.index(lan.hosts.len()), segment);
        }
        15 => lan.crash_after(host, rng.index(6)),
        _ => any_reload(rng, lan, host, longest),
    }
}

fn any_reload(rng: &mut Rng, lan: &mut Lan, host: usize, longest: Duration) {
    let priority = Rank::new(u8::try_from(1 + rng.below(254)).unwrap()).unwrap();
    let slower = rng.chance(20);
    let longer = rng.chance(20);
    let down_timer_adverts = rng.pick(&[3, 3, 3, 2, 4]);
    let preempt = rng.chance(20).then_some(rng.pick(&[Preempt::Immediate, Preempt::Delayed(longest)]));
    let setup = lan.hosts[host].setup.clone().edited(|config| {
        config.priority = priority;
        config.down_timer_adverts = down_timer_adverts;
        config.preempt = preempt.unwrap_or(config.preempt);
        let segment = crate::host::segment(config.id());
        config.addresses = vec![vip(segment)];
        if longer {
            config.addresses.push([10, 0, 1, 101].into());
        }
        let triple = AdverInterval::from_centiseconds(config.interval.centiseconds().0 * 3);
        if slower && config.version == Version::V3 && config.interval.to_duration() * 3 <= longest {
            config.interval = triple.unwrap_or(config.interval);
        }
    });
    lan.reload(host, setup);
}

fn any_partition(rng: &mut Rng, lan: &mut Lan) {
    let (one, other): (Vec<usize>, Vec<usize>) = (0..lan.hosts.len()).partition(|_| rng.chance(50));
    if !one.is_empty() && !other.is_empty() {
        lan.partition(&one, &other);
    }
}

fn any_partition_on(rng: &mut Rng, lan: &mut Lan, segment: usize) {
    let (one, other): (Vec<usize>, Vec<usize>) = (0..lan.hosts.len()).partition(|_| rng.chance(50));
    if !one.is_empty() && !other.is_empty() {
        lan.partition_on(segment, &one, &other);
    }
}

/// The last moment at which anything goes wrong. What is broken then may stay broken, but stays as it is; with sync groups
/// it is broken alike on all segments, for otherwise there may be nobody who can have them all.
fn end_of_faults(rng: &mut Rng, lan: &mut Lan) {
    lan.heal();
    if rng.chance(30) {
        any_partition(rng, lan);
    }
    (lan.net.loss, lan.net.duplication) = (0, 0);
    for host in 0..lan.hosts.len() {
        lan.hosts[host].fuse = None;
        if rng.chance(50) {
            lan.restart(host);
            for segment in 0..lan.segments() {
                lan.link(host, segment, true);
            }
            lan.start(host);
            lan.track(host, DECISIVE, Health::Up);
        }
    }
    // A pause that is still going on is a fault, and so is its end.
    while lan.hosts.iter().any(|host| host.process == Process::Paused) {
        lan.run(ms(1));
    }
    lan.event(0, "-- the last fault is over --".into());
}

fn longest_preempt_delay(lan: &Lan) -> Option<Duration> {
    let delays = lan.hosts.iter().filter_map(|host| match host.config().preempt {
        Preempt::Delayed(delay) => Some(delay),
        Preempt::Immediate | Preempt::Never => None,
    });
    delays.max()
}

fn assert_the_best_is_active(lan: &Lan) {
    for group in lan.competing_groups(0) {
        let preempts = |&host: &usize| lan.hosts[host].config().preempt != Preempt::Never;
        if group.iter().all(preempts) {
            let rank = |host: usize| lan.hosts[host].snapshot().effective_priority;
            let best = group.iter().map(|&host| rank(host)).max();
            assert_eq!(Some(rank(lan.actives(&group)[0])), best, "the best of {group:?} is not Active");
        }
    }
}

/// Nobody changes any more, and only the Actives speak, at their own pace.
fn assert_it_stays(lan: &mut Lan, duration: Duration) {
    let since = lan.now;
    lan.run(duration);
    lan.assert_one_active_each();
    let mut sent = vec![vec![0_u128; lan.segments()]; lan.hosts.len()];
    for (at, host, segment, action) in lan.did_on_each(since) {
        match action {
            Action::Transmit(_) => sent[host][segment] += 1,
            Action::Announce { .. } | Action::SplitEnded => {}
            Action::InstallVips { .. }
            | Action::RemoveVips { .. }
            | Action::Transitioned { .. }
            | Action::SplitBegan { .. } => {
                panic!("host {host} at {at:?}, long after the last fault: {action:?}")
            }
        }
    }
    for (host, sent) in sent.into_iter().enumerate() {
        let machine = &lan.hosts[host];
        for (segment, sent) in sent.into_iter().enumerate() {
            let is_active = machine.competes(segment) && machine.role(segment) == Role::Active;
            let elapsed = machine.clock.local(lan.now) - machine.clock.local(since);
            let regular = elapsed.as_nanos() / machine.config().interval.to_duration().as_nanos();
            let late = u128::from(lan.lateness > Duration::ZERO);
            let expected = if is_active { regular - late..=regular + 1 + late } else { 0..=0 };
            assert!(expected.contains(&sent), "host {host} sent {sent} advertisements in {duration:?}");
        }
    }
}

/// At no time more than fourteen answers and a regular advertisement in an interval, give or take changes of role. A window
/// as long as the interval may overlap two.
fn assert_polite(lan: &Lan, shortest: Duration) {
    let mut windows = std::collections::BTreeMap::new();
    for (at, host, segment, action) in lan.did_on_each(Duration::ZERO) {
        if let Action::Transmit(_) = action {
            *windows.entry((host, segment, at.as_nanos() / shortest.as_nanos())).or_insert(0_u32) += 1;
        }
    }
    let most = windows.values().max().copied().unwrap_or(0);
    assert!(most <= 2 * (14 + 1) + 6, "{most} advertisements of one host in {shortest:?}");
}

/// Whoever lost a contest in calm weather was heard to say so, and the winner announced the address after that: no client
/// keeps the loser's MAC address.
fn assert_winners_had_the_last_word(lan: &mut Lan, calm: Duration) {
    let lost: Vec<(Duration, usize, usize)> = lan
        .did_on_each(calm)
        .filter(|(_, _, _, action)| {
            let contest = |cause: &Cause| matches!(cause, Cause::HigherPriority { .. } | Cause::SyncGroup { .. });
            matches!(action, Action::Transitioned { from: Role::Active, to: Role::Backup, cause } if contest(cause))
        })
        .map(|(at, host, segment, _)| (at, host, segment))
        .collect();
    if lost.is_empty() {
        return;
    }
    lan.run(Announcer::CONTEST_GAP + ms(10) + (lan.net.delay.1 + lan.lateness) * 2);
    for (at, loser, segment) in lost {
        let groups = lan.competing_groups(segment);
        let Some(group) = groups.iter().find(|group| group.contains(&loser)) else { continue };
        let winner = lan.actives_on(segment, group)[0];
        let announces = |(when, host, on, action): (Duration, usize, usize, &Action)| {
            when >= at && (host, on) == (winner, segment) && matches!(action, Action::Announce { .. })
        };
        assert!(
            loser == winner || lan.did_on_each(at).any(announces),
            "host {loser} lost at {at:?} on segment {segment}, and host {winner} has not announced since"
        );
    }
}
