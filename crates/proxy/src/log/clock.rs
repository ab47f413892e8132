//! Local time in the forms of HAProxy's logs.

use std::cell::RefCell;
use std::thread::LocalKey;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Local};

thread_local! {
    static LAST_REQUEST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    static LAST_RFC3164: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// `22/Nov/2026:10:37:43.123`
pub(crate) fn request_date(at: SystemTime) -> String {
    let millis = at.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_millis();
    formatted(&LAST_REQUEST, at, "%d/%b/%Y:%H:%M:%S", |text| format!("{text}.{millis:03}"))
}

/// `Nov 22 10:37:43`, the day padded by a space (RFC 3164 §4.1.2).
pub(crate) fn rfc3164(at: SystemTime) -> String {
    formatted(&LAST_RFC3164, at, "%b %e %H:%M:%S", str::to_owned)
}

/// `at` in a form that is the same for a whole second, made once for all lines of that second.
fn formatted<T>(
    last: &'static LocalKey<RefCell<(u64, String)>>,
    at: SystemTime,
    form: &str,
    then: impl FnOnce(&str) -> T,
) -> T {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    last.with_borrow_mut(|(second, text)| {
        if *second != seconds {
            *second = seconds;
            *text = DateTime::<Local>::from(at).format(form).to_string();
        }
        then(text)
    })
}

/// `2026-11-22T10:37:43.123456+00:00` (RFC 5424 §6.2.3).
pub(crate) fn rfc5424(at: SystemTime) -> String {
    DateTime::<Local>::from(at).format("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string()
}
