//! What a run came to: the JSON that `--json` writes, and what tables and plot are made from.

use serde::Serialize;

use crate::machine::Machine;

/// One run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// Program and the first line of what it says about itself.
    pub(crate) versions: Vec<(String, String)>,
    pub(crate) rounds: u32,
    pub(crate) seconds: u64,
    pub(crate) scenarios: Vec<ScenarioReport>,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(crate) struct ScenarioReport {
    pub(crate) name: String,
    pub(crate) title: String,
    /// Requests a second at which latency was measured.
    pub(crate) fixed_rate: Option<f64>,
    pub(crate) peers: Vec<PeerReport>,
}

/// One proxy in one scenario.
#[derive(Debug, Serialize)]
pub(crate) struct PeerReport {
    pub(crate) name: String,
    /// Whether lbd is held against it.
    pub(crate) reference: bool,
    pub(crate) figures: Figures,
    /// Memory after its start and after the load, in bytes.
    pub(crate) rss_at_rest: u64,
    pub(crate) rss: u64,
    /// Every response that was not right, and what else makes the figures worthless.
    pub(crate) problems: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Figures {
    Busy(Busy),
    Idle(Idle),
}

/// Under load; medians over rounds, per request where nothing else is said.
#[derive(Debug, Serialize)]
pub(crate) struct Busy {
    /// User and system time in microseconds.
    pub(crate) cpu_us: f64,
    pub(crate) user_us: f64,
    pub(crate) system_us: f64,
    /// `cpu_us` of each round.
    pub(crate) rounds_us: Vec<f64>,
    /// Share of a CPU that it used.
    pub(crate) utilisation: f64,
    /// Share of the time that it waited for its CPU, which other programs had.
    pub(crate) disturbance: f64,
    pub(crate) requests_per_second: f64,
    pub(crate) context_switches: f64,
    /// Connections opened to servers, those of health checks included.
    pub(crate) server_connections: f64,
    /// Access-log lines that arrived.
    pub(crate) log_lines: Option<f64>,
    pub(crate) system_calls: Option<SystemCalls>,
    pub(crate) latency: Option<Latency>,
}

#[derive(Debug, Serialize)]
pub(crate) struct SystemCalls {
    pub(crate) total: f64,
    /// By name, the most frequent one first.
    pub(crate) by_name: Vec<(String, f64)>,
}

/// At the fixed rate, from the instant a request was due, in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// `p99_us` of each round.
    pub(crate) p99_rounds_us: Vec<f64>,
    pub(crate) p999_us: f64,
    /// Whether load, servers and proxy ran before everything else on the machine.
    pub(crate) real_time: bool,
    /// Share of the time in which the machine ran nothing of them.
    pub(crate) standstill: f64,
}

/// With connected but silent clients.
#[derive(Debug, Serialize)]
pub(crate) struct Idle {
    pub(crate) clients: u64,
    pub(crate) bytes_per_client: f64,
}

impl ScenarioReport {
    /// The least CPU time a request among the proxies that lbd is held against.
    pub(crate) fn best_reference(&self) -> Option<f64> {
        self.least(|busy| Some(busy.cpu_us))
    }

    /// The least p99 among them.
    pub(crate) fn best_p99(&self) -> Option<f64> {
        self.least(|busy| busy.latency.as_ref().map(|latency| latency.p99_us))
    }

    fn least(&self, of: impl Fn(&Busy) -> Option<f64>) -> Option<f64> {
        let references = self.peers.iter().filter(|peer| peer.reference);
        references.filter_map(PeerReport::busy).filter_map(of).min_by(f64::total_cmp)
    }
}

impl PeerReport {
    /// Its figures under load.
    pub(crate) fn busy(&self) -> Option<&Busy> {
        match &self.figures {
            Figures::Busy(busy) => Some(busy),
            Figures::Idle(_) => None,
        }
    }
}
