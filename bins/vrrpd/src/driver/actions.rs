//! What the node wants done, in order.

use tracing::{info, warn};
use vrrp::{Action, Cause, FaultReason, InstanceId, Node, Rank, Role};

use super::Driver;
use crate::clock::now;
use crate::notify::{NotifyState, Subject};
use crate::plan::InstancePlan;
use crate::wording;

impl Driver {
    /// Drains the node. Everything else that it is told waits until the kernel has acknowledged all of it.
    pub(super) async fn carry_out(&mut self) {
        let mut actions = Vec::new();
        while let Some(action) = self.node.poll_action() {
            actions.push(action);
        }
        for (id, action) in &actions {
            if let Action::Transitioned { from, to, cause } = action {
                self.log_transition(*id, *from, *to, *cause);
            }
        }
        for (id, action) in actions {
            // Hundreds of virtual routers that change at once take their time, and are no hang.
            self.executor.guardian.beat(now());
            self.execute(id, action).await;
        }
        self.tell_groups();
    }

    /// Tells the groups whose members have all come to another state.
    fn tell_groups(&mut self) {
        for snapshot in self.node.groups() {
            let Some(group) = self.plan.groups.get(&snapshot.id) else { continue };
            let Some(state) = NotifyState::of_role(snapshot.role) else { continue };
            let before = self.group_states.get(&group.name).copied();
            if before.unwrap_or(NotifyState::Stop) == state {
                continue;
            }
            self.group_states.insert(group.name.clone(), state);
            info!("VRRP_Group({}) Syncing instances to {} state", group.name, state.word());
            self.notifier.tell(Subject::Group { name: &group.name }, &group.notify, state);
        }
    }

    async fn execute(&mut self, id: InstanceId, action: Action) {
        let current = self.plan.instances.get(&id);
        let retired = || self.retired.as_ref().and_then(|plan| plan.instances.get(&id));
        let Some(instance) = current.or_else(retired) else { return };
        match action {
            Action::InstallVips { addresses } => {
                self.executor.raise_vmacs(instance).await;
                for &address in &addresses {
                    if self.claims.hold((id, address), now()) {
                        self.executor.ask(id, instance, address, self.monitor.view()).await;
                    }
                }
                self.executor.install(id, instance, &addresses).await;
            }
            Action::RemoveVips { addresses } => {
                if !self.is_active(id) {
                    self.executor.unroute(id, instance).await;
                }
                self.executor.remove(id, instance, &addresses).await;
                addresses.iter().for_each(|&address| self.claims.release((id, address)));
                if !self.is_active(id) {
                    self.executor.lower_vmacs(instance).await;
                }
            }
            Action::Transmit(advertisement) => {
                if self.is_active(id) {
                    self.executor.raise_vmacs(instance).await;
                }
                let source = self.source_of(instance);
                let form = |to| self.node.checksum_to(id, to).unwrap_or(instance.config.checksum);
                let destinations: Vec<_> =
                    instance.destinations().into_iter().map(|to| (to, form(to))).collect();
                self.executor.transmit(id, instance, source, &destinations, &advertisement).await;
                if self.is_active(id) {
                    self.executor.renew_with_advert(id, instance).await;
                    self.executor.accompany(id, instance, self.monitor.view()).await;
                }
            }
            Action::Announce { addresses } => {
                self.executor.announce(id, instance, &addresses, self.monitor.view()).await;
            }
            Action::SplitBegan { rival } => {
                warn!("({}) {}", instance.name, wording::split(rival));
                let subject =
                    Subject::Instance { name: &instance.name, rank: rank(&self.node, id, instance) };
                self.notifier.tell_split(subject, &instance.notify, true);
            }
            Action::SplitEnded => {
                info!("({}) {}", instance.name, wording::SPLIT_ENDED);
                let subject =
                    Subject::Instance { name: &instance.name, rank: rank(&self.node, id, instance) };
                self.notifier.tell_split(subject, &instance.notify, false);
            }
            Action::Transitioned { from, to, cause } => {
                if from == Role::Active {
                    self.executor.fell_silent(id, instance);
                }
                if let Some(state) = NotifyState::of(to, cause).filter(|_| !self.is_untold(id, to)) {
                    let rank = rank(&self.node, id, instance);
                    let subject = Subject::Instance { name: &instance.name, rank };
                    self.notifier.tell(subject, &instance.notify, state);
                }
            }
        }
    }

    /// Whether the node, which is ahead of its actions, wants the virtual router to be Active.
    fn is_active(&self, id: InstanceId) -> bool {
        self.node.instance(id).is_some_and(|snapshot| snapshot.role == Role::Active)
    }

    /// What is no news: a move, and waiting for one of the sync group that waits for a first result itself.
    fn is_untold(&self, id: InstanceId, to: Role) -> bool {
        let waits = |member| {
            let role = self.node.instance(member).map(|snapshot| snapshot.role);
            matches!(role, Some(Role::Fault(FaultReason::TrackUnknown(_))))
        };
        self.has_moved(id) || matches!(to, Role::Fault(FaultReason::SyncGroup(member)) if waits(member))
    }

    /// A virtual router whose interface was made anew has another identity in the node, and is the same to everybody
    /// else: what ends is not worth telling.
    fn has_moved(&self, id: InstanceId) -> bool {
        let retired = self.retired.as_ref().and_then(|plan| plan.instances.get(&id));
        !self.plan.instances.contains_key(&id)
            && retired.is_some_and(|old| self.plan.instances.values().any(|new| new.name == old.name))
    }

    fn log_transition(&mut self, id: InstanceId, from: Role, to: Role, cause: Cause) {
        if self.has_moved(id) {
            return;
        }
        let retired = self.retired.as_ref();
        let plan =
            if self.plan.instances.contains_key(&id) { &self.plan } else { retired.unwrap_or(&self.plan) };
        let Some(instance) = plan.instances.get(&id) else { return };
        let rank = rank(&self.node, id, instance);
        for line in wording::transition(from, to, cause, rank, |tracker| plan.tracker_label(tracker)) {
            info!("({}) {line}", instance.name);
        }
        let name = instance.name.clone();
        self.explain(id, &name, from, to, cause);
    }
}

fn rank(node: &Node, id: InstanceId, instance: &InstancePlan) -> Rank {
    node.instance(id).map_or(instance.config.priority, |snapshot| snapshot.effective_priority)
}
