//! Why a measurement could not be made.

use std::io;
use std::path::PathBuf;

/// What stops a run. A wrong response does not: it is a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: io::Error,
    },
    #[error(
        "cannot run {program}: {source}; on Debian: apt install wrk nginx libnginx-mod-stream haproxy strace valgrind"
    )]
    Program {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("interrupted")]
    Interrupted,
    #[error("{program} did not end in time")]
    Overdue { program: String },
    #[error("{program} failed ({status}):\n{output}")]
    Failed { program: String, status: String, output: String },
    #[error("{program} wrote something unexpected:\n{output}")]
    Unreadable { program: String, output: String },
    #[error("{peer} does not listen:\n{log}")]
    Start { peer: String, log: String },
    #[error(transparent)]
    Lab(#[from] lab::Error),
    #[error("{daemon}: {what} did not come about")]
    Vrrp { daemon: &'static str, what: &'static str },
    #[error("no scenario is called {0:?}; `--list` shows them")]
    UnknownScenario(String),
    #[error("a debug build measures nothing: use `cargo bench-proxy`")]
    DebugBuild,
    #[error("{} is missing: build it, or name it with --lbd", .0.display())]
    NoLbd(PathBuf),
    #[error("{}: {reason}", path.display())]
    Baseline { path: PathBuf, reason: String },
}

impl BenchError {
    /// For `map_err` on an I/O operation.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
