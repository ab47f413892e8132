//! Whole configurations, as people have them.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use config::diagnostic::Severity;
use config::haproxy::{
    Balance, BindAddress, Config, Environment, Expect, FixedEnvironment, LogDestination, LogFormat, Mode,
    ProxyKind, ServerAddress, load, quick_start,
};
use support::messages;

const PAGE: &str = "HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/html\r\n\r\n<html></html>\n";

fn data(names: &[&str]) -> Vec<PathBuf> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    names.iter().map(|name| directory.join(name)).collect()
}

fn debian() -> FixedEnvironment {
    FixedEnvironment::new()
        .with_file("/etc/haproxy/errors/400.http", PAGE)
        .with_file("/etc/haproxy/errors/503.http", PAGE)
}

fn load_clean(names: &[&str], env: &dyn Environment) -> Config {
    let loaded = load(&data(names), env);
    assert_eq!(messages(&loaded.diagnostics, Severity::Warning), [""; 0]);
    loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

#[test]
fn the_bare_two_node_file_loads_with_a_warning_for_each_proxy_without_timeouts() {
    let loaded = load(&data(&["two-nodes.cfg"]), &FixedEnvironment::new());
    assert_eq!(
        messages(&loaded.diagnostics, Severity::Warning),
        [
            "frontend 'dashboard' has no timeout for: client",
            "frontend 'shop_front' has no timeout for: client",
            "backend 'shop_back' has no timeout for: connect, server",
        ]
    );
    let config = loaded.config.expect("warnings do not fail");
    assert!(config.has_listener());
    let [dashboard, front, back] = config.proxies.as_slice() else { panic!("three proxies") };

    assert_eq!((dashboard.kind, dashboard.mode, dashboard.id), (ProxyKind::Frontend, Mode::Http, 2));
    let stats = dashboard.stats.as_ref().expect("a page");
    assert_eq!((stats.uri.as_str(), stats.refresh), ("/stats", Some(Duration::from_secs(10))));
    assert!(stats.show_modules && !stats.admin && stats.auth.is_empty());

    assert_eq!((front.mode, front.id), (Mode::Tcp, 3), "without 'mode' it is tcp");
    assert_eq!(front.binds.len(), 1);
    assert_eq!(front.binds[0].address, BindAddress::Tcp("0.0.0.0:80".parse().unwrap()));
    assert_eq!(front.default_backend.as_deref(), Some("shop_back"));

    assert_eq!((back.mode, back.id, back.balance), (Mode::Tcp, 4, Balance::RoundRobin));
    let check = back.http_check.as_ref().expect("option httpchk works in mode tcp too");
    assert_eq!(
        (check.method.as_str(), check.uri.as_str(), check.version.as_str()),
        ("GET", "/healthz", "HTTP/1.0")
    );
    assert_eq!((check.expect.clone(), check.headers.len()), (Expect::Success, 0));
    let names: Vec<_> = back.servers.iter().map(|server| (server.name.as_str(), server.id)).collect();
    assert_eq!(names, [("app-1", 1), ("app-2", 2)]);
    for server in &back.servers {
        assert!(matches!(server.address, ServerAddress::Tcp(address) if address.port() == 8080));
        let check = server.check.as_ref().expect("check");
        assert_eq!((check.inter, check.fall, check.rise), (Duration::from_secs(5), 3, 2));
        assert_eq!((check.fastinter, check.downinter), (check.inter, check.inter));
    }
}

#[test]
fn below_debians_stock_file_the_same_proxies_take_its_defaults_without_a_warning() {
    let config = load_clean(&["stock-debian.cfg", "two-nodes.cfg"], &debian());
    assert_eq!(config.global.log.len(), 2);
    assert_eq!(config.global.user.as_deref(), Some("haproxy"));
    for proxy in &config.proxies {
        assert_eq!(proxy.mode, Mode::Http);
        assert!(proxy.dontlognull);
        assert_eq!(proxy.timeouts.client, Some(Duration::from_secs(50)));
        assert_eq!(proxy.timeouts.connect, Some(Duration::from_secs(5)));
        assert_eq!(proxy.log, config.global.log);
        assert_eq!(proxy.error_files.len(), 2);
        assert_eq!(proxy.error_files[1].status, 503);
        assert_eq!(proxy.error_files[1].response, PAGE.as_bytes());
    }
    assert_eq!(config.proxies[1].log_format, LogFormat::Http);
    assert_eq!(config.proxies[1].log[0].to, LogDestination::Unix("/dev/log".into()));
}

#[test]
fn debians_stock_file_is_valid_on_its_own() {
    let config = load_clean(&["stock-debian.cfg"], &debian());
    assert!(config.proxies.is_empty());
    assert!(config.has_listener(), "its stats socket counts");
}

#[test]
fn stock_error_pages_that_are_not_installed_are_a_warning() {
    let loaded = load(&data(&["stock-debian.cfg", "two-nodes.cfg"]), &FixedEnvironment::new());
    assert_eq!(messages(&loaded.diagnostics, Severity::Warning).len(), 2);
    let config = loaded.config.expect("the built-in pages do");
    assert!(config.proxies[0].error_files.is_empty());
}

#[test]
fn below_red_hats_stock_file_there_is_no_warning_either() {
    let config = load_clean(&["stock-rhel.cfg", "two-nodes.cfg"], &FixedEnvironment::new());
    let [_, front, back] = config.proxies.as_slice() else { panic!("three proxies") };
    assert_eq!(config.global.maxconn, Some(4000));
    assert_eq!(front.maxconn, Some(3000));
    assert_eq!(back.maxconn, None, "a backend has no connection limit of its own");
    let forwardfor = front.forwardfor.as_ref().expect("option forwardfor");
    assert_eq!(forwardfor.except, Some(("127.0.0.0".parse().unwrap(), 8)));
    assert_eq!(back.timeouts.check, Some(Duration::from_secs(10)));
}

#[test]
fn a_directory_stands_for_its_cfg_files_in_the_order_of_their_bytes() {
    let directory = std::env::temp_dir().join(format!("config-cfg-order-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    for (name, section) in [
        ("b.cfg", "backend b"),
        ("B.cfg", "backend B"),
        ("10.cfg", "backend ten"),
        (".c.cfg", "nonsense"),
        ("d.txt", "nonsense"),
    ] {
        std::fs::write(directory.join(name), section).unwrap();
    }
    let loaded = load(std::slice::from_ref(&directory), &FixedEnvironment::new());
    std::fs::remove_dir_all(&directory).unwrap();
    let config = loaded.config.expect("valid");
    let names: Vec<_> = config.proxies.iter().map(|proxy| proxy.name.as_str()).collect();
    assert_eq!(names, ["ten", "B", "b"]);
}

#[test]
fn a_file_that_is_not_there_is_a_finding_and_the_others_are_still_read() {
    let loaded = load(&data(&["no-such.cfg", "two-nodes.cfg"]), &FixedEnvironment::new());
    assert!(loaded.config.is_none());
    let errors = messages(&loaded.diagnostics, Severity::Error);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("no-such.cfg"), "{errors:?}");
    assert_eq!(messages(&loaded.diagnostics, Severity::Warning).len(), 3);
}

#[test]
fn bytes_that_are_not_utf8_are_an_error_in_a_word_and_nothing_in_a_comment() {
    let path = std::env::temp_dir().join(format!("config-latin1-{}.cfg", std::process::id()));
    std::fs::write(&path, b"# f\xfcr\nbackend a # \xe9\n description \xfc\n timeout server 5x\n").unwrap();
    let loaded = load(std::slice::from_ref(&path), &FixedEnvironment::new());
    std::fs::remove_file(&path).unwrap();
    let errors = messages(&loaded.diagnostics, Severity::Error);
    assert_eq!(errors, ["this is not UTF-8 text", "'timeout server' does not take '5x'"]);
    let span = loaded.diagnostics.0[0].span.unwrap();
    assert_eq!(loaded.sources.line_column(span), (3, 14));
}

#[test]
fn the_quick_start_is_a_whole_configuration_without_a_finding_but_the_open_dashboard() {
    let text =
        quick_start(&[":8080", "unix@/run/my app.sock"], &["127.0.0.1:9001", "app:9002"], Some(":8404"));
    let (parsed, _) = support::parse_text(&text);
    let found: Vec<_> = parsed.diagnostics.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(found, ["everyone who reaches frontend 'stats' may see the statistics"]);
    let config = parsed.config.expect("valid");
    let [stats, web, app] = config.proxies.as_slice() else { panic!("three proxies") };
    assert_eq!(stats.stats.as_ref().map(|page| page.uri.as_str()), Some("/stats"));
    assert_eq!(web.binds[1].address, BindAddress::Unix("/run/my app.sock".into()));
    assert!(web.forwardfor.is_some() && web.default_backend.as_deref() == Some("app"));
    assert!(app.servers.iter().all(|server| server.check.is_some()));
    assert_eq!(app.servers[1].address, ServerAddress::Name { host: "app".into(), port: 9002 });
}

#[test]
fn nothing_on_the_command_line_becomes_a_directive_of_the_quick_start() {
    for hostile in [":80\n    monitor-uri /x", ":80 maxconn 1", ":80 # ", "\"$HOME", "a\\", ""] {
        let (parsed, _) = support::parse_text(&quick_start(&[hostile], &["127.0.0.1:9001"], None));
        assert!(parsed.config.is_none(), "{hostile:?}");
    }
}
