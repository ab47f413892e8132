//! What health knows about a server, asked just before it is used, and what traffic tells health.

use crate::error::ProxyError;
use crate::objects::Server;

/// Whether the server may still take the request it was picked for: it may have fallen while the request was queued.
pub(crate) fn admits(server: &Server) -> bool {
    server.accepts_traffic()
}

/// A failed connection is evidence: it counts as a failed check and triggers the next check at once.
pub(crate) fn connection_failed(server: &Server, error: ProxyError) {
    if error == ProxyError::ConnectFailed {
        server.connection_failed();
    }
}
