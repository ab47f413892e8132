//! What `lbd` answers by itself, and what it says of it in the log.

use std::sync::Arc;

use e2e::{
    BlackHole, Client, DEFAULTS, Gate, HttpLog, Lbd, Message, Origin, Reply, SyslogSink, answer, free_port,
    get,
};

/// A `listen` section that logs to `sink`. `lines` come after the defaults and override them.
fn logging(sink: &SyslogSink, lines: &str) -> Lbd {
    Lbd::start(&format!(
        "{DEFAULTS}    log 127.0.0.1:{} local0\n    option httplog\n\nlisten web\n    bind 127.0.0.1:%web%\n{lines}\n",
        sink.port()
    ))
}

/// HAProxy's pages: a small HTML body that says the status, with a length.
fn is_a_page(response: &Message, status: u16, reason: &str) {
    assert_eq!(response.line, format!("HTTP/1.1 {status} {reason}"));
    assert_eq!(response.header("content-type"), Some("text/html"));
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    let body = response.text();
    assert!(body.starts_with("<html>") && body.contains(&format!("{status} {reason}")), "{body}");
    assert_eq!(response.header("content-length"), Some(body.len().to_string().as_str()));
}

/// A request that was never read: no phase was reached, and nobody knows its backend.
fn is_unread(log: &HttpLog, flags: &str) {
    assert_eq!(
        (log.flags.as_str(), log.frontend.as_str(), log.server.as_str()),
        (flags, "web", "web/<NOSRV>")
    );
    assert_eq!((log.timers[1], log.timers[2], log.timers[3]), (-1, -1, -1), "{log:?}");
}

#[test]
fn an_answered_request_is_logged_with_all_its_times() {
    let sink = SyslogSink::start();
    let origin = Origin::named("hello");
    let lbd = logging(&sink, &format!("    server a 127.0.0.1:{}", origin.port()));
    let mut client = Client::connect(lbd.port("web"));
    let response = client.send("GET /path?q=1 HTTP/1.1\r\nHost: x\r\n\r\n").response();
    let log = sink.http(200);
    assert_eq!((log.frontend.as_str(), log.server.as_str(), log.flags.as_str()), ("web", "web/a", "----"));
    assert_eq!(log.client, client.address().to_string());
    assert_eq!(log.request, "GET /path?q=1 HTTP/1.1");
    assert!(log.timers.iter().all(|t| (0..5000).contains(t)), "{log:?}");
    assert!(log.timers[4] >= log.timers[0] + log.timers[3], "{log:?}");
    assert!(log.bytes > response.body.len() as u64, "{log:?}");
    assert!(log.counts.ends_with("/0") && log.queues == "0/0", "{log:?}");
    let line = sink.line_with("GET /path");
    // local0 is 16, an answered request is informational: 16 * 8 + 6.
    assert!(line.starts_with("<134>") && line.contains(&format!(" haproxy[{}]: ", lbd.pid())), "{line}");
}

#[test]
fn a_request_that_cannot_be_parsed_is_400() {
    let sink = SyslogSink::start();
    let lbd = logging(&sink, "");
    let mut client = Client::connect(lbd.port("web"));
    let response = client.send("BAD\r\n\r\n").response();
    is_a_page(&response, 400, "Bad request");
    assert_eq!(response.header("connection"), Some("close"));
    client.expect_end();
    let log = sink.http(400);
    is_unread(&log, "PR--");
    assert_eq!(log.request, "<BADREQ>");
}

#[test]
fn half_a_request_is_408_after_timeout_http_request() {
    let sink = SyslogSink::start();
    let lbd = logging(&sink, "    timeout http-request 200ms");
    let mut client = Client::connect(lbd.port("web"));
    let response = client.send("GET / HTTP/1.1\r\nHost:").response();
    is_a_page(&response, 408, "Request Time-out");
    assert_eq!(response.header("connection"), Some("close"));
    client.expect_end();
    let log = sink.http(408);
    is_unread(&log, "cR--");
    assert_eq!(log.request, "<BADREQ>");
    assert!((100..5000).contains(&log.timers[4]), "{log:?}");
}

#[test]
fn silence_on_a_new_connection_is_408_and_on_a_kept_one_just_ends_it() {
    let sink = SyslogSink::start();
    let origin = Origin::named("a");
    let lines = format!("    timeout http-request 200ms\n    server a 127.0.0.1:{}", origin.port());
    let lbd = logging(&sink, &lines);
    let mut silent = Client::connect(lbd.port("web"));
    assert_eq!(silent.response().status(), 408);
    let mut kept = Client::connect(lbd.port("web"));
    assert_eq!(kept.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response().status(), 200);
    kept.expect_end();
}

#[test]
fn option_http_ignore_probes_says_nothing_to_a_silent_client() {
    let sink = SyslogSink::start();
    let lbd = logging(&sink, "    timeout http-request 200ms\n    option http-ignore-probes");
    Client::connect(lbd.port("web")).expect_end();
    assert_eq!(get(lbd.port("web"), "/").status(), 503);
    sink.http(503);
    assert!(!sink.lines().iter().any(|line| line.contains("BADREQ")), "{:?}", sink.lines());
}

#[test]
fn requests_that_are_too_large_are_413_414_and_431() {
    let sink = SyslogSink::start();
    let lbd = logging(&sink, "");
    let long = "a".repeat(20_000);
    for (bytes, status) in [
        ("GET / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx".to_owned(), 413),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"), 431),
    ] {
        let mut client = Client::connect(lbd.port("web"));
        let response = client.send_in_vain(bytes).response();
        assert_eq!((response.status(), response.header("connection")), (status, Some("close")));
        assert!(response.text().starts_with("<html>"));
        is_unread(&sink.http(i32::from(status)), "PR--");
    }
}

#[test]
fn a_server_that_closes_without_an_answer_is_502() {
    let sink = SyslogSink::start();
    let origin = Origin::scripted(|_| Reply::Close);
    let lbd = logging(&sink, &format!("    server a 127.0.0.1:{}", origin.port()));
    let mut client = Client::connect(lbd.port("web"));
    // A POST may have had its effect: it is not tried again.
    let response = client.send("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx").response();
    is_a_page(&response, 502, "Bad Gateway");
    let log = sink.http(502);
    assert_eq!((log.flags.as_str(), log.server.as_str()), ("SH--", "web/a"));
    assert!(log.timers[2] >= 0 && log.timers[3] == -1, "{log:?}");
    assert_eq!(log.request, "POST /p HTTP/1.1");
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_server_that_does_not_speak_http_is_502() {
    let sink = SyslogSink::start();
    let origin = Origin::scripted(|_| Reply::SendAndClose(b"220 mail.example ESMTP\r\n".to_vec()));
    let lbd = logging(&sink, &format!("    server a 127.0.0.1:{}", origin.port()));
    is_a_page(&get(lbd.port("web"), "/"), 502, "Bad Gateway");
    let log = sink.http(502);
    assert_eq!((log.flags.as_str(), log.server.as_str()), ("PH--", "web/a"));
}

#[test]
fn a_backend_without_servers_is_503_and_the_client_connection_stays() {
    let sink = SyslogSink::start();
    let lbd = logging(&sink, "");
    let mut client = Client::connect(lbd.port("web"));
    for _ in 0..2 {
        let response = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response();
        is_a_page(&response, 503, "Service Unavailable");
        assert_eq!(response.header("connection"), None);
    }
    let log = sink.http(503);
    assert_eq!((log.flags.as_str(), log.server.as_str()), ("SC--", "web/<NOSRV>"));
    assert_eq!(log.timers[1..4], [-1, -1, -1], "{log:?}");
    assert!(log.timers[0] >= 0 && log.timers[4] >= 0, "{log:?}");
}

#[test]
fn a_refused_connection_is_503_with_its_retries_counted() {
    let sink = SyslogSink::start();
    let lines = format!("    timeout connect 50ms\n    retries 2\n    server a 127.0.0.1:{}", free_port());
    let lbd = logging(&sink, &lines);
    is_a_page(&get(lbd.port("web"), "/"), 503, "Service Unavailable");
    let log = sink.http(503);
    assert_eq!((log.flags.as_str(), log.server.as_str()), ("SC--", "web/a"));
    let retries = log.counts.rsplit('/').next().unwrap().trim_start_matches('+').to_owned();
    assert_eq!(retries, "2");
    assert_eq!((log.timers[2], log.timers[3]), (-1, -1), "{log:?}");
}

#[test]
fn a_connection_that_never_completes_is_503_after_timeout_connect() {
    let sink = SyslogSink::start();
    let hole = BlackHole::new();
    let lines = format!("    timeout connect 200ms\n    retries 0\n    server a 127.0.0.1:{}", hole.port());
    let lbd = logging(&sink, &lines);
    is_a_page(&get(lbd.port("web"), "/"), 503, "Service Unavailable");
    let log = sink.http(503);
    assert_eq!((log.flags.as_str(), log.server.as_str()), ("sC--", "web/a"));
    assert!(log.timers[2] == -1 && (200..5000).contains(&log.timers[4]), "{log:?}");
}

#[test]
fn a_server_that_is_silent_is_504_after_timeout_server() {
    let sink = SyslogSink::start();
    let origin = Origin::scripted(|_| Reply::Silent);
    let lbd = logging(&sink, &format!("    timeout server 300ms\n    server a 127.0.0.1:{}", origin.port()));
    is_a_page(&get(lbd.port("web"), "/"), 504, "Gateway Time-out");
    let log = sink.http(504);
    assert_eq!((log.flags.as_str(), log.server.as_str()), ("sH--", "web/a"));
    assert!(log.timers[2] >= 0 && log.timers[3] == -1 && log.timers[4] >= 300, "{log:?}");
    assert_eq!(origin.requests().len(), 1, "a request that timed out is not sent again");
}

#[test]
fn a_request_that_waits_too_long_for_its_turn_is_503() {
    let sink = SyslogSink::start();
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    let origin = Origin::scripted(move |_| {
        Reply::Held(Arc::clone(&held), Box::new(Reply::Send(answer("200 OK", "", "ok"))))
    });
    let lines = format!("    timeout queue 200ms\n    server a 127.0.0.1:{} maxconn 1", origin.port());
    let lbd = logging(&sink, &lines);
    let mut first = Client::connect(lbd.port("web"));
    first.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    e2e::eventually("the server is busy", || (origin.requests().len() == 1).then_some(()));
    is_a_page(&get(lbd.port("web"), "/queued"), 503, "Service Unavailable");
    let log = sink.http(503);
    assert_eq!((log.flags.as_str(), log.request.as_str()), ("sQ--", "GET /queued HTTP/1.1"));
    assert!(log.timers[2] == -1 && log.timers[4] >= 200, "{log:?}");
    gate.open();
    assert_eq!(first.response().status(), 200);
}

#[test]
fn a_response_that_stops_halfway_is_cut_and_logged() {
    let sink = SyslogSink::start();
    let origin = Origin::scripted(|_| {
        Reply::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec())
    });
    let lbd = logging(&sink, &format!("    server a 127.0.0.1:{}", origin.port()));
    let mut client = Client::connect(lbd.port("web"));
    let bytes = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").rest();
    assert!(bytes.ends_with(b"\r\n\r\nhalf"), "{:?}", String::from_utf8_lossy(&bytes));
    let log = sink.http(200);
    assert_eq!((log.flags.as_str(), log.server.as_str()), ("SD--", "web/a"));
}

#[test]
fn an_errorfile_replaces_the_page() {
    let dir = e2e::TempDir::new();
    let page = "HTTP/1.0 503 Service Unavailable\nCache-Control: no-cache\nConnection: close\n\
                Content-Type: text/plain\n\nback soon\n";
    let file = dir.write("503.http", page);
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n    errorfile 503 {}\n",
        file.display()
    ));
    let response = get(lbd.port("web"), "/");
    assert_eq!((response.status(), response.text().as_str()), (503, "back soon\n"));
    assert_eq!(response.header("content-type"), Some("text/plain"));
    assert_eq!(response.header("content-length"), Some("10"));
}

#[test]
fn option_dontlognull_says_nothing_of_connections_without_a_byte() {
    let sink = SyslogSink::start();
    let lbd = logging(&sink, "    option dontlognull");
    Client::connect(lbd.port("web")).finish().expect_end();
    assert_eq!(get(lbd.port("web"), "/").status(), 503);
    sink.http(503);
    assert_eq!(
        sink.lines().iter().filter(|line| HttpLog::parse(line).is_some()).count(),
        1,
        "{:?}",
        sink.lines()
    );
}
