//! A byte stream to a client or a server.

use std::cell::OnceCell;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use rustix::net::{SendAncillaryBuffer, SendFlags};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::sys;

/// When written bytes leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// At once.
    Now,
    /// With the FIN of a [`Stream::shutdown_write`] or a close that follows without waiting for anything: one packet then
    /// carries both.
    WithFin,
}

/// A connected TCP or Unix socket, used through a shared reference: one task owns it and reads and writes at once.
///
/// The event loop is told to watch it by the first who has to wait. A client that has sent its request when it is
/// accepted, and leaves with the response, costs the event loop nothing.
#[derive(Debug)]
pub(crate) struct Stream {
    watch: OnceCell<AsyncFd<Rc<OwnedFd>>>,
    socket: Rc<OwnedFd>,
}

impl Stream {
    /// A stream over a socket that does not block.
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self { watch: OnceCell::new(), socket: Rc::new(socket) }
    }

    /// Whether the event loop watches it: only then does anybody hear that the other end has gone.
    pub(crate) fn is_watched(&self) -> bool {
        self.watch.get().is_some()
    }

    fn watch(&self) -> io::Result<&AsyncFd<Rc<OwnedFd>>> {
        if let Some(watch) = self.watch.get() {
            return Ok(watch);
        }
        let watch = sys::watch(Rc::clone(&self.socket))?;
        Ok(self.watch.get_or_init(|| watch))
    }

    /// Reads what is there into `buffer`; `0` is the end of the stream.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        loop {
            let room = buffer.capacity() - buffer.len();
            if let Some(done) = self.try_io(Interest::READABLE, || sys::recv(&self.socket, buffer)) {
                if done.as_ref().is_ok_and(|n| *n > 0 && *n < room) {
                    self.clear_read_readiness();
                }
                return Poll::Ready(done);
            }
            ready!(self.poll_read_ready(cx))?;
        }
    }

    /// A short read has emptied the socket: saying so spares the system call that would only return EAGAIN.
    fn clear_read_readiness(&self) {
        if let Some(watch) = self.watch.get() {
            let _ = watch.try_io(Interest::READABLE, |_| Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
    }

    /// Writes as much of `pieces` as fits.
    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
        push: Push,
    ) -> Poll<io::Result<usize>> {
        let more = match push {
            Push::Now => SendFlags::empty(),
            Push::WithFin => SendFlags::MORE,
        };
        let flags = SendFlags::NOSIGNAL | more;
        loop {
            // One piece needs no vector: send(2) is a shorter way into the kernel than sendmsg(2). And rustix takes a
            // shorter way there than the C library, whose calls are points where threads can be cancelled.
            let tried = self.try_io(Interest::WRITABLE, || match pieces {
                [one] => Ok(rustix::net::send(&self.socket, one, flags)?),
                _ => Ok(rustix::net::sendmsg(
                    &self.socket,
                    pieces,
                    &mut SendAncillaryBuffer::default(),
                    flags,
                )?),
            });
            match tried {
                Some(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Some(done) => return Poll::Ready(done),
                None => ready!(self.poll_write_ready(cx))?,
            }
        }
    }

    /// Ready unless it is known that there is nothing to read.
    pub(crate) fn poll_may_read(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_watched() { self.poll_read_ready(cx) } else { Poll::Ready(Ok(())) }
    }

    /// Ready when a read may make progress.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch()?.poll_read_ready(cx).map_ok(drop)
    }

    /// Ready when a write may make progress.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch()?.poll_write_ready(cx).map_ok(drop)
    }

    /// Runs a system call on the descriptor unless it is known not to be ready for `interest`; `None` when it would block.
    pub(crate) fn try_io<T>(
        &self,
        interest: Interest,
        call: impl FnOnce() -> io::Result<T>,
    ) -> Option<io::Result<T>> {
        unless_blocked(match self.watch.get() {
            Some(watch) => watch.try_io(interest, |_| call()),
            None => call(),
        })
    }

    /// Whether the other end has neither closed nor sent anything: an idle connection that may be used.
    pub(crate) fn is_quiet(&self) -> bool {
        unless_blocked(self.peek()).is_none()
    }

    /// The same as far as the event loop has heard, which costs no system call where it watches. What has arrived while it
    /// was at work it has not heard yet.
    pub(crate) fn seems_quiet(&self) -> bool {
        self.try_io(Interest::READABLE, || self.peek()).is_none()
    }

    fn peek(&self) -> io::Result<usize> {
        SockRef::from(self).peek(&mut [std::mem::MaybeUninit::uninit(); 1])
    }

    /// The address it is connected to at this end; `None` for a Unix socket.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        SockRef::from(self).local_addr().ok()?.as_socket()
    }

    /// Sends FIN: nothing more will be written.
    pub(crate) fn shutdown_write(&self) {
        // A peer that is already gone has no use for the FIN.
        let _ = SockRef::from(self).shutdown(Shutdown::Write);
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn unless_blocked<T>(result: io::Result<T>) -> Option<io::Result<T>> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
        done => Some(done),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::task::Waker;

    use super::*;

    fn pair() -> (Stream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (near, _) = listener.accept().unwrap();
        near.set_nodelay(true).unwrap();
        near.set_nonblocking(true).unwrap();
        (Stream::new(near.into()), far)
    }

    fn write(stream: &Stream, pieces: &[&[u8]], push: Push) {
        let slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let written = stream.poll_write(&mut Context::from_waker(Waker::noop()), &slices, push);
        assert!(matches!(written, Poll::Ready(Ok(n)) if n == pieces.concat().len()), "{written:?}");
    }

    #[test]
    fn bytes_that_leave_with_the_fin_wait_for_it() {
        for pieces in [&[&b"one"[..]][..], &[b"two ", b"pieces"]] {
            for closes in [false, true] {
                let (near, mut far) = pair();
                write(&near, pieces, Push::WithFin);
                far.set_nonblocking(true).unwrap();
                let early = far.read(&mut [0; 16]);
                assert_eq!(early.unwrap_err().kind(), io::ErrorKind::WouldBlock);

                let open = if closes {
                    drop(near);
                    None
                } else {
                    near.shutdown_write();
                    Some(near)
                };
                far.set_nonblocking(false).unwrap();
                let mut heard = Vec::new();
                far.read_to_end(&mut heard).unwrap();
                assert_eq!(heard, pieces.concat());
                drop(open);
            }
        }
    }

    #[test]
    fn a_close_that_the_event_loop_has_not_heard_of_is_no_quiet() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (near, far) = pair();
            assert!(near.is_quiet() && near.seems_quiet());
            let waits = near.poll_read_ready(&mut Context::from_waker(Waker::noop()));
            assert!(waits.is_pending() && near.is_watched());
            drop(far);
            // The loop does not turn before the next await.
            assert!(!near.is_quiet());
            std::future::poll_fn(|cx| near.poll_read_ready(cx)).await.unwrap();
            assert!(!near.is_quiet() && !near.seems_quiet());
        });
    }

    #[test]
    fn bytes_that_leave_at_once_are_there() {
        let (near, mut far) = pair();
        write(&near, &[b"now"], Push::Now);
        far.set_nonblocking(true).unwrap();
        let mut heard = [0; 3];
        far.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"now");
    }
}
