//! What HAProxy 3.2 does with each kind of doubtful request, row by row.

use e2e::{Client, DEFAULTS, Lbd, Message, Origin, Reply, answer};

struct Pair {
    origin: Origin,
    lbd: Lbd,
}

impl Pair {
    fn new() -> Self {
        Self::with(Origin::named("ok"))
    }

    fn with(origin: Origin) -> Self {
        let lbd = Lbd::start(&format!(
            "{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n    server a 127.0.0.1:{}\n",
            origin.port()
        ));
        Self { origin, lbd }
    }

    /// The first response to these bytes, and whether the connection ended after it.
    fn ask(&self, bytes: &[u8]) -> (Message, bool) {
        let mut client = Client::connect(self.lbd.port("web"));
        let response = client.send_in_vain(bytes).response();
        let closes = response.header("connection") == Some("close");
        if closes {
            client.expect_end();
        }
        (response, closes)
    }

    fn refuses(&self, bytes: &[u8], status: u16) {
        self.origin.clear();
        let (response, closes) = self.ask(bytes);
        let text = String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(response.status(), status, "{text:?}");
        assert!(closes, "{text:?}");
        // Another request makes sure that nothing is still on its way.
        assert_eq!(e2e::get(self.lbd.port("web"), "/behind").status(), 200);
        let seen = self.origin.requests();
        assert!(seen.iter().all(|r| r.target() == "/behind"), "{text:?}: the origin saw {seen:?}");
    }

    /// What the origin sees of a request that passes.
    fn forwards(&self, bytes: &[u8]) -> Message {
        self.origin.clear();
        let (response, _) = self.ask(bytes);
        let text = String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(response.status(), 200, "{text:?}");
        let mut seen = self.origin.requests();
        assert_eq!(seen.len(), 1, "{text:?}: {seen:?}");
        seen.remove(0)
    }
}

fn post(fields: &str, body: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n{body}").into_bytes()
}

#[test]
fn a_length_beside_chunks_is_dropped_and_the_client_connection_closes() {
    let pair = Pair::new();
    let bytes = post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n");
    let seen = pair.forwards(&bytes);
    assert_eq!((seen.header("content-length"), seen.header("transfer-encoding")), (None, Some("chunked")));
    assert_eq!(seen.text(), "hi");
    assert!(pair.ask(&bytes).1, "the connection stays open");
}

#[test]
fn equal_lengths_are_merged() {
    let pair = Pair::new();
    for fields in ["Content-Length: 4\r\nContent-Length: 4\r\n", "Content-Length: 4, 4\r\n"] {
        let seen = pair.forwards(&post(fields, "body"));
        assert_eq!((seen.header("content-length"), seen.text().as_str()), (Some("4"), "body"), "{fields:?}");
    }
}

#[test]
fn doubtful_lengths_are_400() {
    let pair = Pair::new();
    for fields in [
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: 4, 5\r\n",
        "Content-Length: +4\r\n",
        "Content-Length:\r\n",
    ] {
        pair.refuses(&post(fields, "body"), 400);
    }
}

#[test]
fn doubtful_codings_are_400_and_unknown_ones_422() {
    let pair = Pair::new();
    for (coding, status) in [
        ("chunked, chunked", 400),
        ("chunked, gzip", 400),
        ("xchunked", 400),
        ("identity", 400),
        ("", 400),
        ("gzip, chunked", 422),
    ] {
        pair.refuses(&post(&format!("Transfer-Encoding: {coding}\r\n"), "0\r\n\r\n"), status);
    }
}

#[test]
fn a_response_with_an_unknown_coding_is_502() {
    let pair =
        Pair::with(Origin::saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"));
    assert_eq!(pair.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").0.status(), 502);
}

#[test]
fn chunks_in_http_1_0_are_read_and_the_connection_closes() {
    let pair = Pair::new();
    let bytes = b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    assert_eq!(pair.forwards(bytes).text(), "hi");
    assert!(pair.ask(bytes).1, "the connection stays open");
}

#[test]
fn equal_hosts_are_collapsed_and_differing_ones_are_400() {
    let pair = Pair::new();
    let seen = pair.forwards(b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n");
    assert_eq!(seen.header("host"), Some("a"));
    pair.refuses(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
}

#[test]
fn an_absolute_target_must_agree_with_the_host() {
    let pair = Pair::new();
    pair.refuses(b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 400);
    let seen = pair.forwards(b"GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(seen.header("host"), Some("a"));
    let seen = pair.forwards(b"GET http://a:80/x HTTP/1.1\r\nHost: a:80\r\n\r\n");
    assert_eq!(seen.header("host"), Some("a"));
    let seen = pair.forwards(b"GET http://a:81/x HTTP/1.1\r\nHost: a:81\r\n\r\n");
    assert_eq!(seen.header("host"), Some("a:81"));
}

#[test]
fn doubtful_targets_are_400() {
    let pair = Pair::new();
    for target in [&b"/a#b"[..], b"/a\x80", b"/\xc3\xa9", b"/a\x01b", b"/a\x7f", b"/a\tb", b"*", b"a"] {
        let bytes = [&b"GET "[..], target, b" HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
        pair.refuses(&bytes, 400);
    }
    pair.refuses(b"OPTIONS */x HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    let seen = pair.forwards(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(seen.target(), "*");
    let seen = pair.forwards(b"GET /%23?a=%01&b=[]{}|^ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(seen.target(), "/%23?a=%01&b=[]{}|^");
}

#[test]
fn doubtful_first_lines_are_400() {
    let pair = Pair::new();
    for line in [
        "GE\x01T / HTTP/1.1",
        "G(T / HTTP/1.1",
        "GET /",
        "GET / HTTP/0.9",
        "GET / HTTP/1",
        "GET / HTTPS/1.1",
        "GET / http/1.1",
        "GET / HTTP/1.1 x",
        " GET / HTTP/1.1",
        "/ HTTP/1.1",
    ] {
        pair.refuses(format!("{line}\r\nHost: x\r\n\r\n").as_bytes(), 400);
    }
    pair.refuses(b"GET /\r\n\r\n", 400);
}

#[test]
fn a_later_version_is_forwarded_as_1_1() {
    let pair = Pair::new();
    let seen = pair.forwards(b"GET / HTTP/9.9\r\nHost: x\r\n\r\n");
    assert_eq!(seen.line, "GET / HTTP/1.1");
}

#[test]
fn control_characters_in_fields_are_400() {
    let pair = Pair::new();
    for field in ["X: a\0b", "X: a\rb", "X: a\x01b", "X\0: a", "X : a", " : a", ": a", "X", "X(: a"] {
        pair.refuses(format!("GET / HTTP/1.1\r\nHost: x\r\n{field}\r\n\r\n").as_bytes(), 400);
    }
    let seen = pair.forwards(b"GET / HTTP/1.1\r\nHost: x\r\nX:a\tb \r\n\r\n");
    assert_eq!(seen.header("x"), Some("a\tb"));
}

#[test]
fn a_bad_chunk_size_is_400() {
    let pair = Pair::new();
    for size in ["g", "-1", "+1", "0x1", "", "80000000", "fffffffffffffffff"] {
        pair.refuses(&post("Transfer-Encoding: chunked\r\n", &format!("{size}\r\nx\r\n0\r\n\r\n")), 400);
    }
}

#[test]
fn a_target_that_is_too_long_is_414_and_fields_that_are_too_large_431() {
    let pair = Pair::new();
    let long = "a".repeat(20_000);
    pair.refuses(format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(), 414);
    pair.refuses(format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n").as_bytes(), 431);
}

#[test]
fn a_body_on_an_http_1_0_get_is_413() {
    let pair = Pair::new();
    for method in ["GET", "HEAD", "DELETE"] {
        let bytes = format!("{method} / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx");
        let mut client = Client::connect(pair.lbd.port("web"));
        let response = client.send(bytes).response_to("HEAD");
        assert_eq!(response.status(), 413, "{method}");
    }
    assert!(pair.origin.requests().is_empty());
}

#[test]
fn folded_fields_are_joined_by_a_space() {
    let pair = Pair::new();
    let seen = pair.forwards(b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n\tb\r\n  c\r\nY: d\r\n\r\n");
    let words: Vec<&str> = seen.header("x").unwrap().split_whitespace().collect();
    assert_eq!((words, seen.header("y")), (vec!["a", "b", "c"], Some("d")));
    assert!(!seen.header("x").unwrap().contains('\t'));
}

#[test]
fn a_bare_lf_ends_a_line() {
    let pair = Pair::new();
    let seen = pair.forwards(b"POST / HTTP/1.1\nHost: x\nContent-Length: 2\n\nhi");
    assert_eq!((seen.header("host"), seen.text().as_str()), (Some("x"), "hi"));
}

#[test]
fn a_missing_host_passes() {
    let pair = Pair::new();
    assert_eq!(pair.forwards(b"GET / HTTP/1.1\r\n\r\n").header("host"), None);
}

#[test]
fn h2c_is_not_offered_to_the_server() {
    let pair = Pair::new();
    let seen = pair.forwards(
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
          HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    assert_eq!((seen.header("upgrade"), seen.header("http2-settings")), (None, None));
}

#[test]
fn a_response_that_is_not_http_is_502() {
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
    ] {
        let pair = Pair::with(Origin::scripted(move |_| Reply::SendAndClose(bytes.to_vec())));
        let (response, _) = pair.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(response.status(), 502, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn equal_lengths_of_a_response_are_merged() {
    let pair =
        Pair::with(Origin::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi"));
    let (response, _) = pair.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((response.header("content-length"), response.text().as_str()), (Some("2"), "hi"));
}

#[test]
fn a_response_head_that_is_too_large_is_502() {
    let pair = Pair::with(Origin::saying(answer("200 OK", &format!("X: {}\r\n", "a".repeat(20_000)), "")));
    assert_eq!(pair.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").0.status(), 502);
}
