//! The time line of a run as a drawing.

use super::html::escape;
use crate::duration::duration;
use crate::scenario::{Bin, Lane, Picture, Span};
use std::fmt::Write as _;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 92.0;
const RIGHT: f64 = WIDTH - 12.0;
const LANE: f64 = 26.0;
const STRIP: f64 = 44.0;
const TOP: f64 = 30.0;
/// Room for the lines that measure outages.
const MEASURE: f64 = 20.0;

/// Draws `picture`; colours come from the page's style sheet.
pub(super) fn svg(picture: &Picture, title: &str) -> String {
    let scale = Scale { from: picture.from_ms, until: picture.until_ms, left: LEFT, right: RIGHT };
    let lanes = picture.lanes.len() as f64 * (LANE + 8.0);
    let strip = TOP + lanes + 4.0;
    let floor = strip + STRIP;
    let measured = floor + if picture.outages.is_empty() { 0.0 } else { MEASURE };
    let height = measured + 26.0;
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\" xmlns=\"http://www.w3.org/2000/svg\">",
        escape(title)
    );
    for tick in ticks(picture.from_ms, picture.until_ms) {
        let x = scale.x(tick);
        let _ =
            write!(out, "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{measured}\"/>");
        let seconds = tick / 1e3;
        let _ = write!(out, "<text class=\"tick\" x=\"{x:.1}\" y=\"{}\">{seconds} s</text>", measured + 18.0);
    }
    for (index, lane) in picture.lanes.iter().enumerate() {
        draw_lane(&mut out, &scale, lane, index);
    }
    draw_strip(&mut out, &scale, &picture.bins, strip);
    for outage in &picture.outages {
        draw_outage(&mut out, &scale, outage, floor + MEASURE / 2.0);
    }
    for (index, mark) in picture.marks.iter().enumerate() {
        let (x, number) = (scale.x(mark.at_ms), index + 1);
        let _ = write!(
            out,
            "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"22\" y2=\"{floor}\"/>\
             <circle class=\"mark\" cx=\"{x:.1}\" cy=\"13\" r=\"9\"/>\
             <text class=\"number\" x=\"{x:.1}\" y=\"17\">{number}</text>"
        );
    }
    out.push_str("</svg>");
    out
}

/// From milliseconds to a place on the drawing.
struct Scale {
    from: f64,
    until: f64,
    left: f64,
    right: f64,
}

impl Scale {
    /// Moments outside the picture are put at its edge.
    fn x(&self, ms: f64) -> f64 {
        let length = (self.until - self.from).max(1.0);
        let part = ((ms - self.from) / length).clamp(0.0, 1.0);
        self.left + part * (self.right - self.left)
    }
}

/// Whole seconds, one, two or five times a power of ten apart, at most twelve of them.
fn ticks(from_ms: f64, until_ms: f64) -> Vec<f64> {
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0].map(|seconds| seconds * 1e3);
    let fits = |step: &f64| (until_ms - from_ms) / step <= 11.0;
    let step = steps.into_iter().find(fits).unwrap_or(1e6);
    let mut found = Vec::new();
    let mut tick = (from_ms / step).ceil() * step;
    while tick <= until_ms && found.len() < 12 {
        // The ceiling of a small negative number is a negative zero, which would be printed with its sign.
        found.push(tick + 0.0);
        tick += step;
    }
    found
}

fn draw_lane(out: &mut String, scale: &Scale, lane: &Lane, index: usize) {
    let y = TOP + index as f64 * (LANE + 8.0);
    let number = index + 1;
    let middle = y + LANE / 2.0 + 4.0;
    let _ = write!(out, "<text class=\"lane\" x=\"0\" y=\"{middle}\">{}</text>", escape(&lane.node));
    let _ = write!(
        out,
        "<rect class=\"empty\" x=\"{LEFT}\" y=\"{y}\" width=\"{}\" height=\"{LANE}\" rx=\"4\"/>",
        RIGHT - LEFT
    );
    for span in &lane.spans {
        let (from, until) = (scale.x(span.from_ms), scale.x(span.until_ms));
        // Even a moment is visible.
        let width = (until - from).max(1.5);
        let _ = write!(
            out,
            "<rect class=\"node{number}\" x=\"{from:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{LANE}\" rx=\"4\">\
             <title>{} has the address from {:.3} s to {:.3} s</title></rect>",
            escape(&lane.node),
            span.from_ms / 1e3,
            span.until_ms / 1e3
        );
        if width > 40.0 {
            let _ = write!(out, "<text class=\"held\" x=\"{:.1}\" y=\"{middle}\">VIP</text>", from + 10.0);
        }
    }
}

fn draw_strip(out: &mut String, scale: &Scale, bins: &[Bin], top: f64) {
    let _ = write!(out, "<text class=\"lane\" x=\"0\" y=\"{}\">requests</text>", top + STRIP / 2.0 + 4.0);
    let most = bins.iter().map(|bin| bin.first + bin.second + bin.failed).max().unwrap_or_default().max(1);
    let slot = (scale.right - scale.left) / bins.len().max(1) as f64;
    let per_request = STRIP / f64::from(most);
    for (index, bin) in bins.iter().enumerate() {
        let x = scale.left + slot * index as f64;
        let [first, second, failed] =
            [bin.first, bin.second, bin.failed].map(|count| f64::from(count) * per_request);
        let floor = top + STRIP;
        let mut bar = |class: &str, y: f64, height: f64| {
            if height > 0.0 {
                let width = slot * 0.86;
                let _ = write!(
                    out,
                    "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{height:.1}\"/>"
                );
            }
        };
        bar("failed", floor - failed, failed);
        bar("app1", floor - failed - first, first);
        bar("app2", floor - failed - first - second, second);
    }
}

/// A line from the last good answer to the next, with its length beside it.
fn draw_outage(out: &mut String, scale: &Scale, outage: &Span, y: f64) {
    let (from, until) = (scale.x(outage.from_ms), scale.x(outage.until_ms));
    let (top, bottom) = (y - 4.0, y + 4.0);
    let text = duration(outage.until_ms - outage.from_ms);
    // On the side where there is room.
    let (x, anchor) = if until < RIGHT - 160.0 { (until + 7.0, "start") } else { (from - 7.0, "end") };
    let _ = write!(
        out,
        "<path class=\"outage\" d=\"M{from:.1} {top}V{bottom}M{from:.1} {y}H{until:.1}M{until:.1} {top}V{bottom}\"/>\
         <text class=\"outage\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{text} without an answer</text>",
        y + 4.0
    );
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round_seconds_within_the_picture() {
        assert_eq!(ticks(-1_000.0, 4_000.0), [-1e3, 0.0, 1e3, 2e3, 3e3, 4e3]);
        assert_eq!(ticks(-1_000.0, 16_000.0), [0.0, 2e3, 4e3, 6e3, 8e3, 10e3, 12e3, 14e3, 16e3]);
        assert!(ticks(-400.0, 900.0).iter().all(|tick| tick.is_sign_positive()));
    }

    #[test]
    fn every_span_mark_and_failure_is_drawn() {
        let drawing = svg(&sample("one", 1, 1.0).picture, "<title>");
        assert_eq!(drawing.matches("class=\"node1\"").count(), 1);
        assert_eq!(drawing.matches("class=\"node2\"").count(), 1);
        assert_eq!(drawing.matches("class=\"failed\"").count(), 1);
        assert_eq!(drawing.matches("<circle").count(), 1);
        assert!(drawing.contains("1 ms without an answer"));
        assert!(drawing.contains("aria-label=\"&lt;title&gt;\""));
    }

    proptest! {
        #[test]
        fn the_scale_keeps_order_and_stays_inside(
            from in -1e6_f64..1e6, length in 1.0_f64..1e6, a in -2e6_f64..2e6, b in -2e6_f64..2e6,
        ) {
            let scale = Scale { from, until: from + length, left: LEFT, right: RIGHT };
            for ms in [a, b] {
                prop_assert!((LEFT..=RIGHT).contains(&scale.x(ms)));
            }
            prop_assert!((a <= b) == (scale.x(a) <= scale.x(b)) || scale.x(a) == scale.x(b));
            prop_assert_eq!(scale.x(from), LEFT);
        }

        #[test]
        fn there_are_never_more_than_twelve_ticks(from in -1e4_f64..0.0, until in 0.0_f64..1e8) {
            let found = ticks(from, until);
            prop_assert!(found.len() <= 12);
            prop_assert!(found.iter().all(|tick| (from..=until).contains(tick)));
        }
    }
}
