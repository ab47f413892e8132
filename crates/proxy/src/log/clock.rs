//! Local time in the forms of HAProxy's logs.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Local};

thread_local! {
    /// The last second formatted: lines of one second share it.
    static LAST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// `22/Nov/2026:10:37:43.123`
pub(crate) fn request_date(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    LAST.with_borrow_mut(|(second, text)| {
        if *second != since.as_secs() {
            *second = since.as_secs();
            *text = DateTime::<Local>::from(at).format("%d/%b/%Y:%H:%M:%S").to_string();
        }
        format!("{text}.{:03}", since.subsec_millis())
    })
}

/// `Nov 22 10:37:43`, the day padded by a space (RFC 3164 §4.1.2).
pub(crate) fn rfc3164(at: SystemTime) -> String {
    DateTime::<Local>::from(at).format("%b %e %H:%M:%S").to_string()
}

/// `2026-11-22T10:37:43.123456+00:00` (RFC 5424 §6.2.3).
pub(crate) fn rfc5424(at: SystemTime) -> String {
    DateTime::<Local>::from(at).format("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string()
}
