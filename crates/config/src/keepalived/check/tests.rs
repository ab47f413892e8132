//! What is read of keywords, whether or not they have behaviour yet.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use super::super::lexer;
use super::super::model::{
    Config, IpvlanMode, NextHop, OldChecksum, PreferredLifetime, Prefix, RouteKind, RouteMetric,
    RouteMetricKind, RoutePlace, RuleAction, VmacKind,
};
use super::super::tree;
use crate::diagnostic::{Diagnostics, Severity};
use crate::source::FileId;

/// The model, and the errors other than that something has no behaviour yet.
fn checked(text: &str) -> (Config, Vec<String>) {
    let mut diagnostics = Diagnostics::default();
    let lines = lexer::lines(FileId(0), text);
    let tokens = lines.iter().map(|line| lexer::tokens(line, &mut diagnostics)).collect();
    let blocks = tree::build(tokens, &mut diagnostics);
    let no_files = |_: &Path| -> io::Result<Vec<u8>> { Err(io::ErrorKind::NotFound.into()) };
    let (config, found) = super::check(&blocks, FileId(0), &no_files);
    diagnostics.0.extend(found.0);
    let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let messages = errors.map(|found| found.message.clone());
    (config, messages.filter(|message| !message.contains("not supported yet")).collect())
}

fn instance(lines: &str) -> Config {
    let text = format!(
        "vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\npriority 100\nvirtual_ipaddress {{\n192.0.2.10\n}}\n\
         {lines}\n}}\n"
    );
    let (config, errors) = checked(&text);
    assert_eq!(errors, Vec::<String>::new(), "{text}");
    config
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_old_checksum_of_unicast_is_followed_forced_or_refused() {
    for (line, meant) in [
        ("", OldChecksum::Follow),
        ("old_unicast_checksum", OldChecksum::Always),
        ("old_unicast_checksum never", OldChecksum::Never),
    ] {
        assert_eq!(instance(line).instances[0].old_unicast_checksum, meant, "{line}");
    }
    let (_, errors) = checked("vrrp_instance VI_1 {\nold_unicast_checksum always\n}\n");
    assert!(errors.iter().any(|error| error.contains("old_unicast_checksum")), "{errors:?}");
}

#[test]
fn instances_follow_the_static_addresses_of_their_group() {
    let group = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\npriority 100\nvirtual_ipaddress {\n192.0.2.10\n}\n}\n\
                 track_group uplink {\ngroup {\nVI_1\n}\n}\n";
    let (config, errors) =
        checked(&format!("{group}static_ipaddress {{\n192.0.2.7/24 track_group uplink\n}}\n"));
    assert_eq!((config.track_groups[0].instances.as_slice(), errors), (&["VI_1".to_owned()][..], Vec::new()));
    assert_eq!(config.static_addresses[0].track_group.as_deref(), Some("uplink"));
    let (_, errors) = checked("static_ipaddress {\n192.0.2.7/24 track_group nobody\n}\n");
    assert_eq!(errors, ["there is no track_group `nobody`"]);
}

#[test]
fn a_network_namespace_is_named_in_global_defs_or_outside() {
    for text in ["global_defs {\nnet_namespace blue\n}\n", "net_namespace blue\n"] {
        let (config, errors) = checked(text);
        assert_eq!((config.global.net_namespace.as_deref(), errors), (Some("blue"), Vec::new()));
    }
    for path in ["..", "/run/netns/blue"] {
        let (_, errors) = checked(&format!("net_namespace {path}\n"));
        assert_eq!(errors.len(), 1, "{path}: {errors:?}");
    }
}

#[test]
fn a_static_address_without_an_interface_is_on_the_default_one() {
    let addresses = "static_ipaddress {\n192.0.2.7/24\n192.0.2.8/24 dev eth2\n}\n";
    for (global, default) in [("", "eth0"), ("global_defs {\ndefault_interface eth1\n}\n", "eth1")] {
        // Wherever it stands.
        let (config, errors) = checked(&format!("{addresses}{global}"));
        let devices: Vec<&str> = config.static_addresses.iter().map(|address| address.dev.as_str()).collect();
        assert_eq!((devices, errors), (vec![default, "eth2"], Vec::new()));
    }
}

#[test]
fn the_weights_of_members_count_where_their_group_says_so() {
    let member = |name: &str, id: u8| {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {id}\npriority 100\nvirtual_ipaddress {{\n192.0.2.{id}\n}}\n\
             track_interface {{\neth1 weight 10\neth2 weight 0\n}}\n}}\n"
        )
    };
    let members = member("A", 1) + &member("B", 2);
    for (line, weights) in [("", vec![0]), ("sync_group_tracking_weight", vec![10, 0])] {
        let (config, errors) =
            checked(&format!("{members}vrrp_sync_group G {{\ngroup {{\nA\nB\n}}\n{line}\n}}\n"));
        assert_eq!(errors, Vec::<String>::new());
        for instance in &config.instances {
            let own: Vec<i16> = instance.track_interface.iter().map(|tracked| tracked.weight).collect();
            assert_eq!(own, weights, "{line}");
        }
    }
}

#[test]
fn routes_are_read_in_the_words_of_ip_route() {
    let config = instance(
        "virtual_routes {\n\
         src 192.0.2.10 to 198.51.100.0/24 via 192.0.2.254 dev eth1 metric 7 table 0x64 scope link append\n\
         default gw 192.0.2.1 no_track mtu lock 1400 rto_min 1.5s\n\
         blackhole 203.0.113.0/24\n\
         2001:db8:1::/48 nexthop via fe80::1 dev eth0 weight 2 nexthop via fe80::2 dev eth1 onlink\n}",
    );
    let [full, default, hole, paths] = &config.instances[0].virtual_routes[..] else {
        panic!("{:?}", config.instances[0].virtual_routes)
    };
    assert_eq!(full.destination, Prefix { addr: ip("198.51.100.0"), len: 24 });
    assert_eq!((full.source, full.via), (Some(ip("192.0.2.10")), Some(ip("192.0.2.254"))));
    assert_eq!((full.dev.as_deref(), full.table, full.metric), (Some("eth1"), 100, 7));
    assert_eq!((full.place, full.track, full.protocol), (RoutePlace::Append, true, 18));
    assert_eq!(default.destination, Prefix { addr: ip("0.0.0.0"), len: 0 });
    assert!(!default.track);
    let metric = |kind, value, lock| RouteMetric { kind, value, lock };
    assert_eq!(
        default.metrics,
        [metric(RouteMetricKind::Mtu, 1400, true), metric(RouteMetricKind::RtoMin, 1500, false)]
    );
    assert_eq!((hole.kind, hole.via, hole.dev.as_deref()), (RouteKind::Blackhole, None, None));
    let hop = |via: &str, dev: &str, weight, onlink| NextHop {
        via: Some(ip(via)),
        dev: Some(dev.to_owned()),
        weight,
        onlink,
    };
    assert!(paths.ipv6);
    assert_eq!(paths.nexthops, [hop("fe80::1", "eth0", 2, false), hop("fe80::2", "eth1", 1, true)]);
}

#[test]
fn rules_are_read_in_the_words_of_ip_rule_and_ordered_as_in_keepalived() {
    let config = instance(
        "virtual_rules {\n\
         from 192.0.2.0/24 table 100\n\
         to 2001:db8::/32 lookup main\n\
         not fwmark 0x10/0xff iif eth1 prohibit preference 39\n\
         from all to 198.51.100.7 ipproto tcp sport 10-20 dport 80 uidrange 5-9 goto 40\n}",
    );
    let rules = &config.instances[0].virtual_rules;
    let preferences: Vec<u32> = rules.iter().map(|rule| rule.preference).collect();
    // 16384 and downwards, each family for itself.
    assert_eq!(preferences, [16384, 16384, 39, 16383]);
    assert_eq!(rules[0].action, RuleAction::Table(100));
    assert_eq!((rules[1].ipv6, rules[1].action), (true, RuleAction::Table(254)));
    assert_eq!(
        (rules[2].not, rules[2].fwmark, rules[2].action),
        (true, Some((16, 255)), RuleAction::Prohibit)
    );
    assert_eq!((rules[3].from, rules[3].ip_protocol, rules[3].action), (None, Some(6), RuleAction::Goto(40)));
    assert_eq!(
        (rules[3].source_ports.clone(), rules[3].destination_ports.clone()),
        (Some(10..=20), Some(80..=80))
    );
    assert_eq!(rules[3].uids, Some(5..=9));
}

#[test]
fn addresses_have_all_the_words_of_keepalived() {
    let config = instance(
        "virtual_ipaddress_excluded {\n\
         192.0.2.11 peer 192.0.2.12/31 noprefixroute home no_track use_vmac dev eth1\n\
         2001:db8::10\n2001:db8::11/64 -nodad mngtmpaddr autojoin\n2001:db8::12 preferred_lft forever\n}",
    );
    let [pair, host, net, preferred] = &config.instances[0].virtual_ipaddress_excluded[..] else {
        panic!("four addresses")
    };
    assert_eq!((pair.peer, pair.prefix_len), (Some(ip("192.0.2.12")), 31));
    assert!(pair.noprefixroute && pair.home && !pair.track && pair.use_vmac && !pair.dad);
    assert_eq!(host.preferred_lft, PreferredLifetime::Seconds(0));
    assert!(net.dad && net.mngtmpaddr && net.autojoin);
    assert_eq!(
        (net.preferred_lft, preferred.preferred_lft),
        (PreferredLifetime::Forever, PreferredLifetime::Forever)
    );
}

#[test]
fn a_virtual_mac_has_the_rfc_s_address_unless_another_is_given() {
    let of = |line: &str| instance(line).instances.remove(0).vmac.unwrap();
    let macvlan = |mac, xmit_base| VmacKind::Macvlan { mac, netlink_notify_msg: false, xmit_base };
    let plain = of("use_vmac");
    assert_eq!((plain.name.as_str(), plain.kind), ("vrrp.51", macvlan([0, 0, 0x5e, 0, 1, 51], false)));
    let given = of("use_vmac vm 02:00:00:00:aa group 7\nvmac_xmit_base");
    assert_eq!((given.name.as_str(), given.kind), ("vm", macvlan([2, 0, 0, 0, 0xaa, 51], true)));
    assert_eq!(
        (given.group, of("use_vmac group default").group, of("use_vmac").group),
        (Some(7), Some(0), None)
    );
}

#[test]
fn an_ipvlan_has_an_address_that_advertisements_come_from() {
    for (line, name, address, mode, group) in [
        ("192.0.2.11", "vrrp.51", ("192.0.2.11", 32), IpvlanMode::Bridge, None),
        ("ipv0 192.0.2.11/24", "ipv0", ("192.0.2.11", 24), IpvlanMode::Bridge, None),
        ("192.0.2.11/24 vepa ipv0", "ipv0", ("192.0.2.11", 24), IpvlanMode::Vepa, None),
        (
            "name private 192.0.2.11 private group 7",
            "private",
            ("192.0.2.11", 32),
            IpvlanMode::Private,
            Some(7),
        ),
    ] {
        let instance = instance(&format!("use_ipvlan {line}")).instances.remove(0);
        let vmac = instance.vmac.unwrap();
        let address = (ip(address.0), address.1);
        assert_eq!((vmac.name.as_str(), vmac.group), (name, group), "{line}");
        assert_eq!(vmac.kind, VmacKind::Ipvlan { address: Some(address), mode }, "{line}");
        assert_eq!((instance.mcast_src_ip, instance.unicast_src_ip), (Some(address.0), Some(address.0)));
    }
    let other = instance("use_ipvlan 192.0.2.11\nmcast_src_ip 192.0.2.1").instances.remove(0);
    assert_eq!(other.mcast_src_ip, Some(ip("192.0.2.1")));
    let (config, errors) = checked(
        "vrrp_instance V {\ninterface e\nvirtual_router_id 1\nvirtual_ipaddress {\nfe80::1\n}\nuse_ipvlan\n}\n",
    );
    assert_eq!(errors, Vec::<String>::new());
    let vmac = config.instances[0].vmac.clone().unwrap();
    let kind = VmacKind::Ipvlan { address: None, mode: IpvlanMode::Bridge };
    assert_eq!((vmac.name.as_str(), vmac.kind), ("vrrp6.1", kind));
}

#[test]
fn sync_groups_give_their_members_what_they_track_and_take_weights_away() {
    let member = |name: &str, vrid: u8| {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nvirtual_ipaddress {{\n192.0.2.{vrid}\n}}\n\
             track_interface {{\neth1\neth2 weight 5\n}}\n}}\n"
        )
    };
    let group =
        "vrrp_sync_group G {\ngroup {\nA\nB\n}\ntrack_interface {\neth3 weight -7\n}\nnotify \"/bin/x\"\n}\n";
    let (config, errors) = checked(&format!("{group}{}{}", member("A", 1), member("B", 2)));
    assert_eq!(errors, Vec::<String>::new());
    for instance in &config.instances {
        let tracked: Vec<(&str, i16)> =
            instance.track_interface.iter().map(|t| (t.name.as_str(), t.weight)).collect();
        assert_eq!(tracked, [("eth1", 0), ("eth3", -7)]);
    }
    assert_eq!(config.group_of("B").map(|group| group.name.as_str()), Some("G"));
    let (_, errors) = checked(&format!("{group}{group}{}", member("A", 1)));
    assert_eq!(
        errors,
        [
            "there is no vrrp_instance `B`",
            "there are two `vrrp_sync_group G`",
            "`A` is in two groups",
            "there is no vrrp_instance `B`"
        ]
    );
}

#[test]
fn keys_are_text_or_hexadecimal_of_32_to_64_bytes_and_one_of_them_signs() {
    let zeros = "0".repeat(64);
    let of = |lines: &str| {
        checked(&format!(
            "vrrp_instance V {{\ninterface e\nvirtual_router_id 1\nvirtual_ipaddress {{\n192.0.2.1\n}}\nadvert_int 3\n\
             auth_hmac {{\n{lines}\n}}\n}}\n"
        ))
    };
    let (mut config, errors) = of(&format!("key 7 hex:{zeros}"));
    assert_eq!(errors, Vec::<String>::new());
    let hmac = config.instances.remove(0).auth_hmac.unwrap();
    assert_eq!((hmac.active_key, hmac.keys[0].secret.0.len()), (7, 32));
    let window = Duration::from_secs(9);
    assert_eq!(hmac.anti_replay, super::super::model::AntiReplay::Time { window });
    assert!(!format!("{hmac:?}").contains("[0"), "a dump shows no key");
    for (lines, error) in [
        ("mode enforce".to_owned(), "`auth_hmac` has no key"),
        ("key 1 short".to_owned(), "key 1 has 5 bytes"),
        ("key 1 hex:0g".to_owned(), "this key is not hexadecimal"),
        (format!("key 1 hex:{zeros}\nkey 2 hex:{zeros}"), "`auth_hmac` has several keys"),
        (format!("key 1 hex:{zeros}\nactive_key 2"), "`active_key 2` is none of the keys"),
        ("key 1 file:/none".to_owned(), "cannot read the key file /none: entity not found"),
    ] {
        assert_eq!(of(&lines).1, [error], "{lines}");
    }
}

#[test]
fn an_interface_is_in_the_first_garp_group_that_names_it() {
    let text = "garp_group {\ngarp_interval 0.001\ngna_interval 0.000002\ninterface eth0\n}\n\
                garp_group {\ngarp_interval 1\ninterfaces {\neth0\neth1\neth2\n}\n}\n";
    let (config, errors) = checked(text);
    assert_eq!(errors, Vec::<String>::new());
    let [first, second] = &config.garp_groups[..] else { panic!("{:?}", config.garp_groups) };
    assert_eq!(first.interfaces, ["eth0"]);
    let gaps = (Duration::from_millis(1), Duration::from_micros(2));
    assert_eq!((first.garp_interval, first.gna_interval), gaps);
    assert_eq!(
        (&second.interfaces[..], second.gna_interval),
        (&["eth1".to_owned(), "eth2".to_owned()][..], Duration::ZERO)
    );
    assert_eq!(checked("garp_group {\ngarp_interval 1\n}\n").1, ["`garp_group` has no interface"]);
}

#[test]
fn delays_of_interfaces_end_before_a_backup_takes_over() {
    let text = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n\
                interface_up_down_delays {\neth0 5 1\neth1 0.5\n}\n";
    let (config, errors) = checked(text);
    assert_eq!(errors, Vec::<String>::new());
    let delays: Vec<(Duration, Duration)> =
        config.interface_delays.iter().map(|delay| (delay.down, delay.up)).collect();
    let millis = Duration::from_millis;
    // Two intervals of a second, less the margin.
    assert_eq!(delays, [(millis(1990), millis(1000)), (millis(500), millis(500))]);
}
