//! Ipvlans. On a kernel without them, what the daemon says about it is the case.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use vip_netlink::{ArpRules, IpvlanMode, LinkChange, LinkInfo, LinkKind, NewLink};

use crate::client::{answer, longest_gap, neighbour};
use crate::daemon::{Daemon, VIP, config};
use crate::lan::{Host, Lan, run};

const NAME: &str = "vrrp.51";
/// Less than a question in the wrong name, which is asked again after a second, would take.
const GAP: Duration = Duration::from_millis(700);
/// The addresses of the two ipvlans.
const OWN: [&str; 2] = ["192.0.2.11", "192.0.2.12"];

fn with(priority: u8, own: &str) -> String {
    config(priority, &[VIP], &format!("use_ipvlan {own}/24"))
}

async fn ipvlan(host: &Host) -> Option<LinkInfo> {
    host.handle.link(NAME).await.unwrap()
}

/// The index of the interface that has an address.
async fn holder(host: &Host, address: &str) -> Option<u32> {
    let addresses = host.handle.addresses().await.unwrap();
    addresses.iter().find(|info| info.addr.to_string() == address).map(|info| info.ifindex)
}

async fn kernel_has_it(host: &Host) -> bool {
    let kind = LinkKind::Ipvlan { parent: host.ifindex, mode: IpvlanMode::Bridge };
    match host.handle.create_link(&NewLink::new("probe", kind)).await {
        Ok(()) => {
            let probe = host.handle.link("probe").await.unwrap().unwrap();
            host.handle.delete_link(probe.index).await.unwrap();
            true
        }
        Err(error) if error.errno() == Some(Errno::EOPNOTSUPP) => false,
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn held() {
    run(async {
        let mut lan = Lan::new().await;
        if kernel_has_it(&lan.nodes[0]).await {
            taken_and_handed_over(&mut lan).await;
            made_anew(&mut lan).await;
            left_over(&mut lan).await;
        } else {
            refused(&mut lan).await;
        }
    });
}

/// The daemon says what is missing, once, and goes on with another configuration.
async fn refused(lan: &mut Lan) {
    let mut daemon = Daemon::start(&lan.nodes[0], "refused", &with(200, OWN[0]));
    let why = "the kernel has no ipvlan (CONFIG_IPVLAN). Install its module, or take a kernel that has it, or remove \
               `use_ipvlan`";
    daemon.says(why).await;
    daemon.says("Interface vrrp.51 is not there (yet): it is waited for").await;
    daemon.says("Entering FAULT STATE").await;
    assert!(!lan.nodes[0].has(VIP).await && !lan.nodes[0].has(OWN[0]).await);
    // Longer than until it is tried again.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    daemon.reconfigure(&config(200, &[VIP], ""));
    loop {
        daemon.says("").await;
        assert!(!daemon.last_line().contains(why), "said again");
        if daemon.last_line().contains("Entering MASTER STATE") {
            break;
        }
    }
    lan.nodes[0].gains(VIP).await;
}

/// The addresses are on the ipvlan of the Active, whose advertisements come from there, with the MAC of the interface below.
async fn taken_and_handed_over(lan: &mut Lan) {
    let client = lan.client().await;
    let mut adverts = lan.adverts();
    let mut better = Daemon::start(&lan.nodes[0], "better", &with(200, OWN[0]));
    lan.nodes[0].gains(VIP).await;
    let mut worse = Daemon::start(&lan.nodes[1], "worse", &with(100, OWN[1]));
    worse.says("Entering BACKUP STATE (init)").await;
    for (number, host) in [1, 2].into_iter().zip(&lan.nodes) {
        answer(host, number);
        let (link, below) = (ipvlan(host).await.unwrap(), host.handle.link("eth0").await.unwrap().unwrap());
        assert_eq!((link.kind.as_deref(), link.lower), (Some("ipvlan"), Some(below.index)));
        assert_eq!((link.mac, link.up), (below.mac, true));
        // Else the answers to what it asks in the name of the virtual address would go to the ipvlan.
        assert_eq!(below.arp, ArpRules { announce: 2, ignore: 0 });
        assert_eq!(holder(host, OWN[usize::from(number - 1)]).await, Some(link.index));
    }
    let first = ipvlan(&lan.nodes[0]).await.unwrap();
    assert_eq!(holder(&lan.nodes[0], VIP).await, Some(first.index));
    assert_eq!(
        (Some(adverts.next_source()), adverts.last_sender().to_string()),
        (first.mac, OWN[0].to_owned())
    );
    longest_gap(&client, 1, Duration::from_millis(500)).await;
    assert_eq!(neighbour(VIP), first.mac.unwrap().to_string());
    assert!(!lan.nodes[1].has(VIP).await, "the other one hears the advertisements");

    // The interface below goes down, which the kernel does not tell of the ipvlan.
    let switched = |up| LinkChange { up: Some(up), ..LinkChange::default() };
    lan.nodes[0].handle.set_link(lan.nodes[0].ifindex, &switched(false)).await.unwrap();
    better.says("Entering FAULT STATE").await;
    longest_gap(&client, 2, Duration::ZERO).await;
    lan.nodes[0].handle.set_link(lan.nodes[0].ifindex, &switched(true)).await.unwrap();
    better.says("Entering MASTER STATE").await;
    longest_gap(&client, 1, Duration::ZERO).await;

    better.signal(Signal::SIGTERM);
    let gap = longest_gap(&client, 2, Duration::from_millis(500)).await;
    assert!(gap < GAP, "{gap:?}");
    assert!(better.exit().await.success());
    let below = lan.nodes[0].handle.link("eth0").await.unwrap();
    assert_eq!(below.map(|link| link.arp), Some(ArpRules::default()));
    assert_eq!((ipvlan(&lan.nodes[0]).await, lan.nodes[0].has(OWN[0]).await), (None, false));
    worse.stop().await;
}

/// A reload with another address makes another ipvlan, one with `use_vmac` a macvlan, one without neither.
async fn made_anew(lan: &mut Lan) {
    let mut daemon = Daemon::start(&lan.nodes[0], "anew", &with(200, OWN[0]));
    daemon.says("Entering MASTER STATE").await;
    let made = ipvlan(&lan.nodes[0]).await.unwrap();
    daemon.reconfigure(&with(201, OWN[0]));
    daemon.says("Reload complete").await;
    assert_eq!(ipvlan(&lan.nodes[0]).await.map(|link| link.index), Some(made.index), "the same one");
    daemon.reconfigure(&with(200, OWN[1]));
    daemon.says("Reload complete").await;
    assert!(!lan.nodes[0].has(OWN[0]).await && lan.nodes[0].has(OWN[1]).await);
    held_on(lan, Some("ipvlan")).await;
    for (more, kind) in [("use_vmac", Some("macvlan")), ("", None)] {
        daemon.reconfigure(&config(200, &[VIP], more));
        daemon.says("Reload complete").await;
        held_on(lan, kind).await;
    }
    daemon.stop().await;
}

/// Waits until the address is on an interface of this kind, or on `eth0`.
async fn held_on(lan: &Lan, kind: Option<&str>) {
    loop {
        let link = ipvlan(&lan.nodes[0]).await;
        assert_eq!(link.as_ref().and_then(|link| link.kind.as_deref()), kind);
        let expected = link.map_or(lan.nodes[0].ifindex, |link| link.index);
        if holder(&lan.nodes[0], VIP).await == Some(expected) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn left_over(lan: &mut Lan) {
    let mut killed = Daemon::start(&lan.nodes[0], "killed", &with(200, OWN[0]));
    killed.says("Entering MASTER STATE").await;
    killed.signal_both(Signal::SIGKILL);
    killed.exit().await;
    assert!(ipvlan(&lan.nodes[0]).await.is_some());
    let mut next = Daemon::start(&lan.nodes[0], "next", &config(200, &[VIP], ""));
    next.says("An earlier run left vrrp.51 behind").await;
    next.says("Entering MASTER STATE").await;
    assert_eq!(ipvlan(&lan.nodes[0]).await, None);
    next.stop().await;
}
