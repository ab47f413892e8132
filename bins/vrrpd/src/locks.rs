//! One daemon a virtual router: two in one network namespace would take each other's addresses away.
//!
//! A lock is an abstract Unix socket named after the virtual router. Such names belong to the network namespace, two
//! processes cannot have the same one, and it is gone with the process, however that ends.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use nix::sys::socket::{getsockopt, sockopt};
use vrrp::{Family, InstanceId};

use crate::plan::{InstancePlan, Plan, existing};

/// The locks that this process has.
#[derive(Debug, Default)]
pub(crate) struct Locks(BTreeMap<InstanceId, UnixListener>);

/// Somebody else has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "another vrrpd (process {holder}) has virtual router {vrid} on {interface}: stop it, or give this one another \
     `virtual_router_id`"
)]
pub(crate) struct Locked {
    /// The virtual router.
    vrid: u8,
    /// Its interface.
    interface: String,
    /// The process that has it; 0 where that cannot be known.
    holder: i32,
}

impl Locks {
    /// Locks what a plan has, up to the first that another process has. Nothing is given up.
    pub(crate) fn take(&mut self, plan: &Plan) -> Result<(), Locked> {
        for (&id, instance) in &plan.instances {
            let id = locked(id, instance);
            if existing(id.iface).is_none() || self.0.contains_key(&id) {
                continue;
            }
            match address(id).and_then(|address| UnixListener::bind_addr(&address)) {
                Ok(listener) => drop(self.0.insert(id, listener)),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    let (vrid, interface) = (id.vrid.get(), instance.interface.clone());
                    return Err(Locked { vrid, interface, holder: holder(id).unwrap_or(0) });
                }
                // Without such sockets there is no protection, and everything else works.
                Err(error) => tracing::debug!("virtual router {} is not locked: {error}", id.vrid),
            }
        }
        Ok(())
    }

    /// Gives up what a plan does not have.
    pub(crate) fn keep(&mut self, plan: &Plan) {
        let wanted: BTreeSet<InstanceId> =
            plan.instances.iter().map(|(&id, instance)| locked(id, instance)).collect();
        self.0.retain(|id, _| wanted.contains(id));
    }
}

/// What is locked is the virtual router on the interface below: each daemon would make an ipvlan of its own.
fn locked(id: InstanceId, instance: &InstancePlan) -> InstanceId {
    InstanceId { iface: instance.below, ..id }
}

fn address(id: InstanceId) -> io::Result<SocketAddr> {
    let family = match id.family {
        Family::V4 => 4,
        Family::V6 => 6,
    };
    SocketAddr::from_abstract_name(format!("vrrpd/{}/{}/{family}", id.iface.0, id.vrid))
}

fn holder(id: InstanceId) -> Option<i32> {
    let stream = UnixStream::connect_addr(&address(id).ok()?).ok()?;
    Some(getsockopt(&stream, sockopt::PeerCredentials).ok()?.pid())
}
