//! How many clients may be connected at once.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{Client, Csv, DEFAULTS, Lbd, Origin, STATS, eventually, run_lbd};

/// One server behind a frontend with these lines.
fn behind(frontend: &str) -> (Lbd, Origin) {
    let origin = Origin::named("a");
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}{STATS}\nfrontend web\n{frontend}\n    default_backend app\nbackend app\n    server a 127.0.0.1:{}\n",
        origin.port()
    ));
    (lbd, origin)
}

/// Two clients: the second is served only once the first has gone.
fn one_at_a_time(lbd: &Lbd) {
    let mut first = Client::connect(lbd.port("web"));
    assert_eq!(first.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n").response().text(), "a");
    let mut second = Client::connect(lbd.port("web"));
    second.send("GET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(first.send("GET /3 HTTP/1.1\r\nHost: x\r\n\r\n").response().text(), "a");
    assert_eq!(
        Csv::fetch(lbd.port("stats")).number("web", "FRONTEND", "scur"),
        1,
        "the second waits in the backlog"
    );
    drop(first);
    assert_eq!(second.response().text(), "a");
}

#[test]
fn a_full_frontend_leaves_clients_in_the_backlog() {
    let (lbd, _origin) = behind("    bind 127.0.0.1:%web%\n    maxconn 1");
    one_at_a_time(&lbd);
}

#[test]
fn a_full_listener_leaves_clients_in_the_backlog() {
    let (lbd, origin) = behind("    bind 127.0.0.1:%web% maxconn 1\n    bind 127.0.0.1:%other%");
    one_at_a_time(&lbd);
    let mut other = Client::connect(lbd.port("other"));
    assert_eq!(other.send("GET /other HTTP/1.1\r\nHost: x\r\n\r\n").response().text(), "a");
    eventually("every request has been served", || (origin.requests().len() == 4).then_some(()));
}

/// The sockets that each event loop of a process watches, by the loop's descriptor. A loop has more than one descriptor.
fn watched(pid: u32) -> BTreeMap<String, usize> {
    let directory = format!("/proc/{pid}/fdinfo");
    let entries = std::fs::read_dir(directory).expect("a child's descriptors can be listed");
    let loops = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        // A descriptor may be closed meanwhile.
        let text = std::fs::read_to_string(entry.path()).ok()?;
        let count = text.lines().filter(|line| line.starts_with("tfd:")).count();
        (count > 0).then(|| (entry.file_name().to_string_lossy().into_owned(), count))
    });
    loops.collect()
}

#[test]
fn of_sixteen_connections_neither_of_two_workers_has_more_than_nine() {
    // Answered by lbd itself: no server connections are among what is watched.
    let (lbd, _origin) = behind("    bind 127.0.0.1:%web%\n    monitor-uri /alive");
    let before = watched(lbd.pid());
    let mut clients: Vec<Client> = (0..16).map(|_| Client::connect(lbd.port("web"))).collect();
    for client in &mut clients {
        assert_eq!(client.send("GET /alive HTTP/1.1\r\nHost: x\r\n\r\n").response().status(), 200);
    }
    // A connection is watched from the moment its worker waits for the next request.
    let shares = eventually("all sixteen are waited for", || {
        let now = watched(lbd.pid());
        let more =
            |(name, count): (&String, &usize)| count - before.get(name).copied().unwrap_or(0).min(*count);
        let shares: Vec<usize> = now.iter().map(more).filter(|more| *more > 0).collect();
        let loops: BTreeSet<usize> = shares.iter().copied().collect();
        let one_each: usize = if loops.len() == 1 { 2 * shares[0] } else { loops.iter().sum() };
        (one_each == 16).then_some(shares)
    });
    assert!(shares.iter().all(|share| (7..=9).contains(share)), "{shares:?}");
}

#[test]
fn a_condition_on_the_command_line_is_an_exit_code() {
    for (condition, code) in [("version_atleast(3.0)", 0), ("feature(OPENSSL)", 1), ("nonsense(", 2)] {
        assert_eq!(run_lbd(&["-cc", condition]).status.code(), Some(code), "{condition}");
    }
}
