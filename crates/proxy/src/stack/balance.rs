//! **What** picks a server and waits for one when all are full · **reads** the pool, `tried` · **writes** `server`, `tried`,
//! `picked_at` · **why here** inside the redispatch, so that every attempt picks anew, under one short lock.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use lb_core::{Pick, PickInput, ServerId};
use tokio::sync::oneshot;

use super::endpoint::{Endpoint, Failed, Sent};
use crate::clock;
use crate::ctx::{Ctx, Phase};
use crate::error::ProxyError;
use crate::message::{Request, Response};
use crate::net::within;
use crate::objects::{Backend, Server};

/// A server's place for one request. Held until the response body has ended.
#[derive(Debug)]
pub(crate) struct Permit {
    backend: Arc<Backend>,
    server: Arc<Server>,
    pub(crate) id: ServerId,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.server.sessions.fetch_sub(1, Ordering::Relaxed);
        self.backend.release(self.id);
    }
}

/// A backend on one worker.
#[derive(Debug, Clone)]
pub(crate) struct Balance {
    pub(crate) backend: Arc<Backend>,
    pub(crate) endpoints: Rc<Vec<Rc<Endpoint>>>,
}

impl Balance {
    /// Sends the request to a server: to `same` when given, otherwise to one picked now.
    pub(crate) async fn attempt(
        &self,
        request: Box<Request>,
        same: Option<ServerId>,
    ) -> Result<Box<Response>, Failed> {
        let permit = match self.permit(&request.ctx, same).await {
            Ok(permit) => permit,
            Err(error) => return Err(Failed { request, error, sent: Sent::Answered }),
        };
        self.endpoint(&permit).call(request, permit).await
    }

    /// The server a permit is for, as this worker sees it: endpoints stand in the order of the pool.
    pub(crate) fn endpoint(&self, permit: &Permit) -> &Rc<Endpoint> {
        &self.endpoints[permit.id.0 as usize]
    }

    /// A place on a server: on `same` when given, otherwise on one picked now, waiting in the queue while all are full.
    pub(crate) async fn permit(&self, ctx: &Ctx, same: Option<ServerId>) -> Result<Permit, ProxyError> {
        if let Some(id) = same {
            self.backend.pool().acquire(id);
            return Ok(self.granted(ctx, id));
        }
        let hash = ctx.client.map(|c| lb_core::source_hash(&c.ip()));
        let id = match self.pick_or_queue(ctx, hash) {
            Picked::Server(id) => id,
            Picked::Queued(place) => self.wait(ctx, place).await?,
            Picked::Nobody => return Err(ProxyError::NoServer),
        };
        Ok(self.granted(ctx, id))
    }

    fn granted(&self, ctx: &Ctx, id: ServerId) -> Permit {
        let endpoint = &self.endpoints[id.0 as usize];
        let sessions = endpoint.server.sessions.fetch_add(1, Ordering::Relaxed) + 1;
        endpoint.server.sessions_max.observe(u64::from(sessions));
        let now = clock::recent();
        endpoint.metrics.picked(now);
        ctx.endpoint.replace(Some(Rc::clone(endpoint)));
        ctx.tried.borrow_mut().insert(id);
        ctx.picked_at.set(Some(now));
        Permit { backend: Arc::clone(&self.backend), server: Arc::clone(&endpoint.server), id }
    }

    fn pick_or_queue(&self, ctx: &Ctx, hash: Option<u64>) -> Picked {
        let mut pool = self.backend.pool();
        let tried = ctx.tried.borrow();
        let input = PickInput { hash, entropy: crate::entropy::next(), tried: &tried };
        match pool.pick(&input) {
            Pick::Server(id) => {
                pool.acquire(id);
                Picked::Server(id)
            }
            Pick::Saturated(server) => {
                let positions = [
                    server.map_or(0, |id| pool.queued(id)),
                    u32::try_from(pool.backend_queued()).unwrap_or(u32::MAX),
                ];
                let Some(ticket) = pool.enqueue(server) else { return Picked::Nobody };
                ctx.queue_positions.set(positions);
                self.backend.queue_max.observe(u64::from(positions[1]) + 1);
                let (sender, receiver) = oneshot::channel();
                // Registered before the pool is unlocked: the turn may come at once.
                self.backend.await_turn(ticket, sender);
                drop(pool);
                Picked::Queued(Place { backend: Arc::clone(&self.backend), ticket: Some(ticket), receiver })
            }
            Pick::None => Picked::Nobody,
        }
    }

    async fn wait(&self, ctx: &Ctx, mut place: Place) -> Result<ServerId, ProxyError> {
        ctx.phase.set(Phase::Queue);
        let timeouts = self.backend.plan().timeouts;
        let limit = timeouts.queue.or(timeouts.connect);
        let granted = within(limit, &mut place.receiver).await;
        clock::now();
        match granted {
            Some(Ok(id)) => {
                place.ticket = None;
                Ok(id)
            }
            Some(Err(_)) => Err(ProxyError::NoServer),
            None => Err(ProxyError::QueueTimeout),
        }
    }
}

enum Picked {
    Server(ServerId),
    Queued(Place),
    Nobody,
}

/// A place in the queue; given up when dropped.
struct Place {
    backend: Arc<Backend>,
    ticket: Option<lb_core::Ticket>,
    receiver: oneshot::Receiver<ServerId>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        if !self.backend.leave_queue(ticket) {
            // The turn was granted while the request gave up: it goes to the next one.
            if let Ok(id) = self.receiver.try_recv() {
                self.backend.release(id);
            }
        }
    }
}
