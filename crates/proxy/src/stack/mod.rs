//! The tower stack of HTTP requests. [`frontend`] and [`backend`] are the map: one line a layer, outermost first.
//!
//! Every service here is always ready: who must wait waits inside `call`, because only there it is known for whom.

pub(crate) mod access_log;
pub(crate) mod balance;
pub(crate) mod endpoint;
pub(crate) mod header_rules;
pub(crate) mod http_metrics;
pub(crate) mod redispatch;
pub(crate) mod rescue;
pub(crate) mod route;
pub(crate) mod stats_page;

use std::rc::Rc;

use tower::ServiceBuilder;

use access_log::{AccessLog, AccessLogLayer};
use balance::Balance;
use header_rules::{HeaderRules, HeaderRulesLayer};
use http_metrics::{HttpMetrics, HttpMetricsLayer};
use redispatch::Redispatch;
use rescue::{Rescue, RescueLayer};
use route::Route;

use crate::error_pages::ErrorPages;
use crate::log::AccessSink;
use crate::metrics::FrontendMetrics;

/// The stack of one frontend on one worker.
pub(crate) type FrontendService = AccessLog<HttpMetrics<Rescue<HeaderRules<Route>>>>;

/// The stack of one backend on one worker.
pub(crate) type BackendService = HeaderRules<Redispatch>;

/// What a request passes on its way from the client connection.
pub(crate) fn frontend(
    sink: Rc<AccessSink>,
    metrics: Rc<FrontendMetrics>,
    pages: Rc<ErrorPages>,
    rules: HeaderRulesLayer,
    route: Route,
) -> FrontendService {
    ServiceBuilder::new()
        .layer(AccessLogLayer::new(sink)) //     the final status and all retries; written when the body ends
        .layer(HttpMetricsLayer::new(metrics)) // same vantage
        .layer(RescueLayer::new(pages)) //       the only place an error becomes a status
        .layer(rules) //                         once a request, not once an attempt
        .service(route) //                       picks the backend, or the statistics page
}

/// What a request passes once its backend is known.
pub(crate) fn backend(rules: HeaderRulesLayer, balance: Balance) -> BackendService {
    ServiceBuilder::new()
        .layer(rules) //                         the backend's own rules
        .service(Redispatch::new(balance)) //    attempts under a retry budget; each picks anew, then: gate, pool, exchange
}
