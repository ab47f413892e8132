//! The status socket: whoever connects is given one JSON document, and nothing is read from him.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener as StdListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::{Asker, PATIENCE, PAUSE, places};

/// Its owner and its group may ask.
const MODE: u32 = 0o660;

/// A listening socket, whose file goes with it.
#[derive(Debug)]
pub(super) struct StatusSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for StatusSocket {
    fn drop(&mut self) {
        // The next start replaces it anyway.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens the socket. What keeps it from being opened is said, and keeps nothing else from working.
pub(super) fn open(path: &Path) -> Option<StatusSocket> {
    match bind(path) {
        Ok(listener) => Some(StatusSocket { listener, path: path.to_owned() }),
        Err(error) => {
            warn!("no status socket at {}: {error}", path.display());
            None
        }
    }
}

pub(super) async fn serve(socket: StatusSocket, asker: Asker) {
    let places = places();
    loop {
        let place = Arc::clone(&places).acquire_owned().await.ok();
        match socket.listener.accept().await {
            Ok((mut stream, _)) => {
                let asker = asker.clone();
                tokio::spawn(async move {
                    let answer = async {
                        let report = asker.ask().await?;
                        let mut text = serde_json::to_vec(&*report).ok()?;
                        text.push(b'\n');
                        stream.write_all(&text).await.ok()
                    };
                    // Who does not read goes without.
                    let _ = timeout(PATIENCE, answer).await;
                    drop(place);
                });
            }
            Err(error) => {
                debug!("status socket: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent()
        && let Err(error) = fs::create_dir(directory)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    // One that an earlier run left has nobody behind it.
    match UnixStream::connect(path) {
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AddrInUse, "another daemon answers there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)?,
        Err(_) => {}
    }
    let listener = StdListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use socket2::{Domain, SockAddr, Socket, Type};
    use stats::router::NodeReport;
    use tokio::io::AsyncReadExt;
    use tokio::sync::mpsc;

    use super::super::Question;
    use super::*;

    #[tokio::test]
    async fn whoever_connects_is_told_and_a_socket_that_was_left_is_replaced() {
        let path = std::env::temp_dir().join(format!("vrrpd-status-test-{}.sock", std::process::id()));
        let _ = fs::remove_file(&path);
        // Never listening, for a listener that is closed lives on in the children that other tests are just starting.
        let left = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        left.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        drop(left);
        let socket = open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        assert!(open(&path).is_none(), "another daemon answers there");

        let (questions, mut inbox) = mpsc::channel::<Question>(1);
        let server = tokio::spawn(serve(socket, Asker(questions)));
        let driver = tokio::spawn(async move {
            // Also whoever has only looked whether somebody answers.
            while let Some(question) = inbox.recv().await {
                let _ = question.send(Arc::new(NodeReport { packets: 42, ..NodeReport::default() }));
            }
        });
        let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let report: NodeReport = serde_json::from_str(&text).unwrap();
        assert_eq!(report.packets, 42);
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
        driver.await.unwrap();
        assert!(!path.exists());
    }
}
