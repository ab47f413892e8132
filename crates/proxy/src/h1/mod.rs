//! HTTP/1 without IO: heads, framing, bodies (RFC 9112).
//!
//! The parser is ours rather than hyper's for two reasons. An operator's tools depend on what HAProxy answers and logs
//! for a refused request (its status, its error page, `PR--`), which a library that answers by itself cannot give. And a
//! request is forwarded as spans of the bytes received, in order, polled in one task. hyper is the oracle in the tests.

mod body;
mod encode;
mod framing;
mod head;
mod header_list;
mod hop_by_hop;
mod lines;
mod octets;

pub use body::{BadBody, BodyDecoder, Decoded};
pub use encode::{NameCase, write_chunk_size, write_fields, write_last_chunk, write_request, write_response};
pub use framing::{BadFraming, BodyLength, RequestFraming, request_framing, response_framing};
pub use head::{
    BadHead, MAX_HEAD, MAX_LINES, RequestHead, ResponseHead, Version, parse_request, parse_response,
};
pub use header_list::{HeaderList, Known, members};
pub use hop_by_hop::{ConnectionOptions, strip};
