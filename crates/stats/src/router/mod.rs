//! What a VRRP daemon says of itself: plain data that it writes as JSON, and that others read.
//!
//! Times are seconds, ages are counted back from the moment of the report. States are keepalived's words: `INIT`,
//! `BACKUP`, `MASTER`, `FAULT`.

mod names;
mod prometheus;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use names::ALL as METRICS;
pub use prometheus::render;

/// The daemon.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeReport {
    /// Version of the program.
    pub version: String,
    /// Host name.
    pub host: String,
    /// Number of the process that answers.
    pub pid: u32,
    /// The configuration file.
    pub config: String,
    /// When the process started, since the Unix epoch: counters count from here (RFC 6527's discontinuity time).
    pub started_unix: f64,
    /// How long ago that was.
    pub uptime_seconds: f64,
    /// VRRP packets received.
    pub packets: u64,
    /// RFC 6527 `vrrpv3RouterChecksumErrors`: packets with a wrong checksum.
    pub checksum_errors: u64,
    /// RFC 6527 `vrrpv3RouterVersionErrors`: packets with an unknown version.
    pub version_errors: u64,
    /// RFC 6527 `vrrpv3RouterVrIdErrors`: packets for a virtual router that is not configured.
    pub vrid_errors: u64,
    /// The virtual routers, in the order of the configuration.
    pub routers: Vec<RouterReport>,
    /// What they track.
    pub trackers: Vec<TrackerReport>,
}

/// A virtual router.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouterReport {
    /// Its name in the configuration.
    pub name: String,
    /// The interface it speaks on.
    pub interface: String,
    /// 1 to 255.
    pub vrid: u8,
    /// `IPv4` or `IPv6`.
    pub family: String,
    /// 2 or 3.
    pub version: u8,
    /// `INIT`, `BACKUP`, `MASTER` or `FAULT`.
    pub state: String,
    /// How long it has been in it.
    pub state_seconds: f64,
    /// MASTER, and silent so that a better one takes over.
    pub yielding: bool,
    /// It could be MASTER but for the others of its sync group.
    pub waiting: bool,
    /// Priority of the configuration.
    pub base_priority: u8,
    /// Priority after tracking.
    pub effective_priority: u8,
    /// Its own interval.
    pub interval_seconds: f64,
    /// The interval of the MASTER, as it says.
    pub master_interval_seconds: f64,
    /// The address it sends from.
    pub source: Option<IpAddr>,
    /// The MASTER as far as it knows: itself, or the one heard last.
    pub master: Option<IpAddr>,
    /// Another MASTER beside it, as long as that is there.
    pub split_brain: Option<SplitReport>,
    /// The last changes of state, newest first.
    pub transitions: Vec<TransitionReport>,
    /// Its addresses.
    pub addresses: Vec<AddressReport>,
    /// Routers that it has heard.
    pub peers: Vec<PeerReport>,
    /// Its counters.
    pub counters: RouterCounters,
}

/// Two MASTERs at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SplitReport {
    /// Who the other one is.
    pub rival: String,
}

/// A change of state.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransitionReport {
    /// When, since the Unix epoch.
    pub at_unix: f64,
    /// State before.
    pub from: String,
    /// State after.
    pub to: String,
    /// Why, and why that: the nearest cause first.
    pub causes: Vec<String>,
}

/// A virtual address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddressReport {
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix_len: u8,
    /// The interface it is on.
    pub interface: String,
    /// It is in advertisements; otherwise it is an excluded one.
    pub advertised: bool,
    /// The kernel has it, added by this daemon.
    pub held: bool,
    /// How long the kernel keeps it if nobody renews it; `None`: for ever.
    pub lease_seconds: Option<f64>,
}

/// A router that was heard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerReport {
    /// Where it sends from.
    pub address: IpAddr,
    /// What it said last, 0 to 255.
    pub priority: u8,
    /// The interval it said last.
    pub interval_seconds: f64,
    /// What its checksum covers: `message`, `pseudo-header` or `pseudo-header of the group`.
    pub checksum: String,
    /// How long ago it was heard.
    pub heard_seconds: f64,
    /// Valid advertisements from it.
    pub adverts: u64,
}

/// Something tracked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrackerReport {
    /// `script chk`, `process lbd`, ...
    pub name: String,
    /// `UP`, `DOWN`, `NUMBER` for a file, or `UNKNOWN` before the first result.
    pub state: String,
    /// How long it has been so.
    pub state_seconds: f64,
    /// What was seen last.
    pub detail: String,
    /// The virtual routers that depend on it, each with the weight; 0: FAULT when it is down.
    pub routers: Vec<(String, i16)>,
}

macro_rules! counters {
    ($( $(#[$doc:meta])* $field:ident $metric:literal; )*) => {
        /// The counters of a virtual router, those of RFC 6527 (VRRPv3-MIB) and RFC 2787 (VRRP-MIB) one to one, and more.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct RouterCounters {
            /// RFC 6527 `vrrpv3StatisticsNewMasterReason`: `notMaster`, `priority`, `preempted` or `masterNoResponse`.
            pub new_master_reason: String,
            /// RFC 6527 `vrrpv3StatisticsProtoErrReason`: `noError`, `ipTtlError`, `versionError`, `checksumError` or
            /// `vrIdError`, the last there was.
            pub protocol_error_reason: String,
            $( $(#[$doc])* pub $field: u64, )*
        }

        impl RouterCounters {
            /// Each counter with the name of its metric.
            pub fn metrics(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$( ($metric, self.$field), )*].into_iter()
            }
        }
    };
}

counters! {
    /// `vrrpv3StatisticsMasterTransitions`, `vrrpStatsBecomeMaster`
    master_transitions "vrrp_master_transitions_total";
    /// Changes from MASTER to anything else.
    master_releases "vrrp_master_releases_total";
    /// `vrrpv3StatisticsRcvdAdvertisements`, `vrrpStatsAdvertiseRcvd`
    advertisements_received "vrrp_advertisements_received_total";
    /// Not in the MIBs.
    advertisements_sent "vrrp_advertisements_sent_total";
    /// `vrrpv3StatisticsAdvIntervalErrors`, `vrrpStatsAdvertiseIntervalErrors`
    interval_errors "vrrp_interval_errors_total";
    /// Version 3: valid advertisements with another interval, which was learned.
    interval_differences "vrrp_interval_differences_total";
    /// `vrrpv3StatisticsIpTtlErrors`, `vrrpStatsIpTtlErrors`
    ttl_errors "vrrp_ttl_errors_total";
    /// Wrong version, for this virtual router.
    version_errors "vrrp_version_errors_total";
    /// Wrong checksum, for this virtual router.
    checksum_errors "vrrp_checksum_errors_total";
    /// `vrrpv3StatisticsRcvdPriZeroPackets`, `vrrpStatsPriorityZeroPktsRcvd`
    priority_zero_received "vrrp_priority_zero_received_total";
    /// `vrrpv3StatisticsSentPriZeroPackets`, `vrrpStatsPriorityZeroPktsSent`
    priority_zero_sent "vrrp_priority_zero_sent_total";
    /// `vrrpv3StatisticsRcvdInvalidTypePkts`, `vrrpStatsInvalidTypePktsRcvd`
    invalid_type_received "vrrp_invalid_type_received_total";
    /// `vrrpv3StatisticsAddressListErrors`, `vrrpStatsAddressListErrors`
    address_list_errors "vrrp_address_list_errors_total";
    /// `vrrpv3StatisticsPacketLengthErrors`, `vrrpStatsPacketLengthErrors`
    packet_length_errors "vrrp_packet_length_errors_total";
    /// `vrrpStatsAuthFailures`
    authentication_failures "vrrp_authentication_failures_total";
    /// `vrrpStatsInvalidAuthType`
    invalid_authentication_type "vrrp_invalid_authentication_type_total";
    /// `vrrpStatsAuthTypeMismatch`
    authentication_type_mismatches "vrrp_authentication_type_mismatches_total";
    /// `auth_hmac`: no signature where one is required.
    signatures_missing "vrrp_signatures_missing_total";
    /// `auth_hmac`: a trailer that is none.
    signatures_malformed "vrrp_signatures_malformed_total";
    /// `auth_hmac`: a key that is not configured.
    signatures_unknown_key "vrrp_signatures_unknown_key_total";
    /// `auth_hmac`: wrong.
    signatures_invalid "vrrp_signatures_invalid_total";
    /// `auth_hmac`: too old, or from the future.
    signatures_stale "vrrp_signatures_stale_total";
    /// `auth_hmac`: heard before.
    signatures_replayed "vrrp_signatures_replayed_total";
    /// Sent by ourselves, or by a twin with our address.
    own_address_received "vrrp_own_address_received_total";
    /// Packets for this virtual router that failed any check.
    discarded "vrrp_discarded_total";
    /// Version 3 over IPv4: checksums that cover the message alone (RFC 9568).
    checksums_of_message "vrrp_checksums_of_message_total";
    /// Version 3 over IPv4: checksums that cover a pseudo-header (keepalived).
    checksums_with_pseudo_header "vrrp_checksums_with_pseudo_header_total";
    /// Advertisements of other MASTERs heard while MASTER.
    contests "vrrp_contests_total";
    /// Times that another MASTER stayed beside this one.
    splits "vrrp_splits_total";
}
