//! Who gets the next request.

use std::collections::BTreeMap;
use std::sync::Arc;

use e2e::{Client, Csv, DEFAULTS, Gate, Lbd, Origin, Reply, STATS, answer, eventually, get};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Servers `a`, `b`, `c` with these arguments behind `balance ALGORITHM`.
fn farm(algorithm: &str, arguments: [&str; 3]) -> (Lbd, [Origin; 3]) {
    let origins = NAMES.map(Origin::named);
    let mut servers = String::new();
    for (n, origin) in origins.iter().enumerate() {
        servers.push_str(&format!("    server {} 127.0.0.1:{} {}\n", NAMES[n], origin.port(), arguments[n]));
    }
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}{STATS}\nlisten web\n    bind 127.0.0.1:%web%\n    balance {algorithm}\n{servers}"
    ));
    (lbd, origins)
}

/// Names of the servers that answer `n` requests, each on a connection of its own.
fn answers(lbd: &Lbd, n: usize) -> String {
    (0..n).map(|_| get(lbd.port("web"), "/").text()).collect::<Vec<String>>().join(" ")
}

fn count(answers: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in answers.split(' ') {
        *counts.entry(name.to_owned()).or_insert(0) += 1;
    }
    counts
}

/// An origin that holds every request to `/held` until the gate opens, and answers with its name.
fn holding(name: &'static str, gate: &Arc<Gate>) -> Origin {
    let gate = Arc::clone(gate);
    Origin::scripted(move |request| {
        let reply = Reply::Send(answer("200 OK", "", name));
        if request.target() == "/held" { Reply::Held(Arc::clone(&gate), Box::new(reply)) } else { reply }
    })
}

/// Sends a request that its server holds.
fn hold(lbd: &Lbd) -> Client {
    let mut client = Client::connect(lbd.port("web"));
    client.send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n");
    client
}

#[test]
fn round_robin_alternates_strictly_over_many_connections() {
    let (lbd, _origins) = farm("roundrobin", ["", "", ""]);
    assert_eq!(answers(&lbd, 12), "a b c a b c a b c a b c");
}

#[test]
fn round_robin_alternates_strictly_on_one_connection() {
    let (lbd, _origins) = farm("roundrobin", ["", "", ""]);
    let mut client = Client::connect(lbd.port("web"));
    for n in 0..12 {
        let response = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response();
        assert_eq!(response.text(), NAMES[n % 3], "request {n}");
    }
}

#[test]
fn round_robin_alternates_strictly_when_connections_of_all_workers_take_turns() {
    let (lbd, _origins) = farm("roundrobin", ["", "", ""]);
    let mut clients: Vec<Client> = (0..7).map(|_| Client::connect(lbd.port("web"))).collect();
    let mut turn = 0;
    for _ in 0..6 {
        for client in &mut clients {
            let response = client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").response();
            assert_eq!(response.text(), NAMES[turn % 3], "request {turn}");
            turn += 1;
        }
    }
}

#[test]
fn no_balance_line_is_round_robin() {
    let origins = NAMES.map(Origin::named);
    let [a, b, c] = origins.each_ref().map(Origin::port);
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}\nfrontend web\n    bind 127.0.0.1:%web%\n    default_backend app\n\nbackend app\n    \
         server a 127.0.0.1:{a}\n    server b 127.0.0.1:{b}\n    server c 127.0.0.1:{c}\n"
    ));
    assert_eq!(answers(&lbd, 6), "a b c a b c");
}

#[test]
fn weights_interleave() {
    let (lbd, _origins) = farm("roundrobin", ["weight 1", "weight 2", "weight 4"]);
    assert_eq!(answers(&lbd, 14), "c c b c a c b c c b c a c b");
}

#[test]
fn a_weight_of_zero_gets_nothing() {
    let (lbd, _origins) = farm("roundrobin", ["", "weight 0", ""]);
    assert_eq!(answers(&lbd, 6), "a c a c a c");
}

#[test]
fn static_rr_keeps_the_weights() {
    let (lbd, _origins) = farm("static-rr", ["weight 1", "weight 2", "weight 3"]);
    let counts = count(&answers(&lbd, 24));
    assert_eq!((counts["a"], counts["b"], counts["c"]), (4, 8, 12));
}

#[test]
fn backups_serve_only_while_no_active_server_does_and_only_the_first() {
    let (lbd, origins) = farm("roundrobin", ["", "backup", "backup"]);
    assert_eq!(answers(&lbd, 4), "a a a a");
    drop((lbd, origins));
    let (lbd, _origins) = farm("roundrobin", ["disabled", "backup", "backup"]);
    assert_eq!(answers(&lbd, 4), "b b b b");
}

#[test]
fn option_allbackups_uses_them_all() {
    let (lbd, _origins) = farm("roundrobin\n    option allbackups", ["disabled", "backup", "backup"]);
    assert_eq!(answers(&lbd, 4), "b c b c");
}

#[test]
fn leastconn_avoids_busy_servers_and_rotates_over_idle_ones() {
    let gate = Arc::new(Gate::default());
    let origins = NAMES.map(|name| holding(name, &gate));
    let [a, b, c] = origins.each_ref().map(Origin::port);
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n    balance leastconn\n    \
         server a 127.0.0.1:{a}\n    server b 127.0.0.1:{b}\n    server c 127.0.0.1:{c}\n"
    ));
    assert_eq!(answers(&lbd, 6), "a b c a b c");
    let busy = |origin: &Origin| origin.requests().iter().filter(|r| r.target() == "/held").count();
    let mut first = hold(&lbd);
    eventually("a is busy", || (busy(&origins[0]) == 1).then_some(()));
    assert!(!answers(&lbd, 8).contains('a'));
    let mut others = [hold(&lbd), hold(&lbd)];
    eventually("all are busy", || origins.iter().all(|o| busy(o) == 1).then_some(()));
    gate.open();
    assert_eq!(first.response().text(), "a");
    for other in &mut others {
        assert_eq!(other.response().status(), 200);
    }
}

#[test]
fn source_ties_a_client_to_one_server() {
    let (lbd, _origins) = farm("source", ["", "", ""]);
    assert_eq!(count(&answers(&lbd, 12)).len(), 1);
}

#[test]
fn random_reaches_every_server() {
    let (lbd, _origins) = farm("random", ["", "", ""]);
    // Each is missed by 120 draws with a probability of less than 1 in 10^20.
    assert_eq!(count(&answers(&lbd, 120)).len(), 3);
}

#[test]
fn first_fills_a_server_before_it_uses_the_next() {
    let gate = Arc::new(Gate::default());
    let (a, b) = (holding("a", &gate), holding("b", &gate));
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}{STATS}\nlisten web\n    bind 127.0.0.1:%web%\n    balance first\n    \
         server a 127.0.0.1:{} maxconn 1\n    server b 127.0.0.1:{} maxconn 100\n",
        a.port(),
        b.port()
    ));
    for _ in 0..4 {
        assert_eq!(answers(&lbd, 1), "a");
        Csv::await_cell(lbd.port("stats"), ("web", "a", "scur"), "0");
    }
    let mut held = hold(&lbd);
    eventually("a is full", || a.requests().iter().any(|r| r.target() == "/held").then_some(()));
    assert_eq!(answers(&lbd, 3), "b b b");
    gate.open();
    assert_eq!(held.response().text(), "a");
    eventually("a is used again", || (answers(&lbd, 1) == "a").then_some(()));
}

#[test]
fn server_maxconn_queues_what_is_too_much_and_loses_none() {
    let gate = Arc::new(Gate::default());
    let origin = holding("a", &gate);
    let lbd = Lbd::start(&format!(
        "{DEFAULTS}{STATS}\nlisten web\n    bind 127.0.0.1:%web%\n    timeout queue 10s\n    \
         server a 127.0.0.1:{} maxconn 2\n",
        origin.port()
    ));
    let mut clients: Vec<Client> = (0..6).map(|_| hold(&lbd)).collect();
    let queued = eventually("four wait", || {
        let csv = Csv::fetch(lbd.port("stats"));
        let queued = csv.number("web", "a", "qcur") + csv.number("web", "BACKEND", "qcur");
        (queued >= 4).then_some(queued)
    });
    assert_eq!(queued, 4);
    eventually("two are served", || (origin.requests().len() == 2).then_some(()));
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().text(), "a");
    }
    assert_eq!((origin.requests().len(), origin.most_active()), (6, 2));
    let csv = Csv::fetch(lbd.port("stats"));
    assert_eq!(csv.number("web", "a", "qcur") + csv.number("web", "BACKEND", "qcur"), 0);
    assert_eq!(csv.cell("web", "a", "slim"), "2");
}

#[test]
fn a_disabled_server_gets_nothing_and_shows_maint() {
    let (lbd, _origins) = farm("roundrobin", ["", "disabled", ""]);
    assert_eq!(answers(&lbd, 4), "a c a c");
    assert_eq!(Csv::fetch(lbd.port("stats")).cell("web", "b", "status"), "MAINT");
}
