//! A server: where it is, what health knows of it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use config::haproxy::{Server as Plan, ServerAddress};
use healthcheck::{History, Record};
use lb_core::ServerId;
use stats::{Peak, RateMeter, Window1024};
use tokio::sync::Notify;

use super::lock;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// A name that had no address when the configuration was loaded.
    Unresolved(String),
}

impl Address {
    /// Resolves names once. A name without an address does not stop the start: its server is down and says why.
    fn resolve(address: &ServerAddress) -> Self {
        match address {
            ServerAddress::Tcp(address) => Self::Tcp(*address),
            ServerAddress::Unix(path) => Self::Unix(path.clone()),
            ServerAddress::Name { host, port } => (host.as_str(), *port)
                .to_socket_addrs()
                .ok()
                .and_then(|mut found| found.next())
                .map_or_else(|| Self::Unresolved(host.clone()), Self::Tcp),
        }
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: Arc<str>,
    pub(crate) backend: Arc<str>,
    /// Its place in the backend's pool.
    pub(crate) pool_id: ServerId,
    pub(crate) plan: Plan,
    pub(crate) address: Address,
    /// Told when there is news for its checks.
    pub(crate) told: Notify,
    evidence: AtomicBool,
    pub(crate) session_rate: RateMeter,
    /// Requests and sessions on it now.
    pub(crate) sessions: AtomicU32,
    pub(crate) sessions_max: Peak,
    pub(crate) queue_max: Peak,
    pub(crate) times: Times,
    usable: AtomicBool,
    state: Mutex<CheckState>,
    last_session: Mutex<Option<Instant>>,
}

/// Averages over the last 1024 requests.
#[derive(Debug, Default)]
pub(crate) struct Times {
    pub(crate) queue: Window1024,
    pub(crate) connect: Window1024,
    pub(crate) response: Window1024,
    pub(crate) total: Window1024,
}

/// What checks have found.
#[derive(Debug)]
pub(crate) struct CheckState {
    /// HAProxy's word: `UP`, `UP 1/3`, `DOWN`, `no check`, `MAINT`.
    pub(crate) display: String,
    pub(crate) up: bool,
    pub(crate) maintenance: bool,
    /// Since when it is `up` or not.
    pub(crate) since: Instant,
    pub(crate) history: History,
    pub(crate) down_transitions: u64,
    pub(crate) failed_checks: u64,
    /// Time spent down before `since`.
    pub(crate) downtime: Duration,
    /// `health` of HAProxy's integer, with rise and fall.
    pub(crate) health: (u32, u32, u32),
    pub(crate) checking: bool,
}

impl Server {
    pub(super) fn new(plan: &Plan, backend: &Arc<str>, index: usize, now: Instant) -> Self {
        let display = match (&plan.check, plan.disabled) {
            (_, true) => "MAINT".to_owned(),
            (None, false) => "no check".to_owned(),
            (Some(check), false) if check.fall > 1 => format!("UP 1/{}", check.fall),
            (Some(_), false) => "UP".to_owned(),
        };
        let (rise, fall) = plan.check.as_ref().map_or((0, 0), |c| (c.rise, c.fall));
        let state = CheckState {
            display,
            up: true,
            maintenance: plan.disabled,
            since: now,
            history: History::new(),
            down_transitions: 0,
            failed_checks: 0,
            downtime: Duration::ZERO,
            health: (rise, rise, fall),
            checking: false,
        };
        Self {
            name: plan.name.as_str().into(),
            backend: Arc::clone(backend),
            pool_id: ServerId(u32::try_from(index).unwrap_or(u32::MAX)),
            address: Address::resolve(&plan.address),
            plan: plan.clone(),
            told: Notify::new(),
            evidence: AtomicBool::new(false),
            session_rate: RateMeter::new(now),
            sessions: AtomicU32::new(0),
            sessions_max: Peak::default(),
            queue_max: Peak::default(),
            times: Times::default(),
            usable: AtomicBool::new(!plan.disabled),
            state: Mutex::new(state),
            last_session: Mutex::new(None),
        }
    }

    /// Whether it is up and not in maintenance.
    pub(crate) fn accepts_traffic(&self) -> bool {
        self.usable.load(Ordering::Relaxed)
    }

    /// A client's connection to it failed.
    pub(crate) fn connection_failed(&self) {
        self.evidence.store(true, Ordering::Relaxed);
        self.told.notify_one();
    }

    /// Whether a connection failed since the last time this was asked.
    pub(crate) fn take_evidence(&self) -> bool {
        self.evidence.swap(false, Ordering::Relaxed)
    }

    /// Its health, to read.
    pub(crate) fn state(&self) -> MutexGuard<'_, CheckState> {
        lock(&self.state)
    }

    /// Records the result of a check.
    pub(crate) fn record(&self, record: Record) {
        self.state().history.push(record);
    }

    /// Records that the server went up or down at `now`.
    pub(crate) fn set_up(&self, up: bool, now: Instant) {
        let mut state = self.state();
        if state.up == up {
            return;
        }
        if up {
            let down = now.saturating_duration_since(state.since);
            state.downtime += down;
        } else {
            state.down_transitions += 1;
        }
        state.up = up;
        state.since = now;
        self.usable.store(up && !state.maintenance, Ordering::Relaxed);
    }

    /// Puts it into maintenance or takes it out; it comes back as up until a check says otherwise.
    pub(crate) fn set_maintenance(&self, maintenance: bool) {
        let mut state = self.state();
        state.maintenance = maintenance;
        if maintenance {
            state.display = "MAINT".to_owned();
        } else if self.plan.check.is_none() {
            state.display = "no check".to_owned();
        }
        self.usable.store(state.up && !maintenance, Ordering::Relaxed);
        drop(state);
        self.told.notify_one();
    }

    /// Notes that a session began.
    pub(crate) fn session_began(&self, now: Instant) {
        self.session_rate.record(now, 1);
        *lock(&self.last_session) = Some(now);
    }

    /// When the last session began.
    pub(crate) fn last_session(&self) -> Option<Instant> {
        *lock(&self.last_session)
    }
}
