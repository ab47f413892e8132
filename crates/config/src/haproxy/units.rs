//! Times and sizes (configuration manual 2.5, 2.6).

use std::ops::Range;
use std::time::Duration;

/// HAProxy's timers are 31 bits of milliseconds.
const MAX_MILLISECONDS: u128 = i32::MAX as u128;

/// What a number without a unit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    /// Most directives.
    Milliseconds,
    /// `stats refresh` and a few more.
    Seconds,
}

/// Why a time or size cannot be read, and which part of the word is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitError {
    pub(crate) at: Range<usize>,
    pub(crate) message: &'static str,
    pub(crate) help: &'static str,
}

const TIME_HELP: &str = "a whole number and a unit: us, ms, s, m, h or d, as in 500ms or 5s";
const SIZE_HELP: &str = "a whole number, and k, m or g for 1024, 1024² or 1024³ bytes";

/// Whether the word is a unit of time, as in `5 s`.
pub(crate) fn is_time_unit(text: &str) -> bool {
    time_unit(text).is_some() && !text.is_empty()
}

/// Reads a time. Less than a millisecond counts as one, as in HAProxy.
pub(crate) fn parse_time(text: &str, default: TimeUnit) -> Result<Duration, UnitError> {
    let (number, unit) = split_number(text, TIME_HELP)?;
    let microseconds = match time_unit(unit) {
        Some(0) if default == TimeUnit::Seconds => 1_000_000,
        Some(0) => 1_000,
        Some(factor) => factor,
        None => {
            let at = text.len() - unit.len()..text.len();
            let message =
                if unit.starts_with('.') { "a time has no decimals" } else { "this is not a unit of time" };
            return Err(UnitError { at, message, help: TIME_HELP });
        }
    };
    let milliseconds = number.saturating_mul(microseconds).div_ceil(1_000);
    if milliseconds > MAX_MILLISECONDS {
        return Err(UnitError {
            at: 0..text.len(),
            message: "this time is too long",
            help: "the longest time is 2147483647ms, about 24.8 days",
        });
    }
    Ok(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX)))
}

/// Reads a size in bytes.
pub(crate) fn parse_size(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split_number(text, SIZE_HELP)?;
    let factor: u128 = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        "g" | "G" => 1 << 30,
        _ => {
            let at = text.len() - unit.len()..text.len();
            return Err(UnitError { at, message: "this is not a unit of size", help: SIZE_HELP });
        }
    };
    u64::try_from(number.saturating_mul(factor)).map_err(|_| UnitError {
        at: 0..text.len(),
        message: "this size is too large",
        help: SIZE_HELP,
    })
}

/// Microseconds of a unit; 0 is the directive's own default.
fn time_unit(unit: &str) -> Option<u128> {
    Some(match unit {
        "" => 0,
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return None,
    })
}

fn split_number<'a>(text: &'a str, help: &'static str) -> Result<(u128, &'a str), UnitError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        let message =
            if text.starts_with('-') { "this cannot be negative" } else { "a number has to come first" };
        return Err(UnitError { at: 0..text.len(), message, help });
    }
    // Longer numbers are too large whatever their unit; the ceiling keeps the product within range.
    let number = text[..digits].parse::<u128>().unwrap_or(u128::MAX).min(u128::from(u64::MAX));
    Ok((number, &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_have_units_and_a_default() {
        let ms = Duration::from_millis;
        for (text, expected) in [
            ("5000", ms(5000)),
            ("0", ms(0)),
            ("5s", ms(5000)),
            ("500ms", ms(500)),
            ("1500us", ms(2)),
            ("1us", ms(1)),
            ("1m", ms(60_000)),
            ("1h", ms(3_600_000)),
            ("1d", ms(86_400_000)),
            ("2147483647", ms(2_147_483_647)),
        ] {
            assert_eq!(parse_time(text, TimeUnit::Milliseconds), Ok(expected), "{text}");
        }
        assert_eq!(parse_time("10", TimeUnit::Seconds), Ok(ms(10_000)));
        assert_eq!(parse_time("10ms", TimeUnit::Seconds), Ok(ms(10)));
    }

    #[test]
    fn bad_times_blame_the_part_that_is_wrong() {
        for (text, at, message) in [
            ("5q", 1..2, "this is not a unit of time"),
            ("1.5s", 1..4, "a time has no decimals"),
            ("-1", 0..2, "this cannot be negative"),
            ("soon", 0..4, "a number has to come first"),
            ("", 0..0, "a number has to come first"),
            ("100d", 0..4, "this time is too long"),
            ("99999999999999999999999999999999999999999999d", 0..45, "this time is too long"),
        ] {
            let error = parse_time(text, TimeUnit::Milliseconds).unwrap_err();
            assert_eq!((error.at, error.message), (at, message), "{text}");
        }
    }

    #[test]
    fn sizes_count_in_1024() {
        for (text, expected) in [("1024", 1024), ("16k", 16_384), ("2M", 2 << 20), ("1g", 1 << 30)] {
            assert_eq!(parse_size(text), Ok(expected), "{text}");
        }
        assert_eq!(parse_size("4t").unwrap_err().at, 1..2);
        assert!(parse_size("99999999999999999g").is_err());
    }

    proptest! {
        #[test]
        fn times_equal_a_naive_model(number in 0u64..3_000_000_000, unit in 0usize..7) {
            let (suffix, micros) = [("", 1_000u128), ("us", 1), ("ms", 1_000), ("s", 1_000_000),
                ("m", 60_000_000), ("h", 3_600_000_000), ("d", 86_400_000_000)][unit];
            let total = u128::from(number) * micros;
            let expected_ms = total / 1_000 + u128::from(total % 1_000 != 0);
            match parse_time(&format!("{number}{suffix}"), TimeUnit::Milliseconds) {
                Ok(time) => prop_assert_eq!(time.as_millis(), expected_ms),
                Err(_) => prop_assert!(expected_ms > 2_147_483_647),
            }
        }

        #[test]
        fn sizes_equal_a_naive_model(number in 0u64..10_000_000, unit in 0usize..4) {
            let (suffix, factor) = [("", 1u64), ("k", 1024), ("m", 1024 * 1024), ("g", 1024 * 1024 * 1024)][unit];
            prop_assert_eq!(parse_size(&format!("{number}{suffix}")), Ok(number * factor));
        }

        #[test]
        fn errors_stay_inside_the_word(text in "\\PC{0,12}") {
            if let Err(error) = parse_time(&text, TimeUnit::Milliseconds) {
                prop_assert!(error.at.end <= text.len() && text.is_char_boundary(error.at.start));
            }
        }
    }
}
