//! Requests that wait for a slot.

use super::{Pick, PickInput, Pool};
use crate::queue::Ticket;
use crate::server::ServerId;
use crate::tried::Tried;

impl Pool {
    /// Waits for one server or for any. `None`: that server's queue is full.
    pub fn enqueue(&mut self, server: Option<ServerId>) -> Option<Ticket> {
        if let Some(id) = server {
            let server = &mut self.servers[id.index()];
            if server.is_queue_full() {
                return None;
            }
            server.queued += 1;
            self.update(id);
        }
        Some(self.queue.enqueue(server))
    }

    /// Gives up waiting (timeout, client gone). `false`: the request does not wait any more, so it holds a
    /// slot that [`release`](Self::release) or [`dispatch`](Self::dispatch) gave it, or it was flushed.
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        let Some(place) = self.queue.cancel(ticket) else { return false };
        if let Some(id) = place {
            self.servers[id.index()].queued -= 1;
            self.update(id);
        }
        true
    }

    /// Gives a free slot to a waiting request, which is in flight from now on. To be called until `None`
    /// after changes that open slots other than by a release: a server came up, its maxconn grew, a queue
    /// was [shared](Self::share_queue).
    pub fn dispatch(&mut self) -> Option<(Ticket, ServerId)> {
        let (ticket, id) = self.next_own_waiting().or_else(|| self.next_shared_waiting())?;
        self.acquire(id);
        Some((ticket, id))
    }

    /// Lets the requests that wait for a server wait for any instead (maintenance, or redispatch when it
    /// goes down). Returns how many.
    pub fn share_queue(&mut self, id: ServerId) -> usize {
        self.servers[id.index()].queued = 0;
        self.update(id);
        self.queue.share(id)
    }

    /// Sends everyone away who waits for any server, oldest first: no server is left to wait for.
    pub fn flush_queue(&mut self) -> Vec<Ticket> {
        std::iter::from_fn(|| self.queue.pop_shared()).collect()
    }

    /// Requests that wait for any server.
    pub fn backend_queued(&self) -> usize {
        self.queue.shared_len()
    }

    /// Takes the next request for a free slot of one server from the queues: those that wait for this very
    /// server first.
    pub(super) fn next_waiting(&mut self, id: ServerId) -> Option<Ticket> {
        let server = &mut self.servers[id.index()];
        if server.is_saturated() {
            return None;
        }
        if server.queued > 0 && server.accepts_persistent() {
            server.queued -= 1;
            return self.queue.pop_own(id);
        }
        if server.in_rotation { self.queue.pop_shared() } else { None }
    }

    fn next_own_waiting(&mut self) -> Option<(Ticket, ServerId)> {
        if self.queue.own_len() == 0 {
            return None;
        }
        let has_room = |id: &ServerId| {
            let server = &self.servers[id.index()];
            server.accepts_persistent() && !server.is_saturated()
        };
        let id = self.queue.awaited().find(has_room)?;
        let ticket = self.next_waiting(id)?;
        Some((ticket, id))
    }

    fn next_shared_waiting(&mut self) -> Option<(Ticket, ServerId)> {
        let first = self.queue.first_shared()?;
        let mut full = Tried::default();
        let id = loop {
            // The order of arrival has decided who is next; any number will do for where it goes.
            let pick = self.pick(&PickInput { hash: None, entropy: first.0, tried: &full });
            match pick {
                Pick::Server(id) => break id,
                // The number points at a server without room, but this request waits for any server.
                Pick::Saturated(Some(id)) => full.insert(id),
                Pick::Saturated(None) | Pick::None => return None,
            }
        };
        self.queue.pop_shared().map(|ticket| (ticket, id))
    }
}
