//! Looking for requests that pass the proxy unseen, as part of something else.

use Outcome::{Either, One, Refused};

use crate::{Client, DEFAULTS, Lbd, Message, Origin, Reply, answer, get};

/// What must come of a payload in which a second request hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A 4xx, and no complete request at the origin.
    Refused,
    /// Exactly one request at the origin, and its answer.
    One,
    /// Either of them: recipients differ, both are safe.
    Either,
}

/// The request that must never be seen as a request.
pub const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nHost: x\r\nX-Pad: 1\r\n\r\n";

/// A recording origin behind an `lbd` that marks what it forwards.
#[derive(Debug)]
pub struct Judge {
    /// Sees everything.
    pub origin: Origin,
    /// Listens on `%web%`, and on `%nowhere%` without a backend.
    pub lbd: Lbd,
}

impl Judge {
    /// With an origin that answers everything with 200 and the target, cut to a decent length.
    pub fn new() -> Self {
        Self::with(Origin::scripted(|request| {
            let target: String = request.target().chars().take(64).collect();
            Reply::Send(answer("200 OK", &format!("X-Target: {target}\r\n"), "ok"))
        }))
    }

    /// With this origin, which must answer `/sentinel` with 200 and its target in `X-Target`.
    pub fn with(origin: Origin) -> Self {
        let lbd = Lbd::start(&format!(
            "{DEFAULTS}\nlisten web\n    bind 127.0.0.1:%web%\n    http-request set-header X-Via lbd\n    \
             server a 127.0.0.1:{}\n\nfrontend nowhere\n    bind 127.0.0.1:%nowhere%\n",
            origin.port()
        ));
        Self { origin, lbd }
    }

    /// Sends `payload` and everything it hides on one connection, and judges what came of it.
    ///
    /// # Panics
    /// Something else came of it; the message tells.
    pub fn judge(&self, name: &str, payload: &[u8], outcome: Outcome) {
        self.origin.clear();
        let mut client = Client::connect(self.lbd.port("web"));
        client.send_in_vain(payload).finish();
        let responses = client.responses();
        self.sentinel(name);
        let requests = self.forwarded(name);
        let context = format!("{name}: {responses:?}, origin: {requests:?}");
        match (outcome, requests.len()) {
            (One | Either, 1) => {
                assert_eq!(requests[0].target(), "/first", "{context}");
                assert_eq!(responses.first().map(Message::status), Some(200), "{context}");
                // What follows may be refused, but not answered as a request.
                assert!(responses[1..].iter().all(|r| (400..500).contains(&r.status())), "{context}");
            }
            (Refused | Either, 0) => {
                assert!(responses.len() == 1 && (400..500).contains(&responses[0].status()), "{context}");
                for raw in self.origin.unfinished() {
                    let text = String::from_utf8_lossy(&raw).into_owned();
                    assert!(!text.contains("smuggled"), "{name}: the origin got {text:?}");
                }
            }
            _ => panic!("not {outcome:?}: {context}"),
        }
    }

    /// Sends a request of the same shape that hides nothing: it must arrive with this body.
    ///
    /// # Panics
    /// Something else came of it; the message tells.
    pub fn passes(&self, name: &str, first: &[u8], body: &str) {
        self.origin.clear();
        let mut client = Client::connect(self.lbd.port("web"));
        client.send(first);
        let response = client.response();
        assert_eq!((response.status(), response.header("x-target")), (200, Some("/first")), "{name}");
        let requests = self.forwarded(name);
        assert_eq!(requests.len(), 1, "{name}");
        assert_eq!(requests[0].text(), body, "{name}");
    }

    /// A good request: everything sent before it has arrived once it is answered, and it gets its own answer, not that of
    /// something that passed before it.
    ///
    /// # Panics
    /// Something else came of it; the message tells.
    pub fn sentinel(&self, name: &str) {
        let response = get(self.lbd.port("web"), "/sentinel");
        assert_eq!(
            (response.status(), response.header("x-target")),
            (200, Some("/sentinel")),
            "after {name}"
        );
    }

    /// What the origin saw, without sentinels, every request with its mark.
    ///
    /// # Panics
    /// One lacks the mark: it was smuggled.
    pub fn forwarded(&self, name: &str) -> Vec<Message> {
        let requests = self.origin.requests();
        for request in &requests {
            assert_eq!(request.values("x-via"), ["lbd"], "{name}: not forwarded but smuggled: {request:?}");
        }
        requests.into_iter().filter(|request| request.target() != "/sentinel").collect()
    }
}

/// A chunk with `HIDDEN` as its data, and the last chunk.
pub fn hidden_chunk() -> String {
    format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len())
}

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}
