//! Virtual MAC interfaces, seen by a client whose neighbour cache and whose switch must follow.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::net::UdpSocket;
use vip_netlink::MacAddress;

use crate::daemon::{Daemon, SLACK, VIP, config};
use crate::lan::{Host, Lan, run};

const NAME: &str = "vrrp.51";
/// RFC 9568 §7.3, for VRID 51.
const MAC: MacAddress = MacAddress([0, 0, 0x5e, 0, 1, 51]);
/// Version 3, 100 ms: (256 − 100)/256 of the interval.
const SKEW: Duration = Duration::from_millis(61);
const PORT: u16 = 7;
/// Between two questions of the client.
const EVERY: Duration = Duration::from_millis(2);

/// Answers on a node with its number.
fn answer(host: &Host, number: u8) {
    let socket = host.inside(|| std::net::UdpSocket::bind(("0.0.0.0", PORT))).unwrap();
    socket.set_nonblocking(true).unwrap();
    let socket = UdpSocket::from_std(socket).unwrap();
    tokio::spawn(async move {
        loop {
            let Ok((_, from)) = socket.recv_from(&mut [0; 8]).await else { continue };
            let _ = socket.send_to(&[number], from).await;
        }
    });
}

/// Asks until node `number` answers, and a while longer; the longest time between two answers.
async fn longest_gap(client: &UdpSocket, number: u8, after: Duration) -> Duration {
    let vip = SocketAddr::new(VIP.parse().unwrap(), PORT);
    let (mut last, mut longest, mut served) = (Instant::now(), Duration::ZERO, None::<Instant>);
    loop {
        // Nobody may have the address at the moment.
        let _ = client.send_to(b"?", vip).await;
        let due = Instant::now() + EVERY;
        let mut buffer = [0; 8];
        while let Ok(Ok((length, _))) =
            tokio::time::timeout_at(due.into(), client.recv_from(&mut buffer)).await
        {
            longest = longest.max(last.elapsed());
            last = Instant::now();
            if buffer[..length] == [number] {
                served.get_or_insert(last);
            }
        }
        if served.is_some_and(|since| since.elapsed() > after) {
            return longest;
        }
    }
}

fn rules(host: &Host) -> [String; 2] {
    let read = |name: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/eth0/{name}");
        host.inside(|| fs::read_to_string(&path)).unwrap().trim().to_owned()
    };
    ["arp_ignore", "arp_announce"].map(read)
}

async fn is_up(host: &Host) -> Option<bool> {
    host.handle.link(NAME).await.unwrap().map(|link| link.up)
}

fn neighbour(address: &str) -> String {
    let table = fs::read_to_string("/proc/net/arp").unwrap();
    let line = table.lines().find(|line| line.split_whitespace().next() == Some(address));
    line.and_then(|line| line.split_whitespace().nth(3)).unwrap_or_default().to_owned()
}

pub(crate) fn moved() {
    run(async {
        let mut lan = Lan::new().await;
        let client = lan.client().await;
        let before = rules(&lan.nodes[0]);
        let mut better = Daemon::start(&lan.nodes[0], "better", &config(200, &[VIP], "use_vmac"));
        lan.nodes[0].gains(VIP).await;
        let mut worse = Daemon::start(&lan.nodes[1], "worse", &config(100, &[VIP], "use_vmac"));
        worse.says("Entering BACKUP STATE (init)").await;
        answer(&lan.nodes[0], 1);
        answer(&lan.nodes[1], 2);
        longest_gap(&client, 1, Duration::ZERO).await;
        assert_eq!(neighbour(VIP), MAC.to_string());
        assert_eq!((is_up(&lan.nodes[0]).await, is_up(&lan.nodes[1]).await), (Some(true), Some(false)));
        // The interface below neither answers for the address nor asks in its name.
        assert_eq!(rules(&lan.nodes[0]), ["1", "2"]);

        better.signal(Signal::SIGTERM);
        let gap = longest_gap(&client, 2, EVERY).await;
        assert!(gap < SKEW + SLACK, "{gap:?}");
        assert!(better.exit().await.success());
        assert_eq!((is_up(&lan.nodes[0]).await, rules(&lan.nodes[0])), (None, before));

        let _better = Daemon::start(&lan.nodes[0], "better", &config(200, &[VIP], "use_vmac"));
        // The switch learns the way of the hardware address with the first frame. The promise is 50 ms, on a quiet machine.
        let gap = longest_gap(&client, 1, Duration::from_millis(500)).await;
        assert!(gap < Duration::from_millis(50) + SLACK, "{gap:?}");
        assert_eq!(neighbour(VIP), MAC.to_string());
        worse.says("Entering BACKUP STATE").await;
        lan.nodes[1].loses(VIP).await;
    });
}

pub(crate) fn left_over() {
    run(async {
        let mut lan = Lan::new().await;
        let before = rules(&lan.nodes[0]);
        let text = config(200, &[VIP], "use_vmac");
        let mut killed = Daemon::start(&lan.nodes[0], "killed", &text);
        lan.nodes[0].gains(VIP).await;
        killed.signal_both(Signal::SIGKILL);
        killed.exit().await;
        assert_eq!(is_up(&lan.nodes[0]).await, Some(true));
        assert_ne!(rules(&lan.nodes[0]), before);

        let mut next = Daemon::start(&lan.nodes[0], "next", &text);
        next.says("An earlier run left vrrp.51 behind").await;
        next.says("Entering MASTER STATE").await;
        next.signal(Signal::SIGTERM);
        assert!(next.exit().await.success());
        assert_eq!((is_up(&lan.nodes[0]).await, rules(&lan.nodes[0])), (None, before));
    });
}

pub(crate) fn transmits_below() {
    run(async {
        let mut lan = Lan::new().await;
        let client = lan.client().await;
        let mut more =
            Daemon::start(&lan.nodes[0], "below", &config(200, &[VIP], "use_vmac vrrp.51\nvmac_xmit_base"));
        let mut adverts = lan.adverts();
        let own = lan.nodes[0].handle.link("eth0").await.unwrap().and_then(|link| link.mac).unwrap();
        assert_eq!(adverts.next_source(), own);
        lan.nodes[0].gains(VIP).await;
        answer(&lan.nodes[0], 1);
        longest_gap(&client, 1, Duration::ZERO).await;
        assert_eq!(neighbour(VIP), MAC.to_string());
        more.signal(Signal::SIGTERM);
        more.says("Stopped").await;
        let _all = Daemon::start(&lan.nodes[0], "all", &config(200, &[VIP], "use_vmac"));
        lan.nodes[0].gains(VIP).await;
        while adverts.next_source() != MAC {}
        let source: IpAddr = adverts.last_sender();
        assert_eq!(source, IpAddr::from([192, 0, 2, 1]));
    });
}
