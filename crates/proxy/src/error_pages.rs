//! The responses of the proxy itself: HAProxy's reason phrases and small HTML pages, or the operator's `errorfile`s.

use bytes::{Bytes, BytesMut};
use config::haproxy::ErrorFile;

use crate::h1::{ResponseHead, parse_response};

/// One error response, ready to send.
#[derive(Debug, Clone)]
pub(crate) struct ErrorPage {
    pub(crate) head: ResponseHead,
    pub(crate) body: Bytes,
}

/// Every status the proxy answers by itself, with reason and explanation.
const PAGES: [(u16, &str, &str); 13] = [
    (400, "Bad request", "Your browser sent an invalid request."),
    (401, "Unauthorized", "You need a valid user and password to access this content."),
    (403, "Forbidden", "Request forbidden by administrative rules."),
    (404, "Not Found", "The resource could not be found."),
    (408, "Request Time-out", "Your browser didn't send a complete request in time."),
    (413, "Payload Too Large", "The request entity exceeds the maximum allowed."),
    (414, "URI Too Long", "The request URI is too long."),
    (422, "Unprocessable Content", "The server cannot process the contained instructions."),
    (431, "Request Header Fields Too Large", "The request header fields are too large."),
    (500, "Internal Server Error", "An internal server error occurred."),
    (502, "Bad Gateway", "The server returned an invalid or incomplete response."),
    (503, "Service Unavailable", "No server is available to handle this request."),
    (504, "Gateway Time-out", "The server didn't respond in time."),
];

/// The error responses of one proxy, built once. No page for a status (an empty `errorfile`) closes the connection without
/// a word.
#[derive(Debug, Clone)]
pub(crate) struct ErrorPages(Vec<(u16, Option<ErrorPage>)>);

impl ErrorPages {
    /// The built-in pages, with `files` in place of those they name.
    pub(crate) fn new(files: &[ErrorFile]) -> Self {
        let mut pages: Vec<_> = PAGES
            .iter()
            .map(|(status, reason, text)| (*status, Some(builtin(*status, reason, text))))
            .collect();
        for file in files {
            pages.retain(|(status, _)| *status != file.status);
            pages.push((file.status, from_file(file)));
        }
        Self(pages)
    }

    /// The response for `status`, one of those the proxy answers by itself.
    pub(crate) fn page(&self, status: u16) -> Option<ErrorPage> {
        self.0.iter().find(|(s, _)| *s == status).and_then(|(_, page)| page.clone())
    }
}

fn builtin(status: u16, reason: &'static str, text: &str) -> ErrorPage {
    let body = format!("<html><body><h1>{status} {reason}</h1>\n{text}\n</body></html>\n");
    let mut head = ResponseHead::new(status, reason);
    head.headers.push("content-length", body.len().to_string());
    head.headers.push("cache-control", "no-cache");
    head.headers.push("content-type", "text/html");
    ErrorPage { head, body: Bytes::from(body) }
}

/// An `errorfile` is a raw response; its length and connection fields are ours to say.
fn from_file(file: &ErrorFile) -> Option<ErrorPage> {
    let mut buffer = BytesMut::from(&file.response[..]);
    let mut head = parse_response(&mut buffer).ok().flatten()?;
    head.status = file.status;
    for name in ["content-length", "connection", "transfer-encoding"] {
        head.headers.remove_named(name.as_bytes());
    }
    head.headers.push("content-length", buffer.len().to_string());
    Some(ErrorPage { head, body: buffer.freeze() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_the_built_in_page() {
        let response =
            b"HTTP/1.0 503 Sorry\nContent-Type: text/plain\nConnection: close\n\nback soon\n".to_vec();
        let pages = ErrorPages::new(&[ErrorFile { status: 503, path: "x".into(), response }]);
        let page = pages.page(503).unwrap();
        assert_eq!(&page.body[..], b"back soon\n");
        assert_eq!(page.head.headers.get_named(b"content-length"), Some(&b"10"[..]));
        assert!(!page.head.headers.contains(b"connection"));
        assert!(pages.page(502).unwrap().body.starts_with(b"<html>"));
    }

    #[test]
    fn an_empty_file_means_silence() {
        let pages =
            ErrorPages::new(&[ErrorFile { status: 408, path: "/dev/null".into(), response: Vec::new() }]);
        assert!(pages.page(408).is_none());
    }
}
