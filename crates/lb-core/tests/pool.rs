//! Random histories of a pool, each step compared with a model that has no data structures to get wrong.

use lb_core::{
    Admin, Algorithm, Health, Pick, PickInput, Pool, PoolConfig, ServerId, ServerSpec, Ticket, Tried,
};
use proptest::prelude::*;
use std::collections::VecDeque;

const SERVERS: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    Admin(usize, Admin),
    Health(usize, Health),
    Weight(usize, u16),
    Maxconn(usize, Option<u32>),
    Request { tried: Vec<usize>, number: u64 },
    RequestFor(usize),
    Finish(usize),
    Cancel(usize),
    Share(usize),
}

#[derive(Debug, Clone)]
struct ModelServer {
    spec: ServerSpec,
    admin: Admin,
    health: Health,
    in_flight: u32,
    queue: VecDeque<Ticket>,
}

impl ModelServer {
    fn usable(&self) -> bool {
        self.admin == Admin::Ready && self.health == Health::Up && self.spec.weight > 0
    }

    fn saturated(&self) -> bool {
        self.spec.maxconn.is_some_and(|limit| self.in_flight >= limit)
    }

    fn accepts_persistent(&self) -> bool {
        self.admin != Admin::Maint && self.health != Health::Down
    }
}

#[derive(Debug)]
struct Model {
    servers: Vec<ModelServer>,
    shared: VecDeque<Ticket>,
}

impl Model {
    fn eligible(&self, index: usize) -> bool {
        let server = &self.servers[index];
        let active = self.servers.iter().any(|server| server.usable() && !server.spec.backup);
        let first_backup = self.servers.iter().position(|server| server.usable() && server.spec.backup);
        server.usable() && (!server.spec.backup || (!active && first_backup == Some(index)))
    }

    fn open(&self, index: usize) -> bool {
        self.eligible(index) && !self.servers[index].saturated()
    }

    fn least_conn_key(&self, index: usize) -> u64 {
        let server = &self.servers[index];
        let load = u64::from(server.in_flight) + server.queue.len() as u64;
        if load == 0 { 0 } else { (load + 1) * 256 / u64::from(server.spec.weight) }
    }

    /// Takes a ticket out of whatever queue it heads; `false` if it heads none it may leave for `index`.
    fn serve(&mut self, ticket: Ticket, index: usize) -> bool {
        if self.servers[index].saturated() {
            return false;
        }
        if self.servers[index].accepts_persistent() && !self.servers[index].queue.is_empty() {
            return self.servers[index].queue.pop_front() == Some(ticket);
        }
        self.eligible(index) && self.shared.pop_front() == Some(ticket)
    }

    /// Whether somebody waits who could be served.
    fn owes(&self, index: usize) -> bool {
        let server = &self.servers[index];
        let own = server.accepts_persistent() && !server.queue.is_empty();
        !server.saturated() && (own || (self.eligible(index) && !self.shared.is_empty()))
    }
}

fn algorithm() -> impl Strategy<Value = Algorithm> {
    prop_oneof![
        Just(Algorithm::RoundRobin),
        Just(Algorithm::StaticRr),
        Just(Algorithm::LeastConn),
        Just(Algorithm::Random { draws: 2 }),
        Just(Algorithm::First),
        Just(Algorithm::Source),
    ]
}

fn maxconn() -> impl Strategy<Value = Option<u32>> {
    proptest::option::of(1u32..4)
}

fn spec() -> impl Strategy<Value = ServerSpec> {
    (1u16..6, any::<bool>(), maxconn()).prop_map(|(weight, backup, maxconn)| ServerSpec {
        weight,
        backup,
        maxconn,
        maxqueue: None,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let server = 0..SERVERS;
    let admin = prop_oneof![3 => Just(Admin::Ready), 1 => Just(Admin::Drain), 1 => Just(Admin::Maint)];
    let health = prop_oneof![3 => Just(Health::Up), 1 => Just(Health::Stopping), 1 => Just(Health::Down)];
    let request = (proptest::collection::vec(server.clone(), 0..3), any::<u64>());
    prop_oneof![
        1 => (server.clone(), admin).prop_map(|(index, admin)| Step::Admin(index, admin)),
        1 => (server.clone(), health).prop_map(|(index, health)| Step::Health(index, health)),
        1 => (server.clone(), 0u16..6).prop_map(|(index, weight)| Step::Weight(index, weight)),
        1 => (server.clone(), maxconn()).prop_map(|(index, maxconn)| Step::Maxconn(index, maxconn)),
        8 => request.prop_map(|(tried, number)| Step::Request { tried, number }),
        1 => server.clone().prop_map(Step::RequestFor),
        6 => (0usize..40).prop_map(Step::Finish),
        1 => (0usize..40).prop_map(Step::Cancel),
        1 => server.prop_map(Step::Share),
    ]
}

/// A pool and its model, driven side by side.
struct Bench {
    algorithm: Algorithm,
    pool: Pool,
    model: Model,
    in_flight: Vec<usize>,
    waiting: Vec<Ticket>,
}

impl Bench {
    fn new(algorithm: Algorithm, specs: Vec<ServerSpec>) -> Self {
        let server = |&spec: &ServerSpec| ModelServer {
            spec,
            admin: Admin::Ready,
            health: Health::Up,
            in_flight: 0,
            queue: VecDeque::new(),
        };
        let model = Model { servers: specs.iter().map(server).collect(), shared: VecDeque::new() };
        let pool = Pool::new(PoolConfig { algorithm, allbackups: false }, specs);
        Self { algorithm, pool, model, in_flight: Vec::new(), waiting: Vec::new() }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Admin(index, admin) => {
                self.pool.set_admin(id(index), admin);
                self.model.servers[index].admin = admin;
            }
            Step::Health(index, health) => {
                self.pool.set_health(id(index), health);
                self.model.servers[index].health = health;
            }
            Step::Weight(index, weight) => {
                self.pool.set_weight(id(index), weight);
                self.model.servers[index].spec.weight = weight;
            }
            Step::Maxconn(index, maxconn) => {
                self.pool.set_maxconn(id(index), maxconn);
                self.model.servers[index].spec.maxconn = maxconn;
            }
            Step::Request { tried, number } => self.request(&tried, number),
            Step::RequestFor(index) => {
                // Persistence: straight to the server, or into its queue.
                let server = &self.model.servers[index];
                if server.accepts_persistent() && !server.saturated() {
                    self.start(index);
                } else {
                    self.wait(Some(index));
                }
            }
            Step::Finish(nth) => {
                if !self.in_flight.is_empty() {
                    let index = self.in_flight.swap_remove(nth % self.in_flight.len());
                    self.model.servers[index].in_flight -= 1;
                    let owed = self.model.owes(index);
                    let woken = self.pool.release(id(index));
                    assert_eq!(woken.is_some(), owed);
                    if let Some(ticket) = woken {
                        self.woken(ticket, index);
                    }
                }
            }
            Step::Cancel(nth) => {
                if !self.waiting.is_empty() {
                    let ticket = self.waiting.swap_remove(nth % self.waiting.len());
                    assert!(self.pool.cancel(ticket));
                    assert!(!self.pool.cancel(ticket));
                    self.model.shared.retain(|&other| other != ticket);
                    for server in &mut self.model.servers {
                        server.queue.retain(|&other| other != ticket);
                    }
                }
            }
            Step::Share(index) => {
                let moved = std::mem::take(&mut self.model.servers[index].queue);
                assert_eq!(self.pool.share_queue(id(index)), moved.len());
                self.model.shared.extend(moved);
                self.model.shared.make_contiguous().sort();
            }
        }
        while let Some((ticket, server)) = self.pool.dispatch() {
            self.woken(ticket, server.0 as usize);
        }
        self.compare();
    }

    fn request(&mut self, tried_indexes: &[usize], number: u64) {
        let mut tried = Tried::default();
        tried_indexes.iter().for_each(|&index| tried.insert(id(index)));
        let pick = self.pool.pick(&PickInput { hash: Some(number), entropy: number, tried: &tried });
        let untried = |index: &usize| !tried_indexes.contains(index);
        let open: Vec<usize> = (0..SERVERS).filter(untried).filter(|&i| self.model.open(i)).collect();
        let eligible: Vec<usize> = (0..SERVERS).filter(untried).filter(|&i| self.model.eligible(i)).collect();
        match pick {
            Pick::Server(server) => {
                let index = server.0 as usize;
                assert!(open.contains(&index), "{index} is not among {open:?}");
                match self.algorithm {
                    Algorithm::LeastConn => {
                        let least = open.iter().map(|&i| self.model.least_conn_key(i)).min();
                        assert_eq!(Some(self.model.least_conn_key(index)), least);
                    }
                    Algorithm::First => assert_eq!(open.first(), Some(&index)),
                    Algorithm::RoundRobin
                    | Algorithm::StaticRr
                    | Algorithm::Random { .. }
                    | Algorithm::Source => {}
                }
                self.start(index);
            }
            Pick::Saturated(Some(server)) => {
                let index = server.0 as usize;
                assert_eq!(self.algorithm, Algorithm::Source);
                assert!(eligible.contains(&index) && !open.contains(&index));
                self.wait(Some(index));
            }
            Pick::Saturated(None) => {
                assert!(open.is_empty() && !eligible.is_empty());
                self.wait(None);
            }
            Pick::None => assert!(eligible.is_empty()),
        }
    }

    fn start(&mut self, index: usize) {
        self.pool.acquire(id(index));
        self.model.servers[index].in_flight += 1;
        self.in_flight.push(index);
    }

    fn wait(&mut self, index: Option<usize>) {
        let ticket = self.pool.enqueue(index.map(id)).expect("queues are unlimited here");
        self.waiting.push(ticket);
        match index {
            Some(index) => self.model.servers[index].queue.push_back(ticket),
            None => self.model.shared.push_back(ticket),
        }
    }

    fn woken(&mut self, ticket: Ticket, index: usize) {
        assert!(self.model.serve(ticket, index), "{ticket:?} is not next for server {index}");
        self.model.servers[index].in_flight += 1;
        self.in_flight.push(index);
        self.waiting.retain(|&other| other != ticket);
    }

    fn compare(&self) {
        for index in 0..SERVERS {
            let server = &self.model.servers[index];
            assert_eq!(self.pool.eligible(id(index)), self.model.eligible(index), "server {index}");
            assert_eq!(self.pool.in_flight(id(index)), server.in_flight);
            assert_eq!(self.pool.queued(id(index)) as usize, server.queue.len());
            assert!(!self.model.owes(index), "server {index} has room, and somebody waits for it");
        }
        assert_eq!(self.pool.backend_queued(), self.model.shared.len());
        let weight: u32 = (0..SERVERS)
            .filter(|&index| self.model.eligible(index))
            .map(|index| u32::from(self.model.servers[index].spec.weight))
            .sum();
        assert_eq!(self.pool.total_weight(), weight);
    }
}

fn id(index: usize) -> ServerId {
    ServerId(index as u32)
}

proptest! {
    #[test]
    fn pool_agrees_with_the_model(
        algorithm in algorithm(),
        specs in proptest::collection::vec(spec(), SERVERS),
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut bench = Bench::new(algorithm, specs);
        for step in steps {
            bench.take(step);
        }
    }

    #[test]
    fn round_robin_with_limits_gives_each_server_the_same_when_requests_are_short(
        maxconn in 1u32..4,
        servers in 1usize..SERVERS,
    ) {
        let spec = ServerSpec { maxconn: Some(maxconn), ..ServerSpec::default() };
        let mut pool = Pool::new(PoolConfig::default(), vec![spec; servers]);
        let tried = Tried::default();
        for turn in 0..100 {
            let pick = pool.pick(&PickInput { hash: None, entropy: 0, tried: &tried });
            let expected = id(turn % servers);
            prop_assert_eq!(pick, Pick::Server(expected));
            pool.acquire(expected);
            prop_assert_eq!(pool.release(expected), None);
        }
    }
}
