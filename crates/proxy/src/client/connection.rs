//! One HTTP client connection: its requests one after the other, until one side wants no more.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::watch;
use tower::Service;

use super::send::{Manner, send};
use super::{ClientBody, ClientIo, linger::linger};
use crate::ctx::{Ctx, Phase};
use crate::entry::Entry;
use crate::error::ProxyError;
use crate::h1::{self, BodyDecoder, ConnectionOptions, NameCase, RequestHead, Version};
use crate::message::{Request, Response, ResponseBody};
use crate::net::{Deadline, Stream};
use crate::relay;

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// The client's address; `None` for a Unix socket.
    pub(crate) address: Option<SocketAddr>,
    /// The address it connected to.
    pub(crate) local: Option<SocketAddr>,
}

/// Serves one client until its connection ends. `stop` turns true when the process wants to stop: idle connections end at
/// once, busy ones after their response.
pub(crate) async fn serve(stream: Stream, peer: Peer, entry: Rc<Entry>, mut stop: watch::Receiver<bool>) {
    let io = Rc::new(ClientIo::new(stream));
    let client_text =
        peer.address.map(|a| Bytes::from(a.ip().to_canonical().to_string())).unwrap_or_default();
    let flag = stop.clone();
    let mut stopping = pin!(stop.wait_for(|stop| *stop));
    let mut patience = Patience {
        first: Deadline::new(entry.timeouts.request),
        idle: Deadline::new(entry.timeouts.keep_alive),
        whole: Deadline::new(entry.timeouts.request),
    };
    let mut first = true;
    loop {
        let arrival =
            next_head(&io, &entry, first, &mut patience, |cx| stopping.as_mut().poll(cx).is_ready()).await;
        let (head, started) = match arrival {
            Arrival::Request(head, started) => (head, started),
            Arrival::Nothing => return,
            Arrival::Failed(error, started) => {
                let ctx = Rc::new(Ctx::new(peer.address, started, first));
                refuse(&io, &entry, ctx, error).await;
                return;
            }
        };
        let again = exchange(&io, &entry, (peer, &client_text), head, started, first, &flag).await;
        if !again {
            return;
        }
        first = false;
    }
}

enum Arrival {
    Request(RequestHead, Instant),
    /// Closed, idle for too long, or the process stops: nothing to answer.
    Nothing,
    Failed(ProxyError, Instant),
}

/// How long a client may take, for all its requests.
struct Patience {
    /// Until the first byte of the first request.
    first: Deadline,
    /// Until the first byte of a later one.
    idle: Deadline,
    /// From a first byte to a whole head.
    whole: Deadline,
}

async fn next_head(
    io: &ClientIo,
    entry: &Entry,
    first: bool,
    patience: &mut Patience,
    mut stopping: impl FnMut(&mut Context<'_>) -> bool,
) -> Arrival {
    let accepted = Instant::now();
    let mut started = (!io.input.borrow().buffer.is_empty()).then_some(accepted);
    let Patience { first: until_first, idle, whole } = patience;
    let idle = if first { until_first } else { idle };
    idle.restart();
    whole.restart();
    poll_fn(|cx| {
        let mut input = io.input.borrow_mut();
        loop {
            match h1::parse_request(&mut input.buffer) {
                Ok(Some(head)) => return Poll::Ready(Arrival::Request(head, started.unwrap_or(accepted))),
                Err(bad) => return Poll::Ready(Arrival::Failed(bad.into(), started.unwrap_or(accepted))),
                Ok(None) => {}
            }
            match input.poll_fill(&io.stream, cx) {
                Poll::Ready(Ok(n)) if n > 0 => {
                    started.get_or_insert_with(Instant::now);
                }
                Poll::Ready(_) => {
                    let quiet = started.is_none()
                        && (!first || entry.plan.dontlognull || entry.plan.http_ignore_probes);
                    let at = started.unwrap_or(accepted);
                    return Poll::Ready(if quiet {
                        Arrival::Nothing
                    } else {
                        Arrival::Failed(ProxyError::ClientClosed, at)
                    });
                }
                Poll::Pending => break,
            }
        }
        if started.is_none() {
            input.rest();
            if stopping(cx) {
                return Poll::Ready(Arrival::Nothing);
            }
        }
        let late = if started.is_some() { whole.poll(cx) } else { idle.poll(cx) };
        if late.is_pending() {
            return Poll::Pending;
        }
        let probe = started.is_none() && (!first || entry.plan.http_ignore_probes);
        Poll::Ready(if probe {
            Arrival::Nothing
        } else {
            Arrival::Failed(ProxyError::ClientTimeout, started.unwrap_or(accepted))
        })
    })
    .await
}

/// One request and its response. Says whether the connection may carry another.
async fn exchange(
    io: &Rc<ClientIo>,
    entry: &Rc<Entry>,
    (peer, client_text): (Peer, &Bytes),
    mut head: RequestHead,
    started: Instant,
    first: bool,
    stop: &watch::Receiver<bool>,
) -> bool {
    let mut ctx = Ctx::new(peer.address, started, first);
    ctx.client_text = client_text.clone();
    ctx.local = peer.local;
    ctx.add_in(head.size());
    let framing = match h1::request_framing(&mut head) {
        Ok(framing) => framing,
        Err(bad) => {
            // Logged as a request that could not be read: what it says of itself cannot be trusted.
            refuse(io, entry, Rc::new(ctx), bad.into()).await;
            return false;
        }
    };
    ctx.head_time = started.elapsed();
    ctx.line = head.line_bytes();
    let ctx = Rc::new(ctx);
    let options = ConnectionOptions::read(&head.headers);
    let version = head.version;
    let head_only = head.method() == b"HEAD";
    let persistent = options.persistent(version) && !framing.must_close;
    io.decoder.set(BodyDecoder::new(framing.body));
    let body = ClientBody::new(Rc::clone(io), Rc::clone(&ctx), entry.plan.timeouts.client);
    let request = Request { head, length: framing.body, options, body, ctx: Rc::clone(&ctx) };

    let Some(mut response) = answer(io, entry, &ctx, request).await else { return false };
    let unread = !io.decoder.get().is_done();
    let manner = Manner {
        version,
        head_only,
        close: !persistent || *stop.borrow() || unread || entry.closes,
        case: entry.case,
        timeout: entry.plan.timeouts.client,
    };
    let sent = send(io, &ctx, &mut response, manner).await;
    if let Err(error) = sent {
        ctx.end(error);
        return false;
    }
    if let ResponseBody::Tunnel(upstream) =
        std::mem::replace(&mut response.body, ResponseBody::Full(Bytes::new()))
    {
        tunnel(io, entry, &ctx, *upstream).await;
        return false;
    }
    ctx.phase.set(Phase::Done);
    drop(response);
    let again = matches!(sent, Ok(true));
    if !again {
        linger(io).await;
    }
    again
}

/// Runs the stack; `None` when the client left before there was a response.
async fn answer(io: &ClientIo, entry: &Entry, ctx: &Ctx, request: Request) -> Option<Response> {
    let abort_on_close = entry.plan.abortonclose;
    let mut answer = pin!(entry.service.clone().call(request));
    poll_fn(|cx| {
        if let Poll::Ready(response) = answer.as_mut().poll(cx) {
            return Poll::Ready(response.ok());
        }
        if io.decoder.get().is_done() && io.poll_gone(cx, abort_on_close).is_ready() {
            ctx.end(ProxyError::ClientClosed);
            return Poll::Ready(None);
        }
        Poll::Pending
    })
    .await
}

/// Answers a request that never reached the stack, and logs and counts it as the stack would.
async fn refuse(io: &ClientIo, entry: &Entry, ctx: Rc<Ctx>, error: ProxyError) {
    let Some(mut response) = entry.refuse(Rc::clone(&ctx), error) else { return };
    let manner = Manner {
        version: Version::Http11,
        head_only: false,
        close: true,
        case: NameCase::Lower,
        timeout: entry.plan.timeouts.client,
    };
    if send(io, &ctx, &mut response, manner).await.is_ok() {
        drop(response);
        linger(io).await;
    }
}

async fn tunnel(io: &ClientIo, entry: &Entry, ctx: &Ctx, upstream: crate::stack::endpoint::Upstream) {
    let early = io.input.take().buffer;
    let limits = relay::Limits {
        client: entry.plan.timeouts.tunnel.or(entry.plan.timeouts.client),
        server: entry.plan.timeouts.tunnel.or(upstream.timeout()),
        client_fin: entry.plan.timeouts.client_fin,
        server_fin: entry.plan.timeouts.server_fin,
    };
    let (server, late, permit) = upstream.into_parts();
    let ended = relay::run(
        relay::End { stream: &io.stream, early },
        relay::End { stream: &server, early: late },
        limits,
    )
    .await;
    ctx.add_in(usize::try_from(ended.to_server).unwrap_or(usize::MAX));
    ctx.add_out(usize::try_from(ended.to_client).unwrap_or(usize::MAX));
    drop(permit);
    match ended.error {
        Some(error) => ctx.end(error),
        None => ctx.phase.set(Phase::Done),
    }
}
