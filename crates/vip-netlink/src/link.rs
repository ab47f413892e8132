//! Links to create and changes to make: what labs and virtual router MAC addresses need.

use std::os::fd::{AsRawFd, BorrowedFd};

use crate::link_info::{ArpRules, MacAddress, header};
use crate::netlink::constants::{
    AF_INET, AF_INET6, IFF_UP, IFLA_ADDRESS, IFLA_AF_SPEC, IFLA_GROUP, IFLA_IFALIAS, IFLA_IFNAME,
    IFLA_INET_CONF, IFLA_INET6_ADDR_GEN_MODE, IFLA_INFO_DATA, IFLA_INFO_KIND, IFLA_IPVLAN_FLAGS,
    IFLA_IPVLAN_MODE, IFLA_LINK, IFLA_LINKINFO, IFLA_MACVLAN_MODE, IFLA_MASTER, IFLA_NET_NS_FD,
    IFLA_NET_NS_PID, IN6_ADDR_GEN_MODE_NONE, IPV4_DEVCONF_ARP_ANNOUNCE, IPV4_DEVCONF_ARP_IGNORE,
    IPV4_DEVCONF_PROMOTE_SECONDARIES, IPV4_DEVCONF_RP_FILTER, IPVLAN_F_PRIVATE, IPVLAN_F_VEPA,
    IPVLAN_MODE_L2, MACVLAN_MODE_PRIVATE, NLM_F_CREATE, NLM_F_EXCL, RTM_DELLINK, RTM_NEWLINK, RTM_SETLINK,
    VETH_INFO_PEER,
};
use crate::netlink::request::Request;

/// A network namespace to put a link into.
#[derive(Debug, Clone, Copy)]
pub enum Namespace<'a> {
    /// The one of a process.
    Pid(u32),
    /// The one behind a descriptor, such as an open `/proc/PID/ns/net`.
    Fd(BorrowedFd<'a>),
}

/// A link to create.
#[derive(Debug, Clone)]
pub struct NewLink<'a> {
    /// Name, 1 to 15 bytes.
    pub name: &'a str,
    /// Kind.
    pub kind: LinkKind<'a>,
    /// Hardware address; by default the kernel's choice.
    pub mac: Option<MacAddress>,
    /// Index of a bridge to be a port of.
    pub master: Option<u32>,
    /// Switch it on at once.
    pub up: bool,
}

impl<'a> NewLink<'a> {
    /// A link that is switched off and has the address that the kernel chooses.
    pub fn new(name: &'a str, kind: LinkKind<'a>) -> Self {
        Self { name, kind, mac: None, master: None, up: false }
    }
}

/// The kinds of link that can be created.
#[derive(Debug, Clone)]
pub enum LinkKind<'a> {
    /// A bridge (a switch) without spanning tree.
    Bridge,
    /// Two ends of a cable.
    Veth {
        /// Name of the other end.
        peer: &'a str,
        /// Hardware address of the other end.
        peer_mac: Option<MacAddress>,
        /// Where the other end is; by default in this namespace.
        peer_namespace: Option<Namespace<'a>>,
    },
    /// A second hardware address on an Ethernet link, in private mode: those of one parent do not see each other.
    Macvlan {
        /// Index of the link below.
        parent: u32,
    },
    /// A second link with the same hardware address, in mode L2: frames are told apart by their IP address.
    Ipvlan {
        /// Index of the link below.
        parent: u32,
        /// How those of one parent reach each other; the kernel wants it to be the same for all of them.
        mode: IpvlanMode,
    },
}

/// How ipvlans on one link reach each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IpvlanMode {
    /// Directly.
    #[default]
    Bridge,
    /// Not at all.
    Private,
    /// By way of a switch that sends frames back to where they come from.
    Vepa,
}

/// Changes to make to a link; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct LinkChange<'a> {
    /// Switch on or off.
    pub up: Option<bool>,
    /// New name; the link must be off on kernels before 6.3.
    pub name: Option<&'a str>,
    /// New hardware address.
    pub mac: Option<MacAddress>,
    /// Index of a bridge to be a port of, or 0 to leave the present one.
    pub master: Option<u32>,
    /// Move to another namespace. The link is switched off and loses its addresses.
    pub namespace: Option<Namespace<'a>>,
    /// Number of a group of links to be in.
    pub group: Option<u32>,
    /// A note that stays on the link, at most 255 bytes.
    pub alias: Option<&'a str>,
    /// How the link answers and asks.
    pub arp: Option<ArpRules>,
    /// Whether packets are taken whose answer would leave by another link: 0 all, 1 none, 2 those from reachable hosts
    /// (`net.ipv4.conf.NAME.rp_filter`).
    pub rp_filter: Option<u32>,
    /// Whether the others of a subnet stay when its first IPv4 address goes (`net.ipv4.conf.NAME.promote_secondaries`).
    pub promotes: Option<bool>,
    /// The kernel gives the link no IPv6 address by itself.
    pub no_link_local: bool,
}

pub(crate) fn create_request(link: &NewLink<'_>) -> Request {
    let up = if link.up { IFF_UP } else { 0 };
    let mut request = Request::acknowledged(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header(0, up, IFF_UP))
        .text(IFLA_IFNAME, link.name);
    if let Some(MacAddress(mac)) = &link.mac {
        request = request.attribute(IFLA_ADDRESS, mac);
    }
    if let Some(master) = link.master {
        request = request.number(IFLA_MASTER, master);
    }
    match &link.kind {
        LinkKind::Bridge => with_kind(request, "bridge", |data| data),
        LinkKind::Veth { peer, peer_mac, peer_namespace } => with_kind(request, "veth", |data| {
            data.nest(VETH_INFO_PEER, |mut end| {
                end = end.raw(&header(0, 0, 0)).text(IFLA_IFNAME, peer);
                if let Some(MacAddress(mac)) = peer_mac {
                    end = end.attribute(IFLA_ADDRESS, mac);
                }
                match peer_namespace {
                    Some(namespace) => with_namespace(end, *namespace),
                    None => end,
                }
            })
        }),
        LinkKind::Macvlan { parent } => with_kind(request.number(IFLA_LINK, *parent), "macvlan", |data| {
            data.number(IFLA_MACVLAN_MODE, MACVLAN_MODE_PRIVATE)
        }),
        LinkKind::Ipvlan { parent, mode } => {
            let flags = match mode {
                IpvlanMode::Bridge => 0,
                IpvlanMode::Private => IPVLAN_F_PRIVATE,
                IpvlanMode::Vepa => IPVLAN_F_VEPA,
            };
            with_kind(request.number(IFLA_LINK, *parent), "ipvlan", |data| {
                data.attribute(IFLA_IPVLAN_MODE, &IPVLAN_MODE_L2.to_ne_bytes())
                    .attribute(IFLA_IPVLAN_FLAGS, &flags.to_ne_bytes())
            })
        }
    }
}

pub(crate) fn change_request(ifindex: u32, change: &LinkChange<'_>) -> Request {
    let (flags, mask) = match change.up {
        Some(true) => (IFF_UP, IFF_UP),
        Some(false) => (0, IFF_UP),
        None => (0, 0),
    };
    let mut request = Request::acknowledged(RTM_SETLINK, 0, &header(ifindex, flags, mask));
    if let Some(name) = change.name {
        request = request.text(IFLA_IFNAME, name);
    }
    if let Some(MacAddress(mac)) = &change.mac {
        request = request.attribute(IFLA_ADDRESS, mac);
    }
    if let Some(master) = change.master {
        request = request.number(IFLA_MASTER, master);
    }
    if let Some(group) = change.group {
        request = request.number(IFLA_GROUP, group);
    }
    if let Some(alias) = change.alias {
        // Without the final zero of other texts: the kernel takes it for a part of the note.
        request = request.attribute(IFLA_IFALIAS, alias.as_bytes());
    }
    request = with_families(request, change);
    match change.namespace {
        Some(namespace) => with_namespace(request, namespace),
        None => request,
    }
}

fn with_families(request: Request, change: &LinkChange<'_>) -> Request {
    let announce = change.arp.map(|arp| (IPV4_DEVCONF_ARP_ANNOUNCE, arp.announce));
    let ignore = change.arp.map(|arp| (IPV4_DEVCONF_ARP_IGNORE, arp.ignore));
    let filter = change.rp_filter.map(|filter| (IPV4_DEVCONF_RP_FILTER, filter));
    let promotes = change.promotes.map(|promotes| (IPV4_DEVCONF_PROMOTE_SECONDARIES, u32::from(promotes)));
    let ipv4: Vec<(u16, u32)> = [announce, ignore, filter, promotes].into_iter().flatten().collect();
    if ipv4.is_empty() && !change.no_link_local {
        return request;
    }
    request.nest(IFLA_AF_SPEC, |mut families| {
        if !ipv4.is_empty() {
            families = families.nest(u16::from(AF_INET), |family| {
                family.nest(IFLA_INET_CONF, |conf| {
                    ipv4.iter().fold(conf, |conf, &(number, value)| conf.number(number, value))
                })
            });
        }
        if change.no_link_local {
            families = families.nest(u16::from(AF_INET6), |family| {
                family.attribute(IFLA_INET6_ADDR_GEN_MODE, &[IN6_ADDR_GEN_MODE_NONE])
            });
        }
        families
    })
}

pub(crate) fn delete_request(ifindex: u32) -> Request {
    Request::acknowledged(RTM_DELLINK, 0, &header(ifindex, 0, 0))
}

fn with_kind(request: Request, kind: &str, data: impl FnOnce(Request) -> Request) -> Request {
    request.nest(IFLA_LINKINFO, |info| info.text(IFLA_INFO_KIND, kind).nest(IFLA_INFO_DATA, data))
}

fn with_namespace(request: Request, namespace: Namespace<'_>) -> Request {
    match namespace {
        Namespace::Pid(pid) => request.number(IFLA_NET_NS_PID, pid),
        Namespace::Fd(fd) => request.number(IFLA_NET_NS_FD, fd.as_raw_fd().cast_unsigned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{Body, decode};

    #[test]
    fn a_request_to_create_reads_back_as_the_link() {
        let mac = MacAddress([2, 0, 0, 0, 0, 1]);
        let kind = LinkKind::Veth { peer: "b", peer_mac: None, peer_namespace: Some(Namespace::Pid(7)) };
        let link = NewLink { mac: Some(mac), master: Some(3), up: true, ..NewLink::new("a", kind) };
        let messages = decode(&create_request(&link).seal(1)).unwrap();
        let [message] = &messages[..] else { panic!("{messages:?}") };
        let Body::Link(info) = &message.body else { panic!("{message:?}") };
        assert_eq!((info.name.as_str(), info.kind.as_deref()), ("a", Some("veth")));
        assert_eq!((info.mac, info.master, info.up), (Some(mac), Some(3), true));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn an_ipvlan_has_its_mode_and_flags_in_sixteen_bits_each() {
        for (mode, flags) in [(IpvlanMode::Bridge, 0), (IpvlanMode::Private, 1), (IpvlanMode::Vepa, 2)] {
            let link = NewLink::new("v", LinkKind::Ipvlan { parent: 7, mode });
            // linux/if_link.h: IFLA_IFNAME 3, IFLA_LINK 5, IFLA_LINKINFO 18, IFLA_INFO_KIND 1, IFLA_INFO_DATA 2,
            // IFLA_IPVLAN_MODE 1 and IFLA_IPVLAN_FLAGS 2, both __u16.
            let expected = [
                &[6_u8, 0, 3, 0, b'v', 0, 0, 0][..],
                &[8, 0, 5, 0, 7, 0, 0, 0],
                &[36, 0, 18, 0, 11, 0, 1, 0, b'i', b'p', b'v', b'l', b'a', b'n', 0, 0],
                &[20, 0, 2, 0, 6, 0, 1, 0, 0, 0, 0, 0, 6, 0, 2, 0, flags, 0, 0, 0],
            ]
            .concat();
            // Behind `struct nlmsghdr` and `struct ifinfomsg`.
            assert_eq!(create_request(&link).seal(1)[32..], expected, "{mode:?}");
        }
    }
}
