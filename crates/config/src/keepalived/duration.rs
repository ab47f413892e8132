//! Times: seconds with a fraction, to the microsecond.

use std::time::Duration;

/// The time `text` says: `2`, `0.1`, `.5`, and as our own addition `80ms`. What is finer than a microsecond is cut off.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (number, micros_per_unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1_000),
        None => (text, 1_000_000),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut micros = whole.checked_mul(micros_per_unit)?;
    let mut unit = micros_per_unit;
    for digit in fraction.bytes() {
        unit /= 10;
        micros = micros.checked_add(u64::from(digit - b'0') * unit)?;
    }
    Some(Duration::from_micros(micros))
}

/// A time in a message.
pub(super) fn show(duration: Duration) -> String {
    format!("{}", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_with_a_fraction_or_milliseconds() {
        for (text, micros) in [
            ("1", Some(1_000_000)),
            ("0", Some(0)),
            ("0.1", Some(100_000)),
            (".25", Some(250_000)),
            ("3.", Some(3_000_000)),
            ("1.0000019", Some(1_000_001)),
            ("80ms", Some(80_000)),
            ("1.5ms", Some(1_500)),
            ("", None),
            (".", None),
            ("ms", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1s", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse(text), micros.map(Duration::from_micros), "{text}");
        }
    }

    #[test]
    fn times_are_shown_in_seconds() {
        assert_eq!(show(Duration::from_millis(10)), "0.01");
        assert_eq!(show(Duration::from_secs(255)), "255");
    }
}
