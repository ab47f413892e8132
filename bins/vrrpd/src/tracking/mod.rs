//! What is tracked: scripts, processes, files, interfaces, lbd. Each is followed by a task that reports its health.

mod file;
mod interface;
mod lbd;
mod process;
mod script;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use config::keepalived::{GlobalDefs, TrackFile, TrackLbd, TrackProcess, VrrpScript};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use vrrp::{Health, TrackId};

use crate::clock::now;
use crate::plan::{Sense, TrackerPlan};

pub(crate) use file::FileSpec;
pub(crate) use interface::health as interface_health;
pub(crate) use lbd::LbdSpec;
pub(crate) use process::ProcessSpec;
pub(crate) use script::ScriptSpec;

/// Reports that wait for the driver; a tracker waits when there are more.
const BACKLOG: usize = 64;

/// Names something tracked; the same over reloads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TrackerName {
    Script(String),
    Process(String),
    File(String),
    Interface(String),
    Address(IpAddr),
    Lbd { socket: PathBuf, timeout: Duration },
}

impl fmt::Display for TrackerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(name) => write!(f, "script {name}"),
            Self::Process(name) => write!(f, "process {name}"),
            Self::File(name) => write!(f, "file {name}"),
            Self::Interface(name) => write!(f, "interface {name}"),
            Self::Address(address) => write!(f, "address {address}"),
            Self::Lbd { socket, .. } => write!(f, "lbd at {}", socket.display()),
        }
    }
}

/// How to follow something. A tracker whose description has changed is started anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spec {
    Script(ScriptSpec),
    Process(ProcessSpec),
    File(FileSpec),
    /// Followed by the driver, which hears of links anyway.
    Interface(String),
    /// So are addresses.
    Address(IpAddr),
    Lbd(LbdSpec),
}

impl Spec {
    pub(crate) fn script(script: &VrrpScript, global: &GlobalDefs) -> Self {
        Self::Script(ScriptSpec::new(script, global))
    }

    pub(crate) fn process(process: &TrackProcess) -> Self {
        Self::Process(ProcessSpec::new(process))
    }

    pub(crate) fn file(file: &TrackFile) -> Self {
        Self::File(FileSpec::new(file))
    }

    pub(crate) fn lbd(lbd: &TrackLbd) -> Self {
        Self::Lbd(LbdSpec { socket: lbd.socket.clone(), timeout: lbd.timeout })
    }

    pub(crate) fn name(&self) -> TrackerName {
        match self {
            Self::Script(script) => TrackerName::Script(script.name.clone()),
            Self::Process(process) => TrackerName::Process(process.name.clone()),
            Self::File(file) => TrackerName::File(file.name.clone()),
            Self::Interface(name) => TrackerName::Interface(name.clone()),
            Self::Address(address) => TrackerName::Address(*address),
            Self::Lbd(lbd) => TrackerName::Lbd { socket: lbd.socket.clone(), timeout: lbd.timeout },
        }
    }
}

/// The numbers that the node knows trackers by. They are never given out again.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrackIds(BTreeMap<(TrackerName, bool), TrackId>);

impl TrackIds {
    /// The number of a tracker, or of its opposite.
    pub(crate) fn number(&mut self, name: &TrackerName, reverse: bool) -> TrackId {
        let next = TrackId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        *self.0.entry((name.clone(), reverse)).or_insert(next)
    }
}

/// The health of something tracked has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) tracker: TrackerName,
    pub(crate) health: Health,
    /// What was seen, for people.
    pub(crate) detail: String,
}

/// Where a tracker reports.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    tracker: TrackerName,
    reports: mpsc::Sender<Report>,
}

impl Reporter {
    pub(crate) async fn report(&self, health: Health, detail: impl Into<String>) {
        let report = Report { tracker: self.tracker.clone(), health, detail: detail.into() };
        // The driver is gone only when the daemon is about to be.
        let _ = self.reports.send(report).await;
    }
}

/// The running trackers. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Trackers {
    running: BTreeMap<TrackerName, Running>,
    known: BTreeMap<TrackerName, Known>,
    reports: mpsc::Sender<Report>,
}

/// The last report of one.
#[derive(Debug)]
struct Known {
    health: Health,
    since: Instant,
    detail: String,
}

#[derive(Debug)]
struct Running {
    spec: Spec,
    task: Option<AbortHandle>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Trackers {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Report>) {
        let (reports, inbox) = mpsc::channel(BACKLOG);
        (Self { running: BTreeMap::new(), known: BTreeMap::new(), reports }, inbox)
    }

    /// Starts what is new or different and ends what is not wanted any more; the rest runs on.
    pub(crate) fn apply(&mut self, wanted: &BTreeMap<TrackerName, TrackerPlan>) {
        self.running.retain(|name, running| wanted.get(name).is_some_and(|new| new.spec == running.spec));
        self.known.retain(|name, _| wanted.contains_key(name));
        for (name, TrackerPlan { spec, .. }) in wanted {
            if !self.running.contains_key(name) {
                let task = self.start(name, spec);
                self.running.insert(name.clone(), Running { spec: spec.clone(), task });
            }
        }
    }

    /// Takes the health of one in; what the node is to be told of it.
    pub(crate) fn learn(
        &mut self,
        report: Report,
        wanted: &BTreeMap<TrackerName, TrackerPlan>,
    ) -> Vec<(TrackId, Health)> {
        let told = wanted.get(&report.tracker).map(|tracker| feeds(tracker, report.health));
        if told.is_some() {
            let (health, detail) = (report.health, report.detail);
            let same = self.known.get(&report.tracker).filter(|known| known.health == health);
            let since = same.map_or_else(now, |known| known.since);
            self.known.insert(report.tracker, Known { health, since, detail });
        }
        told.unwrap_or_default()
    }

    /// The last health of one; `None` before the first.
    pub(crate) fn health(&self, name: &TrackerName) -> Option<Health> {
        self.known.get(name).map(|known| known.health)
    }

    /// Since when it has been so.
    pub(crate) fn since(&self, name: &TrackerName) -> Option<Instant> {
        self.known.get(name).map(|known| known.since)
    }

    /// What was seen of it last.
    pub(crate) fn detail(&self, name: &TrackerName) -> &str {
        self.known.get(name).map_or("", |known| &known.detail)
    }

    /// Everything known: a reload may have made new numbers of it.
    pub(crate) fn known(&self, wanted: &BTreeMap<TrackerName, TrackerPlan>) -> Vec<(TrackId, Health)> {
        let known = self.known.iter().filter_map(|(name, known)| Some((wanted.get(name)?, known.health)));
        known.flat_map(|(tracker, health)| feeds(tracker, health)).collect()
    }

    fn start(&self, name: &TrackerName, spec: &Spec) -> Option<AbortHandle> {
        let reporter = Reporter { tracker: name.clone(), reports: self.reports.clone() };
        let task = match spec.clone() {
            Spec::Script(spec) => tokio::spawn(script::follow(spec, reporter)),
            Spec::Process(spec) => tokio::spawn(process::follow(spec, reporter)),
            Spec::File(spec) => tokio::spawn(file::follow(spec, reporter)),
            Spec::Lbd(spec) => tokio::spawn(lbd::follow(spec, reporter)),
            Spec::Interface(_) | Spec::Address(_) => return None,
        };
        Some(task.abort_handle())
    }
}

fn feeds(tracker: &TrackerPlan, health: Health) -> Vec<(TrackId, Health)> {
    tracker.feeds.iter().map(|(&id, &sense)| (id, sensed(health, sense))).collect()
}

fn sensed(health: Health, sense: Sense) -> Health {
    match (sense, health) {
        (Sense::Straight, health) => health,
        (Sense::Reversed, Health::Up) => Health::Down,
        (Sense::Reversed, Health::Down) => Health::Up,
        (Sense::Reversed, Health::Number(number)) => Health::Number(number.saturating_neg()),
        (Sense::Reversed, Health::Unknown) => Health::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tracker_feeds_both_senses() {
        let name = TrackerName::Interface("eth1".to_owned());
        let feeds = BTreeMap::from([(TrackId(0), Sense::Straight), (TrackId(1), Sense::Reversed)]);
        let plan = TrackerPlan { spec: Spec::Interface("eth1".to_owned()), feeds };
        let wanted = BTreeMap::from([(name.clone(), plan)]);
        let (mut trackers, _inbox) = Trackers::new();
        trackers.apply(&wanted);
        let told = trackers
            .learn(Report { tracker: name.clone(), health: Health::Down, detail: String::new() }, &wanted);
        assert_eq!(told, [(TrackId(0), Health::Down), (TrackId(1), Health::Up)]);
        assert_eq!(trackers.known(&wanted), told);
        trackers.apply(&BTreeMap::new());
        assert!(trackers.known(&wanted).is_empty());
        let unwanted = trackers
            .learn(Report { tracker: name, health: Health::Up, detail: String::new() }, &BTreeMap::new());
        assert!(unwanted.is_empty());
    }
}
