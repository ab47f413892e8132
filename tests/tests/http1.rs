//! HTTP/1 through `lbd`: what clients and origins see of each other.

use std::sync::Arc;

use e2e::{Client, DEFAULTS, Framing, Gate, Lbd, Message, Origin, Reply, answer, get, request};

/// A frontend on `%web%` before one server; `more` are lines of the `listen` section.
fn proxy(origin: &Origin, more: &str) -> Lbd {
    Lbd::start(&format!(
        "{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n{more}\n    server a 127.0.0.1:{}\n",
        origin.port()
    ))
}

fn only_request(origin: &Origin) -> Message {
    let mut requests = origin.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

/// Bytes without a pattern a length error could hide in.
fn noise(length: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn chunked(status: &str, pieces: &[&[u8]], trailers: &str) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    bytes.extend(chunks(pieces, trailers));
    bytes
}

fn chunks(pieces: &[&[u8]], trailers: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in pieces {
        bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend(format!("0\r\n{trailers}\r\n").into_bytes());
    bytes
}

#[test]
fn a_client_connection_carries_many_requests() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    for n in 0..5 {
        let response = client.send(format!("GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n")).response();
        assert_eq!((response.status(), response.text().as_str()), (200, "a"));
        assert_eq!(response.header("x-target"), Some(format!("/{n}").as_str()));
        assert_eq!(response.header("connection"), None);
    }
    assert_eq!(origin.requests().len(), 5);
}

#[test]
fn a_server_connection_is_used_again() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    for _ in 0..5 {
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response();
    }
    assert_eq!(origin.connections().len(), 1);
}

#[test]
fn connection_close_ends_the_client_connection_after_the_response() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    let response = client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").response();
    assert_eq!(response.header("connection"), Some("close"));
    client.expect_end();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    let all: String = (0..8).map(|n| format!("GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n")).collect();
    client.send(all);
    for n in 0..8 {
        assert_eq!(client.response().header("x-target"), Some(format!("/{n}").as_str()));
    }
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    for byte in b"POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" {
        client.send([*byte]);
    }
    assert_eq!(client.response().status(), 200);
    assert_eq!(only_request(&origin).text(), "abc");
}

#[test]
fn bodies_with_a_length_pass_both_ways() {
    let origin = Origin::saying(answer("201 Created", "", "made"));
    let lbd = proxy(&origin, "");
    let response = request(lbd.port("web"), "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(
        (response.status(), response.framing, response.text().as_str()),
        (201, Framing::Length(4), "made")
    );
    let got = only_request(&origin);
    assert_eq!((got.line.as_str(), got.framing), ("POST /p HTTP/1.1", Framing::Length(5)));
    assert_eq!(got.text(), "hello");
}

#[test]
fn chunked_bodies_and_trailers_pass_both_ways() {
    let origin = Origin::saying(chunked("200 OK", &[b"one", b"two"], "X-Sum: 9\r\n"));
    let lbd = proxy(&origin, "");
    let mut bytes =
        b"POST /c HTTP/1.1\r\nHost: x\r\nTrailer: X-Up\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    bytes.extend(chunks(&[b"ab", b"cde"], "X-Up: 1\r\n"));
    let response = request(lbd.port("web"), bytes);
    assert_eq!((response.framing, response.text().as_str()), (Framing::Chunked, "onetwo"));
    assert_eq!(response.trailers.len(), 1);
    assert!(response.trailers[0].0.eq_ignore_ascii_case("x-sum") && response.trailers[0].1 == "9");
    let got = only_request(&origin);
    assert_eq!((got.framing, got.text().as_str()), (Framing::Chunked, "abcde"));
    assert!(got.trailers[0].0.eq_ignore_ascii_case("x-up") && got.trailers[0].1 == "1");
}

#[test]
fn chunk_extensions_are_not_sent_on() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let response = request(
        lbd.port("web"),
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;name=\"v\"\r\nhi\r\n0;last\r\n\r\n",
    );
    assert_eq!(response.status(), 200);
    // The origin's parser takes no extension.
    assert_eq!(only_request(&origin).text(), "hi");
}

#[test]
fn a_megabyte_passes_up_and_down() {
    let down = noise(1 << 20);
    let reply = answer("200 OK", "", &down);
    let origin = Origin::saying(reply);
    let lbd = proxy(&origin, "");
    let up = noise((1 << 20) + 7);
    let mut client = Client::connect(lbd.port("web"));
    client.send(format!("POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", up.len())).send(&up);
    let response = client.response();
    assert!(response.body == down, "{} bytes came down", response.body.len());
    let got = only_request(&origin);
    assert!(got.body == up, "{} bytes went up", got.body.len());
    assert_eq!(client.send("GET /again HTTP/1.1\r\nHost: x\r\n\r\n").response().body.len(), down.len());
}

#[test]
fn a_chunked_megabyte_passes_up_and_down() {
    let down = noise(1 << 20);
    let pieces: Vec<&[u8]> = down.chunks(60_001).collect();
    let origin = Origin::saying(chunked("200 OK", &pieces, ""));
    let lbd = proxy(&origin, "");
    let up = noise((1 << 20) + 7);
    let pieces: Vec<&[u8]> = up.chunks(1_111).collect();
    let mut client = Client::connect(lbd.port("web"));
    client
        .send("POST /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        .send(chunks(&pieces, ""));
    let response = client.response();
    assert!(response.body == down, "{} bytes came down", response.body.len());
    assert!(only_request(&origin).body == up);
}

#[test]
fn a_response_that_ends_with_its_connection_is_passed_whole() {
    let body = noise(200_000);
    let mut bytes = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    bytes.extend_from_slice(&body);
    let origin = Origin::scripted(move |_| Reply::SendAndClose(bytes.clone()));
    let lbd = proxy(&origin, "");
    let response = get(lbd.port("web"), "/");
    assert!(response.body == body, "{} bytes", response.body.len());
}

#[test]
fn responses_without_a_body_leave_the_connection_in_step() {
    let origin = Origin::scripted(|request| {
        Reply::Send(match request.target() {
            "/head" => b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec(),
            "/204" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            "/304" => b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: \"1\"\r\n\r\n".to_vec(),
            _ => answer("200 OK", "", "body"),
        })
    });
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    for (method, target, status, length) in
        [("HEAD", "/head", 200, Some("1000")), ("GET", "/204", 204, None), ("GET", "/304", 304, Some("77"))]
    {
        client.send(format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let response = client.response_to(method);
        assert_eq!((response.status(), response.header("content-length")), (status, length), "{target}");
        assert_eq!(response.header("transfer-encoding"), None, "{target}");
        let next = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response();
        assert_eq!(next.text(), "body", "after {target}");
    }
}

#[test]
fn the_origin_s_100_continue_is_relayed_and_none_is_made_up() {
    let interim = b"HTTP/1.1 100 Continue\r\nX-From: origin\r\n\r\n".to_vec();
    let origin = Origin::scripted(move |_| {
        Reply::Interim(interim.clone(), Box::new(Reply::Send(answer("200 OK", "", "thanks"))))
    });
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    let interim = client.response();
    assert_eq!((interim.status(), interim.header("x-from")), (100, Some("origin")));
    assert_eq!(client.send("body").response().text(), "thanks");
    let got = only_request(&origin);
    assert_eq!((got.header("expect"), got.text().as_str()), (Some("100-continue"), "body"));
}

#[test]
fn an_http_1_0_client_gets_no_chunks_and_no_keep_alive() {
    let origin = Origin::saying(chunked("200 OK", &[b"one", b"two"], ""));
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    let response = client.send("GET / HTTP/1.0\r\n\r\n").response();
    assert_eq!((response.framing, response.text().as_str()), (Framing::UntilClose, "onetwo"));
    assert_eq!(response.header("connection"), Some("close"));
    client.expect_end();
}

#[test]
fn an_http_1_0_client_may_keep_its_connection() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    for _ in 0..3 {
        let response = client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").response();
        assert_eq!((response.text().as_str(), response.header("connection")), ("a", Some("keep-alive")));
    }
    let last = client.send("GET / HTTP/1.0\r\n\r\n").response();
    assert_eq!(last.header("connection"), Some("close"));
    client.expect_end();
}

#[test]
fn header_names_are_sent_in_lower_case() {
    let origin = Origin::saying(answer("200 OK", "X-Mixed-Reply: Value\r\n", "a"));
    let lbd = proxy(&origin, "");
    let response = request(lbd.port("web"), "GET / HTTP/1.1\r\nHost: X\r\nX-Mixed-Request: Value\r\n\r\n");
    assert!(response.names().contains(&"x-mixed-reply"), "{response:?}");
    assert_eq!(response.header("x-mixed-reply"), Some("Value"));
    let got = only_request(&origin);
    assert!(got.names().contains(&"x-mixed-request") && got.names().contains(&"host"), "{got:?}");
    assert_eq!((got.header("host"), got.header("x-mixed-request")), (Some("X"), Some("Value")));
}

#[test]
fn option_keep_header_case_passes_names_as_they_came() {
    let origin = Origin::saying(answer("200 OK", "X-Mixed-Reply: Value\r\n", "a"));
    let lbd = proxy(&origin, "    option keep-header-case");
    let response = request(lbd.port("web"), "GET / HTTP/1.1\r\nHost: X\r\nX-Mixed-Request: Value\r\n\r\n");
    assert!(response.names().contains(&"X-Mixed-Reply"), "{response:?}");
    let got = only_request(&origin);
    assert!(got.names().contains(&"X-Mixed-Request") && got.names().contains(&"Host"), "{got:?}");
}

#[test]
fn the_order_and_repetition_of_fields_are_kept() {
    let origin = Origin::saying(answer("200 OK", "Set-Cookie: a=1\r\nX-B: 1\r\nSet-Cookie: b=2\r\n", ""));
    let lbd = proxy(&origin, "");
    let response = request(lbd.port("web"), "GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nA: 3\r\n\r\n");
    assert_eq!(response.values("set-cookie"), ["a=1", "b=2"]);
    let got = only_request(&origin);
    let expected = [("host", "x"), ("a", "1"), ("b", "2"), ("a", "3")];
    let fields: Vec<(&str, &str)> = got.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(fields[..4], expected);
}

#[test]
fn fields_of_one_connection_do_not_cross() {
    let reply = "Connection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nX-End: 2\r\n";
    let origin = Origin::saying(answer("200 OK", reply, "a"));
    let lbd = proxy(&origin, "");
    let response = request(
        lbd.port("web"),
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, X-Secret, X-Other\r\nKeep-Alive: 300\r\n\
         Proxy-Connection: keep-alive\r\nX-Secret: 1\r\nx-other: 2\r\nTE: trailers, deflate\r\nUpgrade: h2c\r\n\
         X-Kept: 3\r\n\r\n",
    );
    assert_eq!(response.header("x-end"), Some("2"));
    for name in ["connection", "keep-alive", "x-hop"] {
        assert_eq!(response.header(name), None, "{name} in {response:?}");
    }
    let got = only_request(&origin);
    assert_eq!((got.header("x-kept"), got.header("te")), (Some("3"), Some("trailers")));
    for name in ["keep-alive", "proxy-connection", "x-secret", "x-other", "upgrade"] {
        assert_eq!(got.header(name), None, "{name} in {got:?}");
    }
}

#[test]
fn option_forwardfor_adds_the_client_as_a_last_line() {
    let table: [(&str, &str, &[&str]); 7] = [
        ("option forwardfor", "", &["127.0.0.1"]),
        ("option forwardfor", "X-Forwarded-For: 10.1.1.1\r\n", &["10.1.1.1", "127.0.0.1"]),
        ("option forwardfor if-none", "", &["127.0.0.1"]),
        ("option forwardfor if-none", "X-Forwarded-For: 10.1.1.1\r\n", &["10.1.1.1"]),
        ("option forwardfor except 127.0.0.0/8", "", &[]),
        ("option forwardfor except 10.0.0.0/8", "", &["127.0.0.1"]),
        ("no option forwardfor", "X-Forwarded-For: 10.1.1.1\r\n", &["10.1.1.1"]),
    ];
    for (option, sent, expected) in table {
        let origin = Origin::named("a");
        let lbd = proxy(&origin, &format!("    {option}"));
        request(lbd.port("web"), format!("GET / HTTP/1.1\r\nHost: x\r\n{sent}\r\n"));
        assert_eq!(only_request(&origin).values("x-forwarded-for"), expected, "{option} with {sent:?}");
    }
}

#[test]
fn option_forwardfor_may_name_another_header() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "    option forwardfor header X-Client");
    request(lbd.port("web"), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let got = only_request(&origin);
    assert_eq!((got.header("x-client"), got.header("x-forwarded-for")), (Some("127.0.0.1"), None));
}

#[test]
fn header_rules_apply_on_both_ways() {
    let origin = Origin::saying(answer("200 OK", "Server: secret\r\nX-Set: old\r\n", "a"));
    let rules = "    http-request set-header X-Set new\n    http-request add-header X-Add 2\n    \
                 http-request del-header X-Del\n    http-response del-header Server\n    \
                 http-response set-header X-Set new";
    let lbd = proxy(&origin, rules);
    let response = request(
        lbd.port("web"),
        "GET / HTTP/1.1\r\nHost: x\r\nX-Set: 1\r\nX-Set: 2\r\nX-Add: 1\r\nX-Del: 1\r\n\r\n",
    );
    assert_eq!((response.header("server"), response.header("x-set")), (None, Some("new")));
    let got = only_request(&origin);
    assert_eq!((got.values("x-set"), got.values("x-add")), (vec!["new"], vec!["1", "2"]));
    assert_eq!(got.header("x-del"), None);
}

#[test]
fn a_client_that_has_half_closed_is_still_answered() {
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    let origin = Origin::scripted(move |_| {
        Reply::Held(Arc::clone(&held), Box::new(Reply::Send(answer("200 OK", "", "late"))))
    });
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").finish();
    e2e::eventually("the origin has the request", || (origin.requests().len() == 1).then_some(()));
    gate.open();
    assert_eq!(client.response().text(), "late");
    client.expect_end();
}

#[test]
fn a_websocket_becomes_a_tunnel_both_ways() {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                   Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let origin = Origin::scripted(move |_| Reply::Echo(switch.to_vec()));
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    client.send(
        "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    let response = client.response();
    assert_eq!((response.status(), response.header("upgrade")), (101, Some("websocket")));
    assert!(response.header("connection").is_some_and(|c| c.eq_ignore_ascii_case("upgrade")), "{response:?}");
    for message in [&b"\x81\x05hello"[..], b"GET / HTTP/1.1\r\n\r\n", &noise(100_000)] {
        client.send(message);
        assert!(client.bytes(message.len()) == message);
    }
    client.finish();
    client.expect_end();
    let record = origin.connections().remove(0);
    let (head, tunnel) = record.split_at(record.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4);
    let head = String::from_utf8_lossy(head).to_lowercase();
    assert!(
        head.contains("\r\nupgrade: websocket\r\n") && head.contains("\r\nconnection: upgrade\r\n"),
        "{head}"
    );
    assert!(tunnel.starts_with(b"\x81\x05hello"));
}

#[test]
fn an_answer_that_comes_before_the_body_reaches_a_client_that_still_uploads() {
    let early = answer("413 Payload Too Large", "Connection: close\r\n", "no");
    let origin = Origin::scripted(move |_| Reply::EarlyAndClose(early.clone()));
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n").send(noise(50_000));
    let response = client.response();
    assert_eq!((response.status(), response.text().as_str()), (413, "no"));
}

#[test]
fn a_body_flows_while_it_is_made() {
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    let origin = Origin::scripted(move |_| {
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst".to_vec();
        Reply::Halves(first, Arc::clone(&held), b"later".to_vec())
    });
    let lbd = proxy(&origin, "");
    let mut client = Client::connect(lbd.port("web"));
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    // The first half is here although the second does not exist yet.
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\nfirst") {
        seen.extend(client.bytes(1));
    }
    gate.open();
    assert_eq!(client.bytes(5), b"later");
}

#[test]
fn option_http_server_close_gives_each_request_its_own_server_connection() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "    option http-server-close");
    let mut client = Client::connect(lbd.port("web"));
    for _ in 0..3 {
        let response = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response();
        assert_eq!(response.header("connection"), None);
    }
    assert_eq!(origin.connections().len(), 3);
    assert!(origin.requests().iter().all(|r| r.header("connection") == Some("close")));
}

#[test]
fn option_httpclose_ends_both_connections_after_each_response() {
    let origin = Origin::named("a");
    let lbd = proxy(&origin, "    option httpclose");
    let mut client = Client::connect(lbd.port("web"));
    let response = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response();
    assert_eq!(response.header("connection"), Some("close"));
    client.expect_end();
}

#[test]
fn monitor_uri_is_answered_without_a_server() {
    let lbd =
        Lbd::start(&format!("{DEFAULTS}\nfrontend web\n    bind 127.0.0.1:%web%\n    monitor-uri /alive\n"));
    assert_eq!(get(lbd.port("web"), "/alive").status(), 200);
    assert_eq!(get(lbd.port("web"), "/other").status(), 503);
}
