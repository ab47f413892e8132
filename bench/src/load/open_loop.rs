//! Requests at a fixed rate, whatever the proxy does. A latency begins at the instant the request was due, not when a
//! connection became free for it: a stall counts for every request it delays, not for one per connection.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::response::{Progress, ResponseReader, Wrong};
use crate::error::BenchError;

/// How long the last requests may take.
const DRAIN: Duration = Duration::from_secs(5);

const TIMER: Token = Token(usize::MAX);

/// What to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan<'a> {
    pub(crate) target: SocketAddr,
    pub(crate) request: &'a [u8],
    /// The body that each response has.
    pub(crate) expected: &'a [u8],
    /// A new connection for each request.
    pub(crate) close: bool,
    pub(crate) connections: usize,
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) duration: Duration,
}

/// What came back.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Of right responses, ascending.
    pub(crate) latencies: Vec<Duration>,
    /// How often what was wrong.
    pub(crate) wrong: BTreeMap<Wrong, u64>,
}

/// Runs a plan on the calling thread.
pub(crate) fn run(plan: &Plan<'_>) -> Result<Outcome, BenchError> {
    Generator::new(plan).and_then(Generator::run).map_err(BenchError::io("the load generator failed"))
}

struct Generator<'a> {
    plan: &'a Plan<'a>,
    poll: Poll,
    timer: TimerFd,
    slots: Vec<Slot>,
    /// Slots without a request. First in, first out: all connections stay in use.
    free: VecDeque<usize>,
    scratch: Vec<u8>,
    outcome: Outcome,
}

/// A place for one connection and the request on it.
#[derive(Default)]
struct Slot {
    stream: Option<TcpStream>,
    request: Option<InFlight>,
}

struct InFlight {
    due: Instant,
    sent: usize,
    reader: ResponseReader,
}

impl<'a> Generator<'a> {
    fn new(plan: &'a Plan<'a>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK)?;
        let fd = timer.as_fd().as_raw_fd();
        poll.registry().register(&mut SourceFd(&fd), TIMER, Interest::READABLE)?;
        let interval = TimeSpec::from_duration(Duration::from_secs_f64(1.0 / plan.rate));
        timer.set(Expiration::Interval(interval), TimerSetTimeFlags::empty())?;
        Ok(Self {
            plan,
            poll,
            timer,
            slots: (0..plan.connections).map(|_| Slot::default()).collect(),
            free: (0..plan.connections).collect(),
            scratch: vec![0; 256 << 10],
            outcome: Outcome::default(),
        })
    }

    fn run(mut self) -> io::Result<Outcome> {
        let plan = self.plan;
        let total = (plan.rate * plan.duration.as_secs_f64()) as u64;
        let start = Instant::now();
        let deadline = start + plan.duration + DRAIN;
        let due = |n: u64| start + Duration::from_secs_f64(n as f64 / plan.rate);
        let mut events = Events::with_capacity(1024);
        let mut next = 0;
        loop {
            let now = Instant::now();
            while next < total && due(next) <= now {
                let Some(slot) = self.free.pop_front() else { break };
                self.begin(slot, due(next));
                next += 1;
            }
            let idle = self.free.len() == self.slots.len();
            if next == total && idle {
                break;
            }
            if now > deadline {
                let unanswered = total - next + (self.slots.len() - self.free.len()) as u64;
                self.outcome.wrong.insert(Wrong::Unanswered, unanswered);
                break;
            }
            match self.poll.poll(&mut events, Some(Duration::from_millis(100))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                match event.token() {
                    // Only the clock says what is due; expirations are not counted.
                    TIMER => self.timer.wait()?,
                    Token(slot) => self.go_on(slot),
                }
            }
        }
        self.outcome.latencies.sort_unstable();
        Ok(self.outcome)
    }

    fn begin(&mut self, slot: usize, due: Instant) {
        self.slots[slot].request = Some(InFlight { due, sent: 0, reader: ResponseReader::new() });
        if self.slots[slot].stream.is_none() {
            match connect(self.plan.target, self.poll.registry(), Token(slot)) {
                Ok(stream) => self.slots[slot].stream = Some(stream),
                Err(_) => return self.finish(slot, Err(Wrong::Refused)),
            }
        }
        // Over loopback a new connection can be written to at once; elsewhere when it becomes writable.
        self.go_on(slot);
    }

    fn go_on(&mut self, slot: usize) {
        let Some(result) = self.slots[slot].go_on(self.plan, &mut self.scratch) else { return };
        self.finish(slot, result);
    }

    fn finish(&mut self, slot: usize, result: Result<bool, Wrong>) {
        let entry = &mut self.slots[slot];
        let keep = result == Ok(true) && !self.plan.close;
        if !keep {
            entry.stream = None;
        }
        // Without a request it is an idle connection that the proxy has closed: a new one takes its place.
        let Some(request) = entry.request.take() else { return };
        self.free.push_back(slot);
        match result {
            Ok(_) => self.outcome.latencies.push(request.due.elapsed()),
            Err(wrong) => *self.outcome.wrong.entry(wrong).or_default() += 1,
        }
    }
}

impl Slot {
    /// `Some` when the request is answered, with whether the connection stays, or has failed.
    fn go_on(&mut self, plan: &Plan<'_>, scratch: &mut [u8]) -> Option<Result<bool, Wrong>> {
        let stream = self.stream.as_mut()?;
        let Some(request) = &mut self.request else {
            // An event without a request is the end of the connection, or the rest of one already handled.
            return match stream.read(scratch) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Ok(_) | Err(_) => Some(Err(Wrong::Closed)),
            };
        };
        while request.sent < plan.request.len() {
            match stream.write(&plan.request[request.sent..]) {
                Ok(n) => request.sent += n,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    return None;
                }
                Err(_) => return Some(Err(Wrong::Closed)),
            }
        }
        loop {
            match stream.read(scratch) {
                Ok(0) => return Some(Err(Wrong::Closed)),
                Ok(n) => match request.reader.feed(&scratch[..n], plan.expected) {
                    Ok(Progress::Complete { keep_alive }) => return Some(Ok(keep_alive)),
                    Ok(Progress::Partial) => {}
                    Err(wrong) => return Some(Err(wrong)),
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(_) => return Some(Err(Wrong::Closed)),
            }
        }
    }
}

fn connect(target: SocketAddr, registry: &Registry, token: Token) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(target)?;
    stream.set_nodelay(true)?;
    registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;
    use crate::scenario::{ALL, Clients};

    #[test]
    fn every_scenario_is_answered_rightly_by_the_origin_itself() {
        let origin = Origin::start(1, 0).unwrap();
        for scenario in ALL.iter().filter(|scenario| scenario.clients == Clients::Busy) {
            let (request, expected) = (scenario.request(), scenario.reply.body());
            let plan = Plan {
                target: origin.addresses()[0],
                request: &request,
                expected: &expected,
                close: scenario.close,
                connections: 4,
                rate: 50.0,
                duration: Duration::from_millis(100),
            };
            let outcome = run(&plan).unwrap();
            assert_eq!((outcome.latencies.len(), &outcome.wrong), (5, &BTreeMap::new()), "{}", scenario.name);
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_an_error_of_each_request() {
        let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let plan = Plan {
            target: unused,
            request: b"GET / HTTP/1.1\r\n\r\n",
            expected: b"",
            close: true,
            connections: 2,
            rate: 100.0,
            duration: Duration::from_millis(50),
        };
        let outcome = run(&plan).unwrap();
        assert_eq!((outcome.latencies.len(), outcome.wrong.values().sum::<u64>()), (0, 5));
    }
}
