//! The node's actions, carried out: each is acknowledged by the kernel before the next begins.

mod addresses;
mod announcements;
mod bequest;
mod interfaces;
mod routes;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use tracing::{info, warn};
use vip_netlink::{AddressKey, Announcer, Handle, VipSet, VirtualAddress};
use vrrp::{Advertised, Advertisement, InstanceId};

use self::bequest::{Destination, Resignation};
use self::routes::Routed;
use crate::clock::now;
use crate::complaints::Complaints;
use crate::guardian::Line;
use crate::pacing::Pacing;
use crate::plan::InstancePlan;
use crate::secondaries::Secondaries;
use crate::sockets::{SocketKey, Sockets};
use crate::vmacs::Vmacs;

/// Addresses, advertisements and announcements on their way to the kernel.
#[derive(Debug)]
pub(crate) struct Executor {
    handle: Handle,
    announcer: Announcer,
    pub(crate) vmacs: Vmacs,
    pub(crate) secondaries: Secondaries,
    pub(crate) sockets: Sockets,
    /// What the node wants held, whether or not the kernel has it.
    held: BTreeMap<(InstanceId, IpAddr), VirtualAddress>,
    /// Addresses of an owner that were its own before we came: they are not ours to add or to remove.
    own: BTreeSet<AddressKey>,
    leases: VipSet,
    /// When leases were last renewed. What was left then is due from here on: the loop is busy, and not late.
    renewed_at: Option<Instant>,
    /// What of routes and rules is set for a virtual router.
    routed: BTreeMap<InstanceId, Routed>,
    /// When it is made sure that they are there.
    routes_at: Option<Instant>,
    announced: BTreeMap<InstanceId, Instant>,
    pub(crate) pacing: Pacing,
    /// When announcements last went with an advertisement, and which address is the next one.
    accompanied: BTreeMap<InstanceId, (Instant, usize)>,
    /// When each of the refreshes of a virtual router is due.
    refresh_at: BTreeMap<(InstanceId, usize), Instant>,
    complaints: Complaints<(InstanceId, &'static str)>,
    /// Hears of everything that must not be left behind.
    pub(crate) guardian: Line,
    resignations: BTreeMap<InstanceId, Resignation>,
}

impl Executor {
    pub(crate) fn new(handle: Handle, announcer: Announcer, sockets: Sockets, guardian: Line) -> Self {
        Self {
            handle,
            announcer,
            vmacs: Vmacs::default(),
            secondaries: Secondaries::default(),
            sockets,
            held: BTreeMap::new(),
            own: BTreeSet::new(),
            leases: VipSet::new(),
            renewed_at: None,
            routed: BTreeMap::new(),
            routes_at: None,
            announced: BTreeMap::new(),
            pacing: Pacing::default(),
            accompanied: BTreeMap::new(),
            refresh_at: BTreeMap::new(),
            complaints: Complaints::default(),
            guardian,
            resignations: BTreeMap::new(),
        }
    }

    pub(crate) async fn transmit(
        &mut self,
        id: InstanceId,
        instance: &InstancePlan,
        source: Option<IpAddr>,
        destinations: &[Destination],
        advertisement: &Advertisement,
    ) {
        if let Some(source) = source {
            self.keep_resignation(id, instance, source, destinations, advertisement);
        }
        let raised = instance.vmac.is_some_and(|vmac| self.vmacs.is_up(vmac.0));
        let vmac = SocketKey::of_vmac(instance).filter(|_| raised).and_then(|key| self.sockets.get(key));
        let below = || SocketKey::of(id, instance, source).and_then(|key| self.sockets.get(key));
        let socket = vmac.or_else(below);
        if let (Some(source), Some(socket)) = (source, socket) {
            for &(destination, form) in destinations {
                let bytes = advertisement.encode(source, destination, form);
                if let Err(error) = socket.send(destination, source, &bytes).await
                    && let Some(more) = self.complaints.admit((id, "send"), now())
                {
                    warn!("({}) {error}{more}", instance.name);
                }
            }
        } else if let Some(more) = self.complaints.admit((id, "silent"), now()) {
            warn!(
                "({}) cannot advertise: no address or no socket on {}{more}",
                instance.name, instance.interface
            );
        }
        if advertisement.advertised() == Advertised::Resign {
            info!("({}) sent 0 priority", instance.name);
        }
    }

    /// When there is something to renew, to announce or to put back.
    pub(crate) fn next_upkeep(&self) -> Option<Instant> {
        let renewal = self.leases.next_renewal();
        renewal
            .max(renewal.and(self.renewed_at))
            .into_iter()
            .chain(self.routes_at)
            .chain(self.pacing.next_at())
            .chain(self.refresh_at.values().copied())
            .min()
    }
}
