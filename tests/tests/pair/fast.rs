//! `track_lbd`, and version 3 with an advertisement every 100 ms. Most bounds are a fraction of a second, so most of these
//! labs run alone.

use crate::bench::{
    Bench, FAST_SKEW, KEEPALIVED, MARGIN, OURS, OVERLAP, SKEW, Turn, assert_fails_back, assert_moved,
    assert_within,
};
use lab::{Relay, Setup, Software, Timing};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// The promise of `track_lbd`, to which the other node's skew is added.
const NOTICED: Duration = Duration::from_millis(100);

/// Three advertisements missed.
const SILENCE: Duration = Duration::from_millis(300);

/// The shortest lease there is. The kernel removes an address up to 0.3 s after its end.
const LEASE: Duration = Duration::from_millis(2_000 + 300);

fn fast(software: [Software; 2]) -> Setup {
    Setup { software, timing: Timing::Fast, ..Setup::default() }
}

#[test]
fn with_track_lbd_a_dead_or_hung_lbd_costs_100_ms_and_the_skew() {
    let bench = Bench::start(Setup { track_lbd: true, ..Setup::default() }, Turn::alone());
    for name in ["lbd-killed", "lbd-hung"] {
        let run = bench.play(name);
        assert_moved(&run.phases[0], NOTICED + SKEW + MARGIN);
        assert_fails_back(&run);
    }
}

#[test]
fn at_100_ms_a_dead_or_hung_lbd_or_a_dead_node_costs_a_fraction_of_a_second() {
    let bench = Bench::start(fast([OURS; 2]), Turn::alone());
    for (name, outage) in [
        ("lbd-killed", NOTICED + FAST_SKEW),
        ("lbd-hung", NOTICED + FAST_SKEW),
        ("node-off", SILENCE + FAST_SKEW),
        ("vrrpd-stopped", FAST_SKEW),
    ] {
        let run = bench.play(name);
        assert_moved(&run.phases[0], outage + MARGIN);
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

#[test]
fn a_sick_application_server_is_red_on_the_dashboard() {
    let bench = Bench::start(fast([OURS; 2]), Turn::shared());
    let dashboard = Dashboard::of_node_1(&bench);
    assert_eq!(dashboard.status(), "UP");
    assert!(dashboard.row().contains("active_up"), "{}", dashboard.row());
    bench.lab.set_sick(1, true).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while dashboard.status() != "DOWN" {
        assert!(Instant::now() < deadline, "backend-1 is {}", dashboard.status());
        bench.lab.pause(Duration::from_millis(50)).unwrap();
    }
    assert!(dashboard.row().contains("active_down"), "{}", dashboard.row());
}

#[test]
fn keepalived_backs_vrrpd_in_version_3() {
    let Some(bench) = Bench::start_mixed(fast([OURS, KEEPALIVED]), Turn::alone()) else { return };
    for (name, outage, both) in [
        ("lbd-killed", NOTICED + FAST_SKEW, OVERLAP),
        ("lbd-hung", NOTICED + FAST_SKEW, OVERLAP),
        ("node-off", SILENCE + FAST_SKEW, OVERLAP),
        ("vrrpd-stopped", FAST_SKEW, OVERLAP),
        ("vrrpd-killed", SILENCE + FAST_SKEW, LEASE),
        ("vrrpd-hung", SILENCE + FAST_SKEW, LEASE),
    ] {
        let run = bench.play(name);
        assert_moved(&run.phases[0], outage + 2 * MARGIN);
        assert_within(name, run.phases[0].two_holders_ms, both);
        assert_fails_back(&run);
    }
}

#[test]
fn vrrpd_backs_keepalived_in_version_3() {
    let Some(bench) = Bench::start_mixed(fast([KEEPALIVED, OURS]), Turn::alone()) else { return };
    for (name, outage) in [
        // Its script looks every second, and fails at once.
        ("lbd-killed", Duration::from_secs(1) + FAST_SKEW),
        ("node-off", SILENCE + FAST_SKEW),
        ("vrrpd-stopped", FAST_SKEW),
        // It keeps the address for ever; ours takes it all the same.
        ("vrrpd-killed", SILENCE + FAST_SKEW),
    ] {
        let run = bench.play(name);
        assert_moved(&run.phases[0], outage + 2 * MARGIN);
        assert_fails_back(&run);
    }
}

/// The statistics page of node 1, as a browser on the host sees it.
struct Dashboard(Relay);

impl Dashboard {
    fn of_node_1(bench: &Bench) -> Self {
        Self(Relay::start(bench.lab.node(1), "127.0.0.1:8404".parse().unwrap()).unwrap())
    }

    fn page(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(self.0.address()).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The eighteenth field of HAProxy's table.
    fn status(&self) -> String {
        let csv = self.page("/stats;csv");
        let row = csv.lines().find(|line| line.starts_with("docapi_backend,backend-1,"));
        row.and_then(|row| row.split(',').nth(17)).unwrap_or_else(|| panic!("{csv}")).to_owned()
    }

    /// The tag that begins the table row of application server 1.
    fn row(&self) -> String {
        let page = self.page("/stats");
        let id = page.find("id=\"docapi_backend/backend-1\"").unwrap_or_else(|| panic!("{page}"));
        let from = page[..id].rfind('<').unwrap();
        page[from..].split('>').next().unwrap().to_owned()
    }
}
