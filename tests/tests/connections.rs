//! How many clients may be connected at once.

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

#[test]
fn a_condition_on_the_command_line_is_an_exit_code() {
    for (condition, code) in [("version_atleast(3.0)", 0), ("feature(OPENSSL)", 1), ("nonsense(", 2)] {
        assert_eq!(run_lbd(&["-cc", condition]).status.code(), Some(code), "{condition}");
    }
}
