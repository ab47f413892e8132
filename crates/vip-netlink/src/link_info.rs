//! Links (network interfaces) as the kernel reports them.

use std::fmt;

use crate::netlink::DecodeError;
use crate::netlink::attribute::{attributes, text, u32_at};
use crate::netlink::constants::{
    AF_INET, AF_UNSPEC, IFF_LOOPBACK, IFF_NOARP, IFF_RUNNING, IFF_UP, IFLA_ADDRESS, IFLA_AF_SPEC,
    IFLA_EXT_MASK, IFLA_GROUP, IFLA_IFALIAS, IFLA_IFNAME, IFLA_INET_CONF, IFLA_INFO_KIND, IFLA_LINK,
    IFLA_LINKINFO, IFLA_MASTER, IFLA_MTU, IPV4_DEVCONF_ARP_ANNOUNCE, IPV4_DEVCONF_ARP_IGNORE,
    IPV4_DEVCONF_PROMOTE_SECONDARIES, RTEXT_FILTER_SKIP_STATS, RTM_GETLINK,
};
use crate::netlink::request::Request;

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress(
    /// The six bytes in the order they are sent.
    pub [u8; 6],
);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MacAddress({self})")
    }
}

/// A link that the kernel has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkInfo {
    /// Interface index.
    pub index: u32,
    /// Interface name.
    pub name: String,
    /// Hardware address, if the link has one of six bytes.
    pub mac: Option<MacAddress>,
    /// An administrator switched the link on (`IFF_UP`).
    pub up: bool,
    /// The link has a carrier (`IFF_RUNNING`).
    pub running: bool,
    /// The link does not resolve addresses (`IFF_NOARP`): announcements are of no use on it.
    pub no_arp: bool,
    /// The link is a loopback.
    pub loopback: bool,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Index of the bridge or VRF that the link is a port of.
    pub master: Option<u32>,
    /// Index of the link below (macvlan, ipvlan, VLAN) or of the other end (veth; counted in the other end's namespace).
    pub lower: Option<u32>,
    /// `veth`, `bridge`, `macvlan`, ...; `None` for hardware.
    pub kind: Option<String>,
    /// A note that somebody left on the link (`ip link set alias`).
    pub alias: Option<String>,
    /// The group that the link is in (`ip link set group`), 0 unless somebody chose another.
    pub group: u32,
    /// How the link answers and asks; as of the last report, for a change of it is not reported.
    pub arp: ArpRules,
    /// When the first IPv4 address of a subnet goes, the others of it stay (`net.ipv4.conf.NAME.promote_secondaries`); as of
    /// the last report, too.
    pub promotes: bool,
}

/// `net.ipv4.conf.NAME.arp_announce` and `arp_ignore`, each 0 to 8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArpRules {
    /// Which own address questions are asked with; 2: the best one of this link.
    pub announce: u32,
    /// Which questions are not answered; 1: those for addresses of other links.
    pub ignore: u32,
}

impl LinkInfo {
    /// Packets can pass: switched on, and with a carrier.
    pub fn is_operational(&self) -> bool {
        self.up && self.running
    }

    /// Reads the payload of `RTM_NEWLINK` or `RTM_DELLINK`; `None` for messages of a single protocol: a bridge
    /// reports a port that it gives back as an `AF_BRIDGE` link that is gone.
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<Self>, DecodeError> {
        let truncated = DecodeError::Truncated { have: payload.len() };
        let (Some(&family), Some(index), Some(flags), Some(rest)) =
            (payload.first(), u32_at(payload, 4), u32_at(payload, 8), payload.get(16..))
        else {
            return Err(truncated);
        };
        if family != AF_UNSPEC {
            return Ok(None);
        }
        let mut info = Self {
            index,
            name: String::new(),
            mac: None,
            up: flags & IFF_UP != 0,
            running: flags & IFF_RUNNING != 0,
            no_arp: flags & IFF_NOARP != 0,
            loopback: flags & IFF_LOOPBACK != 0,
            mtu: 0,
            master: None,
            lower: None,
            kind: None,
            alias: None,
            group: 0,
            arp: ArpRules::default(),
            promotes: false,
        };
        for attribute in attributes(rest) {
            let (kind, value) = attribute?;
            match kind {
                IFLA_ADDRESS => info.mac = value.try_into().ok().map(MacAddress),
                IFLA_IFNAME => info.name = text(value),
                IFLA_MTU => info.mtu = u32_at(value, 0).unwrap_or(0),
                IFLA_MASTER => info.master = u32_at(value, 0),
                IFLA_LINK => info.lower = u32_at(value, 0),
                IFLA_LINKINFO => info.kind = read_kind(value)?,
                IFLA_GROUP => info.group = u32_at(value, 0).unwrap_or(0),
                IFLA_IFALIAS => info.alias = Some(text(value)),
                IFLA_AF_SPEC => (info.arp, info.promotes) = read_ipv4(value)?,
                _ => {}
            }
        }
        Ok(Some(info))
    }
}

/// Asks for all links.
pub(crate) fn dump_request() -> Request {
    Request::dump(RTM_GETLINK, &header(0, 0, 0)).number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
}

/// `struct ifinfomsg` with the flags of `change` set as in `flags`.
pub(crate) fn header(index: u32, flags: u32, change: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0] = AF_UNSPEC;
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    bytes[8..12].copy_from_slice(&flags.to_ne_bytes());
    bytes[12..16].copy_from_slice(&change.to_ne_bytes());
    bytes
}

fn read_kind(link_info: &[u8]) -> Result<Option<String>, DecodeError> {
    for attribute in attributes(link_info) {
        let (kind, value) = attribute?;
        if kind == IFLA_INFO_KIND {
            return Ok(Some(text(value)));
        }
    }
    Ok(None)
}

/// The kernel reports `IFLA_INET_CONF` as an array of numbers, the first of which has the number 1.
fn read_ipv4(families: &[u8]) -> Result<(ArpRules, bool), DecodeError> {
    for family in attributes(families) {
        let (of, value) = family?;
        if of != u16::from(AF_INET) {
            continue;
        }
        for attribute in attributes(value) {
            let (kind, values) = attribute?;
            let number = |index: u16| u32_at(values, (usize::from(index) - 1) * 4).unwrap_or_default();
            if kind == IFLA_INET_CONF {
                let arp = ArpRules {
                    announce: number(IPV4_DEVCONF_ARP_ANNOUNCE),
                    ignore: number(IPV4_DEVCONF_ARP_IGNORE),
                };
                return Ok((arp, number(IPV4_DEVCONF_PROMOTE_SECONDARIES) != 0));
            }
        }
    }
    Ok((ArpRules::default(), false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::constants::{RTM_DELLINK, RTM_NEWLINK};
    use crate::netlink::{Body, decode};

    fn report(kind: u16, family: u8, flags: u32) -> Body {
        let mut fixed = header(4, flags, 0);
        fixed[0] = family;
        let request = Request::acknowledged(kind, 0, &fixed)
            .text(IFLA_IFNAME, "eth0")
            .attribute(IFLA_ADDRESS, &[2, 0, 0, 0, 0x87, 0x0a])
            .number(IFLA_MTU, 1500)
            .number(IFLA_MASTER, 9)
            .nest(IFLA_LINKINFO, |request| request.text(IFLA_INFO_KIND, "veth"));
        decode(&request.seal(0)).unwrap().remove(0).body
    }

    #[test]
    fn a_report_gives_name_address_and_state() {
        let expected = LinkInfo {
            index: 4,
            name: "eth0".to_owned(),
            mac: Some(MacAddress([2, 0, 0, 0, 0x87, 0x0a])),
            up: true,
            running: true,
            no_arp: false,
            loopback: false,
            mtu: 1500,
            master: Some(9),
            lower: None,
            kind: Some("veth".to_owned()),
            alias: None,
            group: 0,
            arp: ArpRules::default(),
            promotes: false,
        };
        assert_eq!(report(RTM_NEWLINK, 0, IFF_UP | IFF_RUNNING), Body::Link(expected));
    }

    #[test]
    fn a_link_without_carrier_is_up_and_not_operational() {
        let Body::Link(link) = report(RTM_NEWLINK, 0, IFF_UP) else { panic!() };
        assert!(link.up && !link.is_operational());
    }

    #[test]
    fn a_port_that_leaves_its_bridge_is_not_a_link_that_is_gone() {
        assert_eq!(report(RTM_DELLINK, 7, IFF_UP), Body::Other(RTM_DELLINK));
        assert!(matches!(report(RTM_DELLINK, 0, IFF_UP), Body::LinkGone(_)));
    }

    #[test]
    fn a_mac_address_is_written_as_everybody_writes_it() {
        assert_eq!(MacAddress([0, 0, 0x5e, 0, 1, 0x33]).to_string(), "00:00:5e:00:01:33");
    }
}
