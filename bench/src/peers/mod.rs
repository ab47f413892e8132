//! The proxies under test: configured to the same effect, one worker each, started on their own CPU.

mod haproxy;
mod lbd;
mod nginx;

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::child;
use crate::cli::ProxyName;
use crate::cpu;
use crate::error::BenchError;
use crate::scenario::Scenario;
use crate::usage::{self, Usage};

/// How long a proxy may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a configuration is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup<'a> {
    pub(crate) scenario: &'a Scenario,
    /// Servers of the backend.
    pub(crate) servers: &'a [SocketAddr],
    /// Where access-log lines go, if they are written.
    pub(crate) syslog: Option<SocketAddr>,
    /// Most clients at a time.
    pub(crate) clients: u64,
    /// A directory for configurations and logs.
    pub(crate) dir: &'a Path,
}

/// Where a proxy listens.
#[derive(Debug, Clone, Copy)]
struct Ports {
    traffic: u16,
    stats: u16,
}

/// A proxy that can be started.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// What the report calls it.
    pub(crate) name: String,
    kind: ProxyName,
    program: PathBuf,
}

impl Peer {
    /// The lbd at `program`.
    pub(crate) fn lbd(name: String, program: PathBuf) -> Self {
        Self { name, kind: ProxyName::Lbd, program }
    }

    /// The one that Debian installs.
    pub(crate) fn installed(kind: ProxyName) -> Self {
        let (name, program) = match kind {
            ProxyName::Lbd => ("lbd", "lbd"),
            ProxyName::Haproxy => ("haproxy", haproxy::PROGRAM),
            ProxyName::Nginx => ("nginx", nginx::PROGRAM),
        };
        Self { name: name.into(), kind, program: program.into() }
    }

    /// Whether it is what lbd is held against.
    pub(crate) fn is_reference(&self) -> bool {
        self.kind != ProxyName::Lbd
    }

    /// The first line of what it says about itself.
    pub(crate) fn version(&self) -> Result<String, BenchError> {
        let output = Command::new(&self.program)
            .arg("-v")
            .output()
            .map_err(|source| BenchError::Program { program: self.program.display().to_string(), source })?;
        let text = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned())
    }

    /// Starts it on a CPU and waits until it listens. The caller's thread lives on `home`.
    pub(crate) fn start(&self, setup: &Setup<'_>, on: usize, home: usize) -> Result<Running, BenchError> {
        let ports = Ports { traffic: free_port()?, stats: free_port()? };
        let text = match self.kind {
            ProxyName::Lbd => lbd::config(setup, ports),
            ProxyName::Haproxy => haproxy::config(setup, ports),
            ProxyName::Nginx => nginx::config(setup, ports),
        };
        let file = setup.dir.join(format!("{}.conf", self.name.replace('/', "_")));
        fs::write(&file, text).map_err(BenchError::io("cannot write a configuration"))?;
        let log = file.with_extension("log");
        let stderr = File::create(&log).map_err(BenchError::io("cannot write a log"))?;
        let mut command = Command::new(&self.program);
        match self.kind {
            ProxyName::Lbd => command.arg("-f").arg(&file),
            ProxyName::Haproxy => command.arg("-db").arg("-f").arg(&file),
            ProxyName::Nginx => command.arg("-p").arg(setup.dir).arg("-e").arg(&log).arg("-c").arg(&file),
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        let child = cpu::started_on(on, home, || command.spawn())
            .and_then(|child| child)
            .map_err(|source| BenchError::Program { program: self.program.display().to_string(), source })?;
        let mut running = Running { child, address: SocketAddr::from(([127, 0, 0, 1], ports.traffic)), log };
        running.wait_until_listening(&self.name)?;
        Ok(running)
    }
}

/// A proxy that runs; it is ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// Where clients connect to.
    pub(crate) address: SocketAddr,
    log: PathBuf,
}

impl Running {
    /// Its processes: the one started and its children.
    pub(crate) fn processes(&self) -> Vec<i32> {
        usage::family(child::pid(&self.child))
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage, BenchError> {
        Usage::of(&self.processes())
    }

    fn wait_until_listening(&mut self, name: &str) -> Result<(), BenchError> {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().map_err(BenchError::io("cannot wait for a proxy"))?;
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(BenchError::Start { peer: name.into(), log });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = child::pid(&self.child);
        let workers = usage::family(pid).into_iter().filter(|other| *other != pid);
        let workers: Vec<_> = workers.map(|worker| (worker, usage::start_time(worker))).collect();
        // nginx and HAProxy end at SIGINT without waiting for clients.
        child::end(&mut self.child, Duration::from_secs(1));
        // A master that had to be killed leaves its workers behind.
        for (worker, started) in workers {
            if started.is_some() && usage::start_time(worker) == started {
                // It may end just now.
                let _ = kill(Pid::from_raw(worker), Signal::SIGKILL);
            }
        }
    }
}

/// A port on which nobody listens now.
fn free_port() -> Result<u16, BenchError> {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    Ok(address.map_err(BenchError::io("no port is free"))?.port())
}
