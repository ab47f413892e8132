//! A machine: a node, its kernel, and whether it runs.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use vrrp::*;

use crate::kernel::Kernel;

pub(crate) const ETH: IfIndex = IfIndex(2);

/// The address that every virtual router of the simulation has.
pub(crate) fn vip() -> IpAddr {
    IpAddr::from([10, 0, 0, 100])
}

pub(crate) struct Frame {
    pub(crate) from: usize,
    pub(crate) advertised: Advertised,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Process {
    Running,
    Paused,
    Crashed,
}

pub(crate) struct Host {
    pub(crate) node: Node,
    pub(crate) config: InstanceConfig,
    pub(crate) kernel: Kernel,
    pub(crate) process: Process,
    /// Frames that wait in the socket while the process does not run.
    pub(crate) socket: VecDeque<Frame>,
    pub(crate) link: Link,
    pub(crate) stopped: bool,
    pub(crate) health: BTreeMap<TrackId, Health>,
    /// Tells a resume of this pause from the one of an earlier life.
    pub(crate) pauses: u64,
}

impl Host {
    pub(crate) fn new(index: usize, config: InstanceConfig) -> Self {
        let link = Link { up: true, v4: Some([10, 0, 0, u8::try_from(index + 1).unwrap()].into()), v6: None };
        let health = config.trackers.iter().map(|&(id, _)| (id, Health::Up)).collect();
        Self {
            node: Node::new(NodeConfig::new(vec![config.clone()]).unwrap()),
            config,
            kernel: Kernel::default(),
            process: Process::Running,
            socket: VecDeque::new(),
            link,
            stopped: false,
            health,
            pauses: 0,
        }
    }

    pub(crate) fn source(&self) -> IpAddr {
        self.link.source(Family::V4).unwrap()
    }

    pub(crate) fn snapshot(&self) -> InstanceSnapshot {
        self.node.instance(self.config.id()).unwrap()
    }

    pub(crate) fn role(&self) -> Role {
        self.snapshot().role
    }

    pub(crate) fn holds(&self, now: Duration) -> bool {
        self.kernel.holds(vip(), now)
    }

    /// Takes part in elections.
    pub(crate) fn competes(&self) -> bool {
        self.process == Process::Running && matches!(self.role(), Role::Backup | Role::Active)
    }

    /// A lease outlives a late advertisement or two, and ends before a backup takes over.
    pub(crate) fn lease(&self) -> Duration {
        self.config.interval.to_duration() * 3
    }
}
