//! Spreading checks over time, so that many servers are not probed in one instant.

use std::time::Duration;

/// Time before the first check of server `index` of `count`: checks start at once, evenly spread over the
/// shorter of `min_inter` (the shortest check interval of all servers) and `spread_cap`.
pub fn first_delay(index: usize, count: usize, min_inter: Duration, spread_cap: Duration) -> Duration {
    let (Ok(index), Ok(count)) = (u32::try_from(index), u32::try_from(count)) else { return Duration::ZERO };
    let span = min_inter.min(spread_cap);
    span.checked_div(count).map_or(Duration::ZERO, |step| step.saturating_mul(index).min(span))
}

/// `interval` moved by up to `percent` (at most 50) either way; `random` is uniform over its whole range.
pub fn jitter(interval: Duration, percent: u8, random: u64) -> Duration {
    let reach = interval * u32::from(percent.min(50)) / 100;
    let reach = u64::try_from(reach.as_nanos()).unwrap_or(u64::MAX / 2);
    let offset = ((u128::from(random) * (u128::from(reach) * 2 + 1)) >> 64) as u64;
    interval.saturating_sub(Duration::from_nanos(reach)) + Duration::from_nanos(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_checks_are_spread_over_the_shorter_span() {
        let ms = Duration::from_millis;
        let table = [
            (0, 4, 2000, 200, 0),
            (1, 4, 2000, 200, 50),
            (3, 4, 2000, 200, 150),
            (1, 2, 100, 200, 50),
            (0, 0, 100, 200, 0),
        ];
        for (index, count, inter, cap, expected) in table {
            assert_eq!(first_delay(index, count, ms(inter), ms(cap)), ms(expected));
        }
    }

    #[test]
    fn jitter_reaches_both_ends_and_not_further() {
        let second = Duration::from_secs(1);
        assert_eq!(jitter(second, 0, u64::MAX), second);
        assert_eq!(jitter(second, 10, 0), Duration::from_millis(900));
        assert_eq!(jitter(second, 10, u64::MAX), Duration::from_millis(1100));
        assert_eq!(jitter(second, 200, 0), Duration::from_millis(500));
    }
}
