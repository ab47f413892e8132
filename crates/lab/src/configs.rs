//! The files of the two nodes: built in, or an operator's own.

use crate::error::Error;
use crate::lab::Setup;
use crate::peers::{Balancer, Software};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// How fast the pair is to notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// An advertisement a second, and a script that looks for the balancer's process every two.
    #[default]
    Classic,
    /// VRRPv3 with an advertisement every 100 ms, a check of each server every second, and `track_lbd` where both programs
    /// are ours.
    Fast,
}

impl Timing {
    /// Time between two checks of an application server.
    pub(crate) const fn check_interval(self) -> Duration {
        match self {
            Self::Classic => Duration::from_secs(5),
            Self::Fast => Duration::from_secs(1),
        }
    }
}

/// The protocol between the nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VrrpVersion {
    /// Version 2 with a simple password.
    #[default]
    V2,
    /// Version 3.
    V3,
}

/// What the two nodes are configured with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The balancer's file, the same on both nodes.
    pub balancer: String,
    /// The router's files: node 1, node 2.
    pub routers: [String; 2],
}

impl Files {
    /// The built-in pair: priority 100 and 90, the address 192.168.87.10.
    #[must_use]
    pub fn built_in(setup: &Setup) -> Self {
        let interval = setup.timing.check_interval();
        Self {
            balancer: BALANCER.replace("INTERVAL", &format!("{}s", interval.as_secs())),
            routers: [router_file(1, setup), router_file(2, setup)],
        }
    }

    /// An operator's `haproxy.cfg`, `keepalived-node1.conf` and `keepalived-node2.conf`, word for word but for one thing: a
    /// script that looks for the process `haproxy` looks for `lbd` on a node where `lbd` runs instead. They must suit the
    /// lab's network: the interface `enp0s8`, the nodes 192.168.87.6 and .7, the virtual address 192.168.87.10.
    pub fn from_dir(dir: &Path, software: [Software; 2]) -> Result<Self, Error> {
        let read = |name: &str| {
            let path = dir.join(name);
            fs::read_to_string(&path).map_err(Error::file(&path))
        };
        let router = |index: usize| {
            let text = read(["keepalived-node1.conf", "keepalived-node2.conf"][index])?;
            Ok::<_, Error>(for_process(&text, software[index].balancer))
        };
        Ok(Self { balancer: read("haproxy.cfg")?, routers: [router(0)?, router(1)?] })
    }
}

fn for_process(text: &str, balancer: Balancer) -> String {
    text.replace("pkill -0 haproxy", &format!("pkill -0 {}", balancer.process()))
}

const BALANCER: &str = "\
# Both nodes: a dashboard on port 8404, the application on port 80 of every address.
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s

frontend stats
    bind :8404
    stats enable
    stats refresh 10s
    stats uri /stats
    stats show-modules

frontend docapi_front
    bind :80
    default_backend docapi_backend

backend docapi_backend
    balance roundrobin
    option httpchk GET /api/v1/health
    # Out after three failed checks, back after two good ones.
    server backend-1 192.168.87.12:8080 check inter INTERVAL fall 3 rise 2
    server backend-2 192.168.87.13:8080 check inter INTERVAL fall 3 rise 2
";

fn router_file(number: usize, setup: &Setup) -> String {
    let Setup { timing, .. } = *setup;
    let heartbeat = setup.tracks_heartbeat(number);
    let script = !heartbeat || timing == Timing::Classic;
    let version = if timing == Timing::Fast { VrrpVersion::V3 } else { setup.version };
    let (state, priority) = [("MASTER", 100), ("BACKUP", 90)][number - 1];
    let mut text = String::new();
    // Writing to a String cannot fail.
    let mut line = |indent: usize, words: &str| {
        let _ = writeln!(text, "{:indent$}{words}", "", indent = indent * 4);
    };
    if script {
        line(0, "vrrp_script chk_balancer {");
        line(1, &format!("script \"pkill -0 {}\"", setup.software[number - 1].balancer.process()));
        match timing {
            Timing::Classic => {
                line(1, "interval 2");
                line(1, "fall 2");
                line(1, "rise 1");
                line(1, "weight -20");
            }
            Timing::Fast => {
                line(1, "interval 1");
                line(1, "fall 1");
                line(1, "rise 1");
            }
        }
        line(0, "}");
        line(0, "");
    }
    line(0, "vrrp_instance VI_1 {");
    if version == VrrpVersion::V3 {
        line(1, "version 3");
    }
    line(1, &format!("state {state}"));
    line(1, "interface enp0s8");
    line(1, "virtual_router_id 51");
    line(1, &format!("priority {priority}"));
    line(1, if timing == Timing::Fast { "advert_int 0.1" } else { "advert_int 1" });
    if version == VrrpVersion::V2 {
        line(1, "authentication {");
        line(2, "auth_type PASS");
        line(2, "auth_pass 1111");
        line(1, "}");
    }
    line(1, "virtual_ipaddress {");
    line(2, "192.168.87.10");
    line(1, "}");
    if script {
        line(1, "track_script {");
        line(2, "chk_balancer");
        line(1, "}");
    }
    if heartbeat {
        line(1, "track_lbd {");
        line(2, "socket /run/lbd/heartbeat.sock");
        line(2, "weight 0");
        line(1, "}");
    }
    line(0, "}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Router;

    const OURS: Software = Software { balancer: Balancer::Lbd, router: Router::Vrrpd };
    const THEIRS: Software = Software { balancer: Balancer::Haproxy, router: Router::Keepalived };

    fn mixed() -> Setup {
        Setup { software: [OURS, THEIRS], ..Setup::default() }
    }

    #[test]
    fn each_node_looks_for_the_process_that_runs_on_it() {
        let files = Files::built_in(&mixed());
        assert!(files.routers[0].contains("script \"pkill -0 lbd\""));
        assert!(files.routers[1].contains("script \"pkill -0 haproxy\""));
        assert!(files.routers[0].contains("priority 100") && files.routers[1].contains("priority 90"));
    }

    #[test]
    fn passwords_belong_to_version_2_alone() {
        for (version, password) in [(VrrpVersion::V2, true), (VrrpVersion::V3, false)] {
            let files = Files::built_in(&Setup { version, ..mixed() });
            assert_eq!(files.routers[0].contains("auth_pass"), password);
            assert_eq!(files.routers[0].contains("version 3"), !password);
        }
    }

    #[test]
    fn the_heartbeat_is_tracked_only_where_both_programs_are_ours() {
        let fast = Files::built_in(&Setup { timing: Timing::Fast, ..mixed() });
        assert!(fast.routers[0].contains("track_lbd {") && !fast.routers[0].contains("vrrp_script"));
        assert!(fast.routers[1].contains("track_script {") && !fast.routers[1].contains("track_lbd"));
        assert!(
            fast.routers.iter().all(|text| text.contains("advert_int 0.1") && text.contains("version 3"))
        );
        let added = Files::built_in(&Setup { track_lbd: true, ..mixed() });
        assert!(added.routers[0].contains("track_lbd {") && added.routers[0].contains("track_script {"));
        assert!(!added.routers[1].contains("track_lbd"));
    }

    #[test]
    fn servers_are_checked_as_often_as_the_timing_says() {
        for (timing, interval) in [(Timing::Classic, "inter 5s "), (Timing::Fast, "inter 1s ")] {
            let files = Files::built_in(&Setup { timing, ..mixed() });
            assert_eq!(files.balancer.matches(interval).count(), 2);
        }
    }

    #[test]
    fn braces_match_and_stand_one_keyword_a_line() {
        for timing in [Timing::Classic, Timing::Fast] {
            let setup = Setup { timing, track_lbd: true, version: VrrpVersion::V3, ..mixed() };
            for text in Files::built_in(&setup).routers {
                let count = |brace| text.matches(brace).count();
                assert_eq!(count('{'), count('}'), "{text}");
                assert!(text.lines().all(|line| !line.contains('{') || line.ends_with('{')), "{text}");
            }
        }
    }

    #[test]
    fn an_operators_script_follows_the_balancer() {
        let text = "script \"pkill -0 haproxy\" # haproxy";
        assert_eq!(for_process(text, Balancer::Lbd), "script \"pkill -0 lbd\" # haproxy");
        assert_eq!(for_process(text, Balancer::Haproxy), text);
    }
}
