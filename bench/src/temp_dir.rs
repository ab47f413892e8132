//! A directory for one run.

use std::path::{Path, PathBuf};

use crate::error::BenchError;

/// A new directory, removed with what is in it when this is dropped.
#[derive(Debug)]
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Result<Self, BenchError> {
        let path = std::env::temp_dir().join(format!("bench-proxy-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(BenchError::io("cannot make a temporary directory"))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What stays is in the temporary directory: not worth failing a run for.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
