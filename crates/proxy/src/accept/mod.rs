//! Listening sockets. A connection is accepted anywhere and handed to the worker with the fewest, before a byte is read:
//! hashing by the kernel alone leaves two workers with 60 % and 40 % of sixteen connections.

mod bind;
mod sys;

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::net::{SocketFlags, acceptfrom_with};
use tokio::sync::watch;

use crate::clock;
use crate::objects::{Frontend, Objects, Slot};
use crate::worker::{Accepted, Workers};

pub use bind::BindError;
pub(crate) use bind::bind;

/// Wait after the process ran out of descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// How long a full frontend sleeps at most before it looks again.
const FULL_PAUSE: Duration = Duration::from_millis(100);

/// A bound, listening socket and the frontend it belongs to.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: OwnedFd,
    pub(crate) frontend: Arc<Frontend>,
    /// `maxconn` of the `bind` line.
    pub(crate) limit: Option<u32>,
}

/// Accepts until the process stops; then the socket closes and clients are refused.
pub(crate) async fn run(
    listener: Listener,
    objects: Arc<Objects>,
    workers: Workers,
    mut stop: watch::Receiver<bool>,
) {
    let socket = match sys::watch(listener.socket) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, frontend = %listener.frontend.name, "cannot watch a listening socket");
            return;
        }
    };
    let accepting = async {
        // Every connection holds one; the rest are places.
        let held = Arc::new(());
        loop {
            let open = || u32::try_from(Arc::strong_count(&held) - 1).unwrap_or(u32::MAX);
            wait_for_room(&listener.frontend, &objects, || {
                listener.limit.is_some_and(|limit| open() >= limit)
            })
            .await;
            match socket.readable().await {
                Ok(mut ready) => match ready.try_io(|fd| accept(fd.get_ref())) {
                    Ok(Ok((socket, client))) => {
                        let slot = Slot::take(&listener.frontend, &objects, &held);
                        hand_over(socket, client, slot, &listener.frontend, &objects, &workers);
                    }
                    Ok(Err(error)) => refused(&error, &listener.frontend).await,
                    Err(_would_block) => {}
                },
                Err(error) => refused(&error, &listener.frontend).await,
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

fn hand_over(
    socket: OwnedFd,
    client: Option<SocketAddr>,
    slot: Slot,
    frontend: &Arc<Frontend>,
    objects: &Arc<Objects>,
    workers: &Workers,
) {
    let now = clock::now();
    objects.process.connection_rate.record(now, 1);
    objects.process.session_rate.record(now, 1);
    frontend.session_rate.record(now, 1);
    workers.give(Accepted { socket, client, frontend: Arc::clone(frontend), slot });
}

/// Connections beyond `maxconn` wait in the kernel's backlog, as with HAProxy.
async fn wait_for_room(frontend: &Frontend, objects: &Objects, listener_full: impl Fn() -> bool) {
    let full = || {
        let process = objects.process.connections.load(Ordering::Relaxed) >= objects.process.maxconn;
        process || !frontend.has_room() || listener_full()
    };
    while full() {
        // A place may also become free in another frontend, which tells only its own.
        let _ = tokio::time::timeout(FULL_PAUSE, frontend.freed.notified()).await;
    }
}

/// A connection and the client's address, `None` for a Unix socket.
fn accept(listener: &OwnedFd) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    let (fd, address) = acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?;
    Ok((fd, address.and_then(|a| SocketAddr::try_from(a).ok())))
}

/// A client that left before it was accepted is nothing; running out of something is said, and waited for.
async fn refused(error: &io::Error, frontend: &Frontend) {
    let exhausted = matches!(
        error.raw_os_error().map(nix::errno::Errno::from_raw),
        Some(
            nix::errno::Errno::EMFILE
                | nix::errno::Errno::ENFILE
                | nix::errno::Errno::ENOBUFS
                | nix::errno::Errno::ENOMEM
        )
    );
    if exhausted {
        tracing::warn!(%error, frontend = %frontend.name, "cannot accept connections; raise the limit (ulimit -n) or lower maxconn");
        tokio::time::sleep(EXHAUSTED_PAUSE).await;
    } else {
        tracing::debug!(%error, frontend = %frontend.name, "a connection was lost before it was accepted");
    }
}
