//! One server, seen from one worker: the gate, the keep-alive pool, connecting, the exchange.

mod connect;
mod exchange;
mod gate;
mod pool;
mod upload;
mod upstream;

use std::rc::Rc;
use std::sync::Arc;

use config::haproxy::{ConnectionMode, HttpReuse, Proxy};

pub(crate) use connect::connect;
pub(crate) use gate::connection_failed;
pub(crate) use upstream::{Upstream, UpstreamBody};

use crate::clock;
use crate::ctx::Phase;
use crate::error::ProxyError;
use crate::h1::NameCase;
use crate::message::{Request, Response};
use crate::metrics::ServerMetrics;
use crate::objects::Server;
use crate::stack::balance::Permit;

/// A request that got no response, given back so that it can be tried elsewhere.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) request: Box<Request>,
    pub(crate) error: ProxyError,
    /// What the server may have seen of it.
    pub(crate) sent: Sent,
}

/// What a server may have seen of a request that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nothing: any request may be repeated.
    Nothing,
    /// Some or all of it, and no byte of a response came: an idempotent request may be repeated.
    NoAnswer,
    /// A response began, or the failure is the client's: not to be repeated.
    Answered,
}

/// One server on one worker.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) server: Arc<Server>,
    pub(crate) plan: Arc<Proxy>,
    pub(crate) metrics: ServerMetrics,
    pub(crate) pool: pool::Pool,
    pub(crate) case: NameCase,
}

impl Endpoint {
    pub(crate) fn new(server: Arc<Server>, plan: Arc<Proxy>, metrics: ServerMetrics) -> Self {
        let case = if plan.keep_header_case { NameCase::AsReceived } else { NameCase::Lower };
        Self { server, plan, metrics, pool: pool::Pool::default(), case }
    }

    /// Sends the request and returns once the response head is there.
    pub(crate) async fn call(
        self: &Rc<Self>,
        request: Box<Request>,
        permit: Permit,
    ) -> Result<Box<Response>, Failed> {
        if !gate::admits(&self.server) {
            return Err(Failed { request, error: ProxyError::NoServer, sent: Sent::Nothing });
        }
        let ctx = Rc::clone(&request.ctx);
        ctx.phase.set(Phase::Connect);
        let repeatable = request.head.is_idempotent();
        let pooled = if self.may_reuse(&request) { self.pool.checkout(repeatable) } else { None };
        ctx.reused.set(pooled.is_some());
        let upstream = match pooled {
            Some(upstream) => {
                self.metrics.reusing();
                upstream
            }
            None => {
                self.metrics.connecting();
                let opened = connect(&self.server.address, self.plan.timeouts.connect).await;
                clock::now();
                match opened {
                    Ok(stream) => Upstream::new(stream, self.plan.timeouts.server),
                    Err(error) => {
                        gate::connection_failed(&self.server, error);
                        self.metrics.connection_failed();
                        return Err(Failed { request, error, sent: Sent::Nothing });
                    }
                }
            }
        };
        ctx.connected_at.set(Some(clock::recent()));
        ctx.phase.set(Phase::Response);
        exchange::exchange(self, upstream, request, permit).await
    }

    /// `http-reuse`. `safe` keeps the first request of a client off pooled connections, because it could not be sent
    /// again if the server closes at that moment; one that can be repeated needs no such care.
    fn may_reuse(&self, request: &Request) -> bool {
        let keeps_alive = self.plan.connection == ConnectionMode::KeepAlive;
        let repeatable = request.head.is_idempotent() || !request.ctx.first;
        keeps_alive
            && request.options.upgrade.is_none()
            && match self.plan.http_reuse {
                HttpReuse::Never => false,
                HttpReuse::Safe => repeatable,
                HttpReuse::Aggressive | HttpReuse::Always => true,
            }
    }
}
