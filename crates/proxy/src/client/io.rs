//! The client's socket, shared by the connection loop and the request body that is read from it. Both live in one task.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};

use crate::h1::{BodyDecoder, BodyLength};
use crate::net::{Input, Push, READ_SIZE, Stream};

/// A client connection.
#[derive(Debug)]
pub(crate) struct ClientIo {
    pub(crate) stream: Stream,
    pub(crate) input: RefCell<Input>,
    /// Where in the body of the current request the input is.
    pub(crate) decoder: Cell<BodyDecoder>,
}

impl ClientIo {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, input: RefCell::default(), decoder: Cell::new(BodyDecoder::new(BodyLength::None)) }
    }

    /// Ready when the client has reset the connection, or closed it where `eof_counts`. Keeps what it sends meanwhile
    /// (pipelined requests), up to one buffer.
    pub(crate) fn poll_gone(&self, cx: &mut Context<'_>, eof_counts: bool) -> Poll<()> {
        loop {
            let mut input = self.input.borrow_mut();
            if input.buffer.len() >= READ_SIZE || (input.ended() && !eof_counts) {
                return Poll::Pending;
            }
            match ready!(input.poll_fill(&self.stream, cx)) {
                Ok(0) if eof_counts => return Poll::Ready(()),
                Ok(_) => {}
                Err(_) => return Poll::Ready(()),
            }
        }
    }

    /// Writes all of `pieces`, taking what has been written off `done`.
    pub(crate) fn poll_write_all(
        &self,
        cx: &mut Context<'_>,
        pieces: &[&[u8]],
        done: &mut usize,
        push: Push,
    ) -> Poll<io::Result<()>> {
        let total: usize = pieces.iter().map(|p| p.len()).sum();
        while *done < total {
            let mut slices = [IoSlice::new(&[]); 4];
            let (mut skip, mut used) = (*done, 0);
            for piece in pieces.iter().take(slices.len()) {
                let taken = skip.min(piece.len());
                skip -= taken;
                if taken < piece.len() {
                    slices[used] = IoSlice::new(&piece[taken..]);
                    used += 1;
                }
            }
            *done += ready!(self.stream.poll_write(cx, &slices[..used], push))?;
        }
        Poll::Ready(Ok(()))
    }
}
