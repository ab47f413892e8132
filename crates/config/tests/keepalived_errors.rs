//! What is wrong with a file, and on which line: tables of text and findings.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use config::diagnostic::{Diagnostics, Severity};
use config::keepalived::{Config, Options, parse};
use config::source::Sources;

/// Parses `text` with `files` to include.
fn parsed(text: &str, files: &[(&str, &str)]) -> (Option<Config>, Sources, Diagnostics) {
    let mut sources = Sources::new();
    let file = sources.add("/etc/keepalived/keepalived.conf", text);
    let files: BTreeMap<&Path, &str> = files.iter().map(|(path, text)| (Path::new(*path), *text)).collect();
    let read_file = |path: &Path| -> io::Result<Vec<u8>> {
        files.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    let (config, diagnostics) = parse(&mut sources, file, &Options::default(), &read_file);
    assert_eq!(config.is_none(), diagnostics.has_errors(), "{text}");
    (config, sources, diagnostics)
}

/// Findings of at least `severity` as `line: message`.
fn found(text: &str, severity: Severity) -> Vec<String> {
    let (_, sources, diagnostics) = parsed(text, &[]);
    diagnostics
        .iter()
        .filter(|d| d.severity >= severity)
        .map(|d| format!("{}: {}", d.span.map_or(0, |span| sources.line_column(span).0), d.message))
        .collect()
}

/// An instance with everything it needs, and `lines` after that from line 6 on.
fn instance(lines: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\npriority 100\n\
         virtual_ipaddress {{ 192.0.2.10 }}\n{lines}\n}}\n"
    )
}

#[test]
fn the_frame_of_these_tests_has_no_findings() {
    assert_eq!(found(&instance(""), Severity::Notice), Vec::<String>::new());
}

#[test]
fn errors_in_an_instance_point_at_their_line() {
    for (lines, expected) in [
        ("priorty 90", "6: unknown keyword `priorty` in vrrp_instance"),
        ("priority 256", "6: `priority` cannot be `256`"),
        ("priority", "6: `priority` needs a value"),
        ("virtual_router_id 0", "6: `virtual_router_id` cannot be `0`"),
        ("state master", "6: `state` cannot be `master`"),
        ("interface lo", "6: an instance cannot use the loopback interface"),
        ("interface a/b", "6: `a/b` cannot be the name of an interface"),
        ("advert_int 0", "6: `advert_int` cannot be `0`"),
        ("advert_int fast", "6: `advert_int` cannot be `fast`"),
        ("version 4", "6: `version` cannot be `4`"),
        ("version 3\nadvert_int 41", "7: `advert_int` is at most 40.95 seconds in version 3"),
        ("preempt_delay 1001", "6: `preempt_delay` cannot be `1001`"),
        ("down_timer_adverts 0", "6: `down_timer_adverts` cannot be `0`"),
        ("vip_lease 0.5", "6: `vip_lease` cannot be `0.5`"),
        ("strict_mode maybe", "6: `strict_mode` cannot be `maybe`"),
        ("authentication", "6: `authentication` needs a block"),
        ("priority {\n}", "6: `priority` takes no block"),
        ("authentication {\nauth_type AH\nauth_pass x\n}", "7: `auth_type AH` is not supported"),
        ("authentication {\nauth_type PASS\n}", "6: `authentication` has no password"),
        ("authentication {\nauth_pass 1111\n}", "6: `authentication` has no type"),
        ("authentication { auth_type MD5 auth_pass 1 }", "6: `auth_type` cannot be `MD5`"),
        ("use_vmac 1:2", "6: `use_vmac` cannot be `1:2`"),
        ("use_vmac group uplinks", "6: `use_vmac` cannot be `uplinks`"),
        ("use_vmac\nuse_ipvlan 192.0.2.11", "7: `use_vmac` and `use_ipvlan` exclude each other"),
        ("use_ipvlan 192.0.2.11\nuse_vmac", "7: `use_vmac` and `use_ipvlan` exclude each other"),
        ("use_ipvlan 192.0.2.300", "6: `use_ipvlan` cannot be `192.0.2.300`"),
        ("use_ipvlan ipv0", "6: `use_ipvlan` needs an address in an IPv4 instance"),
        ("use_ipvlan 2001:db8::1", "6: 2001:db8::1 is not an IPv4 address"),
        (
            "use_ipvlan 192.0.2.11\nunicast_src_ip 192.0.2.1\nunicast_peer {\n192.0.2.2\n}",
            "7: `unicast_src_ip` is not the address of `use_ipvlan`",
        ),
        ("track_bfd {\nx\n}", "6: `track_bfd` is not supported yet"),
        ("virtual_ipaddress {\n192.0.2\n}", "7: `192.0.2` is not an address"),
        ("virtual_ipaddress {\n192.0.2.1/33\n}", "7: `192.0.2.1/33` is not an address"),
        ("virtual_ipaddress {\n192.0.2.1 lable x\n}", "7: unknown address option `lable`"),
        ("virtual_ipaddress {\n2001:db8::1\n}", "7: all addresses of an instance are IPv4, or all are IPv6"),
        (
            "virtual_ipaddress {\n192.0.2.1 valid_lft 0\n}",
            "7: address option `valid_lft` is not supported yet",
        ),
        ("unicast_peer {\n2001:db8::1\n}", "7: 2001:db8::1 is not an IPv4 address"),
        ("unicast_peer {\npeer\n}", "7: `peer` is not an IP address"),
        ("unicast_peer {\n192.0.2.3 min_ttl\n}", "7: `min_ttl` is not expected after a peer"),
        ("unicast_peer {\n192.0.2.3 min_ttl 256\n}", "7: `min_ttl` cannot be `256`"),
        ("track_script {\nchk\n}", "7: there is no vrrp_script `chk`"),
        ("track_process {\nlbd\n}", "7: there is no vrrp_track_process `lbd`"),
        ("track_interface {\neth1 weight 300\n}", "7: `weight` cannot be `300`"),
        ("track_interface {\neth1 wait 3\n}", "7: `wait` is not expected after `eth1`"),
        ("track_lbd {\nweight 254\n}", "7: `weight` cannot be `254`"),
        ("notify \"'x\"", "6: a quote inside the command is not closed"),
        ("notify \"x", "6: this quote is not closed on its line"),
    ] {
        let text = instance(lines);
        let errors = found(&text, Severity::Error);
        assert!(errors.iter().any(|line| line == expected), "{lines}: {errors:?}");
    }
}

#[test]
fn each_mistake_makes_exactly_one_error() {
    for lines in [
        "priorty 90",
        "priority 256",
        "state master",
        "virtual_ipaddress {\n192.0.2.1 lable\n}",
        "track_script {\nchk\n}",
        "authentication {\nauth_type AH\nauth_pass x\n}",
        "virtual_ipaddress {\n192.0.2.1 peer 2001:db8::2\n}",
        "use_vmac\nuse_ipvlan",
        "use_ipvlan 192.0.2.300",
        "use_ipvlan 2001:db8::1",
    ] {
        let errors = found(&instance(lines), Severity::Error);
        assert_eq!(errors.len(), 1, "{lines}: {errors:?}");
    }
}

#[test]
fn all_errors_of_a_file_come_in_one_run_and_in_order() {
    let text = "vrrp_script a {\n weight 300\n}\nglobal_defs {\n bogus\n}\nvrrp_instance V {\n state X\n}\n";
    assert_eq!(
        found(text, Severity::Error),
        [
            "1: vrrp_script `a` has no `script`",
            "2: `weight` cannot be `300`",
            "5: unknown keyword `bogus` in global_defs",
            "7: vrrp_instance `V` has no `interface`",
            "7: vrrp_instance `V` has no `virtual_router_id`",
            "8: `state` cannot be `X`",
        ]
    );
}

#[test]
fn errors_outside_instances_point_at_their_line() {
    for (text, expected) in [
        ("vrrp_instanse A {\n}", "1: unknown keyword `vrrp_instanse` at the top level"),
        ("}\n", "1: this `}` closes nothing"),
        ("\nglobal_defs {\n", "2: this block is not closed"),
        ("vrrp_instance A {\nvrrp_script b {\n}\n", "1: this block is not closed"),
        ("vrrp_instance {\n}", "1: `vrrp_instance` needs a value"),
        ("vrrp_script a {\nscript \"\"\n}", "2: the command is empty"),
        ("vrrp_script a {\nscript \"/bin/true\"\n}\nvrrp_script a {\n}", "4: there are two `vrrp_script a`"),
        ("vrrp_track_process p {\nquorum 1\n}", "1: vrrp_track_process `p` has no `process`"),
        ("track_file f {\nweight 1\n}", "1: track_file `f` has no `file`"),
        ("global_defs {\nnotify_fifo_script \"/bin/x\"\n}", "2: `notify_fifo_script` has no FIFO to read"),
        ("a \\\nb", "1: this line cannot go on in the next one"),
        ("~SEQ(i, 1, 0, 3) b $i", "1: this sequence never gets to its end"),
        ("~LST(i) b $i", "1: expected ~LST(VAR, VALUE, ...) or ~LST({VAR, VAR}, {VALUE, VALUE}, ...)"),
        ("~SEQ(a,65536) ~SEQ(b,65536) ${none}", "1: repetitions make more than 131072 lines"),
        ("$A=${A}\n${A}", "2: this definition refers to itself, or to far too many others"),
        ("includer missing.conf", "1: cannot read /etc/keepalived/missing.conf: entity not found"),
    ] {
        let errors = found(text, Severity::Error);
        assert!(errors.iter().any(|line| line == expected), "{text}: {errors:?}");
    }
}

#[test]
fn two_instances_are_never_the_same_virtual_router() {
    let one = instance("");
    let errors = found(&format!("{one}{}", one.replace("VI_1", "VI_2")), Severity::Error);
    assert_eq!(errors, ["8: virtual_router_id 51 is used twice on eth0"]);
    let errors = found(&format!("{one}{}", one.replace("51", "52")), Severity::Error);
    assert_eq!(errors, ["8: there are two `vrrp_instance VI_1`"]);
    let other = one.replace("VI_1", "VI_6").replace("192.0.2.10", "2001:db8::10");
    assert_eq!(found(&format!("{one}{other}"), Severity::Error), Vec::<String>::new());
}

#[test]
fn interfaces_that_the_kernel_makes_on_one_interface_are_of_one_kind_and_have_a_name_each() {
    let both = |first: &str, second: &str| {
        let second = instance(second).replace("VI_1", "VI_2").replace("_id 51", "_id 52");
        found(&format!("{}{second}", instance(first)), Severity::Error)
    };
    let mixed = "13: eth0 cannot have `use_vmac` and `use_ipvlan` side by side";
    for (first, second, expected) in [
        ("use_vmac", "use_vmac", None),
        ("use_ipvlan 192.0.2.1", "use_ipvlan 192.0.2.2", None),
        ("use_vmac", "use_ipvlan 192.0.2.2", Some(mixed)),
        ("use_ipvlan 192.0.2.1", "use_vmac", Some(mixed)),
        (
            "use_ipvlan 192.0.2.1",
            "use_ipvlan 192.0.2.2 vepa",
            Some("13: eth0 cannot have ipvlans of different modes"),
        ),
        ("use_vmac v", "use_vmac v", Some("13: the interface `v` would be made twice")),
    ] {
        assert_eq!(both(first, second), Vec::from_iter(expected), "{first}, {second}");
    }
}

#[test]
fn what_is_probably_not_meant_is_a_warning_or_a_notice() {
    let script = "vrrp_script c {\nscript \"/bin/c\"\n}\n";
    for (text, expected) in [
        (instance("advert_int 0.1"), "6: version 2 counts whole seconds: `advert_int` is 1"),
        (instance("advert_int 1.5"), "6: version 2 counts whole seconds: `advert_int` is 2"),
        (
            instance("version 3\nadvert_int 0.123"),
            "7: version 3 counts hundredths of a second: `advert_int` is 0.12",
        ),
        (
            instance("version 3\nauthentication { auth_type PASS auth_pass 1 }"),
            "7: version 3 has no authentication: it is ignored",
        ),
        (
            instance("authentication {\nauth_type PASS\nauth_pass 123456789\n}"),
            "8: only the first 8 bytes of `auth_pass` are used",
        ),
        (instance("state MASTER\nnopreempt"), "7: `nopreempt` has no effect with `state MASTER`"),
        (instance("state MASTER\npreempt_delay 5"), "7: `preempt_delay` has no effect with `state MASTER`"),
        (instance("nopreempt\npreempt_delay 5"), "7: `preempt_delay` has no effect with `nopreempt`"),
        (instance("smtp_alert"), "6: `smtp_alert` has no effect"),
        (
            instance("use_ipvlan 192.0.2.11\nvmac_xmit_base"),
            "6: `vmac_xmit_base` has no effect with `use_ipvlan`",
        ),
        (
            instance("state MASTER\ntrack_interface {\neth1 weight 30\neth2 weight -20\n}"),
            "8: when `eth1` fails, `VI_1` goes from priority 130 to 100",
        ),
        (
            instance("state MASTER\ntrack_interface {\neth1 weight 30\neth2 weight -20\n}"),
            "9: when `eth2` fails, `VI_1` goes from priority 130 to 110",
        ),
        (instance("priority 255"), "1: `VI_1` has priority 255: it starts as MASTER, whatever else is there"),
        (instance("virtual_ipaddress {\n192.0.2.10\n}"), "7: 192.0.2.10 stands here twice"),
        (instance("track_interface { eth1 eth1 }"), "6: `eth1` is tracked twice"),
        (instance("state BACKUP now"), "6: `state` does not use `now`"),
        (
            instance("track_interface { eth1 weight 200 }"),
            "1: priority and weights of `VI_1` add up to 300: it stops at 254",
        ),
        (
            instance("track_interface { eth1 weight -200 }"),
            "1: priority and weights of `VI_1` add up to -100: it stops at 1",
        ),
        (
            instance("priority 255\ntrack_lbd { weight -20 }"),
            "1: weights have no effect on `VI_1`: priority 255 is never changed",
        ),
        (
            instance("strict_mode"),
            "1: `vrrp_strict`: the virtual addresses of `VI_1` answer no ping and no connection",
        ),
        (script.to_owned(), "2: scripts are being executed but script_security is not enabled"),
        (
            script.replace("/bin/c", "c"),
            "2: script `c` is found by path search: please specify the full path",
        ),
        (script.replace("}", "timeout 9\n}"), "1: vrrp_script `c` may run longer than its interval"),
        (script.replace("}", "interval 0\n}"), "3: `interval 0` means 1 second"),
        (script.replace("\"/bin/c\"", "/bin/c -x"), "2: `script` does not use `-x`"),
        (format!("{script}{}", instance("track_script {\nc weight 254\n}")), "10: weight 254 is read as 253"),
        ("global_defs {\nlvs_flush\n}".to_owned(), "2: `lvs_*` has no effect"),
        ("bfd_instance b {\n}".to_owned(), "1: `bfd_instance` has no effect"),
        (
            "vrrp_instance V {\ninterface e\nvirtual_router_id 1\n}".to_owned(),
            "1: vrrp_instance `V` has no `priority`: it is 100",
        ),
        (
            "vrrp_instance V {\ninterface e\nvirtual_router_id 1\n}".to_owned(),
            "1: vrrp_instance `V` has no virtual address",
        ),
        (String::new(), "1: there is no `vrrp_instance`: vrrpd has nothing to do"),
    ] {
        let advice = found(&text, Severity::Notice);
        assert!(advice.iter().any(|line| line == expected), "{text}: {advice:?}");
        assert_eq!(found(&text, Severity::Error), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_help_names_the_nearest_keyword_or_the_block_it_belongs_to() {
    for (text, expected) in [
        (instance("priorty 90"), "did you mean `priority`?"),
        (instance("router_id x"), "`router_id` stands in global_defs; is a `}` missing or misplaced?"),
        ("priority 5".to_owned(), "`priority` stands in vrrp_instance; is a `}` missing or misplaced?"),
        (
            format!(
                "vrrp_script chk_lbd {{\nscript \"/bin/x\"\n}}\n{}",
                instance("track_script {\nchk_ldb\n}")
            ),
            "did you mean `chk_lbd`?",
        ),
    ] {
        let (_, _, diagnostics) = parsed(&text, &[]);
        let error = diagnostics.iter().find(|d| d.severity == Severity::Error).unwrap();
        assert_eq!(error.help.as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn lvs_and_other_foreign_parts_warn_once_each() {
    let text = format!(
        "global_defs {{\nlvs_flush\nlvs_sync_daemon eth0 VI_1\nchecker_priority 1\n}}\n\
         virtual_server 192.0.2.1 80 {{\n}}\nvirtual_server 192.0.2.2 80 {{\n}}\n{}",
        instance("")
    );
    let warnings = found(&text, Severity::Warning);
    let expected =
        ["2: `lvs_*` has no effect", "4: `checker_*` has no effect", "6: `virtual_server` has no effect"];
    assert_eq!(warnings, expected);
}

#[test]
fn a_whole_instance_on_one_line_is_the_same_as_on_many() {
    let many = instance(
        "state BACKUP\nauthentication {\nauth_type PASS\nauth_pass 1111\n}\ntrack_interface {\neth1 weight 5\neth2\n}",
    );
    let one = "vrrp_instance VI_1 { interface eth0 virtual_router_id 51 priority 100 \
               virtual_ipaddress { 192.0.2.10 } state BACKUP authentication { auth_type PASS auth_pass 1111 } \
               track_interface { eth1 weight 5 eth2 } }";
    let (many, one) = (parsed(&many, &[]).0.unwrap(), parsed(one, &[]).0.unwrap());
    let (many, one) = (&many.instances[0], &one.instances[0]);
    assert_eq!((many.state, many.priority, many.auth), (one.state, one.priority, one.auth));
    assert_eq!(many.virtual_ipaddress[0].addr, one.virtual_ipaddress[0].addr);
    let weights = |instance: &config::keepalived::VrrpInstance| -> Vec<(String, i16)> {
        instance.track_interface.iter().map(|t| (t.name.clone(), t.weight)).collect()
    };
    assert_eq!(weights(many), weights(one));
    assert_eq!(weights(one), [("eth1".to_owned(), 5), ("eth2".to_owned(), 0)]);
}

#[test]
fn values_of_global_defs_reach_the_instances_that_do_not_set_them() {
    let globals = "global_defs {\nvrrp_version 3\nvrrp_garp_master_repeat 2\nvip_lease 3\n\
                   vrrp_down_timer_adverts 5\n}\n";
    let text = format!("{globals}{}", instance("garp_master_delay 1\nvip_lease 0"));
    let config = parsed(&text, &[]).0.unwrap();
    let instance = &config.instances[0];
    assert_eq!(instance.version, config::keepalived::Version::V3);
    assert_eq!(instance.garp.master_repeat, 2);
    assert_eq!(instance.garp.master_delay.as_secs(), 1);
    assert_eq!(instance.vip_lease.map(|lease| lease.as_secs()), Some(0));
    assert_eq!(instance.down_timer_adverts, 5);
}

#[test]
fn an_included_file_is_read_in_place_and_never_in_a_circle() {
    let files = [
        ("/etc/keepalived/id.conf", "virtual_router_id 9\n"),
        ("/etc/keepalived/a.conf", "include a.conf\n"),
    ];
    let text = instance("include id.conf");
    let (config, ..) = parsed(&text, &files);
    assert_eq!(config.unwrap().instances[0].virtual_router_id, 9);
    let (_, _, diagnostics) = parsed("include a.conf", &files);
    let messages: Vec<&str> = diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert!(messages.contains(&"including /etc/keepalived/a.conf does not end"), "{messages:?}");
    let (config, _, diagnostics) = parsed(&instance("include none.conf"), &files);
    assert!(config.is_some() && diagnostics.has_warnings());
}
