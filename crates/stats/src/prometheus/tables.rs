//! Which field each metric of a row shows.

use crate::names::{self, Metric};
use crate::{Field, ObjectKind, Row};

/// How the samples of a metric come from a row.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// The field as it is.
    Number(Field),
    /// The field has milliseconds, the metric seconds.
    Millis(Field),
    /// One sample a class of HTTP responses.
    Classes,
    /// One sample a state: 1 for the present one, 0 for the others.
    State(&'static [&'static str]),
    /// One sample a check code: 1 for that of the last check, 0 for the others.
    CheckStatus,
    /// How many servers of the backend are in each state.
    ServersByState,
    /// How many servers of the backend had each check code last.
    ServersByCheck,
}

/// The metrics of one kind of object.
pub(super) struct Table {
    pub(super) object: ObjectKind,
    /// The label that names the object within its proxy.
    pub(super) name_label: Option<&'static str>,
    pub(super) metrics: &'static [(Metric, Source)],
}

impl Table {
    /// The state among those that `Source::State` lists. A frontend that is not stopped is UP, as in
    /// HAProxy's exporter.
    pub(super) fn state<'a>(&self, row: &'a Row) -> &'a str {
        match (self.object, row.state()) {
            (ObjectKind::Frontend, "STOP" | "DOWN") => "DOWN",
            (ObjectKind::Frontend, _) => "UP",
            (ObjectKind::Listener | ObjectKind::Backend | ObjectKind::Server, state) => state,
        }
    }
}

pub(super) const ALL: &[Table] = &[
    Table { object: ObjectKind::Frontend, name_label: None, metrics: FRONTEND },
    Table { object: ObjectKind::Listener, name_label: Some("listener"), metrics: LISTENER },
    Table { object: ObjectKind::Backend, name_label: None, metrics: BACKEND },
    Table { object: ObjectKind::Server, name_label: Some("server"), metrics: SERVER },
];

const FRONTEND: &[(Metric, Source)] = &[
    (names::FRONTEND_STATUS, Source::State(&["DOWN", "UP"])),
    (names::FRONTEND_CURRENT_SESSIONS, Source::Number(Field::Scur)),
    (names::FRONTEND_MAX_SESSIONS, Source::Number(Field::Smax)),
    (names::FRONTEND_LIMIT_SESSIONS, Source::Number(Field::Slim)),
    (names::FRONTEND_SESSIONS_TOTAL, Source::Number(Field::Stot)),
    (names::FRONTEND_BYTES_IN_TOTAL, Source::Number(Field::Bin)),
    (names::FRONTEND_BYTES_OUT_TOTAL, Source::Number(Field::Bout)),
    (names::FRONTEND_REQUESTS_DENIED_TOTAL, Source::Number(Field::Dreq)),
    (names::FRONTEND_RESPONSES_DENIED_TOTAL, Source::Number(Field::Dresp)),
    (names::FRONTEND_REQUEST_ERRORS_TOTAL, Source::Number(Field::Ereq)),
    (names::FRONTEND_CURRENT_SESSION_RATE, Source::Number(Field::Rate)),
    (names::FRONTEND_LIMIT_SESSION_RATE, Source::Number(Field::RateLim)),
    (names::FRONTEND_MAX_SESSION_RATE, Source::Number(Field::RateMax)),
    (names::FRONTEND_HTTP_RESPONSES_TOTAL, Source::Classes),
    (names::FRONTEND_HTTP_REQUESTS_RATE_MAX, Source::Number(Field::ReqRateMax)),
    (names::FRONTEND_HTTP_REQUESTS_TOTAL, Source::Number(Field::ReqTot)),
    (names::FRONTEND_CONNECTIONS_RATE_MAX, Source::Number(Field::ConnRateMax)),
    (names::FRONTEND_CONNECTIONS_TOTAL, Source::Number(Field::ConnTot)),
    (names::FRONTEND_INTERCEPTED_REQUESTS_TOTAL, Source::Number(Field::Intercepted)),
    (names::FRONTEND_DENIED_CONNECTIONS_TOTAL, Source::Number(Field::Dcon)),
    (names::FRONTEND_DENIED_SESSIONS_TOTAL, Source::Number(Field::Dses)),
    (names::FRONTEND_FAILED_HEADER_REWRITING_TOTAL, Source::Number(Field::Wrew)),
    (names::FRONTEND_INTERNAL_ERRORS_TOTAL, Source::Number(Field::Eint)),
    (names::FRONTEND_HTTP1_SESSIONS_TOTAL, Source::Number(Field::H1sess)),
    (names::FRONTEND_HTTP1_REQUESTS_TOTAL, Source::Number(Field::H1req)),
];

const LISTENER: &[(Metric, Source)] = &[
    (names::LISTENER_STATUS, Source::State(&["WAITING", "OPEN", "FULL"])),
    (names::LISTENER_CURRENT_SESSIONS, Source::Number(Field::Scur)),
    (names::LISTENER_MAX_SESSIONS, Source::Number(Field::Smax)),
    (names::LISTENER_LIMIT_SESSIONS, Source::Number(Field::Slim)),
    (names::LISTENER_SESSIONS_TOTAL, Source::Number(Field::Stot)),
    (names::LISTENER_BYTES_IN_TOTAL, Source::Number(Field::Bin)),
    (names::LISTENER_BYTES_OUT_TOTAL, Source::Number(Field::Bout)),
    (names::LISTENER_REQUESTS_DENIED_TOTAL, Source::Number(Field::Dreq)),
    (names::LISTENER_RESPONSES_DENIED_TOTAL, Source::Number(Field::Dresp)),
    (names::LISTENER_REQUEST_ERRORS_TOTAL, Source::Number(Field::Ereq)),
    (names::LISTENER_DENIED_CONNECTIONS_TOTAL, Source::Number(Field::Dcon)),
    (names::LISTENER_DENIED_SESSIONS_TOTAL, Source::Number(Field::Dses)),
    (names::LISTENER_FAILED_HEADER_REWRITING_TOTAL, Source::Number(Field::Wrew)),
    (names::LISTENER_INTERNAL_ERRORS_TOTAL, Source::Number(Field::Eint)),
];

const BACKEND: &[(Metric, Source)] = &[
    (names::BACKEND_STATUS, Source::State(&["DOWN", "UP"])),
    (names::BACKEND_CURRENT_QUEUE, Source::Number(Field::Qcur)),
    (names::BACKEND_MAX_QUEUE, Source::Number(Field::Qmax)),
    (names::BACKEND_CURRENT_SESSIONS, Source::Number(Field::Scur)),
    (names::BACKEND_MAX_SESSIONS, Source::Number(Field::Smax)),
    (names::BACKEND_LIMIT_SESSIONS, Source::Number(Field::Slim)),
    (names::BACKEND_SESSIONS_TOTAL, Source::Number(Field::Stot)),
    (names::BACKEND_BYTES_IN_TOTAL, Source::Number(Field::Bin)),
    (names::BACKEND_BYTES_OUT_TOTAL, Source::Number(Field::Bout)),
    (names::BACKEND_REQUESTS_DENIED_TOTAL, Source::Number(Field::Dreq)),
    (names::BACKEND_RESPONSES_DENIED_TOTAL, Source::Number(Field::Dresp)),
    (names::BACKEND_CONNECTION_ERRORS_TOTAL, Source::Number(Field::Econ)),
    (names::BACKEND_RESPONSE_ERRORS_TOTAL, Source::Number(Field::Eresp)),
    (names::BACKEND_RETRY_WARNINGS_TOTAL, Source::Number(Field::Wretr)),
    (names::BACKEND_REDISPATCH_WARNINGS_TOTAL, Source::Number(Field::Wredis)),
    (names::BACKEND_WEIGHT, Source::Number(Field::Weight)),
    (names::BACKEND_UWEIGHT, Source::Number(Field::Uweight)),
    (names::BACKEND_ACTIVE_SERVERS, Source::Number(Field::Act)),
    (names::BACKEND_BACKUP_SERVERS, Source::Number(Field::Bck)),
    (names::BACKEND_CHECK_UP_DOWN_TOTAL, Source::Number(Field::Chkdown)),
    (names::BACKEND_CHECK_LAST_CHANGE_SECONDS, Source::Number(Field::Lastchg)),
    (names::BACKEND_DOWNTIME_SECONDS_TOTAL, Source::Number(Field::Downtime)),
    (names::BACKEND_LOADBALANCED_TOTAL, Source::Number(Field::Lbtot)),
    (names::BACKEND_CURRENT_SESSION_RATE, Source::Number(Field::Rate)),
    (names::BACKEND_MAX_SESSION_RATE, Source::Number(Field::RateMax)),
    (names::BACKEND_HTTP_RESPONSES_TOTAL, Source::Classes),
    (names::BACKEND_HTTP_REQUESTS_TOTAL, Source::Number(Field::ReqTot)),
    (names::BACKEND_CLIENT_ABORTS_TOTAL, Source::Number(Field::CliAbrt)),
    (names::BACKEND_SERVER_ABORTS_TOTAL, Source::Number(Field::SrvAbrt)),
    (names::BACKEND_LAST_SESSION_SECONDS, Source::Number(Field::Lastsess)),
    (names::BACKEND_QUEUE_TIME_AVERAGE_SECONDS, Source::Millis(Field::Qtime)),
    (names::BACKEND_CONNECT_TIME_AVERAGE_SECONDS, Source::Millis(Field::Ctime)),
    (names::BACKEND_RESPONSE_TIME_AVERAGE_SECONDS, Source::Millis(Field::Rtime)),
    (names::BACKEND_TOTAL_TIME_AVERAGE_SECONDS, Source::Millis(Field::Ttime)),
    (names::BACKEND_MAX_QUEUE_TIME_SECONDS, Source::Millis(Field::QtimeMax)),
    (names::BACKEND_MAX_CONNECT_TIME_SECONDS, Source::Millis(Field::CtimeMax)),
    (names::BACKEND_MAX_RESPONSE_TIME_SECONDS, Source::Millis(Field::RtimeMax)),
    (names::BACKEND_MAX_TOTAL_TIME_SECONDS, Source::Millis(Field::TtimeMax)),
    (names::BACKEND_FAILED_HEADER_REWRITING_TOTAL, Source::Number(Field::Wrew)),
    (names::BACKEND_CONNECTION_ATTEMPTS_TOTAL, Source::Number(Field::Connect)),
    (names::BACKEND_CONNECTION_REUSES_TOTAL, Source::Number(Field::Reuse)),
    (names::BACKEND_INTERNAL_ERRORS_TOTAL, Source::Number(Field::Eint)),
    (names::BACKEND_AGG_SERVER_STATUS, Source::ServersByState),
    (names::BACKEND_AGG_CHECK_STATUS, Source::ServersByCheck),
];

const SERVER: &[(Metric, Source)] = &[
    (names::SERVER_STATUS, Source::State(&super::SERVER_STATES)),
    (names::SERVER_CURRENT_QUEUE, Source::Number(Field::Qcur)),
    (names::SERVER_MAX_QUEUE, Source::Number(Field::Qmax)),
    (names::SERVER_QUEUE_LIMIT, Source::Number(Field::Qlimit)),
    (names::SERVER_CURRENT_SESSIONS, Source::Number(Field::Scur)),
    (names::SERVER_MAX_SESSIONS, Source::Number(Field::Smax)),
    (names::SERVER_LIMIT_SESSIONS, Source::Number(Field::Slim)),
    (names::SERVER_SESSIONS_TOTAL, Source::Number(Field::Stot)),
    (names::SERVER_BYTES_IN_TOTAL, Source::Number(Field::Bin)),
    (names::SERVER_BYTES_OUT_TOTAL, Source::Number(Field::Bout)),
    (names::SERVER_RESPONSES_DENIED_TOTAL, Source::Number(Field::Dresp)),
    (names::SERVER_CONNECTION_ERRORS_TOTAL, Source::Number(Field::Econ)),
    (names::SERVER_RESPONSE_ERRORS_TOTAL, Source::Number(Field::Eresp)),
    (names::SERVER_RETRY_WARNINGS_TOTAL, Source::Number(Field::Wretr)),
    (names::SERVER_REDISPATCH_WARNINGS_TOTAL, Source::Number(Field::Wredis)),
    (names::SERVER_WEIGHT, Source::Number(Field::Weight)),
    (names::SERVER_UWEIGHT, Source::Number(Field::Uweight)),
    (names::SERVER_ACTIVE, Source::Number(Field::Act)),
    (names::SERVER_BACKUP, Source::Number(Field::Bck)),
    (names::SERVER_CHECK_FAILURES_TOTAL, Source::Number(Field::Chkfail)),
    (names::SERVER_CHECK_UP_DOWN_TOTAL, Source::Number(Field::Chkdown)),
    (names::SERVER_CHECK_LAST_CHANGE_SECONDS, Source::Number(Field::Lastchg)),
    (names::SERVER_DOWNTIME_SECONDS_TOTAL, Source::Number(Field::Downtime)),
    (names::SERVER_CURRENT_THROTTLE, Source::Number(Field::Throttle)),
    (names::SERVER_LOADBALANCED_TOTAL, Source::Number(Field::Lbtot)),
    (names::SERVER_CURRENT_SESSION_RATE, Source::Number(Field::Rate)),
    (names::SERVER_MAX_SESSION_RATE, Source::Number(Field::RateMax)),
    (names::SERVER_CHECK_STATUS, Source::CheckStatus),
    (names::SERVER_CHECK_CODE, Source::Number(Field::CheckCode)),
    (names::SERVER_CHECK_DURATION_SECONDS, Source::Millis(Field::CheckDuration)),
    (names::SERVER_HTTP_RESPONSES_TOTAL, Source::Classes),
    (names::SERVER_HTTP_REQUESTS_TOTAL, Source::Number(Field::ReqTot)),
    (names::SERVER_CLIENT_ABORTS_TOTAL, Source::Number(Field::CliAbrt)),
    (names::SERVER_SERVER_ABORTS_TOTAL, Source::Number(Field::SrvAbrt)),
    (names::SERVER_LAST_SESSION_SECONDS, Source::Number(Field::Lastsess)),
    (names::SERVER_QUEUE_TIME_AVERAGE_SECONDS, Source::Millis(Field::Qtime)),
    (names::SERVER_CONNECT_TIME_AVERAGE_SECONDS, Source::Millis(Field::Ctime)),
    (names::SERVER_RESPONSE_TIME_AVERAGE_SECONDS, Source::Millis(Field::Rtime)),
    (names::SERVER_TOTAL_TIME_AVERAGE_SECONDS, Source::Millis(Field::Ttime)),
    (names::SERVER_MAX_QUEUE_TIME_SECONDS, Source::Millis(Field::QtimeMax)),
    (names::SERVER_MAX_CONNECT_TIME_SECONDS, Source::Millis(Field::CtimeMax)),
    (names::SERVER_MAX_RESPONSE_TIME_SECONDS, Source::Millis(Field::RtimeMax)),
    (names::SERVER_MAX_TOTAL_TIME_SECONDS, Source::Millis(Field::TtimeMax)),
    (names::SERVER_FAILED_HEADER_REWRITING_TOTAL, Source::Number(Field::Wrew)),
    (names::SERVER_CONNECTION_ATTEMPTS_TOTAL, Source::Number(Field::Connect)),
    (names::SERVER_CONNECTION_REUSES_TOTAL, Source::Number(Field::Reuse)),
    (names::SERVER_INTERNAL_ERRORS_TOTAL, Source::Number(Field::Eint)),
    (names::SERVER_IDLE_CONNECTIONS_CURRENT, Source::Number(Field::SrvIcur)),
    (names::SERVER_IDLE_CONNECTIONS_LIMIT, Source::Number(Field::SrcIlim)),
    (names::SERVER_UNSAFE_IDLE_CONNECTIONS_CURRENT, Source::Number(Field::IdleConnCur)),
    (names::SERVER_SAFE_IDLE_CONNECTIONS_CURRENT, Source::Number(Field::SafeConnCur)),
    (names::SERVER_USED_CONNECTIONS_CURRENT, Source::Number(Field::UsedConnCur)),
    (names::SERVER_NEED_CONNECTIONS_CURRENT, Source::Number(Field::NeedConnEst)),
    (names::SERVER_PASSIVE_FAILURES_TOTAL, Source::Number(Field::Hanafail)),
];
