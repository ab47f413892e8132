//! What is counted where: handles resolved once for a worker, and the account of a request when it is over.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::Counter;
use stats::{BackendCounters, FrontendCounters, ServerCounters, Shard};

use crate::clock;
use crate::ctx::Ctx;
use crate::objects::{Backend, Frontend, Server, lock};

/// Responses by class of status.
#[derive(Debug, Clone)]
pub(crate) struct Responses([Counter; 6]);

impl Responses {
    /// Counts a response; any status outside 100 to 599 is "other".
    pub(crate) fn count(&self, status: u16) {
        let class = usize::from(status / 100);
        let slot = if (1..=5).contains(&class) { class - 1 } else { 5 };
        self.0[slot].increment(1);
    }
}

macro_rules! responses {
    ($counters:expr) => {
        Responses([
            $counters.hrsp_1xx.clone(),
            $counters.hrsp_2xx.clone(),
            $counters.hrsp_3xx.clone(),
            $counters.hrsp_4xx.clone(),
            $counters.hrsp_5xx.clone(),
            $counters.hrsp_other.clone(),
        ])
    };
}

/// A frontend on one worker.
#[derive(Debug)]
pub(crate) struct FrontendMetrics {
    pub(crate) counters: FrontendCounters,
    pub(crate) responses: Responses,
    pub(crate) frontend: Arc<Frontend>,
}

impl FrontendMetrics {
    pub(crate) fn new(shard: &Shard, frontend: Arc<Frontend>) -> Self {
        let counters = FrontendCounters::new(shard, &frontend.name);
        Self { responses: responses!(counters), counters, frontend }
    }

    /// A client connected.
    pub(crate) fn session_began(&self) {
        self.counters.conn_tot.increment(1);
        self.counters.stot.increment(1);
        self.counters.h1sess.increment(1);
        self.counters.scur.increment(1.0);
    }

    /// Its connection ended.
    pub(crate) fn session_ended(&self) {
        self.counters.scur.decrement(1.0);
    }

    /// A request arrived.
    pub(crate) fn request(&self, now: Instant) {
        self.counters.req_tot.increment(1);
        self.counters.h1req.increment(1);
        self.frontend.request_rate.record(now, 1);
    }
}

/// A backend on one worker.
#[derive(Debug)]
pub(crate) struct BackendMetrics {
    counters: BackendCounters,
    responses: Responses,
    backend: Arc<Backend>,
    worker: usize,
}

impl BackendMetrics {
    pub(crate) fn new(shard: &Shard, backend: Arc<Backend>, worker: usize) -> Self {
        let counters = BackendCounters::new(shard, &backend.name);
        Self { responses: responses!(counters), counters, backend, worker }
    }

    /// The backend's name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.backend.name
    }

    /// A request or session was routed here.
    pub(crate) fn session(&self, now: Instant) {
        self.counters.stot.increment(1);
        self.backend.session_rate.record(now, 1);
    }
}

/// A server on one worker. What happens to a server happens to its backend, too.
#[derive(Debug)]
pub(crate) struct ServerMetrics {
    counters: ServerCounters,
    responses: Responses,
    server: Arc<Server>,
    backend: Rc<BackendMetrics>,
}

impl ServerMetrics {
    pub(crate) fn new(shard: &Shard, server: Arc<Server>, backend: Rc<BackendMetrics>) -> Self {
        let counters = ServerCounters::new(shard, &server.backend, &server.name);
        Self { responses: responses!(counters), counters, server, backend }
    }

    /// Load balancing picked it.
    pub(crate) fn picked(&self, now: Instant) {
        self.counters.lbtot.increment(1);
        self.backend.counters.lbtot.increment(1);
        self.counters.stot.increment(1);
        self.server.session_began(now);
    }

    /// A connection to it is being opened.
    pub(crate) fn connecting(&self) {
        self.counters.connect.increment(1);
        self.backend.counters.connect.increment(1);
    }

    /// A connection to it is used again.
    pub(crate) fn reusing(&self) {
        self.counters.reuse.increment(1);
        self.backend.counters.reuse.increment(1);
    }

    /// Idle connections to it that this worker keeps.
    pub(crate) fn idle_connections(&self, count: usize) {
        self.counters.srv_icur.set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }

    /// A connection to it failed.
    pub(crate) fn connection_failed(&self) {
        self.counters.econ.increment(1);
        self.backend.counters.econ.increment(1);
    }

    /// Its response was missing, invalid or cut short.
    pub(crate) fn response_failed(&self) {
        self.counters.eresp.increment(1);
        self.backend.counters.eresp.increment(1);
    }

    /// A request is tried again after failing here.
    pub(crate) fn retrying(&self) {
        self.counters.wretr.increment(1);
        self.backend.counters.wretr.increment(1);
    }

    /// A request went to another server after failing here.
    pub(crate) fn redispatching(&self) {
        self.counters.wredis.increment(1);
        self.backend.counters.wredis.increment(1);
    }
}

/// Counts a request or session that is over: bytes, status, aborts, times.
pub(crate) fn account(ctx: &Ctx, frontend: &FrontendMetrics) {
    let (bytes_in, bytes_out) = (ctx.bytes_in.get(), ctx.bytes_out.get());
    frontend.counters.bin.increment(bytes_in);
    frontend.counters.bout.increment(bytes_out);
    count_if(&frontend.counters.intercepted, ctx.intercepted.get());
    let ended = ctx.ended.get();
    if matches!(ended, Some(('P' | 'C' | 'c', 'R'))) {
        frontend.counters.ereq.increment(1);
    }
    let backend = ctx.backend.borrow();
    let Some(backend) = backend.as_ref() else { return };
    backend.counters.bin.increment(bytes_in);
    backend.counters.bout.increment(bytes_out);
    let client_abort = matches!(ended, Some(('C' | 'c', 'Q' | 'C' | 'H' | 'D')));
    let server_abort = matches!(ended, Some(('S' | 's', 'D')));
    count_if(&backend.counters.cli_abrt, client_abort);
    count_if(&backend.counters.srv_abrt, server_abort);
    let http = ctx.status.get();
    if let Some(status) = http {
        backend.counters.req_tot.increment(1);
        backend.responses.count(status);
    }
    let now = clock::recent();
    let total = now.saturating_duration_since(ctx.started);
    lock(&backend.backend.history[backend.worker]).record(now, total);
    let endpoint = ctx.endpoint.borrow();
    let Some(server) = endpoint.as_ref().map(|e| &e.metrics) else { return };
    server.counters.bin.increment(bytes_in);
    server.counters.bout.increment(bytes_out);
    count_if(&server.counters.cli_abrt, client_abort);
    count_if(&server.counters.srv_abrt, server_abort);
    if let Some(status) = http {
        server.counters.req_tot.increment(1);
        server.responses.count(status);
    }
    let times = &server.server.times;
    let routed = ctx.started + ctx.head_time;
    let span = |from: Option<Instant>, to: Option<Instant>| Some(to?.saturating_duration_since(from?));
    let record =
        |window: &stats::Window1024, span: Option<Duration>| span.into_iter().for_each(|s| window.record(s));
    record(&times.queue, span(Some(routed), ctx.picked_at.get()));
    record(&times.connect, span(ctx.picked_at.get(), ctx.connected_at.get()));
    record(&times.response, span(ctx.connected_at.get(), ctx.answered_at.get()));
    record(&times.total, Some(total));
}

fn count_if(counter: &Counter, condition: bool) {
    if condition {
        counter.increment(1);
    }
}
