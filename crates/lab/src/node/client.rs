//! The lab's handle to a node. Each question is a connection of its own, so a handle outlives a power cycle of the node.

use super::init::socket_path;
use super::protocol::{Exit, NodeEvent, Reply, Request, Signal, Spawn, Target, hear, tell};
use crate::error::Error;
use crate::peers::find_program;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A machine of the lab: one network card named [`Node::INTERFACE`], its own processes, its own `/run`.
#[derive(Clone, Debug)]
pub struct Node {
    name: Arc<str>,
    address: IpAddr,
    dir: Arc<Path>,
}

impl Node {
    /// The name of every node's network card.
    pub const INTERFACE: &'static str = "enp0s8";

    pub(crate) fn new(name: &str, address: IpAddr, dir: &Path) -> Self {
        Self { name: name.into(), address, dir: dir.into() }
    }

    /// Its name, which is also its host name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address it has for good, as opposed to virtual ones.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The lab's directory: the same for all nodes and for the host.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Adds an address to its network card.
    pub fn add_address(&self, address: IpAddr, prefix: u8) -> Result<(), Error> {
        self.done(&Request::AddAddress { interface: Self::INTERFACE.to_owned(), address, prefix })
    }

    /// Removes an address from its network card, as `ip address del` would.
    pub fn remove_address(&self, address: IpAddr, prefix: u8) -> Result<(), Error> {
        self.done(&Request::RemoveAddress { interface: Self::INTERFACE.to_owned(), address, prefix })
    }

    /// Takes its network card up or down from inside, as `ip link set` would.
    pub fn set_link(&self, up: bool) -> Result<(), Error> {
        self.done(&Request::Link { interface: Self::INTERFACE.to_owned(), up })
    }

    /// All its addresses of this moment, loopback ones excepted.
    pub fn addresses(&self) -> Result<Vec<IpAddr>, Error> {
        match self.ask(&Request::Addresses)? {
            Reply::Addresses(addresses) => Ok(addresses),
            other => Err(self.unexpected(other)),
        }
    }

    /// Starts a program in the background. `argv[0]` is looked up as a shell would, in the `sbin` directories too; `env` is
    /// added to this process's environment; output goes to [`Process::log_path`].
    pub fn spawn(&self, argv: &[&str], env: &[(&str, &str)]) -> Result<Process, Error> {
        let name = argv.first().copied().unwrap_or_default();
        let path = find_program(name)?;
        let program = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = self.dir.join(format!("{}-{program}.log", self.name));
        let pid = self.spawn_to(&path, &argv[1..], env, &log)?;
        Ok(Process { node: self.clone(), pid, program, log })
    }

    /// Runs a program to its end and returns what it printed; after `timeout` it is killed.
    pub fn run(&self, argv: &[&str], timeout: Duration) -> Result<(Option<Exit>, String), Error> {
        let name = argv.first().copied().unwrap_or_default();
        let path = find_program(name)?;
        let stamp = crate::clock::Stamp::now().since(crate::clock::Stamp::from_nanos(0)).as_nanos();
        let output = self.dir.join(format!("{}-run-{stamp}.out", self.name));
        let pid = self.spawn_to(&path, &argv[1..], &[], &output)?;
        let exit = self.wait(pid, timeout)?;
        if exit.is_none() {
            self.signal(&Target::Pid(pid), Signal::Kill)?;
        }
        let text = read_log(&output)?;
        fs::remove_file(&output).map_err(Error::file(&output))?;
        Ok((exit, text))
    }

    /// Sends a signal; returns how many processes it reached.
    pub fn signal(&self, target: &Target, signal: Signal) -> Result<usize, Error> {
        match self.ask(&Request::Signal { target: target.clone(), signal })? {
            Reply::Signalled(count) => Ok(count),
            other => Err(self.unexpected(other)),
        }
    }

    /// Pid and name of each of its live processes.
    pub fn processes(&self) -> Result<Vec<(i32, String)>, Error> {
        match self.ask(&Request::Processes)? {
            Reply::Processes(processes) => Ok(processes),
            other => Err(self.unexpected(other)),
        }
    }

    /// Writes a file as the node sees the file system: under `/run` it is the node's own.
    pub fn write(&self, path: &Path, contents: &str) -> Result<(), Error> {
        self.done(&Request::Write { path: path.to_owned(), contents: contents.to_owned() })
    }

    /// The last `lines` lines of each of its logs.
    pub(crate) fn logs(&self, lines: usize) -> String {
        let prefix = format!("{}-", self.name);
        let mut text = String::new();
        let Ok(entries) = fs::read_dir(&self.dir) else { return text };
        for entry in entries.flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if !file.starts_with(&prefix) || !file.ends_with(".log") {
                continue;
            }
            let content = read_log(&entry.path()).unwrap_or_default();
            let all: Vec<&str> = content.lines().collect();
            text.push_str(&format!("--- {file}\n"));
            for line in &all[all.len().saturating_sub(lines)..] {
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }

    fn spawn_to(
        &self,
        path: &Path,
        arguments: &[&str],
        env: &[(&str, &str)],
        log: &Path,
    ) -> Result<i32, Error> {
        let mut argv = vec![path.to_string_lossy().into_owned()];
        argv.extend(arguments.iter().map(|word| (*word).to_owned()));
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match self.ask(&Request::Spawn(Spawn { argv, env, log: log.to_owned() }))? {
            Reply::Spawned(pid) => Ok(pid),
            other => Err(self.unexpected(other)),
        }
    }

    fn wait(&self, pid: i32, timeout: Duration) -> Result<Option<Exit>, Error> {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        match self.ask(&Request::Wait { pid, timeout_ms })? {
            Reply::Exited(exit) => Ok(exit),
            other => Err(self.unexpected(other)),
        }
    }

    fn done(&self, request: &Request) -> Result<(), Error> {
        match self.ask(request)? {
            Reply::Done => Ok(()),
            other => Err(self.unexpected(other)),
        }
    }

    fn ask(&self, request: &Request) -> Result<Reply, Error> {
        let answer = || {
            let mut connection = self.connect()?;
            tell(&mut connection, request)?;
            hear(&mut BufReader::new(connection))?
                .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
        };
        answer().map_err(|source| self.gone(source))
    }

    fn connect(&self) -> io::Result<UnixStream> {
        UnixStream::connect(socket_path(&self.dir, &self.name))
    }

    fn gone(&self, source: io::Error) -> Error {
        Error::NodeGone { node: self.name.to_string(), source }
    }

    fn unexpected(&self, reply: Reply) -> Error {
        let reason = match reply {
            Reply::Failed(reason) => reason,
            other => format!("answered {other:?}"),
        };
        Error::Node { node: self.name.to_string(), reason }
    }
}

/// A program that the lab started in a node.
#[derive(Clone, Debug)]
pub struct Process {
    node: Node,
    pid: i32,
    program: String,
    log: PathBuf,
}

impl Process {
    /// Its pid, as the node counts.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The file name of its program.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Sends it a signal; `false` if it had ended.
    pub fn signal(&self, signal: Signal) -> Result<bool, Error> {
        Ok(self.node.signal(&Target::Pid(self.pid), signal)? > 0)
    }

    /// Waits for its end; `None` if it still runs after `timeout`.
    pub fn wait(&self, timeout: Duration) -> Result<Option<Exit>, Error> {
        self.node.wait(self.pid, timeout)
    }

    /// Where its output goes; runs of the same program in the same node share the file.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// All that it and earlier runs of the program printed.
    pub fn log(&self) -> Result<String, Error> {
        read_log(&self.log)
    }
}

/// Opens a TCP connection from inside the node.
pub(crate) fn stream(node: &Node, to: SocketAddr) -> io::Result<UnixStream> {
    let mut connection = node.connect()?;
    tell(&mut connection, &Request::Connect(to))?;
    match serde_json::from_slice::<Reply>(&unbuffered_line(&mut connection)?)? {
        Reply::Done => Ok(connection),
        Reply::Failed(reason) => Err(io::Error::new(io::ErrorKind::ConnectionRefused, reason)),
        other => Err(io::Error::other(format!("the node answered {other:?}"))),
    }
}

/// Calls `hear_of` for each event of the node, past and future; returns when the node is gone.
pub(crate) fn listen_to(node: &Node, mut hear_of: impl FnMut(NodeEvent)) -> io::Result<()> {
    let mut connection = node.connect()?;
    tell(&mut connection, &Request::Events)?;
    for line in BufReader::new(connection).lines() {
        hear_of(serde_json::from_str(&line?)?);
    }
    Ok(())
}

/// Reads to the end of the line and not one byte further: what follows belongs to the relayed connection.
fn unbuffered_line(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        from.read_exact(&mut byte)?;
        if byte[0] == b'\n' {
            return Ok(line);
        }
        line.push(byte[0]);
    }
}

/// A log may hold whatever bytes a program prints.
fn read_log(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(Error::file(path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
