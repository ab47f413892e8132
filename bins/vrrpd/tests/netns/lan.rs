//! A switch with two nodes on it, each in a network namespace.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getgid, getuid};
use socket2::{Domain, Protocol, Socket, Type};
use vip_netlink::{AddressKey, Event, Handle, LinkChange, LinkKind, MacAddress, Monitor, Namespace, NewLink};

/// No case needs longer, on however slow a machine.
const CASE_LIMIT: Duration = Duration::from_secs(30);

/// Moves this process into a fresh network namespace, as root directly, else by way of a user namespace.
pub(crate) fn enter() {
    if getuid().is_root() && unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        return;
    }
    let (uid, gid) = (getuid(), getgid());
    if let Err(errno) = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET) {
        panic!(
            "this machine refuses namespaces ({errno}), which these tests need: run them as root, or allow user \
             namespaces (sysctl kernel.unprivileged_userns_clone=1, \
             kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces)"
        );
    }
    fs::write("/proc/self/setgroups", "deny").expect("setgroups can be denied in a new user namespace");
    fs::write("/proc/self/uid_map", format!("0 {uid} 1")).expect("the own user can be mapped");
    fs::write("/proc/self/gid_map", format!("0 {gid} 1")).expect("the own group can be mapped");
}

/// Runs a case to its end or to the limit.
pub(crate) fn run(case: impl Future<Output = ()>) {
    run_for(CASE_LIMIT, case);
}

/// The same with another limit.
pub(crate) fn run_for(limit: Duration, case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(limit, case).await.expect("the case ends in time") });
}

/// The switch, and what the nodes are plugged into.
pub(crate) struct Lan {
    pub(crate) nodes: [Host; 2],
    ports: Handle,
    monitor: Monitor,
}

/// A node's namespace, and what its kernel tells of it.
pub(crate) struct Host {
    namespace: File,
    pub(crate) handle: Handle,
    monitor: Monitor,
    pub(crate) ifindex: u32,
}

impl Lan {
    /// Two nodes, 192.0.2.1 and .2, each on its `eth0`.
    pub(crate) async fn new() -> Self {
        let ports = Handle::open().unwrap();
        ports.create_link(&NewLink { up: true, ..NewLink::new("switch", LinkKind::Bridge) }).await.unwrap();
        let switch = ports.link("switch").await.unwrap().unwrap().index;
        let nodes = [host(&ports, switch, 1).await, host(&ports, switch, 2).await];
        let monitor = Monitor::open().await.unwrap();
        let mut lan = Self { nodes, ports, monitor };
        for host in [1, 2] {
            lan.port_is(host, true).await;
        }
        lan
    }

    /// Pulls a node's cable out of the switch, or puts it back.
    pub(crate) async fn plug(&mut self, host: u8, plugged: bool) {
        let port = self.port(host);
        let change = LinkChange { up: Some(plugged), ..LinkChange::default() };
        self.ports.set_link(port, &change).await.unwrap();
        self.port_is(host, plugged).await;
    }

    /// Takes a node's port out of the switch, or puts it back; the node sees nothing of it.
    pub(crate) async fn join(&mut self, host: u8, joined: bool) {
        let switch = self.monitor.view().link_named("switch").unwrap().index;
        let change = LinkChange { master: Some(if joined { switch } else { 0 }), ..LinkChange::default() };
        self.ports.set_link(self.port(host), &change).await.unwrap();
    }

    /// A socket that hears the announcements on the switch.
    pub(crate) fn announcements(&self) -> Socket {
        let protocol = Protocol::from(i32::from(0x0806_u16.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol)).unwrap();
        socket.set_read_timeout(Some(CASE_LIMIT)).unwrap();
        socket
    }

    /// Gives the switch itself an address, and asks from there.
    pub(crate) async fn client(&self) -> tokio::net::UdpSocket {
        self.client_at("192.0.2.100", 24).await
    }

    /// The same with this address.
    pub(crate) async fn client_at(&self, address: &str, prefix_len: u8) -> tokio::net::UdpSocket {
        let ifindex = self.monitor.view().link_named("switch").unwrap().index;
        let own = AddressKey::new(ifindex, ip(address), prefix_len);
        self.ports.add_own(own).await.unwrap();
        tokio::net::UdpSocket::bind((own.addr, 0)).await.unwrap()
    }

    /// Hears the advertisements on the switch.
    pub(crate) fn adverts(&self) -> Adverts {
        Adverts { socket: self.advertisements(), last: Vec::new() }
    }

    /// A socket that hears the advertisements on the switch.
    pub(crate) fn advertisements(&self) -> Socket {
        let protocol = Protocol::from(i32::from(0x0800_u16.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol)).unwrap();
        socket.set_read_timeout(Some(CASE_LIMIT)).unwrap();
        socket
    }

    fn port(&self, host: u8) -> u32 {
        self.monitor.view().link_named(&format!("port{host}")).unwrap().index
    }

    async fn port_is(&mut self, host: u8, operational: bool) {
        let port = self.port(host);
        while self.monitor.view().link(port).unwrap().is_operational() != operational {
            self.monitor.next().await.unwrap();
        }
    }
}

impl Host {
    /// Runs something in the namespace; processes started there stay in it.
    pub(crate) fn inside<T>(&self, run: impl FnOnce() -> T) -> T {
        let here = current();
        setns(&self.namespace, CloneFlags::CLONE_NEWNET).expect("the way in");
        let result = run();
        setns(here, CloneFlags::CLONE_NEWNET).expect("the way back");
        result
    }

    /// Names the namespace as `ip netns` does.
    pub(crate) fn is_named(&self, name: &str) {
        let path = format!("/run/netns/{name}");
        File::create(&path).unwrap();
        let (own, nothing) = (Some("/proc/thread-self/ns/net"), None::<&str>);
        self.inside(|| mount(own, path.as_str(), nothing, MsFlags::MS_BIND, nothing)).unwrap();
    }

    /// A second ear for what the kernel tells.
    pub(crate) async fn monitor_again(&self) -> Monitor {
        let here = current();
        setns(&self.namespace, CloneFlags::CLONE_NEWNET).expect("the way in");
        let monitor = Monitor::open().await;
        setns(here, CloneFlags::CLONE_NEWNET).expect("the way back");
        monitor.unwrap()
    }

    /// Waits until the kernel reports that the address is there; when that was, and what was reported before it.
    pub(crate) async fn gains(&mut self, address: &str) -> Instant {
        let address = ip(address);
        self.wait(|event| matches!(event, Event::AddressAdded(info) if info.addr == address)).await
    }

    /// Waits until the kernel has reported all of them; when that was for each.
    pub(crate) async fn gains_all(&mut self, addresses: &[IpAddr]) -> BTreeMap<IpAddr, Instant> {
        let mut gained = BTreeMap::new();
        while gained.len() < addresses.len() {
            if let Event::AddressAdded(info) = self.monitor.next().await.unwrap()
                && addresses.contains(&info.addr)
            {
                gained.entry(info.addr).or_insert_with(Instant::now);
            }
        }
        gained
    }

    /// Waits until the kernel reports one of them.
    pub(crate) async fn gains_any(&mut self, addresses: &[IpAddr]) -> IpAddr {
        loop {
            if let Event::AddressAdded(info) = self.monitor.next().await.unwrap()
                && addresses.contains(&info.addr)
            {
                return info.addr;
            }
        }
    }

    /// Waits until the kernel reports that the address is gone.
    pub(crate) async fn loses(&mut self, address: &str) -> Instant {
        let address = ip(address);
        self.wait(|event| matches!(event, Event::AddressRemoved(info) if info.addr == address)).await
    }

    /// Waits until the address is there; it was never gone.
    pub(crate) async fn gains_and_keeps(&mut self, gained: &str, kept: &str) {
        let (gained, kept) = (ip(gained), ip(kept));
        self.wait(|event| {
            assert!(!matches!(event, Event::AddressRemoved(info) if info.addr == kept), "{event:?}");
            matches!(event, Event::AddressAdded(info) if info.addr == gained)
        })
        .await;
    }

    /// Whether the kernel has the address now.
    pub(crate) async fn has(&self, address: &str) -> bool {
        let address = ip(address);
        self.handle.addresses().await.unwrap().iter().any(|info| info.addr == address)
    }

    pub(crate) fn key(&self, address: &str, prefix_len: u8) -> AddressKey {
        AddressKey::new(self.ifindex, ip(address), prefix_len)
    }

    async fn wait(&mut self, mut found: impl FnMut(&Event) -> bool) -> Instant {
        loop {
            if found(&self.monitor.next().await.unwrap()) {
                return Instant::now();
            }
        }
    }
}

/// A socket that hears IPv4 frames.
pub(crate) struct Adverts {
    socket: Socket,
    last: Vec<u8>,
}

impl Adverts {
    /// The hardware address that the next advertisement comes from.
    pub(crate) fn next_source(&mut self) -> MacAddress {
        loop {
            let mut frame = [0; 2048];
            let length = self.socket.read(&mut frame).expect("an advertisement arrives");
            // The protocol field of the IP header.
            if frame[..length].get(23) == Some(&112) {
                self.last = frame[..length].to_vec();
                return MacAddress(frame[6..12].try_into().unwrap());
            }
        }
    }

    /// What it carried behind an IP header without options.
    pub(crate) fn last_payload(&self) -> &[u8] {
        &self.last[34..]
    }

    /// The IP address that it came from.
    pub(crate) fn last_sender(&self) -> IpAddr {
        let octets: [u8; 4] = self.last[26..30].try_into().unwrap();
        octets.into()
    }
}

/// Waits for a gratuitous ARP that says where `address` is.
pub(crate) fn hear_announcement(socket: &mut Socket, address: [u8; 4]) {
    while hear_any_announcement(socket) != address {}
}

/// Waits for a gratuitous ARP; the address that it is about.
pub(crate) fn hear_any_announcement(socket: &mut Socket) -> [u8; 4] {
    // RFC 5227 §3: sender and target address are the same.
    hear(socket, "announcement", |frame| {
        let sender = frame.get(28..32).and_then(<[u8]>::first_chunk)?;
        (frame.get(38..42) == Some(sender)).then_some(*sender)
    })
}

/// Waits for a resignation that comes from `address`.
pub(crate) fn hear_resignation(socket: &mut Socket, address: [u8; 4]) {
    // Ethernet, then IPv4 without options: protocol 112, source; then VRRP: priority 0.
    hear(socket, "resignation", |frame| {
        let found =
            frame.get(23) == Some(&112) && frame.get(26..30) == Some(&address) && frame.get(36) == Some(&0);
        found.then_some(())
    });
}

/// Waits for a frame, however many others there are.
fn hear<T>(socket: &mut Socket, what: &str, find: impl Fn(&[u8]) -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        let mut frame = [0; 2048];
        let length = socket.read(&mut frame).unwrap_or_else(|error| panic!("no {what}: {error}"));
        if let Some(found) = find(&frame[..length]) {
            return found;
        }
        assert!(since.elapsed() < CASE_LIMIT, "no {what}");
    }
}

async fn host(ports: &Handle, switch: u32, number: u8) -> Host {
    let here = current();
    unshare(CloneFlags::CLONE_NEWNET).expect("a network namespace");
    let namespace = current();
    setns(here, CloneFlags::CLONE_NEWNET).expect("the way back");

    let kind = LinkKind::Veth {
        peer: "eth0",
        peer_mac: None,
        peer_namespace: Some(Namespace::Fd(namespace.as_fd())),
    };
    let port = format!("port{number}");
    ports
        .create_link(&NewLink { up: true, master: Some(switch), ..NewLink::new(&port, kind) })
        .await
        .unwrap();

    let here = current();
    setns(&namespace, CloneFlags::CLONE_NEWNET).expect("the way in");
    let handle = Handle::open().unwrap();
    let opened = Monitor::open().await;
    setns(here, CloneFlags::CLONE_NEWNET).expect("the way back");

    let ifindex = handle.link("eth0").await.unwrap().unwrap().index;
    let own = AddressKey::new(ifindex, [192, 0, 2, number].into(), 24);
    handle.add_own(own).await.unwrap();
    handle.set_link(ifindex, &LinkChange { up: Some(true), ..LinkChange::default() }).await.unwrap();
    Host { namespace, handle, monitor: opened.unwrap(), ifindex }
}

fn current() -> File {
    File::open("/proc/thread-self/ns/net").expect("a thread has a network namespace")
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
