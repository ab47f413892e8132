//! Health checks on the wire, in the statistics and in the log.
//!
//! The origin answers a check when the test says so, with the status the test says: nothing here depends on time.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use e2e::{
    Acceptor, Client, Csv, DEFAULTS, Lbd, Origin, Reply, STATS, SyslogSink, answer, eventually, free_port,
    get,
};

/// An origin whose `/health` waits for a status from the sender; once that is dropped it is healthy.
fn told() -> (Sender<u16>, Origin) {
    let (sender, receiver) = channel::<u16>();
    let receiver = Mutex::new(receiver);
    let origin = Origin::scripted(move |request| {
        if request.target() != "/health" {
            return Reply::Send(answer("200 OK", "", "served"));
        }
        let status = receiver.lock().map_or(200, |receiver| receiver.recv().unwrap_or(200));
        Reply::SendAndClose(answer(&format!("{status} Told"), "", ""))
    });
    (sender, origin)
}

/// One server under `/health` checks, `fall 3 rise 2`. `more` goes to the backend.
fn checked(origin: &Origin, more: &str) -> Lbd {
    Lbd::start(&format!(
        "{DEFAULTS}    timeout check 10s\n{STATS}\nfrontend web\n    bind 127.0.0.1:%web%\n    default_backend app\n\n\
         backend app\n    option httpchk GET /health\n{more}\n    \
         server a 127.0.0.1:{} check inter 50ms fall 3 rise 2\n",
        origin.port()
    ))
}

/// Gives one check its answer and waits for the status it leads to.
fn tell(sender: &Sender<u16>, lbd: &Lbd, code: u16, status: &str) -> Csv {
    sender.send(code).expect("the origin lives");
    Csv::await_cell(lbd.port("stats"), ("app", "a", "status"), status)
}

/// The last verdict, whether or not another check runs meanwhile.
fn verdict<'a>(csv: &'a Csv, proxy: &str) -> &'a str {
    csv.cell(proxy, "a", "check_status").trim_start_matches("* ")
}

#[test]
fn a_check_is_a_bare_http_1_0_request_on_a_connection_of_its_own() {
    let origin = Origin::named("ok");
    let _lbd = Lbd::start(&format!(
        "{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n    option httpchk GET /api/v1/health\n    \
         server a 127.0.0.1:{} check inter 50ms fall 3 rise 2\n",
        origin.port()
    ));
    eventually("three checks", || (origin.connections().len() >= 3).then_some(()));
    for bytes in origin.connections() {
        assert_eq!(String::from_utf8_lossy(&bytes), "GET /api/v1/health HTTP/1.0\r\n\r\n");
    }
}

#[test]
fn option_httpchk_alone_asks_options_of_the_root() {
    let origin = Origin::named("ok");
    let _lbd = Lbd::start(&format!(
        "{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n    option httpchk\n    \
         server a 127.0.0.1:{} check inter 50ms\n",
        origin.port()
    ));
    let bytes = eventually("a check", || origin.connections().into_iter().next());
    assert_eq!(String::from_utf8_lossy(&bytes), "OPTIONS / HTTP/1.0\r\n\r\n");
}

#[test]
fn http_check_send_shapes_the_request() {
    let origin = Origin::named("ok");
    let _lbd = Lbd::start(&format!(
        "{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n    option httpchk\n    \
         http-check send meth POST uri /ready ver HTTP/1.1 hdr Host app.local hdr X-Check yes body hello\n    \
         server a 127.0.0.1:{} check inter 50ms\n",
        origin.port()
    ));
    let request = eventually("a check", || origin.requests().into_iter().next());
    assert_eq!(request.line, "POST /ready HTTP/1.1");
    assert_eq!((request.header("host"), request.header("x-check")), (Some("app.local"), Some("yes")));
    assert_eq!((request.header("connection"), request.text().as_str()), (Some("close"), "hello"));
}

#[test]
fn checks_go_to_the_port_that_the_server_line_says() {
    let (origin, health) = (Origin::named("ok"), Origin::named("healthy"));
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n    option httpchk GET /h\n    \
         server a 127.0.0.1:{} check inter 50ms port {}\n",
        origin.port(),
        health.port()
    ));
    eventually("a check", || health.requests().into_iter().next());
    assert_eq!(get(lbd.port("web"), "/").text(), "ok");
    assert!(origin.requests().iter().all(|r| r.target() == "/"));
}

#[test]
fn a_server_walks_haproxy_s_states() {
    let (sender, origin) = told();
    let lbd = checked(&origin, "");
    let csv = Csv::await_cell(lbd.port("stats"), ("app", "a", "status"), "UP 1/3");
    assert_eq!(csv.cell("app", "BACKEND", "status"), "UP");
    let csv = tell(&sender, &lbd, 200, "UP");
    assert_eq!((verdict(&csv, "app"), csv.cell("app", "a", "check_code")), ("L7OK", "200"));
    assert_eq!(csv.cell("app", "a", "check_desc"), "Layer7 check passed");
    tell(&sender, &lbd, 503, "UP 2/3");
    let csv = tell(&sender, &lbd, 503, "UP 1/3");
    assert_eq!((verdict(&csv, "app"), csv.cell("app", "a", "check_code")), ("L7STS", "503"));
    assert_eq!(csv.cell("app", "a", "check_desc"), "Layer7 wrong status");
    // One success while up forgives every failure before it.
    tell(&sender, &lbd, 200, "UP");
    tell(&sender, &lbd, 503, "UP 2/3");
    tell(&sender, &lbd, 503, "UP 1/3");
    let csv = tell(&sender, &lbd, 503, "DOWN");
    assert_eq!((csv.cell("app", "BACKEND", "status"), csv.cell("app", "BACKEND", "act")), ("DOWN", "0"));
    assert_eq!(get(lbd.port("web"), "/").status(), 503);
    tell(&sender, &lbd, 200, "DOWN 1/2");
    tell(&sender, &lbd, 503, "DOWN");
    tell(&sender, &lbd, 200, "DOWN 1/2");
    let csv = tell(&sender, &lbd, 302, "UP");
    assert_eq!((csv.number("app", "a", "chkdown"), csv.cell("app", "BACKEND", "status")), (1, "UP"));
    assert_eq!(get(lbd.port("web"), "/").text(), "served");
}

#[test]
fn the_csv_says_how_a_server_is_checked() {
    let origin = Origin::named("ok");
    let lbd = checked(&origin, "");
    let csv = Csv::await_cell(lbd.port("stats"), ("app", "a", "status"), "UP");
    assert_eq!((csv.cell("app", "a", "check_rise"), csv.cell("app", "a", "check_fall")), ("2", "3"));
    assert_eq!(csv.cell("app", "a", "check_health"), "4");
    assert!(csv.number("app", "a", "check_duration") < 5000);
}

#[test]
fn changes_are_logged_in_haproxy_s_words() {
    let sink = SyslogSink::start();
    let (sender, origin) = told();
    let lbd = checked(&origin, &format!("    log 127.0.0.1:{} local0", sink.port()));
    tell(&sender, &lbd, 200, "UP");
    for (code, status) in [(503, "UP 2/3"), (503, "UP 1/3"), (503, "DOWN")] {
        tell(&sender, &lbd, code, status);
    }
    let down = sink.line_with("Server app/a is DOWN");
    // local0 is 16; alert is 1.
    assert!(down.starts_with("<129>"), "{down}");
    assert!(down.contains("Server app/a is DOWN, reason: Layer7 wrong status, code: 503"), "{down}");
    assert!(
        down.contains(
            "ms. 0 active and 0 backup servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
        ),
        "{down}"
    );
    let none = sink.line_with("has no server available!");
    assert!(none.starts_with("<128>") && none.contains("backend app has no server available!"), "{none}");
    tell(&sender, &lbd, 200, "DOWN 1/2");
    tell(&sender, &lbd, 200, "UP");
    let up = sink.line_with("Server app/a is UP");
    assert!(up.starts_with("<133>"), "{up}");
    assert!(up.contains("Server app/a is UP, reason: Layer7 check passed, code: 200"), "{up}");
    assert!(
        up.contains("1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue."),
        "{up}"
    );
}

#[test]
fn option_log_health_checks_logs_each_change_of_a_result() {
    let sink = SyslogSink::start();
    let (sender, origin) = told();
    let more = format!("    log 127.0.0.1:{} local0\n    option log-health-checks", sink.port());
    let lbd = checked(&origin, &more);
    tell(&sender, &lbd, 200, "UP");
    tell(&sender, &lbd, 503, "UP 2/3");
    let line = sink.line_with("Health check for server app/a failed");
    assert!(
        line.contains("reason: Layer7 wrong status, code: 503") && line.contains("status: 2/3 UP"),
        "{line}"
    );
}

#[test]
fn http_check_expect_replaces_the_rule() {
    let (sender, origin) = told();
    let lbd = checked(&origin, "    http-check expect status 418,500-503");
    tell(&sender, &lbd, 503, "UP");
    tell(&sender, &lbd, 418, "UP");
    tell(&sender, &lbd, 200, "UP 2/3");
    tell(&sender, &lbd, 404, "UP 1/3");
    tell(&sender, &lbd, 501, "UP");
}

#[test]
fn http_check_expect_may_be_negated() {
    let (sender, origin) = told();
    let lbd = checked(&origin, "    http-check expect ! status 500-599");
    tell(&sender, &lbd, 404, "UP");
    tell(&sender, &lbd, 500, "UP 2/3");
}

#[test]
fn a_404_with_disable_on_404_drains_the_server() {
    let (sender, origin) = told();
    let lbd = checked(&origin, "    http-check disable-on-404");
    tell(&sender, &lbd, 200, "UP");
    tell(&sender, &lbd, 404, "NOLB");
    assert_eq!(get(lbd.port("web"), "/").status(), 503);
    tell(&sender, &lbd, 200, "UP");
    assert_eq!(get(lbd.port("web"), "/").status(), 200);
}

#[test]
fn a_server_that_refuses_goes_down_with_the_reason() {
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}{STATS}\nlisten web\n    bind 127.0.0.1:%web%\n    \
         server a 127.0.0.1:{} check inter 50ms fall 1\n",
        free_port()
    ));
    let csv = Csv::await_cell(lbd.port("stats"), ("web", "a", "status"), "DOWN");
    assert_eq!(verdict(&csv, "web"), "L4CON");
    assert_eq!(csv.cell("web", "a", "check_desc"), "Layer4 connection problem");
}

#[test]
fn a_check_without_a_request_only_connects() {
    let connections = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&connections);
    let server = Acceptor::start(move |_| {
        if let Ok(mut n) = seen.lock() {
            *n += 1;
        }
    });
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}{STATS}\nlisten web\n    mode tcp\n    bind 127.0.0.1:%web%\n    \
         server a 127.0.0.1:{} check inter 50ms\n",
        server.port()
    ));
    let csv = Csv::await_cell(lbd.port("stats"), ("web", "a", "status"), "UP");
    assert_eq!(verdict(&csv, "web"), "L4OK");
    eventually("several checks", || connections.lock().is_ok_and(|n| *n >= 3).then_some(()));
}

#[test]
fn a_check_that_gets_no_answer_times_out() {
    let origin = Origin::scripted(|_| Reply::Silent);
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}    timeout check 100ms\n{STATS}\nlisten web\n    bind 127.0.0.1:%web%\n    \
         option httpchk GET /health\n    server a 127.0.0.1:{} check inter 50ms fall 1\n",
        origin.port()
    ));
    let csv = Csv::await_cell(lbd.port("stats"), ("web", "a", "status"), "DOWN");
    assert_eq!(verdict(&csv, "web"), "L7TOUT");
}

#[test]
fn a_server_that_falls_under_requests_is_left_alone_by_those_that_follow() {
    let (sender, sick) = told();
    let well = Origin::named("well");
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}    timeout check 10s\n{STATS}\nlisten web\n    bind 127.0.0.1:%web%\n    \
         option httpchk GET /health\n    server a 127.0.0.1:{} check inter 50ms\n    server b 127.0.0.1:{}\n",
        sick.port(),
        well.port()
    ));
    let mut client = Client::connect(lbd.port("web"));
    for name in ["served", "well"] {
        assert_eq!(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response().text(), name);
    }
    for code in [200, 503, 503, 503] {
        sender.send(code).expect("the origin lives");
    }
    let csv = Csv::await_cell(lbd.port("stats"), ("web", "a", "status"), "DOWN");
    assert_eq!((csv.cell("web", "b", "status"), csv.cell("web", "BACKEND", "act")), ("no check", "1"));
    for _ in 0..4 {
        assert_eq!(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response().text(), "well");
    }
}
