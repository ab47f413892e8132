//! A made-up report with something of everything: two servers up, one down, one wavering, one in maintenance,
//! a backup.

use std::time::Duration;

use stats::{CheckRecord, Field, History, ProcessInfo, ProxyReport, Report, Row, ServerReport};

const NOW: u64 = 1_760_000_000;

/// The report.
pub(crate) fn report() -> Report {
    let process = ProcessInfo {
        name: "lbd".into(),
        version: "0.1.0".into(),
        pid: 4711,
        node: Some("lb1".into()),
        uptime: Duration::from_secs(187_380),
        started_at_unix: NOW - 187_380,
        nbthread: 4,
        maxconn: 10_000,
        maxsock: 20_041,
        ulimit_n: 20_041,
        cur_conns: 128,
        cum_conns: 1_204_113,
        cum_req: 48_213_377,
        conn_rate: 34,
        conn_rate_max: 912,
        sess_rate: 34,
        sess_rate_max: 912,
        bytes_out: 91_234_567_890,
        idle_pct: 87,
        listeners: 2,
        jobs: 131,
        ..ProcessInfo::default()
    };
    Report { process, proxies: vec![statistics(), frontend(), backend()] }
}

fn statistics() -> ProxyReport {
    let mut row = Row::frontend("stats", 2);
    row.set(Field::Status, "OPEN")
        .set(Field::Scur, 1_u32)
        .set(Field::Smax, 3_u32)
        .set(Field::Slim, 10_000_u32);
    row.set(Field::Stot, 812_u64)
        .set(Field::ReqTot, 812_u64)
        .set(Field::Bin, 201_000_u64)
        .set(Field::Bout, 9_400_000_u64);
    ProxyReport {
        name: "stats".into(),
        iid: 2,
        mode: "http".into(),
        frontend: Some(row),
        ..ProxyReport::default()
    }
}

fn frontend() -> ProxyReport {
    let mut row = Row::frontend("docapi_front", 3);
    row.set(Field::Status, "OPEN")
        .set(Field::Scur, 127_u32)
        .set(Field::Smax, 2048_u32)
        .set(Field::Slim, 10_000_u32);
    row.set(Field::Rate, 33_u32)
        .set(Field::RateMax, 909_u32)
        .set(Field::RateLim, 0_u32)
        .set(Field::ReqRate, 412_u32);
    row.set(Field::Stot, 1_203_301_u64).set(Field::ReqTot, 48_212_565_u64).set(Field::ConnTot, 1_203_301_u64);
    row.set(Field::Bin, 17_012_345_678_u64).set(Field::Bout, 91_225_167_890_u64).set(Field::Ereq, 14_u64);
    row.set(Field::Dreq, 0_u64)
        .set(Field::Dresp, 0_u64)
        .set(Field::Hrsp2xx, 48_112_001_u64)
        .set(Field::Hrsp5xx, 9_u64);
    row.set(Field::H1sess, 1_203_301_u64).set(Field::H1req, 48_212_565_u64);
    ProxyReport {
        name: "docapi_front".into(),
        iid: 3,
        mode: "http".into(),
        frontend: Some(row),
        ..ProxyReport::default()
    }
}

fn backend() -> ProxyReport {
    let mut row = Row::backend("docapi_backend", 4);
    row.set(Field::Status, "UP")
        .set(Field::Lastchg, 187_380_u64)
        .set(Field::Act, 3_u32)
        .set(Field::Bck, 1_u32);
    row.set(Field::Scur, 96_u32)
        .set(Field::Smax, 1800_u32)
        .set(Field::Slim, 1000_u32)
        .set(Field::Stot, 48_212_565_u64);
    row.set(Field::Qcur, 0_u32)
        .set(Field::Qmax, 12_u32)
        .set(Field::Weight, 3_u32)
        .set(Field::Algo, "roundrobin");
    row.set(Field::Wretr, 7_u64)
        .set(Field::Wredis, 41_u64)
        .set(Field::Econ, 48_u64)
        .set(Field::Rtime, 12_u32);
    let servers = vec![
        server("backend-1", 1, "UP", &[]),
        server("backend-2", 2, "UP", &[7]),
        server("backend-3", 3, "DOWN", &[15, 16, 17, 18, 19]),
        server("backend-4", 4, "UP 1/3", &[18, 19]),
        server("backend-5", 5, "MAINT", &[]),
        server("spare", 6, "UP", &[]),
    ];
    let wave = |i: usize, base: f64| {
        base + base / 3.0 * (i as f64 / 7.0).sin() + base / 8.0 * (i as f64 / 1.7).cos()
    };
    let history = History {
        request_rate: (0..120).map(|i| wave(i, 400.0).round()).collect(),
        latency_ms: (0..120).map(|i| wave(i * 2, 9.0)).collect(),
        latency_p95_ms: (0..120).map(|i| wave(i * 2, 21.0)).collect(),
    };
    ProxyReport {
        name: "docapi_backend".into(),
        iid: 4,
        mode: "http".into(),
        servers,
        backend: Some(row),
        history: Some(history),
        ..ProxyReport::default()
    }
}

fn server(name: &str, sid: u32, status: &'static str, failed: &[u64]) -> ServerReport {
    let backup = name == "spare";
    let mut row = Row::server("docapi_backend", name, 4, sid);
    row.set(Field::Status, status)
        .set(Field::Lastchg, 7980_u64)
        .set(Field::Weight, 1_u32)
        .set(Field::Uweight, 1_u32);
    row.set(Field::Act, u32::from(!backup)).set(Field::Bck, u32::from(backup)).set(Field::Scur, 31_u32);
    row.set(Field::Smax, 640_u32).set(Field::Stot, 16_071_002_u64).set(Field::Lbtot, 16_071_044_u64);
    row.set(Field::Bin, 5_670_781_892_u64).set(Field::Bout, 30_408_389_296_u64).set(Field::Lastsess, 0_u64);
    row.set(Field::Qcur, 0_u32)
        .set(Field::Qmax, 4_u32)
        .set(Field::Rate, 137_u32)
        .set(Field::RateMax, 611_u32);
    row.set(Field::Econ, failed.len() as u64)
        .set(Field::Eresp, 0_u64)
        .set(Field::Wretr, 0_u64)
        .set(Field::Wredis, 8_u64);
    row.set(Field::Chkfail, failed.len() as u64)
        .set(Field::Chkdown, u64::from(status == "DOWN"))
        .set(Field::Downtime, 94_u64);
    row.set(Field::Addr, format!("192.0.2.{}:8080", 10 + sid));
    let healthy = !failed.contains(&19);
    if status != "MAINT" {
        row.set(Field::CheckStatus, if healthy { "L7OK" } else { "L7STS" });
        row.set(Field::CheckCode, if healthy { 200_u16 } else { 503 }).set(Field::CheckDuration, 2_u64);
        row.set(Field::CheckDesc, if healthy { "Layer7 check passed" } else { "Layer7 wrong status" });
    }
    let checks = (0..20)
        .map(|i| {
            let passed = !failed.contains(&i);
            CheckRecord {
                at_unix: NOW - (19 - i) * 5,
                age: Duration::from_secs((19 - i) * 5),
                code: if passed { "L7OK" } else { "L7STS" }.into(),
                http_code: Some(if passed { 200 } else { 503 }),
                duration: Duration::from_micros(1900 + i * 37),
                passed,
                text: if passed { "Layer7 check passed" } else { "Layer7 wrong status" }.into(),
            }
        })
        .collect();
    ServerReport { row, checks }
}
