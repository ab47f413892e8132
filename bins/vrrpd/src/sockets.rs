//! The sockets that advertisements travel through, shared by virtual routers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::{info, warn};
use vip_netlink::{Datagram, VrrpSocket, VrrpSocketError};
use vrrp::{IfIndex, InstanceId};

use crate::plan::{InstancePlan, Path, Plan, existing};

/// Packets that wait for the driver. When there are more, the kernel keeps some and drops the rest.
const BACKLOG: usize = 64;
/// No advertisement of 255 IPv6 addresses is longer, Ethernet cannot carry it, and what is cut fails its checks.
const LONGEST_PACKET: usize = 4200;
/// After an error in receiving.
const PAUSE: Duration = Duration::from_millis(100);

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SocketKey {
    /// What is sent to the group on an interface.
    Multicast { ifindex: u32, group: IpAddr },
    /// The same on a virtual MAC interface. While that is up it gets what others send from the same hardware address,
    /// which the interface below then does not.
    Vmac { ifindex: u32, group: IpAddr },
    /// What is sent to one of our addresses on an interface.
    Unicast { ifindex: u32, local: IpAddr, ttl: u8 },
}

impl SocketKey {
    /// The one that a virtual router uses; `None` while it has no interface or no address.
    pub(crate) fn of(id: InstanceId, instance: &InstancePlan, source: Option<IpAddr>) -> Option<Self> {
        let ifindex = existing(id.iface)?;
        match &instance.path {
            Path::Multicast { group } => Some(Self::Multicast { ifindex, group: *group }),
            Path::Unicast { ttl, .. } => source.map(|local| Self::Unicast { ifindex, local, ttl: *ttl }),
        }
    }

    /// The one on its virtual MAC interface, if it has one.
    pub(crate) fn of_vmac(instance: &InstancePlan) -> Option<Self> {
        let Path::Multicast { group } = instance.path else { return None };
        Some(Self::Vmac { ifindex: existing(instance.vmac?)?, group })
    }

    pub(crate) fn is_unicast(&self) -> bool {
        matches!(self, Self::Unicast { .. })
    }
}

/// A packet, and the socket it came through.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) socket: SocketKey,
    pub(crate) datagram: Datagram,
    pub(crate) payload: Vec<u8>,
}

/// The open sockets.
#[derive(Debug)]
pub(crate) struct Sockets {
    open: BTreeMap<SocketKey, Open>,
    /// Those that could not be opened, and what was said about it.
    failed: BTreeMap<SocketKey, String>,
    packets: mpsc::Sender<Received>,
}

#[derive(Debug)]
struct Open {
    socket: Arc<VrrpSocket>,
    receiver: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.receiver.abort();
    }
}

impl Sockets {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Received>) {
        let (packets, inbox) = mpsc::channel(BACKLOG);
        (Self { open: BTreeMap::new(), failed: BTreeMap::new(), packets }, inbox)
    }

    /// The sockets that a plan needs with these sources.
    pub(crate) fn wanted(
        plan: &Plan,
        source: impl Fn(&InstancePlan) -> Option<IpAddr>,
    ) -> BTreeSet<SocketKey> {
        let instances = plan.instances.iter();
        instances
            .flat_map(|(&id, instance)| {
                [SocketKey::of(id, instance, source(instance)), SocketKey::of_vmac(instance)]
            })
            .flatten()
            .collect()
    }

    /// Opens what is missing. What cannot be opened is tried again when this is called again.
    pub(crate) fn open(&mut self, wanted: &BTreeSet<SocketKey>) {
        for &key in wanted {
            if self.open.contains_key(&key) {
                continue;
            }
            match open(key) {
                Ok(socket) => {
                    if self.failed.remove(&key).is_some() {
                        info!("{key:?} is open now");
                    }
                    let socket = Arc::new(socket);
                    let task = tokio::spawn(receive(key, Arc::clone(&socket), self.packets.clone()));
                    self.open.insert(key, Open { socket, receiver: task.abort_handle() });
                }
                Err(error) => {
                    let message = error.to_string();
                    if self.failed.get(&key) != Some(&message) {
                        warn!("{message}");
                    }
                    self.failed.insert(key, message);
                }
            }
        }
    }

    /// Closes all others.
    pub(crate) fn close_all_but(&mut self, wanted: &BTreeSet<SocketKey>) {
        self.open.retain(|key, _| wanted.contains(key));
        self.failed.retain(|key, _| wanted.contains(key));
    }

    pub(crate) fn any_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    pub(crate) fn get(&self, key: SocketKey) -> Option<&VrrpSocket> {
        self.open.get(&key).map(|open| &*open.socket)
    }

    /// The virtual router's interface is gone or was made anew: nothing comes through these any more.
    pub(crate) fn forget_interface(&mut self, gone: IfIndex) {
        self.open.retain(|key, _| match *key {
            SocketKey::Multicast { ifindex, .. }
            | SocketKey::Vmac { ifindex, .. }
            | SocketKey::Unicast { ifindex, .. } => ifindex != gone.0,
        });
    }
}

fn open(key: SocketKey) -> Result<VrrpSocket, VrrpSocketError> {
    match key {
        SocketKey::Multicast { ifindex, group } | SocketKey::Vmac { ifindex, group } => {
            VrrpSocket::multicast(group, ifindex)
        }
        SocketKey::Unicast { ifindex, local, ttl } => VrrpSocket::unicast(local, ifindex, ttl),
    }
}

async fn receive(key: SocketKey, socket: Arc<VrrpSocket>, packets: mpsc::Sender<Received>) {
    let mut buffer = [0; LONGEST_PACKET];
    loop {
        match socket.recv(&mut buffer).await {
            Ok(datagram) => {
                let payload = buffer[datagram.payload.clone()].to_vec();
                if packets.send(Received { socket: key, datagram, payload }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // An interface that goes down says so once.
                tracing::debug!("{error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
