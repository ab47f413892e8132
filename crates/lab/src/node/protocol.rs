//! What the lab, its switch and its nodes say to each other: one JSON value a line.

use crate::clock::Stamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// First line of a namespace process: it stands, or it could not be made.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hello {
    Ready,
    Refused { step: String, errno: i32 },
}

/// Lab to switch.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SwitchRequest {
    /// Make a node and plug it in; its interface is `interface`.
    Attach { name: String, interface: String },
    /// The cable is gone and the node is dead, in that order.
    PowerOff { name: String },
    /// Carrier of the node's cable on or off; the node keeps running.
    Carrier { name: String, on: bool },
    /// Leave the lab's directory behind at the end.
    KeepFiles,
    /// The node's port is in (or out of) the bridge; the carrier stays.
    Bridged { name: String, member: bool },
}

/// Switch to lab.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SwitchReply {
    Done,
    Failed(String),
}

/// Lab to node.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    AddAddress {
        interface: String,
        address: IpAddr,
        prefix: u8,
    },
    RemoveAddress {
        interface: String,
        address: IpAddr,
        prefix: u8,
    },
    Link {
        interface: String,
        up: bool,
    },
    Addresses,
    Spawn(Spawn),
    Signal {
        target: Target,
        signal: Signal,
    },
    Wait {
        pid: i32,
        timeout_ms: u64,
    },
    Processes,
    Write {
        path: PathBuf,
        contents: String,
    },
    /// From here on the node sends a [`NodeEvent`] a line, beginning with the first since it booted.
    Events,
    /// From here on the connection is a TCP connection to this address, made inside the node.
    Connect(SocketAddr),
}

/// Node to lab.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Done,
    Failed(String),
    Addresses(Vec<IpAddr>),
    Spawned(i32),
    Signalled(usize),
    Exited(Option<Exit>),
    Processes(Vec<(i32, String)>),
}

/// A program to start in a node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spawn {
    /// Absolute path, then the arguments.
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    /// Standard output and error are appended here.
    pub(crate) log: PathBuf,
}

/// Whom a signal is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One process, by its pid inside the node.
    Pid(i32),
    /// Every process of the node with this name, as `pkill -x` would find them; all are stopped before the first is killed.
    Name(String),
}

/// The signals a lab sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// SIGTERM: stop properly.
    Term,
    /// SIGKILL: end now.
    Kill,
    /// SIGSTOP: hang.
    Stop,
    /// SIGCONT: end of the hang.
    Continue,
    /// SIGHUP: reload.
    Hangup,
    /// SIGUSR1.
    User1,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It returned this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

/// Something that happened inside a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeEvent {
    /// When the node noticed.
    pub at: Stamp,
    /// What it was.
    pub change: NodeChange,
}

/// What can happen inside a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeChange {
    /// An address was added to an interface, or refreshed.
    AddressAdded(IpAddr),
    /// An address was removed from an interface, by a program or by the kernel at the end of its lifetime.
    AddressRemoved(IpAddr),
    /// A process started by the lab ended.
    Exited {
        /// Its pid inside the node.
        pid: i32,
        /// File name of its program.
        program: String,
        /// How it ended.
        exit: Exit,
    },
}

/// Writes one message in one write.
pub(crate) fn tell<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// Reads one message; `None` at the end of the stream.
pub(crate) fn hear<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_wire() {
        let event = NodeEvent {
            at: Stamp::from_nanos(u64::MAX),
            change: NodeChange::AddressAdded("192.168.87.10".parse().unwrap()),
        };
        let mut wire = Vec::new();
        tell(&mut wire, &event).unwrap();
        tell(&mut wire, &Request::Addresses).unwrap();
        let mut wire = wire.as_slice();
        assert_eq!(hear::<NodeEvent>(&mut wire).unwrap(), Some(event));
        assert!(matches!(hear::<Request>(&mut wire).unwrap(), Some(Request::Addresses)));
        assert!(hear::<Request>(&mut wire).unwrap().is_none());
    }

    #[test]
    fn a_line_that_is_not_a_message_is_an_error() {
        assert!(hear::<Reply>(&mut "running 0 tests\n".as_bytes()).is_err());
    }
}
