//! What the guardian is told of, for the case that this process ends.

use std::net::IpAddr;

use vip_netlink::Removals;
use vrrp::{Advertisement, Checksum, InstanceId};

use super::Executor;
use super::interfaces::carriers;
use crate::guardian::{Will, Word};
use crate::plan::{InstancePlan, existing};

/// Where an advertisement goes, and the form of its checksum there.
pub(super) type Destination = (IpAddr, Checksum);

/// What the guardian sends for a virtual router if this process cannot.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resignation {
    source: IpAddr,
    destinations: Vec<Destination>,
    advertisement: Advertisement,
    words: Vec<Word>,
}

impl Executor {
    /// The virtual router is not Active any more: nobody need resign for it.
    pub(crate) fn fell_silent(&mut self, id: InstanceId, instance: &InstancePlan) {
        self.resignations.remove(&id);
        self.bequeath(id, instance);
    }

    /// Tells the guardian what this virtual router would leave behind.
    pub(super) fn bequeath(&mut self, id: InstanceId, instance: &InstancePlan) {
        let mut removals = Removals::new();
        if let Some(routed) = self.routed.get(&id) {
            routed.rules.iter().for_each(|rule| removals.rule(rule));
            routed.routes.iter().for_each(|route| removals.route(route));
        }
        self.held_by(id).for_each(|vip| removals.address(vip.key()));
        // Up, a virtual MAC interface would go on taking frames for the virtual router.
        if !removals.is_empty() || self.resignations.contains_key(&id) {
            let vmacs = carriers(instance).into_iter().filter(|&ifindex| self.vmacs.follows(ifindex));
            vmacs.for_each(|vmac| removals.link_down(vmac));
        }
        let words = self.resignations.get(&id).map(|resignation| resignation.words.clone());
        let will = Will {
            name: instance.name.clone(),
            removals: removals.as_bytes().to_vec(),
            words: words.unwrap_or_default(),
        };
        self.guardian.bequeath(id, will);
    }

    /// Whoever speaks as Active leaves a resignation; made anew only when it would be another one, as each signed one is.
    pub(super) fn keep_resignation(
        &mut self,
        id: InstanceId,
        instance: &InstancePlan,
        source: IpAddr,
        destinations: &[Destination],
        advertisement: &Advertisement,
    ) {
        let advertisement = advertisement.resignation();
        let unchanged = self.resignations.get(&id).is_some_and(|known| {
            (known.source, &known.destinations[..], &known.advertisement)
                == (source, destinations, &advertisement)
        });
        let Some(ifindex) = existing(id.iface).filter(|_| !unchanged) else { return };
        let words = destinations.iter().map(|&(dst, form)| Word {
            ifindex,
            src: source,
            dst,
            ttl: instance.ttl(),
            payload: advertisement.encode(source, dst, form),
        });
        let words = words.collect();
        let destinations = destinations.to_vec();
        self.resignations.insert(id, Resignation { source, destinations, advertisement, words });
        self.bequeath(id, instance);
    }
}
