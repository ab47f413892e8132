//! What a checked keepalived configuration says, in types.
//!
//! Defaults, `global_defs`, `vrrp_strict` and what sync groups track are already applied: a consumer reads values, it
//! resolves nothing.

mod address;
mod auth;
mod global;
mod group;
mod instance;
mod notify;
mod route;
mod rule;
mod track;

pub use address::{Broadcast, PreferredLifetime, Scope, VirtualAddress};
pub use auth::{AntiReplay, Auth, AuthHmac, HmacKey, HmacMode, Secret};
pub use global::{Dumps, GlobalDefs, JsonVersion, Nftables, STATUS_SOCKET, Scheduling, TimedCommand};
pub use group::{GarpGroup, InterfaceDelay, SyncGroup, TrackGroup};
pub use instance::{
    Garp, GarpExtra, InitialState, IpvlanMode, OldChecksum, UnicastPeer, Version, Vmac, VmacKind,
    VrrpInstance,
};
pub use notify::{Command, Notify, NotifyFifo, ScriptUser};
pub use route::{NextHop, Prefix, Route, RouteKind, RouteMetric, RouteMetricKind, RoutePlace};
pub use rule::{Rule, RuleAction};
pub use track::{InitFile, ParamMatch, TrackFile, TrackLbd, TrackProcess, Tracked, VrrpScript};

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
    /// `vrrp_sync_group` blocks in file order; an instance is in at most one.
    pub groups: Vec<SyncGroup>,
    /// `static_ipaddress`: set at the start, and they stay.
    pub static_addresses: Vec<VirtualAddress>,
    /// `static_routes`
    pub static_routes: Vec<Route>,
    /// `static_rules`
    pub static_rules: Vec<Rule>,
    /// `track_group` blocks: which instances follow which `static_*` entries.
    pub track_groups: Vec<TrackGroup>,
    /// `garp_group` blocks.
    pub garp_groups: Vec<GarpGroup>,
    /// `interface_up_down_delays`, each interface once.
    pub interface_delays: Vec<InterfaceDelay>,
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

    /// The instance that a group names.
    pub fn instance(&self, name: &str) -> Option<&VrrpInstance> {
        self.instances.iter().find(|instance| instance.name == name)
    }

    /// The sync group that an instance is in.
    pub fn group_of(&self, instance: &str) -> Option<&SyncGroup> {
        self.groups.iter().find(|group| group.members.iter().any(|member| member == instance))
    }
}
