//! Directive by directive: what is read, and what is refused.

mod support;

use std::time::Duration;

use config::haproxy::{
    Balance, BindAddress, ConnectionMode, Expect, Facility, HeaderRule, Heartbeat, HttpReuse, Level,
    LogFormat, Redispatch, ServerAddress, SyslogFormat,
};
use support::{config, errors, notices, parse_in, proxy, warnings};

fn seconds(n: u64) -> Option<Duration> {
    Some(Duration::from_secs(n))
}

/// The only error of a section with this header and this one line.
fn error(header: &str, line: &str) -> String {
    let found = errors(&format!("{header}\n{line}\n"));
    assert_eq!(found.len(), 1, "{line}: {found:?}");
    found[0].clone()
}

#[test]
fn timeouts_take_a_time_and_zero_is_never() {
    let p = proxy(
        "listen l",
        "timeout connect 1s\ntimeout client 2s\ntimeout server 3000\ntimeout http-request 4s\n\
         timeout http-keep-alive 5s\ntimeout queue 6s\ntimeout tunnel 1m\ntimeout client-fin 7s\n\
         timeout server-fin 8s\ntimeout check 9s",
    );
    let t = p.timeouts;
    assert_eq!((t.connect, t.client, t.server), (seconds(1), seconds(2), seconds(3)));
    assert_eq!((t.http_request, t.http_keep_alive, t.queue), (seconds(4), seconds(5), seconds(6)));
    assert_eq!(
        (t.tunnel, t.client_fin, t.server_fin, t.check),
        (seconds(60), seconds(7), seconds(8), seconds(9))
    );
    assert_eq!(proxy("frontend f", "bind :80\ntimeout client 0").timeouts.client, None);
    assert_eq!(warnings("frontend f\n bind :80\n timeout client 0\n"), [""; 0], "never was asked for");
    for (line, message) in [
        ("timeout client", "2:15 'timeout client' needs a time"),
        ("timeout client 5s 6s", "2:19 'timeout client' does not take '6s'"),
        ("timeout client 5 s", "2:16 the unit 's' has to touch its number"),
        ("timeout client 5q", "2:17 'timeout client' does not take '5q'"),
        ("timeout clinet 5s", "2:9 there is no 'timeout clinet' in 'frontend'"),
        ("clitimeout 5s", "2:1 'clitimeout' was removed from HAProxy"),
    ] {
        assert_eq!(error("frontend f", line), message);
    }
}

#[test]
fn balance_knows_its_algorithms() {
    for (line, expected) in [
        ("balance", Balance::RoundRobin),
        ("balance roundrobin", Balance::RoundRobin),
        ("balance static-rr", Balance::StaticRr),
        ("balance leastconn", Balance::LeastConn),
        ("balance random", Balance::Random { draws: 2 }),
        ("balance random(3)", Balance::Random { draws: 3 }),
        ("balance first", Balance::First),
        ("balance source", Balance::Source),
    ] {
        assert_eq!(proxy("backend b", line).balance, expected, "{line}");
    }
    for (line, message) in [
        ("balance uri", "2:9 'balance uri' is not yet supported"),
        ("balance hdr(host)", "2:9 'balance hdr' is not yet supported"),
        ("balance random(0)", "2:9 'random(0)' is not a balancing algorithm"),
        ("balance leastcon", "2:9 'leastcon' is not a balancing algorithm"),
        ("balance source x", "2:16 'balance' does not take 'x'"),
    ] {
        assert_eq!(error("backend b", line), message);
    }
}

#[test]
fn options_switch_on_and_off_and_fall_back() {
    let on = proxy(
        "listen l",
        "mode http\noption abortonclose\noption allbackups\noption dontlognull\noption dontlog-normal\n\
         option http-ignore-probes\noption log-health-checks\noption keep-header-case",
    );
    assert!(on.abortonclose && on.allbackups && on.dontlognull && on.dontlog_normal);
    assert!(on.http_ignore_probes && on.log_health_checks && on.keep_header_case);
    let text = "defaults\n option dontlognull\nlisten l\n no option dontlognull\n";
    assert!(!config(text).proxies[0].dontlognull);

    for (lines, expected) in [
        ("", Redispatch::Default),
        ("option redispatch", Redispatch::On(-1)),
        ("option redispatch 1", Redispatch::On(1)),
        ("option redispatch -2", Redispatch::On(-2)),
        ("option redispatch 0", Redispatch::Off),
        ("no option redispatch", Redispatch::Off),
        ("no option redispatch\ndefault option redispatch", Redispatch::Default),
    ] {
        assert_eq!(proxy("backend b", lines).redispatch, expected, "{lines}");
    }
    for (lines, expected) in [
        ("", ConnectionMode::KeepAlive),
        ("option http-server-close", ConnectionMode::ServerClose),
        ("option httpclose\noption http-server-close", ConnectionMode::ServerClose),
        ("option httpclose\nno option http-server-close", ConnectionMode::Close),
        ("option httpclose\nno option httpclose", ConnectionMode::KeepAlive),
        ("option httpclose\noption http-keep-alive", ConnectionMode::KeepAlive),
    ] {
        assert_eq!(proxy("listen l", lines).connection, expected, "{lines}");
    }
    for (line, message) in [
        ("option", "2:7 'option' needs to say what"),
        ("option httplo", "2:8 there is no 'option httplo' in 'listen'"),
        ("option tcpka", "2:1 'option tcpka' is not yet supported"),
        ("option forceclose", "2:1 'option forceclose' was removed from HAProxy"),
        ("option dontlognull x", "2:20 'option dontlognull' does not take 'x'"),
        ("no timeout client", "2:1 'no' cannot stand before 'timeout client'"),
        ("option httplog clf", "2:16 the 'clf' log format is not yet supported"),
    ] {
        assert_eq!(error("listen l", line), message);
    }
    assert_eq!(errors("listen l\n no option tcpka\n"), [""; 0], "what is not there can be turned off");
}

#[test]
fn forwardfor_has_a_header_and_an_exception() {
    let default = proxy("listen l", "mode http\noption forwardfor").forwardfor.unwrap();
    assert_eq!((default.header.as_str(), default.except, default.if_none), ("x-forwarded-for", None, false));
    let full = "mode http\noption forwardfor except 2001:db8::/32 header X-Client if-none";
    let full = proxy("listen l", full).forwardfor.unwrap();
    assert_eq!(full.header, "x-client");
    assert_eq!(full.except, Some(("2001:db8::".parse().unwrap(), 32)));
    assert!(full.if_none);
    for (network, expected) in [
        ("10.0.0.0/8", Some(8)),
        ("10.0.0.0/255.255.0.0", Some(16)),
        ("10.0.0.1", Some(32)),
        ("::1", Some(128)),
    ] {
        let p = proxy("listen l", &format!("mode http\noption forwardfor except {network}"));
        assert_eq!(p.forwardfor.unwrap().except.map(|(_, length)| length), expected, "{network}");
    }
    for bad in ["10.0.0.0/33", "10.0.0.0/255.0.255.0", "ten", "::1/255.0.0.0"] {
        error("listen l", &format!("option forwardfor except {bad}"));
    }
}

#[test]
fn numbers_and_names_of_a_proxy() {
    let p = proxy(
        "listen l",
        "id 7\ndescription one two\nmaxconn 10\nbacklog 20\nfullconn 30\nretries 0\nhttp-reuse always\n\
         mode http\nmonitor-uri /alive\ndisabled",
    );
    assert_eq!((p.id, p.description.as_deref(), p.retries), (7, Some("one two"), 0));
    assert_eq!((p.maxconn, p.backlog, p.fullconn), (Some(10), Some(20), Some(30)));
    assert_eq!(
        (p.http_reuse, p.monitor_uri.as_deref(), p.disabled),
        (HttpReuse::Always, Some("/alive"), true)
    );
    assert_eq!(proxy("listen l", "maxconn 0").maxconn, None);
    for (line, message) in [
        ("retries -1", "2:9 'retries' does not take '-1'"),
        ("maxconn 4k", "2:9 'maxconn' does not take '4k'"),
        ("maxconn many", "2:9 'maxconn' does not take 'many'"),
        ("mode htpp", "2:6 'htpp' is not a mode"),
        ("mode log", "2:6 'mode log' is not yet supported"),
        ("http-reuse sometimes", "2:12 'sometimes' is not a way to reuse connections"),
        ("id 0", "2:4 'id' does not take '0'"),
        ("nbthread 2", "2:1 'nbthread' does not belong in 'listen'"),
        ("reqrep a b", "2:1 'reqrep' was removed from HAProxy"),
        ("acl a path /", "2:1 'acl' is not yet supported"),
        ("defualt_backend x", "2:1 'defualt_backend' is not known in 'listen'"),
    ] {
        assert_eq!(error("listen l", line), message);
    }
}

#[test]
fn bind_lines_become_one_listener_an_address_and_port() {
    let p = proxy(
        "frontend f",
        "bind :80,[::1]:8000-8002 name web maxconn 5 backlog 6 v4v6 interface eth0\nbind unix@/run/f.sock mode 660\n\
         bind ipv6@:81 v6only",
    );
    let addresses: Vec<_> = p.binds.iter().map(|bind| bind.address.clone()).collect();
    let tcp = |text: &str| BindAddress::Tcp(text.parse().unwrap());
    assert_eq!(
        addresses,
        [
            tcp("0.0.0.0:80"),
            tcp("[::1]:8000"),
            tcp("[::1]:8001"),
            tcp("[::1]:8002"),
            BindAddress::Unix("/run/f.sock".into()),
            tcp("[::]:81")
        ]
    );
    let first = &p.binds[0];
    assert_eq!((first.name.as_deref(), first.maxconn, first.backlog), (Some("web"), Some(5), Some(6)));
    assert_eq!((first.v4v6, first.interface.as_deref()), (true, Some("eth0")));
    assert_eq!(p.binds[4].unix_mode, Some(0o660));
    assert!(p.binds[5].v6only);
    for (line, message) in [
        ("bind", "2:5 'bind' needs an address"),
        ("bind 192.0.2.1", "2:6 '192.0.2.1' has no port"),
        ("bind :80 maxcon 5", "2:10 'maxcon' is not an option of 'bind'"),
        ("bind :80 maxconn", "2:10 'maxconn' needs a number"),
        ("bind :80 mode 8", "2:15 'mode' does not take '8'"),
        ("bind :443 ssl crt /x.pem alpn h2", "2:11 TLS ('ssl') is not yet supported"),
        ("bind :80 accept-proxy", "2:10 'accept-proxy' on a 'bind' line is not yet supported"),
    ] {
        assert_eq!(error("frontend f", line), message);
    }
    assert_eq!(errors("frontend f\n bind :x,:80,:y maxcon 1\n").len(), 3, "all mistakes of a line");
}

#[test]
fn servers_take_their_arguments_over_default_server() {
    let p = proxy(
        "backend b",
        "default-server check inter 3s fall 5 weight 10 maxconn 7\n\
         server a 192.0.2.1:80\n\
         server b app.example.org:81 no-check weight 0 backup disabled maxqueue 9 cookie c1\n\
         server c /run/app.sock id 9 inter 1s fastinter 500ms downinter 4s rise 4 port 8080 addr 192.0.2.9",
    );
    let [a, b, c] = p.servers.as_slice() else { panic!("three servers") };
    let check = a.check.as_ref().unwrap();
    assert_eq!((Some(check.inter), check.fall, check.rise), (seconds(3), 5, 2));
    assert_eq!((a.weight, a.maxconn, a.id, a.backup), (10, Some(7), 1, false));
    assert_eq!(b.address, ServerAddress::Name { host: "app.example.org".into(), port: 81 });
    assert_eq!((b.check.is_none(), b.weight, b.backup, b.disabled), (true, 0, true, true));
    assert_eq!((b.maxqueue, b.cookie.as_deref(), b.id), (Some(9), Some("c1"), 2));
    assert_eq!((c.address.clone(), c.id), (ServerAddress::Unix("/run/app.sock".into()), 9));
    let check = c.check.as_ref().unwrap();
    assert_eq!(
        (Some(check.inter), check.fastinter, Some(check.downinter)),
        (seconds(1), Duration::from_millis(500), seconds(4))
    );
    assert_eq!((check.rise, check.port, check.addr), (4, Some(8080), Some("192.0.2.9".parse().unwrap())));
    let addr =
        proxy("backend b", "server a 192.0.2.1:80 check addr 192.0.2.9:81").servers[0].check.clone().unwrap();
    assert_eq!((addr.addr, addr.port), (Some("192.0.2.9".parse().unwrap()), Some(81)));
    for (line, message) in [
        ("server", "2:7 'server' needs a name"),
        ("server a", "2:9 'server' needs an address"),
        (
            "server a 192.0.2.1",
            "2:10 a server without a port, which keeps the client's port, is not yet supported",
        ),
        ("server a/b 192.0.2.1:80", "2:9 the character '/' cannot be in a name"),
        ("server a 192.0.2.1:80 chekc", "2:23 'chekc' is not an argument of a server"),
        ("server a 192.0.2.1:80 check intr 5s", "2:29 'intr' is not an argument of a server"),
        ("server a 192.0.2.1:80 check inter 0", "2:35 'inter' cannot be 0"),
        ("server a 192.0.2.1:80 check inter 5 s", "2:35 the unit 's' has to touch its number"),
        ("server a 192.0.2.1:80 check fall 0", "2:34 'fall' does not take '0'"),
        ("server a 192.0.2.1:80 weight 300", "2:30 'weight' does not take '300'"),
        ("server a 192.0.2.1:80 ssl", "2:23 'ssl' on a server is not yet supported"),
        ("server a 192.0.2.1:80 slowstart 5s", "2:23 'slowstart' on a server is not yet supported"),
        (
            "server a 192.0.2.1:80 set-proxy-v2-tlv-fmt(0xE1) %[src]",
            "2:23 'set-proxy-v2-tlv-fmt' on a server is not yet supported",
        ),
        ("server a 192.0.2.1:80 addr app", "2:28 'addr' does not take 'app'"),
        ("default-server", "2:15 'default-server' needs server arguments"),
        ("default-server id 3", "2:16 'id' cannot be the same for all servers"),
    ] {
        assert_eq!(error("backend b", line), message);
    }
}

#[test]
fn http_checks_come_from_the_option_and_from_send_and_expect() {
    let check = |lines: &str| proxy("backend b", lines).http_check.unwrap();
    for (line, method, uri, version) in [
        ("option httpchk", "OPTIONS", "/", "HTTP/1.0"),
        ("option httpchk /x", "OPTIONS", "/x", "HTTP/1.0"),
        ("option httpchk GET /x", "GET", "/x", "HTTP/1.0"),
        ("option httpchk GET /x HTTP/1.1", "GET", "/x", "HTTP/1.1"),
        ("option httpchk\nhttp-check send meth HEAD uri /y ver HTTP/1.1", "HEAD", "/y", "HTTP/1.1"),
        ("http-check send uri /y\noption httpchk GET /x", "GET", "/y", "HTTP/1.0"),
    ] {
        let c = check(line);
        assert_eq!((c.method.as_str(), c.uri.as_str(), c.version.as_str()), (method, uri, version), "{line}");
    }
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(check("option httpchk GET / HTTP/1.1 www").headers, [header("host", "www")]);
    let old = check(r"option httpchk GET / HTTP/1.1\r\nHost:\ www\r\nX-A:\ b");
    assert_eq!(
        (old.version.as_str(), old.headers),
        ("HTTP/1.1", vec![header("host", "www"), header("x-a", "b")])
    );
    let sent = check("option httpchk\nhttp-check send hdr Host www hdr X-A b body hello");
    assert_eq!(sent.headers, [header("host", "www"), header("x-a", "b")]);
    assert_eq!(sent.body.as_deref(), Some("hello"));

    let status = |ranges: &[(u16, u16)], negate| Expect::Status { ranges: ranges.to_vec(), negate };
    for (line, expected) in [
        ("http-check expect status 200", status(&[(200, 200)], false)),
        ("http-check expect status 200,204,300-399", status(&[(200, 200), (204, 204), (300, 399)], false)),
        ("http-check expect ! status 500-599", status(&[(500, 599)], true)),
    ] {
        assert_eq!(check(&format!("option httpchk\n{line}")).expect, expected, "{line}");
    }
    assert!(check("option httpchk\nhttp-check disable-on-404").disable_on_404);
    assert!(proxy("backend b", "option httpchk\noption tcp-check").http_check.is_none());
    for (line, message) in [
        ("option httpchk GET / HTTP/3", "2:22 'HTTP/3' is not an HTTP version"),
        ("option httpchk GET / HTTP/1.0 a b", "2:33 'option httpchk' does not take 'b'"),
        ("option httpchk 'GE T' /", "2:16 'GE T' is not an HTTP method"),
        ("http-check expect", "2:18 'http-check expect' needs what to expect"),
        ("http-check expect string OK", "2:19 'http-check expect string' is not yet supported"),
        ("http-check expect status 99", "2:26 '99' is not a status code"),
        ("http-check expect status 200,300-200", "2:30 '300-200' is not a status code"),
        ("http-check set-var(check.x) str(y)", "2:1 'http-check set-var' is not yet supported"),
        ("http-check connect", "2:1 'http-check connect' is not yet supported"),
        ("http-check send hdr X", "2:17 'hdr' needs a value"),
        ("http-check send hdr X %[src]", "2:23 a log-format expression in a check is not yet supported"),
    ] {
        let found = errors(&format!("backend b\n{line}\n"));
        assert_eq!(found, [message], "{line}");
    }
}

#[test]
fn a_section_replaces_the_check_it_inherits_part_by_part() {
    let defaults = "defaults\n option httpchk GET /d HTTP/1.1\n http-check send hdr Host d\n http-check expect status 200\n";
    let check = |lines: &str| {
        config(&format!("{defaults}backend b\n{lines}\n")).proxies[0].http_check.clone().unwrap()
    };
    assert_eq!(check("").uri, "/d");
    let expect = check("http-check expect status 204");
    assert_eq!((expect.uri.as_str(), expect.headers.len()), ("/d", 1));
    assert_eq!(expect.expect, Expect::Status { ranges: vec![(204, 204)], negate: false });
    let option = check("option httpchk GET /b");
    assert_eq!((option.uri.as_str(), option.version.as_str(), option.headers.len()), ("/b", "HTTP/1.0", 0));
}

#[test]
fn stats_lines_turn_the_page_on_and_replace_an_inherited_one() {
    let page = |lines: &str| proxy("listen l", &format!("mode http\n{lines}")).stats.unwrap();
    let plain = page("stats enable");
    assert_eq!((plain.uri.as_str(), plain.realm.as_str()), ("/haproxy?stats", "HAProxy Statistics"));
    let full = page(
        "stats uri /s\nstats refresh 5\nstats hide-version\nstats show-legends\nstats show-node n1\nstats show-desc a b\n\
         stats show-modules\nstats auth u:p:w\nstats auth v:q\nstats realm My\\ Page\nstats admin if TRUE\n\
         stats scope .\nstats scope other",
    );
    assert_eq!((full.uri.as_str(), full.refresh, full.realm.as_str()), ("/s", seconds(5), "My Page"));
    assert!(full.hide_version && full.show_legends && full.show_modules && full.admin);
    assert_eq!((full.show_node.as_deref(), full.show_desc.as_deref()), (Some("n1"), Some("a b")));
    assert_eq!(full.auth, [("u".to_owned(), "p:w".to_owned()), ("v".to_owned(), "q".to_owned())]);
    assert_eq!(full.scope, [".", "other"]);

    let text = "global\n node n9\ndefaults\n mode http\n stats uri /d\n stats auth u:p\n\
                listen a\nlisten b\n stats show-node\n";
    let proxies = config(text).proxies;
    assert_eq!(proxies[0].stats.as_ref().unwrap().uri, "/d");
    let own = proxies[1].stats.as_ref().unwrap();
    assert_eq!(
        (own.uri.as_str(), own.auth.len(), own.show_node.as_deref()),
        ("/haproxy?stats", 0, Some("n9"))
    );
    for (line, message) in [
        ("stats", "2:6 'stats' needs to say what"),
        ("stats refesh 5", "2:7 there is no 'stats refesh' in 'listen'"),
        ("stats refresh 5x", "2:16 'stats refresh' does not take '5x'"),
        ("stats auth admin", "2:12 'stats auth' needs a user and a password"),
        ("stats admin if LOCALHOST", "2:13 a condition of 'stats admin' is not yet supported"),
        ("stats admin", "2:12 'stats admin' needs 'if TRUE'"),
        ("stats realm My Page", "2:16 'stats realm' takes one word"),
        ("stats http-request deny", "2:1 'stats http-request' is not yet supported"),
    ] {
        assert_eq!(error("listen l", line), message);
    }
}

#[test]
fn header_rules_are_literal_and_unconditional() {
    let p = proxy(
        "listen l",
        "mode http\nhttp-request set-header X-A \"a b\"\nhttp-request add-header X-B 100%%\n\
         http-request del-header X-C\nhttp-response del-header Server -m str",
    );
    let text = str::to_owned;
    assert_eq!(
        p.request_rules,
        [
            HeaderRule::Set { name: text("x-a"), value: text("a b") },
            HeaderRule::Add { name: text("x-b"), value: text("100%") },
            HeaderRule::Del { name: text("x-c") },
        ]
    );
    assert_eq!(p.response_rules, [HeaderRule::Del { name: text("server") }]);
    for (line, message) in [
        ("http-request", "2:13 'http-request' needs an action"),
        ("http-request set-header X-A", "2:14 'set-header' needs a value"),
        ("http-request set-header X(A b", "2:26 'X(A' is not a header name"),
        (
            "http-request set-header X-A %[src]",
            "2:29 a log-format expression in a header value is not yet supported",
        ),
        ("http-request set-header X-A b if TRUE", "2:31 a condition is not yet supported"),
        ("http-request set-header X-A b c", "2:31 'http-request' does not take 'c'"),
        ("http-request set-hedaer X-A b", "2:14 'set-hedaer' is not an action"),
        ("http-request deny", "2:14 'http-request deny' is not yet supported"),
        ("http-request set-var(txn.x) src", "2:14 'http-request set-var' is not yet supported"),
        ("http-request set-header X-A \"a\\nb\"", "2:29 a header value is one line"),
    ] {
        assert_eq!(error("listen l", line), message);
    }
    assert_eq!(
        errors("defaults\n http-request del-header X\ndefaults named\n http-request del-header X\n"),
        ["2:2 'http-request' cannot stand in a 'defaults' section without a name"]
    );
}

#[test]
fn log_lines_have_a_target_a_facility_and_levels() {
    let text = "global\n log 192.0.2.1:5140 len 200 format rfc5424 local3 notice err\n log stdout daemon\n\
                defaults\n log global\n log global\nlisten a\nlisten b\n no log\n log /dev/log user info\n";
    let config = config(text);
    let [udp, stdout] = config.global.log.as_slice() else { panic!("two targets") };
    assert_eq!((udp.facility, udp.max_level, udp.min_level), (Facility(19), Level::Notice, Level::Err));
    assert_eq!((udp.max_len, udp.format), (200, SyslogFormat::Rfc5424));
    assert_eq!(
        (stdout.format, stdout.max_level, stdout.min_level),
        (SyslogFormat::Raw, Level::Debug, Level::Emerg)
    );
    assert_eq!(config.proxies[0].log, config.global.log, "once, although written twice");
    assert_eq!(config.proxies[1].log.len(), 1);
    for (line, message) in [
        ("log", "2:4 'log' needs a log target"),
        ("log global", "2:5 'log global' belongs in a proxy"),
        ("log 192.0.2.1", "2:14 'log' needs a facility, such as local0"),
        ("log 192.0.2.1 locl0", "2:15 'locl0' is not a syslog facility"),
        ("log 192.0.2.1 local0 notic", "2:22 'notic' is not a log level"),
        ("log 192.0.2.1 format json local0", "2:22 'json' is not a log format"),
        ("log 192.0.2.1 sample 1:2 local0", "2:15 'sample' on a log line is not yet supported"),
        ("log ring@x local0", "2:5 'ring@' addresses are not yet supported"),
        ("log loghost local0", "2:5 'loghost' is not an IP address"),
    ] {
        assert_eq!(error("global", line), message);
    }
}

#[test]
fn global_settings_merge_over_several_sections() {
    let text = "global\n nbthread 2\n maxconn 1000\n hard-stop-after 30s\n log-tag lb\n pidfile /run/x.pid\n\
                global\n node n1\n description a b\n user u\n group g\n spread-checks 5\n maxconn 2000\n\
                \x20heartbeat /run/hb.sock\n log-send-hostname h1\n stats socket ipv4@127.0.0.1:9999 level admin\n";
    let g = config(text).global;
    assert_eq!((g.nbthread, g.maxconn, g.hard_stop_after), (Some(2), Some(2000), seconds(30)));
    assert_eq!(
        (g.log_tag.as_str(), g.node.as_deref(), g.description.as_deref()),
        ("lb", Some("n1"), Some("a b"))
    );
    assert_eq!((g.user.as_deref(), g.group.as_deref(), g.spread_checks), (Some("u"), Some("g"), 5));
    assert_eq!(g.heartbeat, Heartbeat::Path("/run/hb.sock".into()));
    assert_eq!((g.log_send_hostname.as_deref(), g.stats_sockets.len()), (Some("h1"), 1));
    assert_eq!(config("global\n no heartbeat\n").global.heartbeat, Heartbeat::Off);
    assert_eq!(config("global\n heartbeat off\n").global.heartbeat, Heartbeat::Off);
    assert_eq!(config("").global.heartbeat, Heartbeat::Default);
    for (line, message) in [
        ("nbthread 0", "2:10 'nbthread' does not take '0'"),
        ("nbproc 2", "2:1 'nbproc' was removed from HAProxy"),
        ("spread-checks 51", "2:15 'spread-checks' does not take '51'"),
        ("hard-stop-after soon", "2:17 'hard-stop-after' does not take 'soon'"),
        ("stats socket /s level amin", "2:23 'amin' is not a level"),
        ("mode http", "2:1 'mode' does not belong in 'global'"),
        ("lua-load x", "2:1 'lua-load' is not yet supported"),
    ] {
        assert_eq!(error("global", line), message);
    }
    assert_eq!(
        warnings("global\n tune.maxaccept 5\n"),
        ["2:2 'tune.maxaccept' has no effect: it tunes HAProxy's own buffers, caches and event loop"]
    );
}

#[test]
fn error_files_are_read_once_and_checked() {
    let env = config::haproxy::FixedEnvironment::new()
        .with_file("/e/503", "HTTP/1.0 503 x\n\nbody")
        .with_file("/e/bad", "<html>")
        .with_file("/dev/null", "");
    let text = "defaults\n errorfile 503 /e/503\nlisten l\n errorfile 503 /dev/null\n errorfile 408 /e/503\n";
    let (parsed, _) = parse_in(text, &env);
    let files = parsed.config.unwrap().proxies.remove(0).error_files;
    let found: Vec<_> = files.iter().map(|file| (file.status, file.response.len())).collect();
    assert_eq!(found, [(503, 0), (408, 20)]);
    for (line, message) in [
        ("errorfile 503 /e/none", "cannot read '/e/none': no such file"),
        ("errorfile 503 /e/bad", "'/e/bad' is not a raw HTTP response"),
        ("errorfile 499 /e/503", "there is no page for status 499"),
        ("errorfile 503", "'errorfile' needs a file"),
    ] {
        let (parsed, _) = parse_in(&format!("defaults\n{line}\n"), &env);
        assert_eq!(parsed.diagnostics.0[0].message, message);
    }
}

#[test]
fn log_formats_need_a_log_line_and_httplog_needs_http() {
    let text = "listen l\n option httplog\n log stdout user\n timeout client 1s\n";
    assert_eq!(config(text).proxies[0].log_format, LogFormat::Tcp);
    assert_eq!(warnings(text), ["2:2 'option httplog' needs mode http, listen 'l' is in mode tcp"]);
    assert_eq!(
        warnings("listen l\n option tcplog\n log global\n timeout client 1s\n"),
        ["2:2 'option tcplog' has no effect, listen 'l' has no 'log' line"]
    );
}

#[test]
fn notices_point_at_what_may_hurt_later() {
    let text = "defaults\n mode http\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n\
                frontend f\n bind :80\n stats enable\n default_backend b\n\
                frontend g\n bind 127.0.0.1:81\n\
                backend b\n option httpchk GET /\n server s 192.0.2.1:80 check inter 5s\n";
    assert_eq!(
        notices(text),
        [
            "6:1 no 'timeout http-request' for 'f', 'g'",
            "7:2 everyone who reaches frontend 'f' may see the statistics",
            "10:1 frontend 'g' has no 'default_backend'",
            "13:2 checks are sent as HTTP/1.0 without a Host header",
            "14:2 backend 'b' may need 30 s to notice a server that went silent",
        ]
    );
}
