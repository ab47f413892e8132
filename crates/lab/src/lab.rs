//! The two-node lab: two load balancer nodes with a virtual address, two application servers, a client.

use crate::clock::Stamp;
use crate::configs::{Files, Timing, VrrpVersion};
use crate::error::Error;
use crate::network::Network;
use crate::node::{Node, Process, ROLE, SELF, Signal, Target};
use crate::peers::{Balancer, KEEPALIVED_PID_FILES, Programs, Router, Software};
use crate::probe::{ProbeSettings, Probing};
use crate::sync::lock;
use crate::timeline::{Event, Holding, Window, holdings, outage};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The virtual address.
pub const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 87, 10));

const LB: [(&str, [u8; 4]); 2] = [("node1", [192, 168, 87, 6]), ("node2", [192, 168, 87, 7])];
const APPS: [(&str, [u8; 4]); 2] = [("app1", [192, 168, 87, 12]), ("app2", [192, 168, 87, 13])];
const CLIENT: (&str, [u8; 4]) = ("client", [192, 168, 87, 100]);
const APP_PORT: u16 = 8080;

/// A finished request is on record after this.
const WRITTEN: Duration = Duration::from_millis(100);

/// For how long everything must have been well.
const REST: Duration = Duration::from_millis(1_100);

/// A longer time without an answer is not the machine's own noise.
const PAUSE: Duration = Duration::from_millis(100);

/// What runs in the lab.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The programs of node 1 and node 2.
    pub software: [Software; 2],
    /// How fast the pair is to notice.
    pub timing: Timing,
    /// The protocol between the nodes; [`Timing::Fast`] is always version 3.
    pub version: VrrpVersion,
    /// `track_lbd` beside the script at classic timing; at [`Timing::Fast`] it always stands in place of the script. Either
    /// way only on nodes where both programs are ours.
    pub track_lbd: bool,
}

impl Setup {
    /// Whether the router of node 1 or 2 watches the heartbeat of its balancer, and so can notice that it hangs.
    ///
    /// # Panics
    /// If there is no node of this number.
    #[must_use]
    pub fn tracks_heartbeat(&self, number: usize) -> bool {
        let ours = Software { balancer: Balancer::Lbd, router: Router::Vrrpd };
        (self.track_lbd || self.timing == Timing::Fast) && self.software[number - 1] == ours
    }
}

/// Asks a lab, from another thread, to give up.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Every wait of the lab ends with [`Error::Interrupted`] within some 20 ms.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether that was asked for.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What to put into a lab.
#[derive(Clone, Debug)]
pub struct Builder {
    program: Option<PathBuf>,
    programs: Programs,
    setup: Setup,
    files: Option<Files>,
    cancel: Cancel,
}

impl Builder {
    /// An executable that calls [`crate::node_main`], if this one does not (a test binary).
    #[must_use]
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// What runs on the nodes; by default `lbd` and `vrrpd` at classic timing.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    /// These files instead of the built-in ones; see [`Files::from_dir`].
    #[must_use]
    pub fn files(mut self, files: Files) -> Self {
        self.files = Some(files);
        self
    }

    /// The means to interrupt the lab.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Makes the network and starts everything on it; does not wait for it to settle.
    pub fn start(self) -> Result<Lab, Error> {
        let lab = self.start_network()?;
        for number in [1, 2] {
            lab.start_app(number)?;
            lab.start_balancer(number)?;
            lab.start_router(number)?;
        }
        Ok(lab)
    }

    /// Makes the network and writes the files, but starts no program.
    pub fn start_network(self) -> Result<Lab, Error> {
        let files = self.files.unwrap_or_else(|| Files::built_in(&self.setup));
        let network = Network::start(self.program.as_deref())?;
        let add = |(name, octets): (&str, [u8; 4])| network.add_node(name, IpAddr::V4(octets.into()));
        let nodes = [add(LB[0])?, add(LB[1])?];
        let apps = [add(APPS[0])?, add(APPS[1])?];
        let client = add(CLIENT)?;
        let lab = Lab {
            network,
            nodes,
            apps,
            client,
            setup: self.setup,
            programs: self.programs,
            cancel: self.cancel,
            app_processes: Mutex::default(),
        };
        lab.put("haproxy.cfg", &files.balancer)?;
        lab.put("keepalived-node1.conf", &files.routers[0])?;
        lab.put("keepalived-node2.conf", &files.routers[1])?;
        Ok(lab)
    }
}

/// A running lab. Dropping it ends every process and namespace of it.
#[derive(Debug)]
pub struct Lab {
    network: Network,
    nodes: [Node; 2],
    apps: [Node; 2],
    client: Node,
    setup: Setup,
    programs: Programs,
    cancel: Cancel,
    app_processes: Mutex<[Option<Process>; 2]>,
}

impl Lab {
    /// A lab whose `lbd` and `vrrpd` are in `bin_dir`.
    pub fn builder(bin_dir: impl Into<PathBuf>) -> Builder {
        Builder {
            program: None,
            programs: Programs::in_dir(bin_dir),
            setup: Setup::default(),
            files: None,
            cancel: Cancel::default(),
        }
    }

    /// What runs on the nodes.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The switch and its cables.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Leaves sockets, files and logs behind when the lab ends.
    pub fn keep_files(&self) -> Result<(), Error> {
        self.network.keep_files()
    }

    /// Load balancer node 1 or 2.
    ///
    /// # Panics
    /// If there is no node of this number.
    #[must_use]
    pub fn node(&self, number: usize) -> &Node {
        &self.nodes[number - 1]
    }

    /// The node of application server 1 or 2.
    ///
    /// # Panics
    /// If there is no server of this number.
    #[must_use]
    pub fn app(&self, number: usize) -> &Node {
        &self.apps[number - 1]
    }

    /// The client's node; see [`Lab::start_client`].
    #[must_use]
    pub fn client(&self) -> &Node {
        &self.client
    }

    /// Starts the balancer of a node.
    pub fn start_balancer(&self, number: usize) -> Result<Process, Error> {
        let config = self.network.dir().join("haproxy.cfg");
        let words = self.programs.balancer(self.setup.software[number - 1].balancer, &config)?;
        spawn(self.node(number), &words)
    }

    /// Starts the router of a node.
    pub fn start_router(&self, number: usize) -> Result<Process, Error> {
        let config = self.network.dir().join(format!("keepalived-node{number}.conf"));
        let router = self.setup.software[number - 1].router;
        let words = self.programs.router(router, &config)?;
        if router == Router::Keepalived {
            let remove = [&["rm", "-f"][..], &KEEPALIVED_PID_FILES].concat();
            self.node(number).run(&remove, Duration::from_secs(10))?;
        }
        spawn(self.node(number), &words)
    }

    /// Signals every process of a node's balancer; an error if there is none.
    pub fn signal_balancer(&self, number: usize, signal: Signal) -> Result<(), Error> {
        self.signal(number, self.setup.software[number - 1].balancer.process(), signal)
    }

    /// Signals every process of a node's router, its guardian included; an error if there is none.
    pub fn signal_router(&self, number: usize, signal: Signal) -> Result<(), Error> {
        self.signal(number, self.setup.software[number - 1].router.process(), signal)
    }

    /// Asks a node's router to stop properly: SIGTERM to its first process, as a service manager does.
    pub fn stop_router(&self, number: usize) -> Result<(), Error> {
        let name = self.setup.software[number - 1].router.process();
        let node = self.node(number);
        let first = node.processes()?.into_iter().find(|(_, comm)| comm == name);
        let (pid, _) = first.ok_or_else(|| not_running(node, name))?;
        node.signal(&Target::Pid(pid), Signal::Term).map(drop)
    }

    /// Starts an application server on port 8080, healthy.
    pub fn start_app(&self, number: usize) -> Result<(), Error> {
        self.set_sick(number, false)?;
        let node = self.app(number);
        let listen = SocketAddr::new(node.address(), APP_PORT).to_string();
        let sick = self.sick_file(number).to_string_lossy().into_owned();
        let process = node.spawn(&[SELF, ROLE, "app", node.name(), &listen, &sick], &[])?;
        lock(&self.app_processes)[number - 1] = Some(process);
        Ok(())
    }

    /// Kills an application server; its port refuses connections from then on.
    pub fn kill_app(&self, number: usize) -> Result<(), Error> {
        match lock(&self.app_processes)[number - 1].take() {
            Some(process) => process.signal(Signal::Kill).map(drop),
            None => Err(not_running(self.app(number), "the application server")),
        }
    }

    /// Makes an application server answer its health checks with 503, or with 200 again. Its other answers stay good.
    pub fn set_sick(&self, number: usize, sick: bool) -> Result<(), Error> {
        let file = self.sick_file(number);
        let changed = if sick { fs::write(&file, "") } else { fs::remove_file(&file) };
        match changed {
            Err(error) if sick || error.kind() != io::ErrorKind::NotFound => Err(Error::file(file)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Starts a client that asks for the application at the virtual address every 5 ms.
    pub fn start_client(&self) -> Result<Probing, Error> {
        Probing::start(&self.client, &ProbeSettings::new(SocketAddr::new(VIP, 80)))
    }

    /// Switches a load balancer node off: no cable, no process, in that order.
    pub fn power_off(&self, number: usize) -> Result<(), Error> {
        self.network.power_off(self.node(number))
    }

    /// Switches a load balancer node on; its two programs start as at boot.
    pub fn power_on(&self, number: usize) -> Result<(), Error> {
        self.network.power_on(self.node(number))?;
        self.start_balancer(number)?;
        self.start_router(number)?;
        Ok(())
    }

    /// The numbers of the nodes that have the virtual address at this moment, by their own account.
    pub fn vip_holders(&self) -> Result<Vec<usize>, Error> {
        let mut holders = Vec::new();
        for number in [1, 2] {
            if self.node(number).addresses()?.contains(&VIP) {
                holders.push(number);
            }
        }
        Ok(holders)
    }

    /// Who had the virtual address when, from the beginning until `until`.
    #[must_use]
    pub fn holdings(&self, until: Stamp) -> Vec<Holding> {
        holdings(&self.network.events(), VIP, until)
    }

    /// All that the nodes reported so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.network.events()
    }

    /// Waits until node 1 alone has the virtual address and, for a whole second, every request was answered, through node 1,
    /// by both application servers.
    pub fn settle(&self, client: &Probing, timeout: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + timeout;
        loop {
            let missing = self.unsettled(client)?;
            if missing.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let logs = self.logs(12);
                return Err(Error::NotSettled {
                    seconds: timeout.as_secs(),
                    missing: missing.join("; "),
                    logs,
                });
            }
            self.pause(Duration::from_millis(50))?;
        }
    }

    /// The last `lines` lines of each log of the two load balancer nodes.
    #[must_use]
    pub fn logs(&self, lines: usize) -> String {
        self.nodes.each_ref().map(|node| node.logs(lines)).concat()
    }

    /// Waits, but no longer than the operator does.
    pub fn pause(&self, time: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + time;
        loop {
            if self.cancel.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(Duration::from_millis(20)));
        }
    }

    /// Which conditions of rest do not hold.
    fn unsettled(&self, client: &Probing) -> Result<Vec<String>, Error> {
        let mut missing = Vec::new();
        let holders = self.vip_holders()?;
        if holders != [1] {
            missing.push(format!("{VIP} on node 1 alone (it is on {holders:?})"));
        }
        let until = Stamp::now() - WRITTEN;
        let window = Window { from: until - REST, until };
        let recent = client.since(window.from)?;
        // By arrivals: a request may have waited for the address to appear, and still be answered.
        let pause = outage(&recent, window).length();
        let failed = recent.iter().filter(|probe| !probe.outcome.is_ok()).count();
        if pause > PAUSE || failed > 0 {
            missing.push(format!(
                "a second of answered requests ({failed} of {} failed, {} ms without an answer)",
                recent.len(),
                pause.as_millis()
            ));
        }
        let node1 = self.node(1).address().to_string();
        if recent.iter().any(|probe| probe.via.as_ref().is_some_and(|via| *via != node1)) {
            missing.push("all requests through node 1".to_owned());
        }
        for (app, _) in APPS {
            if !recent.iter().any(|probe| probe.server.as_deref() == Some(app)) {
                missing.push(format!("an answer of {app}"));
            }
        }
        Ok(missing)
    }

    fn signal(&self, number: usize, process: &str, signal: Signal) -> Result<(), Error> {
        let node = self.node(number);
        match node.signal(&Target::Name(process.to_owned()), signal)? {
            0 => Err(not_running(node, process)),
            _ => Ok(()),
        }
    }

    fn sick_file(&self, number: usize) -> PathBuf {
        self.network.dir().join(format!("{}.sick", self.app(number).name()))
    }

    fn put(&self, name: &str, contents: &str) -> Result<(), Error> {
        let path: &Path = &self.network.dir().join(name);
        fs::write(path, contents).map_err(Error::file(path))
    }
}

fn spawn(node: &Node, words: &[String]) -> Result<Process, Error> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    node.spawn(&words, &[])
}

fn not_running(node: &Node, what: &str) -> Error {
    Error::Node { node: node.name().to_owned(), reason: format!("{what} does not run") }
}
