//! What happened inside the node since it booted, for whoever asks, however late.

use super::protocol::{NodeChange, NodeEvent, tell};
use crate::clock::Stamp;
use crate::sync::lock;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, PoisonError};

#[derive(Default)]
pub(super) struct EventLog {
    events: Mutex<Vec<NodeEvent>>,
    grown: Condvar,
}

impl EventLog {
    pub(super) fn push(&self, change: NodeChange) {
        // The reading is taken under the lock, so that the log is in the order of its times.
        let mut events = lock(&self.events);
        events.push(NodeEvent { at: Stamp::now(), change });
        self.grown.notify_all();
    }

    /// Sends every event, past and future, until the listener goes away.
    pub(super) fn stream_to(&self, to: &mut impl Write) -> io::Result<()> {
        let mut sent = 0;
        loop {
            let fresh: Vec<NodeEvent> = {
                let events = self
                    .grown
                    .wait_while(lock(&self.events), |events| events.len() == sent)
                    .unwrap_or_else(PoisonError::into_inner);
                events[sent..].to_vec()
            };
            for event in &fresh {
                tell(to, event)?;
            }
            sent += fresh.len();
        }
    }
}
