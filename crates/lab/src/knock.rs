//! A client that asks who has the virtual address, one datagram every 5 ms, and the nodes that answer with their names.
//!
//! The kernel of a node answers for as long as the address is on it, whatever became of its daemons: this measures where
//! packets go, and nothing above.

use crate::clock::Stamp;
use crate::error::Error;
use crate::node::{Node, ROLE, SELF};
use crate::record::{Record, Recorder};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// The echo service's.
const PORT: u16 = 7;

const EVERY: Duration = Duration::from_millis(5);

/// An answer to one datagram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// When it arrived.
    pub(crate) at: Stamp,
    /// The node that gave it.
    pub(crate) by: String,
}

/// Makes a node answer; until the lab ends.
pub(crate) fn answer(node: &Node) -> Result<(), Error> {
    node.spawn(&[SELF, ROLE, "answer", node.name()], &[]).map(drop)
}

/// Makes a node ask for `vip`; until the lab ends.
pub(crate) fn knock(node: &Node, vip: IpAddr) -> Result<Record<Reply>, Error> {
    let record = Record::create(node, "replies")?;
    node.spawn(&[SELF, ROLE, "knock", &vip.to_string(), &record.path().to_string_lossy()], &[])?;
    Ok(record)
}

/// The process that answers.
pub(crate) fn run_answer(name: &str) -> ExitCode {
    exit(|| {
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT))?;
        let mut buffer = [0; 16];
        loop {
            // What cannot be received or sent at the moment is the asker's loss, which is what is measured.
            if let Ok((_, from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(name.as_bytes(), from);
            }
        }
    })
}

/// The process that asks.
pub(crate) fn run_knock(vip: &str, path: &Path) -> ExitCode {
    let Ok(vip) = vip.parse::<IpAddr>() else { return ExitCode::from(2) };
    exit(|| {
        let any =
            if vip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
        // Not connected: an answer may come from the node's own address.
        let socket = UdpSocket::bind((any, 0))?;
        let sender = socket.try_clone()?;
        thread::spawn(move || {
            let mut next = Stamp::now();
            loop {
                // Nobody has the address, or the neighbour is unknown.
                let _ = sender.send_to(b"who", SocketAddr::new(vip, PORT));
                next = next + EVERY;
                thread::sleep(next.since(Stamp::now()));
            }
        });
        let mut recorder = Recorder::open(path)?;
        let mut buffer = [0; 64];
        loop {
            if let Ok((length, _)) = socket.recv_from(&mut buffer) {
                let by = String::from_utf8_lossy(&buffer[..length]).into_owned();
                recorder.write(&Reply { at: Stamp::now(), by })?;
            }
        }
    })
}

fn exit(work: impl FnOnce() -> io::Result<()>) -> ExitCode {
    if work().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
