//! What is known of one request or session while it passes the stack. One typed record instead of a bag of extensions:
//!
//! | field | written by |
//! |---|---|
//! | `client`, `started`, `line` | the client connection |
//! | `backend` | `route` |
//! | `endpoint`, `tried`, `picked_at` | `balance` |
//! | `retries`, `redispatched` | `redispatch` |
//! | `connected_at`, `answered_at`, `reused` | `endpoint` |
//! | `status` | `rescue`, `endpoint` |
//! | `bytes_in`, `bytes_out`, `ended` | the client connection |

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use lb_core::Tried;

use crate::error::ProxyError;
use crate::metrics::BackendMetrics;
use crate::objects::Session;
use crate::stack::endpoint::Endpoint;

/// Where in its life a request is: the second letter of HAProxy's termination state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Request,
    Queue,
    Connect,
    Response,
    Data,
    Done,
}

impl Phase {
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Request => 'R',
            Self::Queue => 'Q',
            Self::Connect => 'C',
            Self::Response => 'H',
            Self::Data => 'D',
            Self::Done => '-',
        }
    }
}

/// One request or session.
#[derive(Debug)]
pub(crate) struct Ctx {
    pub(crate) client: Option<SocketAddr>,
    /// The client's address as text, IPv4 for an IPv4-mapped one; empty for a Unix socket.
    pub(crate) client_text: Bytes,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) started: Instant,
    /// Time from the first byte to the complete head.
    pub(crate) head_time: Duration,
    /// First line of the request, empty in TCP mode.
    pub(crate) line: Bytes,
    pub(crate) phase: Cell<Phase>,
    pub(crate) backend: RefCell<Option<Rc<BackendMetrics>>>,
    /// Counted in the backend's sessions while this is held.
    pub(crate) session: RefCell<Option<Session>>,
    pub(crate) endpoint: RefCell<Option<Rc<Endpoint>>>,
    pub(crate) tried: RefCell<Tried>,
    /// A server was picked, after any queueing.
    pub(crate) picked_at: Cell<Option<Instant>>,
    /// Answered by the proxy itself: statistics, monitor.
    pub(crate) intercepted: Cell<bool>,
    pub(crate) connected_at: Cell<Option<Instant>>,
    pub(crate) answered_at: Cell<Option<Instant>>,
    pub(crate) reused: Cell<bool>,
    pub(crate) retries: Cell<u32>,
    pub(crate) redispatched: Cell<bool>,
    pub(crate) status: Cell<Option<u16>>,
    pub(crate) bytes_in: Cell<u64>,
    pub(crate) bytes_out: Cell<u64>,
    pub(crate) ended: Cell<Option<(char, char)>>,
    /// Requests ahead in the server's and the backend's queue.
    pub(crate) queue_positions: Cell<[u32; 2]>,
    /// First request of its client connection (`http-reuse safe`).
    pub(crate) first: bool,
}

impl Ctx {
    pub(crate) fn new(client: Option<SocketAddr>, started: Instant, first: bool) -> Self {
        Self {
            client,
            client_text: Bytes::new(),
            local: None,
            started,
            head_time: Duration::ZERO,
            line: Bytes::new(),
            phase: Cell::new(Phase::Request),
            backend: RefCell::default(),
            session: RefCell::default(),
            endpoint: RefCell::default(),
            tried: RefCell::default(),
            picked_at: Cell::default(),
            intercepted: Cell::default(),
            connected_at: Cell::default(),
            answered_at: Cell::default(),
            reused: Cell::default(),
            retries: Cell::default(),
            redispatched: Cell::default(),
            status: Cell::default(),
            bytes_in: Cell::default(),
            bytes_out: Cell::default(),
            ended: Cell::default(),
            queue_positions: Cell::default(),
            first,
        }
    }

    /// When the request began, by the wall clock.
    pub(crate) fn date(&self) -> SystemTime {
        SystemTime::now() - self.started.elapsed()
    }

    /// Records how the request ended; the first cause stays.
    pub(crate) fn end(&self, error: ProxyError) {
        if self.ended.get().is_none() {
            let phase = error.phase().unwrap_or_else(|| self.phase.get().letter());
            self.ended.set(Some((error.cause(), phase)));
        }
    }

    pub(crate) fn add_in(&self, n: usize) {
        self.bytes_in.set(self.bytes_in.get() + n as u64);
    }

    pub(crate) fn add_out(&self, n: usize) {
        self.bytes_out.set(self.bytes_out.get() + n as u64);
    }
}
