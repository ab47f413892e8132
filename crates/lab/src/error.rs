//! What can go wrong in a lab.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// Why a lab could not be built, driven or measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused to make the namespaces; the text names the settings to change.
    #[error("this machine refuses to make namespaces: {step}: {source}{advice}")]
    NamespacesRefused {
        /// The system call that was refused.
        step: String,
        /// The kernel's answer.
        source: io::Error,
        /// One indented line for each setting that forbids it, or a general hint.
        advice: String,
    },
    /// The program started for a namespace does not call [`crate::node_main`] first thing in `main`.
    #[error("{} is not a lab program: it must call lab::node_main() first in main()", .0.display())]
    NotALabProgram(PathBuf),
    /// The process that holds the switch ended or answered nonsense.
    #[error("the switch of the lab is gone: {0}")]
    SwitchGone(io::Error),
    /// The switch could not do what it was asked.
    #[error("switch: {0}")]
    Switch(String),
    /// A node cannot be reached (it may be powered off).
    #[error("node {node} cannot be reached: {source}")]
    NodeGone {
        /// The node's name.
        node: String,
        /// What the connection to it said.
        source: io::Error,
    },
    /// A node could not do what it was asked.
    #[error("node {node}: {reason}")]
    Node {
        /// The node's name.
        node: String,
        /// Its own words.
        reason: String,
    },
    /// A program that the lab is to run is not installed.
    #[error("{0} was not found in PATH, /usr/local/sbin, /usr/sbin or /sbin")]
    ProgramMissing(String),
    /// The lab did not come to rest in time.
    #[error("after {seconds} s the lab still waits for: {missing}\n{logs}")]
    NotSettled {
        /// How long was waited.
        seconds: u64,
        /// Which conditions did not hold.
        missing: String,
        /// The last lines of each daemon's log.
        logs: String,
    },
    /// No scenario has this name.
    #[error("no scenario is named {0:?}; `tandem lab --list` shows them")]
    UnknownScenario(String),
    /// The operator interrupted the lab.
    #[error("interrupted")]
    Interrupted,
    /// A file could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another system call failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Error {
    /// A refusal to make namespaces, with advice read from this machine's settings.
    pub(crate) fn refused(step: String, errno: i32) -> Self {
        Self::NamespacesRefused {
            step,
            source: io::Error::from_raw_os_error(errno),
            advice: advice(|path| std::fs::read_to_string(path).ok()),
        }
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

/// The settings by which distributions forbid namespaces: path, the value that forbids, and the cure.
const SWITCHES: [(&str, &str, &str); 4] = [
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"),
    ("/proc/sys/user/max_net_namespaces", "0", "sysctl -w user.max_net_namespaces=15000"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
];

fn advice(read: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::new();
    for (path, forbids, cure) in SWITCHES {
        if read(path).is_some_and(|value| value.trim() == forbids) {
            let _ = write!(text, "\n  {path} is {forbids}; as root: {cure}");
        }
    }
    if text.is_empty() {
        text.push_str(
            "\n  no sysctl forbids it, so a container or a security policy does: run as root on the host, or give the \
             container --privileged (it needs CAP_SYS_ADMIN and an unmasked /proc)",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_each_setting_that_forbids_namespaces() {
        let text = advice(|path| match path {
            "/proc/sys/user/max_user_namespaces" => Some("0\n".to_owned()),
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns" => Some("1\n".to_owned()),
            _ => None,
        });
        assert!(text.contains("user.max_user_namespaces=15000"), "{text}");
        assert!(text.contains("apparmor_restrict_unprivileged_userns=0"), "{text}");
        assert!(!text.contains("unprivileged_userns_clone=1"), "{text}");
    }

    #[test]
    fn advice_without_a_forbidding_setting_points_at_the_container() {
        let text = advice(|path| path.ends_with("max_user_namespaces").then(|| "15000".to_owned()));
        assert!(text.contains("--privileged"), "{text}");
    }
}
