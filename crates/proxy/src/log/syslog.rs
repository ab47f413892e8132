//! Headers of log lines by format (configuration manual, `log … format`).

use std::io::Write;
use std::time::SystemTime;

use config::haproxy::{Level, LogTarget, SyslogFormat};

use super::clock;

/// Who logs.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// `log-tag`.
    pub(crate) tag: String,
    /// `log-send-hostname`.
    pub(crate) host: Option<String>,
    pub(crate) pid: u32,
}

/// Appends the datagram or line for `target`, whose filter the level has passed.
pub(crate) fn frame(
    out: &mut Vec<u8>,
    target: &LogTarget,
    who: &Identity,
    level: Level,
    at: SystemTime,
    line: &str,
) {
    let level = level.max(target.min_level);
    let priority = u16::from(target.facility.0) * 8 + level as u16;
    let Identity { tag, host, pid } = who;
    let begun = out.len();
    let written = match target.format {
        SyslogFormat::Rfc3164 => {
            let (host, space) = host.as_deref().map_or(("", ""), |host| (host, " "));
            write!(out, "<{priority}>{} {host}{space}{tag}[{pid}]: ", clock::rfc3164(at))
        }
        SyslogFormat::Rfc5424 => {
            let host = host.as_deref().unwrap_or("-");
            write!(out, "<{priority}>1 {} {host} {tag} {pid} - - ", clock::rfc5424(at))
        }
        SyslogFormat::Short => write!(out, "<{}>", level as u8),
        SyslogFormat::Raw => Ok(()),
        SyslogFormat::Timed => write!(out, "<{}>{} ", level as u8, clock::rfc3164(at)),
        SyslogFormat::Iso => write!(out, "{} ", clock::rfc5424(at)),
    };
    written.expect("a vector takes all bytes");
    out.extend_from_slice(line.as_bytes());
    out.truncate(begun + target.max_len);
}

#[cfg(test)]
mod tests {
    use config::haproxy::{Facility, LogDestination};

    use super::*;

    fn target(format: SyslogFormat) -> LogTarget {
        LogTarget {
            to: LogDestination::Stdout,
            format,
            facility: Facility(16),
            max_level: Level::Notice,
            min_level: Level::Alert,
            max_len: 64,
        }
    }

    #[test]
    fn priority_is_facility_and_level_within_bounds() {
        let who = Identity { tag: "haproxy".into(), host: None, pid: 7 };
        let of = |level| {
            let mut bytes = Vec::new();
            frame(&mut bytes, &target(SyslogFormat::Rfc3164), &who, level, SystemTime::now(), "hello");
            String::from_utf8(bytes).unwrap()
        };
        let line = of(Level::Notice);
        assert!(line.starts_with("<133>") && line.ends_with(" haproxy[7]: hello"), "{line}");
        assert!(of(Level::Emerg).starts_with("<129>"));
    }

    #[test]
    fn lines_are_cut_at_the_target_s_length() {
        let who = Identity { tag: "t".into(), host: None, pid: 7 };
        let line = "x".repeat(200);
        let mut raw = Vec::new();
        frame(&mut raw, &target(SyslogFormat::Raw), &who, Level::Notice, SystemTime::now(), &line);
        assert_eq!(raw.len(), 64);
    }
}
