//! A snapshot of everything that runs, in HAProxy's fields.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use config::haproxy::{Balance, Mode, ServerAddress};
use lb_core::Admin;
use nix::sys::resource::{Resource, getrlimit};
use stats::{CheckRecord, Field, History, ProcessInfo, ProxyReport, Report, Row, ServerReport, WindowTotals};

use crate::log::LogWriter;
use crate::objects::{Address, Backend, CheckState, Frontend, Objects, Server, lock};

/// Builds the snapshot. `legends`: addresses and algorithms may be shown.
pub(crate) fn build(objects: &Objects, writer: &LogWriter, legends: bool, now: Instant) -> Report {
    let (frontends, backends) = (objects.frontends.load(), objects.backends.load());
    let mut proxies: Vec<ProxyReport> = Vec::new();
    for frontend in frontends.iter() {
        let mut report = empty(&frontend.plan());
        report.frontend = Some(frontend_row(objects, frontend, now));
        proxies.push(report);
    }
    for backend in backends.iter() {
        let plan = backend.plan();
        let at = proxies.iter().position(|p| p.name == plan.name).unwrap_or_else(|| {
            proxies.push(empty(&plan));
            proxies.len() - 1
        });
        let report = &mut proxies[at];
        report.servers =
            backend.servers.iter().map(|s| server_report(objects, backend, s, legends, now)).collect();
        report.backend = Some(backend_row(objects, backend, legends, now));
        report.history = Some(history(backend, now));
    }
    proxies.sort_by_key(|p| p.iid);
    let mut process = process(objects, writer, now);
    for row in proxies.iter().filter_map(|p| p.frontend.as_ref()) {
        process.cum_req += row.u64(Field::ReqTot).unwrap_or(0);
        process.cum_conns += row.u64(Field::ConnTot).unwrap_or(0);
        process.bytes_out += row.u64(Field::Bout).unwrap_or(0);
    }
    Report { process, proxies }
}

fn empty(plan: &config::haproxy::Proxy) -> ProxyReport {
    ProxyReport {
        name: plan.name.clone(),
        iid: plan.id,
        mode: mode(plan.mode).to_owned(),
        description: plan.description.clone(),
        ..ProxyReport::default()
    }
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Tcp => "tcp",
        Mode::Http => "http",
    }
}

fn process(objects: &Objects, writer: &LogWriter, now: Instant) -> ProcessInfo {
    let process = &objects.process;
    let files = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
    let listeners = objects.frontends.load().iter().map(|f| f.plan().binds.len() as u64).sum();
    let connections = u64::from(process.connections.load(Ordering::Relaxed));
    ProcessInfo {
        name: "lbd".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        node: process.node.clone(),
        description: process.description.clone(),
        uptime: now.saturating_duration_since(process.started),
        started_at_unix: process.started_at.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()),
        nbthread: u32::try_from(process.workers).unwrap_or(u32::MAX),
        maxconn: u64::from(process.maxconn),
        maxsock: files,
        ulimit_n: files,
        cur_conns: connections,
        idle_pct: process.idle_percent.load(Ordering::Relaxed),
        conn_rate: process.connection_rate.rate(now),
        conn_rate_max: process.connection_rate.max(),
        sess_rate: process.session_rate.rate(now),
        sess_rate_max: process.session_rate.max(),
        stopping: process.stopping.load(Ordering::Relaxed),
        jobs: connections + listeners,
        listeners,
        dropped_logs: writer.dropped(),
        ..ProcessInfo::default()
    }
}

fn frontend_row(objects: &Objects, frontend: &Arc<Frontend>, now: Instant) -> Row {
    let plan = frontend.plan();
    let mut row = Row::frontend(&plan.name, plan.id);
    objects.registry.frontend(&plan.name).fill(&mut row);
    let open = !objects.process.stopping.load(Ordering::Relaxed);
    row.set(Field::Status, if open { "OPEN" } else { "STOP" })
        .set(Field::Smax, frontend.connections_max.value())
        .set(Field::Scur, u64::from(frontend.connections.load(Ordering::Relaxed)))
        .set(Field::Slim, u64::from(frontend.limit()))
        .set(Field::Rate, frontend.session_rate.rate(now))
        .set(Field::RateMax, frontend.session_rate.max())
        .set(Field::RateLim, 0u64)
        .set(Field::ConnRate, frontend.session_rate.rate(now))
        .set(Field::ConnRateMax, frontend.session_rate.max())
        .set(Field::Mode, mode(plan.mode));
    if plan.mode == Mode::Http {
        row.set(Field::ReqRate, frontend.request_rate.rate(now))
            .set(Field::ReqRateMax, frontend.request_rate.max());
    }
    row
}

fn backend_row(objects: &Objects, backend: &Arc<Backend>, legends: bool, now: Instant) -> Row {
    let plan = backend.plan();
    let mut row = Row::backend(&plan.name, plan.id);
    objects.registry.backend(&plan.name).fill(&mut row);
    let state = backend.state();
    let (active, backups, weight, queued) = {
        let pool = backend.pool();
        (pool.active_count(), pool.backup_count(), pool.total_weight(), pool.backend_queued())
    };
    let downtime =
        state.downtime + if state.up { Duration::ZERO } else { now.saturating_duration_since(state.since) };
    row.set(Field::Status, if state.up { "UP" } else { "DOWN" })
        .set(Field::Qcur, queued as u64)
        .set(Field::Qmax, backend.queue_max.value())
        .set(Field::Scur, u64::from(backend.sessions.load(Ordering::Relaxed)))
        .set(Field::Smax, backend.sessions_max.value())
        .set(Field::Slim, u64::from(plan.fullconn.unwrap_or((objects.process.maxconn / 10).max(1))))
        .set(Field::Weight, u64::from(weight))
        .set(Field::Uweight, plan.servers.iter().map(|s| u64::from(s.weight)).sum::<u64>())
        .set(Field::Act, active as u64)
        .set(Field::Bck, backups as u64)
        .set(Field::Chkdown, state.down_transitions)
        .set(Field::Lastchg, now.saturating_duration_since(state.since).as_secs())
        .set(Field::Downtime, downtime.as_secs())
        .set(Field::Rate, backend.session_rate.rate(now))
        .set(Field::RateMax, backend.session_rate.max())
        .set(Field::Mode, mode(plan.mode))
        .set(
            Field::Lastsess,
            backend.servers.iter().filter_map(|s| s.last_session()).max().map_or(-1, |at| age(at, now)),
        );
    set_times(&mut row, backend.servers.iter().collect::<Vec<_>>().as_slice());
    if legends {
        row.set(Field::Algo, algorithm(plan.balance));
    }
    row
}

fn server_report(
    objects: &Objects,
    backend: &Arc<Backend>,
    server: &Arc<Server>,
    legends: bool,
    now: Instant,
) -> ServerReport {
    let plan = backend.plan();
    let mut row = Row::server(&plan.name, &server.name, plan.id, server.plan.id);
    objects.registry.server(&plan.name, &server.name).fill(&mut row);
    let (admin, in_flight, queued, weight) = {
        let pool = backend.pool();
        let id = server.pool_id;
        (pool.admin(id), pool.in_flight(id), pool.queued(id), pool.weight(id))
    };
    let state = server.state();
    row.set(Field::Status, status(&state, admin))
        .set(Field::Qcur, u64::from(queued))
        .set(Field::Qmax, server.queue_max.value())
        .set(Field::Scur, u64::from(in_flight))
        .set(Field::Smax, server.sessions_max.value())
        .set(Field::Weight, u64::from(weight))
        .set(Field::Uweight, u64::from(server.plan.weight))
        .set(Field::Act, u64::from(!server.plan.backup))
        .set(Field::Bck, u64::from(server.plan.backup))
        .set(Field::Rate, server.session_rate.rate(now))
        .set(Field::RateMax, server.session_rate.max())
        .set(Field::UsedConnCur, u64::from(in_flight))
        .set(Field::Mode, mode(plan.mode))
        .set(Field::Lastsess, server.last_session().map_or(-1, |at| age(at, now)));
    if let Some(limit) = server.plan.maxconn.filter(|n| *n > 0) {
        row.set(Field::Slim, u64::from(limit));
    }
    if let Some(limit) = server.plan.maxqueue.filter(|n| *n > 0) {
        row.set(Field::Qlimit, u64::from(limit));
    }
    let downtime =
        state.downtime + if state.up { Duration::ZERO } else { now.saturating_duration_since(state.since) };
    row.set(Field::Lastchg, now.saturating_duration_since(state.since).as_secs())
        .set(Field::Downtime, downtime.as_secs());
    if server.plan.check.is_some() {
        set_check(&mut row, &state);
    }
    set_times(&mut row, &[server]);
    if legends {
        row.set(Field::Addr, address(server));
        if let Some(cookie) = &server.plan.cookie {
            row.set(Field::Cookie, cookie.clone());
        }
    }
    let checks = state.history.iter().map(|record| check_record(record, now)).collect();
    ServerReport { row, checks }
}

fn status(state: &CheckState, admin: Admin) -> String {
    match admin {
        Admin::Maint => "MAINT".into(),
        Admin::Drain if state.display.starts_with("UP") => state.display.replacen("UP", "DRAIN", 1),
        Admin::Drain if state.display == "no check" => "DRAIN".into(),
        Admin::Drain | Admin::Ready => state.display.clone(),
    }
}

fn set_check(row: &mut Row, state: &CheckState) {
    let (health, rise, fall) = state.health;
    row.set(Field::Chkfail, state.failed_checks)
        .set(Field::Chkdown, state.down_transitions)
        .set(Field::CheckRise, u64::from(rise))
        .set(Field::CheckFall, u64::from(fall))
        .set(Field::CheckHealth, u64::from(health));
    if state.maintenance {
        return;
    }
    let Some(last) = state.history.last() else {
        row.set(Field::CheckStatus, "INI").set(Field::CheckDesc, "Initializing");
        return;
    };
    let running = if state.checking { "* " } else { "" };
    row.set(Field::CheckStatus, format!("{running}{}", last.status.code()))
        .set(Field::CheckDuration, u64::try_from(last.duration.as_millis()).unwrap_or(u64::MAX))
        .set(Field::CheckDesc, last.status.description())
        .set(Field::LastChk, last.info.clone());
    if let Some(code) = last.code.filter(|_| last.status.carries_code()) {
        row.set(Field::CheckCode, u64::from(code));
    }
}

fn set_times(row: &mut Row, servers: &[&Arc<Server>]) {
    let of = |pick: fn(&crate::objects::Times) -> &stats::Window1024| {
        WindowTotals::of(servers.iter().map(|s| pick(&s.times)))
    };
    let (queue, connect) = (of(|t| &t.queue), of(|t| &t.connect));
    let (response, total) = (of(|t| &t.response), of(|t| &t.total));
    row.set(Field::Qtime, queue.average_ms())
        .set(Field::Ctime, connect.average_ms())
        .set(Field::Rtime, response.average_ms())
        .set(Field::Ttime, total.average_ms())
        .set(Field::QtimeMax, queue.max_ms())
        .set(Field::CtimeMax, connect.max_ms())
        .set(Field::RtimeMax, response.max_ms())
        .set(Field::TtimeMax, total.max_ms());
}

fn check_record(record: &healthcheck::Record, now: Instant) -> CheckRecord {
    let age = now.saturating_duration_since(record.at);
    let at = SystemTime::now().checked_sub(age).and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let text = match record.info.as_str() {
        "" => record.status.description().to_owned(),
        info => format!("{}: {info}", record.status.description()),
    };
    CheckRecord {
        at_unix: at.map_or(0, |d| d.as_secs()),
        age,
        code: record.status.code().to_owned(),
        http_code: record.code,
        duration: record.duration,
        passed: matches!(
            record.status.result(),
            healthcheck::CheckResult::Passed | healthcheck::CheckResult::ConditionallyPassed
        ),
        text,
    }
}

fn history(backend: &Backend, now: Instant) -> History {
    let lines: Vec<_> = backend.history.iter().map(lock).collect();
    History::of(lines.iter().map(|line| &**line), now)
}

fn age(at: Instant, now: Instant) -> i64 {
    i64::try_from(now.saturating_duration_since(at).as_secs()).unwrap_or(i64::MAX)
}

fn address(server: &Server) -> String {
    match (&server.address, &server.plan.address) {
        (Address::Tcp(address), _) => address.to_string(),
        (Address::Unix(path), _) => format!("unix:{}", path.display()),
        (Address::Unresolved(host), ServerAddress::Name { port, .. }) => format!("{host}:{port}"),
        (Address::Unresolved(host), _) => host.clone(),
    }
}

fn algorithm(balance: Balance) -> &'static str {
    match balance {
        Balance::RoundRobin => "roundrobin",
        Balance::StaticRr => "static-rr",
        Balance::LeastConn => "leastconn",
        Balance::Random { .. } => "random",
        Balance::First => "first",
        Balance::Source => "source",
    }
}
