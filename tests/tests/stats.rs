//! The statistics page, for people and for tools.

use e2e::{
    Client, Csv, DEFAULTS, HEADER_3_2, Lbd, Message, Origin, STATS, eventually, free_port, get, request,
};

/// Frontend `web`, backend `app` with server `a`, and the statistics with `more` lines.
fn proxy(origin: &Origin, more: &str) -> Lbd {
    Lbd::start(&format!(
        "{DEFAULTS}{STATS}{more}\n\nfrontend web\n    bind 127.0.0.1:%web%\n    default_backend app\n\n\
         backend app\n    balance roundrobin\n    server a 127.0.0.1:{}\n",
        origin.port()
    ))
}

fn post(lbd: &Lbd, body: &str, fields: &str) -> Message {
    let length = body.len();
    let head = "POST /stats HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    request(lbd.port("stats"), format!("{head}{fields}Content-Length: {length}\r\n\r\n{body}"))
}

#[test]
fn the_csv_header_is_haproxy_3_2_s() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let response = get(lbd.port("stats"), "/stats;csv");
    assert!(response.header("content-type").is_some_and(|t| t.starts_with("text/plain")), "{response:?}");
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    let header = Csv::fetch(lbd.port("stats")).header;
    assert!(header.starts_with(HEADER_3_2), "{header}");
    assert!(header.ends_with(','), "{header}");
    // Every row has as many cells as the header.
    let text = response.text();
    let commas = header.matches(',').count();
    for line in text.lines().filter(|line| !line.is_empty()) {
        assert_eq!(line.matches(',').count(), commas, "{line}");
    }
}

#[test]
fn the_csv_has_a_row_for_each_frontend_server_and_backend() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let csv = Csv::fetch(lbd.port("stats"));
    for (proxy, row, kind, status) in [
        ("stats", "FRONTEND", "0", "OPEN"),
        ("web", "FRONTEND", "0", "OPEN"),
        ("app", "a", "2", "no check"),
        ("app", "BACKEND", "1", "UP"),
    ] {
        assert_eq!(
            (csv.cell(proxy, row, "type"), csv.cell(proxy, row, "status")),
            (kind, status),
            "{proxy}/{row}"
        );
        assert_eq!(csv.cell(proxy, row, "mode"), "http");
        assert_eq!(csv.cell(proxy, row, "pid"), "1");
    }
    assert_eq!((csv.cell("app", "a", "weight"), csv.cell("app", "a", "uweight")), ("1", "1"));
    assert_eq!((csv.cell("app", "a", "act"), csv.cell("app", "a", "bck")), ("1", "0"));
    assert_eq!((csv.cell("app", "a", "check_status"), csv.cell("app", "a", "sid")), ("", "1"));
    assert_eq!(csv.cell("app", "BACKEND", "act"), "1");
    assert_eq!((csv.cell("app", "a", "addr"), csv.cell("app", "BACKEND", "algo")), ("", ""));
}

#[test]
fn counters_count_what_happened_on_all_workers() {
    let origin = Origin::saying("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnope\n");
    let lbd = proxy(&origin, "");
    // Kept open, so that the workers share the connections.
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(lbd.port("web"))).collect();
    let sent = "GET /path HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut received = 0;
    for client in &mut clients {
        for _ in 0..3 {
            client.send(sent);
            let head = client.response();
            received += head.body.len();
        }
    }
    assert_eq!(received, 60);
    request(lbd.port("web"), "BAD\r\n\r\n");
    let csv = eventually("all are counted", || {
        let csv = Csv::fetch(lbd.port("stats"));
        (csv.number("web", "FRONTEND", "hrsp_4xx") == 13 && csv.number("app", "a", "scur") == 0)
            .then_some(csv)
    });
    for row in ["a", "BACKEND"] {
        assert_eq!((csv.number("app", row, "stot"), csv.number("app", row, "hrsp_4xx")), (12, 12), "{row}");
        assert_eq!((csv.number("app", row, "hrsp_2xx"), csv.number("app", row, "hrsp_5xx")), (0, 0), "{row}");
        assert_eq!(csv.number("app", row, "bin"), 12 * i64::try_from(sent.len()).unwrap(), "{row}");
        assert!(csv.number("app", row, "bout") >= 12 * 45, "{row}");
        assert_eq!(csv.number("app", row, "lbtot"), 12, "{row}");
        let (connects, reuses) = (csv.number("app", row, "connect"), csv.number("app", row, "reuse"));
        assert_eq!(connects + reuses, 12, "{row}");
    }
    assert_eq!((csv.number("web", "FRONTEND", "req_tot"), csv.number("web", "FRONTEND", "ereq")), (13, 1));
    assert_eq!(csv.number("web", "FRONTEND", "conn_tot"), 5);
    drop(clients);
    Csv::await_cell(lbd.port("stats"), ("web", "FRONTEND", "scur"), "0");
}

#[test]
fn failures_of_a_server_are_counted_on_it() {
    let origin = Origin::named("a");
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}{STATS}\nlisten web\n    bind 127.0.0.1:%web%\n    server dead 127.0.0.1:{}\n    \
         server alive 127.0.0.1:{}\n",
        free_port(),
        origin.port()
    ));
    for _ in 0..4 {
        assert_eq!(get(lbd.port("web"), "/").status(), 200);
    }
    let csv = Csv::fetch(lbd.port("stats"));
    assert!(csv.number("web", "dead", "econ") + csv.number("web", "BACKEND", "econ") >= 1);
    assert!(csv.number("web", "BACKEND", "wredis") >= 2);
    assert_eq!(csv.number("web", "FRONTEND", "hrsp_5xx"), 0);
}

#[test]
fn the_json_is_valid_and_says_the_same_as_the_csv() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let response = get(lbd.port("stats"), "/stats;json");
    assert_eq!((response.status(), response.header("content-type")), (200, Some("application/json")));
    let json: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let objects = json.as_array().unwrap();
    let server = objects
        .iter()
        .filter_map(|object| object.as_array())
        .find(|fields| fields[0]["objType"] == "Server")
        .unwrap();
    let value = |name: &str| {
        let field = server.iter().find(|field| field["field"]["name"] == name);
        field.map(|field| field["value"]["value"].clone()).unwrap()
    };
    assert_eq!(
        (value("pxname"), value("svname"), value("status")),
        ("app".into(), "a".into(), "no check".into())
    );
    assert_eq!(value("weight"), 1);
}

#[test]
fn the_page_is_html_that_reloads_itself() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let response = get(lbd.port("stats"), "/stats");
    assert_eq!((response.status(), response.header("refresh")), (200, Some("10")));
    assert!(response.header("content-type").is_some_and(|t| t.starts_with("text/html")), "{response:?}");
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    let page = response.text();
    for part in ["<html", "</html>", "web", "app", "Frontend", "Backend", "no check"] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    for part in ["src=\"http", "href=\"http://fonts", "@import"] {
        assert!(!page.contains(part), "{part}: the page needs something from outside");
    }
    assert_eq!(get(lbd.port("stats"), "/stats;norefresh").header("refresh"), None);
}

#[test]
fn head_gets_the_page_s_head() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("stats"));
    client.send("HEAD /stats HTTP/1.1\r\nHost: x\r\n\r\n");
    let head = client.response_to("HEAD");
    assert_eq!((head.status(), head.header("refresh")), (200, Some("10")));
    // Nothing of a body follows: the next response stands right behind.
    assert_eq!(client.send("GET /stats;csv HTTP/1.1\r\nHost: x\r\n\r\n").response().status(), 200);
}

#[test]
fn the_uri_is_a_prefix_and_other_paths_go_on() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    for path in ["/stats", "/stats?x=1", "/stats;up", "/statsXYZ"] {
        assert_eq!(get(lbd.port("stats"), path).status(), 200, "{path}");
    }
    assert_eq!(get(lbd.port("stats"), "/other").status(), 503);
}

#[test]
fn the_page_asks_for_a_password_where_there_is_one() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "    stats auth ann:secret\n    stats realm My\\ Realm");
    let refused = get(lbd.port("stats"), "/stats");
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.header("www-authenticate"), Some("Basic realm=\"My Realm\""));
    assert!(!refused.text().contains("Frontend"));
    let with = |credentials: &str| {
        let head = format!("GET /stats HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n\r\n");
        request(lbd.port("stats"), head).status()
    };
    // ann:secret, ann:wrong, bob:secret, not base64.
    assert_eq!(
        [with("YW5uOnNlY3JldA=="), with("YW5uOndyb25n"), with("Ym9iOnNlY3JldA=="), with("!")],
        [200, 401, 401, 401]
    );
}

#[test]
fn a_server_that_is_down_is_red() {
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}{STATS}\nlisten web\n    bind 127.0.0.1:%web%\n    \
         server dead 127.0.0.1:{} check inter 50ms fall 1\n",
        free_port()
    ));
    Csv::await_cell(lbd.port("stats"), ("web", "dead", "status"), "DOWN");
    let page = get(lbd.port("stats"), "/stats").text();
    let row = page.split("<tr").find(|row| row.contains("dead") && row.contains("DOWN"));
    assert!(row.is_some_and(|row| row.contains("active_down")), "{row:?}");
}

#[test]
fn an_admin_puts_a_server_into_maintenance_and_back() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "    stats admin if TRUE");
    let response = post(&lbd, "s=a&action=maint&b=app", "");
    assert_eq!(response.status(), 303);
    assert!(response.header("location").is_some_and(|l| l.ends_with("/stats;st=DONE")), "{response:?}");
    assert_eq!(Csv::fetch(lbd.port("stats")).cell("app", "a", "status"), "MAINT");
    assert_eq!(get(lbd.port("web"), "/").status(), 503);
    assert_eq!(get(lbd.port("stats"), "/stats;st=DONE").status(), 200);
    let iid = Csv::fetch(lbd.port("stats")).cell("app", "a", "iid").to_owned();
    let response = post(&lbd, &format!("s=a&action=ready&b=%23{iid}"), "");
    assert!(response.header("location").is_some_and(|l| l.ends_with(";st=DONE")), "{response:?}");
    assert_eq!(Csv::fetch(lbd.port("stats")).cell("app", "a", "status"), "no check");
    assert_eq!(get(lbd.port("web"), "/").status(), 200);
    post(&lbd, "s=a&action=drain&b=app", "");
    assert_eq!(Csv::fetch(lbd.port("stats")).cell("app", "a", "status"), "DRAIN");
}

#[test]
fn nobody_changes_anything_without_stats_admin_or_from_another_site() {
    let origin = Origin::named("a");
    let plain = proxy(&origin, "");
    let response = post(&plain, "s=a&action=maint&b=app", "");
    assert!(response.header("location").is_none_or(|l| l.ends_with(";st=DENY")), "{response:?}");
    assert_eq!(Csv::fetch(plain.port("stats")).cell("app", "a", "status"), "no check");
    let admin = proxy(&origin, "    stats admin if TRUE");
    let response = post(&admin, "s=a&action=maint&b=app", "Origin: http://evil.example\r\n");
    assert_eq!(response.status(), 303);
    assert!(response.header("location").is_some_and(|l| l.ends_with(";st=DENY")), "{response:?}");
    assert_eq!(Csv::fetch(admin.port("stats")).cell("app", "a", "status"), "no check");
    let response = post(&admin, "s=a&action=maint&b=app", "Origin: http://test\r\n");
    assert!(response.header("location").is_some_and(|l| l.ends_with(";st=DONE")), "{response:?}");
}

#[test]
fn a_form_that_names_nothing_known_says_so() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "    stats admin if TRUE");
    for body in [
        "s=unknown&action=maint&b=app",
        "s=a&action=maint&b=unknown",
        "s=a&action=unknown&b=app",
        "action=maint&b=app",
        "",
    ] {
        let response = post(&lbd, body, "");
        assert_eq!(response.status(), 303, "{body}");
        assert!(!response.header("location").unwrap().ends_with(";st=DONE"), "{body}: {response:?}");
    }
    assert_eq!(Csv::fetch(lbd.port("stats")).cell("app", "a", "status"), "no check");
}

#[test]
fn scope_shows_only_what_it_names() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "    stats scope app");
    let text = get(lbd.port("stats"), "/stats;csv").text();
    assert!(text.contains("\napp,a,") && !text.contains("\nweb,"), "{text}");
    let lbd = proxy(&origin, "");
    let text = get(lbd.port("stats"), "/stats;csv;scope=we").text();
    assert!(text.contains("\nweb,FRONTEND,") && !text.contains("\napp,"), "{text}");
}

#[test]
fn prometheus_reads_the_exporter_s_names() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    for _ in 0..3 {
        assert_eq!(get(lbd.port("web"), "/").status(), 200);
    }
    let text = eventually("the requests are counted", || {
        let response = get(lbd.port("stats"), "/metrics");
        assert_eq!(response.status(), 200);
        assert!(
            response.header("content-type").is_some_and(|t| t.starts_with("text/plain; version=0.0.4")),
            "{response:?}"
        );
        Some(response.text())
            // Counted last of all, once the answer is out.
            .filter(|text| {
                text.contains(
                    "haproxy_server_http_responses_total{proxy=\"app\",server=\"a\",code=\"2xx\"} 3",
                )
            })
    });
    for line in [
        "# TYPE haproxy_server_status gauge",
        "haproxy_frontend_status{proxy=\"web\",state=\"UP\"} 1",
        "haproxy_backend_status{proxy=\"app\",state=\"UP\"} 1",
        "haproxy_backend_active_servers{proxy=\"app\"} 1",
        "haproxy_server_status{proxy=\"app\",server=\"a\",state=\"UP\"} 1",
        "haproxy_server_status{proxy=\"app\",server=\"a\",state=\"DOWN\"} 0",
        "haproxy_backend_http_responses_total{proxy=\"app\",code=\"2xx\"} 3",
        "haproxy_frontend_http_requests_total{proxy=\"web\"} 3",
        "haproxy_server_http_responses_total{proxy=\"app\",server=\"a\",code=\"2xx\"} 3",
        "haproxy_process_nbthread 2",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
}

#[test]
fn the_page_counts_as_intercepted() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    for _ in 0..3 {
        get(lbd.port("stats"), "/stats");
    }
    let csv = eventually("they are counted", || {
        Some(Csv::fetch(lbd.port("stats"))).filter(|csv| csv.number("stats", "FRONTEND", "intercepted") >= 3)
    });
    assert_eq!(csv.number("app", "BACKEND", "stot"), 0);
}
