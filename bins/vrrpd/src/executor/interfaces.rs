//! Virtual MAC interfaces and ipvlans, and what others are told besides.

use std::collections::BTreeSet;

use tracing::warn;

use super::Executor;
use crate::plan::{InstancePlan, Vmac, existing};

impl Executor {
    /// Makes and removes virtual MAC interfaces and ipvlans.
    pub(crate) async fn adapt_vmacs(&mut self, wanted: &[Vmac]) {
        if let Err(error) = self.vmacs.adapt(&self.handle, wanted).await {
            warn!("virtual MAC interfaces: {error}");
        }
    }

    /// `promote_secondaries` of these interfaces and of no others.
    pub(crate) async fn adapt_secondaries(&mut self, wanted: &BTreeSet<u32>) {
        if let Err(error) = self.secondaries.adapt(&self.handle, &mut self.guardian, wanted).await {
            warn!("promote_secondaries: {error}");
        }
    }

    /// Removes the virtual MAC interfaces and ipvlans, at the end.
    pub(crate) async fn remove_vmacs(&mut self) {
        if let Err(error) = self.vmacs.remove_all(&self.handle).await {
            warn!("virtual MAC interfaces: {error}");
        }
    }

    /// The virtual router is not Active any more: its hardware address is another one's from now on.
    pub(crate) async fn lower_vmacs(&mut self, instance: &InstancePlan) {
        for ifindex in carriers(instance) {
            if let Err(error) = self.vmacs.lower(&self.handle, ifindex).await {
                warn!("({}) {error}", instance.name);
            }
        }
    }

    /// The virtual router is Active, or about to be.
    pub(crate) async fn raise_vmacs(&mut self, instance: &InstancePlan) {
        for ifindex in carriers(instance) {
            if let Err(error) = self.vmacs.raise(&self.handle, ifindex).await {
                warn!("({}) {error}", instance.name);
            }
        }
    }
}

/// The interfaces that its addresses are on, and its virtual MAC interface.
pub(super) fn carriers(instance: &InstancePlan) -> BTreeSet<u32> {
    let own = instance.vmac.and_then(existing);
    instance.vips.values().map(|vip| vip.ifindex).chain(own).collect()
}
