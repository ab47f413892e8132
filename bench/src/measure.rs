//! Measures one scenario: all proxies run, and take turns.

use std::time::{Duration, Instant};

use crate::cli::RunArgs;
use crate::error::BenchError;
use crate::figures::{median, micros, percentile};
use crate::interrupt;
use crate::load::idle::IdleClients;
use crate::load::open_loop::{self, Outcome, Plan};
use crate::load::wrk::Wrk;
use crate::origin::Origin;
use crate::peers::{Peer, Running, Setup};
use crate::real_time::{RealTime, Witnesses};
use crate::report::{Busy, Figures, Idle, Latency, PeerReport, ScenarioReport, SystemCalls};
use crate::scenario::{Clients, Scenario};
use crate::strace::Strace;
use crate::syslog::SyslogSink;
use crate::temp_dir::TempDir;
use crate::turn::{Disturbed, LatencyTurn, Rounds, Turn};
use crate::usage::Usage;

/// Turns of each proxy at the fixed rate: many short ones, because a stall of the machine spoils the percentiles of one.
const LATENCY_ROUNDS: u32 = 9;
const LATENCY_ROUND: Duration = Duration::from_secs(1);
/// Share of their CPU that load and servers may need in such a turn.
const LOAD_SHARE: f64 = 0.75;

/// What all scenarios share.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) args: &'a RunArgs,
    pub(crate) peers: &'a [Peer],
    pub(crate) origin: &'a Origin,
    pub(crate) dir: &'a TempDir,
    /// Idle clients that the limit of open files allows.
    pub(crate) idle_clients: u64,
}

/// One proxy while it is measured.
struct Subject<'a> {
    peer: &'a Peer,
    running: Running,
    rss_at_rest: u64,
    turns: Vec<Turn>,
    system_calls: Option<SystemCalls>,
    latencies: Vec<LatencyTurn>,
    problems: Vec<String>,
}

impl Bench<'_> {
    /// Starts the proxies, measures, ends them.
    pub(crate) fn run(&self, scenario: &Scenario) -> Result<ScenarioReport, BenchError> {
        match scenario.clients {
            Clients::Busy => self.run_busy(scenario),
            Clients::Idle => self.run_idle(scenario),
        }
    }

    fn run_busy(&self, scenario: &Scenario) -> Result<ScenarioReport, BenchError> {
        let sink = scenario.access_log.then(|| SyslogSink::start(self.args.load_cpu)).transpose()?;
        let mut subjects = self.start(scenario, scenario.connections as u64, sink.as_ref())?;
        let wrk = Wrk::new(scenario, self.dir.path())?;
        for subject in &mut subjects {
            // Every byte of some responses, before time is spent on figures of wrong ones.
            let outcome = self.at_rate(scenario, &subject.running, 100.0, Duration::from_millis(500))?;
            subject.judge(&outcome);
            wrk.run(subject.running.address, 1)?;
        }
        let mut rounds = Rounds::new(self.args.rounds);
        while rounds.need_more() {
            let mut round = Vec::new();
            for subject in &mut subjects {
                let turn = self.turn(&wrk, &subject.running, sink.as_ref())?;
                subject.problems.extend(wrk.problems(&turn.tally));
                round.push(turn);
            }
            rounds.add(round);
        }
        for (subject, turns) in subjects.iter_mut().zip(rounds.by_proxy()) {
            subject.turns = turns;
        }
        let mut fixed_rate = None;
        if !self.args.cpu_only {
            for subject in &mut subjects {
                let strace = Strace::attach(&subject.running.processes(), self.dir.path())?;
                let tally = wrk.run(subject.running.address, 1)?;
                let calls = strace.finish();
                subject.system_calls = calls.map(|calls| SystemCalls::per_request(&calls, tally.requests));
            }
            let rate = self.latency_rate(scenario, &subjects)?;
            let mut rounds = Rounds::new(LATENCY_ROUNDS);
            while rounds.need_more() {
                let mut round = Vec::new();
                for subject in &mut subjects {
                    let turn = self.latency_turn(scenario, &subject.running, rate)?;
                    subject.judge(&turn.outcome);
                    round.push(turn);
                }
                rounds.add(round);
            }
            for (subject, turns) in subjects.iter_mut().zip(rounds.by_proxy()) {
                subject.latencies = turns;
            }
            fixed_rate = Some(rate);
        }
        let logged = sink.is_some();
        let peers = subjects.into_iter().map(|subject| subject.report(logged)).collect::<Result<_, _>>()?;
        Ok(report(scenario, fixed_rate, peers))
    }

    fn run_idle(&self, scenario: &Scenario) -> Result<ScenarioReport, BenchError> {
        let clients = self.idle_clients;
        let (request, expected) = (scenario.request(), scenario.reply.body());
        let mut peers = Vec::new();
        for subject in self.start(scenario, clients, None)? {
            interrupt::check()?;
            let mut problems = subject.problems;
            let address = subject.running.address;
            let mut rss = subject.rss_at_rest;
            match IdleClients::connect(address, clients, &request, &expected)? {
                Err(wrong) => problems.push(wrong.to_string()),
                Ok(idle) => {
                    // Timers and purges of a moment ago are done.
                    std::thread::sleep(Duration::from_secs(2));
                    rss = subject.running.usage()?.rss;
                    if let Err(wrong) = idle.ask_again(&request, &expected) {
                        problems.push(format!("after idling: {wrong}"));
                    }
                }
            }
            let bytes = rss.saturating_sub(subject.rss_at_rest) as f64 / clients as f64;
            peers.push(PeerReport {
                name: subject.peer.name.clone(),
                reference: subject.peer.is_reference(),
                figures: Figures::Idle(Idle { clients, bytes_per_client: bytes }),
                rss_at_rest: subject.rss_at_rest,
                rss,
                problems,
            });
        }
        Ok(report(scenario, None, peers))
    }

    fn start<'a>(
        &'a self,
        scenario: &Scenario,
        clients: u64,
        sink: Option<&SyslogSink>,
    ) -> Result<Vec<Subject<'a>>, BenchError> {
        let setup = Setup {
            scenario,
            servers: &self.origin.addresses()[..scenario.servers],
            syslog: sink.map(SyslogSink::address),
            clients,
            dir: self.dir.path(),
        };
        let started = self.peers.iter().map(|peer| {
            let running = peer.start(&setup, self.args.proxy_cpu, self.args.load_cpu)?;
            Ok(Subject {
                peer,
                running,
                rss_at_rest: 0,
                turns: Vec::new(),
                system_calls: None,
                latencies: Vec::new(),
                problems: Vec::new(),
            })
        });
        let mut subjects = started.collect::<Result<Vec<_>, BenchError>>()?;
        // Workers are forked and first health checks done.
        std::thread::sleep(Duration::from_millis(500));
        for subject in &mut subjects {
            subject.rss_at_rest = subject.running.usage()?.rss;
        }
        Ok(subjects)
    }

    fn turn(&self, wrk: &Wrk, running: &Running, sink: Option<&SyslogSink>) -> Result<Turn, BenchError> {
        let lines = || sink.map_or(0, SyslogSink::lines);
        let (log_lines, connections) = (lines(), self.origin.connections());
        let (usage, start) = (running.usage()?, Instant::now());
        let tally = wrk.run(running.address, self.args.seconds)?;
        let usage = running.usage()? - usage;
        Ok(Turn {
            usage,
            wall: start.elapsed(),
            tally,
            server_connections: self.origin.connections() - connections,
            log_lines: lines() - log_lines,
        })
    }

    /// Half of what the slowest proxy takes, or less where load and servers would be what is late.
    fn latency_rate(&self, scenario: &Scenario, subjects: &[Subject<'_>]) -> Result<f64, BenchError> {
        let slowest = subjects.iter().map(Subject::rate).min_by(f64::total_cmp).unwrap_or(0.0);
        let rate = (slowest / 2.0).max(1.0);
        let Some(subject) = subjects.first() else { return Ok(rate) };
        let load = [std::process::id().cast_signed()];
        let (before, start) = (Usage::of(&load)?, Instant::now());
        self.at_rate(scenario, &subject.running, rate, LATENCY_ROUND)?;
        let used = (Usage::of(&load)? - before).cpu().as_secs_f64() / start.elapsed().as_secs_f64();
        Ok(rate * (LOAD_SHARE / used).min(1.0))
    }

    fn latency_turn(
        &self,
        scenario: &Scenario,
        running: &Running,
        rate: f64,
    ) -> Result<LatencyTurn, BenchError> {
        let real_time = RealTime::begin(&running.processes());
        let witnesses = Witnesses::start(&[self.args.proxy_cpu, self.args.load_cpu]);
        let start = Instant::now();
        let outcome = self.at_rate(scenario, running, rate, LATENCY_ROUND)?;
        let (wall, standstill) = (start.elapsed(), witnesses.standstill());
        Ok(LatencyTurn { outcome, wall, standstill, real_time: real_time.is_some() })
    }

    fn at_rate(
        &self,
        scenario: &Scenario,
        running: &Running,
        rate: f64,
        duration: Duration,
    ) -> Result<Outcome, BenchError> {
        interrupt::check()?;
        let (request, expected) = (scenario.request(), scenario.reply.body());
        open_loop::run(&Plan {
            target: running.address,
            request: &request,
            expected: &expected,
            close: scenario.close,
            connections: scenario.connections,
            rate,
            duration,
        })
    }
}

impl Subject<'_> {
    /// Requests a second under load.
    fn rate(&self) -> f64 {
        self.median(|turn| turn.tally.rate())
    }

    fn median(&self, of: impl Fn(&Turn) -> f64) -> f64 {
        median(&self.turns.iter().map(of).collect::<Vec<_>>())
    }

    /// Takes note of what was wrong at a fixed rate.
    fn judge(&mut self, outcome: &Outcome) {
        let problems = outcome.wrong.iter().filter(|(_, n)| **n > 0);
        self.problems.extend(problems.map(|(wrong, n)| format!("{n} responses: {wrong}")));
    }

    fn report(self, logged: bool) -> Result<PeerReport, BenchError> {
        let rss = self.running.usage()?.rss;
        let time = |of: fn(&Usage) -> Duration| move |turn: &Turn| turn.per_request(micros(of(&turn.usage)));
        let count = |of: fn(&Turn) -> u64| move |turn: &Turn| turn.per_request(of(turn) as f64);
        let log_lines = logged.then(|| self.median(count(|turn| turn.log_lines)));
        let latencies = |share: f64| {
            let of = |turn: &LatencyTurn| percentile(&turn.outcome.latencies, share).map(micros);
            self.latencies.iter().filter_map(of).collect::<Vec<_>>()
        };
        let measured = self.latencies.iter().any(|turn| !turn.outcome.latencies.is_empty());
        let busy = Busy {
            cpu_us: self.median(Turn::cpu_us),
            user_us: self.median(time(|usage| usage.user)),
            system_us: self.median(time(|usage| usage.system)),
            rounds_us: self.turns.iter().map(Turn::cpu_us).collect(),
            utilisation: self.median(Turn::utilisation),
            disturbance: self.median(Turn::disturbance),
            requests_per_second: self.rate(),
            context_switches: self.median(count(|turn| turn.usage.switches)),
            server_connections: self.median(count(|turn| turn.server_connections)),
            log_lines,
            latency: measured.then(|| Latency {
                p50_us: median(&latencies(0.5)),
                p99_us: median(&latencies(0.99)),
                p99_rounds_us: latencies(0.99),
                p999_us: median(&latencies(0.999)),
                real_time: self.latencies.iter().all(|turn| turn.real_time),
                standstill: median(&self.latencies.iter().map(Disturbed::disturbance).collect::<Vec<_>>()),
            }),
            system_calls: self.system_calls,
        };
        Ok(PeerReport {
            name: self.peer.name.clone(),
            reference: self.peer.is_reference(),
            figures: Figures::Busy(busy),
            rss_at_rest: self.rss_at_rest,
            rss,
            problems: self.problems,
        })
    }
}

impl SystemCalls {
    fn per_request(calls: &[(String, u64)], requests: u64) -> Self {
        let share = |n: u64| n as f64 / requests.max(1) as f64;
        Self {
            total: share(calls.iter().map(|(_, n)| n).sum()),
            by_name: calls.iter().map(|(name, n)| (name.clone(), share(*n))).collect(),
        }
    }
}

fn report(scenario: &Scenario, fixed_rate: Option<f64>, peers: Vec<PeerReport>) -> ScenarioReport {
    ScenarioReport { name: scenario.name.into(), title: scenario.title.into(), fixed_rate, peers }
}
