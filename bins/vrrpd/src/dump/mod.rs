//! What keepalived's signals write: state and counters as text, both as JSON, under its own names, for the tools that read
//! them.

mod file;
mod global;
mod json;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use config::keepalived::{Config, GlobalDefs, VrrpInstance};
use tracing::{info, warn};
use vrrp::{InstanceId, InstanceSnapshot, InstanceStats, Role};

/// Where dumps go that no `*_file_location` sends elsewhere. Nobody else may write here.
const DIRECTORY: &str = "/run/vrrpd";

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dump {
    /// `keepalived.data`
    State,
    /// `keepalived_parent.data`: what keepalived's parent process writes at the same time.
    Parent,
    /// `keepalived.stats`
    Stats,
    /// `keepalived.json`
    Json,
}

/// What a dump is made of.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) config: &'a Config,
    /// Each instance of the configuration with what the node says of it, in the order of the configuration.
    pub(crate) instances: Vec<(&'a VrrpInstance, InstanceSnapshot)>,
    /// Each `vrrp_track_process` with the number of its processes that run and whether that is enough.
    pub(crate) processes: Vec<(&'a config::keepalived::TrackProcess, Option<bool>)>,
    /// What the counters were when they were cleared.
    pub(crate) cleared: &'a BTreeMap<InstanceId, InstanceStats>,
    pub(crate) now: Instant,
    /// The same moment since the Unix epoch, in seconds.
    pub(crate) unix: f64,
}

impl Subject<'_> {
    /// When an instance came into its state, since the Unix epoch.
    fn last_transition(&self, snapshot: &InstanceSnapshot) -> f64 {
        let ago = snapshot
            .last_transition
            .map_or(0.0, |last| self.now.saturating_duration_since(last.at).as_secs_f64());
        self.unix - ago
    }

    /// The counters of an instance since they were cleared.
    fn counters(&self, snapshot: &InstanceSnapshot) -> Vec<(&'static str, u64)> {
        let before = self.cleared.get(&snapshot.id).map(json::counters);
        let before = |name| {
            let found = before.iter().flatten().find(|(known, _)| *known == name);
            found.map_or(0, |(_, count)| *count)
        };
        json::counters(&snapshot.stats)
            .into_iter()
            .map(|(name, count)| (name, count.saturating_sub(before(name))))
            .collect()
    }
}

/// Writes dumps, one after the other, without keeping the caller waiting for a disk.
pub(crate) fn write(dumps: &[Dump], subject: &Subject<'_>) {
    let global = &subject.config.global;
    let files: Vec<_> = dumps.iter().map(|&dump| (path(dump, global), text(dump, subject))).collect();
    let mode = 0o666 & !global.umask.unwrap_or(0o177);
    tokio::task::spawn_blocking(move || {
        for (path, text) in files {
            match file::replace(&path, text.as_bytes(), mode) {
                Ok(()) => info!("wrote {}", path.display()),
                Err(error) => warn!("cannot write {}: {error}", path.display()),
            }
        }
    });
}

fn text(dump: Dump, subject: &Subject<'_>) -> String {
    match dump {
        Dump::State => text::state(subject),
        Dump::Parent => global::text(&subject.config.global),
        Dump::Stats => text::stats(subject),
        Dump::Json => json::render(subject).to_string(),
    }
}

fn path(dump: Dump, global: &GlobalDefs) -> PathBuf {
    let (location, program, extension) = match dump {
        Dump::State => (&global.dumps.state, "keepalived", "data"),
        Dump::Parent => (&global.dumps.state, "keepalived_parent", "data"),
        Dump::Stats => (&global.dumps.stats, "keepalived", "stats"),
        Dump::Json => (&global.dumps.json, "keepalived", "json"),
    };
    let instance = global.instance.as_ref().filter(|_| global.dumps.use_instance);
    let name = instance.map_or_else(
        || format!("{program}.{extension}"),
        |instance| format!("{program}_{instance}.{extension}"),
    );
    match location {
        None => Path::new(DIRECTORY).join(name),
        Some(path) if path.to_string_lossy().ends_with('/') => path.join(name),
        Some(path) if dump == Dump::Parent => path.with_file_name(name),
        Some(path) => path.clone(),
    }
}

/// keepalived's number of a state.
fn number(role: Role) -> u8 {
    match role {
        Role::Initialize => 0,
        Role::Backup => 1,
        Role::Active => 2,
        Role::Fault(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_go_where_the_configuration_says_and_never_to_tmp_by_themselves() {
        let mut global = GlobalDefs::default();
        assert_eq!(path(Dump::Json, &global), Path::new("/run/vrrpd/keepalived.json"));
        global.instance = Some("left".to_owned());
        assert_eq!(path(Dump::State, &global), Path::new("/run/vrrpd/keepalived.data"));
        global.dumps.use_instance = true;
        assert_eq!(path(Dump::State, &global), Path::new("/run/vrrpd/keepalived_left.data"));
        assert_eq!(path(Dump::Parent, &global), Path::new("/run/vrrpd/keepalived_parent_left.data"));
        global.dumps.state = Some(PathBuf::from("/tmp/state"));
        assert_eq!(path(Dump::State, &global), Path::new("/tmp/state"));
        assert_eq!(path(Dump::Parent, &global), Path::new("/tmp/keepalived_parent_left.data"));
        global.dumps.stats = Some(PathBuf::from("/var/lib/site/"));
        assert_eq!(path(Dump::Stats, &global), Path::new("/var/lib/site/keepalived_left.stats"));
        global.dumps.json = Some(PathBuf::from("/tmp/keepalived.json"));
        assert_eq!(path(Dump::Json, &global), Path::new("/tmp/keepalived.json"));
    }
}
