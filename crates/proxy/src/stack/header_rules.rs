//! **What** edits headers: hop-by-hop fields, `option forwardfor`, `http-request` and `http-response` rules · **reads** the
//! client's address · **writes** headers · **why here** once a request, not once an attempt.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use config::haproxy::{ForwardFor, HeaderRule};
use tower::{Layer, Service};

use crate::error::ProxyError;
use crate::h1::{self, HeaderList};
use crate::message::{Request, Response};

/// The rules of one proxy.
#[derive(Debug)]
pub(crate) struct Rules {
    /// Remove the client connection's own fields: the frontend's part.
    strip: bool,
    forwardfor: Option<(Bytes, ForwardFor)>,
    request: Vec<Edit>,
    response: Vec<Edit>,
}

impl Rules {
    pub(crate) fn new(
        strip: bool,
        forwardfor: Option<ForwardFor>,
        request: &[HeaderRule],
        response: &[HeaderRule],
    ) -> Self {
        let edits = |rules: &[HeaderRule]| rules.iter().map(Edit::new).collect();
        Self {
            strip,
            forwardfor: forwardfor.map(|option| (Bytes::from(option.header.clone()), option)),
            request: edits(request),
            response: edits(response),
        }
    }
}

/// A rule with its text in the form that headers are made of.
#[derive(Debug)]
enum Edit {
    Set(Bytes, Bytes),
    Add(Bytes, Bytes),
    Del(Bytes),
}

impl Edit {
    fn new(rule: &HeaderRule) -> Self {
        let bytes = |text: &String| Bytes::from(text.clone());
        match rule {
            HeaderRule::Set { name, value } => Self::Set(bytes(name), bytes(value)),
            HeaderRule::Add { name, value } => Self::Add(bytes(name), bytes(value)),
            HeaderRule::Del { name } => Self::Del(bytes(name)),
        }
    }
}

/// Wraps a service in [`HeaderRules`].
#[derive(Debug, Clone)]
pub(crate) struct HeaderRulesLayer(Rc<Rules>);

impl HeaderRulesLayer {
    pub(crate) fn new(rules: Rules) -> Self {
        Self(Rc::new(rules))
    }
}

impl<S> Layer<S> for HeaderRulesLayer {
    type Service = HeaderRules<S>;

    fn layer(&self, inner: S) -> HeaderRules<S> {
        HeaderRules { inner, rules: Rc::clone(&self.0) }
    }
}

/// Applies the rules of one proxy.
#[derive(Debug, Clone)]
pub(crate) struct HeaderRules<S> {
    inner: S,
    rules: Rc<Rules>,
}

impl<S> Service<Box<Request>> for HeaderRules<S>
where
    S: Service<Box<Request>, Response = Box<Response>, Error = ProxyError>,
{
    type Response = Box<Response>;
    type Error = ProxyError;
    type Future = HeaderRulesFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Box<Request>) -> Self::Future {
        if self.rules.strip {
            h1::strip(&mut request.head.headers);
        }
        if let (Some((header, option)), Some(client)) = (&self.rules.forwardfor, request.ctx.client) {
            forward_for(&mut request.head.headers, header, option, client.ip(), &request.ctx.client_text);
        }
        apply(&mut request.head.headers, &self.rules.request);
        HeaderRulesFuture { inner: self.inner.call(request), rules: Rc::clone(&self.rules) }
    }
}

pin_project_lite::pin_project! {
    /// Future of [`HeaderRules`].
    pub(crate) struct HeaderRulesFuture<F> {
        #[pin]
        inner: F,
        rules: Rc<Rules>,
    }
}

impl<F: Future<Output = Result<Box<Response>, ProxyError>>> Future for HeaderRulesFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut result = ready!(this.inner.poll(cx));
        if let Ok(response) = &mut result {
            apply(&mut response.head.headers, &this.rules.response);
        }
        Poll::Ready(result)
    }
}

fn apply(headers: &mut HeaderList, edits: &[Edit]) {
    for edit in edits {
        match edit {
            Edit::Set(name, value) => headers.set(name.clone(), value.clone()),
            Edit::Add(name, value) => headers.push(name.clone(), value.clone()),
            Edit::Del(name) => headers.remove_named(name),
        }
    }
}

/// `option forwardfor`: a new line, last; earlier ones are kept as they are.
fn forward_for(headers: &mut HeaderList, header: &Bytes, option: &ForwardFor, client: IpAddr, text: &Bytes) {
    let excepted =
        option.except.is_some_and(|(network, length)| covers(network, length, client.to_canonical()));
    if excepted || (option.if_none && headers.contains(header)) {
        return;
    }
    headers.push(header.clone(), text.clone());
}

/// Whether `network`/`length` contains `address`.
fn covers(network: IpAddr, length: u8, address: IpAddr) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    let ((a, width), (b, other)) = (bits(network), bits(address));
    let length = u32::from(length).min(width);
    width == other && (length == 0 || (a ^ b) >> (128 - length) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_cover_their_addresses() {
        let ip = |s: &str| s.parse::<IpAddr>().unwrap();
        for (network, length, address, want) in [
            ("127.0.0.0", 8, "127.9.9.9", true),
            ("127.0.0.0", 8, "128.0.0.1", false),
            ("0.0.0.0", 0, "1.2.3.4", true),
            ("10.0.0.1", 32, "10.0.0.1", true),
            ("10.0.0.1", 32, "10.0.0.2", false),
            ("fe80::", 10, "fe80::1", true),
            ("::", 0, "1.2.3.4", false),
        ] {
            assert_eq!(covers(ip(network), length, ip(address)), want, "{network}/{length} {address}");
        }
    }

    #[test]
    fn the_client_is_appended_as_a_line_of_its_own() {
        let mut headers = HeaderList::new();
        headers.push("x-forwarded-for", "1.1.1.1");
        let mut option = ForwardFor { header: "x-forwarded-for".into(), except: None, if_none: false };
        let (header, client) = (Bytes::from_static(b"x-forwarded-for"), "::ffff:10.0.0.9".parse().unwrap());
        let text = Bytes::from_static(b"10.0.0.9");
        forward_for(&mut headers, &header, &option, client, &text);
        let values: Vec<_> = headers.iter().map(|(_, _, v)| v.to_vec()).collect();
        assert_eq!(values, [b"1.1.1.1".to_vec(), b"10.0.0.9".to_vec()]);
        option.if_none = true;
        forward_for(&mut headers, &header, &option, client, &text);
        option.except = Some(("10.0.0.0".parse().unwrap(), 8));
        option.if_none = false;
        forward_for(&mut headers, &header, &option, client, &text);
        assert_eq!(headers.len(), 2);
    }
}
