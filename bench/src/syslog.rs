//! Counts access-log lines.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::cpu;
use crate::error::BenchError;

/// A receiver on a UDP port of 127.0.0.1.
#[derive(Debug)]
pub(crate) struct SyslogSink {
    address: SocketAddr,
    lines: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl SyslogSink {
    /// Starts to count, on one CPU.
    pub(crate) fn start(on: usize) -> Result<Self, BenchError> {
        let error = |source| BenchError::Io { what: "cannot receive syslog".into(), source };
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).map_err(error)?;
        // A burst waits here while this CPU runs the load; as much as the kernel grants.
        socket.set_recv_buffer_size(16 << 20).map_err(error)?;
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).map_err(error)?;
        let socket = std::net::UdpSocket::from(socket);
        socket.set_read_timeout(Some(Duration::from_millis(100))).map_err(error)?;
        let address = socket.local_addr().map_err(error)?;
        let (lines, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (counter, ended) = (Arc::clone(&lines), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            // Elsewhere it counts as well.
            let _ = cpu::pin(on);
            let mut datagram = [0; 2048];
            while !ended.load(Ordering::Relaxed) {
                if socket.recv(&mut datagram).is_ok_and(|n| n > 0) {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(Self { address, lines, stop, thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lines so far.
    pub(crate) fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }
}

impl Drop for SyslogSink {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
