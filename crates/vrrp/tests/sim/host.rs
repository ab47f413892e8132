//! A machine: a node, its kernel, its clock, and whether it runs.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use vrrp::*;

use crate::clock::Clock;
use crate::epoch;
use crate::kernel::Kernel;

pub(crate) const ETH: IfIndex = IfIndex(2);

/// The interface on a segment; `ETH` is that on the first.
pub(crate) fn interface(segment: usize) -> IfIndex {
    IfIndex(ETH.0 + u32::try_from(segment).unwrap())
}

pub(crate) fn segment(id: InstanceId) -> usize {
    usize::try_from(id.iface.0 - ETH.0).unwrap()
}

/// The address that every virtual router of a segment has.
pub(crate) fn vip(segment: usize) -> IpAddr {
    IpAddr::from([10, u8::try_from(segment).unwrap(), 0, 100])
}

pub(crate) struct Frame {
    pub(crate) segment: usize,
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

/// What a host is configured with: a virtual router for each segment, in one sync group if there are several.
#[derive(Clone)]
pub(crate) struct Setup(pub(crate) Vec<InstanceConfig>);

impl Setup {
    pub(crate) fn node(&self) -> NodeConfig {
        let node = NodeConfig::new(self.0.clone()).unwrap();
        match self.0.as_slice() {
            [_] => node,
            several => {
                let members = several.iter().map(InstanceConfig::id).collect();
                node.with_groups(vec![SyncGroup { id: GroupId(1), members }]).unwrap()
            }
        }
    }

    /// The same change to each virtual router.
    pub(crate) fn edited(mut self, edit: impl FnMut(&mut InstanceConfig)) -> Self {
        self.0.iter_mut().for_each(edit);
        self
    }
}

pub(crate) struct Host {
    pub(crate) node: Node,
    pub(crate) setup: Setup,
    pub(crate) kernel: Kernel,
    pub(crate) clock: Clock,
    pub(crate) process: Process,
    /// Actions until the process dies, if it is to die in the middle of something.
    pub(crate) fuse: Option<usize>,
    /// Frames that wait in the socket while the process does not run.
    pub(crate) socket: VecDeque<Frame>,
    pub(crate) links: Vec<Link>,
    pub(crate) stopped: bool,
    pub(crate) health: BTreeMap<TrackId, Health>,
    /// Tells a resume of this pause from the one of an earlier life.
    pub(crate) pauses: u64,
}

impl Host {
    /// What UTC is at the begin of a simulation, since 1970.
    const WALL: Duration = Duration::from_secs(1_700_000_000);

    pub(crate) fn new(index: usize, setup: Setup) -> Self {
        let source =
            |segment: usize| [10, u8::try_from(segment).unwrap(), 0, u8::try_from(index + 1).unwrap()];
        let link = |segment| Link { up: true, v4: Some(source(segment).into()), v6: None };
        Self {
            node: Node::new(setup.node()),
            kernel: Kernel::default(),
            clock: Clock::default(),
            process: Process::Running,
            fuse: None,
            socket: VecDeque::new(),
            links: (0..setup.0.len()).map(link).collect(),
            stopped: false,
            health: setup.0[0].trackers.iter().map(|&(id, _)| (id, Health::Up)).collect(),
            pauses: 0,
            setup,
        }
    }

    /// What its virtual routers have in common.
    pub(crate) fn config(&self) -> &InstanceConfig {
        &self.setup.0[0]
    }

    pub(crate) fn source(&self, segment: usize) -> IpAddr {
        self.links[segment].source(Family::V4).unwrap()
    }

    pub(crate) fn instant(&self, now: Duration) -> Instant {
        epoch() + self.clock.local(now)
    }

    /// UTC is kept right by other means, whatever the drift is.
    pub(crate) fn wall(now: Duration) -> Duration {
        Self::WALL + now
    }

    pub(crate) fn snapshot(&self) -> InstanceSnapshot {
        self.snapshot_on(0)
    }

    pub(crate) fn snapshot_on(&self, segment: usize) -> InstanceSnapshot {
        self.node.instance(self.setup.0[segment].id()).unwrap()
    }

    pub(crate) fn role(&self, segment: usize) -> Role {
        self.snapshot_on(segment).role
    }

    pub(crate) fn holds(&self, now: Duration) -> bool {
        self.holds_on(0, now)
    }

    pub(crate) fn holds_on(&self, segment: usize, now: Duration) -> bool {
        self.kernel.holds(segment, vip(segment), now)
    }

    /// Takes part in elections.
    pub(crate) fn competes(&self, segment: usize) -> bool {
        self.process == Process::Running && matches!(self.role(segment), Role::Backup | Role::Active)
    }

    /// A lease outlives a late advertisement or two, and ends before a backup takes over. Whoever counts it is not the
    /// one whose clock drifts.
    pub(crate) fn lease(&self) -> Duration {
        self.config().interval.to_duration() * 3
    }
}
