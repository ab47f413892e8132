//! The process that holds the lab's switch: pid 1 of the lab, in whose network namespace the bridge lives.

use crate::net::Links;
use crate::node::protocol::{Hello, SwitchReply, SwitchRequest, hear, tell};
use crate::node::{ROLE, SELF};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use std::collections::HashMap;
use std::fs;
use std::io::{self, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

const BRIDGE: &str = "lan";

/// Serves requests on standard input until it ends, which it does when the lab program ends in whatever way. With this
/// process the kernel ends the lab's pid namespace, and so every process in it.
pub(crate) fn run(dir: PathBuf) -> ExitCode {
    let mut out = io::stdout().lock();
    let mut switch = match Switch::new(dir) {
        Ok(switch) => switch,
        Err(error) => {
            let step = "make the bridge (CONFIG_BRIDGE and CONFIG_VETH are needed)".to_owned();
            let _ = tell(&mut out, &Hello::Refused { step, errno: error.raw_os_error().unwrap_or_default() });
            return ExitCode::FAILURE;
        }
    };
    if tell(&mut out, &Hello::Ready).is_err() {
        return ExitCode::FAILURE;
    }
    let mut requests = BufReader::new(io::stdin().lock());
    while let Ok(Some(request)) = hear::<SwitchRequest>(&mut requests) {
        let reply = match switch.obey(&request) {
            Ok(()) => SwitchReply::Done,
            Err(error) => SwitchReply::Failed(format!("{request:?}: {error}")),
        };
        if tell(&mut out, &reply).is_err() {
            break;
        }
    }
    switch.end();
    ExitCode::SUCCESS
}

struct Switch {
    links: Links,
    dir: PathBuf,
    keep_files: bool,
    /// The launcher of each node that is on.
    nodes: HashMap<String, Child>,
}

impl Switch {
    fn new(dir: PathBuf) -> io::Result<Self> {
        set_pdeathsig(Signal::SIGKILL)?;
        let links = Links::open()?;
        links.set_up("lo", true)?;
        links.add_bridge(BRIDGE)?;
        Ok(Self { links, dir, keep_files: false, nodes: HashMap::new() })
    }

    fn obey(&mut self, request: &SwitchRequest) -> io::Result<()> {
        match request {
            SwitchRequest::Attach { name, interface } => self.attach(name, interface),
            SwitchRequest::PowerOff { name } => self.power_off(name),
            SwitchRequest::KeepFiles => {
                self.keep_files = true;
                Ok(())
            }
            SwitchRequest::Carrier { name, on } => self.links.set_up(name, *on),
            SwitchRequest::Bridged { name, member: true } => self.links.set_bridge(name, Some(BRIDGE)),
            SwitchRequest::Bridged { name, member: false } => self.links.set_bridge(name, None),
        }
    }

    fn attach(&mut self, name: &str, interface: &str) -> io::Result<()> {
        if self.nodes.contains_key(name) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the node is on"));
        }
        let mut launcher = Command::new(SELF)
            .arg0(ROLE)
            .args([ROLE, "launch", name])
            .arg(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        match self.plug(name, interface, &mut launcher) {
            Ok(()) => {
                self.nodes.insert(name.to_owned(), launcher);
                Ok(())
            }
            Err(error) => {
                end(launcher);
                Err(error)
            }
        }
    }

    fn plug(&self, name: &str, interface: &str, launcher: &mut Child) -> io::Result<()> {
        let out =
            launcher.stdout.take().ok_or_else(|| io::Error::other("the node's output is not a pipe"))?;
        match hear::<Hello>(&mut BufReader::new(out))? {
            Some(Hello::Ready) => {}
            Some(Hello::Refused { step, errno }) => {
                return Err(io::Error::other(format!("{step}: {}", io::Error::from_raw_os_error(errno))));
            }
            None => return Err(io::Error::other("the node ended before it was ready")),
        }
        // The launcher is in the node's network namespace as well, and its pid is one that this process can name.
        self.links.add_cable(name, BRIDGE, interface, launcher.id())
    }

    fn power_off(&mut self, name: &str) -> io::Result<()> {
        let launcher = self
            .nodes
            .remove(name)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the node is off"))?;
        // The cable first: a machine that loses power says no goodbye, but a kernel whose processes are killed does.
        let unplugged = self.links.delete(name);
        end(launcher);
        unplugged
    }
}

impl Switch {
    /// This process outlives the lab program even when that is killed, so it is the one to clear up.
    fn end(mut self) {
        for (_, launcher) in self.nodes.drain() {
            end(launcher);
        }
        if self.keep_files {
            return;
        }
        // A dying node may still be writing its log.
        let mut tries = 0;
        while fs::remove_dir_all(&self.dir).is_err() && self.dir.exists() && tries < 50 {
            thread::sleep(Duration::from_millis(10));
            tries += 1;
        }
    }
}

/// Kills a launcher; its pid 1 follows, and everything in that pid namespace.
fn end(mut launcher: Child) {
    let _ = launcher.kill();
    let _ = launcher.wait();
}
