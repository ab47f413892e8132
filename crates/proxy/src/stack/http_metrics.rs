//! **What** counts requests and responses of a frontend · **reads** status · **writes** counters · **why here** the same
//! vantage as the log, with handles resolved when the stack was built.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tower::{Layer, Service};

use super::rescue::Gone;
use crate::ctx::Ctx;
use crate::message::{Request, Response};
use crate::metrics::{FrontendMetrics, account};

/// Wraps a service in [`HttpMetrics`].
#[derive(Debug, Clone)]
pub(crate) struct HttpMetricsLayer {
    metrics: Rc<FrontendMetrics>,
}

impl HttpMetricsLayer {
    pub(crate) fn new(metrics: Rc<FrontendMetrics>) -> Self {
        Self { metrics }
    }
}

impl<S> Layer<S> for HttpMetricsLayer {
    type Service = HttpMetrics<S>;

    fn layer(&self, inner: S) -> HttpMetrics<S> {
        HttpMetrics { inner, metrics: Rc::clone(&self.metrics) }
    }
}

/// Counts requests, and responses by class.
#[derive(Debug, Clone)]
pub(crate) struct HttpMetrics<S> {
    inner: S,
    metrics: Rc<FrontendMetrics>,
}

impl<S> Service<Box<Request>> for HttpMetrics<S>
where
    S: Service<Box<Request>, Response = Box<Response>, Error = Gone>,
{
    type Response = Box<Response>;
    type Error = Gone;
    type Future = HttpMetricsFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Box<Request>) -> Self::Future {
        self.metrics.request(request.ctx.started);
        let guard = MetricsGuard::new(Rc::clone(&request.ctx), Rc::clone(&self.metrics));
        HttpMetricsFuture { inner: self.inner.call(request), guard: Some(guard) }
    }
}

pin_project_lite::pin_project! {
    /// Future of [`HttpMetrics`].
    pub(crate) struct HttpMetricsFuture<F> {
        #[pin]
        inner: F,
        guard: Option<MetricsGuard>,
    }
}

impl<F: Future<Output = Result<Box<Response>, Gone>>> Future for HttpMetricsFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        if let Ok(response) = &mut result {
            response.metrics = this.guard.take();
        }
        Poll::Ready(result)
    }
}

/// Accounts for the request when dropped: after the last byte, or when the client has left.
#[derive(Debug)]
pub(crate) struct MetricsGuard {
    ctx: Rc<Ctx>,
    metrics: Rc<FrontendMetrics>,
}

impl MetricsGuard {
    pub(crate) fn new(ctx: Rc<Ctx>, metrics: Rc<FrontendMetrics>) -> Self {
        Self { ctx, metrics }
    }
}

impl Drop for MetricsGuard {
    fn drop(&mut self) {
        account(&self.ctx, &self.metrics);
        // Last, so that whoever sees the response counted sees all of it counted.
        self.metrics.responses.count(self.ctx.status.get().unwrap_or(0));
    }
}
