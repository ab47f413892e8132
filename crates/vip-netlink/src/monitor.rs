//! Hearing of changes to links and addresses as they happen.

use std::collections::VecDeque;

use crate::handle::Handle;
use crate::netlink::constants::{RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, RTMGRP_LINK};
use crate::netlink::socket::NetlinkSocket;
use crate::netlink::{Body, NetlinkError};
use crate::view::{Event, NetworkView};

/// A stream of changes to the links and addresses of a network namespace.
///
/// It keeps a view of both, so that each event is a real change: a renewed lease, or a report repeated, is none.
/// When the kernel drops reports, the monitor says so, reads the tables again and goes on with the differences.
#[derive(Debug)]
pub struct Monitor {
    reports: NetlinkSocket,
    tables: Handle,
    view: NetworkView,
    pending: VecDeque<Event>,
    stale: bool,
}

impl Monitor {
    /// Starts to listen and reads the tables. What is there by then is in [`Monitor::view`] and not an event.
    ///
    /// # Errors
    /// When no socket can be had or the tables cannot be read.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub async fn open() -> Result<Self, NetlinkError> {
        let groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
        let mut monitor = Self {
            reports: NetlinkSocket::open(groups)?,
            tables: Handle::open()?,
            view: NetworkView::default(),
            pending: VecDeque::new(),
            stale: true,
        };
        monitor.read_tables().await?;
        monitor.pending.clear();
        Ok(monitor)
    }

    /// The links and addresses as of the events of [`Monitor::next`] and those it has yet to return.
    pub fn view(&self) -> &NetworkView {
        &self.view
    }

    /// Waits for the next change. Cancel-safe: dropping the future loses no event.
    ///
    /// # Errors
    /// When the tables cannot be read or the socket fails; calling again tries again.
    pub async fn next(&mut self) -> Result<Event, NetlinkError> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(event);
            }
            if self.stale {
                self.read_tables().await?;
                continue;
            }
            match self.reports.receive().await {
                Ok(messages) => {
                    for message in messages {
                        if message.body == Body::Overrun {
                            self.overrun();
                        }
                        self.pending.extend(self.view.apply(message.body));
                    }
                }
                Err(NetlinkError::Overrun) => self.overrun(),
                Err(NetlinkError::Malformed(error)) => {
                    tracing::warn!(%error, "unreadable netlink notification: reading the tables again");
                    self.overrun();
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn overrun(&mut self) {
        self.stale = true;
        self.pending.push_back(Event::Overrun);
    }

    /// What is queued is older than the tables and thrown away first; what arrives meanwhile is applied after them,
    /// and ends with the state that the kernel ends with.
    async fn read_tables(&mut self) -> Result<(), NetlinkError> {
        self.reports.drain();
        let links = self.tables.links().await?;
        let addresses = self.tables.addresses().await?;
        self.pending.extend(self.view.replace(links, addresses));
        self.stale = false;
        Ok(())
    }
}
