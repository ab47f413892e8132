//! What the operator sees.

use crate::bench::{Bench, OURS, Turn, fast};
use lab::Relay;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn a_sick_application_server_is_red_on_the_dashboard() {
    let bench = Bench::start(fast([OURS; 2]), Turn::shared());
    let dashboard = Dashboard::of_node_1(&bench);
    assert_eq!(dashboard.status(), "UP");
    assert!(dashboard.row().contains("active_up"), "{}", dashboard.row());
    bench.lab.set_sick(1, true).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while dashboard.status() != "DOWN" {
        assert!(Instant::now() < deadline, "backend-1 is {}", dashboard.status());
        bench.lab.pause(Duration::from_millis(50)).unwrap();
    }
    assert!(dashboard.row().contains("active_down"), "{}", dashboard.row());
}

/// The statistics page of node 1, as a browser on the host sees it.
struct Dashboard(Relay);

impl Dashboard {
    fn of_node_1(bench: &Bench) -> Self {
        Self(Relay::start(bench.lab.node(1), "127.0.0.1:8404".parse().unwrap()).unwrap())
    }

    fn page(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(self.0.address()).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The eighteenth field of HAProxy's table.
    fn status(&self) -> String {
        let csv = self.page("/stats;csv");
        let row = csv.lines().find(|line| line.starts_with("docapi_backend,backend-1,"));
        row.and_then(|row| row.split(',').nth(17)).unwrap_or_else(|| panic!("{csv}")).to_owned()
    }

    /// The tag that begins the table row of application server 1.
    fn row(&self) -> String {
        let page = self.page("/stats");
        let id = page.find("id=\"docapi_backend/backend-1\"").unwrap_or_else(|| panic!("{page}"));
        let from = page[..id].rfind('<').unwrap();
        page[from..].split('>').next().unwrap().to_owned()
    }
}
