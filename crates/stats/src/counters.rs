//! The handles that frontends, backends and servers count with, and their sums.

use metrics::{Counter, Gauge, Key, Label};

use crate::names::{self, Metric};
use crate::{Field, Registry, Row, Shard};

macro_rules! counter_set {
    (
        $(#[$meta:meta])*
        $set:ident, $(#[$totals_meta:meta])* $totals:ident, $read:ident, labels($($label:ident),+);
        counters { $( $counter:ident $counter_field:ident $counter_metric:ident $($code:literal)?; )* }
        gauges { $( $gauge:ident $gauge_field:ident $gauge_metric:ident; )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $set {
            $(
                #[doc = concat!("[`Field::", stringify!($counter_field), "`], as [`names::", stringify!($counter_metric), "`].")]
                pub $counter: Counter,
            )*
            $(
                #[doc = concat!("[`Field::", stringify!($gauge_field), "`] now, as [`names::", stringify!($gauge_metric), "`].")]
                pub $gauge: Gauge,
            )*
        }

        impl $set {
            /// The handles of one worker's shard.
            pub fn new(shard: &Shard, $($label: &str),+) -> Self {
                let labels = [$( Label::new(stringify!($label), $label.to_owned()) ),+];
                Self {
                    $( $counter: shard.counter(&key(&names::$counter_metric, &labels, &[$($code)?])), )*
                    $( $gauge: shard.gauge(&key(&names::$gauge_metric, &labels, &[])), )*
                }
            }
        }

        $(#[$totals_meta])*
        #[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
        pub struct $totals {
            $(
                #[doc = concat!("[`Field::", stringify!($counter_field), "`].")]
                pub $counter: u64,
            )*
            $(
                #[doc = concat!("[`Field::", stringify!($gauge_field), "`] now.")]
                pub $gauge: u64,
            )*
        }

        impl $totals {
            /// Sets the fields of a row that these are.
            pub fn fill(&self, row: &mut Row) {
                $( row.set(Field::$counter_field, self.$counter); )*
                $( row.set(Field::$gauge_field, self.$gauge); )*
            }
        }

        impl Registry {
            #[doc = concat!("Sums the [`", stringify!($set), "`] of all shards.")]
            pub fn $read(&self, $($label: &str),+) -> $totals {
                let labels = [$( Label::new(stringify!($label), $label.to_owned()) ),+];
                $totals {
                    $( $counter: self.counter(&key(&names::$counter_metric, &labels, &[$($code)?])), )*
                    $( $gauge: whole(self.gauge(&key(&names::$gauge_metric, &labels, &[]))), )*
                }
            }
        }
    };
}

fn key(metric: &Metric, labels: &[Label], code: &[&'static str]) -> Key {
    let code = code.iter().map(|code| Label::new("code", *code));
    Key::from_parts(metric.name, labels.iter().cloned().chain(code).collect::<Vec<Label>>())
}

/// A summed gauge as a count. Workers are read one after the other, so that a sum of ups and downs may come
/// out a little below 0.
fn whole(gauge: f64) -> u64 {
    gauge.max(0.0).round() as u64
}

counter_set! {
    /// What one worker counts for a frontend.
    FrontendCounters,
    /// A frontend's counters, summed.
    FrontendTotals, frontend, labels(proxy);
    counters {
        stot Stot FRONTEND_SESSIONS_TOTAL;
        bin Bin FRONTEND_BYTES_IN_TOTAL;
        bout Bout FRONTEND_BYTES_OUT_TOTAL;
        dreq Dreq FRONTEND_REQUESTS_DENIED_TOTAL;
        dresp Dresp FRONTEND_RESPONSES_DENIED_TOTAL;
        ereq Ereq FRONTEND_REQUEST_ERRORS_TOTAL;
        hrsp_1xx Hrsp1xx FRONTEND_HTTP_RESPONSES_TOTAL "1xx";
        hrsp_2xx Hrsp2xx FRONTEND_HTTP_RESPONSES_TOTAL "2xx";
        hrsp_3xx Hrsp3xx FRONTEND_HTTP_RESPONSES_TOTAL "3xx";
        hrsp_4xx Hrsp4xx FRONTEND_HTTP_RESPONSES_TOTAL "4xx";
        hrsp_5xx Hrsp5xx FRONTEND_HTTP_RESPONSES_TOTAL "5xx";
        hrsp_other HrspOther FRONTEND_HTTP_RESPONSES_TOTAL "other";
        req_tot ReqTot FRONTEND_HTTP_REQUESTS_TOTAL;
        conn_tot ConnTot FRONTEND_CONNECTIONS_TOTAL;
        intercepted Intercepted FRONTEND_INTERCEPTED_REQUESTS_TOTAL;
        dcon Dcon FRONTEND_DENIED_CONNECTIONS_TOTAL;
        dses Dses FRONTEND_DENIED_SESSIONS_TOTAL;
        wrew Wrew FRONTEND_FAILED_HEADER_REWRITING_TOTAL;
        eint Eint FRONTEND_INTERNAL_ERRORS_TOTAL;
        h1sess H1sess FRONTEND_HTTP1_SESSIONS_TOTAL;
        h1req H1req FRONTEND_HTTP1_REQUESTS_TOTAL;
    }
    gauges {
        scur Scur FRONTEND_CURRENT_SESSIONS;
    }
}

counter_set! {
    /// What one worker counts for a backend.
    BackendCounters,
    /// A backend's counters, summed.
    BackendTotals, backend, labels(proxy);
    counters {
        stot Stot BACKEND_SESSIONS_TOTAL;
        bin Bin BACKEND_BYTES_IN_TOTAL;
        bout Bout BACKEND_BYTES_OUT_TOTAL;
        dreq Dreq BACKEND_REQUESTS_DENIED_TOTAL;
        dresp Dresp BACKEND_RESPONSES_DENIED_TOTAL;
        econ Econ BACKEND_CONNECTION_ERRORS_TOTAL;
        eresp Eresp BACKEND_RESPONSE_ERRORS_TOTAL;
        wretr Wretr BACKEND_RETRY_WARNINGS_TOTAL;
        wredis Wredis BACKEND_REDISPATCH_WARNINGS_TOTAL;
        chkdown Chkdown BACKEND_CHECK_UP_DOWN_TOTAL;
        lbtot Lbtot BACKEND_LOADBALANCED_TOTAL;
        hrsp_1xx Hrsp1xx BACKEND_HTTP_RESPONSES_TOTAL "1xx";
        hrsp_2xx Hrsp2xx BACKEND_HTTP_RESPONSES_TOTAL "2xx";
        hrsp_3xx Hrsp3xx BACKEND_HTTP_RESPONSES_TOTAL "3xx";
        hrsp_4xx Hrsp4xx BACKEND_HTTP_RESPONSES_TOTAL "4xx";
        hrsp_5xx Hrsp5xx BACKEND_HTTP_RESPONSES_TOTAL "5xx";
        hrsp_other HrspOther BACKEND_HTTP_RESPONSES_TOTAL "other";
        req_tot ReqTot BACKEND_HTTP_REQUESTS_TOTAL;
        cli_abrt CliAbrt BACKEND_CLIENT_ABORTS_TOTAL;
        srv_abrt SrvAbrt BACKEND_SERVER_ABORTS_TOTAL;
        wrew Wrew BACKEND_FAILED_HEADER_REWRITING_TOTAL;
        connect Connect BACKEND_CONNECTION_ATTEMPTS_TOTAL;
        reuse Reuse BACKEND_CONNECTION_REUSES_TOTAL;
        eint Eint BACKEND_INTERNAL_ERRORS_TOTAL;
    }
    gauges {
        scur Scur BACKEND_CURRENT_SESSIONS;
        qcur Qcur BACKEND_CURRENT_QUEUE;
    }
}

counter_set! {
    /// What one worker, or the control thread for the checks, counts for a server.
    ServerCounters,
    /// A server's counters, summed.
    ServerTotals, server, labels(proxy, server);
    counters {
        stot Stot SERVER_SESSIONS_TOTAL;
        bin Bin SERVER_BYTES_IN_TOTAL;
        bout Bout SERVER_BYTES_OUT_TOTAL;
        dresp Dresp SERVER_RESPONSES_DENIED_TOTAL;
        econ Econ SERVER_CONNECTION_ERRORS_TOTAL;
        eresp Eresp SERVER_RESPONSE_ERRORS_TOTAL;
        wretr Wretr SERVER_RETRY_WARNINGS_TOTAL;
        wredis Wredis SERVER_REDISPATCH_WARNINGS_TOTAL;
        chkfail Chkfail SERVER_CHECK_FAILURES_TOTAL;
        chkdown Chkdown SERVER_CHECK_UP_DOWN_TOTAL;
        hanafail Hanafail SERVER_PASSIVE_FAILURES_TOTAL;
        lbtot Lbtot SERVER_LOADBALANCED_TOTAL;
        hrsp_1xx Hrsp1xx SERVER_HTTP_RESPONSES_TOTAL "1xx";
        hrsp_2xx Hrsp2xx SERVER_HTTP_RESPONSES_TOTAL "2xx";
        hrsp_3xx Hrsp3xx SERVER_HTTP_RESPONSES_TOTAL "3xx";
        hrsp_4xx Hrsp4xx SERVER_HTTP_RESPONSES_TOTAL "4xx";
        hrsp_5xx Hrsp5xx SERVER_HTTP_RESPONSES_TOTAL "5xx";
        hrsp_other HrspOther SERVER_HTTP_RESPONSES_TOTAL "other";
        req_tot ReqTot SERVER_HTTP_REQUESTS_TOTAL;
        cli_abrt CliAbrt SERVER_CLIENT_ABORTS_TOTAL;
        srv_abrt SrvAbrt SERVER_SERVER_ABORTS_TOTAL;
        wrew Wrew SERVER_FAILED_HEADER_REWRITING_TOTAL;
        connect Connect SERVER_CONNECTION_ATTEMPTS_TOTAL;
        reuse Reuse SERVER_CONNECTION_REUSES_TOTAL;
        eint Eint SERVER_INTERNAL_ERRORS_TOTAL;
    }
    gauges {
        scur Scur SERVER_CURRENT_SESSIONS;
        qcur Qcur SERVER_CURRENT_QUEUE;
        srv_icur SrvIcur SERVER_IDLE_CONNECTIONS_CURRENT;
        used_conn_cur UsedConnCur SERVER_USED_CONNECTIONS_CURRENT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_responses_are_counted_apart() {
        let registry = Registry::new(1);
        let counters = ServerCounters::new(&registry.shard(0), "b", "s");
        counters.hrsp_2xx.increment(3);
        counters.hrsp_5xx.increment(1);
        let totals = registry.server("b", "s");
        assert_eq!(totals, ServerTotals { hrsp_2xx: 3, hrsp_5xx: 1, ..ServerTotals::default() });
    }

    #[test]
    fn servers_of_the_same_name_in_two_backends_are_counted_apart() {
        let registry = Registry::new(1);
        ServerCounters::new(&registry.shard(0), "a", "s").stot.increment(1);
        assert_eq!(registry.server("b", "s").stot, 0);
        assert_eq!(registry.server("a", "s").stot, 1);
    }

    #[test]
    fn totals_fill_their_fields_and_no_others() {
        let registry = Registry::new(2);
        BackendCounters::new(&registry.shard(0), "b").scur.increment(1.0);
        BackendCounters::new(&registry.shard(1), "b").scur.increment(2.0);
        let mut row = Row::backend("b", 2);
        registry.backend("b").fill(&mut row);
        assert_eq!(row.u64(Field::Scur), Some(3));
        assert_eq!(row.u64(Field::Eint), Some(0));
        assert_eq!(row.value(Field::Weight), None);
    }
}
