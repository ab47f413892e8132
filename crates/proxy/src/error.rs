//! Why a request did not get its server's answer. `rescue` is the only place that turns this into a status.

use crate::h1::{BadBody, BadFraming, BadHead};

/// What went wrong with a request or a TCP session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The request head is malformed or too large.
    #[error("bad request: {0}")]
    BadHead(#[from] BadHead),
    /// The request's framing is ambiguous or unsupported.
    #[error("bad request: {0}")]
    BadFraming(#[from] BadFraming),
    /// The request body is malformed.
    #[error("bad request body: {0}")]
    BadBody(#[from] BadBody),
    /// The client did not send its whole request in time.
    #[error("client timed out while sending the request")]
    ClientTimeout,
    /// The client went away while its request was being read or answered.
    #[error("client closed the connection")]
    ClientClosed,
    /// No backend is configured for the request, or none of its servers may be used.
    #[error("no server is available to handle this request")]
    NoServer,
    /// The request waited for a free server for longer than `timeout queue`.
    #[error("no server became free in time")]
    QueueTimeout,
    /// The server refused the connection, or could not be reached.
    #[error("connection to the server failed")]
    ConnectFailed,
    /// The server did not accept the connection within `timeout connect`.
    #[error("connection to the server timed out")]
    ConnectTimeout,
    /// The server closed or reset the connection before its response head was complete.
    #[error("server closed the connection")]
    ServerClosed,
    /// The server did not answer within `timeout server`.
    #[error("server did not answer in time")]
    ServerTimeout,
    /// The server's response is not valid HTTP, or its framing is ambiguous.
    #[error("invalid response from the server")]
    BadResponse,
    /// The process ran out of something, such as file descriptors.
    #[error("resource exhausted")]
    Resource,
}

impl ProxyError {
    /// The status a client gets (reference: configuration manual, "errorfile"); `None` when it is gone.
    pub fn status(self) -> Option<u16> {
        Some(match self {
            Self::BadHead(BadHead::TooLarge | BadHead::TooManyFields) => 431,
            Self::BadHead(BadHead::TargetTooLong) => 414,
            Self::BadFraming(BadFraming::UnsupportedCoding) => 422,
            Self::BadFraming(BadFraming::BodyNotAllowed) => 413,
            Self::BadHead(_) | Self::BadFraming(_) | Self::BadBody(_) => 400,
            Self::ClientTimeout => 408,
            Self::ClientClosed => return None,
            Self::NoServer | Self::QueueTimeout | Self::ConnectFailed | Self::ConnectTimeout => 503,
            Self::ServerClosed | Self::BadResponse => 502,
            Self::ServerTimeout => 504,
            Self::Resource => 500,
        })
    }

    /// First letter of HAProxy's termination state: who ended it.
    pub fn cause(self) -> char {
        match self {
            Self::BadHead(_) | Self::BadFraming(_) | Self::BadBody(_) | Self::BadResponse => 'P',
            Self::ClientTimeout => 'c',
            Self::ClientClosed => 'C',
            Self::NoServer | Self::ConnectFailed | Self::ServerClosed => 'S',
            Self::QueueTimeout | Self::ConnectTimeout | Self::ServerTimeout => 's',
            Self::Resource => 'R',
        }
    }

    /// Second letter: the phase it ended in, when the error itself tells; `None`: the phase the request was in.
    pub fn phase(self) -> Option<char> {
        match self {
            Self::BadHead(_) | Self::BadFraming(_) => Some('R'),
            Self::NoServer | Self::ConnectFailed | Self::ConnectTimeout | Self::Resource => Some('C'),
            Self::QueueTimeout => Some('Q'),
            Self::BadBody(_) | Self::ClientTimeout | Self::ClientClosed => None,
            Self::ServerClosed | Self::ServerTimeout | Self::BadResponse => None,
        }
    }
}
