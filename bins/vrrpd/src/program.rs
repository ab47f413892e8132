//! A program that the configuration names: what is run, as whom, and whether that is safe.

use std::ffi::{CString, OsStr};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use config::keepalived::{Command, GlobalDefs, ScriptUser};
use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, getgrouplist};

use crate::sys;

/// The user that scripts without one of their own run as, where it exists.
const DEFAULT_USER: &str = "keepalived_script";
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// They would act on whatever runs as root, or speak to the service manager in our name.
const DANGEROUS_VARIABLES: [&str; 10] = [
    "IFS",
    "CDPATH",
    "ENV",
    "BASH_ENV",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
];
/// Whatever begins like this changes what the dynamic linker loads.
const LINKER: &[u8] = b"LD_";

/// Why a program is never run. A check that cannot be run has failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProgramError {
    /// No such user or group.
    #[error("there is no user or group `{0}`")]
    NoUser(String),
    /// `enable_script_security`, and somebody else could change what root would run.
    #[error("it would run as root, and {0}; or name a `script_user`")]
    Unsafe(Hazard),
}

/// The part of a path that somebody other than root may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hazard {
    /// Who owns it, changes it.
    Owner { part: PathBuf, owner: u32 },
    /// Its group, or everybody, may write it.
    Writable { part: PathBuf, by: &'static str },
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner { part, owner } => {
                let part = part.display();
                let name = User::from_uid(Uid::from_raw(*owner)).ok().flatten().map(|user| user.name);
                let owner = name.unwrap_or_else(|| owner.to_string());
                write!(f, "{part} belongs to {owner}: `chown root {part}`")
            }
            Self::Writable { part, by } => {
                let part = part.display();
                write!(f, "{by} may change {part}: `chmod go-w {part}`")
            }
        }
    }
}

/// A program with its arguments, and whom it runs as. There is no shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    /// `None`: as ourselves.
    identity: Option<Identity>,
    hazard: Option<Hazard>,
}

/// Whom a program runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    /// Supplementary groups.
    pub(crate) groups: Vec<Gid>,
}

impl Program {
    /// Finds the program and the user.
    pub(crate) fn resolve(command: &Command, global: &GlobalDefs) -> Result<Self, ProgramError> {
        let (word, arguments) = command.argv.split_first().expect("a command has at least one word");
        let identity = match command.user.as_ref().or(global.script_user.as_ref()) {
            Some(user) => Some(identity(user, global.set_supplementary_groups)?),
            None => default_identity(global.set_supplementary_groups),
        };
        let path = if word.contains('/') { PathBuf::from(word) } else { search(word) };
        let as_root = identity.as_ref().is_none_or(|identity| identity.uid.is_root()) && geteuid().is_root();
        let hazard = if as_root { hazard(&path) } else { None };
        if let (true, Some(hazard)) = (global.enable_script_security, &hazard) {
            return Err(ProgramError::Unsafe(hazard.clone()));
        }
        // Being whom we are already needs no privileges.
        let ourselves = Identity { uid: geteuid(), gid: getegid(), groups: Vec::new() };
        let identity = identity.filter(|identity| *identity != ourselves);
        Ok(Self { path, arguments: arguments.to_vec(), identity, hazard })
    }

    /// The program's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What makes it unsafe to run it as root, if it runs as root.
    pub(crate) fn hazard(&self) -> Option<&Hazard> {
        self.hazard.as_ref()
    }

    /// Starts it, with these arguments after its own. See [`Self::command`].
    pub(crate) fn spawn(&self, more: &[String]) -> io::Result<tokio::process::Child> {
        tokio::process::Command::from(self.command(more)).spawn()
    }

    /// It runs in a process group of its own, without real-time priority, and is told to end when the thread that has
    /// started it ends.
    pub(crate) fn command(&self, more: &[String]) -> std::process::Command {
        let mut command = std::process::Command::new(&self.path);
        command.args(&self.arguments).args(more).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let linker =
            std::env::vars_os().map(|(name, _)| name).filter(|name| name.as_bytes().starts_with(LINKER));
        for variable in linker.chain(DANGEROUS_VARIABLES.map(|name| OsStr::new(name).to_owned())) {
            command.env_remove(variable);
        }
        sys::prepare(&mut command, self.identity.clone());
        command
    }
}

fn identity(user: &ScriptUser, supplementary: bool) -> Result<Identity, ProgramError> {
    let unknown = |name: &str| ProgramError::NoUser(name.to_owned());
    let found = User::from_name(&user.user).ok().flatten();
    let (uid, own_group) = match (&found, user.user.parse::<u32>()) {
        (Some(found), _) => (found.uid, found.gid),
        (None, Ok(number)) => (Uid::from_raw(number), Gid::from_raw(number)),
        (None, Err(_)) => return Err(unknown(&user.user)),
    };
    let gid = match user.group.as_deref() {
        None => own_group,
        Some(name) => match (Group::from_name(name).ok().flatten(), name.parse::<u32>()) {
            (Some(found), _) => found.gid,
            (None, Ok(number)) => Gid::from_raw(number),
            (None, Err(_)) => return Err(unknown(name)),
        },
    };
    let named = found.filter(|_| supplementary || user.supplementary);
    let groups = named.map(|found| groups_of(&found.name, gid)).unwrap_or_default();
    Ok(Identity { uid, gid, groups })
}

fn default_identity(supplementary: bool) -> Option<Identity> {
    let user = User::from_name(DEFAULT_USER).ok().flatten()?;
    let groups = if supplementary { groups_of(&user.name, user.gid) } else { Vec::new() };
    Some(Identity { uid: user.uid, gid: user.gid, groups })
}

fn groups_of(user: &str, gid: Gid) -> Vec<Gid> {
    CString::new(user).ok().and_then(|user| getgrouplist(&user, gid).ok()).unwrap_or_default()
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

/// The first part that somebody other than root may change: of the path as it is written, and of where its links lead.
fn hazard(path: &Path) -> Option<Hazard> {
    let real = path.canonicalize().ok()?;
    let parts = |path: &Path| -> Vec<PathBuf> {
        let mut parts: Vec<PathBuf> = path.ancestors().map(Path::to_owned).collect();
        parts.reverse();
        parts
    };
    let judged = |part: PathBuf| {
        let found = part.metadata().ok()?;
        judge(part, found.uid(), found.mode())
    };
    parts(path).into_iter().chain(parts(&real)).find_map(judged)
}

/// Whether others than root may change a file or directory of this owner and mode. In a sticky directory nobody can
/// replace what is root's.
fn judge(part: PathBuf, owner: u32, mode: u32) -> Option<Hazard> {
    const STICKY: u32 = 0o1000;
    if owner != 0 {
        return Some(Hazard::Owner { part, owner });
    }
    let writable = mode & 0o022 != 0 && mode & STICKY == 0;
    let by = if mode & 0o002 != 0 { "everybody" } else { "its group" };
    writable.then_some(Hazard::Writable { part, by })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_root_runs_belongs_to_root_and_is_written_by_root_alone() {
        let part = || PathBuf::from("/opt/x");
        for (owner, mode, said) in [
            (0, 0o755, None),
            (0, 0o1777, None),
            (0, 0o775, Some("its group may change /opt/x: `chmod go-w /opt/x`")),
            (0, 0o757, Some("everybody may change /opt/x: `chmod go-w /opt/x`")),
            (4_000_000_000, 0o755, Some("/opt/x belongs to 4000000000: `chown root /opt/x`")),
        ] {
            let said = said.map(str::to_owned);
            assert_eq!(judge(part(), owner, mode).map(|hazard| hazard.to_string()), said, "{owner} {mode:o}");
        }
    }

    #[test]
    fn the_path_as_written_is_looked_at_and_where_its_links_lead() {
        let directory = std::env::temp_dir().join(format!("vrrpd-program-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).unwrap();
        let link = directory.join("sh");
        std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
        std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o777)).unwrap();
        let found = hazard(&link);
        std::fs::remove_dir_all(&directory).unwrap();
        let part = match found {
            Some(Hazard::Owner { part, .. } | Hazard::Writable { part, .. }) => part,
            None => panic!("the directory of the link can be written by everybody"),
        };
        // Of somebody who is not root, the directory for temporary files may itself be the first such part.
        assert!(directory.starts_with(part));
    }

    #[tokio::test]
    async fn a_program_gets_a_clean_environment_and_no_blocked_signal() {
        let span = config::source::Span::new(config::source::FileId(0), 0..0);
        let text = "test -z \"$NOTIFY_SOCKET$BASH_ENV\" && grep -q '^SigBlk:.0*$' /proc/self/status";
        let argv = ["/bin/sh", "-c", text].map(str::to_owned).to_vec();
        let command = Command { raw: String::new(), argv, user: None, span };
        let global = GlobalDefs { script_user: Some(ourselves()), ..GlobalDefs::default() };
        let program = Program::resolve(&command, &global).unwrap();
        let mut command = program.command(&[]);
        let removed: Vec<_> = command
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name.to_owned())
            .collect();
        assert!(removed.iter().any(|name| name == "BASH_ENV"));
        assert!(command.status().unwrap().success());
    }

    fn ourselves() -> ScriptUser {
        ScriptUser { user: geteuid().to_string(), group: Some(getegid().to_string()), supplementary: false }
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
        let plain = |uid: u32, gid: u32| {
            Ok(Identity { uid: Uid::from_raw(uid), gid: Gid::from_raw(gid), groups: Vec::new() })
        };
        assert_eq!(identity(&user("root", None), false), plain(0, 0));
        assert_eq!(identity(&user("4711", Some("4712")), false), plain(4711, 4712));
        assert_eq!(
            identity(&user("no such user", None), false),
            Err(ProgramError::NoUser("no such user".to_owned()))
        );
        let with_groups = ScriptUser { supplementary: true, ..user("root", None) };
        assert!(identity(&with_groups, false).unwrap().groups.contains(&Gid::from_raw(0)));
    }
}
