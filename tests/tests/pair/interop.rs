//! With real keepalived and FRR, in both roles and both ways round; and what tshark thinks of our packets.

use crate::bench::{MARGIN, OVERLAP, SKEW, Turn, programs};
use lab::matrix::{Conf, Event, play_pair};
use lab::{Cancel, Files, Lab, Node, Process, Router, Signal, find_program};
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

const FORMS: [Conf; 4] = [Conf::Article, Conf::V3Fast, Conf::V3Ip6, Conf::Unicast];

/// The longest wait: a down interval, and a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn network(files: Files) -> Lab {
    let dir = programs();
    let lab = Lab::builder(dir).program(dir.join("tandem")).files(files).start_network();
    lab.unwrap_or_else(|error| panic!("no lab: {error}"))
}

fn wait(lab: &Lab, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}\n{}", lab.logs(30));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Node 1 is in charge, is stopped, and node 2 takes over; node 1 starts again and takes the role back: each daemon is
/// MASTER and BACKUP, yields and preempts.
fn assert_hand_over_and_back(conf: Conf, routers: [Router; 2]) {
    let dir = programs();
    let measured =
        play_pair(conf, Event::Return, routers, 0.5, dir, Some(&dir.join("tandem")), &Cancel::default())
            .unwrap_or_else(|error| panic!("{conf:?} {routers:?}: {error}"));
    assert!(measured.vip_left && measured.advert_ms.is_some(), "{conf:?} {routers:?}: {measured:?}");
    // Nobody sees a live address move: a gratuitous ARP, and the datagrams under way.
    let bound = (OVERLAP + 4 * MARGIN).as_secs_f64() * 1e3;
    assert!(measured.outage_ms < bound, "{conf:?} {routers:?}: {measured:?}");
}

#[test]
fn keepalived_and_vrrpd_hand_over_to_each_other_in_every_form() {
    if find_program("keepalived").is_err() {
        eprintln!("keepalived is not installed: nothing is handed over to it");
        return;
    }
    let _turn = Turn::shared();
    programs();
    for routers in [[Router::Vrrpd, Router::Keepalived], [Router::Keepalived, Router::Vrrpd]] {
        thread::scope(|scope| {
            for conf in FORMS {
                scope.spawn(move || assert_hand_over_and_back(conf, routers));
            }
        });
    }
}

const FRR: &str = "/usr/lib/frr";

/// FRR's vrrpd on node 2, which needs an interface with the virtual MAC made for it.
struct Frr<'a> {
    node: &'a Node,
    family: &'static str,
    daemon: Option<Process>,
}

impl<'a> Frr<'a> {
    fn new(lab: &'a Lab, priority: u8, ipv6: bool) -> Self {
        let node = lab.node(2);
        let (family, digit) = if ipv6 { ("v6", 2) } else { ("v4", 1) };
        let mac = format!("00:00:5e:00:0{digit}:33");
        let (name, vips): (_, &[&str]) = if ipv6 {
            ("vrrp6", &["fe80::10/64", "2001:db8:87::10/64"])
        } else {
            ("vrrp4", &["192.168.87.10/24"])
        };
        run(node, &["ip", "link", "add", name, "link", Node::INTERFACE, "type", "macvlan", "mode", "bridge"]);
        run(node, &["ip", "link", "set", name, "address", &mac]);
        for vip in vips {
            run(
                node,
                &[&["ip", "addr", "add", *vip, "dev", name][..], if ipv6 { &["nodad"] } else { &[] }]
                    .concat(),
            );
        }
        run(node, &["ip", "link", "set", name, "up"]);
        run(node, &["mkdir", "-p", "/run/frr"]);
        run(node, &["chown", "frr:frr", "/run/frr"]);
        let version = if ipv6 { "ipv6" } else { "ip" };
        let addresses: String = vips
            .iter()
            .map(|vip| format!(" vrrp 51 {version} {}\n", vip.split('/').next().unwrap_or_default()))
            .collect();
        let config = format!(
            "interface {}\n vrrp 51 version 3\n vrrp 51 priority {priority}\n vrrp 51 advertisement-interval 100\n{addresses}",
            Node::INTERFACE
        );
        node.write("/run/frr/vrrpd.conf".as_ref(), &config).unwrap();
        let zebra = format!("{FRR}/zebra");
        node.spawn(
            &[
                &zebra,
                "-f",
                "/dev/null",
                "--vty_socket",
                "/run/frr",
                "-z",
                "/run/frr/zserv.api",
                "-i",
                "/run/frr/zebra.pid",
            ],
            &[],
        )
        .unwrap();
        wait(lab, "zebra", || {
            let (exit, _) = node.run(&["test", "-S", "/run/frr/zserv.api"], PATIENCE).unwrap();
            exit == Some(lab::Exit::Code(0))
        });
        let mut frr = Self { node, family, daemon: None };
        frr.start();
        frr
    }

    fn start(&mut self) {
        let program = format!("{FRR}/vrrpd");
        let words = [
            &program,
            "-f",
            "/run/frr/vrrpd.conf",
            "--vty_socket",
            "/run/frr",
            "-z",
            "/run/frr/zserv.api",
            "-i",
            "/run/frr/vrrpd.pid",
            "--log",
            "stdout",
        ];
        self.daemon = Some(self.node.spawn(&words, &[]).unwrap());
    }

    fn stop(&mut self) {
        let daemon = self.daemon.take().unwrap();
        assert!(daemon.signal(Signal::Term).unwrap());
        daemon.wait(PATIENCE).unwrap();
    }

    /// Its state in its own words: Master or Backup.
    fn is(&self, state: &str) -> bool {
        let ask = ["vtysh", "--vty_socket", "/run/frr", "-c", "show vrrp json"];
        let (_, text) = self.node.run(&ask, PATIENCE).unwrap();
        let told: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        told.get(0).and_then(|router| router.get(self.family)?.get("status")?.as_str()) == Some(state)
    }
}

fn run(node: &Node, words: &[&str]) {
    let (exit, text) = node.run(words, PATIENCE).unwrap();
    assert_eq!(exit, Some(lab::Exit::Code(0)), "{words:?}: {text}");
}

fn conf(ipv6: bool) -> Files {
    let files = Conf::V3Fast.files();
    if !ipv6 {
        return files;
    }
    let routers = files.routers.map(|text| text.replace("192.168.87.10", "fe80::10\n2001:db8:87::10"));
    Files { routers, ..files }
}

fn vip(ipv6: bool) -> IpAddr {
    if ipv6 { "2001:db8:87::10".parse().unwrap() } else { lab::VIP }
}

fn with_frr(priority: u8, ipv6: bool, play: impl FnOnce(&Lab, &mut Frr<'_>)) {
    if find_program(&format!("{FRR}/vrrpd")).is_err() || find_program("vtysh").is_err() {
        eprintln!("FRR is not installed: nothing is handed over to it");
        return;
    }
    let _turn = Turn::shared();
    let lab = network(conf(ipv6));
    if ipv6 {
        for (number, address) in [(1, "2001:db8:87::6"), (2, "2001:db8:87::7")] {
            lab.node(number).add_address(address.parse().unwrap(), 64).unwrap();
        }
    }
    lab.start_router(1).unwrap();
    let mut frr = Frr::new(&lab, priority, ipv6);
    play(&lab, &mut frr);
}

fn held(lab: &Lab, ipv6: bool) -> bool {
    lab.node(1).addresses().unwrap().contains(&vip(ipv6))
}

#[test]
fn vrrpd_backs_frr_and_yields_to_it() {
    for ipv6 in [false, true] {
        with_frr(200, ipv6, |lab, frr| {
            wait(lab, "FRR is MASTER", || frr.is("Master") && !held(lab, ipv6));
            frr.stop();
            wait(lab, "vrrpd takes over", || held(lab, ipv6));
            frr.start();
            wait(lab, "FRR preempts", || frr.is("Master") && !held(lab, ipv6));
        });
    }
}

#[test]
fn frr_backs_vrrpd_and_yields_to_it() {
    for ipv6 in [false, true] {
        with_frr(90, ipv6, |lab, frr| {
            wait(lab, "vrrpd is MASTER", || held(lab, ipv6) && frr.is("Backup"));
            lab.stop_router(1).unwrap();
            wait(lab, "FRR takes over", || frr.is("Master") && !held(lab, ipv6));
            lab.start_router(1).unwrap();
            wait(lab, "vrrpd preempts", || held(lab, ipv6) && frr.is("Backup"));
        });
    }
}

/// Frames that tshark calls malformed, or whose checksum is wrong.
const BAD: &str = "_ws.malformed || vrrp.checksum.status == 0 || ip.checksum.status == 0 || icmpv6.checksum.status == 0 \
                   || arp.duplicate-address-detected";

#[test]
fn tshark_finds_no_fault_in_our_packets() {
    if find_program("tshark").is_err() {
        eprintln!("tshark is not installed: nobody looks at our packets");
        return;
    }
    let _turn = Turn::shared();
    programs();
    thread::scope(|scope| {
        for conf in [&FORMS[..], &[Conf::Vmac]].concat() {
            scope.spawn(move || assert_faultless(conf));
        }
    });
}

fn assert_faultless(conf: Conf) {
    let lab = network(conf.files());
    let node = lab.node(1);
    let file = node.dir().join("capture.pcap").to_string_lossy().into_owned();
    let tshark = node.spawn(&["tshark", "-q", "-i", Node::INTERFACE, "-w", &file], &[]).unwrap();
    wait(&lab, "tshark listens", || tshark.log().unwrap().contains("Capturing on"));
    // For the script of some.
    lab.start_balancer(1).unwrap();
    lab.start_router(1).unwrap();
    let count = |filter: &str| {
        let words = ["tshark", "-o", "ip.check_checksum:TRUE", "-r", &file, "-Y", filter];
        let (_, text) = node.run(&words, PATIENCE).unwrap();
        text.lines()
            .filter(|line| line.trim_start().starts_with(|first: char| first.is_ascii_digit()))
            .count()
    };
    // An advertisement with a good checksum, an announcement, and the resignation at the end.
    let announced = if matches!(conf, Conf::V3Ip6) {
        "icmpv6.type == 136"
    } else {
        "arp.opcode == 1 && arp.isgratuitous"
    };
    thread::sleep(conf_down(conf));
    wait(&lab, &format!("{conf:?}: advertisements"), || {
        count("vrrp.checksum.status == 1 && vrrp.prio == 100") >= 2
    });
    wait(&lab, &format!("{conf:?}: announcements"), || count(announced) >= 2);
    lab.stop_router(1).unwrap();
    wait(&lab, &format!("{conf:?}: the resignation"), || {
        count("vrrp.checksum.status == 1 && vrrp.prio == 0") >= 1
    });
    assert!(tshark.signal(Signal::Term).unwrap());
    assert_eq!(count(BAD), 0, "{conf:?}");
}

/// Until then nothing is sent: three intervals and a skew.
fn conf_down(conf: Conf) -> Duration {
    if conf == Conf::V3Fast { Duration::from_millis(400) } else { Duration::from_secs(3) + SKEW }
}
