//! Neither side of `lbd` falls out of step: where messages are cut, answered early, refused or upgraded, the bytes behind
//! them are not taken for the next message.

use std::sync::Arc;

use e2e::Outcome::Either;
use e2e::{Client, Gate, HIDDEN, Judge, Message, Origin, Reply, answer, hidden_chunk};

#[test]
fn bodies_that_are_cut_never_become_whole() {
    let judge = Judge::new();
    for (name, payload) in [
        ("length", &b"POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"[..]),
        ("chunk", b"POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf"),
        (
            "no last chunk",
            b"POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ),
        (
            "no end of trailers",
            b"POST /first HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n",
        ),
    ] {
        judge.origin.clear();
        let mut client = Client::connect(judge.lbd.port("web"));
        client.send(payload).finish();
        let responses = client.responses();
        assert!(responses.iter().all(|r| (400..500).contains(&r.status())), "{name}: {responses:?}");
        judge.sentinel(name);
        assert!(judge.forwarded(name).is_empty(), "{name}");
    }
}

#[test]
fn an_upgrade_that_the_origin_does_not_take_lets_nothing_through() {
    let judge = Judge::new();
    for upgrade in ["websocket", "h2c", "foo/1, websocket", "TLS/1.0"] {
        judge.origin.clear();
        let mut client = Client::connect(judge.lbd.port("web"));
        client.send(format!(
            "GET /first HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n{HIDDEN}"
        ));
        let first = client.response();
        assert_eq!((first.status(), first.header("x-target")), (200, Some("/first")), "{upgrade}");
        // Behind a 200 it is the next request, read and marked by the proxy. It may also be dropped with the connection.
        if let Some(second) = client.finish().next("GET") {
            assert_eq!(second.header("x-target"), Some("/smuggled"), "{upgrade}");
        }
        judge.sentinel(upgrade);
        judge.forwarded(upgrade);
    }
}

#[test]
fn a_connect_that_the_origin_does_not_take_lets_nothing_through() {
    let judge = Judge::with(Origin::scripted(|request| match request.method() {
        "CONNECT" => Reply::Send(answer("405 Method Not Allowed", "X-Target: /first\r\n", "no")),
        _ => Reply::Send(answer("200 OK", &format!("X-Target: {}\r\n", request.target()), "ok")),
    }));
    let mut client = Client::connect(judge.lbd.port("web"));
    client.send(format!("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n{HIDDEN}")).finish();
    let responses = client.responses();
    assert!((400..500).contains(&responses[0].status()), "{responses:?}");
    judge.sentinel("CONNECT");
    judge.forwarded("CONNECT");
}

#[test]
fn an_unsolicited_101_opens_no_tunnel() {
    let judge = Judge::with(Origin::scripted(|request| match request.target() {
        "/sentinel" => Reply::Send(answer("200 OK", "X-Target: /sentinel\r\n", "ok")),
        _ => Reply::Send(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec(),
        ),
    }));
    let mut client = Client::connect(judge.lbd.port("web"));
    client.send(format!("GET /first HTTP/1.1\r\nHost: x\r\n\r\n{HIDDEN}")).finish();
    let responses = client.responses();
    assert_eq!(responses[0].status(), 502, "{responses:?}");
    judge.sentinel("101");
    judge.forwarded("101");
}

#[test]
fn a_body_that_an_early_answer_left_unread_is_not_the_next_request() {
    let judge = Judge::with(Origin::scripted(|request| match request.target() {
        "/first" => Reply::Early(answer("200 OK", "X-Target: /first\r\n", "early")),
        target => Reply::Send(answer("200 OK", &format!("X-Target: {target}\r\n"), "ok")),
    }));
    let n = HIDDEN.len();
    for expect in ["", "Expect: 100-continue\r\n"] {
        judge.origin.clear();
        let mut client = Client::connect(judge.lbd.port("web"));
        client.send(format!("POST /first HTTP/1.1\r\nHost: x\r\n{expect}Content-Length: {n}\r\n\r\n"));
        assert_eq!(client.response().header("x-target"), Some("/first"));
        // Meanwhile other clients use whatever server connection is there.
        judge.sentinel(expect);
        client.send_in_vain(HIDDEN).finish();
        assert!(client.responses().is_empty(), "{expect:?}: the body was answered as a request");
        judge.sentinel(expect);
        let seen = judge.forwarded(expect);
        assert!(seen.iter().all(|r| r.target() == "/first"), "{expect:?}: {seen:?}");
    }
}

#[test]
fn expect_100_continue_hides_no_request() {
    let judge = Judge::new();
    let n = HIDDEN.len();
    for expect in ["100-continue", "100-Continue", "100-continue, x", "x 100-continue", "y", ""] {
        let payload = format!(
            "POST /first HTTP/1.1\r\nHost: x\r\nExpect: {expect}\r\nContent-Length: {n}\r\n\r\n{HIDDEN}"
        );
        judge.judge(expect, payload.as_bytes(), Either);
    }
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        // 0.CL: a body on a method that has none elsewhere. HEAD's own answer has no body, so it is judged by the origin alone.
        judge.origin.clear();
        let mut client = Client::connect(judge.lbd.port("web"));
        let head = format!(
            "{method} /first HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {n}\r\n\r\n"
        );
        client.send(head).send_in_vain(HIDDEN).finish();
        client.rest();
        judge.sentinel(method);
        let seen = judge.forwarded(method);
        assert!(seen.len() <= 1 && seen.iter().all(|r| r.target() == "/first"), "{method}: {seen:?}");
    }
}

#[test]
fn an_answer_of_the_proxy_itself_leaves_no_body_to_be_read_as_a_request() {
    let judge = Judge::new();
    let n = HIDDEN.len();
    let framings = [
        format!("Content-Length: {n}\r\n\r\n{HIDDEN}"),
        format!("Transfer-Encoding: chunked\r\n\r\n{}", hidden_chunk()),
    ];
    for framing in framings {
        let mut client = Client::connect(judge.lbd.port("nowhere"));
        client.send(format!("POST /first HTTP/1.1\r\nHost: x\r\n{framing}")).finish();
        let responses = client.responses();
        assert_eq!(responses.iter().map(Message::status).collect::<Vec<u16>>(), [503]);
    }
}

#[test]
fn a_response_with_two_framings_does_not_poison_its_connection() {
    let hidden = answer("200 OK", "X-Target: /poison\r\n", "poison");
    let poison = String::from_utf8_lossy(&hidden).into_owned();
    for (name, head, status) in [
        ("two lengths", "Content-Length: 0\r\nContent-Length: 60\r\n", Some(502)),
        ("odd length", "Content-Length: +0\r\n", Some(502)),
        ("unknown coding", "Transfer-Encoding: gzip, chunked\r\n", Some(502)),
        ("space before a colon", "Content-Length : 0\r\n", Some(502)),
        ("more than its length", "Content-Length: 0\r\n", None),
        ("nothing, kept alive", "Content-Length: 0\r\nConnection: keep-alive\r\n", None),
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n{poison}").into_bytes();
        let judge = Judge::with(Origin::scripted(move |request| match request.target() {
            "/bad" => Reply::Send(bytes.clone()),
            target => Reply::Send(answer("200 OK", &format!("X-Target: {target}\r\n"), "ok")),
        }));
        let mut client = Client::connect(judge.lbd.port("web"));
        let response = client.send("GET /bad HTTP/1.1\r\nHost: x\r\n\r\n").response();
        assert!(response.status() == status.unwrap_or(200), "{name}: {response:?}");
        for n in 0..3 {
            judge.sentinel(&format!("{name}, {n}"));
        }
    }
}

#[test]
fn two_clients_never_share_a_half_sent_request() {
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    let judge = Judge::with(Origin::scripted(move |request| {
        let reply = Reply::Send(answer("200 OK", &format!("X-Target: {}\r\n", request.target()), "ok"));
        if request.target() == "/held" { Reply::Held(Arc::clone(&held), Box::new(reply)) } else { reply }
    }));
    let mut leaving = Client::connect(judge.lbd.port("web"));
    leaving.send("POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nGET /smuggled HTTP/1.1\r\n");
    let mut waiting = Client::connect(judge.lbd.port("web"));
    waiting.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    drop(leaving);
    judge.sentinel("a client that left in its body");
    gate.open();
    assert_eq!(waiting.response().header("x-target"), Some("/held"));
    judge.forwarded("a client that left in its body");
}
