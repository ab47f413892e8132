//! Health checks, on the control thread: one task a server, so that no check waits for another.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::haproxy::{Check, Level as SyslogLevel, LogTarget, Proxy};
use healthcheck::sentence::{self, Cause, Reason, Remaining, ServerName};
use healthcheck::{
    Action, Change, CheckResult, CheckStatus, Checker, CheckerConfig, Initial, Outcome, Period, ProbeId,
    Record, first_delay,
};
use lb_core::Health;

use crate::log::LogWriter;
use crate::objects::{Backend, Server};
use crate::probe::{Finding, Probe};

/// Checks start at once, spread over at most this, so that a thousand servers are not probed in one instant.
const SPREAD: Duration = Duration::from_millis(200);

/// Starts the checks of every server of `backends`. To be called within a `LocalSet`.
pub(crate) fn spawn_all(backends: &[Arc<Backend>], spread_percent: u8, writer: &LogWriter) {
    let checked: Vec<_> = backends
        .iter()
        .flat_map(|b| b.servers.iter().filter_map(move |s| Some((b, s, s.plan.check.clone()?))))
        .collect();
    let count = checked.len();
    let shortest = checked.iter().map(|(_, _, check)| check.inter).min().unwrap_or_default();
    for (index, (backend, server, check)) in checked.into_iter().enumerate() {
        let delay = first_delay(index, count, shortest, SPREAD);
        let plan = backend.plan();
        let watch = Watch {
            targets: plan.log.clone().into(),
            probe: Probe::new(server, &check, &plan),
            checker: Checker::new(Instant::now(), checker_config(&check, &plan, delay, spread_percent)),
            backend: Arc::clone(backend),
            server: Arc::clone(server),
            stopping: false,
            writer: writer.clone(),
            plan,
        };
        tokio::task::spawn_local(watch.run());
    }
}

fn checker_config(check: &Check, plan: &Proxy, first_delay: Duration, jitter_percent: u8) -> CheckerConfig {
    let bounded = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
    CheckerConfig {
        inter: check.inter,
        fast_inter: check.fastinter,
        down_inter: check.downinter,
        // The probe has its own limits and says which it met; this one only ends a probe that does not end itself.
        timeout: check.inter + plan.timeouts.check.unwrap_or(check.inter) + Duration::from_secs(1),
        rise: bounded(check.rise),
        fall: bounded(check.fall),
        initial: Initial::Up,
        first_delay,
        period: Period::AfterFinish,
        jitter_percent,
        seed: crate::entropy::next(),
    }
}

type Running = Pin<Box<dyn Future<Output = Finding>>>;

/// The checks of one server.
struct Watch {
    backend: Arc<Backend>,
    server: Arc<Server>,
    plan: Arc<Proxy>,
    targets: Arc<[LogTarget]>,
    probe: Probe,
    checker: Checker,
    /// The last check passed only on condition.
    stopping: bool,
    writer: LogWriter,
}

impl Watch {
    async fn run(mut self) {
        let mut running: Option<(ProbeId, Running)> = None;
        self.listen();
        let mut last = Finding::unknown();
        loop {
            while let Some(action) = self.checker.poll_action() {
                match action {
                    Action::StartProbe(id) => {
                        self.server.state().checking = true;
                        running = Some((id, self.probe.start()));
                    }
                    Action::AbortProbe(_) => running = None,
                    Action::Changed(change) => self.changed(change, &last),
                }
            }
            self.show();
            let wake =
                self.checker.poll_timeout().unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                finding = finished(&mut running) => {
                    let Some((id, _)) = running.take() else { continue };
                    last = finding;
                    self.found(id, &last);
                }
                () = tokio::time::sleep_until(wake.into()) => self.checker.handle_timeout(Instant::now()),
                () = self.server.told.notified() => {
                    if let Some(finding) = self.listen() {
                        last = finding;
                    }
                }
            }
        }
    }

    /// Somebody has news of the server: maintenance began or ended, or a client's connection failed.
    fn listen(&mut self) -> Option<Finding> {
        let maintenance = self.server.state().maintenance;
        match (maintenance, self.checker.is_paused()) {
            (true, false) => self.checker.pause(),
            (false, true) => self.checker.resume(Instant::now()),
            (true, true) => {}
            (false, false) => {
                let failed = self.server.take_evidence() && self.checker.handle_evidence(Instant::now());
                let finding = failed.then(Finding::refused_connection);
                finding.iter().for_each(|f| self.remember(f));
                return finding;
            }
        }
        None
    }

    fn found(&mut self, id: ProbeId, finding: &Finding) {
        let before = self.checker.fsm().display();
        let result = finding.status.result();
        let outcome = match result {
            CheckResult::Passed | CheckResult::ConditionallyPassed => Outcome::Pass,
            CheckResult::Failed | CheckResult::Neutral | CheckResult::Unknown => Outcome::Fail,
        };
        self.remember(finding);
        self.checker.handle_result(Instant::now(), id, outcome);
        self.checker_says(result);
        if self.plan.log_health_checks && self.checker.fsm().display() != before {
            let display = self.checker.fsm().display();
            let (level, text) =
                sentence::health_check(self.name(), finding.reason(), display, self.server.plan.weight == 0);
            self.say(level, text);
        }
    }

    /// A conditional pass (404 with `http-check disable-on-404`) keeps the server for those who are bound to it only.
    fn checker_says(&mut self, result: CheckResult) {
        let stopping = match result {
            CheckResult::ConditionallyPassed => true,
            CheckResult::Passed => false,
            CheckResult::Failed | CheckResult::Neutral | CheckResult::Unknown => self.stopping,
        };
        if !self.checker.fsm().is_up() || stopping == self.stopping {
            return;
        }
        self.stopping = stopping;
        let health = if stopping { Health::Stopping } else { Health::Up };
        self.backend.pool().set_health(self.server.pool_id, health);
        self.backend.refresh_state(Instant::now());
        self.backend.dispatch();
    }

    fn remember(&self, finding: &Finding) {
        self.server.record(Record {
            at: Instant::now(),
            status: finding.status,
            code: finding.code,
            duration: finding.duration,
            info: finding.info.clone(),
        });
        let mut state = self.server.state();
        state.checking = false;
        if finding.status.result() == CheckResult::Failed && state.up {
            state.failed_checks += 1;
        }
    }

    /// The server went up or down: the pool, the log and those who wait are told, in this order.
    fn changed(&mut self, change: Change, finding: &Finding) {
        let now = Instant::now();
        let up = change == Change::WentUp;
        self.stopping &= up;
        let health = match (up, self.stopping) {
            (true, false) => Health::Up,
            (true, true) => Health::Stopping,
            (false, _) => Health::Down,
        };
        self.backend.pool().set_health(self.server.pool_id, health);
        self.server.set_up(up, now);
        let cause = Cause::Check(finding.reason());
        let (level, text) = if up {
            sentence::up(self.name(), cause, self.remaining())
        } else {
            sentence::down(self.name(), cause, self.remaining(), false)
        };
        self.say(level, text);
        if self.backend.refresh_state(now) && !up {
            let (level, text) = sentence::no_server_available("backend", &self.backend.name);
            self.say(level, text);
            self.backend.flush();
        }
        if up {
            self.backend.dispatch();
        }
    }

    fn remaining(&self) -> Remaining {
        let pool = self.backend.pool();
        let id = self.server.pool_id;
        Remaining {
            active: pool.active_count(),
            backup: pool.backup_count(),
            on_backup: pool.is_on_backup(),
            sessions: pool.in_flight(id),
            requeued: 0,
            queued: pool.queued(id),
        }
    }

    fn show(&self) {
        let fsm = self.checker.fsm();
        let mut state = self.server.state();
        if !state.maintenance {
            let display = fsm.display().to_string();
            state.display =
                if self.stopping && fsm.is_up() { display.replacen("UP", "NOLB", 1) } else { display };
        }
        state.health = (fsm.health(), fsm.rise(), fsm.fall());
    }

    fn name(&self) -> ServerName<'_> {
        ServerName { backend: &self.backend.name, server: &self.server.name, backup: self.server.plan.backup }
    }

    fn say(&self, level: sentence::Level, text: String) {
        let syslog = match level {
            sentence::Level::Emerg => SyslogLevel::Emerg,
            sentence::Level::Alert => SyslogLevel::Alert,
            sentence::Level::Notice => SyslogLevel::Notice,
        };
        match level {
            sentence::Level::Emerg | sentence::Level::Alert => tracing::warn!("{text}"),
            sentence::Level::Notice => tracing::info!("{text}"),
        }
        self.writer.send(&self.targets, syslog, text);
    }
}

async fn finished(running: &mut Option<(ProbeId, Running)>) -> Finding {
    match running {
        Some((_, probe)) => probe.await,
        None => std::future::pending().await,
    }
}

impl Finding {
    fn reason(&self) -> Reason<'_> {
        Reason { status: self.status, code: self.code, info: &self.info, duration: self.duration }
    }

    fn unknown() -> Self {
        Self { status: CheckStatus::Unknown, code: None, info: String::new(), duration: Duration::ZERO }
    }

    /// What a client's refused connection says, in the words of a check that met the same.
    fn refused_connection() -> Self {
        let info = "connection of a client failed".to_owned();
        Self { status: CheckStatus::L4Connection, code: None, info, duration: Duration::ZERO }
    }
}
