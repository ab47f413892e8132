//! What an origin does with a request.

use std::sync::Arc;

use crate::Gate;

/// What an origin does with one request. Unless said otherwise it reads the whole request first, and keeps the
/// connection.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes and closes the connection.
    SendAndClose(Vec<u8>),
    /// Sends the first bytes, waits for the gate, sends the second.
    Halves(Vec<u8>, Arc<Gate>, Vec<u8>),
    /// Waits for the gate, then does the other thing.
    Held(Arc<Gate>, Box<Reply>),
    /// Sends the bytes as soon as the head is there, then reads the body and does the other thing.
    Interim(Vec<u8>, Box<Reply>),
    /// Sends the bytes as soon as the head is there, then reads the body and goes on to the next request.
    Early(Vec<u8>),
    /// Sends the bytes as soon as the head is there and closes when the client does; reads no body.
    EarlyAndClose(Vec<u8>),
    /// Closes the connection without a byte.
    Close,
    /// Resets the connection without a byte.
    Reset,
    /// Never answers.
    Silent,
    /// Sends these bytes, then sends everything back that comes.
    Echo(Vec<u8>),
}

/// A complete response with a `Content-Length`. `fields` are lines, each ended by CRLF.
pub fn answer(status: &str, fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes =
        format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
