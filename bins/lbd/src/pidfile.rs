//! The file that tells others the process id.

use std::path::{Path, PathBuf};

/// A pid file, removed when the process ends in order.
#[derive(Debug)]
pub(crate) struct PidFile(PathBuf);

impl PidFile {
    /// Writes the id of this process. One that an earlier process left is overwritten.
    pub(crate) fn write(path: &Path) -> std::io::Result<Self> {
        std::fs::write(path, format!("{}\n", std::process::id())).map_err(|e| {
            std::io::Error::new(e.kind(), format!("cannot write the pid file {}: {e}", path.display()))
        })?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another process may have removed it, or taken the privilege to.
        let _ = std::fs::remove_file(&self.0);
    }
}
