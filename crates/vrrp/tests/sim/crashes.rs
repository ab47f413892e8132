//! A crash after each single step of everything that a node does.

use std::time::Duration;

use vrrp::*;

use crate::lan::Lan;
use crate::ms;
use crate::random::two_segments;
use crate::scenarios::router;

const CHECK: TrackId = TrackId(0);
const CRASHES: usize = 14;

type Story = (&'static str, fn(&mut Lan));

/// What host 0 goes through. It is Active at first, unless the story is about how it becomes so.
const STORIES: [Story; 8] = [
    ("it is promoted", |lan| {
        lan.stop(0);
        lan.run(lan.converge());
        lan.start(0);
    }),
    ("it loses against a better one", |lan| {
        let better = lan.hosts[1].setup.clone().edited(|config| config.priority = Rank::new(200).unwrap());
        lan.reload(1, better);
    }),
    ("it is stopped", |lan| lan.stop(0)),
    ("its check fails", |lan| lan.track(0, CHECK, Health::Down)),
    ("its link goes down", |lan| lan.link(0, 0, false)),
    ("it is given another address", |lan| {
        let more = lan.hosts[0].setup.clone().edited(|config| config.addresses.push([10, 0, 9, 1].into()));
        lan.reload(0, more);
    }),
    ("its address is deleted", |lan| lan.lose_vip(0, 0)),
    ("a split heals", |lan| {
        lan.partition(&[0], &[1, 2]);
        lan.run(lan.converge());
        lan.heal();
    }),
];

fn lan(seed: u64, grouped: bool) -> Lan {
    let setups = [100, 90, 80].map(|priority| {
        let mut config = router(priority);
        config.trackers = vec![(CHECK, Weight::FAULT)];
        if grouped { two_segments(config) } else { crate::host::Setup(vec![config]) }
    });
    let mut lan = Lan::with(seed, setups.to_vec(), &[0, 200, -200]);
    lan.run(lan.converge() + ms(seed * 137 % 1000));
    lan.assert_one_active_each();
    lan
}

#[test]
fn a_crash_after_any_step_is_taken_over_and_survived() {
    for (name, story) in STORIES {
        for (steps, grouped) in (0..CRASHES).flat_map(|steps| [(steps, false), (steps, true)]) {
            let mut lan = lan(steps as u64, grouped);
            lan.event(0, format!("story: {name}, grouped: {grouped}"));
            lan.crash_after(0, steps);
            story(&mut lan);
            // The lease of whatever is left ends before anybody takes over; the watch looks for two holders all the time.
            lan.run(lan.converge());
            lan.crash(0);
            lan.run(lan.converge());
            lan.assert_one_active_each();
            assert_eq!(lan.actives(&[1, 2]), [1], "{name}");
            assert!(!lan.hosts[0].holds(lan.now), "{name}: the lease has ended");

            lan.hosts[0].stopped = false;
            lan.link(0, 0, true);
            lan.track(0, CHECK, Health::Up);
            lan.restart(0);
            lan.run(lan.converge() * 2);
            lan.assert_one_active_each();
            assert_eq!(lan.actives(&[0, 1, 2]).len(), 1, "{name}");
        }
    }
}

#[test]
fn a_fuse_kills_in_the_middle_of_a_promotion() {
    let mut lan = lan(0, false);
    lan.crash(0);
    lan.crash_after(1, 3);
    let since = lan.now;
    lan.run(Duration::from_millis(3700));
    let did: Vec<Action> =
        lan.did_since(since).filter(|(_, host, _)| *host == 1).map(|(_, _, did)| did.clone()).collect();
    assert!(
        matches!(did.as_slice(), [Action::Transmit(_), Action::InstallVips { .. }, Action::Announce { .. }]),
        "{did:?}"
    );
    // It has told that it is Active, and does not live to see it.
    assert_eq!(lan.actives(&[1, 2]), []);
    lan.run(lan.converge());
    assert_eq!(lan.actives(&[2]), [2]);
    assert!(!lan.hosts[1].holds(lan.now));
}
