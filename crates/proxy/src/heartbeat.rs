//! The socket on which workers prove that they work. `vrrpd` connects and watches: a beat that is late is a hung worker, a
//! closed socket is a dead process, "draining" is a process that should not get new clients.

use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use healthcheck::Readiness;
use tokio::net::UnixListener;

use crate::worker::WorkerHandle;

/// Where the socket is unless `heartbeat PATH` says otherwise.
pub const DEFAULT_PATH: &str = "/run/lbd/heartbeat.sock";

/// Whether the process should get clients; shared by all workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct State(Arc<AtomicU8>);

impl State {
    pub(crate) fn set(&self, readiness: Readiness) {
        let value = match readiness {
            Readiness::Starting => 0,
            Readiness::Ready => 1,
            Readiness::Draining => 2,
        };
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn readiness(&self) -> Readiness {
        match self.0.load(Ordering::Relaxed) {
            0 => Readiness::Starting,
            1 => Readiness::Ready,
            _ => Readiness::Draining,
        }
    }
}

/// The socket of this process; its name goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    listener: std::os::unix::net::UnixListener,
    path: PathBuf,
}

impl Heartbeat {
    /// Makes the socket and the directory it stands in. What a dead process left there is replaced.
    ///
    /// # Errors
    /// Another process serves it, or the place is not writable.
    pub(crate) fn bind(path: &Path) -> io::Result<Self> {
        if StdUnixStream::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another lbd serves it"));
        }
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = std::os::unix::net::UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Passes everybody who connects to all workers, which beat to them by themselves.
    pub(crate) async fn serve(&self, workers: &[WorkerHandle]) -> io::Result<()> {
        let listener = UnixListener::from_std(self.listener.try_clone()?)?;
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let Ok(stream) = stream.into_std() else { continue };
            let watcher = Arc::new(stream);
            for worker in workers {
                worker.watch(Arc::clone(&watcher));
            }
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = std::fs::remove_file(&self.path);
    }
}
