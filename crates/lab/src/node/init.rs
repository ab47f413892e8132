//! Pid 1 of a node: private file systems, the command socket, and the reaping of orphans.

use super::agent::Agent;
use super::launcher::refuse;
use super::protocol::{Hello, NodeChange, tell};
use crate::net::{AddressMonitor, Links};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::sethostname;
use std::fs;
use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

/// Where the node called `name` of the lab in `dir` listens. Path sockets reach across network namespaces.
pub(super) fn socket_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.sock"))
}

/// Runs until the launcher dies.
pub(super) fn run(name: &str, dir: &Path) -> ExitCode {
    let (listener, monitor) = match prepare(name, dir) {
        Ok(ready) => ready,
        Err((step, error)) => {
            return refuse(&step, Errno::from_raw(error.raw_os_error().unwrap_or_default()));
        }
    };
    let agent = Arc::new(Agent::default());
    let watching = Arc::clone(&agent);
    thread::spawn(move || watch_addresses(monitor, &watching));
    let serving = Arc::clone(&agent);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let agent = Arc::clone(&serving);
            thread::spawn(move || agent.serve(connection));
        }
    });
    if tell(&mut io::stdout().lock(), &Hello::Ready).is_err() {
        return ExitCode::FAILURE;
    }
    agent.processes.reap_forever(|pid, program, exit| {
        agent.events.push(NodeChange::Exited { pid, program, exit });
    })
}

type Refusal = (String, io::Error);

fn prepare(name: &str, dir: &Path) -> Result<(UnixListener, AddressMonitor), Refusal> {
    let step = |text: &str| {
        let text = format!("node {name}: {text}");
        move |error: io::Error| (text, error)
    };
    let system = |text: &str| {
        let step = step(text);
        move |errno: Errno| step(errno.into())
    };
    set_pdeathsig(Signal::SIGKILL).map_err(system("prctl(PR_SET_PDEATHSIG)"))?;
    sethostname(name).map_err(system("sethostname"))?;

    const NONE: Option<&str> = None;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).map_err(system("make / private"))?;
    // pkill in a node must see the processes of that node and no other.
    mount(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), NONE).map_err(system("mount /proc"))?;
    // Pid files and sockets of two nodes must not meet.
    mount(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))
        .map_err(system("mount a tmpfs on /run"))?;
    if fs::symlink_metadata("/var/run").is_ok_and(|meta| meta.is_dir()) {
        mount(Some("/run"), "/var/run", NONE, MsFlags::MS_BIND, NONE)
            .map_err(system("mount /run on /var/run"))?;
    }

    // What RuntimeDirectory= of a service unit does.
    fs::create_dir_all("/run/lbd").map_err(step("make /run/lbd"))?;

    Links::open().and_then(|links| links.set_up("lo", true)).map_err(step("set lo up"))?;
    let monitor = AddressMonitor::open().map_err(step("open the address monitor"))?;
    let path = socket_path(dir, name);
    // Left by the same node before it was powered off.
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(step("bind the command socket"))?;
    Ok((listener, monitor))
}

fn watch_addresses(mut monitor: AddressMonitor, agent: &Agent) {
    while let Ok(change) = monitor.wait() {
        agent.events.push(if change.present {
            NodeChange::AddressAdded(change.address)
        } else {
            NodeChange::AddressRemoved(change.address)
        });
    }
}
