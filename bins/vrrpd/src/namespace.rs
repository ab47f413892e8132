//! The network namespace to run in (`net_namespace`, `-s`).

use std::fs::File;
use std::io;
use std::path::Path;

use nix::sched::{CloneFlags, setns};

/// Where `ip netns` keeps them.
const DIRECTORY: &str = "/run/netns";

/// Why a network namespace cannot be entered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NamespaceError {
    #[error("there is no network namespace `{name}` ({source}): make it with `ip netns add {name}`")]
    Missing { name: String, source: io::Error },
    #[error(
        "cannot enter the network namespace `{name}` ({source}): it takes CAP_SYS_ADMIN; in a service, write \
         NetworkNamespacePath={DIRECTORY}/{name} instead"
    )]
    Refused { name: String, source: io::Error },
}

/// Moves this process there, before it has threads or children: everything that it does afterwards, and its scripts, are
/// inside.
pub(crate) fn enter(name: &str) -> Result<(), NamespaceError> {
    let path = Path::new(DIRECTORY).join(name);
    let file =
        File::open(path).map_err(|source| NamespaceError::Missing { name: name.to_owned(), source })?;
    setns(file, CloneFlags::CLONE_NEWNET)
        .map_err(|errno| NamespaceError::Refused { name: name.to_owned(), source: errno.into() })
}
