//! A dying server costs the user no request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use e2e::{BlackHole, Client, DEFAULTS, Lbd, Origin, Reply, answer, eventually, every, free_port, get};

/// Servers on these ports, with `lines` in their section.
fn proxy(lines: &str, ports: &[u16]) -> Lbd {
    let servers: String =
        ports.iter().enumerate().map(|(n, port)| format!("    server s{n} 127.0.0.1:{port}\n")).collect();
    Lbd::start(&format!("{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n{lines}\n{servers}"))
}

/// Answers the first request of each connection with 200 and does `then` at the second.
fn second_time(name: &'static str, then: Reply) -> Origin {
    Origin::scripted(move |request| match request.header("x-turn") {
        Some("2") => then.clone(),
        _ => Reply::Send(answer("200 OK", "", name)),
    })
}

#[test]
fn a_server_that_refuses_costs_no_request_and_no_time() {
    let origin = Origin::named("alive");
    let lbd = proxy("", &[free_port(), origin.port()]);
    let start = Instant::now();
    for _ in 0..40 {
        assert_eq!(get(lbd.port("web"), "/").text(), "alive");
    }
    // A pause before each retry would make this at least 20 seconds.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_post_whose_server_refuses_goes_to_another_with_its_body() {
    let origin = Origin::named("alive");
    let lbd = proxy("", &[free_port(), origin.port()]);
    for n in 0..6 {
        let body = format!("body {n}");
        let bytes = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert_eq!(e2e::request(lbd.port("web"), bytes).text(), "alive");
        assert_eq!(origin.requests().last().unwrap().method(), "POST");
    }
    let mut bodies: Vec<String> = origin.requests().iter().map(|r| r.text()).collect();
    bodies.sort();
    assert_eq!(bodies, ["body 0", "body 1", "body 2", "body 3", "body 4", "body 5"]);
}

#[test]
fn no_option_redispatch_stays_with_the_server_until_the_retries_are_used() {
    let origin = Origin::named("alive");
    let lines = "    no option redispatch\n    retries 1\n    timeout connect 300ms";
    let lbd = proxy(lines, &[free_port(), origin.port()]);
    let start = Instant::now();
    let statuses: Vec<u16> = (0..4).map(|_| get(lbd.port("web"), "/").status()).collect();
    assert_eq!(statuses, [503, 200, 503, 200]);
    // The pause before each of the two retries is the shorter of a second and timeout connect.
    assert!(start.elapsed() >= Duration::from_millis(600), "{:?}", start.elapsed());
}

#[test]
fn a_server_that_never_completes_a_connection_costs_timeout_connect_once_per_request_at_most() {
    let (origin, hole) = (Origin::named("alive"), BlackHole::new());
    let lbd = proxy("    timeout connect 200ms", &[hole.port(), origin.port()]);
    for _ in 0..4 {
        assert_eq!(get(lbd.port("web"), "/").text(), "alive");
    }
}

#[test]
fn a_reset_on_a_kept_server_connection_is_invisible_to_a_get() {
    for then in [Reply::Reset, Reply::Close] {
        let (dying, alive) = (second_time("s0", then.clone()), Origin::named("s1"));
        let lbd = proxy("", &[dying.port(), alive.port()]);
        let mut client = Client::connect(lbd.port("web"));
        for name in ["s0", "s1"] {
            assert_eq!(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response().text(), name);
        }
        let response = client.send("GET / HTTP/1.1\r\nHost: x\r\nX-Turn: 2\r\n\r\n").response();
        assert_eq!((response.status(), response.text().as_str()), (200, "s1"), "{then:?}");
        let next = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response();
        assert_eq!(next.status(), 200, "{then:?}: the client connection goes on");
    }
}

#[test]
fn a_server_connection_that_went_stale_is_invisible_to_every_method() {
    // Closes each connection after its first response, without saying so.
    let origin = Origin::scripted(|_| Reply::SendAndClose(answer("200 OK", "", "ok")));
    let lbd = proxy("", &[origin.port()]);
    let mut client = Client::connect(lbd.port("web"));
    for n in 0..10 {
        let bytes = match n % 2 {
            0 => "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            _ => "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi",
        };
        assert_eq!(client.send(bytes).response().text(), "ok", "request {n}");
        // The close has arrived before the next request leaves: nothing of it can be lost.
        eventually("the server connection is closed", || (origin.closed() == n + 1).then_some(()));
    }
}

#[test]
fn a_post_that_was_sent_is_not_sent_again() {
    for then in [Reply::Reset, Reply::Close] {
        let (dying, alive) = (second_time("s0", then.clone()), second_time("s1", then.clone()));
        let lbd = proxy("", &[dying.port(), alive.port()]);
        let bytes = "POST / HTTP/1.1\r\nHost: x\r\nX-Turn: 2\r\nContent-Length: 4\r\n\r\nonce";
        assert_eq!(e2e::request(lbd.port("web"), bytes).status(), 502, "{then:?}");
        assert_eq!(dying.requests().len() + alive.requests().len(), 1, "{then:?}");
    }
}

#[test]
fn a_response_that_has_begun_is_not_begun_again() {
    let dying = Origin::scripted(|_| Reply::SendAndClose(b"HTTP/1.1 200 OK\r\nContent-Len".to_vec()));
    let alive = Origin::named("alive");
    let lbd = proxy("", &[dying.port(), alive.port()]);
    assert_eq!(get(lbd.port("web"), "/").status(), 502);
    assert!(alive.requests().is_empty());
}

#[test]
fn when_every_server_fails_retries_do_not_multiply_the_load() {
    let servers = [Origin::scripted(|_| Reply::Reset), Origin::scripted(|_| Reply::Reset)];
    let lbd = proxy("", &[servers[0].port(), servers[1].port()]);
    for _ in 0..200 {
        assert!((500..600).contains(&get(lbd.port("web"), "/").status()));
    }
    let attempts = servers[0].requests().len() + servers[1].requests().len();
    // With `retries 3` and no budget it would be 800.
    assert!((200..500).contains(&attempts), "{attempts} attempts for 200 requests");
}

#[test]
fn a_server_that_dies_under_load_costs_no_request() {
    let (a, b) = (Origin::named("a"), Origin::named("b"));
    let lbd = proxy("", &[a.port(), b.port()]);
    let web = lbd.port("web");
    let done = Arc::new(AtomicU32::new(0));
    // 200 requests a second from four clients, half of them on kept connections.
    let clients: Vec<_> = (0..4)
        .map(|n| {
            let done = Arc::clone(&done);
            thread::spawn(move || {
                let mut kept = Client::connect(web);
                let mut failed = 0;
                every(Duration::from_millis(20), 100, |_| {
                    let response = if n % 2 == 0 {
                        get(web, "/")
                    } else {
                        kept.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response()
                    };
                    failed += u32::from(response.status() != 200);
                    done.fetch_add(1, Ordering::SeqCst);
                });
                failed
            })
        })
        .collect();
    eventually("a hundred are done", || (done.load(Ordering::SeqCst) >= 100).then_some(()));
    a.kill();
    let failed: u32 = clients.into_iter().map(|client| client.join().expect("no request was lost")).sum();
    assert_eq!((failed, done.load(Ordering::SeqCst)), (0, 400));
    assert!(!a.requests().is_empty() && b.requests().len() >= 300, "{} on b", b.requests().len());
}

#[test]
fn a_server_that_comes_back_is_used_again() {
    let (a, b) = (Origin::named("a"), Origin::named("b"));
    let lbd = proxy("", &[a.port(), b.port()]);
    a.kill();
    for _ in 0..4 {
        assert_eq!(get(lbd.port("web"), "/").text(), "b");
    }
    a.listen();
    eventually("a answers", || (get(lbd.port("web"), "/").text() == "a").then_some(()));
}
