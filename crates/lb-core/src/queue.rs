//! Requests that wait for a slot: one queue for each server and one for the backend.

use crate::server::ServerId;
use std::collections::{BTreeMap, BTreeSet};

/// A place in a queue; tickets of one pool are ordered by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// Who waits for what, first come first served within each queue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    next: u64,
    shared: BTreeSet<Ticket>,
    own: BTreeMap<ServerId, BTreeSet<Ticket>>,
    /// Which queue each ticket is in; `None` is the backend's.
    place: BTreeMap<Ticket, Option<ServerId>>,
}

impl Queue {
    /// Waits for one server, or for any.
    pub(crate) fn enqueue(&mut self, server: Option<ServerId>) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.place.insert(ticket, server);
        match server {
            Some(id) => self.own.entry(id).or_default().insert(ticket),
            None => self.shared.insert(ticket),
        };
        ticket
    }

    /// Gives up waiting. `Some` tells which queue it was in; `None`: it waits no more.
    pub(crate) fn cancel(&mut self, ticket: Ticket) -> Option<Option<ServerId>> {
        let place = self.place.remove(&ticket)?;
        match place {
            Some(id) => self.own.get_mut(&id).is_some_and(|queue| queue.remove(&ticket)),
            None => self.shared.remove(&ticket),
        };
        Some(place)
    }

    /// The next one that waits for this very server.
    pub(crate) fn pop_own(&mut self, id: ServerId) -> Option<Ticket> {
        let ticket = self.own.get_mut(&id)?.pop_first()?;
        self.place.remove(&ticket);
        Some(ticket)
    }

    /// The oldest one that waits for any server, which stays.
    pub(crate) fn first_shared(&self) -> Option<Ticket> {
        self.shared.first().copied()
    }

    /// The next one that waits for any server.
    pub(crate) fn pop_shared(&mut self) -> Option<Ticket> {
        let ticket = self.shared.pop_first()?;
        self.place.remove(&ticket);
        Some(ticket)
    }

    /// Lets those that wait for this server wait for any instead, in order of arrival. Returns how many.
    pub(crate) fn share(&mut self, id: ServerId) -> usize {
        let moved = self.own.remove(&id).unwrap_or_default();
        for &ticket in &moved {
            self.place.insert(ticket, None);
        }
        let count = moved.len();
        self.shared.extend(moved);
        count
    }

    /// How many wait for any server.
    pub(crate) fn shared_len(&self) -> usize {
        self.shared.len()
    }

    /// How many wait for one server or another, all servers together.
    pub(crate) fn own_len(&self) -> usize {
        self.place.len() - self.shared.len()
    }

    /// The servers that somebody waits for, in declaration order.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = ServerId> {
        self.own.iter().filter(|(_, queue)| !queue.is_empty()).map(|(&id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ServerId = ServerId(0);
    const B: ServerId = ServerId(1);

    #[test]
    fn each_queue_is_first_come_first_served() {
        let mut queue = Queue::default();
        let [a1, any1, a2, any2] = [Some(A), None, Some(A), None].map(|server| queue.enqueue(server));
        assert_eq!((queue.own_len(), queue.shared_len()), (2, 2));
        assert_eq!(queue.pop_own(A), Some(a1));
        assert_eq!(queue.pop_own(B), None);
        assert_eq!(queue.pop_own(A), Some(a2));
        assert_eq!(queue.pop_shared(), Some(any1));
        assert_eq!(queue.pop_shared(), Some(any2));
        assert_eq!(queue.pop_shared(), None);
    }

    #[test]
    fn cancelled_ticket_is_never_served() {
        let mut queue = Queue::default();
        let first = queue.enqueue(Some(A));
        let second = queue.enqueue(Some(A));
        assert_eq!(queue.cancel(first), Some(Some(A)));
        assert_eq!(queue.cancel(first), None);
        assert_eq!(queue.pop_own(A), Some(second));
        assert_eq!(queue.cancel(second), None, "served tickets cannot be cancelled");
    }

    #[test]
    fn shared_tickets_keep_their_age() {
        let mut queue = Queue::default();
        let old = queue.enqueue(Some(A));
        let young = queue.enqueue(None);
        assert_eq!(queue.awaited().collect::<Vec<_>>(), [A]);
        assert_eq!(queue.share(A), 1);
        assert_eq!(queue.share(A), 0);
        assert_eq!(queue.pop_shared(), Some(old));
        assert_eq!(queue.cancel(young), Some(None));
    }
}
