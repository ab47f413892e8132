//! Addresses: the ones to install, the ones the kernel reports, and both as netlink messages.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::netlink::DecodeError;
use crate::netlink::attribute::{attributes, text, u32_at};
use crate::netlink::constants::{
    AF_INET, AF_INET6, AF_UNSPEC, IFA_ADDRESS, IFA_BROADCAST, IFA_CACHEINFO, IFA_F_DADFAILED,
    IFA_F_HOMEADDRESS, IFA_F_MANAGETEMPADDR, IFA_F_MCAUTOJOIN, IFA_F_NODAD, IFA_F_NOPREFIXROUTE,
    IFA_F_TENTATIVE, IFA_FLAGS, IFA_LABEL, IFA_LOCAL, IFA_PROTO, INFINITY_LIFE_TIME, NLM_F_CREATE,
    NLM_F_REPLACE, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR,
};
use crate::netlink::request::Request;

/// The `IFA_PROTO` of every virtual address installed here: VRRP's IP protocol number. `ip address` shows it as
/// `proto 112`, and a later run recognises by it what an earlier one left. Kernels before 5.18 do not keep it.
pub const VIP_PROTO: u8 = 112;

/// An address on an interface; the kernel holds each at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressKey {
    /// Interface index.
    pub ifindex: u32,
    /// The address.
    pub addr: IpAddr,
    /// Prefix length, 0 to 32 or 128; that of the peer, if there is one.
    pub prefix_len: u8,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
}

impl AddressKey {
    /// An address that has no peer.
    pub fn new(ifindex: u32, addr: IpAddr, prefix_len: u8) -> Self {
        Self { ifindex, addr, prefix_len, peer: None }
    }

    /// The address that the prefix is of (`IFA_ADDRESS`).
    pub(crate) fn far_end(&self) -> IpAddr {
        self.peer.unwrap_or(self.addr)
    }
}

/// An address scope as the kernel numbers it (`/etc/iproute2/rt_scopes`). The kernel derives the scope of an IPv6
/// address from the address itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(
    /// The kernel's number.
    pub u8,
);

impl Scope {
    /// Valid everywhere.
    pub const GLOBAL: Self = Self(0);
    /// Valid within this site.
    pub const SITE: Self = Self(200);
    /// Valid on this link.
    pub const LINK: Self = Self(253);
    /// Valid on this host.
    pub const HOST: Self = Self(254);
}

/// An address to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualAddress {
    /// Interface index.
    pub ifindex: u32,
    /// The address.
    pub addr: IpAddr,
    /// Prefix length; by default 32 or 128, so that no connected route comes with the address. An IPv6 address with
    /// 128 is marked deprecated, so that the kernel does not choose it as a source by itself.
    pub prefix_len: u8,
    /// The other end of a point-to-point address, of the same family; the prefix is then its, and the kernel has a route to
    /// it. By default none.
    pub peer: Option<IpAddr>,
    /// Broadcast address, IPv4 only; by default none.
    pub broadcast: Option<Ipv4Addr>,
    /// Label (`eth0:vip`), IPv4 only, at most 15 bytes; by default the kernel takes the interface name.
    pub label: Option<String>,
    /// Scope, by default global.
    pub scope: Scope,
    /// The kernel removes the address by itself this long after it was last added, give or take 0.3 s. The kernel
    /// counts whole seconds: a fraction is rounded up. `None` lets it stay for ever.
    pub lease: Option<Duration>,
    /// How long the kernel prefers it as a source; `None`: see [`prefix_len`](Self::prefix_len).
    pub preferred: Option<Preferred>,
    /// Flags beside.
    pub options: AddressOptions,
    /// Who added it (`IFA_PROTO`), by default [`VIP_PROTO`].
    pub proto: u8,
}

/// How long the kernel prefers an address as a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preferred {
    /// As long as it is there.
    Forever,
    /// So long from each time that it is added or renewed, in whole seconds.
    Seconds(u32),
}

/// Flags of an address to install; all are off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AddressOptions {
    /// No route comes with the prefix (`noprefixroute`).
    pub no_prefix_route: bool,
    /// A Mobile IPv6 home address.
    pub home: bool,
    /// The kernel makes temporary addresses from this IPv6 prefix.
    pub manage_temporary: bool,
    /// The kernel joins this multicast address.
    pub auto_join: bool,
    /// IPv6: detect duplicates before it is used, which takes a second.
    pub detect_duplicates: bool,
}

impl AddressOptions {
    fn flags(self, addr: IpAddr) -> u32 {
        // Duplicate detection would keep the address unusable for a second, and the peer may hold it a moment longer.
        let no_detection = addr.is_ipv6() && !self.detect_duplicates;
        [
            (no_detection, IFA_F_NODAD),
            (self.no_prefix_route, IFA_F_NOPREFIXROUTE),
            (self.home, IFA_F_HOMEADDRESS),
            (self.manage_temporary, IFA_F_MANAGETEMPADDR),
            (self.auto_join, IFA_F_MCAUTOJOIN),
        ]
        .into_iter()
        .filter(|(set, _)| *set)
        .fold(0, |flags, (_, flag)| flags | flag)
    }
}

impl VirtualAddress {
    /// A host address (prefix 32 or 128) of global scope without a lease.
    pub fn new(ifindex: u32, addr: IpAddr) -> Self {
        let prefix_len = if addr.is_ipv4() { 32 } else { 128 };
        Self {
            ifindex,
            addr,
            prefix_len,
            peer: None,
            broadcast: None,
            label: None,
            scope: Scope::GLOBAL,
            lease: None,
            preferred: None,
            options: AddressOptions::default(),
            proto: VIP_PROTO,
        }
    }

    /// What identifies the address.
    pub fn key(&self) -> AddressKey {
        let &Self { ifindex, addr, prefix_len, .. } = self;
        // Its own other end is none to the kernel.
        AddressKey { ifindex, addr, prefix_len, peer: self.peer.filter(|&peer| peer != addr) }
    }

    /// The lease as the kernel counts it: whole seconds, at least one.
    pub fn lease_in_whole_seconds(&self) -> Option<Duration> {
        self.lease.map(|lease| Duration::from_secs(u64::from(whole_seconds(lease))))
    }
}

/// An address that the kernel has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressInfo {
    /// Interface index.
    pub ifindex: u32,
    /// The address.
    pub addr: IpAddr,
    /// Prefix length; that of the peer, if there is one.
    pub prefix_len: u8,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// Scope.
    pub scope: Scope,
    /// `IFA_F_*` flags.
    pub flags: u32,
    /// Label; the kernel reports one for every IPv4 address, the interface name if nothing else was given.
    pub label: Option<String>,
    /// Broadcast address, IPv4 only.
    pub broadcast: Option<Ipv4Addr>,
    /// How long the address stays, as of the report; `None` for ever.
    pub valid_lft: Option<Duration>,
    /// How long the address is preferred as a source, as of the report; `None` for ever.
    pub preferred_lft: Option<Duration>,
    /// Who added it (`IFA_PROTO`), 0 where nobody said; see [`VIP_PROTO`].
    pub proto: u8,
}

impl AddressInfo {
    /// What identifies the address.
    pub fn key(&self) -> AddressKey {
        let &Self { ifindex, addr, prefix_len, peer, .. } = self;
        AddressKey { ifindex, addr, prefix_len, peer }
    }

    /// False while duplicate address detection runs or after it failed: the address cannot be used then.
    pub fn is_usable(&self) -> bool {
        self.flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) == 0
    }

    /// Reads the payload of `RTM_NEWADDR` or `RTM_DELADDR`; `None` for a family other than IP.
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<Self>, DecodeError> {
        let truncated = DecodeError::Truncated { have: payload.len() };
        let (&[family, prefix_len, flags, scope], Some(ifindex)) =
            (payload.first_chunk::<4>().ok_or(truncated)?, u32_at(payload, 4))
        else {
            return Err(truncated);
        };
        let (mut local, mut address) = (None, None);
        let mut info = Self {
            ifindex,
            addr: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            prefix_len,
            peer: None,
            scope: Scope(scope),
            flags: u32::from(flags),
            label: None,
            broadcast: None,
            valid_lft: None,
            preferred_lft: None,
            proto: 0,
        };
        for attribute in attributes(payload.get(8..).unwrap_or(&[])) {
            let (kind, value) = attribute?;
            match kind {
                IFA_LOCAL => local = read_ip(family, value),
                IFA_ADDRESS => address = read_ip(family, value),
                IFA_BROADCAST => info.broadcast = value.first_chunk().map(|&octets: &[u8; 4]| octets.into()),
                IFA_LABEL => info.label = Some(text(value)),
                IFA_FLAGS => info.flags = u32_at(value, 0).unwrap_or(info.flags),
                IFA_PROTO => info.proto = value.first().copied().unwrap_or(0),
                IFA_CACHEINFO => {
                    info.preferred_lft = u32_at(value, 0).and_then(read_lifetime);
                    info.valid_lft = u32_at(value, 4).and_then(read_lifetime);
                }
                _ => {}
            }
        }
        // On a point-to-point address IFA_ADDRESS is the peer; IPv6 sends IFA_LOCAL only then.
        let addr = local.or(address);
        Ok(addr.map(|addr| Self { addr, peer: address.filter(|&peer| peer != addr), ..info }))
    }
}

/// Asks for all addresses.
pub(crate) fn dump_request() -> Request {
    Request::dump(RTM_GETADDR, &header(AF_UNSPEC, 0, 0, Scope::GLOBAL, 0))
}

/// Adds a virtual address, or renews it if it is there: sending it again is harmless.
pub(crate) fn add_virtual_request(address: &VirtualAddress) -> Request {
    let valid = address.lease.map_or(INFINITY_LIFE_TIME, whole_seconds);
    let host_v6 = address.addr.is_ipv6() && address.prefix_len == 128;
    let preferred = match address.preferred {
        Some(Preferred::Seconds(seconds)) => seconds.min(valid),
        Some(Preferred::Forever) => valid,
        None if host_v6 => 0,
        None => valid,
    };
    let flags = address.options.flags(address.addr);
    let mut request = add_request(address.key(), address.scope, flags)
        .attribute(IFA_CACHEINFO, &cache_info(preferred, valid))
        .attribute(IFA_PROTO, &[address.proto]);
    if address.addr.is_ipv4() {
        if let Some(broadcast) = address.broadcast {
            request = request.attribute(IFA_BROADCAST, &broadcast.octets());
        }
        if let Some(label) = &address.label {
            request = request.text(IFA_LABEL, label);
        }
    }
    request
}

/// Adds an interface's own address: permanent, without our mark.
pub(crate) fn add_own_request(key: AddressKey) -> Request {
    add_request(key, Scope::GLOBAL, AddressOptions::default().flags(key.addr))
}

/// Removes an address. The prefix is compared only where `IFA_ADDRESS` is given, in IPv4 with the peer's.
pub(crate) fn remove_request(key: AddressKey) -> Request {
    let header = header(family(key.addr), key.prefix_len, 0, Scope::GLOBAL, key.ifindex);
    with_address(Request::acknowledged(RTM_DELADDR, 0, &header), key)
}

fn add_request(key: AddressKey, scope: Scope, flags: u32) -> Request {
    // The eight bits of the header are the lowest of the attribute.
    let header = header(family(key.addr), key.prefix_len, flags as u8, scope, key.ifindex);
    let request = Request::acknowledged(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &header);
    with_address(request, key).number(IFA_FLAGS, flags)
}

/// `struct ifaddrmsg`.
fn header(family: u8, prefix_len: u8, flags: u8, scope: Scope, ifindex: u32) -> [u8; 8] {
    let [a, b, c, d] = ifindex.to_ne_bytes();
    [family, prefix_len, flags, scope.0, a, b, c, d]
}

/// `struct ifa_cacheinfo`; the two time stamps are the kernel's.
fn cache_info(preferred: u32, valid: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0..4].copy_from_slice(&preferred.to_ne_bytes());
    bytes[4..8].copy_from_slice(&valid.to_ne_bytes());
    bytes
}

fn with_address(request: Request, key: AddressKey) -> Request {
    let ends = [(IFA_LOCAL, key.addr), (IFA_ADDRESS, key.far_end())];
    ends.into_iter().fold(request, |request, (end, addr)| match addr {
        IpAddr::V4(v4) => request.attribute(end, &v4.octets()),
        IpAddr::V6(v6) => request.attribute(end, &v6.octets()),
    })
}

fn family(addr: IpAddr) -> u8 {
    match addr {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    }
}

fn read_ip(family: u8, value: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => value.first_chunk().map(|&octets: &[u8; 4]| Ipv4Addr::from(octets).into()),
        AF_INET6 => value.first_chunk().map(|&octets: &[u8; 16]| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

fn read_lifetime(seconds: u32) -> Option<Duration> {
    (seconds != INFINITY_LIFE_TIME).then(|| Duration::from_secs(u64::from(seconds)))
}

/// The kernel refuses a lifetime of 0, and the largest number means for ever.
fn whole_seconds(lease: Duration) -> u32 {
    let seconds = lease.as_secs().saturating_add(u64::from(lease.subsec_nanos() > 0));
    u32::try_from(seconds).unwrap_or(INFINITY_LIFE_TIME - 1).clamp(1, INFINITY_LIFE_TIME - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::netlink::{Body, decode};

    fn arbitrary() -> impl Strategy<Value = VirtualAddress> {
        let v4 =
            (any::<u32>(), 0_u8..=32, proptest::option::of(any::<u32>())).prop_map(|(bits, len, peer)| {
                (IpAddr::V4(bits.into()), len, peer.map(|peer| IpAddr::V4(peer.into())))
            });
        let v6 =
            (any::<u128>(), 0_u8..=128, proptest::option::of(any::<u128>())).prop_map(|(bits, len, peer)| {
                (IpAddr::V6(bits.into()), len, peer.map(|peer| IpAddr::V6(peer.into())))
            });
        let lease = proptest::option::of((0_u64..100, 0_u32..1_000_000_000));
        (any::<u32>(), prop_oneof![v4, v6], proptest::option::of("[a-z:0-9]{1,15}"), any::<u8>(), lease)
            .prop_map(|(ifindex, (addr, prefix_len, peer), label, scope, lease)| VirtualAddress {
                prefix_len,
                peer,
                label: label.filter(|_| addr.is_ipv4()),
                broadcast: addr.is_ipv4().then_some(Ipv4Addr::BROADCAST),
                scope: Scope(scope),
                lease: lease.map(|(seconds, nanos)| Duration::new(seconds, nanos)),
                ..VirtualAddress::new(ifindex, addr)
            })
    }

    proptest! {
        /// A request to add has the layout of the kernel's own report, so that it reads back as one.
        #[test]
        fn a_request_reads_back_as_the_address_it_adds(address in arbitrary()) {
            let messages = decode(&add_virtual_request(&address).seal(1)).unwrap();
            let [message] = &messages[..] else { panic!("{messages:?}") };
            let Body::Address(info) = &message.body else { panic!("{message:?}") };
            prop_assert_eq!(info.key(), address.key());
            prop_assert_eq!(info.scope, address.scope);
            prop_assert_eq!(&info.label, &address.label);
            prop_assert_eq!(info.broadcast, address.broadcast);
            prop_assert_eq!(info.proto, VIP_PROTO);
            prop_assert_eq!(info.valid_lft, address.lease_in_whole_seconds());
            prop_assert!(info.preferred_lft.unwrap_or(Duration::MAX) <= info.valid_lft.unwrap_or(Duration::MAX));
            prop_assert_eq!(info.flags & IFA_F_NODAD != 0, address.addr.is_ipv6());
        }
    }

    #[test]
    fn a_lease_is_rounded_up_to_whole_seconds_and_never_0_or_for_ever() {
        let cases = [
            (Duration::ZERO, 1),
            (Duration::from_millis(1), 1),
            (Duration::from_secs(2), 2),
            (Duration::from_millis(2_001), 3),
            (Duration::MAX, u32::MAX - 1),
        ];
        for (lease, seconds) in cases {
            assert_eq!(whole_seconds(lease), seconds, "{lease:?}");
        }
    }

    #[test]
    fn an_ipv6_host_address_is_deprecated_from_the_start_and_a_wider_one_is_not() {
        for (prefix_len, preferred) in [(128, Some(Duration::ZERO)), (64, None)] {
            let address =
                VirtualAddress { prefix_len, ..VirtualAddress::new(3, "2001:db8::10".parse().unwrap()) };
            let messages = decode(&add_virtual_request(&address).seal(1)).unwrap();
            let Body::Address(info) = &messages[0].body else { panic!("{messages:?}") };
            assert_eq!(info.preferred_lft, preferred);
            assert_eq!(info.valid_lft, None);
        }
    }

    #[test]
    fn a_peer_address_is_not_taken_for_the_own_one() {
        let request = Request::acknowledged(RTM_NEWADDR, 0, &header(AF_INET, 32, 0, Scope::GLOBAL, 1))
            .attribute(IFA_ADDRESS, &[10, 0, 0, 2])
            .attribute(IFA_LOCAL, &[10, 0, 0, 1]);
        let messages = decode(&request.seal(1)).unwrap();
        let Body::Address(info) = &messages[0].body else { panic!("{messages:?}") };
        assert_eq!(info.addr.to_string(), "10.0.0.1");
        assert_eq!(info.peer, Some([10, 0, 0, 2].into()));
    }

    #[test]
    fn an_address_that_is_its_own_peer_has_none() {
        let addr = [10, 0, 0, 1].into();
        let vip = VirtualAddress { peer: Some(addr), ..VirtualAddress::new(1, addr) };
        assert_eq!(vip.key(), AddressKey::new(1, addr, 32));
    }

    #[test]
    fn an_address_of_another_family_is_passed_over() {
        let request = Request::acknowledged(RTM_NEWADDR, 0, &header(7, 32, 0, Scope::GLOBAL, 1))
            .attribute(IFA_LOCAL, &[10, 0, 0, 1]);
        assert_eq!(decode(&request.seal(1)).unwrap()[0].body, Body::Other(RTM_NEWADDR));
    }
}
