//! How many clients may be connected at once.

use std::collections::BTreeSet;

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

/// The sockets that each event loop of a process watches, by their inodes. A loop may have more than one descriptor.
fn watched(pid: u32) -> BTreeSet<BTreeSet<u64>> {
    let directory = format!("/proc/{pid}/fdinfo");
    let entries = std::fs::read_dir(directory).expect("a child's descriptors can be listed");
    let loops = entries.filter_map(|entry| {
        // A descriptor may be closed meanwhile.
        let text = std::fs::read_to_string(entry.ok()?.path()).ok()?;
        let targets = text.lines().filter(|line| line.starts_with("tfd:"));
        let inode = |line: &str| u64::from_str_radix(line.split_once("ino:")?.1.split(' ').next()?, 16).ok();
        Some(targets.filter_map(inode).collect())
    });
    loops.collect()
}

/// The inodes of the connections that were accepted on a port of this machine.
fn accepted(port: u16) -> BTreeSet<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel lists connections");
    let at_port = format!(":{port:04X}");
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // proc_net_tcp: local address, state (01: established) and inode are the columns 1, 3 and 9.
    let ours = rows.filter(|row| row[1].ends_with(&at_port) && row[3] == "01");
    ours.filter_map(|row| row[9].parse().ok()).filter(|inode| *inode != 0).collect()
}

#[test]
fn of_sixteen_connections_neither_of_two_workers_has_more_than_nine() {
    let (lbd, _origin) = behind("    bind 127.0.0.1:%web%\n    monitor-uri /alive");
    let mut clients: Vec<Client> = (0..16).map(|_| Client::connect(lbd.port("web"))).collect();
    for client in &mut clients {
        assert_eq!(client.send("GET /alive HTTP/1.1\r\nHost: x\r\n\r\n").response().status(), 200);
    }
    // A connection is watched from the moment its worker waits for the next request.
    let shares = eventually("all sixteen are waited for", || {
        let connections = accepted(lbd.port("web"));
        let shares: Vec<usize> =
            watched(lbd.pid()).iter().map(|sockets| sockets.intersection(&connections).count()).collect();
        (shares.iter().sum::<usize>() == 16).then_some(shares)
    });
    assert!(shares.iter().all(|share| *share == 0 || (7..=9).contains(share)), "{shares:?}");
}

#[test]
fn a_condition_on_the_command_line_is_an_exit_code() {
    for (condition, code) in [("version_atleast(3.0)", 0), ("feature(OPENSSL)", 1), ("nonsense(", 2)] {
        assert_eq!(run_lbd(&["-cc", condition]).status.code(), Some(code), "{condition}");
    }
}
