//! A program that the configuration names: what is run, as whom, and whether that is safe.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use config::keepalived::{Command, GlobalDefs, ScriptUser};
use nix::unistd::{Group, User, geteuid};

/// The user that scripts without one of their own run as, where it exists.
const DEFAULT_USER: &str = "keepalived_script";
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// They would act on whatever runs as root.
const DANGEROUS_VARIABLES: [&str; 3] = ["IFS", "LD_PRELOAD", "LD_LIBRARY_PATH"];

/// Why a program is never run. A check that cannot be run has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProgramError {
    /// No such user or group.
    #[error("there is no user or group `{0}`")]
    NoUser(String),
    /// `enable_script_security`, and somebody else could change what root would run.
    #[error("{} can be changed by others than root: `chown root` it and `chmod go-w` it", .0.display())]
    Unsafe(PathBuf),
}

/// A program with its arguments, and whom it runs as. There is no shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    identity: Option<Identity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    uid: u32,
    gid: u32,
}

impl Program {
    /// Finds the program and the user.
    pub(crate) fn resolve(command: &Command, global: &GlobalDefs) -> Result<Self, ProgramError> {
        let (word, arguments) = command.argv.split_first().expect("a command has at least one word");
        let identity = match command.user.as_ref().or(global.script_user.as_ref()) {
            Some(user) => Some(identity(user)?),
            None => default_identity(),
        };
        let path = if word.contains('/') { PathBuf::from(word) } else { search(word) };
        let as_root = identity.is_none_or(|identity| identity.uid == 0) && geteuid().is_root();
        if global.enable_script_security
            && as_root
            && let Some(culprit) = changeable_part(&path)
        {
            return Err(ProgramError::Unsafe(culprit));
        }
        // Switching to the user that we are needs no privileges, if it is not asked for.
        let identity = identity.filter(|identity| identity.uid != geteuid().as_raw());
        Ok(Self { path, arguments: arguments.to_vec(), identity })
    }

    /// The program's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts it in a process group of its own, with these arguments after its own.
    pub(crate) fn spawn(&self, more: &[String]) -> io::Result<tokio::process::Child> {
        let mut command = tokio::process::Command::new(&self.path);
        command.args(&self.arguments).args(more).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for variable in DANGEROUS_VARIABLES {
            command.env_remove(variable);
        }
        if let Some(Identity { uid, gid }) = self.identity {
            command.uid(uid).gid(gid);
        }
        command.spawn()
    }
}

fn identity(user: &ScriptUser) -> Result<Identity, ProgramError> {
    let unknown = |name: &str| ProgramError::NoUser(name.to_owned());
    let found = User::from_name(&user.user).ok().flatten();
    let (uid, own_group) = match (found, user.user.parse::<u32>()) {
        (Some(found), _) => (found.uid.as_raw(), found.gid.as_raw()),
        (None, Ok(number)) => (number, number),
        (None, Err(_)) => return Err(unknown(&user.user)),
    };
    let gid = match user.group.as_deref() {
        None => own_group,
        Some(name) => match (Group::from_name(name).ok().flatten(), name.parse::<u32>()) {
            (Some(found), _) => found.gid.as_raw(),
            (None, Ok(number)) => number,
            (None, Err(_)) => return Err(unknown(name)),
        },
    };
    Ok(Identity { uid, gid })
}

fn default_identity() -> Option<Identity> {
    let user = User::from_name(DEFAULT_USER).ok().flatten()?;
    Some(Identity { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
}

/// As a shell finds it. What is nowhere is left as it is: running it will say so.
fn search(name: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_else(|_| DEFAULT_PATH.to_owned());
    let candidates = path.split(':').filter(|part| !part.is_empty()).map(|part| Path::new(part).join(name));
    let runs = |file: &PathBuf| {
        file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    candidates.into_iter().find(runs).unwrap_or_else(|| PathBuf::from(name))
}

/// The first part of a path that somebody other than root may change.
fn changeable_part(path: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok()?;
    let mut parts: Vec<&Path> = real.ancestors().collect();
    parts.reverse();
    let changeable =
        |part: &&Path| part.metadata().is_ok_and(|found| others_may_change(found.uid(), found.mode()));
    parts.into_iter().find(changeable).map(Path::to_owned)
}

fn others_may_change(owner: u32, mode: u32) -> bool {
    const STICKY: u32 = 0o1000;
    owner != 0 || (mode & 0o022 != 0 && mode & STICKY == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_root_runs_belongs_to_root_and_is_written_by_root_alone() {
        for (owner, mode, changeable) in
            [(0, 0o755, false), (0, 0o775, true), (0, 0o757, true), (0, 0o1777, false), (1000, 0o755, true)]
        {
            assert_eq!(others_may_change(owner, mode), changeable, "{owner} {mode:o}");
        }
    }

    #[test]
    fn bare_names_are_searched_and_unknown_ones_stay() {
        assert!(search("sh").is_absolute());
        assert_eq!(search("no-such-program-anywhere"), PathBuf::from("no-such-program-anywhere"));
    }

    #[test]
    fn users_have_names_or_numbers() {
        let user = |user: &str, group: Option<&str>| ScriptUser {
            user: user.to_owned(),
            group: group.map(str::to_owned),
            supplementary: false,
        };
        assert_eq!(identity(&user("root", None)), Ok(Identity { uid: 0, gid: 0 }));
        assert_eq!(identity(&user("4711", Some("4712"))), Ok(Identity { uid: 4711, gid: 4712 }));
        assert_eq!(
            identity(&user("no such user", None)),
            Err(ProgramError::NoUser("no such user".to_owned()))
        );
    }
}
