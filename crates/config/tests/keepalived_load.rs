//! Whole files, from disk to types.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::diagnostic::Severity;
use config::keepalived::{Auth, Broadcast, Config, InitialState, Loaded, Options, Scope, Version, load};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/keepalived").join(name)
}

fn loaded(name: &str, id: &str) -> Loaded {
    let options = Options {
        config_id: Some(id.to_owned()),
        environment: BTreeMap::from([("SITE".to_owned(), "north".to_owned())]),
        random_seed: 0,
    };
    load(&path(name), &options)
}

/// The configuration and its findings, each as `severity line: message`.
fn good(name: &str, id: &str) -> (Config, Vec<String>) {
    let Loaded { config, sources, diagnostics } = loaded(name, id);
    let found: Vec<String> = diagnostics
        .iter()
        .map(|d| {
            let line = d.span.map_or(0, |span| sources.line_column(span).0);
            format!("{:?} {line}: {}", d.severity, d.message)
        })
        .collect();
    (config.unwrap_or_else(|| panic!("{name}: {found:?}")), found)
}

const NO_FULL_PATH: &str = "Warning 3: script `pkill` is found by path search: please specify the full path";
const NO_SECURITY: &str = "Notice 3: scripts are being executed but script_security is not enabled";
const REACH: &str = "Notice 28: when `chk_lbd` fails, `VI_1` goes from priority 100 to 80";

#[test]
fn the_pair_of_nodes_loads_with_advice_only() {
    for (name, state, priority) in
        [("node1.conf", InitialState::Master, 100), ("node2.conf", InitialState::Backup, 90)]
    {
        let (config, found) = good(name, "any");
        let mut expected = vec![NO_FULL_PATH, NO_SECURITY];
        if state == InitialState::Master {
            expected.push(REACH);
        }
        assert_eq!(found, expected, "{name}");
        let [script] = &config.scripts[..] else { panic!("{:?}", config.scripts) };
        assert_eq!(script.script.argv, ["pkill", "-0", "lbd"]);
        assert_eq!(script.script.raw, "pkill -0 lbd");
        assert_eq!((script.interval, script.timeout), (Duration::from_secs(2), Duration::from_secs(2)));
        assert_eq!((script.fall, script.rise, script.weight), (2, 1, -20));
        let [instance] = &config.instances[..] else { panic!("{:?}", config.instances) };
        assert_eq!((instance.state, instance.priority), (state, priority));
        assert_eq!((instance.name.as_str(), instance.interface.as_str()), ("VI_1", "eth0"));
        assert_eq!((instance.virtual_router_id, instance.version), (51, Version::V2));
        assert_eq!(instance.advert_int, Duration::from_secs(1));
        assert_eq!(instance.auth, Some(Auth::Pass(*b"1111\0\0\0\0")));
        let [vip] = &instance.virtual_ipaddress[..] else { panic!("{instance:?}") };
        assert_eq!(vip.addr, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)));
        assert_eq!((vip.prefix_len, vip.dev.as_str(), vip.scope), (32, "eth0", Scope::Global));
        assert_eq!((&vip.label, vip.broadcast), (&None, Broadcast::None));
        let [tracked] = &instance.track_script[..] else { panic!("{instance:?}") };
        assert_eq!((tracked.name.as_str(), tracked.weight), ("chk_lbd", -20));
    }
}

#[test]
fn what_is_not_written_has_keepaliveds_default() {
    let (config, _) = good("node1.conf", "any");
    let instance = &config.instances[0];
    assert!(instance.preempt && instance.accept);
    assert!(!instance.strict_mode && !instance.lower_prio_no_advert);
    assert_eq!(instance.preempt_delay, Duration::ZERO);
    assert_eq!(instance.down_timer_adverts, 3);
    assert_eq!(instance.unicast_ttl, 255);
    assert_eq!(instance.vip_lease, None);
    assert_eq!((instance.garp.master_delay, instance.garp.master_repeat), (Duration::from_secs(5), 5));
    assert_eq!(instance.garp.master_refresh, Duration::ZERO);
    assert_eq!(instance.garp.master_refresh_repeat, 1);
    assert!(instance.notify.commands().next().is_none());
}

#[test]
fn version_3_in_tenths_of_a_second_with_the_health_of_lbd_loads_without_a_word() {
    let (config, found) = good("fast.conf", "any");
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(config.global.router_id.as_deref(), Some("lb1"));
    assert!(config.global.enable_script_security);
    let user = config.global.script_user.as_ref().unwrap();
    assert_eq!((user.user.as_str(), user.group.as_deref()), ("nobody", Some("nogroup")));
    let [v4, v6] = &config.instances[..] else { panic!("{:?}", config.instances) };
    assert_eq!((v4.version, v4.advert_int), (Version::V3, Duration::from_millis(100)));
    assert_eq!((v4.state, v4.preempt), (InitialState::Backup, false));
    assert_eq!(v4.vip_lease, Some(Duration::from_secs(2)));
    assert_eq!(v4.virtual_ipaddress[0].label.as_deref(), Some("eth0:vip"));
    let lbd = v4.track_lbd.as_ref().unwrap();
    assert_eq!(lbd.socket, Path::new("/run/lbd/one.sock"));
    assert_eq!((lbd.weight, lbd.timeout), (-60, Duration::from_millis(120)));
    let notify = v4.notify.master.as_ref().unwrap();
    assert_eq!(notify.argv, ["/usr/local/bin/on-master", "VI_1"]);
    assert_eq!(notify.user.as_ref().map(|user| user.user.as_str()), Some("root"));
    let lbd = v6.track_lbd.as_ref().unwrap();
    assert_eq!(lbd.socket, Path::new("/run/lbd/heartbeat.sock"));
    assert_eq!((lbd.weight, lbd.timeout), (0, Duration::from_millis(80)));
    let lengths: Vec<u8> = v6.virtual_ipaddress.iter().map(|vip| vip.prefix_len).collect();
    assert_eq!(lengths, [128, 64]);
}

#[test]
fn a_distributions_sample_loads_and_says_what_has_no_effect() {
    let (config, found) = good("stock.conf", "any");
    let instance = &config.instances[0];
    assert!(instance.strict_mode && instance.skip_check_adv_addr && instance.lower_prio_no_advert);
    assert!(!instance.accept);
    assert_eq!(instance.auth, None);
    let warnings: Vec<&str> =
        found.iter().map(String::as_str).filter(|line| line.starts_with("Warning")).collect();
    assert_eq!(
        warnings,
        [
            "Warning 23: `vrrp_strict` allows no authentication: it is ignored",
            "Warning 33: `virtual_server` has no effect",
        ]
    );
}

#[test]
fn definitions_conditions_and_includes_make_one_file_for_both_nodes() {
    for (id, priority) in [("lb1", 100), ("lb2", 90)] {
        let (config, _) = good("main.conf", id);
        let instance = &config.instances[0];
        assert_eq!(instance.name, "VI_north");
        assert_eq!((instance.interface.as_str(), instance.virtual_router_id), ("eth0", 51));
        assert_eq!(instance.priority, priority, "{id}");
        assert_eq!(instance.virtual_ipaddress[0].prefix_len, 24);
        assert_eq!(instance.track_script[0].weight, -30);
        let notify = instance.notify.any.as_ref().unwrap();
        assert_eq!(notify.argv, ["/usr/local/bin/notify", "two words", "#1"]);
        let script = config.script("chk_lbd").unwrap();
        assert_eq!(
            (script.interval, script.timeout),
            (Duration::from_millis(500), Duration::from_millis(500))
        );
    }
    let Loaded { sources, .. } = loaded("main.conf", "lb1");
    let files: Vec<&Path> = sources.iter().map(|(_, file)| file.path.as_path()).collect();
    assert_eq!(files, [path("main.conf"), path("conf.d/chk.conf")]);
}

#[test]
fn carriage_returns_one_line_blocks_and_a_missing_last_line_end_load() {
    let (config, found) = good("crlf.conf", "any");
    assert_eq!(found, Vec::<String>::new());
    let vips: Vec<(String, u8, &str)> = config.instances[0]
        .virtual_ipaddress
        .iter()
        .map(|vip| (vip.addr.to_string(), vip.prefix_len, vip.dev.as_str()))
        .collect();
    assert_eq!(vips, [("192.0.2.1".to_owned(), 32, "eth0"), ("192.0.2.2".to_owned(), 24, "eth1")]);
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    let Loaded { config, diagnostics, .. } = loaded("none.conf", "any");
    assert!(config.is_none());
    let [found] = &diagnostics.0[..] else { panic!("{diagnostics:?}") };
    assert_eq!(found.severity, Severity::Error);
    assert!(found.message.starts_with("cannot read "), "{}", found.message);
}

#[test]
fn a_firewall_with_a_sync_group_loads_without_a_word() {
    let (config, found) = good("firewall.conf", "any");
    assert_eq!(found, Vec::<String>::new());
    let [inside, outside] = &config.instances[..] else { panic!("{:?}", config.instances) };
    let group = config.group_of("outside").unwrap();
    assert_eq!(
        (group.name.as_str(), &group.members[..]),
        ("firewall", &["inside".to_owned(), "outside".to_owned()][..])
    );
    let vips = |instance: &config::keepalived::VrrpInstance| -> Vec<String> {
        instance.virtual_ipaddress.iter().map(|vip| format!("{}/{}", vip.addr, vip.prefix_len)).collect()
    };
    assert_eq!(vips(inside), ["10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24"]);
    assert_eq!(vips(outside), ["198.51.100.7/24", "198.51.113.9/24"]);
    assert_eq!(inside.virtual_ipaddress[2].label.as_deref(), Some("lan0:3"));
    for instance in [inside, outside] {
        assert_eq!(instance.track_script[0].name, "uplink");
        assert_eq!((instance.track_file[0].name.as_str(), instance.track_file[0].weight), ("maintenance", 0));
        assert!(!instance.preempt && instance.notify.priority_changes);
        assert_eq!((instance.garp.lower_prio_repeat, instance.garp.master_repeat), (2, 5));
    }
    assert!(inside.notify.tell_deleted && !outside.notify.tell_deleted);
    assert!(
        !inside.higher_prio_send_advert && outside.higher_prio_send_advert && outside.owner_ignore_adverts
    );
    let hmac = inside.auth_hmac.as_ref().unwrap();
    assert_eq!((hmac.active_key, hmac.mode), (1, config::keepalived::HmacMode::Permissive));
    assert_eq!(config.scripts[0].opens.as_deref(), Some(Path::new("/run/uplink/alive")));
    let fifo = config.global.vrrp_notify_fifo.as_ref().unwrap();
    assert_eq!(fifo.script.as_ref().unwrap().argv, ["/usr/local/bin/listen", "--fifo"]);
    let delays: Vec<(Duration, Duration)> = config.interface_delays.iter().map(|d| (d.down, d.up)).collect();
    let millis = Duration::from_millis;
    assert_eq!(delays, [(millis(500), millis(500)), (millis(1000), millis(5000))]);
}
