//! Bytes both ways between two streams, by splice(2): TCP mode, and tunnels after an upgrade. Half-closes are passed on.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};

use crate::clock;
use crate::error::ProxyError;
use crate::net::{Deadline, PIPE_SIZE, Pipe, Push, READ_SIZE, Stream};

/// Most bytes moved in one direction before others of this worker get a turn.
const TURN: u64 = 1 << 20;

/// One end: its stream, and what has been read from it already.
#[derive(Debug)]
pub(crate) struct End<'a> {
    pub(crate) stream: &'a Stream,
    pub(crate) early: BytesMut,
}

/// Longest silences.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) client: Option<Duration>,
    pub(crate) server: Option<Duration>,
    /// Instead of `client` once the client has closed its side.
    pub(crate) client_fin: Option<Duration>,
    /// Instead of `server` once the server has closed its side.
    pub(crate) server_fin: Option<Duration>,
}

/// What was moved, and why it ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ended {
    pub(crate) to_server: u64,
    pub(crate) to_client: u64,
    pub(crate) error: Option<ProxyError>,
}

/// Copies until both ends have closed, one fails, or a silence is too long.
pub(crate) async fn run(client: End<'_>, server: End<'_>, limits: Limits) -> Ended {
    let (mut up, mut down) = (Direction::new(client.early), Direction::new(server.early));
    let mut client_silence = Deadline::new(limits.client);
    let mut server_silence = Deadline::new(limits.server);
    let error = poll_fn(|cx| {
        clock::now();
        let before = (up.moved, down.moved);
        let open = (!up.source_ended, !down.source_ended);
        let upward = up.poll(client.stream, server.stream, cx);
        let downward = down.poll(server.stream, client.stream, cx);
        if up.moved != before.0 || down.moved != before.1 {
            client_silence.restart();
            server_silence.restart();
        }
        if open.0 && up.source_ended && limits.client_fin.is_some() {
            client_silence.change(limits.client_fin);
        }
        if open.1 && down.source_ended && limits.server_fin.is_some() {
            server_silence.change(limits.server_fin);
        }
        match (upward, downward) {
            (Poll::Ready(Err(side)), _) => {
                return Poll::Ready(Some(side.error(ProxyError::ClientClosed, ProxyError::ServerClosed)));
            }
            (_, Poll::Ready(Err(side))) => {
                return Poll::Ready(Some(side.error(ProxyError::ServerClosed, ProxyError::ClientClosed)));
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(None),
            _ => {}
        }
        if client_silence.poll(cx).is_ready() {
            return Poll::Ready(Some(ProxyError::ClientTimeout));
        }
        if server_silence.poll(cx).is_ready() {
            return Poll::Ready(Some(ProxyError::ServerTimeout));
        }
        Poll::Pending
    })
    .await;
    Ended { to_server: up.moved, to_client: down.moved, error }
}

/// Which end of a direction failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Sink,
}

impl Side {
    fn error(self, source: ProxyError, sink: ProxyError) -> ProxyError {
        match self {
            Self::Source => source,
            Self::Sink => sink,
        }
    }
}

/// One direction of the copy.
struct Direction {
    /// Bytes that were read ahead, or that had to be copied for want of a pipe.
    copied: BytesMut,
    /// Held only while there is something in it.
    pipe: Option<Pipe>,
    source_ended: bool,
    closed: bool,
    moved: u64,
}

impl Direction {
    fn new(early: BytesMut) -> Self {
        Self { copied: early, pipe: None, source_ended: false, closed: false, moved: 0 }
    }

    /// Moves what can be moved; ready when the source has ended and everything has been passed on.
    fn poll(&mut self, source: &Stream, sink: &Stream, cx: &mut Context<'_>) -> Poll<Result<(), Side>> {
        let turn_ends = self.moved + TURN;
        loop {
            if self.closed {
                return Poll::Ready(Ok(()));
            }
            if self.moved >= turn_ends {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !self.copied.is_empty() {
                match sink.poll_write(cx, &[IoSlice::new(&self.copied)], Push::Now) {
                    Poll::Ready(Ok(n)) => {
                        self.copied.advance(n);
                        self.moved += n as u64;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Side::Sink)),
                    Poll::Pending => return Poll::Pending,
                }
            } else if let Some(pipe) = &mut self.pipe {
                match pipe.poll_drain(sink, cx) {
                    Poll::Ready(Ok(n)) => self.moved += n as u64,
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Side::Sink)),
                    Poll::Pending => return Poll::Pending,
                }
                if pipe.filled() == 0 {
                    self.pipe = None;
                }
            } else if self.source_ended {
                sink.shutdown_write();
                self.closed = true;
            } else {
                match self.poll_fill(source, cx) {
                    Poll::Ready(Ok(n)) => self.source_ended = n == 0,
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Side::Source)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        }
    }

    fn poll_fill(&mut self, source: &Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Some(mut pipe) = Pipe::take() {
            let read = ready!(pipe.poll_fill(source, PIPE_SIZE, cx));
            self.pipe = (pipe.filled() > 0).then_some(pipe);
            return Poll::Ready(read);
        }
        self.copied.reserve(READ_SIZE);
        source.poll_read(cx, &mut self.copied)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    use super::*;

    fn stream(socket: UnixStream) -> Stream {
        Stream::new(socket.into_std().unwrap().into())
    }

    #[tokio::test]
    async fn bytes_and_half_closes_pass_both_ways() {
        let (mut client, near) = UnixStream::pair().unwrap();
        let (far, mut server) = UnixStream::pair().unwrap();
        let (near, far) = (stream(near), stream(far));
        let relay = async {
            let end = |stream, early: &str| End { stream, early: BytesMut::from(early) };
            run(end(&near, "early "), end(&far, ""), NO_LIMITS).await
        };
        let ends = async {
            let big = vec![b'x'; 300_000];
            let (written, read) = tokio::join!(
                async {
                    client.write_all(&big).await.unwrap();
                    client.shutdown().await.unwrap();
                },
                async {
                    let mut got = Vec::new();
                    server.read_to_end(&mut got).await.unwrap();
                    got
                }
            );
            let () = written;
            assert_eq!(read.len(), big.len() + 6);
            server.write_all(b"answer after half-close").await.unwrap();
            drop(server);
            let mut got = String::new();
            client.read_to_string(&mut got).await.unwrap();
            assert_eq!(got, "answer after half-close");
        };
        let (ended, ()) = tokio::join!(relay, ends);
        assert_eq!((ended.to_server, ended.to_client, ended.error), (300_006, 23, None));
    }

    const NO_LIMITS: Limits = Limits { client: None, server: None, client_fin: None, server_fin: None };

    #[tokio::test(start_paused = true)]
    async fn a_client_that_closed_its_side_has_a_limit_of_its_own() {
        let (client, near) = UnixStream::pair().unwrap();
        let (far, _server) = UnixStream::pair().unwrap();
        let (near, far) = (stream(near), stream(far));
        let mut client = client;
        client.shutdown().await.unwrap();
        let end = |stream| End { stream, early: BytesMut::new() };
        let limits = Limits {
            client: Some(Duration::from_secs(50)),
            client_fin: Some(Duration::from_secs(2)),
            ..NO_LIMITS
        };
        let started = tokio::time::Instant::now();
        let ended = run(end(&near), end(&far), limits).await;
        assert_eq!((ended.error, started.elapsed().as_secs()), (Some(ProxyError::ClientTimeout), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_ends_the_copy() {
        let (_client, near) = UnixStream::pair().unwrap();
        let (far, _server) = UnixStream::pair().unwrap();
        let (near, far) = (stream(near), stream(far));
        let end = |stream| End { stream, early: BytesMut::new() };
        let (client, server) = (Some(Duration::from_secs(5)), Some(Duration::from_secs(9)));
        let limits = Limits { client, server, ..NO_LIMITS };
        let ended = run(end(&near), end(&far), limits).await;
        assert_eq!(ended.error, Some(ProxyError::ClientTimeout));
    }
}
