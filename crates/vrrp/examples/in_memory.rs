//! Two routers in memory: the first becomes Active, dies, and the second takes over.
//!
//! `cargo run -p vrrp --example in_memory`
#![allow(clippy::print_stdout)]

use std::net::IpAddr;
use std::time::{Duration, Instant};

use vrrp::*;

struct Router {
    name: &'static str,
    address: IpAddr,
    node: Node,
}

impl Router {
    fn new(
        name: &'static str,
        host: u8,
        priority: u8,
        now: Instant,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut config =
            InstanceConfig::new(IfIndex(1), Vrid::try_from(51)?, vec![IpAddr::from([192, 0, 2, 10])]);
        config.priority = Rank::try_from(priority)?;
        config.interval = AdverInterval::try_from(10)?;
        let mut node = Node::new(NodeConfig::new(vec![config])?);
        node.handle_link(now, IfIndex(1), Link { up: true, v4: Some([192, 0, 2, host].into()), v6: None });
        node.handle_command(now, Command::Start);
        Ok(Self { name, address: IpAddr::from([192, 0, 2, host]), node })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[expect(clippy::disallowed_methods, reason = "an example is a driver, and a driver has a clock")]
    let start = Instant::now();
    let mut routers = vec![Router::new("left", 1, 200, start)?, Router::new("right", 2, 100, start)?];
    let mut wire = Vec::new();
    play(&mut routers, &mut wire, start, Duration::ZERO, Duration::from_millis(600));

    println!("{:>10.3}         left loses power", 0.6);
    routers.remove(0);
    play(&mut routers, &mut wire, start, Duration::from_millis(600), Duration::from_millis(1200));
    Ok(())
}

type Wire = Vec<(IpAddr, Vec<u8>)>;

fn play(routers: &mut [Router], wire: &mut Wire, start: Instant, from: Duration, to: Duration) {
    let mut now = start + from;
    loop {
        for router in &mut *routers {
            drain(router, wire, now - start);
            router.node.handle_timeout(now);
            drain(router, wire, now - start);
        }
        for (src, payload) in std::mem::take(wire) {
            for router in routers.iter_mut().filter(|router| router.address != src) {
                let ingress = Ingress {
                    iface: IfIndex(1),
                    src,
                    dst: Family::V4.group(),
                    ttl: wire::TTL,
                    payload: &payload,
                };
                if let Err(discard) = router.node.handle_packet(now, ingress) {
                    println!("{} discards: {discard}", router.name);
                }
                drain(router, wire, now - start);
            }
        }
        let wakes = routers.iter().filter_map(|router| router.node.poll_timeout());
        match wakes.map(|wake| wake.at).min() {
            Some(at) if at <= start + to => now = at.max(now),
            Some(_) | None => return,
        }
    }
}

fn drain(router: &mut Router, wire: &mut Wire, elapsed: Duration) {
    while let Some((id, action)) = router.node.poll_action() {
        let seconds = elapsed.as_secs_f64();
        let name = router.name;
        match action {
            Action::Transmit(advertisement) => {
                let payload = advertisement.encode(router.address, id.family.group(), Checksum::default());
                wire.push((router.address, payload));
            }
            Action::InstallVips { addresses } => println!("{seconds:>10.3}  {name:>5}  holds {addresses:?}"),
            Action::RemoveVips { addresses } => {
                println!("{seconds:>10.3}  {name:>5}  lets go of {addresses:?}")
            }
            Action::Announce { addresses } => println!("{seconds:>10.3}  {name:>5}  announces {addresses:?}"),
            Action::Transitioned { from, to, cause } => {
                println!("{seconds:>10.3}  {name:>5}  {from:?} to {to:?}: {cause:?}");
            }
            Action::SplitBegan { rival } => println!("{seconds:>10.3}  {name:>5}  is not alone: {rival:?}"),
            Action::SplitEnded => println!("{seconds:>10.3}  {name:>5}  is alone again"),
        }
    }
}
