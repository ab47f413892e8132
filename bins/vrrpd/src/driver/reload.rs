//! Going over to another configuration, or to the same one on changed interfaces, without a change of role.

use std::fs;
use std::time::Duration;

use config::keepalived::Config;
use tracing::{error, info, warn};
use vrrp::{Command, ConfigError};

use super::{Driver, index_of, silence_limit};
use crate::capabilities;
use crate::clock::now;
use crate::locks::Locked;
use crate::notify::Subject;
use crate::plan::{self, Plan};

/// Why a configuration does not come into effect.
#[derive(Debug, thiserror::Error)]
enum ApplyError {
    #[error(transparent)]
    Plan(#[from] ConfigError),
    #[error(transparent)]
    Locked(#[from] Locked),
    #[error("`net_namespace` is another one, which takes effect at a start: restart vrrpd")]
    Moved,
}

/// Users and groups may be looked up over a network, which takes its time and is no hang.
const RELOAD_LIMIT: Duration = Duration::from_secs(30);

impl Driver {
    /// Reads the file again. One that is broken changes nothing.
    pub(super) async fn reload(&mut self) {
        info!("Reloading {}", self.source.path().display());
        self.executor.guardian.limit(RELOAD_LIMIT, now());
        self.load_and_apply().await;
        self.executor.guardian.limit(silence_limit(&self.plan), now());
    }

    async fn load_and_apply(&mut self) {
        // Whoever writes the configuration waits until it has been read.
        let reload_file = self.config.global.reload_file.clone();
        if let Some(path) = &reload_file
            && let Err(error) = fs::write(path, "")
        {
            warn!("reload_file {}: {error}", path.display());
        }
        let (config, text) = self.source.load();
        if let Some(path) = &reload_file {
            // What is not there any more was removed by whoever waited for it.
            let _ = fs::remove_file(path);
        }
        for line in text.lines() {
            warn!("{line}");
        }
        let Some(config) = config else {
            error!("Reload failed: the running configuration stays");
            return;
        };
        if !capabilities::suffice(&config) {
            warn!(
                "this run was started without programs: those of the new configuration cannot gain privileges"
            );
        }
        match self.apply(config).await {
            Ok(()) => {
                self.executor.guardian.reloaded();
                self.repeat_states();
                info!("Reload complete");
            }
            Err(cause) => error!("Reload failed: the running configuration stays: {cause}"),
        }
    }

    /// An interface came, went or was made anew.
    pub(super) async fn plan_again(&mut self) {
        if let Err(cause) = self.apply(self.config.clone()).await {
            error!("interfaces have changed, and the configuration cannot be run any more: {cause}");
        }
    }

    /// Tells the FIFOs what has not changed either.
    fn repeat_states(&mut self) {
        for snapshot in self.snapshots() {
            if let Some(instance) = self.plan.instances.get(&snapshot.id) {
                let subject = Subject::Instance { name: &instance.name, rank: snapshot.effective_priority };
                self.notifier.repeat(subject, snapshot.role);
            }
        }
        for snapshot in self.node.groups() {
            if let Some(group) = self.plan.groups.get(&snapshot.id) {
                self.notifier.repeat(Subject::Group { name: &group.name }, snapshot.role);
            }
        }
    }

    async fn apply(&mut self, config: Config) -> Result<(), ApplyError> {
        if config.global.net_namespace != self.config.global.net_namespace {
            return Err(ApplyError::Moved);
        }
        // What cannot be planned, and what another daemon has, changes nothing.
        let plan = Plan::new(&config, |name| index_of(&self.monitor, &self.executor, name), &mut self.ids)?;
        if let Err(locked) = self.locks.take(&plan) {
            self.locks.keep(&self.plan);
            return Err(locked.into());
        }
        self.executor.adapt_vmacs(&plan::vmacs(&config)).await;
        let plan = Plan::new(&config, |name| index_of(&self.monitor, &self.executor, name), &mut self.ids)?;
        let old = std::mem::replace(&mut self.plan, plan);
        self.retired = Some(old);
        self.notifier.reconfigure(&config.global);
        self.servers.apply(&config.global);
        self.history.retain(|name| config.instances.iter().any(|instance| instance.name == name));
        self.debounce.configure(&config.interface_delays);
        self.executor.pacing.configure(&config);
        self.config = config;
        self.refuse_packets();
        self.say_what_is_odd();
        if self.retired.as_ref().is_none_or(|old| old.fixed != self.plan.fixed) {
            self.executor.fix(&self.plan.fixed).await;
        }
        let promoting = self.plan.promoting();
        let before = self.retired.as_ref().map(Plan::promoting).unwrap_or_default();
        self.executor.adapt_secondaries(&(&promoting | &before)).await;
        let changed = self.executor.change_held(&self.plan).await;
        // The node must know the links of new virtual routers before it starts them.
        self.look_at_links().await;
        self.open_sockets();

        let before = self.snapshots();
        self.node.handle_command(now(), Command::Reconfigure(self.plan.node.clone()));
        self.log_priorities(&before);
        self.carry_out().await;
        // They were gone for a moment.
        for (id, address) in changed {
            self.node.handle_vip_lost(now(), id, address);
            self.carry_out().await;
        }

        self.trackers.apply(&self.plan.trackers);
        for (track, health) in self.trackers.known(&self.plan.trackers) {
            self.node.handle_track(now(), track, health);
            self.carry_out().await;
        }
        self.look_at_tracked_network().await;
        let wanted = self.wanted_sockets();
        self.executor.sockets.close_all_but(&wanted);
        self.executor.adapt_secondaries(&promoting).await;
        self.retired = None;
        self.locks.keep(&self.plan);
        let speaking = self.plan.speaking();
        self.group_states.retain(|name, _| self.plan.groups.values().any(|group| group.name == *name));
        self.links.retain(|iface, _| speaking.contains(iface));
        Ok(())
    }
}
