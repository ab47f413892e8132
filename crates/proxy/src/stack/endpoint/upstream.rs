//! A connection to a server in use, and the response body that is read from it.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::Endpoint;
use super::upload::Upload;
use crate::error::ProxyError;
use crate::h1::{BodyDecoder, BodyLength, Decoded};
use crate::message::Frame;
use crate::net::{Deadline, Input, Stream};
use crate::stack::balance::Permit;

/// A connection that carries a request.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) stream: Stream,
    pub(crate) input: Input,
    timeout: Option<Duration>,
    /// How long the server may be silent.
    pub(crate) silence: Deadline,
    /// Held while a tunnel lasts.
    pub(crate) permit: Option<Permit>,
}

impl Upstream {
    pub(crate) fn new(stream: Stream, timeout: Option<Duration>) -> Self {
        Self { stream, input: Input::default(), timeout, silence: Deadline::new(timeout), permit: None }
    }

    /// `timeout server`.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The stream, what was read ahead from it, and the permit to hold while it is used.
    pub(crate) fn into_parts(self) -> (Stream, BytesMut, Option<Permit>) {
        (self.stream, self.input.buffer, self.permit)
    }
}

/// A response body from a server. Drives what is left of the upload, too: a server may answer while it still reads.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    /// `None` once the connection went back to the pool.
    upstream: Option<Upstream>,
    endpoint: Rc<Endpoint>,
    decoder: BodyDecoder,
    upload: Option<Upload>,
    reusable: bool,
    permit: Option<Permit>,
}

impl UpstreamBody {
    /// `upload` is `None` when the request has been sent completely. `reusable`: the server lets the connection live.
    pub(crate) fn new(
        upstream: Upstream,
        endpoint: Rc<Endpoint>,
        length: BodyLength,
        upload: Option<Upload>,
        reusable: bool,
        permit: Permit,
    ) -> Self {
        let decoder = BodyDecoder::new(length);
        let mut body =
            Self { upstream: Some(upstream), endpoint, decoder, upload, reusable, permit: Some(permit) };
        if body.decoder.is_done() && body.upload.is_none() {
            // Nothing follows the head: the connection is free before the client has been answered.
            body.finish();
        }
        body
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, ProxyError>>> {
        let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
        if let Some(upload) = &mut self.upload
            && let Poll::Ready(result) = upload.poll(&upstream.stream, cx)
        {
            self.reusable &= result.is_ok();
            self.upload = None;
        }
        loop {
            match self.decoder.decode(&mut upstream.input.buffer) {
                Ok(Decoded::Data(data)) => {
                    upstream.silence.restart();
                    return Poll::Ready(Some(Ok(Frame::Data(data))));
                }
                Ok(Decoded::End(trailers)) => {
                    self.finish();
                    return Poll::Ready(trailers.map(|t| Ok(Frame::Trailers(t))));
                }
                Ok(Decoded::NeedMore) => {}
                Err(_) => return self.fail(ProxyError::BadResponse),
            }
            match upstream.input.poll_fill(&upstream.stream, cx) {
                Poll::Ready(Ok(0)) if self.decoder.ends_with_connection() => {
                    self.reusable = false;
                    self.finish();
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(0) | Err(_)) => return self.fail(ProxyError::ServerClosed),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending if upstream.silence.poll(cx).is_ready() => {
                    return self.fail(ProxyError::ServerTimeout);
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// The body is complete: the connection may serve another request if nothing is left on it in either direction.
    fn finish(&mut self) {
        self.permit = None;
        let Some(upstream) = self.upstream.take() else { return };
        if self.reusable && self.upload.is_none() && upstream.input.buffer.is_empty() {
            self.endpoint.pool.put(upstream, Instant::now());
        }
    }

    fn fail(&mut self, error: ProxyError) -> Poll<Option<Result<Frame, ProxyError>>> {
        self.endpoint.metrics.response_failed();
        self.upstream = None;
        self.permit = None;
        Poll::Ready(Some(Err(error)))
    }
}
