//! Small charts of a backend's last two minutes.

use super::format::{count, emit, millis};
use crate::History;

/// The size of the drawing's own coordinates; the style sheet stretches it.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 40.0;

/// Request rate and latency, each with its present value in words.
pub(super) fn sparklines(out: &mut String, history: &History) {
    let rate = history.request_rate.last().copied().unwrap_or(0.0);
    let latency = history.latency_ms.last().copied().unwrap_or(0.0);
    let p95 = history.latency_p95_ms.last().copied().unwrap_or(0.0);
    emit!(out, "<div class=\"sparks\">\n");
    emit!(
        out,
        "<figure class=\"spark\"><figcaption>Requests<b>{}/s</b></figcaption>",
        count(rate.round() as u64)
    );
    let label = format!(
        "Request rate over the last two minutes, at most {} a second",
        count(top(&history.request_rate) as u64)
    );
    chart(out, &label, &history.request_rate, &[]);
    emit!(out, "</figure>\n<figure class=\"spark latency\"><figcaption>Latency<b>{}</b>", millis(latency));
    emit!(out, "p95 {}</figcaption>", millis(p95));
    let label =
        format!("Mean latency over the last two minutes, at most {}", millis(top(&history.latency_ms)));
    chart(out, &label, &history.latency_ms, &history.latency_p95_ms);
    emit!(out, "</figure>\n</div>\n");
}

/// `values` as a line over an area; `upper` as a fainter line on the same scale.
fn chart(out: &mut String, label: &str, values: &[f64], upper: &[f64]) {
    emit!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\"><title>{label}</title>"
    );
    let scale = top(values).max(top(upper));
    let line = path(values, scale);
    if !line.is_empty() {
        let left = x(0, values.len());
        emit!(out, "<path class=\"area\" d=\"M{left:.1} {HEIGHT}L{} L{WIDTH} {HEIGHT}Z\"/>", &line[1..]);
        emit!(out, "<path class=\"line\" d=\"{line}\"/>");
    }
    if !upper.is_empty() {
        emit!(out, "<path class=\"p95\" d=\"{}\"/>", path(upper, scale));
    }
    emit!(out, "</svg>");
}

/// A path through the values, the newest at the right edge; empty without values.
fn path(values: &[f64], scale: f64) -> String {
    let mut path = String::new();
    for (index, value) in values.iter().enumerate() {
        let y = HEIGHT - 1.0 - (HEIGHT - 3.0) * if scale > 0.0 { value / scale } else { 0.0 };
        emit!(path, "{}{:.1} {y:.1}", if index == 0 { "M" } else { "L" }, x(index, values.len()));
    }
    path
}

/// Two minutes are the whole width, so that a young history begins at its right place.
fn x(index: usize, len: usize) -> f64 {
    let missing = 120_usize.saturating_sub(len);
    WIDTH * (missing + index + 1) as f64 / (missing + len) as f64
}

fn top(values: &[f64]) -> f64 {
    values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_is_at_the_right_edge_and_the_greatest_at_the_top() {
        let line = path(&[0.0, 5.0], 5.0);
        assert_eq!(line, "M238.0 39.0L240.0 2.0");
        assert_eq!(path(&[], 0.0), "");
        assert_eq!(path(&[0.0], 0.0), "M240.0 39.0");
    }

    #[test]
    fn an_empty_history_draws_nothing_and_divides_nothing() {
        let mut out = String::new();
        sparklines(&mut out, &History::default());
        assert!(!out.contains("NaN") && !out.contains("<path"), "{out}");
    }
}
