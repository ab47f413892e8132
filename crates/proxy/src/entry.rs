//! A frontend on one worker: everything its connections need, resolved once.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use config::haproxy::{ConnectionMode, Mode, Proxy};
use stats::Shard;

use crate::ctx::Ctx;
use crate::error::ProxyError;
use crate::error_pages::ErrorPages;
use crate::h1::NameCase;
use crate::log::{AccessSink, LineBatch, LogWriter};
use crate::message::Response;
use crate::metrics::{BackendMetrics, FrontendMetrics, ServerMetrics};
use crate::objects::{Backend, Frontend, Objects};
use crate::stack::access_log::LogGuard;
use crate::stack::balance::Balance;
use crate::stack::endpoint::Endpoint;
use crate::stack::header_rules::{HeaderRulesLayer, Rules};
use crate::stack::http_metrics::MetricsGuard;
use crate::stack::rescue;
use crate::stack::route::{Destination, Route};
use crate::stack::stats_page::StatsPage;
use crate::stack::{self, FrontendService};

/// A frontend on one worker.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) plan: Arc<Proxy>,
    pub(crate) timeouts: ClientTimeouts,
    /// Connections end after each response.
    pub(crate) closes: bool,
    pub(crate) case: NameCase,
    pub(crate) service: FrontendService,
    /// Where TCP sessions go.
    pub(crate) tcp: Option<(Destination, Balance)>,
    pub(crate) sink: Rc<AccessSink>,
    pub(crate) metrics: Rc<FrontendMetrics>,
    pages: Rc<ErrorPages>,
}

/// Timeouts of the client's side, fallbacks applied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientTimeouts {
    /// A whole head must arrive in this time.
    pub(crate) request: Option<Duration>,
    /// Between two requests.
    pub(crate) keep_alive: Option<Duration>,
}

/// What a worker gives to the entries it builds.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) objects: Arc<Objects>,
    pub(crate) shard: Shard,
    pub(crate) worker: usize,
    pub(crate) writer: LogWriter,
    /// The access-log lines of this worker.
    pub(crate) batch: Rc<LineBatch>,
}

impl Entry {
    /// Builds the stack of `frontend`. `backends`: those of this worker, built already.
    pub(crate) fn new(site: &Site, frontend: &Arc<Frontend>, backends: &[(Destination, Balance)]) -> Self {
        let plan = frontend.plan();
        let target = plan.default_backend.as_ref().unwrap_or(&plan.name);
        let chosen = backends.iter().find(|(d, _)| *d.backend.name == **target).cloned();
        let backend_plan = chosen.as_ref().map(|(d, _)| d.backend.plan());
        let own_page = plan.stats.iter().map(|page| (&plan, page.clone()));
        let distinct = backend_plan.as_ref().filter(|b| b.name != plan.name);
        let backend_page = distinct.and_then(|b| b.stats.clone().map(|page| (b, page)));
        let pages =
            own_page.chain(backend_page).map(|(owner, page)| StatsPage::new(site, page, owner.name.clone()));
        let route = Route {
            monitor_uri: plan.monitor_uri.as_deref().map(Rc::from),
            pages: pages.collect(),
            backend: chosen.as_ref().map(|(d, _)| d.clone()),
        };
        let sink =
            Rc::new(AccessSink::new(Arc::clone(&site.objects), Arc::clone(frontend), Rc::clone(&site.batch)));
        let metrics = Rc::new(FrontendMetrics::new(&site.shard, Arc::clone(frontend)));
        let error_pages = Rc::new(ErrorPages::new(&plan.error_files));
        let forwardfor =
            plan.forwardfor.clone().or_else(|| backend_plan.as_ref().and_then(|b| b.forwardfor.clone()));
        let rules = Rules::new(true, forwardfor, &plan.request_rules, &plan.response_rules);
        let rules = HeaderRulesLayer::new(rules);
        let service =
            stack::frontend(Rc::clone(&sink), Rc::clone(&metrics), Rc::clone(&error_pages), rules, route);
        let strictest =
            backend_plan.as_ref().map_or(plan.connection, |b| stricter(plan.connection, b.connection));
        let request = plan.timeouts.http_request.or(plan.timeouts.client);
        Self {
            timeouts: ClientTimeouts { request, keep_alive: plan.timeouts.http_keep_alive.or(request) },
            closes: strictest == ConnectionMode::Close,
            case: if plan.keep_header_case { NameCase::AsReceived } else { NameCase::Lower },
            service,
            tcp: chosen.filter(|_| plan.mode == Mode::Tcp),
            sink,
            metrics,
            pages: error_pages,
            plan,
        }
    }

    /// The answer to a request that never reached the stack, logged and counted as if it had.
    pub(crate) fn refuse(&self, ctx: Rc<Ctx>, error: ProxyError) -> Option<Box<Response>> {
        self.metrics.request(ctx.started);
        let log = LogGuard::new(Rc::clone(&ctx), Rc::clone(&self.sink));
        let metrics = MetricsGuard::new(Rc::clone(&ctx), Rc::clone(&self.metrics));
        let mut response = rescue::respond(&ctx, &self.pages, error)?;
        response.log = Some(log);
        response.metrics = Some(metrics);
        Some(response)
    }
}

/// The part of a backend that lives on this worker.
pub(crate) fn backend(site: &Site, backend: &Arc<Backend>) -> (Destination, Balance) {
    let plan = backend.plan();
    let metrics = Rc::new(BackendMetrics::new(&site.shard, Arc::clone(backend), site.worker));
    let endpoints = backend.servers.iter().map(|server| {
        let counters = ServerMetrics::new(&site.shard, Arc::clone(server), Rc::clone(&metrics));
        Rc::new(Endpoint::new(Arc::clone(server), Arc::clone(&plan), counters))
    });
    let balance = Balance { backend: Arc::clone(backend), endpoints: Rc::new(endpoints.collect()) };
    // A `listen` section is one proxy: its rules have run on the client's side.
    let own_rules = !plan.kind.has_frontend();
    let (request, response) =
        if own_rules { (&plan.request_rules[..], &plan.response_rules[..]) } else { (&[][..], &[][..]) };
    let rules = HeaderRulesLayer::new(Rules::new(false, None, request, response));
    let service = stack::backend(rules, balance.clone());
    (Destination { backend: Arc::clone(backend), metrics, service }, balance)
}

fn stricter(a: ConnectionMode, b: ConnectionMode) -> ConnectionMode {
    let rank = |m| match m {
        ConnectionMode::KeepAlive => 0,
        ConnectionMode::ServerClose => 1,
        ConnectionMode::Close => 2,
    };
    if rank(b) > rank(a) { b } else { a }
}
