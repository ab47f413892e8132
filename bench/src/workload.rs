//! Hot functions, each repeated as often as asked: what valgrind counts.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use bytes::BytesMut;
use lb_core::{Algorithm, Pick, PickInput, Pool, PoolConfig, ServerSpec, Tried};
use proxy::h1;
use vrrp::{
    AdverInterval, Advertised, Advertisement, Authentication, Checksum, Command, IfIndex, Ingress,
    InstanceConfig, Link, Node, NodeConfig, Version, Vrid,
};

/// A function, run so many times.
#[derive(Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    run: fn(u64),
}

impl Workload {
    pub(crate) fn run(&self, iterations: u64) {
        (self.run)(iterations);
    }

    /// The one with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|workload| workload.name == name)
    }
}

/// All of them. A pick includes counting the request in and out again.
pub(crate) const ALL: [Workload; 16] = [
    Workload { name: "pick-round-robin-2", run: |n| pick(Algorithm::RoundRobin, 2, n) },
    Workload { name: "pick-round-robin-2000", run: |n| pick(Algorithm::RoundRobin, 2000, n) },
    Workload { name: "pick-static-rr-2", run: |n| pick(Algorithm::StaticRr, 2, n) },
    Workload { name: "pick-static-rr-2000", run: |n| pick(Algorithm::StaticRr, 2000, n) },
    Workload { name: "pick-leastconn-2", run: |n| pick(Algorithm::LeastConn, 2, n) },
    Workload { name: "pick-leastconn-2000", run: |n| pick(Algorithm::LeastConn, 2000, n) },
    Workload { name: "pick-random-2", run: |n| pick(Algorithm::Random { draws: 2 }, 2, n) },
    Workload { name: "pick-random-2000", run: |n| pick(Algorithm::Random { draws: 2 }, 2000, n) },
    Workload { name: "pick-source-2", run: |n| pick(Algorithm::Source, 2, n) },
    Workload { name: "pick-source-2000", run: |n| pick(Algorithm::Source, 2000, n) },
    Workload { name: "request-rewrite", run: rewrite_request },
    Workload { name: "response-rewrite", run: rewrite_response },
    Workload { name: "vrrp-decode", run: vrrp_decode },
    Workload { name: "vrrp-encode", run: vrrp_encode },
    Workload { name: "vrrp-receive-1", run: |n| vrrp_receive(1, n) },
    Workload { name: "vrrp-receive-200", run: |n| vrrp_receive(200, n) },
];

/// Servers of several weights, 32 requests in flight.
fn pick(algorithm: Algorithm, servers: u32, iterations: u64) {
    let specs = (0..servers).map(|n| ServerSpec { weight: 1 + (n % 3) as u16, ..ServerSpec::default() });
    let mut pool = Pool::new(PoolConfig { algorithm, allbackups: false }, specs.collect());
    let tried = Tried::default();
    let mut in_flight = std::collections::VecDeque::new();
    // Builds what is built lazily outside of the difference between two runs: both have it.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..iterations + 32 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let input = PickInput { hash: Some(random), entropy: random, tried: &tried };
        let Pick::Server(id) = black_box(&mut pool).pick(black_box(&input)) else { continue };
        pool.acquire(id);
        in_flight.push_back(id);
        if in_flight.len() > 32
            && let Some(done) = in_flight.pop_front()
        {
            black_box(pool.release(done));
        }
    }
}

/// A browser's request.
const REQUEST: &[u8] = b"GET /articles/2024/index.html?page=2 HTTP/1.1\r\nHost: www.example.org\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n\
Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef; theme=dark\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Mon, 02 Jan 2023 03:04:05 GMT\r\n\
Content-Type: text/html; charset=utf-8\r\nContent-Length: 128\r\nCache-Control: max-age=60\r\n\
Etag: \"5f3c-1a2b\"\r\nConnection: keep-alive\r\n\r\n";

/// Parse, decide the framing, strip what is of one connection, add X-Forwarded-For, write.
fn rewrite_request(iterations: u64) {
    let (mut buffer, mut out) = (BytesMut::new(), Vec::new());
    for _ in 0..iterations {
        buffer.extend_from_slice(black_box(REQUEST));
        if let Ok(Some(mut head)) = h1::parse_request(&mut buffer) {
            let framing = h1::request_framing(&mut head);
            let options = h1::ConnectionOptions::read(&head.headers);
            h1::strip(&mut head.headers);
            out.clear();
            h1::write_request(&mut out, &head, h1::NameCase::Lower, &[("x-forwarded-for", b"192.0.2.7")]);
            black_box((framing.is_ok(), options, &out));
        }
    }
}

/// Parse, decide the framing, strip what is of one connection, write.
fn rewrite_response(iterations: u64) {
    let (mut buffer, mut out) = (BytesMut::new(), Vec::new());
    for _ in 0..iterations {
        buffer.extend_from_slice(black_box(RESPONSE));
        if let Ok(Some(mut head)) = h1::parse_response(&mut buffer) {
            let framing = h1::response_framing(&mut head, b"GET");
            let options = h1::ConnectionOptions::read(&head.headers);
            h1::strip(&mut head.headers);
            out.clear();
            h1::write_response(&mut out, &head, h1::NameCase::Lower);
            black_box((framing.is_ok(), options, &out));
        }
    }
}

const ROUTER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 11));
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));

fn advertisement() -> Advertisement {
    let vrid = Vrid::new(51).expect("51 is a VRID");
    let addresses =
        vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 100)), IpAddr::V4(Ipv4Addr::new(192, 0, 2, 101))];
    let priority = Advertised::from(100);
    Advertisement::new(Version::V3, vrid, priority, AdverInterval::DEFAULT, addresses, Authentication::None)
        .expect("it is the most ordinary of advertisements")
}

fn vrrp_decode(iterations: u64) {
    let bytes = advertisement().encode(ROUTER, GROUP, Checksum::Rfc9568);
    for _ in 0..iterations {
        black_box(Advertisement::decode(black_box(&bytes), ROUTER, GROUP).is_ok());
    }
}

fn vrrp_encode(iterations: u64) {
    let advertisement = advertisement();
    let mut bytes = Vec::new();
    for _ in 0..iterations {
        black_box(&advertisement).encode_into(&mut bytes, ROUTER, GROUP, Checksum::Rfc9568);
        black_box(&bytes);
    }
}

/// A backup hears the active router of one of its virtual routers: one turn of a driver's loop.
fn vrrp_receive(routers: u8, iterations: u64) {
    let iface = IfIndex(2);
    let vrid = |n: u8| Vrid::new(n).expect("VRIDs begin at 1");
    let configs = (1..=routers)
        .map(|n| InstanceConfig::new(iface, vrid(n), vec![IpAddr::V4(Ipv4Addr::new(198, 51, 100, n))]))
        .collect();
    let mut node = Node::new(NodeConfig::new(configs).expect("each VRID is there once"));
    let now = Instant::now();
    let quiet = |node: &mut Node| while node.poll_action().is_some() {};
    node.handle_link(now, iface, Link { up: true, v4: Some(Ipv4Addr::new(192, 0, 2, 12)), v6: None });
    quiet(&mut node);
    node.handle_command(now, Command::Start);
    quiet(&mut node);
    let payload = Advertisement::new(
        Version::V3,
        vrid(routers),
        Advertised::from(200),
        AdverInterval::DEFAULT,
        vec![IpAddr::V4(Ipv4Addr::new(198, 51, 100, routers))],
        Authentication::None,
    )
    .expect("it is the most ordinary of advertisements")
    .encode(ROUTER, GROUP, Checksum::Rfc9568);
    let ingress = Ingress { iface, src: ROUTER, dst: GROUP, ttl: vrrp::wire::TTL, payload: &payload };
    for _ in 0..iterations {
        let taken = node.handle_packet(now, black_box(ingress));
        while let Some(action) = node.poll_action() {
            black_box(action);
        }
        black_box((taken.is_ok(), node.poll_timeout()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_advertisements_are_ones_that_are_taken() {
        for (bytes, request) in [(REQUEST, true), (RESPONSE, false)] {
            let mut buffer = BytesMut::from(bytes);
            let taken = if request {
                h1::parse_request(&mut buffer).unwrap().is_some()
            } else {
                h1::parse_response(&mut buffer).unwrap().is_some()
            };
            assert!(taken && buffer.is_empty());
        }
        let bytes = advertisement().encode(ROUTER, GROUP, Checksum::Rfc9568);
        assert_eq!(Advertisement::decode(&bytes, ROUTER, GROUP).unwrap().0, advertisement());
    }

    #[test]
    fn every_workload_runs_and_is_found_by_its_name() {
        for workload in ALL {
            workload.run(3);
            assert_eq!(Workload::named(workload.name).map(|found| found.name), Some(workload.name));
        }
    }
}
