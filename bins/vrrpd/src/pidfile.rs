//! The process number in a file, for those who want to send signals.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Why there is no process number file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PidFileError {
    /// Another process holds the lock.
    #[error(
        "daemon is already running: another process holds a lock on {}; stop it, or give this one its own file (-p)",
        .0.display()
    )]
    Running(PathBuf),
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file with our process number, locked for as long as this lives and removed after it.
///
/// The lock says whether a daemon runs; the kernel drops it with the process, however that ends. That the file exists,
/// or that a process has the number in it, says nothing: numbers are used again, soon in a container.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    _lock: Flock<File>,
}

impl PidFile {
    pub(crate) fn create(path: &Path) -> Result<Self, PidFileError> {
        let failed = |source| PidFileError::Write { path: path.to_owned(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        let mut lock =
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
                Errno::EWOULDBLOCK => PidFileError::Running(path.to_owned()),
                errno => failed(errno.into()),
            })?;
        lock.set_len(0).map_err(failed)?;
        writeln!(lock, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Nobody depends on it being gone.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_left_over_file_is_no_obstacle_and_a_held_lock_is() {
        let path = std::env::temp_dir().join(format!("vrrpd-pidfile-test-{}", std::process::id()));
        std::fs::write(&path, "1\nand more that an earlier run wrote").unwrap();
        let held = PidFile::create(&path).unwrap();
        let ours = format!("{}\n", std::process::id());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), ours);
        assert!(matches!(PidFile::create(&path), Err(PidFileError::Running(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), ours);
        drop(held);
        assert!(!path.exists());
    }
}
