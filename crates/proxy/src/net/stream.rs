//! A byte stream to a client or a server.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// A TCP or Unix stream, used through a shared reference: one task owns it and reads and writes at once.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Reads what is there into `buffer`; `0` is the end of the stream.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        loop {
            let room = buffer.capacity() - buffer.len();
            let tried = match self {
                Self::Tcp(s) => s.try_read_buf(buffer),
                Self::Unix(s) => s.try_read_buf(buffer),
            };
            if let Some(done) = unless_blocked(tried) {
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
        let _ = self.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
    }

    /// Writes as much of `pieces` as fits.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            // One piece needs no vector: send(2) is a shorter way into the kernel than writev(2).
            let tried = match (self, pieces) {
                (Self::Tcp(s), [one]) => s.try_write(one),
                (Self::Unix(s), [one]) => s.try_write(one),
                (Self::Tcp(s), _) => s.try_write_vectored(pieces),
                (Self::Unix(s), _) => s.try_write_vectored(pieces),
            };
            match unless_blocked(tried) {
                Some(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Some(done) => return Poll::Ready(done),
                None => ready!(self.poll_write_ready(cx))?,
            }
        }
    }

    /// Ready when a read may make progress.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(s) => s.poll_read_ready(cx),
            Self::Unix(s) => s.poll_read_ready(cx),
        }
    }

    /// Ready when a write may make progress.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(s) => s.poll_write_ready(cx),
            Self::Unix(s) => s.poll_write_ready(cx),
        }
    }

    /// Runs a system call on the descriptor when it is ready for `interest`; `None` when it would block, in which
    /// case readiness has been cleared.
    pub(crate) fn try_io<T>(
        &self,
        interest: Interest,
        call: impl FnOnce() -> io::Result<T>,
    ) -> Option<io::Result<T>> {
        unless_blocked(match self {
            Self::Tcp(s) => s.try_io(interest, call),
            Self::Unix(s) => s.try_io(interest, call),
        })
    }

    /// Whether the other end has neither closed nor sent anything: an idle connection that may be used.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut byte = [std::mem::MaybeUninit::uninit(); 1];
        let peeked = self.try_io(Interest::READABLE, || SockRef::from(self).peek(&mut byte));
        peeked.is_none()
    }

    /// Sends FIN: nothing more will be written.
    pub(crate) fn shutdown_write(&self) {
        // A peer that is already gone has no use for the FIN.
        let _ = SockRef::from(self).shutdown(Shutdown::Write);
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(s) => s.as_fd(),
            Self::Unix(s) => s.as_fd(),
        }
    }
}

fn unless_blocked<T>(result: io::Result<T>) -> Option<io::Result<T>> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => None,
        done => Some(done),
    }
}
