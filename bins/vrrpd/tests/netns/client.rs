//! A client of the virtual address, and nodes that answer it with their numbers.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;

use crate::daemon::VIP;
use crate::lan::Host;

const PORT: u16 = 7;
/// Between two questions.
pub(crate) const EVERY: Duration = Duration::from_millis(2);

/// Answers on a node with its number, at all its IPv4 addresses.
pub(crate) fn answer(host: &Host, number: u8) {
    answer_at(host, "0.0.0.0", number);
}

/// Answers on a node with its number.
pub(crate) fn answer_at(host: &Host, address: &str, number: u8) {
    let socket = host.inside(|| std::net::UdpSocket::bind((address, PORT))).unwrap();
    socket.set_nonblocking(true).unwrap();
    let socket = UdpSocket::from_std(socket).unwrap();
    tokio::spawn(async move {
        loop {
            let Ok((_, from)) = socket.recv_from(&mut [0; 8]).await else { continue };
            let _ = socket.send_to(&[number], from).await;
        }
    });
}

/// Asks until node `number` answers, and a while longer; the longest time between two answers.
pub(crate) async fn longest_gap(client: &UdpSocket, number: u8, after: Duration) -> Duration {
    let vip = SocketAddr::new(VIP.parse().unwrap(), PORT);
    let (mut last, mut longest, mut served) = (Instant::now(), Duration::ZERO, None::<Instant>);
    loop {
        // Nobody may have the address at the moment.
        let _ = client.send_to(b"?", vip).await;
        let due = Instant::now() + EVERY;
        let mut buffer = [0; 8];
        while let Ok(Ok((length, _))) =
            tokio::time::timeout_at(due.into(), client.recv_from(&mut buffer)).await
        {
            longest = longest.max(last.elapsed());
            last = Instant::now();
            if buffer[..length] == [number] {
                served.get_or_insert(last);
            }
        }
        if served.is_some_and(|since| since.elapsed() > after) {
            return longest;
        }
    }
}

/// The hardware address that the client believes in.
pub(crate) fn neighbour(address: &str) -> String {
    let table = fs::read_to_string("/proc/net/arp").unwrap();
    let line = table.lines().find(|line| line.split_whitespace().next() == Some(address));
    line.and_then(|line| line.split_whitespace().nth(3)).unwrap_or_default().to_owned()
}
