//! Tables for the pool and its algorithms.

use super::*;

const A: ServerId = ServerId(0);
const B: ServerId = ServerId(1);
const C: ServerId = ServerId(2);

fn pool(algorithm: Algorithm, servers: &[ServerSpec]) -> Pool {
    Pool::new(PoolConfig { algorithm, allbackups: false }, servers.to_vec())
}

fn equal(algorithm: Algorithm, count: usize) -> Pool {
    pool(algorithm, &vec![ServerSpec::default(); count])
}

fn limited(maxconn: u32) -> ServerSpec {
    ServerSpec { maxconn: Some(maxconn), ..ServerSpec::default() }
}

fn backup() -> ServerSpec {
    ServerSpec { backup: true, ..ServerSpec::default() }
}

fn pick(pool: &mut Pool) -> Pick {
    pick_untried(pool, &[])
}

fn pick_untried(pool: &mut Pool, ids: &[ServerId]) -> Pick {
    let mut tried = Tried::default();
    ids.iter().for_each(|&id| tried.insert(id));
    pool.pick(&PickInput { hash: None, entropy: 7, tried: &tried })
}

const ALL: [Algorithm; 6] = [
    Algorithm::RoundRobin,
    Algorithm::StaticRr,
    Algorithm::LeastConn,
    Algorithm::Random { draws: 2 },
    Algorithm::First,
    Algorithm::Source,
];

#[test]
fn no_algorithm_picks_a_server_that_may_not_take_traffic() {
    for algorithm in ALL {
        let mut pool = equal(algorithm, 3);
        pool.set_admin(A, Admin::Drain);
        pool.set_health(C, Health::Stopping);
        for _ in 0..10 {
            assert_eq!(pick(&mut pool), Pick::Server(B), "{algorithm:?}");
        }
        pool.set_weight(B, 0);
        assert_eq!(pick(&mut pool), Pick::None, "{algorithm:?}");
        pool.set_admin(A, Admin::Ready);
        assert_eq!(pick(&mut pool), Pick::Server(A), "{algorithm:?}");
        pool.set_health(A, Health::Down);
        assert_eq!(pick(&mut pool), Pick::None, "{algorithm:?}");
    }
}

#[test]
fn every_algorithm_tries_each_server_once_and_then_gives_up() {
    for algorithm in ALL {
        let mut pool = equal(algorithm, 3);
        let mut tried = Vec::new();
        while let Pick::Server(id) = pick_untried(&mut pool, &tried) {
            assert!(!tried.contains(&id), "{algorithm:?}");
            tried.push(id);
        }
        assert_eq!(tried.len(), 3, "{algorithm:?}");
        assert_eq!(pick_untried(&mut pool, &tried), Pick::None, "{algorithm:?}");
    }
}

#[test]
fn maintenance_and_health_are_kept_apart() {
    let mut pool = equal(Algorithm::RoundRobin, 1);
    pool.set_admin(A, Admin::Maint);
    pool.set_health(A, Health::Down);
    pool.set_admin(A, Admin::Ready);
    assert!(!pool.eligible(A));
    pool.set_health(A, Health::Up);
    assert!(pool.eligible(A));
}

#[test]
fn drain_stopping_and_weight_zero_still_take_persistent_traffic() {
    let mut pool = equal(Algorithm::RoundRobin, 3);
    pool.set_admin(A, Admin::Drain);
    pool.set_health(B, Health::Stopping);
    pool.set_weight(C, 0);
    for id in [A, B, C] {
        assert!(pool.accepts_persistent(id) && !pool.eligible(id));
    }
    pool.set_admin(A, Admin::Maint);
    pool.set_health(B, Health::Down);
    assert!(!pool.accepts_persistent(A) && !pool.accepts_persistent(B));
}

#[test]
fn first_usable_backup_serves_when_no_active_server_can() {
    let mut pool = pool(Algorithm::RoundRobin, &[ServerSpec::default(), backup(), backup()]);
    assert_eq!((pool.active_count(), pool.backup_count(), pool.total_weight()), (1, 2, 1));
    assert_eq!(pick_untried(&mut pool, &[A]), Pick::None, "backups are no second choice");
    pool.set_health(A, Health::Down);
    assert!(pool.is_on_backup());
    assert_eq!([pick(&mut pool), pick(&mut pool)], [Pick::Server(B); 2]);
    pool.set_health(B, Health::Down);
    assert_eq!(pick(&mut pool), Pick::Server(C));
    pool.set_health(A, Health::Up);
    assert_eq!(pick(&mut pool), Pick::Server(A));
    assert!(!pool.is_on_backup());
}

#[test]
fn allbackups_pools_them() {
    let config = PoolConfig { algorithm: Algorithm::RoundRobin, allbackups: true };
    let mut pool = Pool::new(config, vec![ServerSpec::default(), backup(), backup()]);
    pool.set_admin(A, Admin::Maint);
    assert_eq!([pick(&mut pool), pick(&mut pool)], [Pick::Server(B), Pick::Server(C)]);
    assert_eq!(pool.total_weight(), 2);
}

#[test]
fn least_conn_rotates_among_idle_servers() {
    let mut pool = equal(Algorithm::LeastConn, 3);
    for expected in [A, B, C, A, B] {
        assert_eq!(pick(&mut pool), Pick::Server(expected));
        pool.acquire(expected);
        assert_eq!(pool.release(expected), None);
    }
}

#[test]
fn first_fills_the_lowest_server_and_then_the_next() {
    let mut pool = pool(Algorithm::First, &[limited(2), limited(1)]);
    for expected in [A, A, B] {
        assert_eq!(pick(&mut pool), Pick::Server(expected));
        pool.acquire(expected);
    }
    assert_eq!(pick(&mut pool), Pick::Saturated(None));
    assert_eq!(pool.release(A), None);
    assert_eq!(pick(&mut pool), Pick::Server(A));
}

#[test]
fn random_prefers_the_less_loaded_draw() {
    let mut pool = equal(Algorithm::Random { draws: 8 }, 2);
    for _ in 0..1000 {
        pool.acquire(A);
    }
    let tried = Tried::default();
    let to_b = (0..1000u64)
        .filter(|&entropy| pool.pick(&PickInput { hash: None, entropy, tried: &tried }) == Pick::Server(B))
        .count();
    // All eight draws hit A once in 256.
    assert!(to_b > 950, "{to_b}");
}

#[test]
fn source_keeps_clients_on_their_server_and_waits_for_it() {
    let mut pool = pool(Algorithm::Source, &[limited(1), limited(1)]);
    let tried = Tried::default();
    let client = |hash| PickInput { hash: Some(hash), entropy: 0, tried: &tried };
    assert_eq!(pool.pick(&client(4)), Pick::Server(A));
    assert_eq!(pool.pick(&client(5)), Pick::Server(B));
    pool.acquire(A);
    assert_eq!(pool.pick(&client(4)), Pick::Saturated(Some(A)));
    pool.set_health(A, Health::Down);
    assert_eq!(pool.pick(&client(4)), Pick::Server(B));
}

#[test]
fn saturation_of_tried_servers_is_not_worth_waiting_for() {
    let mut pool = pool(Algorithm::RoundRobin, &[limited(1), limited(1)]);
    pool.acquire(A);
    assert_eq!(pick_untried(&mut pool, &[B]), Pick::Saturated(None));
    assert_eq!(pick_untried(&mut pool, &[A, B]), Pick::None);
}

#[test]
fn released_slot_goes_to_the_servers_own_queue_first() {
    let mut pool = pool(Algorithm::RoundRobin, &[limited(1)]);
    pool.acquire(A);
    let any = pool.enqueue(None);
    let own = pool.enqueue(Some(A));
    assert!(any.is_some() && own.is_some());
    assert_eq!(pool.release(A), own);
    assert_eq!((pool.in_flight(A), pool.queued(A)), (1, 0));
    assert_eq!(pool.release(A), any);
    assert_eq!(pool.release(A), None);
    assert_eq!(pool.in_flight(A), 0);
}

#[test]
fn draining_server_serves_its_own_queue_but_not_the_shared_one() {
    let mut pool = pool(Algorithm::RoundRobin, &[limited(1)]);
    pool.acquire(A);
    assert!(pool.enqueue(None).is_some());
    let own = pool.enqueue(Some(A));
    pool.set_admin(A, Admin::Drain);
    assert_eq!(pool.release(A), own);
    assert_eq!(pool.release(A), None);
    assert_eq!(pool.backend_queued(), 1);
    assert_eq!(pool.flush_queue().len(), 1);
}

#[test]
fn server_that_comes_up_is_dispatched_to() {
    let mut pool = pool(Algorithm::RoundRobin, &[limited(1), limited(1)]);
    pool.set_health(B, Health::Down);
    pool.acquire(A);
    let waiting = pool.enqueue(None);
    assert_eq!(pool.dispatch(), None);
    pool.set_health(B, Health::Up);
    assert_eq!(pool.dispatch(), waiting.map(|ticket| (ticket, B)));
    assert_eq!(pool.dispatch(), None);
    assert_eq!(pool.in_flight(B), 1);
}

#[test]
fn queue_of_a_server_in_maintenance_is_shared() {
    let mut pool = pool(Algorithm::RoundRobin, &[limited(1), limited(1)]);
    pool.acquire(A);
    let waiting = pool.enqueue(Some(A));
    pool.set_admin(A, Admin::Maint);
    assert_eq!(pool.share_queue(A), 1);
    assert_eq!(pool.dispatch(), waiting.map(|ticket| (ticket, B)));
}

#[test]
fn full_queue_and_cancelled_tickets() {
    let spec = ServerSpec { maxqueue: Some(1), ..limited(1) };
    let mut pool = pool(Algorithm::RoundRobin, &[spec]);
    pool.acquire(A);
    let ticket = pool.enqueue(Some(A)).expect("the queue has room");
    assert_eq!(pool.enqueue(Some(A)), None);
    assert!(pool.cancel(ticket));
    assert!(!pool.cancel(ticket));
    assert!(pool.enqueue(Some(A)).is_some());
}

#[test]
fn lowered_maxconn_hands_no_slot_over() {
    let mut pool = pool(Algorithm::RoundRobin, &[limited(2)]);
    pool.acquire(A);
    pool.acquire(A);
    let waiting = pool.enqueue(None);
    pool.set_maxconn(A, Some(1));
    assert_eq!(pool.release(A), None);
    assert_eq!(pool.release(A), waiting);
    pool.set_maxconn(A, None);
    assert!(!pool.is_saturated(A));
}

#[test]
fn added_server_joins_the_turns() {
    let mut pool = equal(Algorithm::RoundRobin, 2);
    assert_eq!([pick(&mut pool), pick(&mut pool)], [Pick::Server(A), Pick::Server(B)]);
    assert_eq!(pool.add_server(ServerSpec::default()), C);
    let picks: Vec<_> = (0..3).map(|_| pick(&mut pool)).collect();
    assert!(picks.contains(&Pick::Server(C)), "{picks:?}");
}
