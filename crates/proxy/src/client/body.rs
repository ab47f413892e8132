//! The body of a request, read from the client as it is sent on. What has been read is kept up to one buffer, so that
//! the request can be sent to another server.

use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::ClientIo;
use crate::ctx::Ctx;
use crate::error::ProxyError;
use crate::h1::Decoded;
use crate::message::Frame;
use crate::net::{Deadline, READ_SIZE};

/// A request body.
#[derive(Debug)]
pub(crate) struct ClientBody {
    io: Rc<ClientIo>,
    ctx: Rc<Ctx>,
    deadline: Deadline,
    kept: Vec<Frame>,
    kept_size: usize,
    next: usize,
    overflowed: bool,
}

impl ClientBody {
    /// The body that follows in `io`, whose decoder is already set. `timeout`: longest silence of the client.
    pub(crate) fn new(io: Rc<ClientIo>, ctx: Rc<Ctx>, timeout: Option<Duration>) -> Self {
        Self {
            io,
            ctx,
            deadline: Deadline::new(timeout),
            kept: Vec::new(),
            kept_size: 0,
            next: 0,
            overflowed: false,
        }
    }

    /// Starts again from the first byte; `false` when that is no longer kept.
    pub(crate) fn rewind(&mut self) -> bool {
        self.next = 0;
        !self.overflowed
    }

    /// The client, for interim responses.
    pub(crate) fn client(&self) -> &Rc<ClientIo> {
        &self.io
    }

    /// The next piece; `None` at the end.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, ProxyError>>> {
        if let Some(frame) = self.kept.get(self.next) {
            self.next += 1;
            return Poll::Ready(Some(Ok(frame.clone())));
        }
        match ready!(self.poll_new(cx)) {
            Some(Ok(frame)) => {
                self.keep(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            other => Poll::Ready(other),
        }
    }

    fn keep(&mut self, frame: &Frame) {
        self.kept_size += match frame {
            Frame::Data(data) => data.len(),
            Frame::Trailers(_) => 0,
        };
        if self.overflowed || self.kept_size > READ_SIZE {
            self.overflowed = true;
            self.kept.clear();
            self.next = 0;
        } else {
            self.kept.push(frame.clone());
            self.next = self.kept.len();
        }
    }

    fn poll_new(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, ProxyError>>> {
        loop {
            let mut input = self.io.input.borrow_mut();
            let mut decoder = self.io.decoder.get();
            if decoder.is_done() {
                return Poll::Ready(None);
            }
            let decoded = decoder.decode(&mut input.buffer);
            self.io.decoder.set(decoder);
            match decoded {
                Ok(Decoded::Data(data)) => {
                    self.deadline.restart();
                    self.ctx.add_in(data.len());
                    return Poll::Ready(Some(Ok(Frame::Data(data))));
                }
                Ok(Decoded::End(trailers)) => return Poll::Ready(trailers.map(|t| Ok(Frame::Trailers(t)))),
                Ok(Decoded::NeedMore) => {}
                Err(bad) => return Poll::Ready(Some(Err(bad.into()))),
            }
            match input.poll_fill(&self.io.stream, cx) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Some(Err(ProxyError::ClientClosed))),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => {
                    ready!(self.deadline.poll(cx));
                    return Poll::Ready(Some(Err(ProxyError::ClientTimeout)));
                }
            }
        }
    }
}
