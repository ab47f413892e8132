//! Namespaces, cables and time limits for the cases.

use std::fs::{self, File};
use std::io::Read;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getgid, getuid};
use socket2::{Domain, Protocol, Socket, Type};
use vip_netlink::{
    AddressKey, Announcement, Announcer, Event, Handle, LinkInfo, LinkKind, Monitor, Namespace, NewLink,
};

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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(CASE_LIMIT, case).await.expect("the case ends in time") });
}

/// A second network namespace. Sockets opened in it stay in it.
pub(crate) struct Other(File);

impl Other {
    pub(crate) fn new() -> Self {
        let here = current();
        unshare(CloneFlags::CLONE_NEWNET).expect("a second network namespace");
        let other = Self(current());
        setns(here, CloneFlags::CLONE_NEWNET).expect("the way back");
        other
    }

    pub(crate) fn run<T>(&self, inside: impl FnOnce() -> T) -> T {
        let here = current();
        setns(&self.0, CloneFlags::CLONE_NEWNET).expect("the way in");
        let result = inside();
        setns(here, CloneFlags::CLONE_NEWNET).expect("the way back");
        result
    }

    pub(crate) fn namespace(&self) -> Namespace<'_> {
        Namespace::Fd(self.0.as_fd())
    }
}

fn current() -> File {
    File::open("/proc/thread-self/ns/net").expect("a thread has a network namespace")
}

/// Two ends of a cable that are up, in one namespace.
pub(crate) async fn cable(handle: &Handle) -> (LinkInfo, LinkInfo) {
    let kind = LinkKind::Veth { peer: "right", peer_mac: None, peer_namespace: None };
    handle.create_link(&NewLink { up: true, ..NewLink::new("left", kind) }).await.unwrap();
    let right = named(handle, "right").await;
    up(handle, right.index).await;
    (named(handle, "left").await, named(handle, "right").await)
}

/// A cable from `left` here to `right` in the other namespace, both ends able to pass packets.
pub(crate) async fn cable_to(other: &Other) -> (LinkInfo, LinkInfo) {
    let (here, there) = (Handle::open().unwrap(), other.run(|| Handle::open().unwrap()));
    let kind = LinkKind::Veth { peer: "right", peer_mac: None, peer_namespace: Some(other.namespace()) };
    here.create_link(&NewLink { up: true, ..NewLink::new("left", kind) }).await.unwrap();
    let right = named(&there, "right").await;
    let left = named(&here, "left").await;
    let mut monitor = Monitor::open().await.unwrap();
    up(&there, right.index).await;
    while !monitor.view().link(left.index).unwrap().is_operational() {
        monitor.next().await.unwrap();
    }
    let (left, right) = (named(&here, "left").await, named(&there, "right").await);
    frames_pass(&left, &Announcer::open().unwrap(), &mut other.run(|| listener(ETHERTYPE_ARP))).await;
    let announcer = other.run(|| Announcer::open().unwrap());
    frames_pass(&right, &announcer, &mut listener(ETHERTYPE_ARP)).await;
    (left, right)
}

/// Sends frames out of an interface until one has arrived. The kernel reports a link as running a moment before it lets
/// frames through, and loses what is sent in between.
async fn frames_pass(from: &LinkInfo, announcer: &Announcer, to: &mut Socket) {
    let announcement = Announcement::new(from, IpAddr::from([192, 0, 2, 250]), true).unwrap();
    for _ in 0..50 {
        announcer.send(&announcement).await.unwrap();
        if hears(to, &announcement.frame()) {
            return;
        }
    }
    panic!("none of 50 frames out of {} arrived", from.name);
}

pub(crate) const ETHERTYPE_ARP: u16 = 0x0806;

/// A socket that receives whole frames of one type, but not those that its own machine sends.
pub(crate) fn listener(ethertype: u16) -> Socket {
    let protocol = Protocol::from(i32::from(ethertype.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    socket
}

/// Whether a frame that starts with `wanted` comes before a silence of the socket's read timeout.
pub(crate) fn hears(socket: &mut Socket, wanted: &[u8]) -> bool {
    let mut buffer = [0; 2048];
    while let Ok(length) = socket.read(&mut buffer) {
        if buffer[..length].starts_with(wanted) {
            return true;
        }
    }
    false
}

pub(crate) async fn named(handle: &Handle, name: &str) -> LinkInfo {
    handle.link(name).await.unwrap().unwrap_or_else(|| panic!("no link {name}"))
}

pub(crate) async fn up(handle: &Handle, ifindex: u32) {
    let change = vip_netlink::LinkChange { up: Some(true), ..Default::default() };
    handle.set_link(ifindex, &change).await.unwrap();
}

pub(crate) fn key(ifindex: u32, addr: &str, prefix_len: u8) -> AddressKey {
    AddressKey::new(ifindex, addr.parse().unwrap(), prefix_len)
}

/// Waits for the event that `find` takes.
pub(crate) async fn wait_for<T>(monitor: &mut Monitor, mut find: impl FnMut(Event) -> Option<T>) -> T {
    loop {
        if let Some(found) = find(monitor.next().await.unwrap()) {
            return found;
        }
    }
}
