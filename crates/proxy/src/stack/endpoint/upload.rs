//! The request on its way into the server's socket.

use std::io::IoSlice;
use std::task::{Context, Poll};

use crate::error::ProxyError;
use crate::h1::{self, BodyLength, NameCase};
use crate::message::{Frame, Request};
use crate::net::{Push, Scratch, Stream};

/// Body bytes gathered before they are written.
const GATHER: usize = 16 * 1024;

/// Why the upload stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The server takes no more. It may have answered already.
    Server,
    /// The client's body failed.
    Client(ProxyError),
}

/// A request being sent.
#[derive(Debug)]
pub(crate) struct Upload {
    out: Scratch,
    written: usize,
    total: u64,
    request: Box<Request>,
    chunked: bool,
    case: NameCase,
    complete: bool,
}

impl Upload {
    /// Sends `head`, the encoded head of `request`, then its body.
    pub(crate) fn new(head: Scratch, request: Box<Request>, case: NameCase) -> Self {
        let complete = request.length == BodyLength::None;
        let chunked = request.length == BodyLength::Chunked;
        Self { out: head, written: 0, total: 0, request, chunked, case, complete }
    }

    /// What is being sent.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// Bytes handed to the kernel so far.
    pub(crate) fn sent(&self) -> u64 {
        self.total
    }

    /// The request, to send it again.
    pub(crate) fn into_request(self) -> Box<Request> {
        self.request
    }

    /// Sends what can be sent; ready when everything has been, or nothing more can be.
    pub(crate) fn poll(&mut self, stream: &Stream, cx: &mut Context<'_>) -> Poll<Result<(), Stopped>> {
        loop {
            let gathered = self.gather(cx)?;
            if self.written == self.out.len() {
                self.out.clear();
                self.written = 0;
                return match (self.complete, gathered) {
                    (true, _) => Poll::Ready(Ok(())),
                    (false, Gathered::Waiting) => Poll::Pending,
                    (false, Gathered::Full) => continue,
                };
            }
            match stream.poll_write(cx, &[IoSlice::new(&self.out[self.written..])], Push::Now) {
                Poll::Ready(Ok(n)) => {
                    self.written += n;
                    self.total += n as u64;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Stopped::Server)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Moves body bytes that are there behind what waits to be written.
    fn gather(&mut self, cx: &mut Context<'_>) -> Result<Gathered, Stopped> {
        while !self.complete && self.out.len() - self.written < GATHER {
            match self.request.body.poll_frame(cx) {
                Poll::Pending => return Ok(Gathered::Waiting),
                Poll::Ready(Some(Err(error))) => return Err(Stopped::Client(error)),
                Poll::Ready(Some(Ok(Frame::Data(data)))) if self.chunked => {
                    h1::write_chunk_size(&mut self.out, data.len());
                    self.out.extend_from_slice(&data);
                    self.out.extend_from_slice(b"\r\n");
                }
                Poll::Ready(Some(Ok(Frame::Data(data)))) => self.out.extend_from_slice(&data),
                Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) => {
                    h1::write_last_chunk(&mut self.out, Some(&trailers), self.case);
                    self.complete = true;
                }
                Poll::Ready(None) => {
                    if self.chunked {
                        h1::write_last_chunk(&mut self.out, None, self.case);
                    }
                    self.complete = true;
                }
            }
        }
        Ok(Gathered::Full)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gathered {
    /// As much as should be written at once, or all there is.
    Full,
    /// The client has to send more first.
    Waiting,
}
