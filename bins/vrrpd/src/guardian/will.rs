//! What the worker leaves to be done when it is gone.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use vip_netlink::{LastWord, Removals};

use crate::log::say;

/// What is left of one virtual router: requests that take its addresses away, and the packets that say so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Will {
    /// The virtual router, for the log.
    pub(crate) name: String,
    /// [`Removals`] as bytes.
    pub(crate) removals: Vec<u8>,
    /// Advertisements of priority 0; none unless it is Active.
    pub(crate) words: Vec<Word>,
}

/// [`LastWord`], to be sent through a pipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Word {
    pub(crate) ifindex: u32,
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) ttl: u8,
    pub(crate) payload: Vec<u8>,
}

impl Will {
    pub(crate) fn is_empty(&self) -> bool {
        self.removals.is_empty() && self.words.is_empty()
    }

    /// Takes the addresses away. What fails is said; the lease then does it.
    pub(super) fn remove(&self) {
        if self.removals.is_empty() {
            return;
        }
        let removed = Removals::from_bytes(self.removals.clone()).and_then(|removals| removals.carry_out());
        say(&format!("({}) removing VIPs.", self.name));
        if let Err(error) = removed {
            say(&format!("({}) {error}", self.name));
        }
    }

    /// Tells the others that this router has gone.
    pub(super) fn speak(&self) {
        let mut sent = false;
        for Word { ifindex, src, dst, ttl, payload } in &self.words {
            let (ifindex, src, dst, ttl) = (*ifindex, *src, *dst, *ttl);
            match (LastWord { ifindex, src, dst, ttl, payload: payload.clone() }).send() {
                Ok(()) => sent = true,
                Err(error) => say(&format!("({}) {error}", self.name)),
            }
        }
        if sent {
            say(&format!("({}) sent 0 priority", self.name));
        }
    }
}
