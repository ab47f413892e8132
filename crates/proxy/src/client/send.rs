//! Writing a response to the client.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use super::ClientIo;
use crate::ctx::{Ctx, Phase};
use crate::error::ProxyError;
use crate::h1::{self, BodyLength, HeaderList, Known, NameCase, Version};
use crate::message::{Frame, Response, ResponseBody};
use crate::net::{Deadline, Pipe, Push, Scratch};

/// Data pieces up to this size are copied behind what waits to be written; larger ones are written from where they are.
const COPY_LIMIT: usize = 4 * 1024;

/// Bodies of which at least so much is left are moved by splice(2): for less, two calls more cost what copying does.
const SPLICE_FROM: u64 = 16 * 1024;

/// How a response goes to its client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Version of the request.
    pub(crate) version: Version,
    /// The request was HEAD.
    pub(crate) head_only: bool,
    /// The connection ends with this response.
    pub(crate) close: bool,
    /// How names are written.
    pub(crate) case: NameCase,
    /// Longest time the client may take no bytes.
    pub(crate) timeout: Option<Duration>,
}

/// How the body is delimited towards the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Nothing,
    Chunks,
}

/// Writes `response`. On success says whether the connection may carry another request.
///
/// # Errors
/// The client is gone or too slow, or the server ended the body early; the connection must be closed.
pub(crate) async fn send(
    io: &ClientIo,
    ctx: &Ctx,
    response: &mut Response,
    manner: Manner,
) -> Result<bool, ProxyError> {
    let bodiless = manner.head_only || matches!(response.head.status, 100..200 | 204 | 304);
    let (delimiter, close) = delimit(response, manner, bodiless);
    if response.head.status != 101 {
        say_connection(&mut response.head.headers, manner.version, close);
    }
    let mut out = Scratch::new();
    h1::write_response(&mut out, &response.head, manner.case);
    ctx.phase.set(Phase::Data);
    let mut writer = Writer { io, ctx, deadline: Deadline::new(manner.timeout), out };
    if !bodiless {
        writer.body(response, delimiter, manner.case).await?;
    }
    // Nothing comes between the last bytes of a response and the end of its connection, except in a tunnel.
    let ends = close && !matches!(response.body, ResponseBody::Tunnel(_));
    writer.flush(if ends { Push::WithFin } else { Push::Now }).await?;
    Ok(!close)
}

/// Writes an interim response (1xx other than 101) while the final one is awaited.
///
/// # Errors
/// The client is gone.
pub(crate) async fn send_interim(
    io: &ClientIo,
    head: &h1::ResponseHead,
    case: NameCase,
) -> Result<(), ProxyError> {
    let mut out = Vec::with_capacity(128);
    h1::write_response(&mut out, head, case);
    let mut done = 0;
    poll_fn(|cx| io.poll_write_all(cx, &[&out], &mut done, Push::Now))
        .await
        .map_err(|_| ProxyError::ClientClosed)
}

fn delimit(response: &mut Response, manner: Manner, bodiless: bool) -> (Delimiter, bool) {
    let close = manner.close || response.close;
    if bodiless {
        return (Delimiter::Nothing, close);
    }
    match response.length {
        BodyLength::None | BodyLength::Length(_) => (Delimiter::Nothing, close),
        BodyLength::UntilClose => (Delimiter::Nothing, true),
        BodyLength::Chunked if manner.version == Version::Http11 => (Delimiter::Chunks, close),
        BodyLength::Chunked => {
            // HTTP/1.0 has no chunks: the end of the connection is the end of the body.
            response.head.headers.retain(|known, _, _| known != Known::TransferEncoding);
            (Delimiter::Nothing, true)
        }
    }
}

fn say_connection(headers: &mut HeaderList, version: Version, close: bool) {
    match (version, close) {
        (_, true) => headers.push("connection", "close"),
        (Version::Http10, false) => headers.push("connection", "keep-alive"),
        (Version::Http11, false) => {}
    }
}

struct Writer<'a> {
    io: &'a ClientIo,
    ctx: &'a Ctx,
    deadline: Deadline,
    out: Scratch,
}

impl Writer<'_> {
    /// Copies the body. Head and first piece leave in one write when the piece is already there.
    async fn body(
        &mut self,
        response: &mut Response,
        delimiter: Delimiter,
        case: NameCase,
    ) -> Result<(), ProxyError> {
        loop {
            // A fast server and a fast client must not keep this worker to themselves.
            tokio::task::coop::consume_budget().await;
            if delimiter == Delimiter::Nothing && self.splice(&mut response.body).await? {
                continue;
            }
            let ready = poll_fn(|cx| Poll::Ready(response.body.poll_frame(cx))).await;
            let frame = match ready {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    self.flush(Push::Now).await?;
                    poll_fn(|cx| response.body.poll_frame(cx)).await
                }
            };
            match frame {
                Some(Ok(Frame::Data(data))) => self.data(&data, delimiter).await?,
                Some(Ok(Frame::Trailers(trailers))) => {
                    if delimiter == Delimiter::Chunks {
                        h1::write_last_chunk(&mut self.out, Some(&trailers), case);
                    }
                    return Ok(());
                }
                Some(Err(error)) => {
                    // What came before the failure still goes out: the client sees how far it got.
                    let _ = self.flush(Push::Now).await;
                    return Err(error);
                }
                None => {
                    if delimiter == Delimiter::Chunks {
                        h1::write_last_chunk(&mut self.out, None, case);
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Moves what is there of a long body from socket to socket; false when there is no such body, or no pipe for it.
    async fn splice(&mut self, body: &mut ResponseBody) -> Result<bool, ProxyError> {
        let ResponseBody::Upstream(body) = body else { return Ok(false) };
        if body.spliceable().is_none_or(|left| left < SPLICE_FROM) {
            return Ok(false);
        }
        self.flush(Push::Now).await?;
        let filled = poll_fn(|cx| {
            let Some(mut pipe) = Pipe::take() else { return Poll::Ready(Ok(None)) };
            body.poll_splice(&mut pipe, cx).map_ok(|()| Some(pipe))
        });
        let Some(mut pipe) = filled.await? else { return Ok(false) };
        while pipe.filled() > 0 {
            let drained = poll_fn(|cx| match pipe.poll_drain(&self.io.stream, cx) {
                Poll::Ready(result) => Poll::Ready(result.map_err(|_| ProxyError::ClientClosed)),
                Poll::Pending => self.deadline.poll(cx).map(|()| Err(ProxyError::ClientTimeout)),
            });
            self.ctx.add_out(drained.await?);
            self.deadline.restart();
        }
        Ok(true)
    }

    async fn data(&mut self, data: &[u8], delimiter: Delimiter) -> Result<(), ProxyError> {
        if delimiter == Delimiter::Chunks {
            h1::write_chunk_size(&mut self.out, data.len());
        }
        let end: &[u8] = if delimiter == Delimiter::Chunks { b"\r\n" } else { b"" };
        if data.len() <= COPY_LIMIT {
            self.out.extend_from_slice(data);
            self.out.extend_from_slice(end);
            if self.out.len() > COPY_LIMIT * 4 { self.flush(Push::Now).await } else { Ok(()) }
        } else {
            let head = std::mem::replace(&mut self.out, Scratch::new());
            self.write(&[&head, data, end], Push::Now).await
        }
    }

    async fn flush(&mut self, push: Push) -> Result<(), ProxyError> {
        let out = std::mem::replace(&mut self.out, Scratch::new());
        self.write(&[&out], push).await
    }

    async fn write(&mut self, pieces: &[&[u8]], push: Push) -> Result<(), ProxyError> {
        let mut done = 0;
        let written = poll_fn(|cx| {
            let before = done;
            let polled = self.io.poll_write_all(cx, pieces, &mut done, push);
            if done > before {
                self.ctx.add_out(done - before);
                self.deadline.restart();
            }
            match polled {
                Poll::Ready(result) => Poll::Ready(result.map_err(|_: io::Error| ProxyError::ClientClosed)),
                Poll::Pending => self.deadline.poll(cx).map(|()| Err(ProxyError::ClientTimeout)),
            }
        });
        written.await
    }
}
