//! Changes that an operator makes while the process runs.

use std::sync::Arc;
use std::time::Instant;

use config::haproxy::Level;
use healthcheck::sentence::{self, Remaining, ServerName};
use lb_core::Admin;
use stats::html::Banner;

use crate::log::LogWriter;
use crate::objects::{Backend, Objects, Server};

/// Applies a form of the statistics page: `s=SERVER…&action=ready|drain|maint&b=BACKEND or #ID`.
pub(crate) fn apply(objects: &Objects, writer: &LogWriter, form: &[u8]) -> Banner {
    let fields = fields(form);
    let value = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let wanted = match value("action") {
        Some("ready") => Admin::Ready,
        Some("drain") => Admin::Drain,
        Some("maint") => Admin::Maint,
        _ => return Banner::InvalidRequest,
    };
    let backends = objects.backends.load();
    let named = value("b").unwrap_or_default();
    let backend = backends.iter().find(|b| *b.name == *named || named == format!("#{}", b.plan().id));
    let Some(backend) = backend else { return Banner::InvalidRequest };
    let names: Vec<_> = fields.iter().filter(|(n, _)| n == "s").map(|(_, v)| v.as_str()).collect();
    let changed = names
        .iter()
        .filter(|name| {
            let server = backend.servers.iter().find(|s| *s.name == ***name);
            server.is_some_and(|server| set(backend, server, wanted, writer))
        })
        .count();
    match changed {
        0 => Banner::Nothing,
        n if n == names.len() => Banner::Done,
        _ => Banner::Partial,
    }
}

/// Puts a server into a state; `false` when it was in it.
fn set(backend: &Arc<Backend>, server: &Arc<Server>, wanted: Admin, writer: &LogWriter) -> bool {
    let now = Instant::now();
    let (before, rest) = {
        let mut pool = backend.pool();
        let before = pool.admin(server.pool_id);
        if before == wanted {
            return false;
        }
        pool.set_admin(server.pool_id, wanted);
        if wanted == Admin::Maint {
            pool.share_queue(server.pool_id);
        }
        let rest = Remaining {
            active: pool.active_count(),
            backup: pool.backup_count(),
            on_backup: pool.is_on_backup(),
            sessions: pool.in_flight(server.pool_id),
            requeued: 0,
            queued: pool.queued(server.pool_id),
        };
        (before, rest)
    };
    let was_up = server.state().up;
    if (wanted == Admin::Maint) != (before == Admin::Maint) {
        server.set_maintenance(wanted == Admin::Maint);
    }
    let name = ServerName { backend: &backend.name, server: &server.name, backup: server.plan.backup };
    let (level, text) = match (before, wanted) {
        (_, Admin::Maint) => sentence::enters_maintenance(name, was_up, rest),
        (_, Admin::Drain) => sentence::enters_drain(name, rest),
        (Admin::Drain, Admin::Ready) => sentence::leaves_drain(name, was_up),
        (_, Admin::Ready) => sentence::leaves_maintenance(name, was_up, false),
    };
    let level = match level {
        sentence::Level::Emerg => Level::Emerg,
        sentence::Level::Alert => Level::Alert,
        sentence::Level::Notice => Level::Notice,
    };
    tracing::info!("{text}");
    writer.send(&backend.plan().log.clone().into(), level, text);
    backend.refresh_state(now);
    backend.dispatch();
    true
}

/// The fields of an `application/x-www-form-urlencoded` body.
fn fields(form: &[u8]) -> Vec<(String, String)> {
    form.split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            (decode(&pair[..at]), decode(pair.get(at + 1..).unwrap_or_default()))
        })
        .collect()
}

fn decode(text: &[u8]) -> String {
    let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let want = [("s", "a b"), ("s", "c&d"), ("action", "maint"), ("b", "#2"), ("e", "")];
        let want = want.map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(fields(b"s=a+b&s=c%26d&action=maint&b=%232&e"), want);
        assert_eq!(decode(b"100%"), "100%");
    }
}
