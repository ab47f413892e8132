//! **What** tries again elsewhere · **reads** what the server may have seen · **writes** `retries`, `redispatched` · **why
//! here** outside the balancer, so that every attempt picks anew, and inside the rules, so that those run once.
//!
//! A failed connection has cost the server nothing and is always repeated, up to `retries`. A request that may have been
//! seen is repeated only when it is idempotent and its body is still kept, and only within the retry budget: when
//! everything fails, retries must not multiply the load.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use config::haproxy::{Balance as Algorithm, Proxy, Redispatch as Policy};
use lb_core::ServerId;
use tower::Service;

use super::balance::Balance;
use super::endpoint::{Failed, Sent};
use crate::clock;
use crate::ctx::Ctx;
use crate::error::ProxyError;
use crate::message::{Request, Response};

/// Pause before the same server is tried again, at most (HAProxy's turn-around time).
const TURN_AROUND: Duration = Duration::from_secs(1);

/// Attempts of one request.
#[derive(Debug, Clone)]
pub(crate) struct Redispatch {
    balance: Rc<Balance>,
}

impl Redispatch {
    pub(crate) fn new(balance: Balance) -> Self {
        Self { balance: Rc::new(balance) }
    }
}

impl Service<Box<Request>> for Redispatch {
    type Response = Box<Response>;
    type Error = ProxyError;
    type Future = Pin<Box<dyn Future<Output = Result<Box<Response>, ProxyError>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Box<Request>) -> Self::Future {
        Box::pin(attempts(Rc::clone(&self.balance), request))
    }
}

async fn attempts(balance: Rc<Balance>, mut request: Box<Request>) -> Result<Box<Response>, ProxyError> {
    let ctx = Rc::clone(&request.ctx);
    balance.backend.deposit_retry(clock::recent());
    let mut same = None;
    loop {
        let Failed { request: returned, error, sent } = match balance.attempt(request, same).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        request = returned;
        let again = ctx.retries.get() < balance.backend.plan().retries
            && may_repeat(&balance, &request, sent)
            && request.body.rewind();
        if !again {
            return Err(error);
        }
        same = prepare(&balance, &ctx, sent).await;
    }
}

/// Whether sending the request again cannot do harm.
fn may_repeat(balance: &Balance, request: &Request, sent: Sent) -> bool {
    match sent {
        Sent::Nothing => true,
        Sent::NoAnswer => request.head.is_idempotent() && balance.backend.withdraw_retry(clock::now()),
        Sent::Answered => false,
    }
}

/// Counts the retry, and decides where it goes: `Some` is the server of the last attempt, `None` picks another.
pub(crate) async fn prepare(balance: &Balance, ctx: &Ctx, sent: Sent) -> Option<ServerId> {
    let plan = balance.backend.plan();
    ctx.retries.set(ctx.retries.get() + 1);
    if let Some(endpoint) = ctx.endpoint.borrow().as_ref() {
        endpoint.metrics.retrying();
    }
    let last = ctx.retries.get() == plan.retries;
    let elsewhere = moves(&plan, last);
    if elsewhere && balance.backend.has_untried(&ctx.tried.borrow()) {
        ctx.redispatched.set(true);
        if let Some(endpoint) = ctx.endpoint.borrow().as_ref() {
            endpoint.metrics.redispatching();
        }
        return None;
    }
    if sent == Sent::Nothing {
        let pause = plan.timeouts.connect.unwrap_or(TURN_AROUND).min(TURN_AROUND);
        tokio::time::sleep(pause).await;
        clock::now();
    }
    ctx.tried.borrow_mut().clear();
    if elsewhere { None } else { ctx.endpoint.borrow().as_ref().map(|e| e.server.pool_id) }
}

/// Whether a retry may leave its server. Ours: it may, unless the operator said `no option redispatch` or the algorithm
/// ties clients to servers; HAProxy needs `option redispatch` for it.
fn moves(plan: &Proxy, last: bool) -> bool {
    let sticky = plan.balance == Algorithm::Source;
    match plan.redispatch {
        Policy::Off => false,
        Policy::Default => !sticky,
        Policy::On(_) => !sticky || last,
    }
}
