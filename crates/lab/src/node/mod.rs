//! A node: one process that is pid 1 of its own network, pid, mount and UTS namespaces, and the handle to it.

mod agent;
mod client;
mod events;
mod init;
mod launcher;
mod processes;
pub(crate) mod protocol;

pub use client::{Node, Process};
pub(crate) use client::{listen_to, stream};
pub use protocol::{Exit, NodeChange, NodeEvent, Signal, Target};

use crate::{app_server, knock, probe, switch, watch};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The hidden first argument by which a lab program recognises itself inside a lab.
pub(crate) const ROLE: &str = "lab-node";

/// This executable, as each process of a lab can start it again.
pub(crate) const SELF: &str = "/proc/self/exe";

/// Runs this process's part of a lab, if it was started as one; call it first thing in `main`, before any thread exists.
///
/// A lab starts its own executable again for each namespace, because `fork` without `exec` is not safe in Rust.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     if let Some(code) = lab::node_main() {
///         return code;
///     }
///     // ... the program itself
///     ExitCode::SUCCESS
/// }
/// ```
#[must_use]
pub fn node_main() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ROLE {
        return None;
    }
    let words: Vec<OsString> = arguments.collect();
    let text: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let code = match text.as_slice() {
        ["launch-switch", dir] => launcher::launch_switch(dir),
        ["switch", dir] => switch::run(PathBuf::from(dir)),
        ["launch", name, dir] => launcher::launch_node(name, dir),
        ["init", name, dir] => init::run(name, &PathBuf::from(dir)),
        ["app", name, listen, sick] => app_server::run(name, listen, PathBuf::from(sick)),
        ["probe", settings] => probe::run(settings),
        ["watch", path] => watch::run(Path::new(path)),
        ["answer", name] => knock::run_answer(name),
        ["knock", vip, path] => knock::run_knock(vip, Path::new(path)),
        _ => ExitCode::from(2),
    };
    Some(code)
}
