//! TCP mode: one server connection for one client connection, bytes both ways.

use std::rc::Rc;
use std::time::Instant;

use bytes::BytesMut;

use crate::client::Peer;
use crate::ctx::{Ctx, Phase};
use crate::entry::Entry;
use crate::error::ProxyError;
use crate::metrics::account;
use crate::net::Stream;
use crate::relay;
use crate::stack::balance::{Balance, Permit};
use crate::stack::endpoint::{Sent, connect, connection_failed};
use crate::stack::redispatch::prepare;

/// Serves one TCP session to its end.
pub(crate) async fn serve(client: Stream, peer: Peer, entry: Rc<Entry>) {
    let mut ctx = Ctx::new(peer.address, Instant::now(), true);
    ctx.local = peer.local;
    ctx.phase.set(Phase::Queue);
    if let Err(error) = session(&client, &ctx, &entry).await {
        ctx.end(error);
    }
    account(&ctx, &entry.metrics);
    entry.sink.session(&ctx);
}

async fn session(client: &Stream, ctx: &Ctx, entry: &Entry) -> Result<(), ProxyError> {
    let (destination, balance) = entry.tcp.as_ref().ok_or(ProxyError::NoServer)?;
    destination.enter(ctx);
    let (server, permit) = open(balance, ctx).await?;
    ctx.phase.set(Phase::Data);
    let backend = balance.backend.plan().timeouts;
    let limits = relay::Limits {
        client: backend.tunnel.or(entry.plan.timeouts.client),
        server: backend.tunnel.or(backend.server),
        client_fin: entry.plan.timeouts.client_fin,
        server_fin: backend.server_fin,
    };
    let end = |stream| relay::End { stream, early: BytesMut::new() };
    let ended = relay::run(end(client), end(&server), limits).await;
    drop(permit);
    ctx.bytes_in.set(ended.to_server);
    ctx.bytes_out.set(ended.to_client);
    ended.error.map_or(Ok(()), Err)
}

/// A connection to a server: another is tried while one fails, since nothing has been sent yet.
async fn open(balance: &Balance, ctx: &Ctx) -> Result<(Stream, Permit), ProxyError> {
    let plan = balance.backend.plan();
    let mut same = None;
    loop {
        let permit = balance.permit(ctx, same).await?;
        let endpoint = Rc::clone(balance.endpoint(&permit));
        ctx.phase.set(Phase::Connect);
        endpoint.metrics.connecting();
        match connect(&endpoint.server.address, plan.timeouts.connect).await {
            Ok(stream) => {
                ctx.connected_at.set(Some(Instant::now()));
                return Ok((stream, permit));
            }
            Err(error) => {
                connection_failed(&endpoint.server, error);
                endpoint.metrics.connection_failed();
                drop(permit);
                if ctx.retries.get() >= plan.retries {
                    return Err(error);
                }
                same = prepare(balance, ctx, Sent::Nothing).await;
            }
        }
    }
}
