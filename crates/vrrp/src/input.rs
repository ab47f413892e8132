//! What the driver tells the node.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::NodeConfig;
use crate::units::{Family, IfIndex};

/// A received packet of IP protocol 112.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ingress<'a> {
    /// The interface it came in on.
    pub iface: IfIndex,
    /// Source of the IP header.
    pub src: IpAddr,
    /// Destination of the IP header: the group, or an address of ours with unicast.
    pub dst: IpAddr,
    /// TTL or hop limit it arrived with.
    pub ttl: u8,
    /// The bytes after the IP header, as many as the IP header says there are (Ethernet padding cut off).
    #[cfg_attr(feature = "serde", serde(borrow))]
    pub payload: &'a [u8],
}

/// An interface as it is now. One that does not exist is not reported, or [`Node::handle_link_gone`](crate::Node::handle_link_gone).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Link {
    /// Up and running.
    pub up: bool,
    /// The IPv4 address to send from; never a virtual address.
    pub v4: Option<Ipv4Addr>,
    /// The IPv6 link-local address to send from; never a virtual address.
    pub v6: Option<Ipv6Addr>,
}

impl Link {
    /// The address to send from in a family.
    pub fn source(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.v4.map(IpAddr::V4),
            Family::V6 => self.v6.map(IpAddr::V6),
        }
    }
}

/// The state of something tracked, after rise and fall counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Health {
    /// No result yet.
    #[default]
    Unknown,
    /// Works.
    Up,
    /// Fails.
    Down,
    /// Says a number (`track_file`), which counts as often as the weight says. With weight 0 any number but 0 is a fault;
    /// with another weight, a product below −253 is.
    Number(i32),
}

/// What the operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Command {
    /// Take part in elections. Before it a node is silent.
    Start,
    /// Resign everywhere, remove all virtual addresses, be silent.
    Stop,
    /// Go over to another configuration. Virtual routers with the same interface, VRID and family keep role and timers.
    Reconfigure(NodeConfig),
}
