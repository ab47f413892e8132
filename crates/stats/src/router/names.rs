//! The names of the metrics, in the style of [`crate::names`]: the unit is the last word before `_total`. Labels are
//! `router`, for an address also `address`, for a peer also `peer`, for a tracker `tracker`, and for a state `state`: all
//! bounded, by the configuration or by the number of peers that are remembered.

use metrics::Unit;

use crate::names::{Kind, Metric};

macro_rules! table {
    ($( $id:ident $kind:ident $unit:ident $name:literal $help:literal; )*) => {
        $( pub(super) const $id: Metric =
            Metric { name: $name, kind: Kind::$kind, unit: Unit::$unit, help: $help }; )*

        /// Every metric of a VRRP daemon, in the order of the exposition.
        pub const ALL: &[Metric] = &[$( $id, )*];
    };
}

table! {
    START Gauge Seconds "vrrp_process_start_time_seconds" "Start of the process, since the Unix epoch.";
    BUILD Gauge Count "vrrp_build_info" "Version of the program, as a label.";
    PACKETS Counter Count "vrrp_packets_received_total" "VRRP packets received.";
    ROUTER_CHECKSUM Counter Count "vrrp_router_checksum_errors_total" "Packets with a wrong checksum (vrrpv3RouterChecksumErrors).";
    ROUTER_VERSION Counter Count "vrrp_router_version_errors_total" "Packets with an unknown version (vrrpv3RouterVersionErrors).";
    ROUTER_VRID Counter Count "vrrp_router_vrid_errors_total" "Packets for a virtual router that is not configured (vrrpv3RouterVrIdErrors).";
    STATE Gauge Count "vrrp_state" "1 for the state in the label: INIT, BACKUP, MASTER or FAULT.";
    STATE_SECONDS Gauge Seconds "vrrp_state_seconds" "How long it has been in its state.";
    BASE_PRIORITY Gauge Count "vrrp_base_priority" "Priority of the configuration.";
    PRIORITY Gauge Count "vrrp_effective_priority" "Priority after tracking.";
    INTERVAL Gauge Seconds "vrrp_advertisement_interval_seconds" "Interval of its advertisements.";
    YIELDING Gauge Count "vrrp_yielding" "1 while it is MASTER and silent, so that a better one takes over.";
    SPLIT Gauge Count "vrrp_split_brain" "1 while another MASTER is there beside it.";
    HELD Gauge Count "vrrp_address_held" "1 while the kernel has the address.";
    PEER_PRIORITY Gauge Count "vrrp_peer_priority" "What a peer said last, 0 to 255.";
    PEER_HEARD Gauge Seconds "vrrp_peer_heard_seconds" "How long ago a peer was heard.";
    TRACKER Gauge Count "vrrp_tracker_up" "1 while what is tracked is well.";
    COUNTERS Counter Count "vrrp_*_total" "The counters of a virtual router, each under its own name.";
}
