//! Reading and changing links and addresses.

use nix::errno::Errno;
use tokio::sync::Mutex;

use crate::address::{self, AddressInfo, AddressKey, VirtualAddress};
use crate::link::{self, LinkChange, NewLink};
use crate::link_info::{self, LinkInfo};
use crate::netlink::request::Request;
use crate::netlink::socket::NetlinkSocket;
use crate::netlink::{Body, NetlinkError};
use crate::plan::Step;
use crate::route::{self, Route};
use crate::rule::{self, Rule};

/// The kernel's links and addresses, in the network namespace in which the handle was opened.
///
/// Each call is awaited until the kernel has acknowledged it; concurrent calls queue. Changes need `CAP_NET_ADMIN`.
#[derive(Debug)]
pub struct Handle {
    socket: Mutex<NetlinkSocket>,
}

impl Handle {
    /// Opens a netlink socket.
    ///
    /// # Errors
    /// [`NetlinkError::Open`].
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub fn open() -> Result<Self, NetlinkError> {
        Ok(Self { socket: Mutex::new(NetlinkSocket::open(0)?) })
    }

    /// All links.
    ///
    /// # Errors
    /// When the kernel's table cannot be read.
    pub async fn links(&self) -> Result<Vec<LinkInfo>, NetlinkError> {
        let table = self.socket.lock().await.dump("list links", &link_info::dump_request()).await?;
        Ok(table
            .into_iter()
            .filter_map(|body| match body {
                Body::Link(link) => Some(link),
                _ => None,
            })
            .collect())
    }

    /// The link of that name.
    ///
    /// # Errors
    /// When the kernel's table cannot be read.
    pub async fn link(&self, name: &str) -> Result<Option<LinkInfo>, NetlinkError> {
        Ok(self.links().await?.into_iter().find(|link| link.name == name))
    }

    /// All IPv4 and IPv6 addresses.
    ///
    /// # Errors
    /// When the kernel's table cannot be read.
    pub async fn addresses(&self) -> Result<Vec<AddressInfo>, NetlinkError> {
        let table = self.socket.lock().await.dump("list addresses", &address::dump_request()).await?;
        Ok(table
            .into_iter()
            .filter_map(|body| match body {
                Body::Address(address) => Some(address),
                _ => None,
            })
            .collect())
    }

    /// Adds a virtual address, or starts its lease anew if it is there. Doing it again is harmless and does not
    /// disturb connections.
    ///
    /// # Errors
    /// [`NetlinkError::Denied`] without `CAP_NET_ADMIN`; [`NetlinkError::Refused`] with `ENODEV` when the interface
    /// is gone, with `EACCES` or `EINVAL` when IPv6 is switched off on it.
    pub async fn add(&self, address: &VirtualAddress) -> Result<(), NetlinkError> {
        self.execute("add an address", &address::add_virtual_request(address)).await
    }

    /// Adds a permanent address that is not marked as a virtual one: an interface's own, for ipvlans and labs.
    ///
    /// # Errors
    /// As [`Handle::add`].
    pub async fn add_own(&self, address: AddressKey) -> Result<(), NetlinkError> {
        self.execute("add an address", &address::add_own_request(address)).await
    }

    /// Removes an address. That it, or its interface, is not there is success.
    ///
    /// # Errors
    /// [`NetlinkError::Denied`] without `CAP_NET_ADMIN`.
    pub async fn remove(&self, address: AddressKey) -> Result<(), NetlinkError> {
        match self.execute("remove an address", &address::remove_request(address)).await {
            Err(error) if matches!(error.errno(), Some(Errno::EADDRNOTAVAIL | Errno::ENODEV)) => Ok(()),
            other => other,
        }
    }

    /// Carries out a plan, all of it: a step that fails does not keep back the ones after it. Returns the failures.
    pub async fn apply(&self, steps: &[Step]) -> Vec<(Step, NetlinkError)> {
        let mut failures = Vec::new();
        for step in steps {
            let result = match step {
                Step::Remove(key) => self.remove(*key).await,
                Step::Add(address) => self.add(address).await,
            };
            if let Err(error) = result {
                failures.push((step.clone(), error));
            }
        }
        failures
    }

    /// Creates a link.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with `EEXIST` when the name is taken, with `EOPNOTSUPP` when the kernel lacks the
    /// kind; [`NetlinkError::Denied`] without `CAP_NET_ADMIN`.
    pub async fn create_link(&self, link: &NewLink<'_>) -> Result<(), NetlinkError> {
        self.execute("create a link", &link::create_request(link)).await
    }

    /// Changes a link.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with `ENODEV` when it is gone; [`NetlinkError::Denied`] without `CAP_NET_ADMIN`.
    pub async fn set_link(&self, ifindex: u32, change: &LinkChange<'_>) -> Result<(), NetlinkError> {
        self.execute("change a link", &link::change_request(ifindex, change)).await
    }

    /// Deletes a link; with one end of a veth pair goes the other. That it is not there is success.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with `EOPNOTSUPP` for hardware; [`NetlinkError::Denied`] without `CAP_NET_ADMIN`.
    pub async fn delete_link(&self, ifindex: u32) -> Result<(), NetlinkError> {
        match self.execute("delete a link", &link::delete_request(ifindex)).await {
            Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(()),
            other => other,
        }
    }

    /// Adds a route. That it is there is success.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with `ENETUNREACH` when the gateway is on no prefix, with `ENODEV` when the interface
    /// is gone, with `EINVAL` for what makes no sense; [`NetlinkError::Denied`] without `CAP_NET_ADMIN`.
    pub async fn add_route(&self, route: &Route) -> Result<(), NetlinkError> {
        unless(Errno::EEXIST, self.execute("add a route", &route::add_request(route)).await)
    }

    /// Removes a route. That it is not there is success.
    ///
    /// # Errors
    /// As [`Handle::add_route`].
    pub async fn remove_route(&self, route: &Route) -> Result<(), NetlinkError> {
        let removed = self.execute("remove a route", &route::remove_request(route)).await;
        unless(Errno::ENODEV, unless(Errno::ESRCH, removed))
    }

    /// Adds a rule. That it is there is success.
    ///
    /// # Errors
    /// [`NetlinkError::Refused`] with `EINVAL` for what makes no sense; [`NetlinkError::Denied`] without
    /// `CAP_NET_ADMIN`.
    pub async fn add_rule(&self, rule: &Rule) -> Result<(), NetlinkError> {
        unless(Errno::EEXIST, self.execute("add a rule", &rule::add_request(rule)).await)
    }

    /// Removes a rule. That it is not there is success.
    ///
    /// # Errors
    /// As [`Handle::add_rule`].
    pub async fn remove_rule(&self, rule: &Rule) -> Result<(), NetlinkError> {
        unless(Errno::ENOENT, self.execute("remove a rule", &rule::remove_request(rule)).await)
    }

    async fn execute(&self, operation: &'static str, request: &Request) -> Result<(), NetlinkError> {
        self.socket.lock().await.execute(operation, request).await
    }
}

/// A refusal with this number is success.
fn unless(errno: Errno, result: Result<(), NetlinkError>) -> Result<(), NetlinkError> {
    result.or_else(|error| if error.errno() == Some(errno) { Ok(()) } else { Err(error) })
}
