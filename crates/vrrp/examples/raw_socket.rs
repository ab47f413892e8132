//! A router over real raw sockets: IPv4, one virtual address, `ip` and `arping` for the kernel's part.
//!
//! `raw_socket INTERFACE OWN-ADDRESS VRID PRIORITY VIRTUAL-ADDRESS`, as root; a line on standard input hands over and ends
//! it. It works in a pair with keepalived, FRR, or itself on another machine.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use vrrp::*;

struct Router {
    node: Node,
    socket: Socket,
    interface: String,
    own: Ipv4Addr,
}

static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [interface, own, vrid, priority, vip] = arguments.as_slice() else {
        return Err("usage: raw_socket INTERFACE OWN-ADDRESS VRID PRIORITY VIRTUAL-ADDRESS".into());
    };
    let index: u32 =
        std::fs::read_to_string(format!("/sys/class/net/{interface}/ifindex"))?.trim().parse()?;
    let mut config =
        InstanceConfig::new(IfIndex(index), Vrid::try_from(vrid.parse::<u8>()?)?, vec![vip.parse()?]);
    config.priority = Rank::try_from(priority.parse::<u8>()?)?;
    let mut router = Router {
        node: Node::new(NodeConfig::new(vec![config])?),
        socket: open(interface, index, own.parse()?)?,
        interface: interface.clone(),
        own: own.parse()?,
    };
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_line(&mut String::new());
        STOP.store(true, Ordering::Relaxed);
    });

    // A real driver watches the interface by netlink; here it is up for ever.
    let link = Link { up: true, v4: Some(router.own), v6: None };
    router.node.handle_link(now(), IfIndex(index), link);
    router.node.handle_command(now(), vrrp::Command::Start);
    router.carry_out();
    while !STOP.load(Ordering::Relaxed) {
        router.turn(IfIndex(index))?;
    }
    router.node.handle_command(now(), vrrp::Command::Stop);
    router.carry_out();
    Ok(())
}

/// Protocol 112 on one interface: hears the group, and sends as RFC 9568 §5.1.1 has it.
fn open(interface: &str, index: u32, own: Ipv4Addr) -> Result<Socket, Box<dyn Error>> {
    let IpAddr::V4(group) = Family::V4.group() else { return Err("an IPv4 group".into()) };
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(i32::from(wire::PROTOCOL))))?;
    socket.bind_device(Some(interface.as_bytes()))?;
    socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(index))?;
    socket.set_multicast_if_v4(&own)?;
    socket.set_multicast_loop_v4(false)?;
    socket.set_multicast_ttl_v4(wire::TTL.into())?;
    Ok(socket)
}

impl Router {
    /// Waits for a packet or the timeout, and for no longer than it takes to notice a line on standard input.
    fn turn(&mut self, iface: IfIndex) -> Result<(), Box<dyn Error>> {
        let until_due =
            self.node.poll_timeout().map(|wake| wake.at.saturating_duration_since(now())).unwrap_or_default();
        let wait = until_due.clamp(Duration::from_micros(1), Duration::from_millis(100));
        self.socket.set_read_timeout(Some(wait))?;
        let mut buffer = [0; 2048];
        match (&self.socket).read(&mut buffer) {
            Ok(len) => self.hear(iface, &buffer[..len]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
        self.node.handle_timeout(now());
        self.carry_out();
        Ok(())
    }

    /// A raw IPv4 socket gives the IP header too; the kernel has checked it.
    fn hear(&mut self, iface: IfIndex, packet: &[u8]) {
        let [first, _, _, _, _, _, _, _, ttl, _, _, _, header @ ..] = packet else { return };
        let [s1, s2, s3, s4, d1, d2, d3, d4, ..] = *header else { return };
        let (src, dst) = (IpAddr::from([s1, s2, s3, s4]), IpAddr::from([d1, d2, d3, d4]));
        let payload = packet.get(usize::from(first & 0x0f) * 4..).unwrap_or_default();
        let ingress = Ingress { iface, src, dst, ttl: *ttl, payload };
        if let Err(why) = self.node.handle_packet(now(), ingress) {
            println!("discarded a packet from {src}: {why}");
        }
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some((id, action)) = self.node.poll_action() {
            match action {
                Action::InstallVips { addresses } => self.each("ip", &["address", "replace"], &addresses),
                Action::RemoveVips { addresses } => self.each("ip", &["address", "delete"], &addresses),
                Action::Announce { addresses } => {
                    for address in addresses {
                        let (interface, address) = (self.interface.clone(), address.to_string());
                        let arguments = ["-U", "-c", "1", "-I", &interface, &address].map(str::to_owned);
                        // It waits for answers, which we do not.
                        std::thread::spawn(|| Command::new("arping").args(arguments).output());
                    }
                }
                Action::Transmit(advertisement) => {
                    let group = id.family.group();
                    let bytes = advertisement.encode(self.own.into(), group, Checksum::default());
                    let to = std::net::SocketAddr::from((group, 0));
                    if let Err(error) = self.socket.send_to(&bytes, &to.into()) {
                        eprintln!("cannot advertise: {error}");
                    }
                }
                Action::Transitioned { from, to, cause } => println!("{from:?} to {to:?}: {cause:?}"),
                Action::SplitBegan { rival } => println!("split brain: {rival:?}"),
                Action::SplitEnded => println!("split brain is over"),
            }
        }
    }

    fn each(&self, program: &str, words: &[&str], addresses: &[IpAddr]) {
        for address in addresses {
            run(program, &[words, &[&format!("{address}/32"), "dev", &self.interface]].concat());
        }
    }
}

fn run(program: &str, arguments: &[&str]) {
    match Command::new(program).args(arguments).status() {
        Ok(status) if status.success() => {}
        Ok(status) => eprintln!("{program} {arguments:?}: {status}"),
        Err(error) => eprintln!("{program}: {error}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "an example is a driver, and a driver has a clock")]
fn now() -> Instant {
    Instant::now()
}
