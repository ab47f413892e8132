//! The names of the metrics, with their types, units and meanings.
//!
//! They are those of HAProxy's own Prometheus exporter, so that dashboards and alerts made for it work. The
//! unit is the last word of the name, before `_total`: `_seconds`, `_bytes_in`, `_percent`; a name without
//! one counts things. Labels are `proxy`, for a server also `server`, and where the help text says so `state`
//! or `code`: all bounded by the configuration.
//!
//! `*_current_session_rate`, `*_http1_*`, `haproxy_server_http_requests_total` and
//! `haproxy_server_passive_failures_total` carry values that HAProxy has in its CSV only.

use metrics::{KeyName, Recorder, SharedString, Unit};

/// The type of a metric, as a Prometheus `TYPE` line gives it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// Only grows, until the process starts again.
    Counter,
    /// Goes up and down.
    Gauge,
}

impl Kind {
    /// The word in the `TYPE` line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}

/// The description of one metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Metric {
    /// The full name, `haproxy_` included.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Unit,
    /// What it means, as one sentence.
    pub help: &'static str,
}

/// Describes every metric to a recorder, so that a program that embeds the proxy gets help texts and units
/// with the values.
pub fn describe(recorder: &dyn Recorder) {
    for metric in ALL {
        let name = KeyName::from_const_str(metric.name);
        let help = SharedString::const_str(metric.help);
        match metric.kind {
            Kind::Counter => recorder.describe_counter(name, Some(metric.unit), help),
            Kind::Gauge => recorder.describe_gauge(name, Some(metric.unit), help),
        }
    }
}

macro_rules! table {
    ($( $id:ident $kind:ident $unit:ident $name:literal $help:literal; )*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $help)]
            pub const $id: Metric = Metric { name: $name, kind: Kind::$kind, unit: Unit::$unit, help: $help };
        )*

        /// Every metric, in the order of this page.
        pub const ALL: &[Metric] = &[$( $id, )*];
    };
}

table! {
    // Process
    PROCESS_NBTHREAD Gauge Count "haproxy_process_nbthread" "Number of worker threads.";
    PROCESS_NBPROC Gauge Count "haproxy_process_nbproc" "Number of processes: always 1.";
    PROCESS_RELATIVE_PROCESS_ID Gauge Count "haproxy_process_relative_process_id" "Number of this process: always 1.";
    PROCESS_UPTIME_SECONDS Gauge Seconds "haproxy_process_uptime_seconds" "How long ago the process started.";
    PROCESS_START_TIME_SECONDS Gauge Seconds "haproxy_process_start_time_seconds" "Start of the process, since the Unix epoch.";
    PROCESS_MAX_FDS Gauge Count "haproxy_process_max_fds" "Limit of open file descriptors.";
    PROCESS_MAX_SOCKETS Gauge Count "haproxy_process_max_sockets" "Limit of open sockets.";
    PROCESS_MAX_CONNECTIONS Gauge Count "haproxy_process_max_connections" "Limit of concurrent connections.";
    PROCESS_HARD_MAX_CONNECTIONS Gauge Count "haproxy_process_hard_max_connections" "Limit of concurrent connections set at the start.";
    PROCESS_CURRENT_CONNECTIONS Gauge Count "haproxy_process_current_connections" "Connections that are open now.";
    PROCESS_CONNECTIONS_TOTAL Counter Count "haproxy_process_connections_total" "Connections accepted since the start.";
    PROCESS_REQUESTS_TOTAL Counter Count "haproxy_process_requests_total" "Requests received since the start.";
    PROCESS_CURRENT_CONNECTION_RATE Gauge CountPerSecond "haproxy_process_current_connection_rate" "Connections accepted in the last second.";
    PROCESS_MAX_CONNECTION_RATE Gauge CountPerSecond "haproxy_process_max_connection_rate" "Highest number of connections accepted in a second.";
    PROCESS_CURRENT_SESSION_RATE Gauge CountPerSecond "haproxy_process_current_session_rate" "Sessions created in the last second.";
    PROCESS_MAX_SESSION_RATE Gauge CountPerSecond "haproxy_process_max_session_rate" "Highest number of sessions created in a second.";
    PROCESS_IDLE_TIME_PERCENT Gauge Percent "haproxy_process_idle_time_percent" "Share of the time the workers were idle, 0 to 100.";
    PROCESS_NODE Gauge Count "haproxy_process_node" "Name of the node, as a label.";
    PROCESS_DESCRIPTION Gauge Count "haproxy_process_description" "Description of the node, as a label.";
    PROCESS_STOPPING Gauge Count "haproxy_process_stopping" "1 once a stop was requested.";
    PROCESS_JOBS Gauge Count "haproxy_process_jobs" "Listeners, connections and services that keep the process alive.";
    PROCESS_LISTENERS Gauge Count "haproxy_process_listeners" "Bound listeners.";
    PROCESS_DROPPED_LOGS_TOTAL Counter Count "haproxy_process_dropped_logs_total" "Log lines given up because a target was too slow.";
    PROCESS_BYTES_OUT_TOTAL Counter Bytes "haproxy_process_bytes_out_total" "Bytes sent since the start.";
    PROCESS_BUILD_INFO Gauge Count "haproxy_process_build_info" "Version of the program, as a label.";

    // Frontends
    FRONTEND_STATUS Gauge Count "haproxy_frontend_status" "1 for the state in the label, UP or DOWN.";
    FRONTEND_CURRENT_SESSIONS Gauge Count "haproxy_frontend_current_sessions" "Sessions that are open now.";
    FRONTEND_MAX_SESSIONS Gauge Count "haproxy_frontend_max_sessions" "Highest number of open sessions.";
    FRONTEND_LIMIT_SESSIONS Gauge Count "haproxy_frontend_limit_sessions" "Limit of open sessions.";
    FRONTEND_SESSIONS_TOTAL Counter Count "haproxy_frontend_sessions_total" "Sessions since the start.";
    FRONTEND_BYTES_IN_TOTAL Counter Bytes "haproxy_frontend_bytes_in_total" "Bytes received from clients.";
    FRONTEND_BYTES_OUT_TOTAL Counter Bytes "haproxy_frontend_bytes_out_total" "Bytes sent to clients.";
    FRONTEND_REQUESTS_DENIED_TOTAL Counter Count "haproxy_frontend_requests_denied_total" "Requests denied by a rule.";
    FRONTEND_RESPONSES_DENIED_TOTAL Counter Count "haproxy_frontend_responses_denied_total" "Responses denied by a rule.";
    FRONTEND_REQUEST_ERRORS_TOTAL Counter Count "haproxy_frontend_request_errors_total" "Requests that were malformed, timed out or were given up by the client.";
    FRONTEND_CURRENT_SESSION_RATE Gauge CountPerSecond "haproxy_frontend_current_session_rate" "Sessions created in the last second.";
    FRONTEND_LIMIT_SESSION_RATE Gauge CountPerSecond "haproxy_frontend_limit_session_rate" "Limit of sessions created in a second.";
    FRONTEND_MAX_SESSION_RATE Gauge CountPerSecond "haproxy_frontend_max_session_rate" "Highest number of sessions created in a second.";
    FRONTEND_HTTP_RESPONSES_TOTAL Counter Count "haproxy_frontend_http_responses_total" "HTTP responses by class of status, in the label code.";
    FRONTEND_HTTP_REQUESTS_RATE_MAX Gauge CountPerSecond "haproxy_frontend_http_requests_rate_max" "Highest number of HTTP requests in a second.";
    FRONTEND_HTTP_REQUESTS_TOTAL Counter Count "haproxy_frontend_http_requests_total" "HTTP requests since the start.";
    FRONTEND_CONNECTIONS_RATE_MAX Gauge CountPerSecond "haproxy_frontend_connections_rate_max" "Highest number of connections accepted in a second.";
    FRONTEND_CONNECTIONS_TOTAL Counter Count "haproxy_frontend_connections_total" "Connections accepted since the start.";
    FRONTEND_INTERCEPTED_REQUESTS_TOTAL Counter Count "haproxy_frontend_intercepted_requests_total" "Requests answered without a server, such as this page.";
    FRONTEND_DENIED_CONNECTIONS_TOTAL Counter Count "haproxy_frontend_denied_connections_total" "Connections refused by a rule.";
    FRONTEND_DENIED_SESSIONS_TOTAL Counter Count "haproxy_frontend_denied_sessions_total" "Sessions refused by a rule.";
    FRONTEND_FAILED_HEADER_REWRITING_TOTAL Counter Count "haproxy_frontend_failed_header_rewriting_total" "Header rewrites that did not fit.";
    FRONTEND_INTERNAL_ERRORS_TOTAL Counter Count "haproxy_frontend_internal_errors_total" "Requests that failed by a fault of our own.";
    FRONTEND_HTTP1_SESSIONS_TOTAL Counter Count "haproxy_frontend_http1_sessions_total" "HTTP/1 sessions since the start.";
    FRONTEND_HTTP1_REQUESTS_TOTAL Counter Count "haproxy_frontend_http1_requests_total" "HTTP/1 requests since the start.";

    // Listeners
    LISTENER_STATUS Gauge Count "haproxy_listener_status" "1 for the state in the label: WAITING, OPEN or FULL.";
    LISTENER_CURRENT_SESSIONS Gauge Count "haproxy_listener_current_sessions" "Sessions that are open now.";
    LISTENER_MAX_SESSIONS Gauge Count "haproxy_listener_max_sessions" "Highest number of open sessions.";
    LISTENER_LIMIT_SESSIONS Gauge Count "haproxy_listener_limit_sessions" "Limit of open sessions.";
    LISTENER_SESSIONS_TOTAL Counter Count "haproxy_listener_sessions_total" "Sessions since the start.";
    LISTENER_BYTES_IN_TOTAL Counter Bytes "haproxy_listener_bytes_in_total" "Bytes received from clients.";
    LISTENER_BYTES_OUT_TOTAL Counter Bytes "haproxy_listener_bytes_out_total" "Bytes sent to clients.";
    LISTENER_REQUESTS_DENIED_TOTAL Counter Count "haproxy_listener_requests_denied_total" "Requests denied by a rule.";
    LISTENER_RESPONSES_DENIED_TOTAL Counter Count "haproxy_listener_responses_denied_total" "Responses denied by a rule.";
    LISTENER_REQUEST_ERRORS_TOTAL Counter Count "haproxy_listener_request_errors_total" "Requests that were malformed, timed out or were given up by the client.";
    LISTENER_DENIED_CONNECTIONS_TOTAL Counter Count "haproxy_listener_denied_connections_total" "Connections refused by a rule.";
    LISTENER_DENIED_SESSIONS_TOTAL Counter Count "haproxy_listener_denied_sessions_total" "Sessions refused by a rule.";
    LISTENER_FAILED_HEADER_REWRITING_TOTAL Counter Count "haproxy_listener_failed_header_rewriting_total" "Header rewrites that did not fit.";
    LISTENER_INTERNAL_ERRORS_TOTAL Counter Count "haproxy_listener_internal_errors_total" "Requests that failed by a fault of our own.";

    // Backends
    BACKEND_STATUS Gauge Count "haproxy_backend_status" "1 for the state in the label, UP or DOWN.";
    BACKEND_CURRENT_QUEUE Gauge Count "haproxy_backend_current_queue" "Requests waiting in the queue.";
    BACKEND_MAX_QUEUE Gauge Count "haproxy_backend_max_queue" "Highest number of requests waiting in the queue.";
    BACKEND_CURRENT_SESSIONS Gauge Count "haproxy_backend_current_sessions" "Sessions that are open now.";
    BACKEND_MAX_SESSIONS Gauge Count "haproxy_backend_max_sessions" "Highest number of open sessions.";
    BACKEND_LIMIT_SESSIONS Gauge Count "haproxy_backend_limit_sessions" "Limit of open sessions.";
    BACKEND_SESSIONS_TOTAL Counter Count "haproxy_backend_sessions_total" "Sessions since the start.";
    BACKEND_BYTES_IN_TOTAL Counter Bytes "haproxy_backend_bytes_in_total" "Bytes received from clients.";
    BACKEND_BYTES_OUT_TOTAL Counter Bytes "haproxy_backend_bytes_out_total" "Bytes sent to clients.";
    BACKEND_REQUESTS_DENIED_TOTAL Counter Count "haproxy_backend_requests_denied_total" "Requests denied by a rule.";
    BACKEND_RESPONSES_DENIED_TOTAL Counter Count "haproxy_backend_responses_denied_total" "Responses denied by a rule.";
    BACKEND_CONNECTION_ERRORS_TOTAL Counter Count "haproxy_backend_connection_errors_total" "Connection attempts to servers that failed.";
    BACKEND_RESPONSE_ERRORS_TOTAL Counter Count "haproxy_backend_response_errors_total" "Responses that were malformed, timed out or were cut off.";
    BACKEND_RETRY_WARNINGS_TOTAL Counter Count "haproxy_backend_retry_warnings_total" "Attempts repeated on the same server.";
    BACKEND_REDISPATCH_WARNINGS_TOTAL Counter Count "haproxy_backend_redispatch_warnings_total" "Attempts moved to another server.";
    BACKEND_WEIGHT Gauge Count "haproxy_backend_weight" "Effective weight.";
    BACKEND_UWEIGHT Gauge Count "haproxy_backend_uweight" "Weight set by the user.";
    BACKEND_ACTIVE_SERVERS Gauge Count "haproxy_backend_active_servers" "Usable servers that are no backups.";
    BACKEND_BACKUP_SERVERS Gauge Count "haproxy_backend_backup_servers" "Usable backup servers.";
    BACKEND_CHECK_UP_DOWN_TOTAL Counter Count "haproxy_backend_check_up_down_total" "Transitions from UP to DOWN.";
    BACKEND_CHECK_LAST_CHANGE_SECONDS Gauge Seconds "haproxy_backend_check_last_change_seconds" "Time since the last change of status.";
    BACKEND_DOWNTIME_SECONDS_TOTAL Counter Seconds "haproxy_backend_downtime_seconds_total" "Time spent down.";
    BACKEND_LOADBALANCED_TOTAL Counter Count "haproxy_backend_loadbalanced_total" "Times a server was picked by the balancing algorithm.";
    BACKEND_CURRENT_SESSION_RATE Gauge CountPerSecond "haproxy_backend_current_session_rate" "Sessions created in the last second.";
    BACKEND_MAX_SESSION_RATE Gauge CountPerSecond "haproxy_backend_max_session_rate" "Highest number of sessions created in a second.";
    BACKEND_HTTP_RESPONSES_TOTAL Counter Count "haproxy_backend_http_responses_total" "HTTP responses by class of status, in the label code.";
    BACKEND_HTTP_REQUESTS_TOTAL Counter Count "haproxy_backend_http_requests_total" "HTTP requests since the start.";
    BACKEND_CLIENT_ABORTS_TOTAL Counter Count "haproxy_backend_client_aborts_total" "Transfers that the client gave up.";
    BACKEND_SERVER_ABORTS_TOTAL Counter Count "haproxy_backend_server_aborts_total" "Transfers that the server gave up.";
    BACKEND_LAST_SESSION_SECONDS Gauge Seconds "haproxy_backend_last_session_seconds" "Time since the last session was assigned; -1 for never.";
    BACKEND_QUEUE_TIME_AVERAGE_SECONDS Gauge Seconds "haproxy_backend_queue_time_average_seconds" "Mean time in the queue over the last 1024 requests.";
    BACKEND_CONNECT_TIME_AVERAGE_SECONDS Gauge Seconds "haproxy_backend_connect_time_average_seconds" "Mean time to connect over the last 1024 requests.";
    BACKEND_RESPONSE_TIME_AVERAGE_SECONDS Gauge Seconds "haproxy_backend_response_time_average_seconds" "Mean time to the head of the response over the last 1024 requests.";
    BACKEND_TOTAL_TIME_AVERAGE_SECONDS Gauge Seconds "haproxy_backend_total_time_average_seconds" "Mean time of a whole session over the last 1024 requests.";
    BACKEND_MAX_QUEUE_TIME_SECONDS Gauge Seconds "haproxy_backend_max_queue_time_seconds" "Longest time in the queue.";
    BACKEND_MAX_CONNECT_TIME_SECONDS Gauge Seconds "haproxy_backend_max_connect_time_seconds" "Longest time to connect.";
    BACKEND_MAX_RESPONSE_TIME_SECONDS Gauge Seconds "haproxy_backend_max_response_time_seconds" "Longest time to the head of the response.";
    BACKEND_MAX_TOTAL_TIME_SECONDS Gauge Seconds "haproxy_backend_max_total_time_seconds" "Longest session.";
    BACKEND_FAILED_HEADER_REWRITING_TOTAL Counter Count "haproxy_backend_failed_header_rewriting_total" "Header rewrites that did not fit.";
    BACKEND_CONNECTION_ATTEMPTS_TOTAL Counter Count "haproxy_backend_connection_attempts_total" "Connections opened to servers.";
    BACKEND_CONNECTION_REUSES_TOTAL Counter Count "haproxy_backend_connection_reuses_total" "Requests sent over a connection that was already open.";
    BACKEND_INTERNAL_ERRORS_TOTAL Counter Count "haproxy_backend_internal_errors_total" "Requests that failed by a fault of our own.";
    BACKEND_AGG_SERVER_STATUS Gauge Count "haproxy_backend_agg_server_status" "Servers in the state of the label.";
    BACKEND_AGG_CHECK_STATUS Gauge Count "haproxy_backend_agg_check_status" "Servers whose last check gave the code of the label.";

    // Servers
    SERVER_STATUS Gauge Count "haproxy_server_status" "1 for the state in the label: DOWN, UP, MAINT, DRAIN or NOLB.";
    SERVER_CURRENT_QUEUE Gauge Count "haproxy_server_current_queue" "Requests waiting in the queue.";
    SERVER_MAX_QUEUE Gauge Count "haproxy_server_max_queue" "Highest number of requests waiting in the queue.";
    SERVER_QUEUE_LIMIT Gauge Count "haproxy_server_queue_limit" "Limit of requests waiting in the queue.";
    SERVER_CURRENT_SESSIONS Gauge Count "haproxy_server_current_sessions" "Sessions that are open now.";
    SERVER_MAX_SESSIONS Gauge Count "haproxy_server_max_sessions" "Highest number of open sessions.";
    SERVER_LIMIT_SESSIONS Gauge Count "haproxy_server_limit_sessions" "Limit of open sessions.";
    SERVER_SESSIONS_TOTAL Counter Count "haproxy_server_sessions_total" "Sessions since the start.";
    SERVER_BYTES_IN_TOTAL Counter Bytes "haproxy_server_bytes_in_total" "Bytes received from clients.";
    SERVER_BYTES_OUT_TOTAL Counter Bytes "haproxy_server_bytes_out_total" "Bytes sent to clients.";
    SERVER_RESPONSES_DENIED_TOTAL Counter Count "haproxy_server_responses_denied_total" "Responses denied by a rule.";
    SERVER_CONNECTION_ERRORS_TOTAL Counter Count "haproxy_server_connection_errors_total" "Connection attempts to servers that failed.";
    SERVER_RESPONSE_ERRORS_TOTAL Counter Count "haproxy_server_response_errors_total" "Responses that were malformed, timed out or were cut off.";
    SERVER_RETRY_WARNINGS_TOTAL Counter Count "haproxy_server_retry_warnings_total" "Attempts repeated on the same server.";
    SERVER_REDISPATCH_WARNINGS_TOTAL Counter Count "haproxy_server_redispatch_warnings_total" "Attempts moved to another server.";
    SERVER_WEIGHT Gauge Count "haproxy_server_weight" "Effective weight.";
    SERVER_UWEIGHT Gauge Count "haproxy_server_uweight" "Weight set by the user.";
    SERVER_ACTIVE Gauge Count "haproxy_server_active" "1 when the server is no backup.";
    SERVER_BACKUP Gauge Count "haproxy_server_backup" "1 when the server is a backup.";
    SERVER_CHECK_FAILURES_TOTAL Counter Count "haproxy_server_check_failures_total" "Health checks that failed while the server was up.";
    SERVER_CHECK_UP_DOWN_TOTAL Counter Count "haproxy_server_check_up_down_total" "Transitions from UP to DOWN.";
    SERVER_CHECK_LAST_CHANGE_SECONDS Gauge Seconds "haproxy_server_check_last_change_seconds" "Time since the last change of status.";
    SERVER_DOWNTIME_SECONDS_TOTAL Counter Seconds "haproxy_server_downtime_seconds_total" "Time spent down.";
    SERVER_CURRENT_THROTTLE Gauge Percent "haproxy_server_current_throttle" "Share of the weight reached during slow start.";
    SERVER_LOADBALANCED_TOTAL Counter Count "haproxy_server_loadbalanced_total" "Times a server was picked by the balancing algorithm.";
    SERVER_CURRENT_SESSION_RATE Gauge CountPerSecond "haproxy_server_current_session_rate" "Sessions created in the last second.";
    SERVER_MAX_SESSION_RATE Gauge CountPerSecond "haproxy_server_max_session_rate" "Highest number of sessions created in a second.";
    SERVER_CHECK_STATUS Gauge Count "haproxy_server_check_status" "1 for the code of the last health check, in the label state.";
    SERVER_CHECK_CODE Gauge Count "haproxy_server_check_code" "HTTP status of the last health check.";
    SERVER_CHECK_DURATION_SECONDS Gauge Seconds "haproxy_server_check_duration_seconds" "Duration of the last health check.";
    SERVER_HTTP_RESPONSES_TOTAL Counter Count "haproxy_server_http_responses_total" "HTTP responses by class of status, in the label code.";
    SERVER_HTTP_REQUESTS_TOTAL Counter Count "haproxy_server_http_requests_total" "HTTP requests since the start.";
    SERVER_CLIENT_ABORTS_TOTAL Counter Count "haproxy_server_client_aborts_total" "Transfers that the client gave up.";
    SERVER_SERVER_ABORTS_TOTAL Counter Count "haproxy_server_server_aborts_total" "Transfers that the server gave up.";
    SERVER_LAST_SESSION_SECONDS Gauge Seconds "haproxy_server_last_session_seconds" "Time since the last session was assigned; -1 for never.";
    SERVER_QUEUE_TIME_AVERAGE_SECONDS Gauge Seconds "haproxy_server_queue_time_average_seconds" "Mean time in the queue over the last 1024 requests.";
    SERVER_CONNECT_TIME_AVERAGE_SECONDS Gauge Seconds "haproxy_server_connect_time_average_seconds" "Mean time to connect over the last 1024 requests.";
    SERVER_RESPONSE_TIME_AVERAGE_SECONDS Gauge Seconds "haproxy_server_response_time_average_seconds" "Mean time to the head of the response over the last 1024 requests.";
    SERVER_TOTAL_TIME_AVERAGE_SECONDS Gauge Seconds "haproxy_server_total_time_average_seconds" "Mean time of a whole session over the last 1024 requests.";
    SERVER_MAX_QUEUE_TIME_SECONDS Gauge Seconds "haproxy_server_max_queue_time_seconds" "Longest time in the queue.";
    SERVER_MAX_CONNECT_TIME_SECONDS Gauge Seconds "haproxy_server_max_connect_time_seconds" "Longest time to connect.";
    SERVER_MAX_RESPONSE_TIME_SECONDS Gauge Seconds "haproxy_server_max_response_time_seconds" "Longest time to the head of the response.";
    SERVER_MAX_TOTAL_TIME_SECONDS Gauge Seconds "haproxy_server_max_total_time_seconds" "Longest session.";
    SERVER_FAILED_HEADER_REWRITING_TOTAL Counter Count "haproxy_server_failed_header_rewriting_total" "Header rewrites that did not fit.";
    SERVER_CONNECTION_ATTEMPTS_TOTAL Counter Count "haproxy_server_connection_attempts_total" "Connections opened to servers.";
    SERVER_CONNECTION_REUSES_TOTAL Counter Count "haproxy_server_connection_reuses_total" "Requests sent over a connection that was already open.";
    SERVER_INTERNAL_ERRORS_TOTAL Counter Count "haproxy_server_internal_errors_total" "Requests that failed by a fault of our own.";
    SERVER_IDLE_CONNECTIONS_CURRENT Gauge Count "haproxy_server_idle_connections_current" "Idle connections kept for reuse.";
    SERVER_IDLE_CONNECTIONS_LIMIT Gauge Count "haproxy_server_idle_connections_limit" "Limit of idle connections kept for reuse.";
    SERVER_UNSAFE_IDLE_CONNECTIONS_CURRENT Gauge Count "haproxy_server_unsafe_idle_connections_current" "Idle connections that have served one request.";
    SERVER_SAFE_IDLE_CONNECTIONS_CURRENT Gauge Count "haproxy_server_safe_idle_connections_current" "Idle connections known to survive reuse.";
    SERVER_USED_CONNECTIONS_CURRENT Gauge Count "haproxy_server_used_connections_current" "Connections in use.";
    SERVER_NEED_CONNECTIONS_CURRENT Gauge Count "haproxy_server_need_connections_current" "Estimate of the connections needed.";
    SERVER_PASSIVE_FAILURES_TOTAL Counter Count "haproxy_server_passive_failures_total" "Failures seen in traffic that counted against the health.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_counters_end_in_total() {
        let mut seen = HashSet::new();
        for metric in ALL {
            assert!(seen.insert(metric.name), "{} is there twice", metric.name);
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.help);
        }
    }

    #[test]
    fn seconds_and_bytes_are_named() {
        for metric in ALL {
            let seconds = metric.name.contains("_seconds");
            assert_eq!(metric.unit == Unit::Seconds, seconds, "{}", metric.name);
            assert_eq!(metric.unit == Unit::Bytes, metric.name.contains("_bytes_"), "{}", metric.name);
        }
    }
}
