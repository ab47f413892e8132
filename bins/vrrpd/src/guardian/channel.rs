//! What the worker tells its guardian: a socket pair, one message a packet.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, recv, send, setsockopt, socketpair, sockopt,
};
use rustix::io::fcntl_dupfd_cloexec;
use serde::{Deserialize, Serialize};
use vrrp::{Family, InstanceId};

use super::will::Will;

/// Room for the wills of hundreds of virtual routers that become Active at once. The kernel may give less.
const BUFFER: usize = 4 * 1024 * 1024;
/// No message is longer: 255 addresses, and as many peers as an hour has minutes.
const LONGEST: usize = 1024 * 1024;
/// The number of the worker's end, and the highest that is allowed by default. The kernel closes the descriptors of a dead
/// process from the highest on, and waits for tens of milliseconds at each packet socket and each queue of inotify.
const LAST: i32 = 1023;
/// Beats in the time that the worker may be silent: two may be late.
const BEATS: u32 = 3;

/// A virtual router as both processes know it.
pub(super) type Router = (u32, u8, bool);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Message {
    /// The worker's loop turns.
    Beat,
    /// It has started.
    Ready,
    /// It runs with a configuration that it has just read.
    Reloaded,
    /// It may be silent for so long, in milliseconds.
    Limit(u64),
    /// What is to be done for a virtual router, in place of what was said before.
    Will(Router, Will),
    /// What is to be done after that of all virtual routers, in place of what was said before: requests as the kernel reads
    /// them.
    Last(Vec<u8>),
}

/// The guardian's end and the worker's.
pub(super) fn pair() -> io::Result<(Ear, Line)> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let (ear, line) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    // Without the privilege to have it all, take what there is.
    if setsockopt(&line, sockopt::SndBufForce, &BUFFER).is_err() {
        setsockopt(&line, sockopt::SndBuf, &BUFFER)?;
    }
    // Without the number a death is heard of later, not never.
    let line = fcntl_dupfd_cloexec(&line, LAST).unwrap_or(line);
    Ok((Ear { fd: ear, buffer: vec![0; LONGEST] }, Line::new(line)))
}

/// The guardian's end.
#[derive(Debug)]
pub(super) struct Ear {
    fd: OwnedFd,
    /// Of its pages those alone are in memory that a message has filled.
    buffer: Vec<u8>,
}

/// Why nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// For now.
    Empty,
    /// The worker has closed its end: none of its threads runs any more, or its last one is about to end.
    Closed,
}

impl Ear {
    /// The next message that is there.
    pub(super) fn next(&mut self) -> Result<Message, Silence> {
        let Self { fd, buffer } = self;
        loop {
            match recv(fd.as_raw_fd(), buffer, MsgFlags::empty()) {
                Ok(0) => return Err(Silence::Closed),
                // What is unreadable was not written by our worker, and is as good as nothing.
                Ok(length) => {
                    if let Ok(message) = serde_json::from_slice(&buffer[..length]) {
                        return Ok(message);
                    }
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Err(Silence::Empty),
                Err(_) => return Err(Silence::Closed),
            }
        }
    }
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The worker's end. Nothing here waits for the guardian: what does not get through is said again with the next beat.
#[derive(Debug)]
pub(crate) struct Line {
    fd: OwnedFd,
    interval: Duration,
    beat_at: Instant,
    told: BTreeMap<Router, Will>,
    told_last: Vec<u8>,
    unsent: VecDeque<Message>,
}

impl Line {
    fn new(fd: OwnedFd) -> Self {
        let (told, told_last, unsent) = (BTreeMap::new(), Vec::new(), VecDeque::new());
        Self { fd, interval: Duration::MAX, beat_at: Instant::now(), told, told_last, unsent }
    }

    /// The worker has started: from here on it beats.
    pub(crate) fn ready(&mut self) {
        self.tell(Message::Ready);
    }

    /// The configuration was read again and runs.
    pub(crate) fn reloaded(&mut self) {
        self.tell(Message::Reloaded);
    }

    /// How long the worker may be silent from here on.
    pub(crate) fn limit(&mut self, limit: Duration, now: Instant) {
        self.interval = limit / BEATS;
        self.tell(Message::Limit(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)));
        self.beat_at = now;
        self.beat(now);
    }

    /// Says that the loop turns, if it is time to.
    pub(crate) fn beat(&mut self, now: Instant) {
        if self.beat_at <= now && self.interval < Duration::MAX {
            self.beat_at = now + self.interval;
            self.flush();
            // One beat is as good as another: they do not queue up.
            let _ = self.send(&Message::Beat);
        }
    }

    /// When [`beat`](Self::beat) has something to say.
    pub(crate) fn next_beat(&self) -> Option<Instant> {
        (self.interval < Duration::MAX).then_some(self.beat_at)
    }

    /// What is to be done for a virtual router when the worker is gone. Said before the worker does what makes it
    /// necessary, and after it has done what makes it unnecessary.
    pub(crate) fn bequeath(&mut self, id: InstanceId, will: Will) {
        let router = (id.iface.0, id.vrid.get(), id.family == Family::V6);
        if self.told.get(&router).map_or(will.is_empty(), |told| *told == will) {
            return;
        }
        self.told.insert(router, will.clone());
        self.tell(Message::Will(router, will));
    }

    /// What is to be done after that of all virtual routers: [`Removals`](vip_netlink::Removals) as bytes.
    pub(crate) fn bequeath_last(&mut self, removals: Vec<u8>) {
        if self.told_last != removals {
            self.told_last.clone_from(&removals);
            self.tell(Message::Last(removals));
        }
    }

    fn tell(&mut self, message: Message) {
        self.unsent.push_back(message);
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(message) = self.unsent.front() {
            match self.send(message) {
                Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR) => return,
                // Without a guardian there is nobody to tell, and parent death ends this process.
                Ok(()) | Err(_) => drop(self.unsent.pop_front()),
            }
        }
    }

    fn send(&self, message: &Message) -> Result<(), Errno> {
        let bytes = serde_json::to_vec(message).expect("a message has only numbers, texts and lists");
        send(self.fd.as_raw_fd(), &bytes, MsgFlags::MSG_NOSIGNAL).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use vrrp::{IfIndex, Vrid};

    use super::*;

    fn will(removals: &[u8]) -> Will {
        Will { name: "VI_1".to_owned(), removals: removals.to_vec(), words: Vec::new() }
    }

    fn router() -> InstanceId {
        InstanceId { iface: IfIndex(2), vrid: Vrid::new(51).unwrap(), family: Family::V4 }
    }

    #[test]
    fn a_will_is_told_once_and_again_when_it_changes() {
        let (mut ear, mut line) = pair().unwrap();
        line.bequeath(router(), will(&[]));
        assert_eq!(ear.next(), Err(Silence::Empty));
        for told in [&[1, 2][..], &[1], &[]] {
            line.bequeath(router(), will(told));
            line.bequeath(router(), will(told));
            assert_eq!(ear.next(), Ok(Message::Will((2, 51, false), will(told))));
            assert_eq!(ear.next(), Err(Silence::Empty));
        }
        drop(line);
        assert_eq!(ear.next(), Err(Silence::Closed));
    }

    #[test]
    fn beats_come_three_times_within_the_limit_and_not_more_often() {
        let (mut ear, mut line) = pair().unwrap();
        let start = Instant::now();
        line.beat(start);
        assert_eq!(ear.next(), Err(Silence::Empty), "no limit, no beats");
        line.limit(Duration::from_millis(300), start);
        assert_eq!((ear.next(), ear.next()), (Ok(Message::Limit(300)), Ok(Message::Beat)));
        for millis in 1..=300 {
            line.beat(start + Duration::from_millis(millis));
        }
        let beats = std::iter::from_fn(|| ear.next().ok()).count();
        assert_eq!(beats, 3);
    }

    #[test]
    fn a_guardian_that_does_not_read_misses_beats_and_no_will() {
        let (mut ear, mut line) = pair().unwrap();
        let start = Instant::now();
        line.limit(Duration::from_millis(3), start);
        for n in 1..200_u64 {
            line.bequeath(router(), will(&vec![u8::try_from(n % 251).unwrap(); 20_000]));
        }
        let mut last = None;
        for later in 1..1000 {
            while let Ok(message) = ear.next() {
                if let Message::Will(_, will) = message {
                    last = Some(will);
                }
            }
            line.beat(start + Duration::from_millis(later));
        }
        assert_eq!(last, Some(will(&[199; 20_000])));
    }
}
