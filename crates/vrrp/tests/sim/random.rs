//! Random LANs under random faults: whatever happened, they converge, and the laws hold all the time.

use std::time::Duration;

use vrrp::*;

use crate::host::Process;
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
    let seeds = number("VRRP_SIM_SEEDS").unwrap_or(3000);
    let contested = |seed: &u64| play(*seed).competing_groups().iter().any(|group| group.len() > 1);
    let contested = (0..seeds).filter(contested).count();
    assert!(contested as u64 * 2 > seeds, "only {contested} of {seeds} LANs ended with anybody to elect");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..20 {
        assert!(play(seed).trace == play(seed).trace, "seed {seed}");
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn play(seed: u64) -> Lan {
    let mut rng = Rng::new(seed);
    let configs = any_configs(&mut rng);
    let shortest = configs.iter().map(|config| config.interval.to_duration()).min().unwrap();
    let longest = configs.iter().map(|config| config.interval.to_duration()).max().unwrap();
    let mut lan = Lan::new(seed, configs);
    lan.net.delay.1 = rng.pick(&[Duration::from_micros(200), shortest / 50, shortest / 10, shortest / 4]);
    lan.net.delay.0 = rng.pick(&[Duration::ZERO, lan.net.delay.1 / 2, lan.net.delay.1]);

    lan.lateness = rng.pick(&[Duration::ZERO, shortest / 100, shortest / 10]);

    let faults = rng.below(20);
    for _ in 0..faults {
        lan.run(rng.between(Duration::ZERO, longest * 3));
        any_fault(&mut rng, &mut lan, longest);
    }
    end_of_faults(&mut rng, &mut lan);

    let bound = lan.converge();
    lan.run(bound);
    if let Some(delay) = longest_preempt_delay(&lan) {
        lan.run(delay + bound);
    }
    lan.assert_one_active_each();
    assert_the_best_is_active(&lan);
    assert_it_stays(&mut lan, longest * 8);
    assert_polite(&lan, shortest);
    lan
}

fn any_configs(rng: &mut Rng) -> Vec<InstanceConfig> {
    let version = rng.pick(&[Version::V2, Version::V3, Version::V3]);
    let pace = rng.pick(&[1, 10, 30, 100, 100]);
    let mixed_intervals = rng.chance(25);
    let spread = rng.pick(&[3, 20, 253]);
    let preemption = rng.pick(&[0, 0, 1, 2]);
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
        if rng.chance(50) {
            let weight = rng.pick(&[-50, -20, -1, 1, 20, 50]);
            config.trackers = vec![(DECISIVE, Weight::FAULT), (WEIGHTED, Weight::new(weight).unwrap())];
        }
        config
    };
    let mut configs: Vec<InstanceConfig> = (0..hosts).map(&mut any).collect();
    if rng.chance(10) {
        configs[0].priority = Rank::Owner;
    }
    configs
}

fn any_fault(rng: &mut Rng, lan: &mut Lan, longest: Duration) {
    let host = rng.index(lan.hosts.len());
    match rng.below(16) {
        0 | 1 => any_partition(rng, lan),
        2 => {
            let to = rng.index(lan.hosts.len());
            if to != host {
                lan.cut(host, to);
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
            lan.link(host, up);
        }
        14 => {
            if rng.chance(50) {
                lan.stop(host);
            } else {
                lan.start(host);
            }
            lan.lose_vip(rng.index(lan.hosts.len()));
        }
        _ => {
            if lan.hosts[host].process == Process::Running {
                let mut config = lan.hosts[host].config.clone();
                config.priority = Rank::new(u8::try_from(1 + rng.below(254)).unwrap()).unwrap();
                lan.reload(host, config);
            }
        }
    }
}

fn any_partition(rng: &mut Rng, lan: &mut Lan) {
    let (one, other): (Vec<usize>, Vec<usize>) = (0..lan.hosts.len()).partition(|_| rng.chance(50));
    if !one.is_empty() && !other.is_empty() {
        lan.partition(&one, &other);
    }
}

/// The last moment at which anything goes wrong. What is broken then may stay broken, but stays as it is.
fn end_of_faults(rng: &mut Rng, lan: &mut Lan) {
    lan.heal();
    if rng.chance(30) {
        any_partition(rng, lan);
    }
    (lan.net.loss, lan.net.duplication) = (0, 0);
    for host in 0..lan.hosts.len() {
        if rng.chance(50) {
            lan.restart(host);
            lan.link(host, true);
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
    let delays = lan.hosts.iter().filter_map(|host| match host.config.preempt {
        Preempt::Delayed(delay) => Some(delay),
        Preempt::Immediate | Preempt::Never => None,
    });
    delays.max()
}

fn assert_the_best_is_active(lan: &Lan) {
    for group in lan.competing_groups() {
        let preempts = |&host: &usize| lan.hosts[host].config.preempt != Preempt::Never;
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
    let mut sent = vec![0_u128; lan.hosts.len()];
    for (at, host, action) in lan.did_since(since) {
        match action {
            Action::Transmit(_) => sent[host] += 1,
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
        let is_active = machine.competes() && machine.role() == Role::Active;
        let regular = duration.as_nanos() / machine.config.interval.to_duration().as_nanos();
        let late = u128::from(lan.lateness > Duration::ZERO);
        let expected = if is_active { regular - late..=regular + 1 } else { 0..=0 };
        assert!(expected.contains(&sent), "host {host} sent {sent} advertisements in {duration:?}");
    }
}

/// At no time more than eight answers and a regular advertisement in an interval, give or take changes of role.
fn assert_polite(lan: &Lan, shortest: Duration) {
    let mut windows = std::collections::BTreeMap::new();
    for (at, host, action) in lan.did_since(Duration::ZERO) {
        if let Action::Transmit(_) = action {
            *windows.entry((host, at.as_nanos() / shortest.as_nanos())).or_insert(0_u32) += 1;
        }
    }
    let most = windows.values().max().copied().unwrap_or(0);
    assert!(most <= 18 + 6, "{most} advertisements of one host in {shortest:?}");
}
