//! **What** answers the statistics page in its forms, and takes its commands · **reads** everything · **writes** `intercepted`,
//! `status` · **why here** beside the backends: the page is one more destination.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use config::haproxy::StatsPage as Plan;
use stats::html::PageOptions;
use stats::{Filter, csv, html, json, prometheus};

use crate::admin;
use crate::entry::Site;
use crate::h1::{RequestHead, ResponseHead};
use crate::log::LogWriter;
use crate::message::{Frame, Request, Response};
use crate::objects::Objects;
use crate::report;

/// Path of the Prometheus text, on every frontend that has a page.
const METRICS_PATH: &[u8] = b"/metrics";
/// Longest form taken (one buffer, as HAProxy).
const MOST_FORM: usize = 16 * 1024;

/// The statistics page of one proxy.
#[derive(Debug, Clone)]
pub(crate) struct StatsPage {
    plan: Arc<Plan>,
    owner: Arc<str>,
    objects: Arc<Objects>,
    writer: LogWriter,
}

impl StatsPage {
    pub(crate) fn new(site: &Site, plan: Plan, owner: String) -> Self {
        let (objects, writer) = (Arc::clone(&site.objects), site.writer.clone());
        Self { plan: Arc::new(plan), owner: owner.into(), objects, writer }
    }

    /// Whether the request is for this page: its URI is a prefix, as with HAProxy.
    pub(crate) fn takes(&self, head: &RequestHead) -> bool {
        let path = head.path();
        path.starts_with(self.plan.uri.as_bytes()) || is_metrics(path)
    }

    /// Answers it.
    pub(crate) async fn answer(&self, mut request: Box<Request>) -> Box<Response> {
        request.ctx.intercepted.set(true);
        let response = if !self.may_see(&request.head) {
            self.ask_for_password()
        } else {
            match request.head.method() {
                b"GET" | b"HEAD" => self.page(&request.head),
                b"POST" if self.plan.admin => self.command(&mut request).await,
                _ => error(403, "Forbidden"),
            }
        };
        request.ctx.status.set(Some(response.head.status));
        response
    }

    fn may_see(&self, head: &RequestHead) -> bool {
        if self.plan.auth.is_empty() {
            return true;
        }
        let Some(given) = head.headers.get_named(b"authorization") else { return false };
        let Some(coded) =
            given.get(..6).filter(|s| s.eq_ignore_ascii_case(b"basic ")).map(|_| given[6..].trim_ascii())
        else {
            return false;
        };
        let Ok(decoded) = BASE64_STANDARD.decode(coded) else { return false };
        // Every pair is compared in full, so that the time taken does not tell how far a guess was right.
        self.plan.auth.iter().fold(false, |seen, (user, password)| {
            seen | same(&decoded, format!("{user}:{password}").as_bytes())
        })
    }

    fn ask_for_password(&self) -> Box<Response> {
        let mut response = error(401, "Unauthorized");
        let challenge = format!("Basic realm=\"{}\"", self.plan.realm.replace(['"', '\\'], ""));
        response.head.headers.push("www-authenticate", challenge);
        response
    }

    fn page(&self, head: &RequestHead) -> Box<Response> {
        let path = String::from_utf8_lossy(head.path()).into_owned();
        if is_metrics(head.path()) {
            let query = path.split_once('?').map_or("", |(_, query)| query);
            let text = prometheus::render(&self.report(), &prometheus::Options::from_query(query));
            return content("text/plain; version=0.0.4", text, None);
        }
        let suffix = &path[self.plan.uri.len().min(path.len())..];
        let options = self.options().with_url_options(suffix);
        let asks = |form: &str| suffix.split(';').any(|part| part == form);
        if asks("csv") {
            content("text/plain", csv::render(&self.report(), &options.filter), None)
        } else if asks("json") {
            content("application/json", json::render(&self.report(), &options.filter), None)
        } else {
            content(
                "text/html; charset=utf-8",
                html::render(&self.report(), &options),
                options.active_refresh(),
            )
        }
    }

    fn options(&self) -> PageOptions {
        PageOptions {
            uri: self.plan.uri.clone(),
            metrics_uri: Some("/metrics".into()),
            refresh: self.plan.refresh.and_then(|r| u32::try_from(r.as_secs()).ok()).filter(|r| *r > 0),
            hide_version: self.plan.hide_version,
            show_legends: self.plan.show_legends,
            show_node: self.plan.show_node.clone(),
            show_desc: self.plan.show_desc.clone(),
            show_modules: self.plan.show_modules,
            admin: self.plan.admin,
            filter: Filter::default(),
            norefresh: false,
            banner: None,
        }
    }

    fn report(&self) -> stats::Report {
        let mut report = report::build(&self.objects, &self.writer, self.plan.show_legends, Instant::now());
        if !self.plan.scope.is_empty() {
            let shown =
                |name: &str| self.plan.scope.iter().any(|s| s == name || (s == "." && *self.owner == *name));
            report.proxies.retain(|p| shown(&p.name));
        }
        report
    }

    /// A form was sent: the change is made, then the client is sent back to the page with the outcome.
    async fn command(&self, request: &mut Request) -> Box<Response> {
        let outcome = match same_site(&request.head) {
            false => html::Banner::Denied,
            true => match form(request).await {
                Some(form) => admin::apply(&self.objects, &self.writer, &form),
                None => html::Banner::TooLong,
            },
        };
        let mut head = ResponseHead::new(303, "See Other");
        head.headers.push("content-length", "0");
        head.headers.push("location", format!("{};st={}", self.plan.uri, outcome.code()));
        head.headers.push("cache-control", "no-cache");
        Response::local(head, Bytes::new())
    }
}

fn is_metrics(path: &[u8]) -> bool {
    path.strip_prefix(METRICS_PATH).is_some_and(|rest| rest.is_empty() || rest[0] == b'?')
}

/// A form sent by another site's page names that site in `Origin` or `Referer`; a client without either is not a browser.
fn same_site(head: &RequestHead) -> bool {
    let Some(from) = head.headers.get_named(b"origin").or_else(|| head.headers.get_named(b"referer")) else {
        return true;
    };
    let from = String::from_utf8_lossy(from);
    let site = from.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    head.headers.get_named(b"host").is_some_and(|host| site.as_bytes().eq_ignore_ascii_case(host))
}

async fn form(request: &mut Request) -> Option<Vec<u8>> {
    let mut form = Vec::new();
    while let Some(frame) = poll_fn(|cx| request.body.poll_frame(cx)).await {
        if let Frame::Data(data) = frame.ok()? {
            form.extend_from_slice(&data);
        }
        if form.len() > MOST_FORM {
            return None;
        }
    }
    Some(form)
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
}

fn content(kind: &'static str, text: String, refresh: Option<u32>) -> Box<Response> {
    let mut head = ResponseHead::new(200, "OK");
    head.headers.push("cache-control", "no-cache");
    head.headers.push("content-type", kind);
    if let Some(seconds) = refresh {
        head.headers.push("refresh", seconds.to_string());
    }
    head.headers.push("content-length", text.len().to_string());
    Response::local(head, Bytes::from(text))
}

fn error(status: u16, reason: &'static str) -> Box<Response> {
    let body = Bytes::from(format!("<html><body><h1>{status} {reason}</h1></body></html>\n"));
    let mut head = ResponseHead::new(status, reason);
    head.headers.push("content-length", body.len().to_string());
    head.headers.push("cache-control", "no-cache");
    head.headers.push("content-type", "text/html");
    Response::local(head, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_passwords_are_the_same() {
        assert!(same(b"a:b", b"a:b"));
        assert!(!same(b"a:b", b"a:c"));
        assert!(!same(b"a:b", b"a:bb"));
        assert!(!same(b"", b"a"));
    }

    #[test]
    fn metrics_have_a_path_of_their_own() {
        assert!(is_metrics(b"/metrics") && is_metrics(b"/metrics?scope=server"));
        assert!(!is_metrics(b"/metricsx") && !is_metrics(b"/x/metrics"));
    }
}
