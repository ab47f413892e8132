//! One server as the balancer sees it.

/// Largest weight of a server.
pub const MAX_WEIGHT: u16 = 256;

/// Index of a server in its pool, in declaration order from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u32);

impl ServerId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What the operator wants of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Admin {
    /// Takes traffic.
    #[default]
    Ready,
    /// Takes only requests that persistence sends there.
    Drain,
    /// Takes nothing.
    Maint,
}

/// What checks say about a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Health {
    /// Works, or is not checked.
    #[default]
    Up,
    /// Works, but asks for no new traffic (`http-check disable-on-404`).
    Stopping,
    /// Does not work.
    Down,
}

/// What the configuration says about a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerSpec {
    /// Share of the traffic, 0..=[`MAX_WEIGHT`]; 0 takes only requests that persistence sends there.
    pub weight: u16,
    /// Used only when no other server is usable.
    pub backup: bool,
    /// Most requests in flight; `None` or 0 is unlimited.
    pub maxconn: Option<u32>,
    /// Most requests that wait for this very server; `None` or 0 is unlimited.
    pub maxqueue: Option<u32>,
}

/// Weight 1, not a backup, no limits.
impl Default for ServerSpec {
    fn default() -> Self {
        Self { weight: 1, backup: false, maxconn: None, maxqueue: None }
    }
}

/// A server with its state. `in_rotation` and `open` are kept up to date by the pool.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) weight: u16,
    pub(crate) backup: bool,
    pub(crate) maxconn: Option<u32>,
    pub(crate) maxqueue: Option<u32>,
    pub(crate) admin: Admin,
    pub(crate) health: Health,
    pub(crate) in_flight: u32,
    /// Requests that wait for this very server.
    pub(crate) queued: u32,
    /// Balanced traffic goes here; for a backup server that includes that backups are in use.
    pub(crate) in_rotation: bool,
    /// In rotation and below maxconn.
    pub(crate) open: bool,
}

impl Server {
    pub(crate) fn new(spec: ServerSpec) -> Self {
        Self {
            weight: spec.weight.min(MAX_WEIGHT),
            backup: spec.backup,
            maxconn: spec.maxconn.filter(|&limit| limit > 0),
            maxqueue: spec.maxqueue.filter(|&limit| limit > 0),
            admin: Admin::Ready,
            health: Health::Up,
            in_flight: 0,
            queued: 0,
            in_rotation: false,
            open: false,
        }
    }

    /// Whether its own state allows balanced traffic.
    pub(crate) fn is_usable(&self) -> bool {
        self.admin == Admin::Ready && self.health == Health::Up && self.weight > 0
    }

    /// Whether its own state allows requests that belong to it.
    pub(crate) fn accepts_persistent(&self) -> bool {
        self.admin != Admin::Maint && self.health != Health::Down
    }

    pub(crate) fn is_saturated(&self) -> bool {
        self.maxconn.is_some_and(|limit| self.in_flight >= limit)
    }

    pub(crate) fn is_queue_full(&self) -> bool {
        self.maxqueue.is_some_and(|limit| self.queued >= limit)
    }

    /// Requests it is busy with or that wait for it.
    pub(crate) fn load(&self) -> u64 {
        u64::from(self.in_flight) + u64::from(self.queued)
    }
}
