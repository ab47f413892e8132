//! The page.

use std::fmt::Write;

use stats::router::{AddressReport, NodeReport, PeerReport, RouterReport, TrackerReport, TransitionReport};

/// Columns of a terminal.
const WIDTH: usize = 80;
/// Changes of state that are shown of each virtual router.
const CHANGES: usize = 3;

/// Whether nobody has to look after it.
pub(super) fn is_well(router: &RouterReport) -> bool {
    router.state != "FAULT" && router.split_brain.is_none()
}

/// The whole page; no line is longer than a terminal is wide, unless a name is.
pub(super) fn render(report: &NodeReport) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut out, report);
    out
}

fn write_all(out: &mut String, report: &NodeReport) -> std::fmt::Result {
    let NodeReport { host, version, pid, uptime_seconds, .. } = report;
    writeln!(out, "{host}: vrrpd {version}, pid {pid}, up {}\n", age(*uptime_seconds))?;
    writeln!(
        out,
        "{:<18} {:<7} {:>9} {:>8}  {:<11} MASTER IS",
        "ROUTER", "STATE", "FOR", "PRIORITY", "INTERFACE"
    )?;
    for router in &report.routers {
        let RouterReport { name, state, interface, .. } = router;
        let master = match router.master {
            Some(master) if Some(master) == router.source => "this node".to_owned(),
            Some(master) => master.to_string(),
            None => "-".to_owned(),
        };
        writeln!(
            out,
            "{name:<18} {state:<7} {:>9} {:>8}  {interface:<11} {master}",
            age(router.state_seconds),
            priority(router)
        )?;
    }
    for router in &report.routers {
        details(out, router)?;
    }
    if !report.trackers.is_empty() {
        writeln!(out, "\n{:<26} {:<8} {:>9}  SEEN", "TRACKED", "STATE", "FOR")?;
    }
    for TrackerReport { name, state, state_seconds, detail, .. } in &report.trackers {
        let line = format!("{name:<26} {state:<8} {:>9}  {detail}", age(*state_seconds));
        writeln!(out, "{}", cut(&line))?;
    }
    Ok(())
}

fn details(out: &mut String, router: &RouterReport) -> std::fmt::Result {
    let RouterReport { name, vrid, family, version, counters, .. } = router;
    writeln!(
        out,
        "\n{name}: VRID {vrid}, {family}, version {version}, every {}",
        interval(router.interval_seconds)
    )?;
    if let Some(split) = &router.split_brain {
        writeln!(out, "  SPLIT BRAIN: {}", split.rival)?;
    }
    if router.yielding {
        writeln!(out, "  silent, so that a better node takes over")?;
    }
    if router.waiting {
        writeln!(out, "  waits for the others of its sync group")?;
    }
    for vip in &router.addresses {
        writeln!(out, "  {}", cut(&address(vip)))?;
    }
    for peer in &router.peers {
        writeln!(out, "  {}", cut(&self::peer(peer)))?;
    }
    writeln!(
        out,
        "  adverts {} sent, {} received, {} discarded; became MASTER: {}",
        counters.advertisements_sent,
        counters.advertisements_received,
        counters.discarded,
        counters.master_transitions
    )?;
    for TransitionReport { at_unix, from, to, causes } in router.transitions.iter().take(CHANGES) {
        writeln!(out, "  {}  {from} -> {to}", moment(*at_unix))?;
        for (depth, cause) in causes.iter().enumerate() {
            writeln!(out, "{}", cut(&format!("{}because {cause}", " ".repeat(23 + 2 * depth))))?;
        }
    }
    Ok(())
}

fn address(
    AddressReport { address, prefix_len, interface, advertised, held, lease_seconds }: &AddressReport,
) -> String {
    let mut line = format!("address {address}/{prefix_len} dev {interface}: ");
    line += if *held { "here" } else { "not here" };
    match lease_seconds {
        Some(seconds) if *held => line += &format!(", lease {seconds} s"),
        Some(_) | None => {}
    }
    if !advertised {
        line += ", excluded";
    }
    line
}

fn peer(PeerReport { address, priority, interval_seconds, heard_seconds, .. }: &PeerReport) -> String {
    let said = if *priority == 0 { "resigned".to_owned() } else { format!("priority {priority}") };
    format!(
        "peer {address}: {said}, every {}, heard {} ago",
        interval(*interval_seconds),
        age(*heard_seconds)
    )
}

fn priority(router: &RouterReport) -> String {
    match (router.base_priority, router.effective_priority) {
        (base, effective) if base == effective => base.to_string(),
        (base, effective) => format!("{effective}/{base}"),
    }
}

fn interval(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds} s") }
}

/// Two units at most.
fn age(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0 => format!("{:.0}ms", (seconds * 1e3).max(0.0)),
        1..=59 => format!("{seconds:.1}s"),
        60..=3_599 => format!("{}m{:02}s", whole / 60, whole % 60),
        3_600..=86_399 => format!("{}h{:02}m", whole / 3_600, whole / 60 % 60),
        _ => format!("{}d{:02}h", whole / 86_400, whole / 3_600 % 24),
    }
}

fn moment(unix: f64) -> String {
    let millis = (unix * 1e3) as i64;
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.with_timezone(&chrono::Local).format("%b %d %T%.3f").to_string()
}

/// What does not fit a line is left out.
fn cut(line: &str) -> String {
    match line.char_indices().nth(WIDTH) {
        Some(_) => line.chars().take(WIDTH - 1).chain(['…']).collect(),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use stats::router::{RouterCounters, SplitReport};

    use super::*;

    fn report() -> NodeReport {
        let ip = |host: u8| IpAddr::from([192, 0, 2, host]);
        let vip = |held| AddressReport {
            address: ip(10),
            prefix_len: 24,
            interface: "eth0".to_owned(),
            advertised: true,
            held,
            lease_seconds: Some(3.0),
        };
        let master = RouterReport {
            name: "VI_1".to_owned(),
            interface: "eth0".to_owned(),
            vrid: 51,
            family: "IPv4".to_owned(),
            version: 2,
            state: "MASTER".to_owned(),
            state_seconds: 95_000.0,
            base_priority: 100,
            effective_priority: 100,
            interval_seconds: 1.0,
            source: Some(ip(1)),
            master: Some(ip(1)),
            addresses: vec![vip(true)],
            peers: vec![PeerReport {
                address: ip(2),
                priority: 0,
                interval_seconds: 1.0,
                checksum: "message".to_owned(),
                heard_seconds: 0.25,
                adverts: 3,
            }],
            transitions: vec![TransitionReport {
                at_unix: 1_700_000_000.5,
                from: "BACKUP".to_owned(),
                to: "MASTER".to_owned(),
                causes: vec!["192.0.2.2 resigned, and nobody better spoke".to_owned()],
            }],
            counters: RouterCounters { advertisements_sent: 7, ..RouterCounters::default() },
            ..RouterReport::default()
        };
        let fault = RouterReport {
            name: "VI_2".to_owned(),
            state: "FAULT".to_owned(),
            state_seconds: 3.0,
            base_priority: 100,
            effective_priority: 80,
            interval_seconds: 0.1,
            addresses: vec![vip(false)],
            split_brain: Some(SplitReport {
                rival: "192.0.2.9 goes on as MASTER with priority 50".to_owned(),
            }),
            ..master.clone()
        };
        let tracker = TrackerReport {
            name: "script chk".to_owned(),
            state: "DOWN".to_owned(),
            state_seconds: 61.0,
            detail: "failed (exited with status 1) and a tail that no terminal of eighty columns shows"
                .to_owned(),
            ..TrackerReport::default()
        };
        NodeReport {
            host: "node1".to_owned(),
            version: "0.1.0".to_owned(),
            pid: 4711,
            uptime_seconds: 95_010.0,
            routers: vec![master, fault],
            trackers: vec![tracker],
            ..NodeReport::default()
        }
    }

    #[test]
    fn a_page_says_what_matters_and_fits_a_terminal() {
        let page = render(&report());
        for line in [
            "node1: vrrpd 0.1.0, pid 4711, up 1d02h",
            "VI_1               MASTER      1d02h      100  eth0        this node",
            "VI_2               FAULT        3.0s   80/100  eth0        this node",
            "VI_1: VRID 51, IPv4, version 2, every 1 s",
            "  address 192.0.2.10/24 dev eth0: here, lease 3 s",
            "  address 192.0.2.10/24 dev eth0: not here",
            "  peer 192.0.2.2: resigned, every 1 s, heard 250ms ago",
            "  SPLIT BRAIN: 192.0.2.9 goes on as MASTER with priority 50",
            "  adverts 7 sent, 0 received, 0 discarded; became MASTER: 0",
            "                       because 192.0.2.2 resigned, and nobody better spoke",
        ] {
            assert!(page.lines().any(|found| found == line), "no {line:?} in\n{page}");
        }
        assert!(page.lines().all(|line| line.chars().count() <= WIDTH), "{page}");
        assert!(page.contains('…'));
    }

    #[test]
    fn a_fault_and_a_split_are_not_well() {
        let well: Vec<bool> = report().routers.iter().map(is_well).collect();
        assert_eq!(well, [true, false]);
    }

    #[test]
    fn ages_have_two_units_at_most() {
        for (seconds, text) in [
            (0.0, "0ms"),
            (0.0314, "31ms"),
            (59.94, "59.9s"),
            (61.0, "1m01s"),
            (3_660.0, "1h01m"),
            (90_000.0, "1d01h"),
        ] {
            assert_eq!(age(seconds), text);
        }
    }
}
