//! `vrrp_instance`.

use std::net::IpAddr;
use std::time::Duration;

use super::{Auth, AuthHmac, Notify, Route, Rule, TrackLbd, Tracked, VirtualAddress};
use crate::source::Span;

/// `vrrp_instance NAME`: one virtual router.
#[derive(Debug, Clone, PartialEq)]
pub struct VrrpInstance {
    /// The name, for logs and notify scripts.
    pub name: String,
    /// `state`. Only a priority of 255 starts as MASTER; see `vrrp_strict` for the other uses of the word.
    pub state: InitialState,
    /// `interface` (required).
    pub interface: String,
    /// `virtual_router_id`, 1 to 255 (required).
    pub virtual_router_id: u8,
    /// `priority`, 1 to 255, default 100; 255 is the address owner.
    pub priority: u8,
    /// `advert_int`, default 1 s: whole seconds in version 2, hundredths up to 40.95 s in version 3.
    pub advert_int: Duration,
    /// `version`: 3 for IPv6, else `vrrp_version`, else 2.
    pub version: Version,
    /// `authentication`; never in version 3.
    pub auth: Option<Auth>,
    /// `auth_hmac`; never together with [`Self::auth`].
    pub auth_hmac: Option<AuthHmac>,
    /// `use_vmac` or `use_ipvlan`: an interface of its own for the advertisements and addresses.
    pub vmac: Option<Vmac>,
    /// `virtual_ipaddress`: advertised, in this order; one family, at most 255.
    pub virtual_ipaddress: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: held but not advertised; any family.
    pub virtual_ipaddress_excluded: Vec<VirtualAddress>,
    /// `virtual_routes`: there while Active, after the addresses.
    pub virtual_routes: Vec<Route>,
    /// `virtual_rules`: there while Active, after the routes.
    pub virtual_rules: Vec<Rule>,
    /// `promote_secondaries`: set the sysctl of this name on the interface.
    pub promote_secondaries: bool,
    /// `unicast_src_ip`, else the address of `use_ipvlan`: the source of unicast advertisements. `None`: the interface's
    /// primary address.
    pub unicast_src_ip: Option<IpAddr>,
    /// `unicast_peer`: when not empty, advertisements go to each peer and none to the group.
    pub unicast_peer: Vec<UnicastPeer>,
    /// `unicast_ttl` of unicast advertisements, default 255.
    pub unicast_ttl: u8,
    /// `check_unicast_src`: drop advertisements that do not come from a peer.
    pub check_unicast_src: bool,
    /// `unicast_fault_no_peer`: without a peer the instance is in FAULT; it does not multicast.
    pub unicast_fault_no_peer: bool,
    /// `mcast_dst_ip`, else `vrrp_mcast_group4` or `6`. `None`: 224.0.0.18 or ff02::12.
    pub mcast_dst_ip: Option<IpAddr>,
    /// `track_src_ip`: without [`Self::unicast_src_ip`] or [`Self::mcast_src_ip`] on the machine the instance is in FAULT.
    pub track_src_ip: bool,
    /// `mcast_src_ip`, else the address of `use_ipvlan`: the source of multicast advertisements. `None`: the interface's
    /// primary address.
    pub mcast_src_ip: Option<IpAddr>,
    /// `track_script`, weights resolved.
    pub track_script: Vec<Tracked>,
    /// `track_interface`: interfaces beside [`Self::interface`] that must be up.
    pub track_interface: Vec<Tracked>,
    /// `track_file`, weights resolved.
    pub track_file: Vec<Tracked>,
    /// `track_process`, weights resolved.
    pub track_process: Vec<Tracked>,
    /// `track_lbd` (ours): the lbd on this node.
    pub track_lbd: Option<TrackLbd>,
    /// `dont_track_primary`: the state of [`Self::interface`] does not matter.
    pub dont_track_primary: bool,
    /// `preempt` (the default) or `nopreempt`.
    pub preempt: bool,
    /// `preempt_delay`, 0 to 1000 s: how long a lower-priority Active is left alone.
    pub preempt_delay: Duration,
    /// `accept` (the default) or `no_accept`: whether packets to the virtual address are taken by a non-owner.
    pub accept: bool,
    /// Gratuitous ARP and unsolicited neighbour advertisements.
    pub garp: Garp,
    /// `lower_prio_no_advert`: do not answer a lower-priority advertisement at once.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`: advertise once more when giving way to a higher priority. Default yes; keepalived's is no,
    /// and leaves clients on the wrong MAC address.
    pub higher_prio_send_advert: bool,
    /// `owner_ignore_adverts`: an address owner (priority 255) hears nobody.
    pub owner_ignore_adverts: bool,
    /// `strict_mode` or `vrrp_strict`; its consequences are already in the other fields.
    pub strict_mode: bool,
    /// `skip_check_adv_addr`: do not compare address lists of the sender heard last.
    pub skip_check_adv_addr: bool,
    /// `v3_checksum_as_v2`: RFC 9568's checksum without pseudo-header in version 3 over IPv4.
    pub v3_checksum_as_v2: bool,
    /// `old_unicast_checksum [never]`
    pub old_unicast_checksum: OldChecksum,
    /// `down_timer_adverts`: missed intervals until a Backup takes over, 1 to 100, default 3.
    pub down_timer_adverts: u8,
    /// `notify*` scripts.
    pub notify: Notify,
    /// `vip_lease SECONDS` (ours): lifetime of the addresses in the kernel, whole seconds. Zero: none, they stay when
    /// the daemon dies. `None`: derived from the advertisement interval.
    pub vip_lease: Option<Duration>,
    /// `vrrp_instance NAME` in the file.
    pub span: Span,
}

/// `state` of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InitialState {
    /// `MASTER`
    Master,
    /// `BACKUP`, the default.
    Backup,
}

/// When unicast advertisements of version 3 have the checksum of keepalived up to 1.3.6.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum OldChecksum {
    /// To peers that send such themselves.
    #[default]
    Follow,
    /// `old_unicast_checksum`
    Always,
    /// `old_unicast_checksum never`
    Never,
}

/// The protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 3768, IPv4 only.
    V2,
    /// RFC 9568.
    V3,
}

/// One line of `unicast_peer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnicastPeer {
    /// The peer.
    pub addr: IpAddr,
    /// `min_ttl`: drop advertisements with less.
    pub min_ttl: Option<u8>,
    /// `max_ttl`: drop advertisements with more.
    pub max_ttl: Option<u8>,
}

/// When the virtual addresses are announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garp {
    /// `garp_master_delay` until the second batch, default 5 s; zero: no second batch.
    pub master_delay: Duration,
    /// `garp_master_repeat`: announcements of a batch, default 5.
    pub master_repeat: u32,
    /// `garp_lower_prio_delay` until the second batch after a lower-priority advertisement; default: `master_delay`.
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`: announcements of a batch after a lower-priority advertisement; default: `master_repeat`.
    pub lower_prio_repeat: u32,
    /// `garp_extra_if`: announcements on the interfaces of addresses that are not the instance's.
    pub extra_if: Option<GarpExtra>,
    /// `garp_master_refresh`: the period of announcements while Active; zero (the default): none.
    pub master_refresh: Duration,
    /// `garp_master_refresh_repeat`: announcements of a refresh, default 1.
    pub master_refresh_repeat: u32,
}

/// `garp_extra_if [all] SECONDS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GarpExtra {
    /// How often, 1 s to a day.
    pub period: Duration,
    /// On every such interface; otherwise on virtual MAC interfaces alone.
    pub all: bool,
}

/// `use_vmac` or `use_ipvlan`: an interface that is made on the instance's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vmac {
    /// The name of the interface; default `vmac_prefix`.VRID, in IPv6 `vmac_prefix`6.VRID.
    pub name: String,
    /// What it is.
    pub kind: VmacKind,
    /// `group` of interfaces. `None`: that of the interface below.
    pub group: Option<u32>,
    /// Where it is written.
    pub span: Span,
}

/// Whose hardware address an interface of its own has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VmacKind {
    /// `use_vmac [[name] NAME] [MAC] [netlink_notify_msg] [group GROUP]`: the virtual router's.
    Macvlan {
        /// Its address; default 00-00-5E-00-01-VRID, in IPv6 00-00-5E-00-02-VRID (RFC 9568 §7.3).
        mac: [u8; 6],
        /// `netlink_notify_msg`: have the kernel tell of the interface below when this one goes up or down.
        netlink_notify_msg: bool,
        /// `vmac_xmit_base`: advertise from the interface below.
        xmit_base: bool,
    },
    /// `use_ipvlan [[name] NAME] [ADDRESS[/LENGTH]] [bridge|private|vepa] [group GROUP]`: that of the interface below.
    Ipvlan {
        /// Its own address and the length of the prefix, of the instance's family. `None`, in IPv6 alone: the link-local
        /// address that the kernel gives it.
        address: Option<(IpAddr, u8)>,
        /// Whom it talks to directly.
        mode: IpvlanMode,
    },
}

/// How the ipvlans on one interface, which must have the same of these, reach each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IpvlanMode {
    /// `bridge`: directly.
    #[default]
    Bridge,
    /// `private`: not at all.
    Private,
    /// `vepa`: by way of the switch, which must send frames back to where they come from.
    Vepa,
}
