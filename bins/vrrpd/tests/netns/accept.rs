//! `no_accept`: who asks the virtual address is not answered, and nothing of it stays.

use std::net::SocketAddr;
use std::process::Command;

use nix::sys::signal::Signal;
use tokio::net::UdpSocket;

use crate::client::{answer, answer_at, neighbour};
use crate::daemon::{Daemon, VIP, config};
use crate::guardian::gone;
use crate::lan::{Host, Lan, run};

/// The port that is answered at, at the virtual address and at the node's own.
const PORT: u16 = 7;
/// The node's own address.
const OWN: &str = "192.0.2.1";
const VIP6: &str = "2001:db8::10";
const OWN6: &str = "2001:db8::1";

pub(crate) fn refused() {
    run(async {
        let mut lan = Lan::new().await;
        answer(&lan.nodes[0], 1);
        let refusing = config(200, &[VIP], " no_accept");
        let accepting = config(200, &[VIP], " accept");
        let mut daemon = Daemon::start(&lan.nodes[0], "daemon", &refusing);
        lan.nodes[0].gains(VIP).await;
        let clients = [lan.client().await, UdpSocket::bind(("192.0.2.100", 0)).await.unwrap()];
        assert!(!answers(&clients, VIP, OWN).await);
        assert_ne!(neighbour(VIP), "", "it is there, and ARP is answered");
        assert_eq!(tables(&lan.nodes[0]), [format!("table inet vrrpd_{}", daemon.guardian())]);

        daemon.reconfigure(&accepting);
        daemon.says("Reload complete").await;
        assert!(answers(&clients, VIP, OWN).await);
        assert_eq!(tables(&lan.nodes[0]), [""; 0]);
        daemon.reconfigure(&refusing);
        daemon.says("Reload complete").await;
        assert!(!answers(&clients, VIP, OWN).await);

        // A worker that is started again has it too.
        daemon.signal_worker(Signal::SIGKILL);
        daemon.says("Entering MASTER STATE").await;
        lan.nodes[0].gains(VIP).await;
        assert!(!answers(&clients, VIP, OWN).await);
        assert_eq!(tables(&lan.nodes[0]).len(), 1);

        let worker = daemon.worker();
        daemon.signal_both(Signal::SIGKILL);
        daemon.exit().await;
        gone(worker).await;
        assert_eq!(tables(&lan.nodes[0]).len(), 1);
        let mut next = Daemon::start(&lan.nodes[0], "next", &accepting);
        next.says("Entering MASTER STATE").await;
        assert_eq!(tables(&lan.nodes[0]), [""; 0], "what a crash left is cleared");

        // Another daemon on the node is another's business.
        let other = config(100, &["192.0.2.20"], " no_accept")
            .replace("virtual_router_id 51", "virtual_router_id 52");
        let mut other = Daemon::start(&lan.nodes[0], "other", &other);
        other.says("Entering MASTER STATE").await;
        let table = [format!("table inet vrrpd_{}", other.guardian())];
        next.stop().await;
        assert_eq!(tables(&lan.nodes[0]), table);
        other.stop().await;
        assert_eq!(tables(&lan.nodes[0]), [""; 0]);
    });
}

pub(crate) fn refused_ipv6() {
    run(async {
        let mut lan = Lan::new().await;
        lan.nodes[0].handle.add_own(lan.nodes[0].key(OWN6, 64)).await.unwrap();
        let clients =
            [lan.client_at("2001:db8::100", 64).await, UdpSocket::bind(("2001:db8::100", 0)).await.unwrap()];
        answer_at(&lan.nodes[0], "::", 1);
        let vips = ["fe80::10", VIP6];
        let mut daemon = Daemon::start(&lan.nodes[0], "daemon", &config(200, &vips, " no_accept"));
        lan.nodes[0].gains(VIP6).await;
        assert!(!answers(&clients, VIP6, OWN6).await);
        assert!(is_neighbour(VIP6), "it is there, and neighbour discovery is answered");
        daemon.reconfigure(&config(200, &vips, " accept"));
        daemon.says("Reload complete").await;
        assert!(answers(&clients, VIP6, OWN6).await);
        daemon.reconfigure(&config(200, &vips, " no_accept"));
        daemon.says("Reload complete").await;
        assert!(!answers(&clients, VIP6, OWN6).await);
    });
}

/// Whether the client knows a hardware address for it.
fn is_neighbour(address: &str) -> bool {
    let output = Command::new("ip").args(["-6", "neighbour", "show", address]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().contains("lladdr")
}

/// Whether the virtual address answers. The node's own does, and its answer comes after that of the virtual one, which is
/// asked first; three times, for what is asked before its neighbour is known may be overtaken.
async fn answers([own, virtual_one]: &[UdpSocket; 2], vip: &str, own_address: &str) -> bool {
    let vip = SocketAddr::new(vip.parse().unwrap(), PORT);
    let mut answered = false;
    for _ in 0..3 {
        virtual_one.send_to(b"?", vip).await.unwrap();
        own.send_to(b"?", (own_address, PORT)).await.unwrap();
        own.recv_from(&mut [0; 8]).await.unwrap();
        while virtual_one.try_recv_from(&mut [0; 8]).is_ok() {
            answered = true;
        }
    }
    answered
}

fn tables(host: &Host) -> Vec<String> {
    let output = host.inside(|| Command::new("/usr/sbin/nft").args(["list", "tables"]).output()).unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}
