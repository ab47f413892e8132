//! What a configuration may look at outside its own text: variables and the files it names.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Environment variables, and the files that directives such as `errorfile` name.
///
/// A program passes [`ProcessEnvironment`], a test [`FixedEnvironment`].
pub trait Environment {
    /// The value of the variable, `None` when it is not set (which is not the same as empty).
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of a file that a directive names.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The variables of this process and the file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// Variables and files given by the caller; nothing else exists.
#[derive(Debug, Clone, Default)]
pub struct FixedEnvironment {
    variables: BTreeMap<String, String>,
    files: BTreeMap<String, Vec<u8>>,
}

impl FixedEnvironment {
    /// No variables, no files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a variable.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Makes a file exist.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }
}

impl Environment for FixedEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files
            .get(path.to_string_lossy().as_ref())
            .cloned()
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }
}
