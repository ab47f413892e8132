//! A frontend: who connects, and how many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use config::haproxy::Proxy;
use stats::{Peak, RateMeter};
use tokio::sync::Notify;

/// A running frontend.
#[derive(Debug)]
pub(crate) struct Frontend {
    pub(crate) name: Arc<str>,
    plan: ArcSwap<Proxy>,
    /// Client connections now.
    pub(crate) connections: AtomicU32,
    pub(crate) connections_max: Peak,
    pub(crate) session_rate: RateMeter,
    pub(crate) request_rate: RateMeter,
    limit: AtomicU32,
    /// Told when a connection ended.
    pub(crate) freed: Notify,
}

impl Frontend {
    pub(super) fn new(plan: Arc<Proxy>, process_limit: u32, now: Instant) -> Self {
        Self {
            name: plan.name.as_str().into(),
            limit: AtomicU32::new(plan.maxconn.unwrap_or(process_limit)),
            plan: ArcSwap::new(plan),
            connections: AtomicU32::new(0),
            connections_max: Peak::default(),
            session_rate: RateMeter::new(now),
            request_rate: RateMeter::new(now),
            freed: Notify::new(),
        }
    }

    pub(super) fn replan(&self, plan: Arc<Proxy>) {
        if let Some(limit) = plan.maxconn {
            self.limit.store(limit, Ordering::Relaxed);
        }
        self.plan.store(plan);
    }

    /// What the configuration says of it now.
    pub(crate) fn plan(&self) -> Arc<Proxy> {
        self.plan.load_full()
    }

    /// Most client connections at once.
    pub(crate) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Whether another connection may be accepted. Others wait in the kernel's backlog.
    pub(crate) fn has_room(&self) -> bool {
        self.connections.load(Ordering::Relaxed) < self.limit()
    }
}

/// One client connection's place in its frontend and the process.
#[derive(Debug)]
pub(crate) struct Slot {
    frontend: Arc<Frontend>,
    objects: Arc<super::Objects>,
    /// The listener's count.
    _listener: Arc<()>,
}

impl Slot {
    /// Counts a connection in.
    pub(crate) fn take(frontend: &Arc<Frontend>, objects: &Arc<super::Objects>, listener: &Arc<()>) -> Self {
        let now = frontend.connections.fetch_add(1, Ordering::Relaxed) + 1;
        frontend.connections_max.observe(u64::from(now));
        objects.process.connections.fetch_add(1, Ordering::Relaxed);
        Self { frontend: Arc::clone(frontend), objects: Arc::clone(objects), _listener: Arc::clone(listener) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.frontend.connections.fetch_sub(1, Ordering::Relaxed);
        self.objects.process.connections.fetch_sub(1, Ordering::Relaxed);
        self.frontend.freed.notify_one();
    }
}
