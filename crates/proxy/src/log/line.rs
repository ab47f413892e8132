//! Access-log lines in HAProxy's formats (configuration manual, chapter 8.2).

use std::fmt::{self, Display, Formatter, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::clock;
use crate::ctx::Ctx;

/// `option httplog`.
pub(crate) fn http(ctx: &Ctx, frontend: &str, connections: [u32; 4]) -> String {
    let mut out = String::with_capacity(256);
    prefix(&mut out, ctx, frontend);
    let times = Times::of(ctx);
    let (cause, phase) = termination(ctx);
    let _ = write!(
        out,
        " {}/{}/{}/{}/{} {} {} - - {cause}{phase}-- ",
        times.head,
        times.queue,
        times.connect,
        times.response,
        times.total,
        ctx.status.get().map_or(-1, i32::from),
        ctx.bytes_out.get(),
    );
    counts(&mut out, ctx, connections);
    out.push_str(" \"");
    if ctx.line.is_empty() {
        out.push_str("<BADREQ>")
    } else {
        escape(&mut out, &ctx.line)
    }
    out.push('"');
    out
}

/// `option tcplog`.
pub(crate) fn tcp(ctx: &Ctx, frontend: &str, connections: [u32; 4]) -> String {
    let mut out = String::with_capacity(192);
    prefix(&mut out, ctx, frontend);
    let times = Times::of(ctx);
    let (cause, phase) = termination(ctx);
    let _ = write!(
        out,
        " {}/{}/{} {} {cause}{phase} ",
        times.queue,
        times.connect,
        times.total,
        ctx.bytes_out.get(),
    );
    counts(&mut out, ctx, connections);
    out
}

/// What HAProxy logs without a format option.
pub(crate) fn basic(ctx: &Ctx, frontend: &str, mode: &str) -> String {
    format!("Connect from {} to {} ({frontend}/{mode})", End(ctx.client), End(ctx.local))
}

fn prefix(out: &mut String, ctx: &Ctx, frontend: &str) {
    let backend = ctx.backend.borrow();
    let endpoint = ctx.endpoint.borrow();
    let server = match (&*endpoint, ctx.intercepted.get()) {
        (Some(endpoint), _) => &*endpoint.server.name,
        (None, true) => "<STATS>",
        (None, false) => "<NOSRV>",
    };
    let _ = write!(
        out,
        "{} [{}] {frontend} {}/{server}",
        End(ctx.client),
        clock::request_date(ctx.date()),
        backend.as_ref().map_or(frontend, |b| b.name()),
    );
}

/// One end of a client's connection; without an address it is a Unix socket.
struct End(Option<SocketAddr>);

impl Display for End {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => write!(f, "{}:{}", address.ip().to_canonical(), address.port()),
            None => f.write_str("unix:1"),
        }
    }
}

fn termination(ctx: &Ctx) -> (char, char) {
    ctx.ended.get().unwrap_or(('-', '-'))
}

fn counts(out: &mut String, ctx: &Ctx, [process, frontend, backend, server]: [u32; 4]) {
    let [server_queue, backend_queue] = ctx.queue_positions.get();
    let moved = if ctx.redispatched.get() { "+" } else { "" };
    let retries = ctx.retries.get();
    let _ = write!(
        out,
        "{process}/{frontend}/{backend}/{server}/{moved}{retries} {server_queue}/{backend_queue}"
    );
}

/// The phases in milliseconds; -1 for one that was not reached.
struct Times {
    head: i64,
    queue: i64,
    connect: i64,
    response: i64,
    total: i64,
}

impl Times {
    fn of(ctx: &Ctx) -> Self {
        let ms = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        let span = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => ms(to.saturating_duration_since(from)),
            _ => -1,
        };
        let picked = ctx.picked_at.get();
        let routed = ctx.started + ctx.head_time;
        let bad = ctx.line.is_empty() && ctx.head_time.is_zero() && picked.is_none();
        Self {
            head: if bad { -1 } else { ms(ctx.head_time) },
            queue: span(Some(routed), picked),
            connect: span(picked, ctx.connected_at.get()),
            response: span(ctx.connected_at.get(), ctx.answered_at.get()),
            total: ms(ctx.started.elapsed()),
        }
    }
}

/// Bytes that could break a log line or a terminal are written as `#XX`.
fn escape(out: &mut String, line: &[u8]) {
    for byte in line {
        match byte {
            b'"' | b'#' | b'\\' | 0x00..=0x1f | 0x7f..=0xff => {
                let _ = write!(out, "#{byte:02X}");
            }
            _ => out.push(char::from(*byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn ctx() -> Ctx {
        let mut ctx = Ctx::new(Some("[::ffff:10.0.0.9]:4242".parse().unwrap()), Instant::now(), true);
        ctx.line = Bytes::from_static(b"GET /\"x HTTP/1.1");
        ctx
    }

    #[test]
    fn a_request_without_a_server_logs_nosrv_and_its_termination() {
        let ctx = ctx();
        ctx.status.set(Some(503));
        ctx.bytes_out.set(217);
        ctx.ended.set(Some(('S', 'C')));
        let line = http(&ctx, "web", [5, 4, 3, 2]);
        assert!(line.starts_with("10.0.0.9:4242 ["), "{line}");
        assert!(line.contains("] web web/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 5/4/3/2/0 0/0 "), "{line}");
        assert!(line.ends_with("\"GET /#22x HTTP/1.1\""), "{line}");
    }

    #[test]
    fn a_request_that_was_never_read_logs_badreq_under_the_frontend() {
        let mut ctx = ctx();
        ctx.line = Bytes::new();
        ctx.status.set(Some(408));
        ctx.ended.set(Some(('c', 'R')));
        let line = http(&ctx, "web", [5, 4, 3, 2]);
        assert!(line.contains("] web web/<NOSRV> -1/-1/-1/-1/0 408 0 - - cR-- "), "{line}");
        assert!(line.ends_with("\"<BADREQ>\""), "{line}");
    }
}
