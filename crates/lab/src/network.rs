//! A switch and the nodes on it.

use crate::clock::Stamp;
use crate::error::Error;
use crate::node::protocol::{Hello, SwitchReply, SwitchRequest, hear, tell};
use crate::node::{Node, ROLE, SELF, listen_to};
use crate::sync::lock;
use crate::timeline::{Event, What};
use std::env;
use std::fs::{self, DirBuilder};
use std::io::{self, BufReader};
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A network of namespaces that ends, with every process in it, when this value is dropped or the program ends in whatever
/// way, `kill -9` included.
#[derive(Debug)]
pub struct Network {
    dir: PathBuf,
    launcher: Child,
    switch: Mutex<Option<Wire>>,
    events: Arc<Mutex<Vec<Event>>>,
}

#[derive(Debug)]
struct Wire {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Network {
    /// Makes the switch. `program` is an executable that calls [`crate::node_main`]; `None` means this one. Root makes the
    /// namespaces directly, anybody else inside a new user namespace.
    pub fn start(program: Option<&Path>) -> Result<Self, Error> {
        let dir = make_dir()?;
        let program = program.unwrap_or(Path::new(SELF));
        let mut launcher = Command::new(program)
            .args([ROLE, "launch-switch"])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C on the terminal is for the lab to answer, in its own order.
            .process_group(0)
            .spawn()
            .map_err(Error::file(program))?;
        let wire = match (launcher.stdin.take(), launcher.stdout.take()) {
            (Some(to), Some(from)) => Wire { to, from: BufReader::new(from) },
            _ => return Err(Error::SwitchGone(io::Error::from(io::ErrorKind::BrokenPipe))),
        };
        // From here on dropping the value cleans up.
        let network = Self { dir, launcher, switch: Mutex::new(Some(wire)), events: Arc::default() };
        let hello = match lock(&network.switch).as_mut() {
            Some(wire) => hear::<Hello>(&mut wire.from),
            None => Ok(None),
        };
        match hello {
            Ok(Some(Hello::Ready)) => Ok(network),
            Ok(Some(Hello::Refused { step, errno })) => Err(Error::refused(step, errno)),
            Ok(None) | Err(_) => Err(Error::NotALabProgram(program.to_owned())),
        }
    }

    /// Switches a new node on. `address` gets a prefix of 24 bits, an IPv6 one of 64. Names are at most 15 characters.
    pub fn add_node(&self, name: &str, address: IpAddr) -> Result<Node, Error> {
        let node = Node::new(name, address, &self.dir);
        self.boot(&node)?;
        Ok(node)
    }

    /// Pulls the node's cable and kills everything on it, as a power cut does.
    pub fn power_off(&self, node: &Node) -> Result<(), Error> {
        let cut = self.order(&SwitchRequest::PowerOff { name: node.name().to_owned() });
        self.record(node, What::PoweredOff);
        cut
    }

    /// Switches a node on again: same name, same address, no process.
    pub fn power_on(&self, node: &Node) -> Result<(), Error> {
        self.record(node, What::PoweredOn);
        self.boot(node)
    }

    /// Plugs the node's cable in or out at the switch: the node sees its carrier come and go.
    pub fn set_carrier(&self, node: &Node, on: bool) -> Result<(), Error> {
        self.order(&SwitchRequest::Carrier { name: node.name().to_owned(), on })
    }

    /// Puts the node's port into the switch's only LAN or out of it: the carrier stays, nothing gets through.
    pub fn set_reachable(&self, node: &Node, reachable: bool) -> Result<(), Error> {
        self.order(&SwitchRequest::Bridged { name: node.name().to_owned(), member: reachable })
    }

    /// All that the nodes reported so far, in the order in which it became known.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        lock(&self.events).clone()
    }

    /// The directory of sockets, files and logs, which all nodes see.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Leaves the directory behind when the lab ends.
    pub fn keep_files(&self) -> Result<(), Error> {
        self.order(&SwitchRequest::KeepFiles)
    }

    fn boot(&self, node: &Node) -> Result<(), Error> {
        let interface = Node::INTERFACE.to_owned();
        self.order(&SwitchRequest::Attach { name: node.name().to_owned(), interface })?;
        let (listening, events) = (node.clone(), Arc::clone(&self.events));
        thread::spawn(move || {
            // It ends when the node is switched off.
            let _ = listen_to(&listening, |event| {
                let what = What::Reported(event.change);
                lock(&events).push(Event { at: event.at, node: listening.name().to_owned(), what });
            });
        });
        let prefix = if node.address().is_ipv4() { 24 } else { 64 };
        node.add_address(node.address(), prefix)?;
        node.set_link(true)
    }

    fn record(&self, node: &Node, what: What) {
        lock(&self.events).push(Event { at: Stamp::now(), node: node.name().to_owned(), what });
    }

    fn order(&self, request: &SwitchRequest) -> Result<(), Error> {
        let mut switch = lock(&self.switch);
        let Some(wire) = switch.as_mut() else {
            return Err(Error::SwitchGone(io::Error::from(io::ErrorKind::NotConnected)));
        };
        tell(&mut wire.to, request).map_err(Error::SwitchGone)?;
        match hear::<SwitchReply>(&mut wire.from).map_err(Error::SwitchGone)? {
            Some(SwitchReply::Done) => Ok(()),
            Some(SwitchReply::Failed(reason)) => Err(Error::Switch(reason)),
            None => Err(Error::SwitchGone(io::Error::from(io::ErrorKind::UnexpectedEof))),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The switch ends at the end of its input, removes the directory, and the kernel ends everything behind it.
        drop(lock(&self.switch).take());
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline && matches!(self.launcher.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
        let _ = self.launcher.kill();
        let _ = self.launcher.wait();
        // Where no switch could be made, the empty directory is left.
        let _ = fs::remove_dir(&self.dir);
    }
}

/// A directory that only the lab's owner can enter. `/run` is no place for it: each node has a `/run` of its own.
fn make_dir() -> Result<PathBuf, Error> {
    let parent = Some(env::temp_dir()).filter(|dir| dir.is_absolute() && !dir.starts_with("/run"));
    let parent = parent.unwrap_or_else(|| PathBuf::from("/tmp"));
    let nanos = Stamp::now().since(Stamp::from_nanos(0)).as_nanos();
    let dir = parent.join(format!("tandem-lab-{}-{nanos}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&dir).map_err(Error::file(&dir))?;
    Ok(dir)
}
