//! What concerns several instances or interfaces at once.

use std::time::Duration;

use super::{Notify, TrackLbd, Tracked};
use crate::source::Span;

/// `vrrp_sync_group NAME`: instances that change their role together.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncGroup {
    /// The name, for logs and notify scripts.
    pub name: String,
    /// `group`: names of instances, at least one; each is in one group.
    pub members: Vec<String>,
    /// `sync_group_tracking_weight`: what a member tracks itself counts with its weight.
    pub tracking_weight: bool,
    /// `track_script` of the group. Like the next ones, the members have it already in theirs.
    pub track_script: Vec<Tracked>,
    /// `track_interface`
    pub track_interface: Vec<Tracked>,
    /// `track_file`
    pub track_file: Vec<Tracked>,
    /// `track_process`
    pub track_process: Vec<Tracked>,
    /// `track_lbd` (ours)
    pub track_lbd: Option<TrackLbd>,
    /// `notify*`: told of the group's changes with `GROUP` and priority 0.
    pub notify: Notify,
    /// `vrrp_sync_group NAME` in the file.
    pub span: Span,
}

/// `track_group NAME`: the instances that are in FAULT while a `static_*` entry with this name is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackGroup {
    /// The name that `track_group` in a `static_*` entry uses.
    pub name: String,
    /// Names of instances.
    pub instances: Vec<String>,
    /// `track_group NAME` in the file.
    pub span: Span,
}

/// `garp_group`: the least gaps between announcements on some interfaces together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GarpGroup {
    /// `interface` or `interfaces`: at least one.
    pub interfaces: Vec<String>,
    /// `garp_interval` between gratuitous ARPs; zero: none.
    pub garp_interval: Duration,
    /// `gna_interval` between unsolicited neighbour advertisements; zero: none.
    pub gna_interval: Duration,
    /// Where it is written.
    pub span: Span,
}

/// A line of `interface_up_down_delays`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceDelay {
    /// The interface.
    pub interface: String,
    /// How long it is down before that counts, 0 to 255 s; less than the intervals an Active may be silent for.
    pub down: Duration,
    /// How long it is up before that counts, 0 to 255 s; default as `down`.
    pub up: Duration,
    /// Where it is written.
    pub span: Span,
}
