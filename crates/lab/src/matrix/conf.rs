//! The configurations of the matrix.

use super::event::Event;
use crate::configs::Files;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// What the two nodes are configured with. Node 1 has priority 100, node 2 has 90.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conf {
    /// Version 2 with a password, every second; a script every 2 s looks for the load balancer and costs 20 points.
    Article,
    /// The same with a script that costs the role itself.
    Script0,
    /// Version 2 with a password, from node to node.
    Unicast,
    /// Version 3, IPv4, every 100 ms.
    V3Fast,
    /// Version 3, IPv6, every second, two addresses.
    V3Ip6,
    /// Version 3, IPv4, every second, with a virtual MAC.
    Vmac,
    /// [`Conf::Article`] with `track_lbd` in place of the script.
    TrackLbd,
    /// [`Conf::Article`] with `vrrp_track_process` in place of the script. keepalived's needs the kernel's process
    /// connector, which does not exist in a network namespace.
    TrackProcess,
}

const BALANCER: &str = "\
# The load balancer is there to be looked for.
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s

frontend stats
    bind :8404
    stats enable
    stats uri /stats
";

impl Conf {
    /// All, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Article,
        Self::Script0,
        Self::Unicast,
        Self::V3Fast,
        Self::V3Ip6,
        Self::Vmac,
        Self::TrackLbd,
        Self::TrackProcess,
    ];

    /// Its name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Script0 => "script0",
            Self::Unicast => "unicast",
            Self::V3Fast => "v3fast",
            Self::V3Ip6 => "v3ip6",
            Self::Vmac => "vmac",
            Self::TrackLbd => "track_lbd",
            Self::TrackProcess => "track_process",
        }
    }

    /// What is played with it.
    #[must_use]
    pub const fn events(self) -> &'static [Event] {
        use Event::{
            Carrier, Heal, Kill9All, Kill9Child, Kill9Main, Kill9Node, LinkdownLocal, Partition, Return,
            ScriptFail, Sigstop, Start, Term, Vipdel,
        };
        match self {
            Self::Article => &[
                Carrier,
                Kill9All,
                Kill9Child,
                Kill9Main,
                Kill9Node,
                LinkdownLocal,
                Partition,
                Heal,
                ScriptFail,
                Sigstop,
                Term,
                Return,
                Vipdel,
                Start,
            ],
            Self::Script0 | Self::TrackLbd | Self::TrackProcess => &[ScriptFail],
            Self::Unicast => &[Carrier, Kill9All, Kill9Node, Partition, Heal, Term],
            Self::V3Fast => &[
                Carrier,
                Kill9All,
                Kill9Child,
                Kill9Node,
                LinkdownLocal,
                Partition,
                Heal,
                Sigstop,
                Term,
                Return,
                Start,
            ],
            Self::V3Ip6 => &[Carrier, Kill9All, Kill9Node, LinkdownLocal, Partition, Heal, Term, Return],
            Self::Vmac => &[Carrier, Kill9Node, Partition, Heal, Term, Return],
        }
    }

    /// Whether keepalived has no counterpart, or none that runs in a namespace.
    #[must_use]
    pub const fn is_ours_alone(self) -> bool {
        matches!(self, Self::TrackLbd | Self::TrackProcess)
    }

    /// The virtual address that the client asks for.
    pub(crate) const fn vip(self) -> IpAddr {
        match self {
            Self::V3Ip6 => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x87, 0, 0, 0, 0, 0x10)),
            _ => IpAddr::V4(Ipv4Addr::new(192, 168, 87, 10)),
        }
    }

    /// The time between two advertisements.
    pub(crate) const fn interval(self) -> Duration {
        match self {
            Self::V3Fast => Duration::from_millis(100),
            _ => Duration::from_secs(1),
        }
    }

    /// How long node 2 waits for node 1 at most: three intervals and the skew of priority 90.
    pub(crate) fn down_interval(self) -> Duration {
        self.interval() * 3 + self.interval() * (256 - 90) / 256
    }

    /// The files of both nodes.
    #[must_use]
    pub fn files(self) -> Files {
        Files { balancer: BALANCER.to_owned(), routers: [1, 2].map(|number| self.router_file(number)) }
    }

    fn router_file(self, number: usize) -> String {
        let (state, priority) = [("MASTER", 100), ("BACKUP", 90)][number - 1];
        let mut lines: Vec<&str> = Vec::new();
        lines.extend(self.tracked());
        lines.push("vrrp_instance VI_1 {");
        match self {
            Self::V3Fast => lines.extend(["version 3", "advert_int 0.1"]),
            Self::V3Ip6 | Self::Vmac => lines.extend(["version 3", "advert_int 1"]),
            Self::Article | Self::Script0 | Self::Unicast | Self::TrackLbd | Self::TrackProcess => {
                lines.extend(["advert_int 1", "authentication {", "auth_type PASS", "auth_pass 1111", "}"]);
            }
        }
        let priority = format!("priority {priority}");
        let state = format!("state {state}");
        lines.extend([&state, &priority, "interface enp0s8", "virtual_router_id 51"]);
        let own = [["192.168.87.6", "192.168.87.7"], ["192.168.87.7", "192.168.87.6"]][number - 1];
        let source = format!("unicast_src_ip {}", own[0]);
        if self == Self::Unicast {
            lines.extend([&source, "unicast_peer {", own[1], "}"]);
        }
        if self == Self::Vmac {
            lines.push("use_vmac");
        }
        lines.push("virtual_ipaddress {");
        match self {
            Self::V3Ip6 => lines.extend(["fe80::10", "2001:db8:87::10"]),
            _ => lines.push("192.168.87.10"),
        }
        lines.push("}");
        match self {
            Self::Article | Self::Script0 => lines.extend(["track_script {", "chk", "}"]),
            Self::TrackProcess => lines.extend(["track_process {", "chk", "}"]),
            Self::TrackLbd => {
                lines.extend(["track_lbd {", "socket /run/lbd/heartbeat.sock", "weight -20", "}"]);
            }
            Self::Unicast | Self::V3Fast | Self::V3Ip6 | Self::Vmac => {}
        }
        lines.push("}\n");
        lines.join("\n")
    }

    /// The block of what the instance tracks.
    const fn tracked(self) -> &'static [&'static str] {
        match self {
            Self::Article => &[
                "vrrp_script chk {",
                "script \"pkill -0 lbd\"",
                "interval 2",
                "fall 2",
                "rise 1",
                "weight -20",
                "}",
            ],
            Self::Script0 => {
                &["vrrp_script chk {", "script \"pkill -0 lbd\"", "interval 2", "fall 2", "rise 1", "}"]
            }
            Self::TrackProcess => &["vrrp_track_process chk {", "process lbd", "weight -20", "}"],
            Self::Unicast | Self::V3Fast | Self::V3Ip6 | Self::Vmac | Self::TrackLbd => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_down_interval_is_that_of_the_rfc_at_priority_90() {
        // RFC 9568 §6.1, in the integer centiseconds of the wire: 3 * 10 + 166 * 10 / 256 is 36.48.
        assert_eq!(Conf::V3Fast.down_interval(), Duration::from_micros(364_843) + Duration::from_nanos(750));
        assert_eq!(Conf::Article.down_interval(), Duration::from_nanos(3_648_437_500));
    }

    #[test]
    fn each_node_has_a_whole_file_of_its_own() {
        for conf in Conf::ALL {
            let [first, second] = conf.files().routers;
            for text in [&first, &second] {
                assert_eq!(text.matches('{').count(), text.matches('}').count(), "{text}");
            }
            assert!(first.contains("priority 100") && second.contains("priority 90"));
        }
        let peers = Conf::Unicast.files().routers[1].clone();
        assert!(peers.contains("unicast_src_ip 192.168.87.7\nunicast_peer {\n192.168.87.6\n}"), "{peers}");
    }
}
