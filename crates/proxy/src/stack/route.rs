//! **What** decides who answers: the statistics page, the monitor address, or a backend · **reads** the path · **writes**
//! `backend` · **why here** the last step that is common to all requests of a frontend.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tower::Service;

use super::BackendService;
use super::stats_page::StatsPage;
use crate::ctx::{Ctx, Phase};
use crate::error::ProxyError;
use crate::h1::ResponseHead;
use crate::message::{Request, Response};
use crate::metrics::BackendMetrics;
use crate::objects::{Backend, Session};

/// The destinations of one frontend.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) monitor_uri: Option<Rc<str>>,
    /// Pages of the frontend, then of its backend.
    pub(crate) pages: Rc<[StatsPage]>,
    pub(crate) backend: Option<Destination>,
}

/// A backend as a destination.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) backend: Arc<Backend>,
    pub(crate) metrics: Rc<BackendMetrics>,
    pub(crate) service: BackendService,
}

impl Destination {
    /// Counts a request or session in.
    pub(crate) fn enter(&self, ctx: &Ctx) {
        self.metrics.session(ctx.started);
        *ctx.backend.borrow_mut() = Some(Rc::clone(&self.metrics));
        *ctx.session.borrow_mut() = Some(Session::begin(&self.backend));
    }
}

type Outcome = Result<Box<Response>, ProxyError>;

pin_project_lite::pin_project! {
    /// Future of [`Route`]. Requests for a backend, which are nearly all, need no allocation of their own.
    #[project = Branch]
    pub(crate) enum RouteFuture {
        Local { outcome: Option<Outcome> },
        Page { answer: Pin<Box<dyn Future<Output = Box<Response>>>> },
        Backend {
            #[pin]
            answer: <BackendService as Service<Box<Request>>>::Future,
        },
    }
}

impl RouteFuture {
    fn local(outcome: Outcome) -> Self {
        Self::Local { outcome: Some(outcome) }
    }
}

impl Future for RouteFuture {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        match self.project() {
            Branch::Local { outcome } => {
                Poll::Ready(outcome.take().expect("a future is not polled after its end"))
            }
            Branch::Page { answer } => answer.as_mut().poll(cx).map(Ok),
            Branch::Backend { answer } => answer.poll(cx),
        }
    }
}

impl Service<Box<Request>> for Route {
    type Response = Box<Response>;
    type Error = ProxyError;
    type Future = RouteFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Box<Request>) -> RouteFuture {
        if self.monitor_uri.as_ref().is_some_and(|uri| request.head.path() == uri.as_bytes()) {
            request.ctx.intercepted.set(true);
            request.ctx.status.set(Some(200));
            return RouteFuture::local(Ok(alive()));
        }
        if let Some(page) = self.pages.iter().find(|page| page.takes(&request.head)) {
            let page = page.clone();
            return RouteFuture::Page { answer: Box::pin(async move { page.answer(request).await }) };
        }
        let Some(destination) = &mut self.backend else {
            return RouteFuture::local(Err(ProxyError::NoServer));
        };
        request.ctx.phase.set(Phase::Queue);
        destination.enter(&request.ctx);
        RouteFuture::Backend { answer: destination.service.call(request) }
    }
}

fn alive() -> Box<Response> {
    let body = Bytes::from_static(b"<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n");
    let mut head = ResponseHead::new(200, "OK");
    head.headers.push("content-length", body.len().to_string());
    head.headers.push("cache-control", "no-cache");
    head.headers.push("content-type", "text/html");
    Response::local(head, body)
}
