//! How values look: escaped text, numbers with units, durations, times of day.

use std::fmt::{Display, Formatter, Result, Write};
use std::time::Duration;

/// Writes to a `String`, which cannot fail.
macro_rules! emit {
    ($out:expr, $($arg:tt)*) => {{
        use std::fmt::Write as _;
        let _ = write!($out, $($arg)*);
    }};
}
pub(super) use emit;

/// Text as HTML text or as a quoted attribute's value. Everything that comes from data goes through it.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A count in at most five characters: `9999`, `12.3k`, `4.56M`.
pub(super) fn count(value: u64) -> String {
    if value < 10_000 {
        value.to_string()
    } else {
        scaled(value as f64, 1000.0, ["k", "M", "G", "T", "P", "E"])
    }
}

/// Bytes in binary units: `512 B`, `1.46 KiB`.
pub(super) fn bytes(value: u64) -> String {
    if value < 1024 {
        format!("{value} B")
    } else {
        scaled(value as f64, 1024.0, [" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"])
    }
}

/// Bytes in binary units where there is no room for the unit's name: `512`, `1.46k`.
pub(super) fn short_bytes(value: u64) -> String {
    if value < 1024 {
        value.to_string()
    } else {
        scaled(value as f64, 1024.0, ["k", "M", "G", "T", "P", "E"])
    }
}

fn scaled(mut value: f64, base: f64, units: [&str; 6]) -> String {
    let mut unit = "";
    for next in units {
        // 999.5 would read 1000 when rounded to three digits.
        if value < 999.5 && !unit.is_empty() {
            break;
        }
        value /= base;
        unit = next;
    }
    let decimals = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.decimals$}{unit}")
}

/// Seconds as the two greatest units that are not 0: `2d 3h`, `5m 20s`, `7s`.
pub(super) fn seconds(total: u64) -> String {
    let parts = [(total / 86_400, 'd'), (total / 3600 % 24, 'h'), (total / 60 % 60, 'm'), (total % 60, 's')];
    match parts.iter().position(|(value, _)| *value > 0) {
        None => "0s".to_owned(),
        Some(first) => {
            let shown: Vec<String> = parts[first..]
                .iter()
                .take(2)
                .filter(|(value, _)| *value > 0)
                .map(|(value, unit)| format!("{value}{unit}"))
                .collect();
            shown.join(" ")
        }
    }
}

/// A short duration: `0.4 ms`, `12 ms`, `3.1 s`.
pub(super) fn latency(duration: Duration) -> String {
    millis(duration.as_secs_f64() * 1000.0)
}

/// Milliseconds with the precision that fits their size.
pub(super) fn millis(ms: f64) -> String {
    if ms >= 1000.0 {
        format!("{:.1} s", ms / 1000.0)
    } else if ms >= 10.0 || ms == 0.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{ms:.1} ms")
    }
}

/// The time of day of a moment since the Unix epoch, in UTC: `14:03:27`.
pub(super) fn time_of_day(unix: u64) -> String {
    let second = unix % 86_400;
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_three_digits() {
        for (value, text) in [
            (0, "0"),
            (9999, "9999"),
            (10_000, "10.0k"),
            (999_499, "999k"),
            (999_500, "1.00M"),
            (1_234_567, "1.23M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(count(value), text);
        }
        for (value, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (1_500_000, "1.43 MiB"),
            (1_073_741_824, "1.00 GiB"),
        ] {
            assert_eq!(bytes(value), text);
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (value, text) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (3605, "1h"), (7980, "2h 13m"), (90_061, "1d 1h")]
        {
            assert_eq!(seconds(value), text);
        }
        for (us, text) in [(400, "0.4 ms"), (12_345, "12 ms"), (3_100_000, "3.1 s")] {
            assert_eq!(latency(Duration::from_micros(us)), text);
        }
        assert_eq!(time_of_day(1_700_000_000), "22:13:20");
    }

    #[test]
    fn markup_in_data_is_text() {
        assert_eq!(
            Text("<a href=\"x\">&'</a>").to_string(),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;"
        );
    }
}
