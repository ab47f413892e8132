//! One HTTP client connection: its requests one after the other, until one side wants no more.

use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::watch;
use tower::Service;

use super::send::{Manner, send};
use super::{ClientBody, ClientIo, linger::linger};
use crate::clock;
use crate::ctx::{Ctx, Phase};
use crate::entry::Entry;
use crate::error::ProxyError;
use crate::h1::{self, BodyDecoder, ConnectionOptions, NameCase, RequestHead, Version};
use crate::message::{Request, Response, ResponseBody};
use crate::net::{Deadline, Stream, Vigil};
use crate::relay;
use crate::stack::FrontendService;

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// The client's address; `None` for a Unix socket.
    pub(crate) address: Option<SocketAddr>,
    /// The address it connected to, where that is logged.
    pub(crate) local: Option<SocketAddr>,
}

/// Serves one client until its connection ends. `stop` turns true when the process wants to stop: idle connections end at
/// once, busy ones after their response.
pub(crate) async fn serve(stream: Stream, peer: Peer, entry: Rc<Entry>, mut stop: watch::Receiver<bool>) {
    let mut client = Client {
        io: Rc::new(ClientIo::new(stream)),
        text: peer.address.map(|a| text(a.ip().to_canonical())).unwrap_or_default(),
        peer,
        service: entry.service.clone(),
        entry: Rc::clone(&entry),
        stop: stop.clone(),
    };
    let mut stopping = pin!(stop.wait_for(|stop| *stop));
    let mut registered = false;
    let mut patience = Patience {
        first: Deadline::new(entry.timeouts.request),
        idle: Deadline::new(entry.timeouts.keep_alive),
        whole: Deadline::new(entry.timeouts.request),
    };
    let mut first = true;
    loop {
        let arrival = next_head(&client.io, &entry, first, &mut patience, |cx| {
            // Once this task is to be woken, looking is enough.
            let ready = if registered { client.is_stopping() } else { stopping.as_mut().poll(cx).is_ready() };
            registered = true;
            ready
        })
        .await;
        let (head, started) = match arrival {
            Arrival::Request(head, started) => (head, started),
            Arrival::Nothing => return,
            Arrival::Failed(error, started) => {
                let ctx = Rc::new(Ctx::new(peer.address, started, first));
                refuse(&client.io, &entry, ctx, error).await;
                return;
            }
        };
        let again = client.exchange(head, started, first).await;
        if !again {
            return;
        }
        first = false;
    }
}

/// An address as text.
fn text(address: IpAddr) -> Bytes {
    let IpAddr::V4(address) = address else { return Bytes::from(address.to_string()) };
    // What std does costs as much as the parsing of a small request.
    let mut out = Vec::with_capacity(15);
    for octet in address.octets() {
        if !out.is_empty() {
            out.push(b'.');
        }
        let digits = [octet / 100, octet / 10 % 10, octet % 10].map(|digit| b'0' + digit);
        let first = usize::from(octet < 100) + usize::from(octet < 10);
        out.extend_from_slice(&digits[first..]);
    }
    Bytes::from(out)
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
    let accepted = if first { clock::now() } else { clock::recent() };
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
                    started.get_or_insert_with(clock::recent);
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

/// A client and what serves it.
struct Client {
    io: Rc<ClientIo>,
    peer: Peer,
    /// Its address as text.
    text: Bytes,
    entry: Rc<Entry>,
    service: FrontendService,
    stop: watch::Receiver<bool>,
}

impl Client {
    /// Whether the process has been told to stop since the connection began.
    fn is_stopping(&self) -> bool {
        self.stop.has_changed().unwrap_or(true)
    }

    /// One request and its response. Says whether the connection may carry another.
    async fn exchange(&mut self, mut head: RequestHead, started: Instant, first: bool) -> bool {
        let (io, entry) = (&self.io, &self.entry);
        let mut ctx = Ctx::new(self.peer.address, started, first);
        ctx.client_text = self.text.clone();
        ctx.local = self.peer.local;
        ctx.add_in(head.size());
        let framing = match h1::request_framing(&mut head) {
            Ok(framing) => framing,
            Err(bad) => {
                // Logged as a request that could not be read: what it says of itself cannot be trusted.
                refuse(io, entry, Rc::new(ctx), bad.into()).await;
                return false;
            }
        };
        ctx.head_time = clock::recent().saturating_duration_since(started);
        if entry.sink.writes() {
            ctx.line = head.line_bytes();
        }
        let ctx = Rc::new(ctx);
        let options = ConnectionOptions::read(&head.headers);
        let version = head.version;
        let head_only = head.method() == b"HEAD";
        let client_persists = options.persistent(version);
        let persistent = client_persists && !framing.must_close;
        io.decoder.set(BodyDecoder::new(framing.body));
        let body = ClientBody::new(Rc::clone(io), Rc::clone(&ctx), entry.plan.timeouts.client);
        let request = Box::new(Request { head, length: framing.body, options, body, ctx: Rc::clone(&ctx) });

        let answered = answer(io, &mut self.service, &ctx, entry.plan.abortonclose, request).await;
        let Some(mut response) = answered else { return false };
        let unread = !io.decoder.get().is_done();
        let manner = Manner {
            version,
            head_only,
            close: !persistent || self.is_stopping() || unread || entry.closes,
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
        // A client that said it would send nothing more needs no waiting for.
        if !again && (client_persists || unread || !io.input.borrow().buffer.is_empty()) {
            linger(io).await;
        }
        again
    }
}

/// Runs the stack; `None` when the client left before there was a response.
async fn answer(
    io: &ClientIo,
    service: &mut FrontendService,
    ctx: &Ctx,
    abort_on_close: bool,
    request: Box<Request>,
) -> Option<Box<Response>> {
    let mut answer = pin!(service.call(request));
    let mut vigil = Vigil::default();
    poll_fn(|cx| {
        if let Poll::Ready(response) = answer.as_mut().poll(cx) {
            return Poll::Ready(response.ok());
        }
        if !io.stream.is_watched() && !abort_on_close && vigil.poll(cx).is_pending() {
            return Poll::Pending;
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
    let early = io.input.take().into_buffer();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_std_does() {
        for last in 0..=u8::MAX {
            for address in [IpAddr::from([192, 0, 2, last]), IpAddr::from([last, 9, 10, 0])] {
                assert_eq!(text(address), address.to_string());
            }
        }
        assert_eq!(text("2001:db8::1".parse().unwrap()), "2001:db8::1");
    }
}
