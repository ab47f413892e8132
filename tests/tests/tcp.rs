//! `mode tcp`: bytes, both ways, to their ends.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex};

use e2e::{Acceptor, Client, Csv, Lbd, STATS, Signal, SyslogSink, eventually, free_port};

const TCP: &str = "
defaults
    mode tcp
    timeout connect 2s
    timeout client 10s
    timeout server 10s
";

/// Sends everything back; says goodbye after the client's end.
fn echo(name: &'static str) -> Acceptor {
    Acceptor::start(move |stream| {
        let mut bytes = [0; 64 * 1024];
        let mut stream = &*stream;
        loop {
            match stream.read(&mut bytes) {
                Ok(n) if n > 0 => {
                    if stream.write_all(&bytes[..n]).is_err() {
                        return;
                    }
                }
                _ => break,
            }
        }
        // The client may have gone without waiting.
        let _ = stream.write_all(name.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
    })
}

fn proxy(more: &str, ports: &[u16]) -> Lbd {
    let servers: String =
        ports.iter().enumerate().map(|(n, port)| format!("    server s{n} 127.0.0.1:{port}\n")).collect();
    let stats = STATS.replace("    stats enable", "    mode http\n    stats enable");
    Lbd::start(&format!("{TCP}{stats}\nlisten pipe\n    bind 127.0.0.1:%pipe%\n{more}\n{servers}"))
}

#[test]
fn bytes_pass_both_ways_and_half_closing_is_passed_on() {
    let server = echo("bye");
    let lbd = proxy("", &[server.port()]);
    let mut client = Client::connect(lbd.port("pipe"));
    for text in [&b"hello"[..], b"GET / HTTP/1.1\r\n\r\n", b"\0\x01\xff"] {
        client.send(text);
        assert_eq!(client.bytes(text.len()), text);
    }
    client.finish();
    assert_eq!(client.rest(), b"bye");
}

#[test]
fn a_megabyte_passes_unchanged() {
    let server = echo("");
    let lbd = proxy("", &[server.port()]);
    let mut client = Client::connect(lbd.port("pipe"));
    let piece: Vec<u8> = (0..15_000u32).flat_map(u32::to_be_bytes).collect();
    for round in 0..20 {
        client.send(&piece);
        assert!(client.bytes(piece.len()) == piece, "round {round}");
    }
    client.finish();
    client.expect_end();
}

#[test]
fn a_server_may_speak_first_and_close_first() {
    let server = Acceptor::start(|stream| {
        let mut stream = &*stream;
        stream.write_all(b"220 ready\r\n").expect("somebody listens");
    });
    let lbd = proxy("", &[server.port()]);
    let mut client = Client::connect(lbd.port("pipe"));
    assert_eq!(client.rest(), b"220 ready\r\n");
}

#[test]
fn a_client_that_closes_ends_the_server_s_connection() {
    let ended = Arc::new(Mutex::new(false));
    let seen = Arc::clone(&ended);
    let server = Acceptor::start(move |stream| {
        let mut rest = Vec::new();
        // Reset is as much an end as FIN.
        let _ = (&*stream).read_to_end(&mut rest);
        if let Ok(mut ended) = seen.lock() {
            *ended = true;
        }
    });
    let lbd = proxy("", &[server.port()]);
    let mut client = Client::connect(lbd.port("pipe"));
    client.send("x");
    drop(client);
    eventually("the server sees the end", || ended.lock().is_ok_and(|e| *e).then_some(()));
}

#[test]
fn a_server_that_refuses_costs_no_session() {
    let server = echo("alive");
    let lbd = proxy("", &[free_port(), server.port()]);
    for _ in 0..6 {
        let mut client = Client::connect(lbd.port("pipe"));
        assert_eq!(client.send("x").finish().rest(), b"xalive");
    }
    let csv = Csv::fetch(lbd.port("stats"));
    assert!(csv.number("pipe", "BACKEND", "wredis") >= 1);
}

#[test]
fn sessions_take_turns() {
    let (a, b) = (echo("a"), echo("b"));
    let lbd = proxy("", &[a.port(), b.port()]);
    let turns: Vec<Vec<u8>> = (0..6).map(|_| Client::connect(lbd.port("pipe")).finish().rest()).collect();
    assert_eq!(turns, [b"a", b"b", b"a", b"b", b"a", b"b"]);
}

#[test]
fn no_server_at_all_closes_the_connection() {
    let lbd = proxy("    retries 0", &[free_port()]);
    Client::connect(lbd.port("pipe")).expect_end();
}

#[test]
fn option_tcplog_says_where_a_session_went() {
    let sink = SyslogSink::start();
    let server = echo("bye");
    let lbd =
        proxy(&format!("    log 127.0.0.1:{} local0\n    option tcplog", sink.port()), &[server.port()]);
    let mut client = Client::connect(lbd.port("pipe"));
    let address = client.address();
    assert_eq!(client.send("hello").finish().rest(), b"hellobye");
    let line = sink.line_with(" pipe pipe/s0 ");
    let fields: Vec<&str> = line.split_once("]: ").unwrap().1.split(' ').collect();
    let [from, _date, _, _, timers, bytes, flags, counts, queues] = fields[..] else { panic!("{line}") };
    assert_eq!((from, flags, bytes, queues), (address.to_string().as_str(), "--", "8", "0/0"));
    assert!(
        timers.split('/').all(|t| t.parse::<u32>().is_ok()) && timers.matches('/').count() == 2,
        "{line}"
    );
    assert!(counts.ends_with("/0") && counts.matches('/').count() == 4, "{line}");
}

#[test]
fn a_session_without_a_server_is_logged_with_its_reason() {
    let sink = SyslogSink::start();
    let more = format!("    log 127.0.0.1:{} local0\n    option tcplog\n    retries 0", sink.port());
    let lbd = proxy(&more, &[free_port()]);
    Client::connect(lbd.port("pipe")).expect_end();
    let line = sink.line_with(" pipe pipe/");
    assert!(line.contains(" SC "), "{line}");
}

#[test]
fn the_last_lines_are_written_when_the_process_ends() {
    let sink = SyslogSink::start();
    let more = format!("    log 127.0.0.1:{} local0\n    option tcplog\n    retries 0", sink.port());
    let mut lbd = proxy(&more, &[free_port()]);
    // Lines are handed to the writer some at a time: these are younger than that when the signal comes.
    for _ in 0..20 {
        Client::connect(lbd.port("pipe")).expect_end();
    }
    lbd.signal(Signal::SIGTERM);
    assert!(lbd.await_exit().success());
    eventually("all twenty lines", || {
        (sink.lines().iter().filter(|line| line.contains(" pipe pipe/")).count() == 20).then_some(())
    });
}

#[test]
fn sessions_are_counted() {
    let server = echo("bye");
    let lbd = proxy("", &[server.port()]);
    for _ in 0..3 {
        let mut client = Client::connect(lbd.port("pipe"));
        assert_eq!(client.send("hello").finish().rest(), b"hellobye");
    }
    let csv = eventually("the sessions have ended", || {
        let csv = Csv::fetch(lbd.port("stats"));
        (csv.cell("pipe", "FRONTEND", "scur") == "0" && csv.number("pipe", "s0", "bout") == 24).then_some(csv)
    });
    for row in ["FRONTEND", "s0", "BACKEND"] {
        assert_eq!(csv.number("pipe", row, "stot"), 3, "{row}");
        assert_eq!((csv.number("pipe", row, "bin"), csv.number("pipe", row, "bout")), (15, 24), "{row}");
    }
}
