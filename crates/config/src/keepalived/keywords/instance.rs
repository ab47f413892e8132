//! `vrrp_instance` and its blocks.

use super::*;

/// `vrrp_instance NAME`.
pub(in crate::keepalived) const INSTANCE: Context = Context {
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
        line("garp_lower_prio_delay", "SECONDS"),
        line("garp_lower_prio_repeat", "COUNT"),
        line("lower_prio_no_advert", "[BOOL]"),
        line("higher_prio_send_advert", "[BOOL]"),
        line("down_timer_adverts", "COUNT"),
        line("strict_mode", "[BOOL]"),
        line("skip_check_adv_addr", "[BOOL]"),
        line("v3_checksum_as_v2", "[BOOL]"),
        line("notify_master", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_backup", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_fault", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_stop", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_deleted", "[\"COMMAND\"] [USER] [GROUP]"),
        line("notify_master_rx_lower_pri", "\"COMMAND\" [USER] [GROUP]"),
        line("notify_split", "\"COMMAND\" [USER] [GROUP]"),
        line("notify", "\"COMMAND\" [USER] [GROUP]"),
        line("vip_lease", "SECONDS"),
        no_effect("smtp_alert", MAIL),
        no_effect("native_ipv6", "the family follows from the addresses"),
        no_effect("linkbeat_use_polling", LINKS),
        no_effect("kernel_rx_buf_size", SOCKETS),
        no_effect("debug", "start vrrpd with `-D` for details"),
        no_effect("lvs_sync_daemon_interface", LVS),
        block("virtual_routes", ""),
        block("virtual_rules", ""),
        line("promote_secondaries", ""),
        block("auth_hmac", ""),
        missing("track_bfd", "use `version 3` with a sub-second `advert_int`"),
        planned(
            line("track_src_ip", ""),
            "remove it; an interface that loses its address is acted on anyway",
        ),
        line("use_vmac", "[NAME] [MAC] ..."),
        line("use_vmac_addr", ""),
        line("vmac_xmit_base", ""),
        missing("use_ipvlan", VMAC),
        missing("vrf", "name the interface inside the VRF"),
        planned(line("unicast_fault_no_peer", ""), "remove it, and name at least one `unicast_peer`"),
        missing("old_unicast_checksum", "remove it; both checksum forms are accepted"),
        line("mcast_dst_ip", "ADDRESS"),
        line("garp_extra_if", "[all] SECONDS"),
        line("vmac_garp_intvl", "[all] SECONDS"),
        line("owner_ignore_adverts", "[BOOL]"),
        no_effect("timer_expired_backup", YIELDS),
        no_effect("thread_timer_expired", YIELDS),
        line("notify_priority_changes", "[BOOL]"),
    ],
};

/// `authentication` of a `vrrp_instance`.
pub(in crate::keepalived) const AUTHENTICATION: Context = Context {
    place: "in authentication",
    foreign: &[],
    keywords: &[line("auth_type", "PASS"), line("auth_pass", "PASSWORD")],
};

/// `auth_hmac` of a `vrrp_instance`.
pub(in crate::keepalived) const HMAC: Context = Context {
    place: "in auth_hmac",
    foreign: &[],
    keywords: &[
        line("key", "ID VALUE"),
        line("active_key", "ID"),
        line("anti_replay", "time|monotonic"),
        line("time_window", "SECONDS"),
        line("mode", "enforce|permissive|receive-only"),
    ],
};

/// `track_lbd` of a `vrrp_instance` (ours).
pub(in crate::keepalived) const TRACK_LBD: Context = Context {
    place: "in track_lbd",
    foreign: &[],
    keywords: &[line("socket", "PATH"), line("weight", "NUMBER"), line("timeout", "SECONDS")],
};
