//! The running objects: frontends, backends and servers, known by kind and name.
//!
//! They outlive configurations. A configuration is a plan; [`Objects::apply`] holds it against what runs, keeps what
//! is still named, and makes what is new. Counters, health and connections hang on the objects, so that they survive.

mod backend;
mod frontend;
mod server;

use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use config::haproxy::Config;
use stats::{RateMeter, Registry};

pub(crate) use backend::{Backend, Session};
pub(crate) use frontend::{Frontend, Slot};
pub(crate) use server::{Address, CheckState, Server, Times};

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(crate) process: Process,
    pub(crate) registry: Registry,
    pub(crate) frontends: ArcSwap<Vec<Arc<Frontend>>>,
    pub(crate) backends: ArcSwap<Vec<Arc<Backend>>>,
}

/// The process as a whole.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) started: Instant,
    pub(crate) started_at: SystemTime,
    pub(crate) workers: usize,
    /// Most client connections; `global maxconn`.
    pub(crate) maxconn: u32,
    /// Most pipes open at once, over all workers.
    pub(crate) pipes: u32,
    pub(crate) connections: AtomicU32,
    pub(crate) connection_rate: RateMeter,
    pub(crate) session_rate: RateMeter,
    pub(crate) stopping: AtomicBool,
    /// Share of the last second that the workers were idle, 0 to 100.
    pub(crate) idle_percent: AtomicU32,
    pub(crate) node: Option<String>,
    pub(crate) description: Option<String>,
}

impl Objects {
    /// Nothing but the process.
    pub(crate) fn new(process: Process) -> Self {
        let registry = Registry::new(process.workers);
        Self { process, registry, frontends: ArcSwap::default(), backends: ArcSwap::default() }
    }

    /// Makes the running objects those of `config`: objects that it names and that run already are kept with all they
    /// hold.
    pub(crate) fn apply(&self, config: &Config) {
        let (frontends, backends) = (self.frontends.load(), self.backends.load());
        let live = || config.proxies.iter().filter(|p| !p.disabled);
        let new_frontends = live().filter(|p| p.kind.has_frontend()).map(|plan| {
            let plan = Arc::new(plan.clone());
            match frontends.iter().find(|f| *f.name == *plan.name) {
                Some(running) => {
                    running.replan(plan);
                    Arc::clone(running)
                }
                None => Arc::new(Frontend::new(plan, self.process.maxconn, self.process.started)),
            }
        });
        let new_backends = live().filter(|p| p.kind.has_backend()).map(|plan| {
            let plan = Arc::new(plan.clone());
            match backends.iter().find(|b| *b.name == *plan.name) {
                Some(running) => {
                    running.replan(plan);
                    Arc::clone(running)
                }
                None => Arc::new(Backend::new(plan, self.process.workers, self.process.started)),
            }
        });
        let (new_frontends, new_backends) = (new_frontends.collect(), new_backends.collect());
        self.frontends.store(Arc::new(new_frontends));
        self.backends.store(Arc::new(new_backends));
    }
}

/// Locks what a panicking thread may have held: the data behind these locks is valid between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
