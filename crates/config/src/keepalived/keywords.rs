//! Every keyword of keepalived's VRRP part, block by block, and what it is to us.

/// What a keyword does here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Support {
    /// What it does in keepalived.
    Full,
    /// Nothing, for this reason; it stands in distributions' stock files, so only a notice says so.
    Stock(&'static str),
    /// Nothing, for this reason.
    NoEffect(&'static str),
    /// It would change behaviour and is not there yet; the way out.
    Missing(&'static str),
}

/// Whether braces follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Never.
    Line,
    /// Always.
    Block,
    /// As the user likes.
    Either,
}

/// One keyword.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keyword {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// Its values: optional ones in `[]`; `...` for any number.
    pub(super) usage: &'static str,
    pub(super) support: Support,
}

impl Keyword {
    /// How many values it must have.
    pub(super) fn min(&self) -> usize {
        self.usage.split_whitespace().filter(|word| !word.starts_with('[') && *word != "...").count()
    }

    /// How many values it may have; `None`: any number.
    pub(super) fn max(&self) -> Option<usize> {
        let words = self.usage.split_whitespace();
        (!self.usage.ends_with("...")).then(|| words.count())
    }
}

/// The keywords of one kind of block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// Where that is, for messages: `in BLOCK`.
    pub(super) place: &'static str,
    pub(super) keywords: &'static [Keyword],
    /// Beginnings of keywords for the parts of keepalived that are not ours, and why they have no effect.
    pub(super) foreign: &'static [(&'static str, &'static str)],
}

impl Context {
    /// The keyword called `name`.
    pub(super) fn find(&self, name: &str) -> Option<&'static Keyword> {
        self.keywords.iter().find(|keyword| keyword.name == name)
    }
}

const fn keyword(name: &'static str, shape: Shape, usage: &'static str, support: Support) -> Keyword {
    Keyword { name, shape, usage, support }
}

const fn line(name: &'static str, usage: &'static str) -> Keyword {
    keyword(name, Shape::Line, usage, Support::Full)
}

const fn block(name: &'static str, usage: &'static str) -> Keyword {
    keyword(name, Shape::Block, usage, Support::Full)
}

const fn stock(name: &'static str, why: &'static str) -> Keyword {
    keyword(name, Shape::Either, "...", Support::Stock(why))
}

const fn no_effect(name: &'static str, why: &'static str) -> Keyword {
    keyword(name, Shape::Either, "...", Support::NoEffect(why))
}

const fn missing(name: &'static str, way_out: &'static str) -> Keyword {
    keyword(name, Shape::Either, "...", Support::Missing(way_out))
}

const CONTEST: &str = "whoever wins a contest announces its addresses anew, as after taking over";
const LAST_WORD: &str = "whoever yields always says so once, so that the winner announces its addresses";
const LVS: &str = "vrrpd has no LVS; lbd balances the load";
const BFD: &str =
    "vrrpd has no BFD; sub-second `advert_int` with `version 3` and `track_lbd` find failures as fast";
const MAIL: &str = "vrrpd sends no mail; a `notify` script can";
const SCHEDULING: &str =
    "set it in the service unit (CPUSchedulingPolicy=, Nice=, LimitMEMLOCK=, CPUAffinity=)";
const SOCKETS: &str = "vrrpd sizes its socket buffers itself";
const SNMP: &str = "vrrpd has no SNMP agent; it serves metrics instead";
const DBUS: &str = "vrrpd is not on D-Bus; it serves its state on a socket";
const DUMPS: &str = "vrrpd writes no dump files; ask it for its state instead";
const FIREWALL: &str = "vrrpd makes no firewall tables of this name";
const PROCESSES: &str = "vrrpd names its processes itself";
const RELOAD: &str = "every reload is checked first, and a broken file changes nothing";
const LINKS: &str = "link state comes from the kernel's netlink events";
const VMAC: &str = "remove it: the address is announced with the interface's own MAC";
const NOTIFY_INSTEAD: &str = "do it in a `notify_master` / `notify_backup` script";

/// Blocks that only stand at the top level: inside another block, a `}` is missing before them.
pub(super) const ONLY_AT_TOP: &[&str] = &[
    "global_defs",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
    "vrrp_track_process",
    "vrrp_track_file",
    "virtual_server",
    "virtual_server_group",
    "bfd_instance",
];

/// The top level of a file.
pub(super) const TOP: Context = Context {
    place: "at the top level",
    foreign: &[],
    keywords: &[
        block("global_defs", ""),
        block("vrrp_instance", "NAME"),
        block("vrrp_script", "NAME"),
        block("vrrp_track_process", "NAME"),
        block("vrrp_track_file", "NAME"),
        block("track_file", "NAME"),
        line("instance", "NAME"),
        missing("vrrp_sync_group", "remove the group: its instances then fail over one by one"),
        missing("static_ipaddress", "configure the address in the system's network configuration"),
        missing("static_routes", "configure the route in the system's network configuration"),
        missing("static_rules", "configure the rule in the system's network configuration"),
        missing("track_group", "remove it; it only serves `static_*` entries"),
        missing("garp_group", "use `vrrp_garp_interval` in `global_defs`"),
        missing("interface_up_down_delays", "remove it; an interface that goes down is acted on at once"),
        missing("net_namespace", "start vrrpd in the namespace: `ip netns exec NAME vrrpd ...`"),
        no_effect("net_namespace_ipvs", LVS),
        no_effect("namespace_with_ipsets", FIREWALL),
        no_effect("linkbeat_use_polling", LINKS),
        no_effect("linkbeat_interfaces", LINKS),
        no_effect("use_pid_dir", "name the file with `-p`"),
        no_effect("child_wait_time", PROCESSES),
        no_effect("virtual_server", LVS),
        no_effect("virtual_server_group", LVS),
        no_effect("SSL", LVS),
        no_effect("bfd_instance", BFD),
    ],
};

/// `global_defs`.
pub(super) const GLOBAL: Context = Context {
    place: "in global_defs",
    foreign: &[("lvs_", LVS), ("checker_", LVS), ("bfd_", BFD)],
    keywords: &[
        line("router_id", "NAME"),
        line("enable_script_security", ""),
        line("script_user", "USER [GROUP]"),
        line("vrrp_version", "2|3"),
        line("vrrp_garp_master_delay", "SECONDS"),
        line("vrrp_garp_master_repeat", "COUNT"),
        line("vrrp_garp_master_refresh", "SECONDS"),
        line("vrrp_garp_master_refresh_repeat", "COUNT"),
        no_effect("vrrp_garp_lower_prio_delay", CONTEST),
        no_effect("vrrp_garp_lower_prio_repeat", CONTEST),
        line("vrrp_garp_interval", "SECONDS"),
        line("vrrp_gna_interval", "SECONDS"),
        line("vrrp_min_garp", "[BOOL]"),
        line("vrrp_down_timer_adverts", "COUNT"),
        line("vrrp_lower_prio_no_advert", "[BOOL]"),
        no_effect("vrrp_higher_prio_send_advert", LAST_WORD),
        line("vrrp_check_unicast_src", "[BOOL]"),
        line("vrrp_skip_check_adv_addr", "[BOOL]"),
        line("vrrp_strict", "[BOOL]"),
        line("v3_checksum_as_v2", "[BOOL]"),
        line("vip_lease", "SECONDS"),
        line("vrrp_startup_delay", "SECONDS"),
        line("vrrp_delay_after_boot", "SECONDS"),
        line("notify_fifo", "PATH [USER] [GROUP]"),
        line("notify_fifo_script", "\"COMMAND\" [USER] [GROUP]"),
        line("vrrp_notify_fifo", "PATH [USER] [GROUP]"),
        line("vrrp_notify_fifo_script", "\"COMMAND\" [USER] [GROUP]"),
        line("dynamic_interfaces", "[allow_if_changes]"),
        line("instance", "NAME"),
        stock("notification_email", MAIL),
        stock("notification_email_from", MAIL),
        stock("smtp_server", MAIL),
        stock("smtp_connect_timeout", MAIL),
        no_effect("smtp_helo_name", MAIL),
        no_effect("smtp_alert", MAIL),
        no_effect("smtp_alert_vrrp", MAIL),
        no_effect("smtp_alert_checker", MAIL),
        no_effect("no_email_faults", MAIL),
        no_effect("no_checker_emails", MAIL),
        no_effect("rs_init_notifies", LVS),
        no_effect("snmp_vs_stats_update_interval", LVS),
        no_effect("snmp_rs_stats_update_interval", LVS),
        no_effect("nftables_ipvs", LVS),
        no_effect("nftables_ipvs_priority", LVS),
        no_effect("nftables_ipvs_start_fwmark", LVS),
        no_effect("process_names", PROCESSES),
        no_effect("process_name", PROCESSES),
        no_effect("vrrp_process_name", PROCESSES),
        no_effect("use_symlink_paths", PROCESSES),
        no_effect("use_pid_dir", "name the file with `-p`"),
        no_effect("child_wait_time", PROCESSES),
        no_effect("random_seed", PROCESSES),
        no_effect("iproute_usr_dir", PROCESSES),
        no_effect("iproute_etc_dir", PROCESSES),
        no_effect("max_auto_priority", SCHEDULING),
        no_effect("min_auto_priority_delay", SCHEDULING),
        no_effect("vrrp_priority", SCHEDULING),
        no_effect("vrrp_no_swap", SCHEDULING),
        no_effect("vrrp_rt_priority", SCHEDULING),
        no_effect("vrrp_cpu_affinity", SCHEDULING),
        no_effect("vrrp_rlimit_rttime", SCHEDULING),
        no_effect("vrrp_rlimit_rtime", SCHEDULING),
        no_effect("vrrp_netlink_cmd_rcv_bufs", SOCKETS),
        no_effect("vrrp_netlink_cmd_rcv_bufs_force", SOCKETS),
        no_effect("vrrp_netlink_monitor_rcv_bufs", SOCKETS),
        no_effect("vrrp_netlink_monitor_rcv_bufs_force", SOCKETS),
        no_effect("process_monitor_rcv_bufs", SOCKETS),
        no_effect("process_monitor_rcv_bufs_force", SOCKETS),
        no_effect("vrrp_rx_bufs_policy", SOCKETS),
        no_effect("vrrp_rx_bufs_multiplier", SOCKETS),
        no_effect("snmp_socket", SNMP),
        no_effect("enable_traps", SNMP),
        no_effect("enable_snmp_vrrp", SNMP),
        no_effect("enable_snmp_keepalived", SNMP),
        no_effect("enable_snmp_rfc", SNMP),
        no_effect("enable_snmp_rfcv2", SNMP),
        no_effect("enable_snmp_rfcv3", SNMP),
        no_effect("enable_snmp_checker", SNMP),
        no_effect("enable_dbus", DBUS),
        no_effect("dbus_service_name", DBUS),
        no_effect("dbus_no_interface_name", DBUS),
        no_effect("vrrp_iptables", FIREWALL),
        no_effect("vrrp_ipsets", FIREWALL),
        no_effect("nftables", FIREWALL),
        no_effect("nftables_priority", FIREWALL),
        no_effect("nftables_ifindex", FIREWALL),
        no_effect("nftables_counters", FIREWALL),
        no_effect("vmac_prefix", "vrrpd makes no virtual MAC interfaces"),
        no_effect("vmac_addr_prefix", "vrrpd makes no virtual MAC interfaces"),
        no_effect("log_unknown_vrids", "advertisements of unknown virtual routers are always counted"),
        no_effect("reload_check_config", RELOAD),
        no_effect("config_save_dir", RELOAD),
        no_effect("tmp_config_directory", RELOAD),
        no_effect("include_check", "a file that an `include` cannot read is always reported"),
        no_effect("data_use_instance", DUMPS),
        no_effect("json_version", DUMPS),
        no_effect("state_dump_file", DUMPS),
        no_effect("stats_dump_file", DUMPS),
        no_effect("json_dump_file", DUMPS),
        no_effect("umask", DUMPS),
        missing("net_namespace", "start vrrpd in the namespace: `ip netns exec NAME vrrpd ...`"),
        missing("set_supplementary_groups", "name the group in `script_user`"),
        missing("startup_script", "use ExecStartPre= of the service unit"),
        missing("startup_script_timeout", "use ExecStartPre= of the service unit"),
        missing("shutdown_script", "use ExecStopPost= of the service unit"),
        missing("shutdown_script_timeout", "use ExecStopPost= of the service unit"),
        missing("default_interface", "name the interface in each `vrrp_instance`"),
        missing("disable_local_igmp", "remove it; it belongs to virtual MAC interfaces"),
        missing(
            "vrrp_mcast_group4",
            "remove it on all nodes: the group is then 224.0.0.18; or use `unicast_peer`",
        ),
        missing(
            "vrrp_mcast_group6",
            "remove it on all nodes: the group is then ff02::12; or use `unicast_peer`",
        ),
        missing("vrrp_garp_extra_if", "use `vrrp_garp_master_refresh`"),
        missing("vrrp_vmac_garp_intvl", "use `vrrp_garp_master_refresh`"),
        missing("vrrp_notify_priority_changes", "remove it; priority changes are logged"),
        missing("fifo_write_vrrp_states_on_reload", "remove it; the FIFO tells changes of state"),
        missing("vrrp_owner_ignore_adverts", "use a priority below 255"),
        missing("reload_time_file", "reload with SIGHUP"),
        missing("reload_repeat", "reload with SIGHUP"),
        missing("reload_file", "reload with SIGHUP"),
    ],
};

/// `vrrp_script NAME`.
pub(super) const SCRIPT: Context = Context {
    place: "in vrrp_script",
    foreign: &[],
    keywords: &[
        line("script", "\"COMMAND\""),
        line("interval", "SECONDS"),
        line("timeout", "SECONDS"),
        line("weight", "NUMBER [reverse]"),
        line("rise", "COUNT"),
        line("fall", "COUNT"),
        line("user", "USER [GROUP]"),
        line("init_fail", ""),
    ],
};

/// `vrrp_track_process NAME`.
pub(super) const PROCESS: Context = Context {
    place: "in vrrp_track_process",
    foreign: &[],
    keywords: &[
        line("process", "NAME ..."),
        line("param_match", "[initial|partial]"),
        line("weight", "NUMBER [reverse]"),
        line("quorum", "COUNT"),
        line("quorum_max", "COUNT"),
        line("delay", "SECONDS"),
        line("fork_delay", "SECONDS"),
        line("terminate_delay", "SECONDS"),
        line("full_command", ""),
    ],
};

/// `vrrp_track_file NAME` or `track_file NAME` at the top level.
pub(super) const FILE: Context = Context {
    place: "in track_file",
    foreign: &[],
    keywords: &[
        line("file", "PATH"),
        line("weight", "NUMBER [reverse]"),
        line("init_file", "[VALUE] [overwrite]"),
    ],
};

/// `vrrp_instance NAME`.
pub(super) const INSTANCE: Context = Context {
    place: "in vrrp_instance",
    foreign: &[],
    keywords: &[
        line("state", "MASTER|BACKUP"),
        line("interface", "NAME"),
        line("virtual_router_id", "1-255"),
        line("priority", "1-255"),
        line("advert_int", "SECONDS"),
        line("version", "2|3"),
        block("authentication", ""),
        block("virtual_ipaddress", ""),
        block("virtual_ipaddress_excluded", ""),
        line("no_virtual_ipaddress", ""),
        line("unicast_src_ip", "ADDRESS"),
        block("unicast_peer", ""),
        line("unicast_ttl", "0-255"),
        line("check_unicast_src", "[BOOL]"),
        line("mcast_src_ip", "ADDRESS"),
        block("track_script", ""),
        block("track_interface", ""),
        block("track_file", ""),
        block("track_process", ""),
        keyword("track_lbd", Shape::Either, "", Support::Full),
        line("dont_track_primary", ""),
        line("preempt", ""),
        line("nopreempt", ""),
        line("preempt_delay", "SECONDS"),
        line("accept", ""),
        line("no_accept", ""),
        line("garp_master_delay", "SECONDS"),
        line("garp_master_repeat", "COUNT"),
        line("garp_master_refresh", "SECONDS"),
        line("garp_master_refresh_repeat", "COUNT"),
        no_effect("garp_lower_prio_delay", CONTEST),
        no_effect("garp_lower_prio_repeat", CONTEST),
        line("lower_prio_no_advert", "[BOOL]"),
        no_effect("higher_prio_send_advert", LAST_WORD),
        line("down_timer_adverts", "COUNT"),
        line("strict_mode", "[BOOL]"),
        line("skip_check_adv_addr", "[BOOL]"),
        line("v3_checksum_as_v2", "[BOOL]"),
        line("notify_master", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_backup", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_fault", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_stop", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_deleted", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_master_rx_lower_pri", "\"COMMAND\" [USER] [GROUP]"),
        line("notify", "\"COMMAND\" [USER] [GROUP]"),
        line("vip_lease", "SECONDS"),
        no_effect("smtp_alert", MAIL),
        no_effect("native_ipv6", "the family follows from the addresses"),
        no_effect("linkbeat_use_polling", LINKS),
        no_effect("kernel_rx_buf_size", SOCKETS),
        no_effect("debug", "start vrrpd with `-D` for details"),
        no_effect("lvs_sync_daemon_interface", LVS),
        missing("virtual_routes", NOTIFY_INSTEAD),
        missing("virtual_rules", NOTIFY_INSTEAD),
        missing("promote_secondaries", "set the sysctl net.ipv4.conf.IF.promote_secondaries"),
        missing("auth_hmac", "remove it on all nodes, and keep the LAN of the routers closed to others"),
        missing("track_bfd", "use `version 3` with a sub-second `advert_int`"),
        missing("track_src_ip", "remove it; an interface that loses its address is acted on anyway"),
        missing("use_vmac", VMAC),
        missing("use_vmac_addr", VMAC),
        missing("vmac_xmit_base", VMAC),
        missing("use_ipvlan", VMAC),
        missing("vrf", "name the interface inside the VRF"),
        missing("unicast_fault_no_peer", "remove it, and name at least one `unicast_peer`"),
        missing("old_unicast_checksum", "remove it; both checksum forms are accepted"),
        missing(
            "mcast_dst_ip",
            "remove it on all nodes: the group is then the standard one; or use `unicast_peer`",
        ),
        missing("garp_extra_if", "use `garp_master_refresh`"),
        missing("vmac_garp_intvl", "use `garp_master_refresh`"),
        missing("owner_ignore_adverts", "use a priority below 255"),
        missing(
            "timer_expired_backup",
            "remove it; a node that was not scheduled for a down interval yields anyway",
        ),
        missing(
            "thread_timer_expired",
            "remove it; a node that was not scheduled for a down interval yields anyway",
        ),
        missing("notify_priority_changes", "remove it; priority changes are logged"),
    ],
};

/// `authentication` of a `vrrp_instance`.
pub(super) const AUTHENTICATION: Context = Context {
    place: "in authentication",
    foreign: &[],
    keywords: &[line("auth_type", "PASS"), line("auth_pass", "PASSWORD")],
};

/// `track_lbd` of a `vrrp_instance` (ours).
pub(super) const TRACK_LBD: Context = Context {
    place: "in track_lbd",
    foreign: &[],
    keywords: &[line("socket", "PATH"), line("weight", "NUMBER"), line("timeout", "SECONDS")],
};

/// Every kind of block, to find where a misplaced keyword belongs.
pub(super) const ALL: &[Context] = &[TOP, GLOBAL, SCRIPT, PROCESS, FILE, INSTANCE, AUTHENTICATION, TRACK_LBD];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_keyword_is_listed_twice_in_a_block() {
        for context in ALL {
            let names: BTreeSet<&str> = context.keywords.iter().map(|keyword| keyword.name).collect();
            assert_eq!(names.len(), context.keywords.len(), "{}", context.place);
        }
    }

    #[test]
    fn the_usage_says_how_many_values_there_are() {
        for (usage, min, max) in [
            ("", 0, Some(0)),
            ("NAME", 1, Some(1)),
            ("USER [GROUP]", 1, Some(2)),
            ("NAME ...", 1, None),
            ("...", 0, None),
        ] {
            let keyword = line("x", usage);
            assert_eq!((keyword.min(), keyword.max()), (min, max), "{usage}");
        }
    }
}
