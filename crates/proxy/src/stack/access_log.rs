//! **What** writes the access-log line · **reads** the whole record of the request · **writes** nothing ·
//! **why here** outermost, it sees the final status and all retries, and its guard rides with the response until the body
//! has ended or the client has left.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tower::{Layer, Service};

use super::rescue::Gone;
use crate::ctx::Ctx;
use crate::log::AccessSink;
use crate::message::{Request, Response};

/// Wraps a service in [`AccessLog`].
#[derive(Debug, Clone)]
pub(crate) struct AccessLogLayer {
    sink: Rc<AccessSink>,
}

impl AccessLogLayer {
    pub(crate) fn new(sink: Rc<AccessSink>) -> Self {
        Self { sink }
    }
}

impl<S> Layer<S> for AccessLogLayer {
    type Service = AccessLog<S>;

    fn layer(&self, inner: S) -> AccessLog<S> {
        AccessLog { inner, sink: Rc::clone(&self.sink) }
    }
}

/// Logs each request once, when it is over.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog<S> {
    inner: S,
    sink: Rc<AccessSink>,
}

impl<S> Service<Box<Request>> for AccessLog<S>
where
    S: Service<Box<Request>, Response = Box<Response>, Error = Gone>,
{
    type Response = Box<Response>;
    type Error = Gone;
    type Future = AccessLogFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Box<Request>) -> Self::Future {
        let guard = LogGuard::new(Rc::clone(&request.ctx), Rc::clone(&self.sink));
        AccessLogFuture { inner: self.inner.call(request), guard: Some(guard) }
    }
}

pin_project_lite::pin_project! {
    /// Future of [`AccessLog`].
    pub(crate) struct AccessLogFuture<F> {
        #[pin]
        inner: F,
        guard: Option<LogGuard>,
    }
}

impl<F: Future<Output = Result<Box<Response>, Gone>>> Future for AccessLogFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        if let Ok(response) = &mut result {
            response.log = this.guard.take();
        }
        Poll::Ready(result)
    }
}

/// Writes the line when dropped: after the last byte, or when the client has left.
#[derive(Debug)]
pub(crate) struct LogGuard {
    ctx: Rc<Ctx>,
    sink: Rc<AccessSink>,
}

impl LogGuard {
    pub(crate) fn new(ctx: Rc<Ctx>, sink: Rc<AccessSink>) -> Self {
        Self { ctx, sink }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.sink.request(&self.ctx);
    }
}
