//! The metrics of the process.

use super::Exposition;
use crate::ProcessInfo;
use crate::names::{self, Metric};

pub(super) fn render(out: &mut Exposition, process: &ProcessInfo) {
    let numbers: [(Metric, u64); 22] = [
        (names::PROCESS_NBTHREAD, process.nbthread.into()),
        (names::PROCESS_NBPROC, 1),
        (names::PROCESS_RELATIVE_PROCESS_ID, 1),
        (names::PROCESS_UPTIME_SECONDS, process.uptime.as_secs()),
        (names::PROCESS_START_TIME_SECONDS, process.started_at_unix),
        (names::PROCESS_MAX_FDS, process.ulimit_n),
        (names::PROCESS_MAX_SOCKETS, process.maxsock),
        (names::PROCESS_MAX_CONNECTIONS, process.maxconn),
        (names::PROCESS_HARD_MAX_CONNECTIONS, process.maxconn),
        (names::PROCESS_CURRENT_CONNECTIONS, process.cur_conns),
        (names::PROCESS_CONNECTIONS_TOTAL, process.cum_conns),
        (names::PROCESS_REQUESTS_TOTAL, process.cum_req),
        (names::PROCESS_CURRENT_CONNECTION_RATE, process.conn_rate),
        (names::PROCESS_MAX_CONNECTION_RATE, process.conn_rate_max),
        (names::PROCESS_CURRENT_SESSION_RATE, process.sess_rate),
        (names::PROCESS_MAX_SESSION_RATE, process.sess_rate_max),
        (names::PROCESS_IDLE_TIME_PERCENT, process.idle_pct.into()),
        (names::PROCESS_STOPPING, process.stopping.into()),
        (names::PROCESS_JOBS, process.jobs),
        (names::PROCESS_LISTENERS, process.listeners),
        (names::PROCESS_DROPPED_LOGS_TOTAL, process.dropped_logs),
        (names::PROCESS_BYTES_OUT_TOTAL, process.bytes_out),
    ];
    for (metric, value) in &numbers {
        out.head(metric);
        out.sample(metric, &[], None, value);
    }

    let texts = [
        (names::PROCESS_NODE, "node", process.node.as_deref()),
        (names::PROCESS_DESCRIPTION, "desc", process.description.as_deref()),
        (names::PROCESS_BUILD_INFO, "version", Some(process.version.as_str())),
    ];
    for (metric, label, text) in &texts {
        if let Some(text) = *text {
            out.head(metric);
            out.sample(metric, &[(*label, text)], None, 1);
        }
    }
}
