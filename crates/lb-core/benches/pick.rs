//! What it costs to choose a server, from 2 to 2000 of them.

use std::collections::VecDeque;

use divan::{Bencher, black_box};
use lb_core::{Algorithm, Pick, PickInput, Pool, PoolConfig, ServerId, ServerSpec, Tried};

const SERVERS: [u32; 4] = [2, 20, 200, 2000];
const IN_FLIGHT: usize = 32;

fn main() {
    divan::main();
}

#[divan::bench(args = SERVERS)]
fn round_robin(bencher: Bencher<'_, '_>, servers: u32) {
    pick(bencher, Algorithm::RoundRobin, servers);
}

#[divan::bench(args = SERVERS)]
fn static_rr(bencher: Bencher<'_, '_>, servers: u32) {
    pick(bencher, Algorithm::StaticRr, servers);
}

#[divan::bench(args = SERVERS)]
fn leastconn(bencher: Bencher<'_, '_>, servers: u32) {
    pick(bencher, Algorithm::LeastConn, servers);
}

#[divan::bench(args = SERVERS)]
fn random(bencher: Bencher<'_, '_>, servers: u32) {
    pick(bencher, Algorithm::Random { draws: 2 }, servers);
}

#[divan::bench(args = SERVERS)]
fn first(bencher: Bencher<'_, '_>, servers: u32) {
    pick(bencher, Algorithm::First, servers);
}

#[divan::bench(args = SERVERS)]
fn source(bencher: Bencher<'_, '_>, servers: u32) {
    pick(bencher, Algorithm::Source, servers);
}

/// A server falls and comes back, and the pick after each.
#[divan::bench(args = SERVERS)]
fn round_robin_under_churn(bencher: Bencher<'_, '_>, servers: u32) {
    let mut pool = pool(Algorithm::RoundRobin, servers);
    let tried = Tried::default();
    let input = PickInput { hash: None, entropy: 0, tried: &tried };
    bencher.bench_local(|| {
        pool.set_health(ServerId(1), lb_core::Health::Down);
        black_box(pool.pick(&input));
        pool.set_health(ServerId(1), lb_core::Health::Up);
        black_box(pool.pick(&input));
    });
}

/// A request comes and another one ends.
fn pick(bencher: Bencher<'_, '_>, algorithm: Algorithm, servers: u32) {
    let mut pool = pool(algorithm, servers);
    let tried = Tried::default();
    let mut in_flight = VecDeque::new();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut turn = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let input = PickInput { hash: Some(random), entropy: random, tried: &tried };
        if let Pick::Server(id) = pool.pick(black_box(&input)) {
            pool.acquire(id);
            in_flight.push_back(id);
        }
        if in_flight.len() > IN_FLIGHT
            && let Some(done) = in_flight.pop_front()
        {
            black_box(pool.release(done));
        }
    };
    for _ in 0..=IN_FLIGHT {
        turn();
    }
    bencher.bench_local(turn);
}

/// Servers of three weights.
fn pool(algorithm: Algorithm, servers: u32) -> Pool {
    let specs = (0..servers).map(|n| ServerSpec { weight: 1 + (n % 3) as u16, ..ServerSpec::default() });
    Pool::new(PoolConfig { algorithm, allbackups: false }, specs.collect())
}
