//! `global_defs`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{Command, NotifyFifo, ScriptUser};

/// `global_defs`, what of it is not a default of an instance.
#[derive(Debug, Clone, PartialEq)]
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
    /// `set_supplementary_groups`: programs get the supplementary groups of their user.
    pub set_supplementary_groups: bool,
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
    /// `fifo_write_vrrp_states_on_reload`: after a reload FIFOs are told each instance's state.
    pub fifo_write_states_on_reload: bool,
    /// `startup_script` with its timeout: run to its end before anything else starts.
    pub startup_script: Option<TimedCommand>,
    /// `shutdown_script` with its timeout: run when everything else has ended.
    pub shutdown_script: Option<TimedCommand>,
    /// How this process is scheduled.
    pub scheduling: Scheduling,
    /// Where state, statistics and JSON are written to.
    pub dumps: Dumps,
    /// `reload_file`: made empty when a reload begins to read, removed when it has read.
    pub reload_file: Option<PathBuf>,
    /// `nftables*`.
    pub nftables: Nftables,
    /// `disable_local_igmp`: the kernel sends no IGMP for link-local groups.
    pub disable_local_igmp: bool,
    /// `vmac_prefix`: what virtual MAC interfaces are called, default `vrrp`.
    pub vmac_prefix: String,
    /// `vmac_addr_prefix`: the same for those of `use_vmac_addr`; default `vmac_prefix`.
    pub vmac_addr_prefix: String,
    /// `log_unknown_vrids`: advertisements of unknown virtual routers are logged.
    pub log_unknown_vrids: bool,
    /// `umask` of this process and its scripts, at most 0777. `None`: the one it is started with, and 0177 for dumps.
    pub umask: Option<u32>,
    /// `net_namespace`: the network namespace of `ip netns` to run in, if not in that of who starts it.
    pub net_namespace: Option<String>,
    /// `status_socket`, ours: where the daemon tells its state, if anywhere.
    pub status_socket: Option<PathBuf>,
    /// `prometheus_listen`, ours: where it serves its metrics.
    pub prometheus_listen: Option<SocketAddr>,
}

/// Where the daemon tells its state unless it is told otherwise.
pub const STATUS_SOCKET: &str = "/run/vrrpd/status.sock";

impl Default for GlobalDefs {
    fn default() -> Self {
        Self {
            router_id: None,
            instance: None,
            enable_script_security: false,
            script_user: None,
            set_supplementary_groups: false,
            garp_interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
            startup_delay: Duration::ZERO,
            delay_after_boot: Duration::ZERO,
            notify_fifo: None,
            vrrp_notify_fifo: None,
            dynamic_interfaces: false,
            fifo_write_states_on_reload: false,
            startup_script: None,
            shutdown_script: None,
            scheduling: Scheduling::default(),
            dumps: Dumps::default(),
            reload_file: None,
            nftables: Nftables::default(),
            disable_local_igmp: false,
            vmac_prefix: "vrrp".to_owned(),
            vmac_addr_prefix: "vrrp".to_owned(),
            log_unknown_vrids: false,
            umask: None,
            net_namespace: None,
            status_socket: Some(PathBuf::from(STATUS_SOCKET)),
            prometheus_listen: None,
        }
    }
}

/// A command that is ended when it takes too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedCommand {
    /// The command.
    pub command: Command,
    /// How long it may take, 1 to 1000 s, default 10 s.
    pub timeout: Duration,
}

/// How the process is scheduled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// `vrrp_rt_priority`, 1 to 99: real time at this priority. `None`: not.
    pub rt_priority: Option<u8>,
    /// `vrrp_rlimit_rttime`: CPU time between two waits that ends a real-time process, in microseconds, from 2 on.
    /// `None`: keepalived's 10 000.
    pub rlimit_rttime: Option<u64>,
    /// `vrrp_priority`: nice value, −20 to 19.
    pub nice: Option<i8>,
    /// `vrrp_no_swap`: memory is locked.
    pub no_swap: bool,
    /// `vrrp_cpu_affinity`: processors to run on; empty: all.
    pub cpu_affinity: Vec<u16>,
    /// `max_auto_priority`: real-time priority up to which a late process raises itself, 1 to 99. `None`: it does not.
    pub max_auto_priority: Option<u8>,
    /// `min_auto_priority_delay`: how late it must be for that, in microseconds, at most 10 000 000. `None`: 1 000 000.
    pub min_auto_priority_delay: Option<u64>,
}

/// What the dumps of keepalived's signals are written to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dumps {
    /// `state_file_location`: a file, or with a `/` at the end a directory. `None`: the daemon's choice.
    pub state: Option<PathBuf>,
    /// `stats_file_location`
    pub stats: Option<PathBuf>,
    /// `json_file_location`
    pub json: Option<PathBuf>,
    /// `json_version`, default 1.
    pub json_version: JsonVersion,
    /// `data_use_instance`: file names have the name of [`GlobalDefs::instance`] in them.
    pub use_instance: bool,
}

/// The form of the JSON dump.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum JsonVersion {
    /// A list of instances.
    #[default]
    V1,
    /// An object with `vrrp` and `track_process`.
    V2,
}

/// The firewall table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nftables {
    /// `nftables [NAME]`: the table, default `keepalived`.
    pub table: String,
    /// `nftables_priority` of its chains, default −1.
    pub priority: i32,
    /// `nftables_counters`: rules count.
    pub counters: bool,
}

impl Default for Nftables {
    fn default() -> Self {
        Self { table: "keepalived".to_owned(), priority: -1, counters: false }
    }
}
