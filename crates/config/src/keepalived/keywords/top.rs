//! The top level, and the blocks that define what instances use.

use super::*;

/// Blocks that only stand at the top level: inside another block, a `}` is missing before them.
pub(in crate::keepalived) const ONLY_AT_TOP: &[&str] = &[
    "global_defs",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_sync_group",
    "vrrp_track_process",
    "vrrp_track_file",
    "virtual_server",
    "virtual_server_group",
    "bfd_instance",
    "static_ipaddress",
    "static_routes",
    "static_rules",
    "garp_group",
    "interface_up_down_delays",
];

/// The top level of a file.
pub(in crate::keepalived) const TOP: Context = Context {
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
        block("vrrp_sync_group", "NAME"),
        block("static_ipaddress", ""),
        block("static_routes", ""),
        block("static_rules", ""),
        block("track_group", "NAME"),
        block("garp_group", ""),
        block("interface_up_down_delays", ""),
        line("net_namespace", "NAME"),
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

/// `vrrp_script NAME`.
pub(in crate::keepalived) const SCRIPT: Context = Context {
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
pub(in crate::keepalived) const PROCESS: Context = Context {
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
pub(in crate::keepalived) const FILE: Context = Context {
    place: "in track_file",
    foreign: &[],
    keywords: &[
        line("file", "PATH"),
        line("weight", "NUMBER [reverse]"),
        line("init_file", "[VALUE] [overwrite]"),
    ],
};

/// `vrrp_sync_group NAME`.
pub(in crate::keepalived) const GROUP: Context = Context {
    place: "in vrrp_sync_group",
    foreign: &[],
    keywords: &[
        block("group", ""),
        block("track_script", ""),
        block("track_interface", ""),
        block("track_file", ""),
        block("track_process", ""),
        keyword("track_lbd", Shape::Either, "", Support::Full),
        line("notify_master", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_backup", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_fault", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_stop", "\"COMMAND\" [USER] [GROUP]"),
        line("notify", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_priority_changes", "[BOOL]"),
        no_effect(
            "notify_deleted",
            "a group is not told of its instances' removal; `notify_deleted` of the instance is",
        ),
        no_effect("smtp_alert", MAIL),
        missing("track_bfd", "use `version 3` with a sub-second `advert_int`"),
        missing(
            "global_tracking",
            "name what is tracked in `track_script` or `track_interface` of the group",
        ),
        line("sync_group_tracking_weight", ""),
    ],
};

/// `track_group NAME` at the top level.
pub(in crate::keepalived) const TRACK_GROUP: Context =
    Context { place: "in track_group", foreign: &[], keywords: &[block("group", "")] };

/// `garp_group`.
pub(in crate::keepalived) const GARP_GROUP: Context = Context {
    place: "in garp_group",
    foreign: &[],
    keywords: &[
        line("garp_interval", "SECONDS"),
        line("gna_interval", "SECONDS"),
        line("interface", "NAME"),
        block("interfaces", ""),
    ],
};
