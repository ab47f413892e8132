//! The table that holds `vrrpd` against keepalived.

use crate::bench::{MARGIN, Turn, programs};
use lab::matrix::{Cell, Conf, Event, Matrix, Measured, play};
use lab::{Cancel, Router, find_program};
use std::process::Command;

/// Plays a line of ours.
fn ours(conf: Conf, event: Event) -> Measured {
    let cell = Cell { conf, event, router: Router::Vrrpd };
    let dir = programs();
    play(&cell, 0.5, dir, Some(&dir.join("tandem")), &Cancel::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn an_address_removed_by_hand_is_back_at_once() {
    let _turn = Turn::alone();
    let measured = ours(Conf::Article, Event::Vipdel);
    // The promise is 10 ms.
    let bound = 10.0 + MARGIN.as_secs_f64() * 1e3;
    assert!(measured.service_ms.is_some_and(|service| service <= bound), "{measured:?}");
    assert!(measured.outage_ms <= bound && measured.vip_left && !measured.prio0, "{measured:?}");
}

#[test]
fn the_matrix_is_played_with_both_daemons() {
    if find_program("keepalived").is_err() {
        eprintln!("keepalived is not installed: the matrix is not played");
        return;
    }
    let _turn = Turn::shared();
    let tandem = Command::new(programs().join("tandem"))
        .args(["lab", "--matrix", "--json", "--only", "v3fast/term", "--bin-dir"])
        .arg(programs())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&tandem.stdout);
    let matrix: Matrix = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {tandem:?}"));
    let rows = matrix.rows();
    let daemons: Vec<Router> = rows.iter().map(|row| row.cell.router).collect();
    assert_eq!(daemons, [Router::Keepalived, Router::Vrrpd]);
    for row in rows {
        // Both resign, and the other node waits for the skew of 64.8 ms.
        assert_eq!((row.count, row.prio0, row.vip_left), (1, 1, 0), "{row:?}");
        assert!(row.advert.is_some_and(|advert| advert.min >= 64.0), "{row:?}");
    }
}
