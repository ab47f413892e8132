//! Times as a person writes them.

/// A number of milliseconds: `655 ms`, `3.50 s`.
#[must_use]
pub fn duration(millis: f64) -> String {
    let (scale, digits, unit) = scale(millis);
    format!("{:.digits$} {unit}", millis / scale)
}

/// What to divide milliseconds by so that none exceeds `largest`, how many digits to show, and the unit.
pub(crate) fn scale(largest: f64) -> (f64, usize, &'static str) {
    // What would be rounded up to 1000 ms is a second.
    if largest < 999.5 { (1.0, 0, "ms") } else { (1e3, 2, "s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_seconds() {
        let table =
            [(0.4, "0 ms"), (999.4, "999 ms"), (999.5, "1.00 s"), (3_504.9, "3.50 s"), (91_000.0, "91.00 s")];
        for (millis, text) in table {
            assert_eq!(duration(millis), text);
        }
    }
}
