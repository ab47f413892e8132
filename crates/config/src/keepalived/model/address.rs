//! Virtual and static addresses.

use std::net::{IpAddr, Ipv4Addr};

use crate::source::Span;

/// One line of `virtual_ipaddress`, `virtual_ipaddress_excluded` or `static_ipaddress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualAddress {
    /// The address.
    pub addr: IpAddr,
    /// The prefix length, of [`Self::peer`] if there is one; default 32 and 128.
    pub prefix_len: u8,
    /// `dev`: the interface that gets it; default: the instance's, `default_interface` for static ones.
    pub dev: String,
    /// `label`, at most 15 bytes.
    pub label: Option<String>,
    /// `scope`, default global.
    pub scope: Scope,
    /// `brd`.
    pub broadcast: Broadcast,
    /// `peer ADDRESS[/LENGTH]`: the other end of a point-to-point address; the prefix is its.
    pub peer: Option<IpAddr>,
    /// `noprefixroute`: the kernel adds no route for the prefix.
    pub noprefixroute: bool,
    /// `home`: a Mobile IPv6 home address.
    pub home: bool,
    /// `mngtmpaddr`: the kernel makes temporary addresses from this IPv6 prefix.
    pub mngtmpaddr: bool,
    /// `autojoin`: the kernel joins this multicast address.
    pub autojoin: bool,
    /// Duplicate address detection before an IPv6 address is used: `-nodad`. Off for virtual addresses otherwise, on for
    /// static ones.
    pub dad: bool,
    /// Whether it is put back when somebody removes it; not with `no_track`.
    pub track: bool,
    /// `preferred_lft`. Default: 0 for an IPv6 address of length 128, which is then no source address; else for ever.
    pub preferred_lft: PreferredLifetime,
    /// `use_vmac`, or `use_vmac_addr` of the instance: it goes onto a virtual MAC interface on [`Self::dev`].
    pub use_vmac: bool,
    /// `track_group` of a static address.
    pub track_group: Option<String>,
    /// Where it is written.
    pub span: Span,
}

/// How long the kernel prefers an address as a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PreferredLifetime {
    /// `forever`
    Forever,
    /// So many seconds from each setting on; 0: never.
    Seconds(u32),
}

/// The scope of an address (`ip-address(8)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `global`
    Global,
    /// `site`
    Site,
    /// `link`
    Link,
    /// `host`
    Host,
    /// `nowhere`
    Nowhere,
    /// A number of `rt_scopes`.
    Number(u8),
}

/// The broadcast address of a virtual address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Broadcast {
    /// None (the default, also `brd -`).
    None,
    /// `brd +`: the last address of the prefix.
    FromPrefix,
    /// `brd ADDRESS`
    Address(Ipv4Addr),
}
