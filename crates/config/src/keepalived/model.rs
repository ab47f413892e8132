//! What a checked keepalived configuration says, in types.
//!
//! Defaults, `global_defs` and `vrrp_strict` are already applied: a consumer reads values, it resolves nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::source::Span;

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `global_defs`, what of it is not a default of an instance.
    pub global: GlobalDefs,
    /// `vrrp_script` blocks in file order.
    pub scripts: Vec<VrrpScript>,
    /// `vrrp_track_process` blocks in file order.
    pub processes: Vec<TrackProcess>,
    /// `vrrp_track_file` / `track_file` blocks in file order.
    pub files: Vec<TrackFile>,
    /// `vrrp_instance` blocks in file order; each name, and each virtual router on an interface, once.
    pub instances: Vec<VrrpInstance>,
}

impl Config {
    /// The script that an entry of [`VrrpInstance::track_script`] names.
    pub fn script(&self, name: &str) -> Option<&VrrpScript> {
        self.scripts.iter().find(|script| script.name == name)
    }

    /// The process that an entry of [`VrrpInstance::track_process`] names.
    pub fn process(&self, name: &str) -> Option<&TrackProcess> {
        self.processes.iter().find(|process| process.name == name)
    }

    /// The file that an entry of [`VrrpInstance::track_file`] names.
    pub fn file(&self, name: &str) -> Option<&TrackFile> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// `global_defs`, what of it is not a default of an instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GlobalDefs {
    /// `router_id`: the node's name in logs. `None`: the host name.
    pub router_id: Option<String>,
    /// `instance`: the name of this daemon where several run on a node.
    pub instance: Option<String>,
    /// `enable_script_security`: no script runs as root that someone else may change.
    pub enable_script_security: bool,
    /// `script_user`: whom scripts without a user of their own run as. `None`: `keepalived_script` where that user
    /// exists, else the daemon's user.
    pub script_user: Option<ScriptUser>,
    /// `vrrp_garp_interval`: the least gap between two gratuitous ARPs on an interface; zero: none.
    pub garp_interval: Duration,
    /// `vrrp_gna_interval`: the same for unsolicited neighbour advertisements.
    pub gna_interval: Duration,
    /// `vrrp_startup_delay`: how long instances are held back after the start.
    pub startup_delay: Duration,
    /// `vrrp_delay_after_boot`: how long after the boot of the machine instances are held back.
    pub delay_after_boot: Duration,
    /// `notify_fifo` with `notify_fifo_script`.
    pub notify_fifo: Option<NotifyFifo>,
    /// `vrrp_notify_fifo` with `vrrp_notify_fifo_script`.
    pub vrrp_notify_fifo: Option<NotifyFifo>,
    /// `dynamic_interfaces`: an interface may be absent at the start.
    pub dynamic_interfaces: bool,
}

/// A FIFO that gets a line for each transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyFifo {
    /// The FIFO; made when absent.
    pub path: PathBuf,
    /// The owner it is made with.
    pub owner: Option<ScriptUser>,
    /// A program to start that reads it; it gets the path as one more argument.
    pub script: Option<Command>,
}

/// Whom a script runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptUser {
    /// The user name (or number).
    pub user: String,
    /// The group name; with a leading `:` also the user's supplementary groups. `None`: the user's own group.
    pub group: Option<String>,
}

/// A program with its arguments. There is no shell in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The text between the quotes, as written.
    pub raw: String,
    /// The program and its arguments; at least one word.
    pub argv: Vec<String>,
    /// Whom it runs as. `None`: [`GlobalDefs::script_user`].
    pub user: Option<ScriptUser>,
    /// Where it is written.
    pub span: Span,
}

/// `vrrp_script NAME`: a program whose exit status is a health.
#[derive(Debug, Clone, PartialEq)]
pub struct VrrpScript {
    /// The name that `track_script` uses.
    pub name: String,
    /// `script` (required) with `user`.
    pub script: Command,
    /// `interval` from start to start, above zero; default 1 s.
    pub interval: Duration,
    /// `timeout` until a run counts as failed, above zero; default: the interval.
    pub timeout: Duration,
    /// `weight`, −253 to 253; 0 (the default): failing is a FAULT.
    pub weight: i16,
    /// `weight N reverse`: passing counts as failing and the other way round.
    pub reverse: bool,
    /// `rise`: passes in a row that make it pass; default 1.
    pub rise: u32,
    /// `fall`: failures in a row that make it fail; default 1.
    pub fall: u32,
    /// `init_fail`: failed until it has passed.
    pub init_fail: bool,
    /// `vrrp_script NAME` in the file.
    pub span: Span,
}

/// `vrrp_track_process NAME`: processes that must run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackProcess {
    /// The name that `track_process` uses.
    pub name: String,
    /// `process`: the name or path of the program (required).
    pub process: String,
    /// The arguments after it.
    pub arguments: Vec<String>,
    /// `param_match`: how the arguments are compared.
    pub param_match: ParamMatch,
    /// `weight`, −254 to 254; 0 (the default): too few processes are a FAULT.
    pub weight: i16,
    /// `weight N reverse`.
    pub reverse: bool,
    /// `quorum`: at least this many processes, default 1.
    pub quorum: u32,
    /// `quorum_max`: at most this many. `None`: any number.
    pub quorum_max: Option<u32>,
    /// `fork_delay` or `delay`: how long a new process must live to count.
    pub fork_delay: Duration,
    /// `terminate_delay` or `delay`: how long a process may be gone before it counts.
    pub terminate_delay: Duration,
    /// `full_command`: compare the command line, not the kernel's 15-character name. Implied by arguments.
    pub full_command: bool,
    /// `vrrp_track_process NAME` in the file.
    pub span: Span,
}

/// How the arguments of a process are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamMatch {
    /// Not at all.
    Ignored,
    /// All must be equal.
    Exact,
    /// The first ones must be equal.
    Initial,
    /// The first ones must be equal, and the last of them may be the start of a longer one.
    Partial,
}

/// `vrrp_track_file NAME`: a file with a number in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackFile {
    /// The name that `track_file` in an instance uses.
    pub name: String,
    /// `file` (required).
    pub file: PathBuf,
    /// `weight` by which the number is multiplied, −254 to 254, default 1; 0: a number other than 0 is a FAULT.
    pub weight: i16,
    /// `weight N reverse`.
    pub reverse: bool,
    /// `init_file`: make the file at the start.
    pub init_file: Option<InitFile>,
    /// `vrrp_track_file NAME` in the file.
    pub span: Span,
}

/// `init_file [VALUE] [overwrite]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitFile {
    /// The number to write, default 0.
    pub value: i32,
    /// Whether to replace what is there.
    pub overwrite: bool,
}

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
    /// `virtual_ipaddress`: advertised, in this order; one family, at most 255.
    pub virtual_ipaddress: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: held but not advertised; any family.
    pub virtual_ipaddress_excluded: Vec<VirtualAddress>,
    /// `unicast_src_ip`: the source of unicast advertisements. `None`: the interface's primary address.
    pub unicast_src_ip: Option<IpAddr>,
    /// `unicast_peer`: when not empty, advertisements go to each peer and none to the group.
    pub unicast_peer: Vec<UnicastPeer>,
    /// `unicast_ttl` of unicast advertisements, default 255.
    pub unicast_ttl: u8,
    /// `check_unicast_src`: drop advertisements that do not come from a peer.
    pub check_unicast_src: bool,
    /// `mcast_src_ip`: the source of multicast advertisements. `None`: the interface's primary address.
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
    /// `strict_mode` or `vrrp_strict`; its consequences are already in the other fields.
    pub strict_mode: bool,
    /// `skip_check_adv_addr`: do not compare address lists of the sender heard last.
    pub skip_check_adv_addr: bool,
    /// `v3_checksum_as_v2`: RFC 9568's checksum without pseudo-header in version 3 over IPv4.
    pub v3_checksum_as_v2: bool,
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

/// The protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// RFC 3768, IPv4 only.
    V2,
    /// RFC 9568.
    V3,
}

/// `authentication` of version 2.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `auth_type PASS`: the first eight bytes of `auth_pass`, zero padded (RFC 2338 §5.3.6, type 1).
    Pass([u8; 8]),
}

/// A dumped configuration shows no password.
impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pass(_) => f.write_str("Pass(********)"),
        }
    }
}

/// One line of `virtual_ipaddress`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualAddress {
    /// The address.
    pub addr: IpAddr,
    /// The prefix length; default 32 and 128.
    pub prefix_len: u8,
    /// `dev`: the interface that gets it; default: the instance's.
    pub dev: String,
    /// `label`, at most 15 bytes.
    pub label: Option<String>,
    /// `scope`, default global.
    pub scope: Scope,
    /// `brd`.
    pub broadcast: Broadcast,
    /// `noprefixroute`: the kernel adds no route for the prefix.
    pub noprefixroute: bool,
    /// Where it is written.
    pub span: Span,
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

/// One line of `track_script`, `track_interface`, `track_file` or `track_process`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// The script, interface, file or process.
    pub name: String,
    /// The weight: the line's own or that of the object, −253 to 253 (254 for processes and files). 0: failing is a
    /// FAULT. Above 0: added while well. Below 0: subtracted while failing. For files: the factor of the number.
    pub weight: i16,
    /// `reverse`: well and failing exchanged.
    pub reverse: bool,
    /// Where it is written.
    pub span: Span,
}

/// `track_lbd` (ours): acts on the death, a hang or the draining of lbd within milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackLbd {
    /// `socket`: lbd's heartbeat socket, default `/run/lbd/heartbeat.sock`.
    pub socket: PathBuf,
    /// `weight`, −253 to 253; 0 (the default): an lbd that is not ready is a FAULT.
    pub weight: i16,
    /// `timeout`: how long a beat may be missing, default 80 ms.
    pub timeout: Duration,
    /// Where it is written.
    pub span: Span,
}

/// When the virtual addresses are announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garp {
    /// `garp_master_delay` until the second batch, default 5 s; zero: no second batch.
    pub master_delay: Duration,
    /// `garp_master_repeat`: announcements of a batch, default 5.
    pub master_repeat: u32,
    /// `garp_master_refresh`: the period of announcements while Active; zero (the default): none.
    pub master_refresh: Duration,
    /// `garp_master_refresh_repeat`: announcements of a refresh, default 1.
    pub master_refresh_repeat: u32,
}

/// Scripts that are told about transitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// `notify_master`
    pub master: Option<Command>,
    /// `notify_backup`
    pub backup: Option<Command>,
    /// `notify_fault`
    pub fault: Option<Command>,
    /// `notify_stop`
    pub stop: Option<Command>,
    /// `notify_deleted`
    pub deleted: Option<Command>,
    /// `notify_master_rx_lower_pri`
    pub master_rx_lower_pri: Option<Command>,
    /// `notify`: each transition, with `INSTANCE`, the name, the state and the priority as four more arguments.
    pub any: Option<Command>,
}

impl Notify {
    /// All scripts there are.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        [
            &self.master,
            &self.backup,
            &self.fault,
            &self.stop,
            &self.deleted,
            &self.master_rx_lower_pri,
            &self.any,
        ]
        .into_iter()
        .flatten()
    }
}
