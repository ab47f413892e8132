//! The plot: CPU time a request of each proxy, as a multiple of the best peer's.

use std::fmt::Write;

use crate::report::Report;

const COLOURS: [&str; 6] = ["#2563eb", "#f59e0b", "#10b981", "#7c3aed", "#db2777", "#64748b"];
const LEFT: f64 = 300.0;
const BAR: f64 = 16.0;
const GROUP_GAP: f64 = 22.0;
/// Length of a bar as long as the best peer's.
const UNIT: f64 = 260.0;
/// Longer bars are cut; their label says how long they are.
const LONGEST: f64 = 2.0;

/// An SVG of all scenarios under load.
pub(crate) fn svg(report: &Report) -> String {
    let mut body = String::new();
    let mut y = 60.0;
    let top = y;
    for scenario in &report.scenarios {
        let bars: Vec<_> =
            scenario.peers.iter().filter_map(|peer| Some((peer, peer.busy()?.cpu_us))).collect();
        let Some(unit) = scenario.best_reference().or_else(|| bars.first().map(|(_, cpu)| *cpu)) else {
            continue;
        };
        let title = short_title(&scenario.title);
        add(
            &mut body,
            format_args!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{title}</text>\n",
                LEFT - 12.0,
                y + 12.0
            ),
        );
        for (n, (peer, cpu)) in bars.iter().enumerate() {
            let ratio = cpu / unit;
            let width = ratio.min(LONGEST) * UNIT;
            let colour = COLOURS[n % COLOURS.len()];
            add(
                &mut body,
                format_args!(
                    "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" fill=\"{colour}\"/>\n\
                     <text x=\"{:.1}\" y=\"{}\" class=\"small\">{} {cpu:.1} µs ({ratio:.2})</text>\n",
                    BAR - 2.0,
                    LEFT + width + 6.0,
                    y + 11.0,
                    escape(&peer.name),
                ),
            );
            y += BAR;
        }
        y += GROUP_GAP;
    }
    let (line, width) = (LEFT + UNIT, LEFT + LONGEST * UNIT + 200.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {y}\" font-family=\"sans-serif\" font-size=\"13\">
<style>.small {{ font-size: 11px; fill: #334155 }}</style>
<rect width=\"100%\" height=\"100%\" fill=\"white\"/>
<text x=\"{LEFT}\" y=\"24\" font-size=\"16\">CPU time a request; 1 is the better of HAProxy and nginx; shorter is better</text>
<text x=\"{LEFT}\" y=\"44\" class=\"small\">{}, Linux {}, {}</text>
{body}<line x1=\"{line}\" x2=\"{line}\" y1=\"{top}\" y2=\"{}\" stroke=\"#0f172a\" stroke-dasharray=\"3 3\"/>
</svg>
",
        escape(&report.machine.processor),
        escape(&report.machine.kernel),
        escape(&report.machine.date),
        y - GROUP_GAP,
    )
}

/// Without the details that a plot has no room for.
fn short_title(title: &str) -> String {
    const ROOM: usize = 42;
    let words = title.split(", otherwise").next().unwrap_or(title);
    let cut = words.char_indices().nth(ROOM).map_or(words.len(), |(at, _)| at);
    escape(
        words[..cut].rsplit_once(',').filter(|_| cut < words.len()).map_or(&words[..cut], |(head, _)| head),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn add(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes what is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_lose_what_does_not_fit() {
        assert_eq!(
            short_title("500 servers in the backend, otherwise as keepalive"),
            "500 servers in the backend"
        );
        assert_eq!(short_title("Keep-alive, 128-byte bodies, 64 connections"), "Keep-alive, 128-byte bodies");
        assert_eq!(short_title("a < b"), "a &lt; b");
    }
}
