//! The report as one page that needs nothing else: readable on a phone, in light and in dark.

use super::{Report, Row, svg::svg};
use crate::configs::{Timing, VrrpVersion};
use crate::duration::duration;
use crate::lab::Setup;
use crate::scenario::{Phase, Run, Verdict};
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");

const LEGEND: &str = "<p class=\"legend\"><span><i class=\"node1\"></i>node 1 has the address</span>\
    <span><i class=\"node2\"></i>node 2 has it</span><span><i class=\"app1\"></i>answered by application server 1</span>\
    <span><i class=\"app2\"></i>by server 2</span><span><i class=\"failed\"></i>failed</span></p>";

/// The page.
#[must_use]
pub fn html(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Tandem lab</title>\
         <style>{STYLE}</style></head><body><main>"
    );
    head(&mut out, report);
    tiles(&mut out, report);
    table(&mut out, &report.rows());
    out.push_str(LEGEND);
    for run in &report.runs {
        card(&mut out, run, report.runs.iter().any(|other| other.number > 1));
    }
    out.push_str("</main></body></html>\n");
    out
}

/// Makes text safe between tags and within double quotes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn head(out: &mut String, report: &Report) {
    let machine = &report.machine;
    let _ = write!(
        out,
        "<header><h1>Tandem lab</h1><p>{}</p><p class=\"muted\">{}, Linux {}, {} cores. \
         A new connection every 5 ms, each with one second to be answered.</p></header>",
        escape(&setup(&report.setup)),
        machine.date(),
        escape(&machine.kernel),
        machine.cores
    );
}

fn setup(setup: &Setup) -> String {
    let node = |n: usize| {
        let software = setup.software[n];
        format!("node {}: {} + {}", n + 1, software.balancer.process(), software.router.process())
    };
    let protocol = match (setup.timing, setup.version) {
        (Timing::Fast, _) => "VRRPv3, an advertisement every 100 ms",
        (Timing::Classic, VrrpVersion::V2) => "VRRPv2, an advertisement a second",
        (Timing::Classic, VrrpVersion::V3) => "VRRPv3, an advertisement a second",
    };
    let tracked = if setup.tracks_heartbeat(1) { ", track_lbd" } else { "" };
    format!("{}; {}; {protocol}{tracked}", node(0), node(1))
}

fn tiles(out: &mut String, report: &Report) {
    let kept = report.runs.iter().filter(|run| run.ok()).count();
    let faults = || report.runs.iter().map(|run| &run.phases[0]);
    let worst = faults().map(|phase| phase.outage_ms).fold(0.0, f64::max);
    let both = report.runs.iter().flat_map(|run| &run.phases);
    let two = both.clone().map(|phase| phase.two_holders_ms).fold(0.0, f64::max);
    let (failed, total) =
        both.fold((0, 0), |sum, phase| (sum.0 + phase.requests.failed, sum.1 + phase.requests.total));
    let mut tile = |name: &str, value: String, class: &str| {
        let _ = write!(out, "<div class=\"tile {class}\"><b>{value}</b><span>{name}</span></div>");
    };
    let runs = report.runs.len();
    tile("runs within bounds", format!("{kept} of {runs}"), if kept == runs { "good" } else { "bad" });
    tile("longest outage", duration(worst), "");
    tile("requests failed", format!("{failed} of {total}"), "");
    tile("longest with two holders", duration(two), "");
}

fn table(out: &mut String, rows: &[Row]) {
    out.push_str(
        "<div class=\"scroll\"><table><thead><tr><th>Scenario<th>What happens<th class=\"n\">Outage\
         <th class=\"n\">Failed<th>What moved<th class=\"n\">Two holders<th></tr></thead><tbody>",
    );
    for row in rows {
        let (class, name) = match row.phase {
            Phase::Fault => ("fault", escape(&row.scenario)),
            Phase::Repair => ("repair", "repaired".to_owned()),
        };
        let failed = if row.failed == 0 { "" } else { " some" };
        let two = if row.two_holders.max < 0.5 { "–".to_owned() } else { row.two_holders.to_string() };
        let _ = write!(
            out,
            "<tr class=\"{class}\"><td class=\"name\">{name}<td>{}<td class=\"n\">{}<td class=\"n{failed}\">{} of {}\
             <td>{}<td class=\"n\">{two}<td>{}</tr>",
            escape(&row.what),
            row.outage,
            row.failed,
            row.total,
            row.effect(),
            badge(row.verdict)
        );
    }
    out.push_str("</tbody></table></div>");
}

fn card(out: &mut String, run: &Run, numbered: bool) {
    let number = if numbered { format!(" <small>run {}</small>", run.number) } else { String::new() };
    let _ = write!(
        out,
        "<section><h2>{}{number} {}</h2><p>{}</p><div class=\"scroll\">{}</div><ol>",
        escape(&run.scenario),
        badge(run.verdict()),
        escape(&run.title),
        svg(&run.picture, &run.title)
    );
    for mark in &run.picture.marks {
        let _ = write!(
            out,
            "<li>{} <span class=\"muted\">at {:.2} s</span></li>",
            escape(&mark.label),
            mark.at_ms / 1e3
        );
    }
    out.push_str("</ol><div class=\"halves\">");
    for phase in &run.phases {
        let half = match phase.phase {
            Phase::Fault => "Fault",
            Phase::Repair => "Repair",
        };
        let _ = write!(out, "<div><h3>{half}</h3><ul>");
        for check in &phase.checks {
            let class = if check.ok { "good" } else { "bad" };
            let _ = write!(out, "<li class=\"{class}\">{}</li>", escape(&check.text));
        }
        if let Some(note) = &phase.note {
            let _ = write!(out, "<li class=\"none\">{}</li>", escape(note));
        }
        for (reason, count) in &phase.requests.reasons {
            let _ = write!(out, "<li class=\"muted\">{count} failed: {}</li>", escape(reason));
        }
        out.push_str("</ul></div>");
    }
    out.push_str("</div></section>");
}

fn badge(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Kept => "<span class=\"badge good\">within bounds</span>",
        Verdict::NoPromise => "<span class=\"badge none\">no promise</span>",
        Verdict::Missed => "<span class=\"badge bad\">beyond bounds</span>",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample_report;
    use super::*;

    #[test]
    fn the_page_is_complete_and_asks_for_nothing_outside() {
        let page = html(&sample_report());
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
        assert_eq!(page.matches("<svg").count(), 4);
        for outside in ["src=", "href=", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("3 of 4"), "runs within bounds");
    }

    #[test]
    fn words_from_outside_cannot_become_tags() {
        let page = html(&sample_report());
        assert!(!page.contains("<something>"));
        assert!(page.contains("&lt;something&gt; breaks"));
    }
}
