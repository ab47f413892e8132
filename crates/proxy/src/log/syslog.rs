//! Headers of log lines by format (configuration manual, `log … format`).

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

/// The datagram or line for `target`, or nothing when the level is filtered.
pub(crate) fn frame(
    target: &LogTarget,
    who: &Identity,
    level: Level,
    at: SystemTime,
    line: &str,
) -> Option<Vec<u8>> {
    if level > target.max_level {
        return None;
    }
    let level = level.max(target.min_level);
    let priority = u16::from(target.facility.0) * 8 + level as u16;
    let Identity { tag, host, pid } = who;
    let mut out = match target.format {
        SyslogFormat::Rfc3164 => {
            let host = host.as_ref().map(|h| format!("{h} ")).unwrap_or_default();
            format!("<{priority}>{} {host}{tag}[{pid}]: {line}", clock::rfc3164(at))
        }
        SyslogFormat::Rfc5424 => {
            let host = host.as_deref().unwrap_or("-");
            format!("<{priority}>1 {} {host} {tag} {pid} - - {line}", clock::rfc5424(at))
        }
        SyslogFormat::Short => format!("<{}>{line}", level as u8),
        SyslogFormat::Raw => line.to_owned(),
        SyslogFormat::Timed => format!("<{}>{} {line}", level as u8, clock::rfc3164(at)),
        SyslogFormat::Iso => format!("{} {line}", clock::rfc5424(at)),
    }
    .into_bytes();
    out.truncate(target.max_len);
    Some(out)
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
            let bytes = frame(&target(SyslogFormat::Rfc3164), &who, level, SystemTime::now(), "hello")?;
            String::from_utf8(bytes).ok()
        };
        let line = of(Level::Notice).unwrap();
        assert!(line.starts_with("<133>") && line.ends_with(" haproxy[7]: hello"), "{line}");
        assert!(of(Level::Emerg).unwrap().starts_with("<129>"));
        assert_eq!(of(Level::Info), None);
    }

    #[test]
    fn lines_are_cut_at_the_target_s_length() {
        let who = Identity { tag: "t".into(), host: None, pid: 7 };
        let line = "x".repeat(200);
        let raw = frame(&target(SyslogFormat::Raw), &who, Level::Notice, SystemTime::now(), &line).unwrap();
        assert_eq!(raw.len(), 64);
    }
}
