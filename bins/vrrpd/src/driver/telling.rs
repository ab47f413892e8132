//! What the driver says of the whole daemon: reports for whoever asks, keepalived's dumps, changes of state.

use std::sync::Arc;

use config::keepalived::VrrpInstance;
use stats::router::{NodeReport, TrackerReport};
use tracing::info;
use vrrp::{Cause, Discard, Health, InstanceId, InstanceSnapshot, Role, TrackId};

use super::Driver;
use crate::clock::{now, unix};
use crate::dump::{self, Dump};
use crate::serve::Question;
use crate::tracking::TrackerName;
use crate::{causes, log, status};

impl Driver {
    pub(super) fn answer(&self, question: Question) {
        // Who has gone away meanwhile wants no answer.
        let _ = question.send(Arc::new(self.report_of_all()));
    }

    /// Writes one of keepalived's files.
    pub(super) fn write(&self, what: &[Dump]) {
        let instances = self.configured();
        let up = |name: &str| {
            let health = self.trackers.health(&TrackerName::Process(name.to_owned()));
            health.map(|health| health == Health::Up)
        };
        let processes = self.config.processes.iter().map(|process| (process, up(&process.name))).collect();
        let cleared = &self.cleared;
        let subject =
            dump::Subject { config: &self.config, instances, processes, cleared, now: now(), unix: unix() };
        dump::write(what, &subject);
    }

    /// Says why a virtual router changed its state, and remembers it.
    pub(super) fn explain(&mut self, id: InstanceId, name: &str, from: Role, to: Role, cause: Cause) {
        let tracker = |track: TrackId| {
            let known = self.plan.trackers.iter().find(|(_, tracker)| tracker.feeds.contains_key(&track));
            let detail = known.map(|(name, _)| self.trackers.detail(name).to_owned());
            (self.plan.tracker_label(track), detail.unwrap_or_default())
        };
        let member = |id: InstanceId| {
            let named = self.plan.instances.get(&id).map(|instance| instance.name.clone());
            named.unwrap_or_else(|| format!("virtual router {}", id.vrid))
        };
        let chain = causes::chain(to, cause, tracker, member);
        let (before, after) = (status::role(from), status::role(to));
        info!(
            target: log::TRANSITION,
            router = name,
            vrid = id.vrid.get(),
            from = before,
            to = after,
            causes = chain.join(" <- "),
            "({name}) {before} -> {after} because {}",
            chain.join(", because ")
        );
        self.history.record(name, unix(), from, to, chain);
    }

    fn report_of_all(&self) -> NodeReport {
        let (now, view) = (now(), self.monitor.view());
        let interface = |index: u32| view.link(index).map_or_else(String::new, |link| link.name.clone());
        let routers = self.configured().into_iter().filter_map(|(_, snapshot)| {
            let instance = self.plan.instances.get(&snapshot.id)?;
            let held = |address| self.executor.is_held(snapshot.id, address);
            let mut report = status::router(instance, &snapshot, held, interface, &self.history, now);
            let reason = self.protocol_errors.get(&snapshot.id).copied();
            report.counters.protocol_error_reason = reason.unwrap_or("noError").to_owned();
            Some(report)
        });
        let stats = self.node.stats();
        let of = |discard| stats.discards.get(discard);
        let uptime = now.saturating_duration_since(self.started).as_secs_f64();
        NodeReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: nix::unistd::gethostname()
                .ok()
                .and_then(|name| name.into_string().ok())
                .unwrap_or_default(),
            pid: std::process::id(),
            config: self.source.path().display().to_string(),
            started_unix: unix() - uptime,
            uptime_seconds: uptime,
            packets: stats.packets,
            checksum_errors: of(Discard::BadChecksum),
            version_errors: of(Discard::BadVersion),
            vrid_errors: of(Discard::UnknownVrid),
            routers: routers.collect(),
            trackers: self.tracker_reports(),
        }
    }

    fn tracker_reports(&self) -> Vec<TrackerReport> {
        let at = now();
        let report = |(name, tracker): (&TrackerName, &crate::plan::TrackerPlan)| {
            let state = match self.trackers.health(name) {
                None | Some(Health::Unknown) => "UNKNOWN",
                Some(Health::Up) => "UP",
                Some(Health::Down) => "DOWN",
                Some(Health::Number(_)) => "NUMBER",
            };
            let since = self.trackers.since(name).map_or(0.0, |since| at.duration_since(since).as_secs_f64());
            let users = self.plan.instances.values().flat_map(|instance| {
                let weights =
                    instance.config.trackers.iter().filter(|(id, _)| tracker.feeds.contains_key(id));
                weights.map(|(_, weight)| (instance.name.clone(), weight.get()))
            });
            TrackerReport {
                name: name.to_string(),
                state: state.to_owned(),
                state_seconds: since,
                detail: self.trackers.detail(name).to_owned(),
                routers: users.collect(),
            }
        };
        self.plan.trackers.iter().map(report).collect()
    }

    /// Each instance of the configuration that runs, in the order of the configuration.
    fn configured(&self) -> Vec<(&VrrpInstance, InstanceSnapshot)> {
        let id =
            |name: &str| self.plan.instances.iter().find(|(_, plan)| plan.name == name).map(|(&id, _)| id);
        let snapshot = |instance: &VrrpInstance| self.node.instance(id(&instance.name)?);
        let all = self.config.instances.iter();
        all.filter_map(|instance| Some((instance, snapshot(instance)?))).collect()
    }
}
