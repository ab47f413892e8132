//! Clients that ask for much and read little.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use e2e::{Acceptor, Csv, LIMIT, Lbd, STATS, eventually, get};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{setsockopt, sockopt::TcpMaxSeg};
use socket2::{Domain, SockRef, Socket, Type};

const READERS: u64 = 1_000;
const BODY: u64 = 100 << 20;
/// What each of them reads before it stalls.
const READ: usize = 64 << 10;
/// Small, so that a thousand connections do not fill the kernel's memory for sockets.
const SOCKET_BUFFER: usize = 16 << 10;
/// As on an Ethernet. With loopback's 64 kB the kernel lets each connection have megabytes on the way.
const SEGMENT: u32 = 1460;

/// Resident memory that each stalled reader may cost: the state of two connections, 8 kB each, and buffers for the head and
/// the first bytes of the body, less than what one splice moves. The rest waits in sockets and pipes, which are the kernel's.
const MOST_PER_READER: u64 = 64 << 10;

const CONFIG: &str = "
defaults
    mode http
    timeout connect 5s
    # Nobody is to be thrown out while the test looks.
    timeout client 60s
    timeout server 60s
";

/// Answers `/large` with a body that it makes while it sends it, everything else with `small`. `sent` counts bytes.
fn origin(sent: &Arc<AtomicU64>) -> Acceptor {
    let sent = Arc::clone(sent);
    Acceptor::start(move |stream| {
        // As large as the kernel makes it at least; a connection works with any.
        let _ = SockRef::from(&*stream).set_send_buffer_size(SOCKET_BUFFER);
        serve(&stream, &sent);
    })
}

/// One connection; ends when the other side does.
fn serve(mut stream: &TcpStream, sent: &AtomicU64) -> Option<()> {
    let piece = [b'x'; 64 << 10];
    let mut request = Vec::new();
    loop {
        while !request.ends_with(b"\r\n\r\n") {
            let mut bytes = [0; 4096];
            let n = stream.read(&mut bytes).ok().filter(|n| *n > 0)?;
            request.extend_from_slice(&bytes[..n]);
        }
        let large = request.starts_with(b"GET /large");
        request.clear();
        let length = if large { BODY } else { 5 };
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").ok()?;
        if !large {
            stream.write_all(b"small").ok()?;
            continue;
        }
        let mut left = BODY;
        while left > 0 {
            let n = stream.write(&piece[..left.min(piece.len() as u64) as usize]).ok()? as u64;
            sent.fetch_add(n, Ordering::Relaxed);
            left -= n;
        }
    }
}

/// Asks for the large body and reads a little of it.
fn reader(port: u16) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(SOCKET_BUFFER).expect("a small buffer");
    setsockopt(&socket, TcpMaxSeg, &SEGMENT).expect("small segments");
    socket.set_read_timeout(Some(LIMIT)).expect("the limit is not zero");
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).expect("lbd listens");
    (&socket).write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").expect("lbd reads");
    (&socket).read_exact(&mut [0; READ]).expect("lbd sends");
    socket
}

/// Both programs hold two sockets for a reader, and `lbd` up to one pipe more.
fn allow_files() {
    let wanted = READERS * 4 + 1_000;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    assert!(hard >= wanted, "{hard} open files are allowed, {wanted} are needed: raise `ulimit -Hn`");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("the soft limit may be raised");
}

/// Resident bytes of a process.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("lbd runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line VmRSS");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of kB") << 10
}

fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("lbd runs").count()
}

#[test]
fn a_thousand_readers_that_stall_cost_little_memory_and_nobody_else_s_time() {
    allow_files();
    let start = Instant::now();
    let sent = Arc::new(AtomicU64::new(0));
    let origin = origin(&sent);
    let lbd = Lbd::start(&format!(
        "{CONFIG}{STATS}\nlisten web\n    bind 127.0.0.1:%web%\n    server a 127.0.0.1:{}\n",
        origin.port()
    ));
    let web = lbd.port("web");
    assert_eq!(get(web, "/small").text(), "small");
    let (at_rest, files_at_rest) = (resident(lbd.pid()), open_files(lbd.pid()));

    let readers: Vec<Socket> = (0..READERS).map(|_| reader(web)).collect();
    let mut before = 0;
    eventually("all of them have stalled: nothing moved for a moment", || {
        thread::sleep(Duration::from_millis(100));
        let now = sent.load(Ordering::Relaxed);
        (std::mem::replace(&mut before, now) == now).then_some(())
    });
    assert!(sent.load(Ordering::Relaxed) < READERS * BODY / 10, "bodies went where nobody reads them");
    assert_eq!(Csv::fetch(lbd.port("stats")).number("web", "BACKEND", "scur"), READERS as i64);
    let grown = resident(lbd.pid()).saturating_sub(at_rest);
    assert!(grown <= READERS * MOST_PER_READER, "{} kB for each of {READERS}", (grown / READERS) >> 10);

    for _ in 0..20 {
        assert_eq!(get(web, "/small").text(), "small");
    }

    drop(readers);
    eventually("every session has ended", || {
        (Csv::fetch(lbd.port("stats")).number("web", "FRONTEND", "scur") == 0).then_some(())
    });
    eventually("every connection to the server is closed", || {
        (origin.closed() as u64 >= READERS).then_some(())
    });
    // A worker keeps up to 16 empty pipes of two files each, and there are two workers.
    let most = files_at_rest + 2 * 16 * 2 + 8;
    eventually("their files are closed", || (open_files(lbd.pid()) <= most).then_some(()));
    // Nothing in here waits for a timer; a minute would be one of the timeouts above.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
