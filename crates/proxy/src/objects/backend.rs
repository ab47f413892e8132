//! A backend: its servers, the pool that picks among them, the queue before them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use arc_swap::ArcSwap;
use config::haproxy::{Balance, Proxy};
use lb_core::{Admin, Algorithm, Pool, PoolConfig, RetryBudget, ServerId, ServerSpec, Ticket, Tried};
use stats::{Peak, RateMeter, Sparkline};
use tokio::sync::oneshot;

use super::{Server, lock};

/// A running backend.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) name: Arc<str>,
    plan: ArcSwap<Proxy>,
    pub(crate) servers: Vec<Arc<Server>>,
    pool: Mutex<Pool>,
    waiting: Mutex<BTreeMap<Ticket, oneshot::Sender<ServerId>>>,
    retries: Mutex<RetryBudget>,
    /// Requests now.
    pub(crate) sessions: AtomicU32,
    pub(crate) sessions_max: Peak,
    pub(crate) queue_max: Peak,
    pub(crate) session_rate: RateMeter,
    /// Request rate and latency of the last minutes, one a worker: no two write to the same.
    pub(crate) history: Vec<Mutex<Sparkline>>,
    state: Mutex<State>,
}

/// Whether any server can be used, and since when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    pub(crate) up: bool,
    pub(crate) since: Instant,
    pub(crate) down_transitions: u64,
    pub(crate) downtime: std::time::Duration,
}

impl Backend {
    pub(super) fn new(plan: Arc<Proxy>, workers: usize, now: Instant) -> Self {
        let name: Arc<str> = plan.name.as_str().into();
        let servers: Vec<Arc<Server>> =
            plan.servers.iter().enumerate().map(|(i, s)| Arc::new(Server::new(s, &name, i, now))).collect();
        Self {
            pool: Mutex::new(pool(&plan)),
            name,
            plan: ArcSwap::new(plan),
            servers,
            waiting: Mutex::default(),
            retries: Mutex::new(RetryBudget::new(now)),
            sessions: AtomicU32::new(0),
            sessions_max: Peak::default(),
            queue_max: Peak::default(),
            session_rate: RateMeter::new(now),
            history: (0..workers).map(|_| Mutex::new(Sparkline::new(now))).collect(),
            state: Mutex::new(State {
                up: true,
                since: now,
                down_transitions: 0,
                downtime: std::time::Duration::ZERO,
            }),
        }
    }

    pub(super) fn replan(&self, plan: Arc<Proxy>) {
        self.plan.store(plan);
    }

    /// What the configuration says of it now.
    pub(crate) fn plan(&self) -> Arc<Proxy> {
        self.plan.load_full()
    }

    /// The pool; hold the lock shortly.
    pub(crate) fn pool(&self) -> MutexGuard<'_, Pool> {
        lock(&self.pool)
    }

    /// Whether a server remains that may be picked and has not been tried.
    pub(crate) fn has_untried(&self, tried: &Tried) -> bool {
        let pool = self.pool();
        self.servers.iter().any(|s| !tried.contains(s.pool_id) && pool.eligible(s.pool_id))
    }

    /// A request has left a server: its place goes to the next that waits.
    pub(crate) fn release(&self, id: ServerId) {
        let mut next = self.pool().release(id);
        while let Some(ticket) = next {
            next = if self.grant(ticket, id) { None } else { self.pool().release(id) };
        }
    }

    /// Fills places that became free other than by a release: a server came up.
    pub(crate) fn dispatch(&self) {
        loop {
            let granted = self.pool().dispatch();
            let Some((ticket, id)) = granted else { return };
            if !self.grant(ticket, id) {
                self.release(id);
            }
        }
    }

    /// Sends everyone away who waits, when no server is left to wait for.
    pub(crate) fn flush(&self) {
        let tickets = self.pool().flush_queue();
        let mut waiting = lock(&self.waiting);
        for ticket in tickets {
            waiting.remove(&ticket);
        }
    }

    /// Tells a waiting request that its turn has come; `false` when it gave up at this moment.
    fn grant(&self, ticket: Ticket, id: ServerId) -> bool {
        lock(&self.waiting).remove(&ticket).is_some_and(|sender| sender.send(id).is_ok())
    }

    /// Registers who is told when `ticket`'s turn comes.
    pub(crate) fn await_turn(&self, ticket: Ticket, sender: oneshot::Sender<ServerId>) {
        lock(&self.waiting).insert(ticket, sender);
    }

    /// Gives up a place in the queue; `false` when its turn has come already.
    pub(crate) fn leave_queue(&self, ticket: Ticket) -> bool {
        lock(&self.waiting).remove(&ticket);
        self.pool().cancel(ticket)
    }

    /// Counts a request towards the retry budget.
    pub(crate) fn deposit_retry(&self, now: Instant) {
        lock(&self.retries).deposit(now);
    }

    /// Whether the budget allows one more retry.
    pub(crate) fn withdraw_retry(&self, now: Instant) -> bool {
        lock(&self.retries).withdraw(now)
    }

    /// Whether it is up, and since when.
    pub(crate) fn state(&self) -> State {
        *lock(&self.state)
    }

    /// Takes over from the pool whether any server can be used. Says whether that changed.
    pub(crate) fn refresh_state(&self, now: Instant) -> bool {
        let up = self.servers.is_empty() || self.pool().total_weight() > 0;
        let mut state = lock(&self.state);
        if state.up == up {
            return false;
        }
        if up {
            let down = now.saturating_duration_since(state.since);
            state.downtime += down;
        } else {
            state.down_transitions += 1;
        }
        (state.up, state.since) = (up, now);
        true
    }
}

/// One request's place in a backend, for its session counts.
#[derive(Debug)]
pub(crate) struct Session(Arc<Backend>);

impl Session {
    pub(crate) fn begin(backend: &Arc<Backend>) -> Self {
        let now = backend.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        backend.sessions_max.observe(u64::from(now));
        Self(Arc::clone(backend))
    }

    /// Sessions of the backend now.
    pub(crate) fn count(&self) -> u32 {
        self.0.sessions.load(Ordering::Relaxed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

fn pool(plan: &Proxy) -> Pool {
    let algorithm = match plan.balance {
        Balance::RoundRobin => Algorithm::RoundRobin,
        Balance::StaticRr => Algorithm::StaticRr,
        Balance::LeastConn => Algorithm::LeastConn,
        Balance::Random { draws } => Algorithm::Random { draws },
        Balance::First => Algorithm::First,
        Balance::Source => Algorithm::Source,
    };
    let specs = plan.servers.iter().map(|s| ServerSpec {
        weight: s.weight,
        backup: s.backup,
        maxconn: s.maxconn,
        maxqueue: s.maxqueue,
    });
    let mut pool = Pool::new(PoolConfig { algorithm, allbackups: plan.allbackups }, specs.collect());
    for (index, server) in plan.servers.iter().enumerate() {
        if server.disabled {
            pool.set_admin(ServerId(u32::try_from(index).unwrap_or(u32::MAX)), Admin::Maint);
        }
    }
    pool
}
