//! **What** turns errors into responses · **reads** [`ProxyError`] · **writes** `status`, `ended` · **why here** the only
//! place where an error becomes a status; everything below speaks the typed error.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tower::{Layer, Service};

use crate::ctx::Ctx;
use crate::error::ProxyError;
use crate::error_pages::ErrorPages;
use crate::message::{Request, Response};

/// The client has left: there is nobody to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// Wraps a service in [`Rescue`].
#[derive(Debug, Clone)]
pub(crate) struct RescueLayer {
    pages: Rc<ErrorPages>,
}

impl RescueLayer {
    pub(crate) fn new(pages: Rc<ErrorPages>) -> Self {
        Self { pages }
    }
}

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;

    fn layer(&self, inner: S) -> Rescue<S> {
        Rescue { inner, pages: Rc::clone(&self.pages) }
    }
}

/// Answers failed requests.
#[derive(Debug, Clone)]
pub(crate) struct Rescue<S> {
    inner: S,
    pages: Rc<ErrorPages>,
}

impl<S> Service<Box<Request>> for Rescue<S>
where
    S: Service<Box<Request>, Response = Box<Response>, Error = ProxyError>,
{
    type Response = Box<Response>;
    type Error = Gone;
    type Future = RescueFuture<S::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Box<Request>) -> Self::Future {
        let ctx = Rc::clone(&request.ctx);
        RescueFuture { inner: self.inner.call(request), ctx, pages: Rc::clone(&self.pages) }
    }
}

pin_project_lite::pin_project! {
    /// Future of [`Rescue`].
    pub(crate) struct RescueFuture<F> {
        #[pin]
        inner: F,
        ctx: Rc<Ctx>,
        pages: Rc<ErrorPages>,
    }
}

impl<F: Future<Output = Result<Box<Response>, ProxyError>>> Future for RescueFuture<F> {
    type Output = Result<Box<Response>, Gone>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(match ready!(this.inner.poll(cx)) {
            Ok(response) => Ok(response),
            Err(error) => respond(this.ctx, this.pages, error).ok_or(Gone),
        })
    }
}

/// The response for `error`, if anybody is there to read it.
pub(crate) fn respond(ctx: &Ctx, pages: &ErrorPages, error: ProxyError) -> Option<Box<Response>> {
    ctx.end(error);
    let status = error.status()?;
    ctx.status.set(Some(status));
    let page = pages.page(status)?;
    let mut response = Response::local(page.head, page.body);
    // After a request that could not be read to its end, nobody knows where the next one starts.
    response.close = !matches!(status, 502..=504);
    Some(response)
}
