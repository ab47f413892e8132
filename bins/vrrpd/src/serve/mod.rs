//! Who asks is told: a socket with the state as JSON, and a listener with the metrics.

mod metrics;
mod socket;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config::keepalived::GlobalDefs;
use stats::router::NodeReport;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

/// Questions that wait for the driver.
const BACKLOG: usize = 4;
/// Connections at a time on each of the two. More of them wait.
const CONNECTIONS: usize = 16;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a listener failed.
const PAUSE: Duration = Duration::from_millis(100);

/// Somebody wants to know; the driver answers.
pub(crate) type Question = oneshot::Sender<Arc<NodeReport>>;

/// Asks the driver.
#[derive(Debug, Clone)]
struct Asker(mpsc::Sender<Question>);

impl Asker {
    /// `None` when the daemon is about to end.
    async fn ask(&self) -> Option<Arc<NodeReport>> {
        let (question, answer) = oneshot::channel();
        self.0.send(question).await.ok()?;
        answer.await.ok()
    }
}

/// What listens now. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Servers {
    asker: Asker,
    socket: Option<(PathBuf, Running)>,
    metrics: Option<(SocketAddr, Running)>,
}

#[derive(Debug)]
struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Servers {
    /// Nothing listens yet. Questions come out of the other end.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Question>) {
        let (questions, inbox) = mpsc::channel(BACKLOG);
        (Self { asker: Asker(questions), socket: None, metrics: None }, inbox)
    }

    /// Listens where the configuration says, and nowhere else. What has not changed goes on.
    pub(crate) fn apply(&mut self, global: &GlobalDefs) {
        if self.socket.as_ref().map(|(path, _)| path) != global.status_socket.as_ref() {
            self.socket = None;
            self.socket = global.status_socket.as_ref().and_then(|path| {
                let task = tokio::spawn(socket::serve(socket::open(path)?, self.asker.clone()));
                Some((path.clone(), Running(task.abort_handle())))
            });
        }
        if self.metrics.as_ref().map(|(address, _)| *address) != global.prometheus_listen {
            self.metrics = None;
            self.metrics = global.prometheus_listen.map(|address| {
                let task = tokio::spawn(metrics::serve(address, self.asker.clone()));
                (address, Running(task.abort_handle()))
            });
        }
    }
}

/// The right to serve one connection.
fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(CONNECTIONS))
}
