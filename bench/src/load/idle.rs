//! Clients that ask once and then stay.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::response::{Progress, ResponseReader, Wrong};
use crate::error::BenchError;

/// Connections that have been answered once each.
#[derive(Debug)]
pub(crate) struct IdleClients {
    connections: Vec<TcpStream>,
}

impl IdleClients {
    /// Connects that many clients one by one; the first wrong answer is the result.
    pub(crate) fn connect(
        to: SocketAddr,
        clients: u64,
        request: &[u8],
        expected: &[u8],
    ) -> Result<Result<Self, Wrong>, BenchError> {
        let mut connections = Vec::new();
        for _ in 0..clients {
            let connection = TcpStream::connect(to).map_err(BenchError::io("cannot connect a client"))?;
            let patience = Some(Duration::from_secs(5));
            connection.set_read_timeout(patience).map_err(BenchError::io("cannot set a timeout"))?;
            if let Err(wrong) = ask(&connection, request, expected) {
                return Ok(Err(wrong));
            }
            connections.push(connection);
        }
        Ok(Ok(Self { connections }))
    }

    /// Whether all are still connected: each asks once more.
    pub(crate) fn ask_again(&self, request: &[u8], expected: &[u8]) -> Result<(), Wrong> {
        self.connections.iter().try_for_each(|connection| ask(connection, request, expected))
    }
}

fn ask(mut connection: &TcpStream, request: &[u8], expected: &[u8]) -> Result<(), Wrong> {
    connection.write_all(request).map_err(|_| Wrong::Closed)?;
    let mut reader = ResponseReader::new();
    let mut buffer = [0; 4096];
    loop {
        match connection.read(&mut buffer) {
            Ok(0) => return Err(Wrong::Closed),
            Ok(n) => {
                if let Progress::Complete { .. } = reader.feed(&buffer[..n], expected)? {
                    return Ok(());
                }
            }
            Err(_) => return Err(Wrong::Unanswered),
        }
    }
}
