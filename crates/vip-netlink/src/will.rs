//! What a process leaves for another one to do when it is gone: requests and packets as bytes, and calls that need no
//! runtime.

use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, sendto, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::address::{self, AddressKey};
use crate::link::{self, LinkChange};
use crate::netlink::NetlinkError;
use crate::netlink::constants::NETLINK_CAP_ACK;
use crate::netlink::request::Request;
use crate::netlink::wire::{Body, decode};
use crate::route::{self, Route};
use crate::rule::{self, Rule};
use crate::sys;
use crate::vrrp_socket::{VrrpSocketError, send_once};

/// The kernel answers within the call that sends; longer waiting means that it does not answer.
const ANSWER: Duration = Duration::from_millis(200);
const OPERATION: &str = "remove what a dead process held";

/// Requests that remove what a process holds, in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removals {
    bytes: Vec<u8>,
    count: u32,
}

impl Removals {
    /// Nothing to remove.
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes an address.
    pub fn address(&mut self, key: AddressKey) {
        self.push(&address::remove_request(key));
    }

    /// Removes a route.
    pub fn route(&mut self, route: &Route) {
        self.push(&route::remove_request(route));
    }

    /// Removes a rule.
    pub fn rule(&mut self, rule: &Rule) {
        self.push(&rule::remove_request(rule));
    }

    /// Lets the other addresses of a subnet on this link go with the first one again.
    pub fn promotion(&mut self, ifindex: u32) {
        let change = LinkChange { promotes: Some(false), ..LinkChange::default() };
        self.push(&link::change_request(ifindex, &change));
    }

    /// Takes a link down.
    pub fn link_down(&mut self, ifindex: u32) {
        let change = LinkChange { up: Some(false), ..LinkChange::default() };
        self.push(&link::change_request(ifindex, &change));
    }

    /// Nothing was added.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The requests as the kernel reads them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What [`as_bytes`](Self::as_bytes) gave, in another process.
    ///
    /// # Errors
    /// [`NetlinkError::Malformed`] when the bytes are no netlink messages.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, NetlinkError> {
        let count = u32::try_from(decode(&bytes)?.len()).unwrap_or(u32::MAX);
        Ok(Self { bytes, count })
    }

    /// Sends all of them and waits for the answers, on a socket of its own in the network namespace of the caller. What
    /// is not there any more is no failure; one that is refused does not keep back the others.
    ///
    /// # Errors
    /// The first refusal, or that there was no answer within 200 ms. Needs `CAP_NET_ADMIN`.
    pub fn carry_out(&self) -> Result<(), NetlinkError> {
        if self.is_empty() {
            return Ok(());
        }
        let flags = SockFlag::SOCK_CLOEXEC;
        let open = |error: Errno| NetlinkError::Open(error.into());
        let fd =
            socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute).map_err(open)?;
        let limit = TimeVal::milliseconds(i64::try_from(ANSWER.as_millis()).unwrap_or(i64::MAX));
        setsockopt(&fd, sockopt::ReceiveTimeout, &limit).map_err(open)?;
        // Without it the kernel repeats each request that it refuses.
        let _ = sys::enable_netlink_option(fd.as_fd(), NETLINK_CAP_ACK);
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0)).map_err(open)?;
        let failed = |errno: Errno| NetlinkError::Io(errno.into());
        sendto(fd.as_raw_fd(), &self.bytes, &NetlinkAddr::new(0, 0), MsgFlags::empty()).map_err(failed)?;

        let mut buffer = vec![0; 64 * 1024];
        let mut refused = None;
        let mut waiting = self.count;
        while waiting > 0 {
            let length = recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty()).map_err(failed)?;
            for message in decode(&buffer[..length])? {
                let Body::Ack { errno, explanation } = message.body else { continue };
                waiting = waiting.saturating_sub(1);
                let gone = [
                    0,
                    Errno::EADDRNOTAVAIL as i32,
                    Errno::ENODEV as i32,
                    Errno::ESRCH as i32,
                    Errno::ENOENT as i32,
                ];
                if !gone.contains(&errno) && refused.is_none() {
                    refused = Some(NetlinkError::refusal(OPERATION, errno, explanation));
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }

    fn push(&mut self, request: &Request) {
        self.count += 1;
        self.bytes.extend(request.seal(self.count));
    }
}

/// A VRRP packet that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWord {
    /// Interface index.
    pub ifindex: u32,
    /// Source address; it need not be configured.
    pub src: IpAddr,
    /// The group, or a peer.
    pub dst: IpAddr,
    /// TTL or hop limit for a peer; packets to a group have 255.
    pub ttl: u8,
    /// The VRRP packet with its checksum.
    pub payload: Vec<u8>,
}

impl LastWord {
    /// Sends it through a socket of its own, in the network namespace of the caller. Does not wait.
    ///
    /// # Errors
    /// [`VrrpSocketError`]: the interface is gone or down, there is no route, `CAP_NET_RAW` is missing.
    pub fn send(&self) -> Result<(), VrrpSocketError> {
        send_once(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removals_survive_the_way_to_another_process() {
        let mut removals = Removals::new();
        assert!(removals.is_empty());
        let key = |host: u8| AddressKey::new(2, [192, 0, 2, host].into(), 32);
        removals.address(key(10));
        removals.address(key(11));
        removals.link_down(3);
        let arrived = Removals::from_bytes(removals.as_bytes().to_vec()).unwrap();
        assert_eq!(arrived, removals);
        assert_eq!(arrived.count, 3);
    }

    #[test]
    fn bytes_that_are_no_requests_are_refused() {
        let mut removals = Removals::new();
        removals.address(AddressKey::new(2, [192, 0, 2, 10].into(), 32));
        let cut = removals.as_bytes()[..20].to_vec();
        assert!(Removals::from_bytes(cut).is_err());
    }
}
