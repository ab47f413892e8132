//! What passes the stack: requests down, responses up.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::client::ClientBody;
use crate::ctx::Ctx;
use crate::error::ProxyError;
use crate::h1::{BodyLength, ConnectionOptions, HeaderList, RequestHead, ResponseHead};
use crate::stack::access_log::LogGuard;
use crate::stack::endpoint::{Upstream, UpstreamBody};
use crate::stack::http_metrics::MetricsGuard;

/// A request on its way to a server. Boxed, so that handing it from layer to layer costs nothing.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: RequestHead,
    pub(crate) length: BodyLength,
    pub(crate) options: ConnectionOptions,
    pub(crate) body: ClientBody,
    pub(crate) ctx: Rc<Ctx>,
}

/// A response on its way to the client. Boxed like the request.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) head: ResponseHead,
    pub(crate) length: BodyLength,
    pub(crate) body: ResponseBody,
    /// The client connection must end with this response.
    pub(crate) close: bool,
    /// Writes the access-log line when the response is over, however it ends.
    pub(crate) log: Option<LogGuard>,
    /// Accounts for the request at the same moment.
    pub(crate) metrics: Option<MetricsGuard>,
}

impl Response {
    /// A response of the proxy itself; `head` already says how long `body` is.
    pub(crate) fn local(head: ResponseHead, body: Bytes) -> Box<Self> {
        let length = if body.is_empty() { BodyLength::None } else { BodyLength::Length(body.len() as u64) };
        Box::new(Self {
            head,
            length,
            body: ResponseBody::Full(body),
            close: false,
            log: None,
            metrics: None,
        })
    }
}

/// One piece of a body.
#[derive(Debug, Clone)]
pub(crate) enum Frame {
    Data(Bytes),
    Trailers(HeaderList),
}

/// Where a response body comes from.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// Bytes of the proxy; empty when there are none (left).
    Full(Bytes),
    /// A server.
    Upstream(Box<UpstreamBody>),
    /// After 101 or a successful CONNECT: bytes both ways until both ends close.
    Tunnel(Box<Upstream>),
}

impl ResponseBody {
    /// The next piece; `None` at the end.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, ProxyError>>> {
        match self {
            Self::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Full(bytes) => Poll::Ready(Some(Ok(Frame::Data(std::mem::take(bytes))))),
            Self::Upstream(body) => body.poll_frame(cx),
            Self::Tunnel(_) => Poll::Ready(None),
        }
    }
}
