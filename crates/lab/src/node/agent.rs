//! Answers what the lab asks of a node; one thread a connection.

use super::events::EventLog;
use super::processes::{Processes, running};
use super::protocol::{Reply, Request, hear, tell};
use crate::net::Links;
use crate::relay::pump;
use std::fs;
use std::io::{self, BufReader};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[derive(Default)]
pub(super) struct Agent {
    pub(super) processes: Processes,
    pub(super) events: EventLog,
}

impl Agent {
    /// Serves one connection to its end.
    pub(super) fn serve(&self, connection: UnixStream) {
        // A lab that hangs up in the middle of an answer wants no answer.
        let _ = self.converse(connection);
    }

    fn converse(&self, mut writer: UnixStream) -> io::Result<()> {
        let mut reader = BufReader::new(writer.try_clone()?);
        while let Some(request) = hear::<Request>(&mut reader)? {
            match request {
                Request::Events => return self.events.stream_to(&mut writer),
                Request::Connect(to) => match TcpStream::connect_timeout(&to, Duration::from_secs(3)) {
                    Ok(inside) => {
                        tell(&mut writer, &Reply::Done)?;
                        // The lab sends nothing before it has seen the reply, so the reader holds no bytes back.
                        return pump(inside, writer);
                    }
                    Err(error) => tell(&mut writer, &Reply::Failed(error.to_string()))?,
                },
                other => {
                    let reply = self.answer(other).unwrap_or_else(|error| Reply::Failed(error.to_string()));
                    tell(&mut writer, &reply)?;
                }
            }
        }
        Ok(())
    }

    fn answer(&self, request: Request) -> io::Result<Reply> {
        match request {
            Request::AddAddress { interface, address, prefix } => {
                Links::open()?.add_address(&interface, address, prefix)?;
                Ok(Reply::Done)
            }
            Request::RemoveAddress { interface, address, prefix } => {
                Links::open()?.remove_address(&interface, address, prefix)?;
                Ok(Reply::Done)
            }
            Request::Link { interface, up } => {
                Links::open()?.set_up(&interface, up)?;
                Ok(Reply::Done)
            }
            Request::Addresses => Ok(Reply::Addresses(Links::open()?.addresses()?)),
            Request::Spawn(spawn) => {
                let pid = self.processes.spawn(&spawn);
                let program = || spawn.argv.first().cloned().unwrap_or_default();
                pid.map(Reply::Spawned).map_err(|error| io::Error::other(format!("{}: {error}", program())))
            }
            Request::Signal { target, signal } => {
                Ok(Reply::Signalled(self.processes.signal(&target, signal)?))
            }
            Request::Wait { pid, timeout_ms } => {
                Ok(Reply::Exited(self.processes.wait_for(pid, Duration::from_millis(timeout_ms))))
            }
            Request::Processes => Ok(Reply::Processes(running()?)),
            Request::Write { path, contents } => {
                if let Some(parent) = path.parent() {
                    fs::create_dir_all(parent)?;
                }
                fs::write(&path, contents)?;
                Ok(Reply::Done)
            }
            Request::Events | Request::Connect(_) => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }
}
