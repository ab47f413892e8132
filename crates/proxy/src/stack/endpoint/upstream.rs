//! A connection to a server in use, and the response body that is read from it.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;

use super::Endpoint;
use super::upload::Upload;
use crate::clock;
use crate::error::ProxyError;
use crate::h1::{BodyDecoder, BodyLength, Decoded};
use crate::message::Frame;
use crate::net::{Deadline, Input, Pipe, Stream};
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
    pub(crate) fn new(stream: Stream, timeout: Option<Duration>) -> Box<Self> {
        let silence = Deadline::new(timeout);
        Box::new(Self { stream, input: Input::default(), timeout, silence, permit: None })
    }

    /// `timeout server`.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The stream, what was read ahead from it, and the permit to hold while it is used.
    pub(crate) fn into_parts(self) -> (Stream, BytesMut, Option<Permit>) {
        (self.stream, self.input.into_buffer(), self.permit)
    }
}

/// A response body from a server. Drives what is left of the upload, too: a server may answer while it still reads.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    /// `None` once the connection went back to the pool.
    upstream: Option<Box<Upstream>>,
    endpoint: Rc<Endpoint>,
    decoder: BodyDecoder,
    upload: Option<Box<Upload>>,
    reusable: bool,
    permit: Option<Permit>,
}

impl UpstreamBody {
    /// `upload` is `None` when the request has been sent completely. `reusable`: the server lets the connection live.
    pub(crate) fn new(
        upstream: Box<Upstream>,
        endpoint: Rc<Endpoint>,
        length: BodyLength,
        upload: Option<Box<Upload>>,
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

    /// How many bytes may be moved from socket to socket: what is left of a body of known length, when none of it has been
    /// read ahead and nothing is on its way up.
    pub(crate) fn spliceable(&self) -> Option<u64> {
        let upstream = self.upstream.as_ref()?;
        let idle = self.upload.is_none() && upstream.input.buffer.is_empty();
        self.decoder.left().filter(|_| idle)
    }

    /// Moves body bytes into the empty pipe, as many as are there and fit.
    pub(crate) fn poll_splice(
        &mut self,
        pipe: &mut Pipe,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ProxyError>> {
        let (Some(left), Some(upstream)) = (self.decoder.left(), &mut self.upstream) else {
            return Poll::Ready(Ok(()));
        };
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        match pipe.poll_fill(&upstream.stream, most, cx) {
            Poll::Ready(Ok(n)) if n > 0 => {
                clock::now();
                upstream.silence.restart();
                self.decoder.passed(n as u64);
                if self.decoder.is_done() {
                    self.finish();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(_) => Poll::Ready(Err(self.failed(ProxyError::ServerClosed))),
            Poll::Pending if upstream.silence.poll(cx).is_ready() => {
                Poll::Ready(Err(self.failed(ProxyError::ServerTimeout)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// The body is complete: the connection may serve another request if nothing is left on it in either direction.
    fn finish(&mut self) {
        self.permit = None;
        let Some(upstream) = self.upstream.take() else { return };
        if self.reusable && self.upload.is_none() && upstream.input.buffer.is_empty() {
            self.endpoint.pool.put(upstream, clock::recent());
        }
    }

    fn fail(&mut self, error: ProxyError) -> Poll<Option<Result<Frame, ProxyError>>> {
        Poll::Ready(Some(Err(self.failed(error))))
    }

    fn failed(&mut self, error: ProxyError) -> ProxyError {
        self.endpoint.metrics.response_failed();
        self.upstream = None;
        self.permit = None;
        error
    }
}
