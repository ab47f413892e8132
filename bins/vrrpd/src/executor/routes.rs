//! Routes and rules, and what is set once.

use std::time::Duration;

use tracing::warn;
use vip_netlink::{NetlinkError, Route, Rule};
use vrrp::InstanceId;

use super::Executor;
use crate::clock::now;
use crate::plan::{Fixed, InstancePlan, Plan};

/// Between two looks whether routes and rules are there.
const ROUTES: Duration = Duration::from_secs(1);

/// Routes and rules of a virtual router that is Active.
#[derive(Debug, Clone, Default)]
pub(super) struct Routed {
    pub(super) routes: Vec<Route>,
    pub(super) rules: Vec<Rule>,
}

impl Executor {
    /// Sets the routes and rules of an Active, and removes what it has no more.
    pub(super) async fn route(&mut self, id: InstanceId, instance: &InstancePlan) {
        if instance.routes.is_empty() && instance.rules.is_empty() && !self.routed.contains_key(&id) {
            return;
        }
        let wanted = Routed { routes: instance.routes.clone(), rules: instance.rules.clone() };
        let before = self.routed.insert(id, wanted.clone()).unwrap_or_default();
        self.bequeath(id, instance);
        for rule in before.rules.iter().filter(|rule| !wanted.rules.contains(rule)) {
            let removed = self.handle.remove_rule(rule).await;
            self.complain(id, instance, removed);
        }
        for route in before.routes.iter().filter(|route| !wanted.routes.contains(route)) {
            let removed = self.handle.remove_route(route).await;
            self.complain(id, instance, removed);
        }
        for route in &wanted.routes {
            let added = self.handle.add_route(route).await;
            self.complain(id, instance, added);
        }
        for rule in &wanted.rules {
            let added = self.handle.add_rule(rule).await;
            self.complain(id, instance, added);
        }
        self.routes_at.get_or_insert(now() + ROUTES);
    }

    /// Rules go before routes, and both before the addresses.
    pub(crate) async fn unroute(&mut self, id: InstanceId, instance: &InstancePlan) {
        let Some(Routed { routes, rules }) = self.routed.remove(&id) else { return };
        for rule in &rules {
            let removed = self.handle.remove_rule(rule).await;
            self.complain(id, instance, removed);
        }
        for route in &routes {
            let removed = self.handle.remove_route(route).await;
            self.complain(id, instance, removed);
        }
        self.bequeath(id, instance);
    }

    /// Puts back what somebody removed: the kernel says of one that is there that it is.
    pub(crate) async fn keep_routes(&mut self, plan: &Plan) {
        if self.routes_at.is_none_or(|at| at > now()) {
            return;
        }
        let held: Vec<InstanceId> = self.routed.keys().copied().collect();
        self.routes_at = (!held.is_empty()).then(|| now() + ROUTES);
        for id in held {
            if let Some(instance) = plan.instances.get(&id) {
                self.route(id, instance).await;
            }
        }
    }

    /// Sets what is set once.
    pub(crate) async fn fix(&mut self, fixed: &Fixed) {
        let mut results = Vec::new();
        for address in &fixed.addresses {
            results.push(self.handle.add(address).await);
        }
        for route in &fixed.routes {
            results.push(self.handle.add_route(route).await);
        }
        for rule in &fixed.rules {
            results.push(self.handle.add_rule(rule).await);
        }
        for error in results.into_iter().filter_map(Result::err) {
            warn!("static_*: {error}");
        }
    }

    fn complain(&mut self, id: InstanceId, instance: &InstancePlan, result: Result<(), NetlinkError>) {
        if let Err(error) = result
            && let Some(more) = self.complaints.admit((id, "route"), now())
        {
            warn!("({}) {error}{more}", instance.name);
        }
    }
}
