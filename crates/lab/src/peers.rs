//! The programs of a load balancer node: ours, and the ones they stand beside.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What balances requests on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Balancer {
    /// `lbd`.
    #[default]
    Lbd,
    /// The installed HAProxy.
    Haproxy,
}

impl Balancer {
    /// The name of its process.
    #[must_use]
    pub const fn process(self) -> &'static str {
        match self {
            Self::Lbd => "lbd",
            Self::Haproxy => "haproxy",
        }
    }
}

/// What holds the virtual address on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Router {
    /// `vrrpd`.
    #[default]
    Vrrpd,
    /// The installed keepalived.
    Keepalived,
}

impl Router {
    /// The name of its processes.
    #[must_use]
    pub const fn process(self) -> &'static str {
        match self {
            Self::Vrrpd => "vrrpd",
            Self::Keepalived => "keepalived",
        }
    }
}

/// The two programs of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Software {
    /// What balances requests.
    pub balancer: Balancer,
    /// What holds the virtual address.
    pub router: Router,
}

/// Where the four programs are. Ours are looked for in one directory; the others only when a node asks for them.
#[derive(Clone, Debug)]
pub struct Programs {
    bin_dir: PathBuf,
}

impl Programs {
    /// `lbd` and `vrrpd` are in `bin_dir`.
    #[must_use]
    pub fn in_dir(bin_dir: impl Into<PathBuf>) -> Self {
        Self { bin_dir: bin_dir.into() }
    }

    /// The command line that starts `balancer` in the foreground on `config`.
    pub fn balancer(&self, balancer: Balancer, config: &Path) -> Result<Vec<String>, Error> {
        let config = config.to_string_lossy().into_owned();
        match balancer {
            Balancer::Lbd => Ok(words(&self.ours("lbd")?, &["-f", &config])),
            Balancer::Haproxy => Ok(words(&find_program("haproxy")?, &["-db", "-f", &config])),
        }
    }

    /// The command line that starts `router` in the foreground on `config`. Its pid files are in the node's own `/run`.
    pub fn router(&self, router: Router, config: &Path) -> Result<Vec<String>, Error> {
        let config = config.to_string_lossy().into_owned();
        match router {
            Router::Vrrpd => Ok(words(&self.ours("vrrpd")?, &["-f", &config])),
            Router::Keepalived => Ok(words(
                &find_program("keepalived")?,
                &[
                    "-n",
                    "-l",
                    "-D",
                    "-f",
                    &config,
                    "-p",
                    KEEPALIVED_PID_FILES[0],
                    "-r",
                    KEEPALIVED_PID_FILES[1],
                    "-c",
                    KEEPALIVED_PID_FILES[2],
                ],
            )),
        }
    }

    fn ours(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.bin_dir.join(name);
        if executable(&path) { Ok(path) } else { Err(Error::ProgramMissing(path.display().to_string())) }
    }
}

/// keepalived refuses to start while one of these names a living process, whatever process that is; a killed one leaves
/// them behind, and pids in a node repeat soon.
pub(crate) const KEEPALIVED_PID_FILES: [&str; 3] =
    ["/run/keepalived.pid", "/run/keepalived-vrrp.pid", "/run/keepalived-checkers.pid"];

/// Finds a program as a shell does, and in the administrator's directories, which are not in everybody's PATH.
pub fn find_program(name: &str) -> Result<PathBuf, Error> {
    if name.contains('/') {
        let path = PathBuf::from(name);
        let absolute = std::path::absolute(&path).map_err(Error::file(&path))?;
        return if executable(&absolute) {
            Ok(absolute)
        } else {
            Err(Error::ProgramMissing(name.to_owned()))
        };
    }
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|candidate| candidate.is_absolute() && executable(candidate))
        .ok_or_else(|| Error::ProgramMissing(name.to_owned()))
}

fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn words(path: &Path, arguments: &[&str]) -> Vec<String> {
    let mut words = vec![path.to_string_lossy().into_owned()];
    words.extend(arguments.iter().map(|word| (*word).to_owned()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_found_by_name_and_by_path() {
        let by_name = find_program("sh").unwrap();
        assert!(by_name.is_absolute());
        assert_eq!(find_program("/bin/sh").unwrap(), PathBuf::from("/bin/sh"));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = find_program("no-such-program-here").unwrap_err();
        assert!(error.to_string().starts_with("no-such-program-here was not found"), "{error}");
        assert!(Programs::in_dir("/nowhere").router(Router::Vrrpd, Path::new("x.conf")).is_err());
    }
}
