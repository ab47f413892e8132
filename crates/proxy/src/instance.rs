//! A running load balancer: workers, checks, heartbeat, and the way it stops.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use config::haproxy::{Config, Heartbeat as HeartbeatPlan, Level, LogTarget};
use healthcheck::Readiness;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use stats::RateMeter;
use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::accept::{self, BindError, Listener};
use crate::health;
use crate::heartbeat::{DEFAULT_PATH, Heartbeat, State};
use crate::idle;
use crate::log::{Identity, LogWriter};
use crate::objects::{Objects, Process};
use crate::worker::{self, Mailbox, Seed, WorkerHandle};

/// How often a stopping process looks whether its last connection has ended.
const DRAIN_LOOK: Duration = Duration::from_millis(10);
/// Descriptors kept for everything that is not a client connection, its server connection, or a pipe between them.
const SPARE_FILES: u64 = 64;

/// Why a load balancer could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listening socket could not be made; all of them are named.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Bind(Vec<BindError>),
    /// `heartbeat PATH` could not be made.
    #[error(
        "heartbeat {path}: {source}; choose another path with the global keyword `heartbeat`, or `no heartbeat`"
    )]
    Heartbeat {
        /// The path.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// A thread could not be made.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Accept no more, let what is under way finish.
    Graceful,
    /// End at once.
    Now,
}

/// A load balancer whose sockets listen and whose workers wait.
#[derive(Debug)]
pub struct Instance {
    objects: Arc<Objects>,
    workers: Vec<WorkerHandle>,
    threads: Vec<JoinHandle<()>>,
    log_thread: JoinHandle<()>,
    writer: LogWriter,
    stop: watch::Sender<bool>,
    state: State,
    heartbeat: Option<Heartbeat>,
    spread_checks: u8,
    hard_stop_after: Option<Duration>,
    targets: Arc<[LogTarget]>,
}

impl Instance {
    /// Binds every listener of `config` and starts the workers; clients are served from now on.
    ///
    /// # Errors
    /// See [`StartError`]. Nothing is left running.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        let count = config.global.nbthread.unwrap_or_else(available_workers).max(1);
        let objects = Arc::new(Objects::new(process(config, count)));
        objects.apply(config);
        let listeners = bind_all(&objects)?;
        let heartbeat = heartbeat(&config.global.heartbeat)?;
        let who = Identity {
            tag: config.global.log_tag.clone(),
            host: config.global.log_send_hostname.clone(),
            pid: std::process::id(),
        };
        let (writer, log_thread) = LogWriter::start(who)?;
        let (stop, stopped) = watch::channel(false);
        let state = State::default();
        let (workers, mailboxes): (Vec<WorkerHandle>, Vec<Mailbox>) =
            (0..count).map(|_| worker::pair()).unzip();
        let mut shares: Vec<Vec<Listener>> = (0..count).map(|_| Vec::new()).collect();
        for (i, listener) in listeners.into_iter().enumerate() {
            shares[i % count].push(listener);
        }
        let mut threads = Vec::new();
        for ((index, mailbox), listeners) in mailboxes.into_iter().enumerate().zip(shares) {
            let seed = Seed {
                index,
                objects: Arc::clone(&objects),
                writer: writer.clone(),
                listeners,
                stop: stopped.clone(),
                state: state.clone(),
            };
            let handles = workers.clone();
            let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                if let Err(error) = worker::run(seed, mailbox, handles) {
                    tracing::error!(%error, "a worker could not start");
                }
            })?;
            threads.push(thread);
        }
        state.set(Readiness::Ready);
        Ok(Self {
            objects,
            workers,
            threads,
            log_thread,
            writer,
            stop,
            state,
            heartbeat,
            spread_checks: config.global.spread_checks,
            hard_stop_after: config.global.hard_stop_after,
            targets: config.global.log.clone().into(),
        })
    }

    /// Runs health checks and the heartbeat until `stop` resolves; then stops as it says. A second signal while stopping
    /// ends at once.
    pub async fn run<S: AsyncFnMut() -> Stop>(self, mut stop: S) {
        let local = LocalSet::new();
        let serving = async {
            tokio::task::spawn_local(idle::measure(Arc::clone(&self.objects)));
            health::spawn_all(&self.objects.backends.load(), self.spread_checks, &self.writer);
            if let Some(heartbeat) = &self.heartbeat
                && let Err(error) = heartbeat.serve(&self.workers).await
            {
                tracing::warn!(%error, "the heartbeat socket failed");
            }
            std::future::pending::<()>().await;
        };
        let ending = async {
            if stop().await == Stop::Graceful {
                self.begin_stop();
                tokio::select! {
                    () = self.drained() => {}
                    () = patience(self.hard_stop_after) => {
                        tracing::warn!("hard-stop-after has passed; ending connections that are still open");
                    }
                    _ = stop() => {}
                }
            }
        };
        local
            .run_until(async {
                tokio::select! {
                    () = serving => {}
                    () = ending => {}
                }
            })
            .await;
        self.finish();
    }

    fn begin_stop(&self) {
        self.objects.process.stopping.store(true, Ordering::Relaxed);
        self.state.set(Readiness::Draining);
        // Workers that have ended already need no word.
        let _ = self.stop.send(true);
    }

    async fn drained(&self) {
        while self.objects.process.connections.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(DRAIN_LOOK).await;
        }
    }

    /// Says what was served, writes out the log. Worker threads end with the process: what they still hold has been
    /// given up.
    /// Has all workers give the writer the log lines that they still have.
    fn gather_lines(&self) {
        let (done, all_done) = sync_channel(0);
        for worker in &self.workers {
            worker.hand_over_lines(done.clone());
        }
        drop(done);
        // Nothing is ever sent: the wait ends when the last worker has dropped its sender, or with the limit.
        let _ = all_done.recv_timeout(LAST_LINES);
    }

    fn finish(self) {
        self.gather_lines();
        for frontend in self.objects.frontends.load().iter() {
            let total = self.objects.registry.frontend(&frontend.name);
            let text =
                format!("Proxy {} stopped (cumulated conns: FE: {}, BE: 0).", frontend.name, total.conn_tot);
            tracing::info!("{text}");
            self.writer.send(&self.targets, Level::Notice, text);
        }
        for backend in self.objects.backends.load().iter() {
            let total = self.objects.registry.backend(&backend.name);
            let text =
                format!("Proxy {} stopped (cumulated conns: FE: 0, BE: {}).", backend.name, total.stot);
            tracing::info!("{text}");
            self.writer.send(&self.targets, Level::Notice, text);
        }
        self.writer.flush(LAST_LINES);
        drop((self.threads, self.log_thread));
    }
}

/// Longest wait for the last log lines, twice.
const LAST_LINES: Duration = Duration::from_millis(200);

async fn patience(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

fn available_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn process(config: &Config, workers: usize) -> Process {
    let now = Instant::now();
    let (maxconn, pipes) = limits(config.global.maxconn);
    Process {
        started: now,
        started_at: SystemTime::now(),
        workers,
        maxconn,
        pipes,
        connections: AtomicU32::new(0),
        connection_rate: RateMeter::new(now),
        session_rate: RateMeter::new(now),
        stopping: AtomicBool::new(false),
        idle_percent: AtomicU32::new(100),
        node: config.global.node.clone(),
        description: config.global.description.clone(),
    }
}

/// The most client connections, and the most pipes to splice with: `global maxconn` and a pipe for each fourth of them, as
/// far as the limit of open files allows at two descriptors each. Pipes come last: bytes can be copied instead. The soft
/// limit is raised as far as the hard one lets it.
fn limits(wanted: Option<u32>) -> (u32, u32) {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return (wanted.unwrap_or(2000), 0) };
    let needed = wanted.map_or(hard.min(1 << 20), |n| u64::from(n) * 5 / 2 + SPARE_FILES);
    let granted = if needed > soft && setrlimit(Resource::RLIMIT_NOFILE, needed.min(hard), hard).is_ok() {
        needed.min(hard)
    } else {
        soft
    };
    let pairs = u32::try_from(granted.saturating_sub(SPARE_FILES) / 2).unwrap_or(u32::MAX).max(1);
    if let Some(wanted) = wanted
        && wanted > pairs
    {
        tracing::warn!(
            maxconn = wanted,
            possible = pairs,
            "the limit of open files allows fewer connections than maxconn; raise it (ulimit -n)"
        );
    }
    let maxconn = wanted.unwrap_or((pairs / 5 * 4).max(1)).min(pairs);
    (maxconn, (maxconn / 4).min(pairs - maxconn))
}

fn bind_all(objects: &Objects) -> Result<Vec<Listener>, StartError> {
    let (mut listeners, mut errors) = (Vec::new(), Vec::new());
    for frontend in objects.frontends.load().iter() {
        for bind in &frontend.plan().binds {
            match accept::bind(bind, frontend) {
                Ok(listener) => listeners.push(listener),
                Err(error) => errors.push(error),
            }
        }
    }
    if errors.is_empty() { Ok(listeners) } else { Err(StartError::Bind(errors)) }
}

fn heartbeat(plan: &HeartbeatPlan) -> Result<Option<Heartbeat>, StartError> {
    match plan {
        HeartbeatPlan::Off => Ok(None),
        HeartbeatPlan::Path(path) => match Heartbeat::bind(path) {
            Ok(heartbeat) => Ok(Some(heartbeat)),
            Err(source) => Err(StartError::Heartbeat { path: path.clone(), source }),
        },
        HeartbeatPlan::Default => Ok(Heartbeat::bind(DEFAULT_PATH.as_ref())
            .inspect_err(|error| {
                tracing::info!(path = DEFAULT_PATH, %error, "no heartbeat socket; `track_lbd` of vrrpd cannot watch this process");
            })
            .ok()),
    }
}
