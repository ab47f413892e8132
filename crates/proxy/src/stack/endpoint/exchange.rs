//! One request and one response on a connection, polled in the request's own task.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use config::haproxy::ConnectionMode;

use super::upload::{Stopped, Upload};
use super::{Endpoint, Failed, Sent, Upstream, UpstreamBody};
use crate::client::send_interim;
use crate::clock;
use crate::error::ProxyError;
use crate::h1::{self, BodyLength, ConnectionOptions, RequestHead, ResponseHead, Version};
use crate::message::{Request, Response, ResponseBody};
use crate::net::Scratch;
use crate::stack::balance::Permit;

/// Sends `request` over `upstream`, returns when the final response head has been read.
pub(crate) async fn exchange(
    endpoint: &Rc<Endpoint>,
    upstream: Box<Upstream>,
    request: Box<Request>,
    permit: Permit,
) -> Result<Box<Response>, Failed> {
    let mut encoded = Scratch::new();
    write_head(&mut encoded, &request.head, &request.options, endpoint);
    let mut attempt =
        Attempt { upload: Upload::new(encoded, request, endpoint.case), upstream, uploaded: false };
    let outcome = attempt.final_head(endpoint).await;
    let Attempt { upload, upstream, uploaded } = attempt;
    match outcome {
        Ok((response, length)) => {
            let request = upload.request();
            request.ctx.answered_at.set(Some(clock::recent()));
            request.ctx.status.set(Some(response.status));
            let tunnel = response.status == 101
                || (request.head.method() == b"CONNECT" && (200..300).contains(&response.status));
            let upload = (!uploaded).then(|| Box::new(upload));
            Ok(Box::new(if tunnel {
                open_tunnel(upstream, response, permit)
            } else {
                respond(endpoint, upstream, upload, response, length, permit)
            }))
        }
        Err(error) => {
            drop(permit);
            let sent = match error {
                ProxyError::ServerClosed if upload.sent() == 0 => Sent::Nothing,
                ProxyError::ServerClosed if upstream.input.buffer.is_empty() => Sent::NoAnswer,
                _ => Sent::Answered,
            };
            Err(Failed { request: upload.into_request(), error, sent })
        }
    }
}

/// The request head as this server gets it: persistence and upgrade are said anew for this connection.
fn write_head(out: &mut Vec<u8>, head: &RequestHead, options: &ConnectionOptions, endpoint: &Endpoint) {
    let upgrade;
    let own: &[(&str, &[u8])] = if let Some(protocol) = &options.upgrade {
        upgrade = [("connection", &b"upgrade"[..]), ("upgrade", protocol)];
        &upgrade
    } else if endpoint.plan.connection != ConnectionMode::KeepAlive {
        &[("connection", b"close")]
    } else if head.version == Version::Http10 {
        &[("connection", b"keep-alive")]
    } else {
        &[]
    };
    h1::write_request(out, head, endpoint.case, own);
}

/// A request on its way and the response being awaited.
struct Attempt {
    upload: Upload,
    upstream: Box<Upstream>,
    uploaded: bool,
}

impl Attempt {
    /// The final response head and the length of its body. Interim responses go to the client as they come.
    async fn final_head(&mut self, endpoint: &Endpoint) -> Result<(ResponseHead, BodyLength), ProxyError> {
        loop {
            let mut head = self.next_head().await?;
            let request = self.upload.request();
            let length = h1::response_framing(&mut head, request.head.method())
                .map_err(|_| ProxyError::BadResponse)?;
            match head.status {
                101 if request.options.upgrade.is_some() => return Ok((head, length)),
                101 => return Err(ProxyError::BadResponse),
                100..200 if request.head.version == Version::Http11 => {
                    h1::strip(&mut head.headers);
                    send_interim(request.body.client(), &head, endpoint.case).await?;
                }
                100..200 => {}
                _ => return Ok((head, length)),
            }
        }
    }

    async fn next_head(&mut self) -> Result<ResponseHead, ProxyError> {
        poll_fn(|cx| {
            let before = self.upload.sent();
            if !self.uploaded
                && let Poll::Ready(result) = self.upload.poll(&self.upstream.stream, cx)
            {
                self.uploaded = result.is_ok();
                match result {
                    Err(Stopped::Client(error)) => return Poll::Ready(Err(error)),
                    // The server may have said why before it stopped reading: its answer is read below.
                    Ok(()) | Err(Stopped::Server) => {}
                }
            }
            let Upstream { stream, input, silence, .. } = &mut *self.upstream;
            if self.upload.sent() > before {
                silence.restart();
            }
            loop {
                match h1::parse_response(&mut input.buffer) {
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Ok(None) => {}
                    Err(_) => return Poll::Ready(Err(ProxyError::BadResponse)),
                }
                match input.poll_fill(stream, cx) {
                    Poll::Ready(Ok(n)) if n > 0 => silence.restart(),
                    Poll::Ready(_) => return Poll::Ready(Err(ProxyError::ServerClosed)),
                    Poll::Pending if silence.poll(cx).is_ready() => {
                        return Poll::Ready(Err(ProxyError::ServerTimeout));
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}

/// A response after which the connection carries bytes, not messages (RFC 9110 §7.8, §9.3.6).
fn open_tunnel(mut upstream: Box<Upstream>, head: ResponseHead, permit: Permit) -> Response {
    upstream.permit = Some(permit);
    let body = ResponseBody::Tunnel(upstream);
    Response { head, length: BodyLength::None, body, close: false, log: None, metrics: None }
}

/// The response as it goes up the stack.
fn respond(
    endpoint: &Rc<Endpoint>,
    upstream: Box<Upstream>,
    upload: Option<Box<Upload>>,
    mut head: ResponseHead,
    length: BodyLength,
    permit: Permit,
) -> Response {
    let persistent = ConnectionOptions::read(&head.headers).persistent(head.version);
    let reusable = persistent
        && length != BodyLength::UntilClose
        && endpoint.plan.connection == ConnectionMode::KeepAlive;
    h1::strip(&mut head.headers);
    let body = UpstreamBody::new(upstream, Rc::clone(endpoint), length, upload, reusable, permit);
    Response {
        head,
        length,
        body: ResponseBody::Upstream(Box::new(body)),
        close: false,
        log: None,
        metrics: None,
    }
}
