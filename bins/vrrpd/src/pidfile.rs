//! The process number in a file, for those who want to send signals.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

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
    /// The last process to close it gives the lock up.
    lock: File,
    /// A process that was forked off drops its copy, and not the file.
    owner: u32,
}

impl PidFile {
    pub(crate) fn create(path: &Path) -> Result<Self, PidFileError> {
        let failed = |source| PidFileError::Write { path: path.to_owned(), source };
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => PidFileError::Running(path.to_owned()),
            TryLockError::Error(source) => failed(source),
        })?;
        let owner = std::process::id();
        let mut pid_file = Self { path: path.to_owned(), lock, owner };
        pid_file.write(owner)?;
        Ok(pid_file)
    }

    /// Puts another number into the file.
    pub(crate) fn write(&mut self, pid: u32) -> Result<(), PidFileError> {
        let written = self
            .lock
            .set_len(0)
            .and_then(|()| self.lock.rewind())
            .and_then(|()| writeln!(self.lock, "{pid}"));
        written.map_err(|source| PidFileError::Write { path: self.path.clone(), source })
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            // Nobody depends on it being gone.
            let _ = std::fs::remove_file(&self.path);
        }
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
        let mut held = held;
        held.write(7).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "7\n");
        drop(held);
        assert!(!path.exists());
    }
}
