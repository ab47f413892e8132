//! The servers of one backend, and the only place that answers "may this server take a request?".

mod waiting;

use crate::picker::{Found, Picker};
use crate::queue::{Queue, Ticket};
use crate::server::{Admin, Health, MAX_WEIGHT, Server, ServerId, ServerSpec};
use crate::tried::Tried;

/// How a backend balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    /// Weighted turns; new weights count at once.
    #[default]
    RoundRobin,
    /// Weighted turns from a precomputed table.
    StaticRr,
    /// The least loaded server for its weight; equals take turns.
    LeastConn,
    /// The least loaded of a few servers drawn at random by weight.
    Random {
        /// Servers drawn; at least 1, HAProxy's default is 2.
        draws: u32,
    },
    /// The first server below its maxconn.
    First,
    /// By [hash](crate::source_hash) of the client's address.
    Source,
}

/// Parameters of a [`Pool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolConfig {
    /// How it balances.
    pub algorithm: Algorithm,
    /// `option allbackups`: use all backup servers, not only the first usable one.
    pub allbackups: bool,
}

/// What a pick depends on besides the pool.
#[derive(Debug, Clone, Copy)]
pub struct PickInput<'a> {
    /// Hash of the client for [`Algorithm::Source`]; `None` spreads by `entropy`.
    pub hash: Option<u64>,
    /// A random number; only [`Algorithm::Random`], and [`Algorithm::Source`] without a hash, use it.
    pub entropy: u64,
    /// Servers that are not to be picked again.
    pub tried: &'a Tried,
}

/// Who takes the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// This server: [`Pool::acquire`] it before the pool is unlocked.
    Server(ServerId),
    /// Servers are usable, but full: [`Pool::enqueue`] with what is in here. `Some` where the algorithm
    /// ties the request to one server.
    Saturated(Option<ServerId>),
    /// No server, now or soon: none is usable, or all that are have been tried.
    None,
}

/// The servers of one backend with their state.
///
/// Methods that take a [`ServerId`] panic if it does not belong to the pool; ids are never reused.
#[derive(Debug, Clone)]
pub struct Pool {
    allbackups: bool,
    servers: Vec<Server>,
    picker: Picker,
    queue: Queue,
    /// Usable servers that are not backups.
    active: usize,
    /// Usable backup servers.
    backup: usize,
    /// Servers that balanced traffic goes to, and how many of them are below their maxconn.
    in_rotation: usize,
    open: usize,
    total_weight: u32,
}

impl Pool {
    /// A pool with all servers ready and up.
    pub fn new(config: PoolConfig, servers: Vec<ServerSpec>) -> Self {
        let mut pool = Self {
            allbackups: config.allbackups,
            servers: servers.into_iter().map(Server::new).collect(),
            picker: Picker::new(config.algorithm),
            queue: Queue::default(),
            active: 0,
            backup: 0,
            in_rotation: 0,
            open: 0,
            total_weight: 0,
        };
        pool.refresh_rotation();
        pool
    }

    /// Adds a server, ready and up, behind the others.
    pub fn add_server(&mut self, spec: ServerSpec) -> ServerId {
        let id = u32::try_from(self.servers.len()).expect("a pool has fewer than 2^32 servers");
        self.servers.push(Server::new(spec));
        self.refresh_rotation();
        ServerId(id)
    }

    /// Chooses a server for a new request, or for another attempt of one.
    pub fn pick(&mut self, input: &PickInput<'_>) -> Pick {
        match self.picker.pick(&self.servers, input) {
            Found::Server(id) => Pick::Server(id),
            Found::WaitFor(id) => Pick::Saturated(Some(id)),
            Found::Nothing if self.is_worth_waiting(input.tried) => Pick::Saturated(None),
            Found::Nothing => Pick::None,
        }
    }

    /// Counts a request as in flight on a server, whatever its state: the caller has picked it, or
    /// persistence has (see [`accepts_persistent`](Self::accepts_persistent)).
    pub fn acquire(&mut self, id: ServerId) {
        self.servers[id.index()].in_flight += 1;
        self.update(id);
    }

    /// A request on a server is over. `Some`: the slot went to this waiting request, which is in flight on
    /// the same server from now on.
    #[must_use = "the waiting request holds a slot and must be woken"]
    pub fn release(&mut self, id: ServerId) -> Option<Ticket> {
        let server = &mut self.servers[id.index()];
        debug_assert!(server.in_flight > 0, "release without acquire");
        server.in_flight = server.in_flight.saturating_sub(1);
        let waiting = self.next_waiting(id);
        if waiting.is_some() {
            self.servers[id.index()].in_flight += 1;
        }
        self.update(id);
        waiting
    }

    /// What the operator wants of a server.
    pub fn set_admin(&mut self, id: ServerId, admin: Admin) {
        self.servers[id.index()].admin = admin;
        self.refresh_rotation();
    }

    /// What checks say about a server.
    pub fn set_health(&mut self, id: ServerId, health: Health) {
        self.servers[id.index()].health = health;
        self.refresh_rotation();
    }

    /// Changes a weight, 0..=[`MAX_WEIGHT`] (more counts as that), with effect on the next pick.
    pub fn set_weight(&mut self, id: ServerId, weight: u16) {
        self.servers[id.index()].weight = weight.min(MAX_WEIGHT);
        self.refresh_rotation();
    }

    /// Changes the most requests in flight on a server; `None` or 0 is unlimited. Those in flight stay.
    pub fn set_maxconn(&mut self, id: ServerId, maxconn: Option<u32>) {
        self.servers[id.index()].maxconn = maxconn.filter(|&limit| limit > 0);
        self.update(id);
    }

    /// Whether balanced traffic may go to a server: ready, up, weight above 0, and not a backup that is not
    /// needed. It may still be [saturated](Self::is_saturated).
    pub fn eligible(&self, id: ServerId) -> bool {
        self.servers[id.index()].in_rotation
    }

    /// Whether a request that belongs to a server may go there: neither in maintenance nor down.
    pub fn accepts_persistent(&self, id: ServerId) -> bool {
        self.servers[id.index()].accepts_persistent()
    }

    /// Whether as many requests are in flight on a server as its maxconn allows.
    pub fn is_saturated(&self, id: ServerId) -> bool {
        self.servers[id.index()].is_saturated()
    }

    /// What the operator wants of a server.
    pub fn admin(&self, id: ServerId) -> Admin {
        self.servers[id.index()].admin
    }

    /// What checks say about a server.
    pub fn health(&self, id: ServerId) -> Health {
        self.servers[id.index()].health
    }

    /// The weight of a server.
    pub fn weight(&self, id: ServerId) -> u16 {
        self.servers[id.index()].weight
    }

    /// Requests in flight on a server.
    pub fn in_flight(&self, id: ServerId) -> u32 {
        self.servers[id.index()].in_flight
    }

    /// Requests that wait for this very server.
    pub fn queued(&self, id: ServerId) -> u32 {
        self.servers[id.index()].queued
    }

    /// Number of servers, in whatever state.
    pub fn server_count(&self) -> usize {
        self.servers.len()
    }

    /// Usable servers that are not backups.
    pub fn active_count(&self) -> usize {
        self.active
    }

    /// Usable backup servers, in use or not.
    pub fn backup_count(&self) -> usize {
        self.backup
    }

    /// Whether backup servers take the traffic because no other server can.
    pub fn is_on_backup(&self) -> bool {
        self.active == 0 && self.backup > 0
    }

    /// Weight of all servers that balanced traffic goes to; 0: the backend is down.
    pub fn total_weight(&self) -> u32 {
        self.total_weight
    }

    /// Brings rotation in line with the state of the servers.
    fn refresh_rotation(&mut self) {
        let usable = |backup: bool| {
            self.servers.iter().filter(|server| server.is_usable() && server.backup == backup).count()
        };
        (self.active, self.backup) = (usable(false), usable(true));
        let mut backups_wanted = match (self.active, self.allbackups) {
            (0, true) => self.backup,
            (0, false) => 1,
            (_, _) => 0,
        };
        (self.in_rotation, self.total_weight) = (0, 0);
        for index in 0..self.servers.len() {
            let server = &mut self.servers[index];
            server.in_rotation = server.is_usable() && (!server.backup || backups_wanted > 0);
            if server.in_rotation {
                self.in_rotation += 1;
                self.total_weight += u32::from(server.weight);
                if server.backup {
                    backups_wanted -= 1;
                }
            }
            self.update(ServerId(index as u32));
        }
        self.picker.rotation_changed();
    }

    /// Passes a change of one server on to the picker.
    fn update(&mut self, id: ServerId) {
        let server = &mut self.servers[id.index()];
        let was_open = server.open;
        server.open = server.in_rotation && !server.is_saturated();
        self.open = self.open + usize::from(server.open) - usize::from(was_open);
        self.picker.update(id, server);
    }

    /// Whether a server that has not been tried would take the request if it were not full.
    fn is_worth_waiting(&self, tried: &Tried) -> bool {
        let tried_servers = tried.iter().filter_map(|id| self.servers.get(id.index()));
        let tried_and_full = tried_servers.filter(|server| server.in_rotation && !server.open).count();
        self.in_rotation - self.open > tried_and_full
    }
}

#[cfg(test)]
mod tests;
