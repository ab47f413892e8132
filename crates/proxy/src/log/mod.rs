//! Access and event logs: lines are formatted by the worker and written by a thread of their own, so that no request ever
//! waits for a log.

mod batch;
mod clock;
mod line;
mod outlets;
mod syslog;
mod writer;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use config::haproxy::{Level, LogFormat, LogTarget};

use crate::ctx::Ctx;
use crate::objects::{Frontend, Objects, Session};
use writer::Line;

pub(crate) use batch::LineBatch;
pub(crate) use syslog::Identity;
pub(crate) use writer::LogWriter;

/// Where and how one frontend logs.
#[derive(Debug)]
pub(crate) struct AccessSink {
    objects: Arc<Objects>,
    frontend: Arc<Frontend>,
    targets: Arc<[LogTarget]>,
    format: LogFormat,
    dontlognull: bool,
    dontlog_normal: bool,
    batch: Rc<LineBatch>,
}

impl AccessSink {
    pub(crate) fn new(objects: Arc<Objects>, frontend: Arc<Frontend>, batch: Rc<LineBatch>) -> Self {
        let plan = frontend.plan();
        Self {
            objects,
            targets: plan.log.clone().into(),
            format: plan.log_format,
            dontlognull: plan.dontlognull,
            dontlog_normal: plan.dontlog_normal,
            frontend,
            batch,
        }
    }

    /// Logs an HTTP request that is over.
    pub(crate) fn request(&self, ctx: &Ctx) {
        if self.skips(ctx) {
            return;
        }
        let connections = self.connections(ctx);
        let line = match self.format {
            LogFormat::Http => line::http(ctx, &self.frontend.name, connections),
            LogFormat::Tcp => line::tcp(ctx, &self.frontend.name, connections),
            LogFormat::Basic => line::basic(ctx, &self.frontend.name, "HTTP"),
        };
        self.batch.push(Line::new(&self.targets, Level::Info, line));
    }

    /// Logs a TCP session that is over.
    pub(crate) fn session(&self, ctx: &Ctx) {
        if self.skips(ctx) {
            return;
        }
        let line = match self.format {
            LogFormat::Http | LogFormat::Tcp => line::tcp(ctx, &self.frontend.name, self.connections(ctx)),
            LogFormat::Basic => line::basic(ctx, &self.frontend.name, "TCP"),
        };
        self.batch.push(Line::new(&self.targets, Level::Info, line));
    }

    /// Whether anybody gets the lines.
    pub(crate) fn writes(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Whether lines name the address a client connected to.
    pub(crate) fn says_local(&self) -> bool {
        self.format == LogFormat::Basic && self.writes()
    }

    /// Connections now, the logged one included: process, frontend, backend, server.
    fn connections(&self, ctx: &Ctx) -> [u32; 4] {
        let process = self.objects.process.connections.load(Ordering::Relaxed);
        let frontend = self.frontend.connections.load(Ordering::Relaxed);
        let backend = ctx.session.borrow().as_ref().map_or(0, Session::count);
        let server = ctx.endpoint.borrow().as_ref().map_or(0, |e| e.server.sessions.load(Ordering::Relaxed));
        [process, frontend, backend, server]
    }

    fn skips(&self, ctx: &Ctx) -> bool {
        let null = ctx.bytes_in.get() == 0 && ctx.bytes_out.get() == 0;
        let normal = ctx.ended.get().is_none() && ctx.retries.get() == 0;
        self.targets.is_empty() || (self.dontlognull && null) || (self.dontlog_normal && normal)
    }
}
