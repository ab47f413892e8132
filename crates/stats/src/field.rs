//! The static statistics fields of HAProxy 3.2, in the order of its CSV.

use serde::Serialize;

/// Where the value of a field comes from, as the `tags` of `show stat json` say it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Origin {
    /// Measured.
    Metric,
    /// A state the program decided.
    Status,
    /// Identifies the object.
    Key,
    /// Set by the configuration.
    Config,
}

/// What kind of quantity a field is, as the `tags` of `show stat json` say it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Nature {
    /// Goes up and down.
    Gauge,
    /// A bound that a gauge does not pass.
    Limit,
    /// The highest value seen.
    Max,
    /// Events per second.
    Rate,
    /// Only grows.
    Counter,
    /// How long something took.
    Duration,
    /// How long ago something happened.
    Age,
    /// A name.
    Name,
    /// Free text or a code.
    Output,
    /// An average.
    Avg,
}

/// How far the meaning of a field reaches, as the `tags` of `show stat json` say it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Scope {
    /// This process.
    Process,
    /// Every process that serves this configuration.
    Service,
}

/// The machine type of a field, as `show stat typed` names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldKind {
    /// Signed, 32 bits.
    S32,
    /// Unsigned, 32 bits.
    U32,
    /// Unsigned, 64 bits.
    U64,
    /// Text.
    Str,
}

impl FieldKind {
    /// The name in `show stat typed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S32 => "s32",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::Str => "str",
        }
    }
}

macro_rules! fields {
    ($( $variant:ident $name:literal $origin:ident $nature:ident $scope:ident $kind:ident; )*) => {
        /// One statistics field. The discriminant is its position in a CSV line, from 0.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[repr(usize)]
        pub enum Field {
            $( #[doc = concat!("CSV column `", $name, "`.")] $variant, )*
        }

        impl Field {
            /// Every field, in CSV order.
            pub const ALL: &'static [Field] = &[$( Field::$variant, )*];
            /// How many fields there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name in the CSV header. `src_ilim` is spelled as HAProxy spells it.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// Where the value comes from.
            pub fn origin(self) -> Origin {
                match self { $( Self::$variant => Origin::$origin, )* }
            }

            /// What kind of quantity it is.
            pub fn nature(self) -> Nature {
                match self { $( Self::$variant => Nature::$nature, )* }
            }

            /// How far its meaning reaches.
            pub fn scope(self) -> Scope {
                match self { $( Self::$variant => Scope::$scope, )* }
            }

            /// Its machine type.
            pub fn kind(self) -> FieldKind {
                match self { $( Self::$variant => FieldKind::$kind, )* }
            }
        }
    };
}

fields! {
    Pxname "pxname" Key Name Service Str;
    Svname "svname" Key Name Service Str;
    Qcur "qcur" Metric Gauge Process U32;
    Qmax "qmax" Metric Max Process U32;
    Scur "scur" Metric Gauge Process U32;
    Smax "smax" Metric Max Process U32;
    Slim "slim" Config Limit Process U32;
    Stot "stot" Metric Counter Process U64;
    Bin "bin" Metric Counter Process U64;
    Bout "bout" Metric Counter Process U64;
    Dreq "dreq" Metric Counter Process U64;
    Dresp "dresp" Metric Counter Process U64;
    Ereq "ereq" Metric Counter Process U64;
    Econ "econ" Metric Counter Process U64;
    Eresp "eresp" Metric Counter Process U64;
    Wretr "wretr" Metric Counter Process U64;
    Wredis "wredis" Metric Counter Process U64;
    Status "status" Status Gauge Process Str;
    Weight "weight" Metric Avg Process U32;
    Act "act" Status Gauge Process U32;
    Bck "bck" Status Gauge Process U32;
    Chkfail "chkfail" Metric Counter Process U64;
    Chkdown "chkdown" Metric Counter Process U64;
    Lastchg "lastchg" Metric Age Process U32;
    Downtime "downtime" Metric Counter Process U32;
    Qlimit "qlimit" Config Gauge Service U32;
    Pid "pid" Key Gauge Process U32;
    Iid "iid" Key Gauge Service U32;
    Sid "sid" Key Gauge Service U32;
    Throttle "throttle" Metric Avg Process U32;
    Lbtot "lbtot" Metric Counter Process U64;
    Tracked "tracked" Config Name Service Str;
    Type "type" Config Gauge Service U32;
    Rate "rate" Metric Rate Process U32;
    RateLim "rate_lim" Config Limit Process U32;
    RateMax "rate_max" Metric Max Process U32;
    CheckStatus "check_status" Metric Output Process Str;
    CheckCode "check_code" Metric Output Process U32;
    CheckDuration "check_duration" Metric Duration Process U64;
    Hrsp1xx "hrsp_1xx" Metric Counter Process U64;
    Hrsp2xx "hrsp_2xx" Metric Counter Process U64;
    Hrsp3xx "hrsp_3xx" Metric Counter Process U64;
    Hrsp4xx "hrsp_4xx" Metric Counter Process U64;
    Hrsp5xx "hrsp_5xx" Metric Counter Process U64;
    HrspOther "hrsp_other" Metric Counter Process U64;
    Hanafail "hanafail" Metric Counter Process U64;
    ReqRate "req_rate" Metric Rate Process U32;
    ReqRateMax "req_rate_max" Metric Max Process U32;
    ReqTot "req_tot" Metric Counter Process U64;
    CliAbrt "cli_abrt" Metric Counter Process U64;
    SrvAbrt "srv_abrt" Metric Counter Process U64;
    CompIn "comp_in" Metric Counter Process U64;
    CompOut "comp_out" Metric Counter Process U64;
    CompByp "comp_byp" Metric Counter Process U64;
    CompRsp "comp_rsp" Metric Counter Process U64;
    Lastsess "lastsess" Metric Age Process S32;
    LastChk "last_chk" Metric Output Process Str;
    LastAgt "last_agt" Metric Output Process Str;
    Qtime "qtime" Metric Avg Process U32;
    Ctime "ctime" Metric Avg Process U32;
    Rtime "rtime" Metric Avg Process U32;
    Ttime "ttime" Metric Avg Process U32;
    AgentStatus "agent_status" Metric Output Process Str;
    AgentCode "agent_code" Metric Output Process U32;
    AgentDuration "agent_duration" Metric Duration Process U64;
    CheckDesc "check_desc" Metric Output Process Str;
    AgentDesc "agent_desc" Metric Output Process Str;
    CheckRise "check_rise" Config Gauge Service U32;
    CheckFall "check_fall" Config Gauge Service U32;
    CheckHealth "check_health" Config Gauge Service U32;
    AgentRise "agent_rise" Config Gauge Service U32;
    AgentFall "agent_fall" Config Gauge Service U32;
    AgentHealth "agent_health" Config Gauge Service U32;
    Addr "addr" Config Gauge Service Str;
    Cookie "cookie" Config Name Service Str;
    Mode "mode" Config Gauge Service Str;
    Algo "algo" Config Gauge Service Str;
    ConnRate "conn_rate" Metric Rate Process U32;
    ConnRateMax "conn_rate_max" Metric Max Process U32;
    ConnTot "conn_tot" Metric Counter Process U64;
    Intercepted "intercepted" Metric Counter Process U64;
    Dcon "dcon" Metric Counter Process U64;
    Dses "dses" Metric Counter Process U64;
    Wrew "wrew" Metric Counter Process U64;
    Connect "connect" Metric Counter Process U64;
    Reuse "reuse" Metric Counter Process U64;
    CacheLookups "cache_lookups" Metric Counter Process U64;
    CacheHits "cache_hits" Metric Counter Process U64;
    SrvIcur "srv_icur" Metric Gauge Process U32;
    SrcIlim "src_ilim" Config Limit Process U32;
    QtimeMax "qtime_max" Metric Max Process U32;
    CtimeMax "ctime_max" Metric Max Process U32;
    RtimeMax "rtime_max" Metric Max Process U32;
    TtimeMax "ttime_max" Metric Max Process U32;
    Eint "eint" Metric Counter Process U64;
    IdleConnCur "idle_conn_cur" Metric Gauge Process U32;
    SafeConnCur "safe_conn_cur" Metric Gauge Process U32;
    UsedConnCur "used_conn_cur" Metric Gauge Process U32;
    NeedConnEst "need_conn_est" Metric Gauge Process U32;
    Uweight "uweight" Metric Avg Process U32;
    AggServerStatus "agg_server_status" Metric Gauge Process U32;
    AggServerCheckStatus "agg_server_check_status" Metric Gauge Process U32;
    AggCheckStatus "agg_check_status" Metric Gauge Process U32;
    Srid "srid" Metric Gauge Service U32;
    SessOther "sess_other" Metric Counter Process U64;
    H1sess "h1sess" Metric Counter Process U64;
    H2sess "h2sess" Metric Counter Process U64;
    H3sess "h3sess" Metric Counter Process U64;
    ReqOther "req_other" Metric Counter Process U64;
    H1req "h1req" Metric Counter Process U64;
    H2req "h2req" Metric Counter Process U64;
    H3req "h3req" Metric Counter Process U64;
    Proto "proto" Status Gauge Process Str;
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn discriminants_are_csv_positions() {
        assert_eq!(Field::COUNT, 113);
        for (position, field) in Field::ALL.iter().enumerate() {
            assert_eq!(*field as usize, position, "{}", field.name());
        }
        // Consumers that key on positions rely on these.
        assert_eq!(Field::Status as usize, 17);
        assert_eq!(Field::Type as usize, 32);
        assert_eq!(Field::SrcIlim as usize, 89);
        assert_eq!(Field::AggCheckStatus as usize, 102);
    }
}
