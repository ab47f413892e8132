//! Prometheus text, format 0.0.4.

use super::{NodeReport, RouterReport, names};
use crate::names::Metric;
use crate::prometheus::Exposition;

const STATES: [&str; 4] = ["INIT", "BACKUP", "MASTER", "FAULT"];

/// The whole report.
pub fn render(report: &NodeReport) -> String {
    let mut out = Exposition::default();
    let node: [(&Metric, f64); 5] = [
        (&names::START, report.started_unix),
        (&names::PACKETS, report.packets as f64),
        (&names::ROUTER_CHECKSUM, report.checksum_errors as f64),
        (&names::ROUTER_VERSION, report.version_errors as f64),
        (&names::ROUTER_VRID, report.vrid_errors as f64),
    ];
    out.head(&names::BUILD);
    out.sample(&names::BUILD, &[("version", &report.version)], None, 1);
    for (metric, value) in node {
        out.head(metric);
        out.sample(metric, &[], None, value);
    }
    out.head(&names::STATE);
    for router in &report.routers {
        for state in STATES {
            let now = u8::from(router.state == state);
            out.sample(&names::STATE, &[("router", &router.name)], Some(("state", state)), now);
        }
    }
    routers(&mut out, report, &names::STATE_SECONDS, |router| router.state_seconds);
    routers(&mut out, report, &names::BASE_PRIORITY, |router| router.base_priority.into());
    routers(&mut out, report, &names::PRIORITY, |router| router.effective_priority.into());
    routers(&mut out, report, &names::INTERVAL, |router| router.interval_seconds);
    routers(&mut out, report, &names::YIELDING, |router| f64::from(u8::from(router.yielding)));
    routers(&mut out, report, &names::SPLIT, |router| f64::from(u8::from(router.split_brain.is_some())));
    out.head(&names::HELD);
    for router in &report.routers {
        for vip in &router.addresses {
            let (address, held) = (vip.address.to_string(), u8::from(vip.held));
            out.sample(&names::HELD, &[("router", &router.name), ("address", &address)], None, held);
        }
    }
    for (metric, heard) in [(&names::PEER_PRIORITY, false), (&names::PEER_HEARD, true)] {
        out.head(metric);
        for router in &report.routers {
            for peer in &router.peers {
                let address = peer.address.to_string();
                let value = if heard { peer.heard_seconds } else { peer.priority.into() };
                out.sample(metric, &[("router", &router.name), ("peer", &address)], None, value);
            }
        }
    }
    out.head(&names::TRACKER);
    for tracker in report.trackers.iter().filter(|tracker| tracker.state != "NUMBER") {
        let up = u8::from(tracker.state == "UP");
        out.sample(&names::TRACKER, &[("tracker", &tracker.name)], None, up);
    }
    counters(&mut out, report);
    out.finish()
}

fn routers(out: &mut Exposition, report: &NodeReport, metric: &Metric, of: impl Fn(&RouterReport) -> f64) {
    out.head(metric);
    for router in &report.routers {
        out.sample(metric, &[("router", &router.name)], None, of(router));
    }
}

/// All samples of one counter stand together, as the format demands.
fn counters(out: &mut Exposition, report: &NodeReport) {
    let of = |router: &RouterReport| router.counters.metrics().collect::<Vec<_>>();
    let all: Vec<_> = report.routers.iter().map(|router| (router, of(router))).collect();
    let Some((_, first)) = all.first() else { return };
    for (index, (name, _)) in first.iter().enumerate() {
        let words = name.trim_start_matches("vrrp_").trim_end_matches("_total").replace('_', " ");
        let metric = Metric { name, ..names::COUNTERS };
        let mut help = words.clone();
        if let Some(letter) = help.get_mut(..1) {
            letter.make_ascii_uppercase();
        }
        out.described(&metric, &help);
        for (router, values) in &all {
            out.sample(&metric, &[("router", &router.name)], None, values[index].1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AddressReport, PeerReport, RouterCounters, TrackerReport};
    use super::*;

    fn report() -> NodeReport {
        let router = RouterReport {
            name: "VI_1".to_owned(),
            state: "MASTER".to_owned(),
            state_seconds: 2.5,
            effective_priority: 120,
            addresses: vec![AddressReport {
                address: [192, 0, 2, 10].into(),
                prefix_len: 32,
                interface: "eth0".to_owned(),
                advertised: true,
                held: true,
                lease_seconds: Some(3.0),
            }],
            peers: vec![PeerReport {
                address: [192, 0, 2, 2].into(),
                priority: 90,
                interval_seconds: 1.0,
                checksum: "message".to_owned(),
                heard_seconds: 0.5,
                adverts: 7,
            }],
            counters: RouterCounters { advertisements_sent: 42, ..RouterCounters::default() },
            ..RouterReport::default()
        };
        let tracker = TrackerReport {
            name: "script a\"b".to_owned(),
            state: "UP".to_owned(),
            ..TrackerReport::default()
        };
        NodeReport { routers: vec![router], trackers: vec![tracker], ..NodeReport::default() }
    }

    #[test]
    fn each_fact_is_a_sample_with_bounded_labels() {
        let text = render(&report());
        for line in [
            "vrrp_state{router=\"VI_1\",state=\"MASTER\"} 1",
            "vrrp_state{router=\"VI_1\",state=\"BACKUP\"} 0",
            "vrrp_state_seconds{router=\"VI_1\"} 2.5",
            "vrrp_effective_priority{router=\"VI_1\"} 120",
            "vrrp_split_brain{router=\"VI_1\"} 0",
            "vrrp_address_held{router=\"VI_1\",address=\"192.0.2.10\"} 1",
            "vrrp_peer_priority{router=\"VI_1\",peer=\"192.0.2.2\"} 90",
            "vrrp_tracker_up{tracker=\"script a\\\"b\"} 1",
            "# TYPE vrrp_advertisements_sent_total counter",
            "vrrp_advertisements_sent_total{router=\"VI_1\"} 42",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line:?} in\n{text}");
        }
    }

    #[test]
    fn no_metric_is_described_twice() {
        let text = render(&report());
        let mut names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
