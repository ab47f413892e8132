//! A real keepalived beside ours.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lan::Host;

/// A keepalived on a node; ended when dropped.
pub(crate) struct Keepalived {
    child: Child,
    file: PathBuf,
}

impl Keepalived {
    /// `None`, said on standard error, where there is none.
    pub(crate) fn start(host: &Host, name: &str, config: &str) -> Option<Self> {
        let file =
            std::env::temp_dir().join(format!("vrrpd-netns-{}-{name}-keepalived.conf", std::process::id()));
        fs::write(&file, config).unwrap();
        let pid = |name: &str| format!("{}.{name}.pid", file.display());
        let mut command = Command::new("keepalived");
        command.args(["-n", "-l", "-P", "-f"]).arg(&file);
        command.args(["-p", &pid("main"), "-r", &pid("vrrp")]).stdout(Stdio::null()).stderr(Stdio::null());
        match host.inside(|| command.spawn()) {
            Ok(child) => Some(Self { child, file }),
            Err(_) => {
                eprintln!("keepalived is not installed: the case is not played beside it");
                None
            }
        }
    }

    /// Its processes.
    pub(crate) fn pids(&self) -> Vec<Pid> {
        let main = self.main();
        let children = fs::read_to_string(format!("/proc/{main}/task/{main}/children")).unwrap();
        let children = children.split_whitespace().map(|pid| Pid::from_raw(pid.parse().unwrap()));
        [main].into_iter().chain(children).collect()
    }

    fn main(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        let _ = kill(self.main(), Signal::SIGTERM);
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.file);
    }
}
