//! What systemd is told, where it asks for it (`sd_notify(3)`).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

/// The service manager, if one waits for news.
#[derive(Debug, Default)]
pub(crate) struct ServiceManager {
    socket: Option<UnixDatagram>,
    /// Half of what `WatchdogSec=` says.
    ping: Option<(Duration, Instant)>,
}

impl ServiceManager {
    /// Reads `NOTIFY_SOCKET` and `WATCHDOG_USEC`.
    pub(crate) fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").and_then(|path| connect(path.as_bytes()));
        let micros = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse::<u64>().ok());
        let ping = micros.filter(|micros| *micros > 0 && socket.is_some());
        Self { socket, ping: ping.map(|micros| (Duration::from_micros(micros) / 2, Instant::now())) }
    }

    /// The daemon works.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// It was told to stop.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// When [`ping_when_due`](Self::ping_when_due) has something to do.
    pub(crate) fn next_ping(&self) -> Option<Instant> {
        self.ping.map(|(_, at)| at)
    }

    /// Says that this process is alive.
    pub(crate) fn ping_when_due(&mut self) {
        let now = Instant::now();
        if let Some((interval, at)) = &mut self.ping
            && *at <= now
        {
            *at = now + *interval;
            self.tell("WATCHDOG=1");
        }
    }

    fn tell(&self, text: &str) {
        if let Some(socket) = &self.socket {
            // A service manager that does not listen is not our concern.
            let _ = socket.send(text.as_bytes());
        }
    }
}

fn connect(path: &[u8]) -> Option<UnixDatagram> {
    let address = match path.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name).ok()?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path)).ok()?,
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect_addr(&address).ok()?;
    Some(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_manager_hears_through_a_path_and_through_an_abstract_name() {
        let name = format!("vrrpd-service-manager-test-{}", std::process::id());
        let path = std::env::temp_dir().join(&name);
        let _ = std::fs::remove_file(&path);
        let by_path = UnixDatagram::bind(&path).unwrap();
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (listener, address) in
            [(by_path, path.as_os_str().as_bytes().to_vec()), (by_name, format!("@{name}").into_bytes())]
        {
            let mut manager = ServiceManager { socket: connect(&address), ping: None };
            manager.ready();
            let mut buffer = [0; 64];
            let length = listener.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"READY=1");
            manager.ping = Some((Duration::from_secs(3600), Instant::now()));
            manager.ping_when_due();
            manager.ping_when_due();
            let length = listener.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], b"WATCHDOG=1");
            listener.set_nonblocking(true).unwrap();
            assert!(listener.recv(&mut buffer).is_err());
        }
        std::fs::remove_file(path).unwrap();
    }
}
