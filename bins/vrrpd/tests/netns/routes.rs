//! Routes and rules that come and go with the role.

use std::process::Command;

use nix::sys::signal::Signal;

use crate::client::EVERY;
use crate::daemon::{Daemon, VIP, config};
use crate::lan::{Host, Lan, run};

const MORE: &str = "virtual_routes {
    198.51.100.0/24 via 192.0.2.254 dev eth0 metric 50 mtu 1400
    blackhole 198.51.101.0/24 table 1000
    203.0.113.0/24 table 1000 nexthop via 192.0.2.251 dev eth0 weight 2 nexthop via 192.0.2.252 dev eth0
}
virtual_rules {
    from 198.51.100.7 to 203.0.113.0/25 table 1000 preference 900
    fwmark 3/7 iif eth0 blackhole preference 901
}";

const FIXED: &str = "static_ipaddress {
    198.18.0.1/24 dev eth0 noprefixroute
}
static_routes {
    198.18.1.0/24 dev eth0 table 1001
}
static_rules {
    from 198.18.0.0/24 table 1001 preference 902
}
";

/// What `ip` prints on a node, a line each, words parted by one blank.
fn ip(host: &Host, words: &[&str]) -> Vec<String> {
    let output = host.inside(|| Command::new("ip").args(words).output()).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn has(host: &Host, words: &[&str], wanted: &[&str]) -> bool {
    let lines = ip(host, words);
    wanted.iter().all(|part| lines.iter().any(|line| line.contains(part)))
}

const RULES: [&str; 2] = [
    "900: from 198.51.100.7 to 203.0.113.0/25 lookup 1000",
    "901: from all fwmark 0x3/0x7 iif eth0 blackhole",
];

fn all_there(host: &Host) -> bool {
    has(host, &["route"], &["198.51.100.0/24 via 192.0.2.254 dev eth0", "metric 50 mtu 1400"])
        && has(
            host,
            &["route", "show", "table", "1000"],
            &[
                "blackhole 198.51.101.0/24",
                "nexthop via 192.0.2.251 dev eth0 weight 2",
                "nexthop via 192.0.2.252 dev eth0 weight 1",
            ],
        )
        && has(host, &["rule"], &RULES)
}

fn none_there(host: &Host) -> bool {
    let text = [ip(host, &["route", "show", "table", "all"]), ip(host, &["rule"])].concat().join(" ");
    !["198.51.10", "203.0.113", "fwmark"].iter().any(|part| text.contains(part))
}

async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(EVERY).await;
    }
}

pub(crate) fn with_the_role() {
    run(async {
        let mut lan = Lan::new().await;
        let text = format!("{FIXED}{}", config(200, &[VIP], MORE));
        let mut daemon = Daemon::start(&lan.nodes[0], "routes", &text);
        daemon.says("Entering BACKUP STATE (init)").await;
        assert!(none_there(&lan.nodes[0]));
        lan.nodes[0].gains(VIP).await;
        until(|| all_there(&lan.nodes[0])).await;
        assert!(has(&lan.nodes[0], &["address"], &["inet 198.18.0.1/24"]));
        assert!(has(&lan.nodes[0], &["route", "show", "table", "1001"], &["198.18.1.0/24 dev eth0"]));
        assert!(has(&lan.nodes[0], &["rule"], &["902: from 198.18.0.0/24 lookup 1001"]));
        // The prefix of the address brought no route.
        assert!(!has(&lan.nodes[0], &["route"], &["198.18.0.0/24"]));

        // Removed by hand, they are back within a second.
        ip(&lan.nodes[0], &["route", "del", "198.51.100.0/24"]);
        ip(&lan.nodes[0], &["rule", "del", "preference", "900"]);
        assert!(!all_there(&lan.nodes[0]));
        until(|| all_there(&lan.nodes[0])).await;

        // A worker that is killed leaves none behind either.
        daemon.signal_worker(Signal::SIGKILL);
        until(|| none_there(&lan.nodes[0])).await;
        until(|| all_there(&lan.nodes[0])).await;

        daemon.signal(Signal::SIGTERM);
        assert!(daemon.exit().await.success());
        assert!(none_there(&lan.nodes[0]));
        // What is fixed stays.
        assert!(has(&lan.nodes[0], &["rule"], &["902: from 198.18.0.0/24 lookup 1001"]));
    });
}

pub(crate) fn follows_a_static_address() {
    run(async {
        let mut lan = Lan::new().await;
        let text = "static_ipaddress {\n 198.18.0.1/24 dev eth0 track_group uplink\n}\n\
                    track_group uplink {\n group {\n VI_1\n }\n}\n";
        let mut daemon =
            Daemon::start(&lan.nodes[0], "static", &(text.to_owned() + &config(200, &[VIP], "")));
        daemon.says("Entering MASTER STATE").await;
        assert!(!daemon.has_said("FAULT STATE"), "the address was set first");
        ip(&lan.nodes[0], &["address", "del", "198.18.0.1/24", "dev", "eth0"]);
        daemon.says("address 198.18.0.1 is down").await;
        daemon.says("Entering FAULT STATE").await;
        lan.nodes[0].loses(VIP).await;
        ip(&lan.nodes[0], &["address", "add", "198.18.0.1/24", "dev", "eth0"]);
        lan.nodes[0].gains(VIP).await;
    });
}
