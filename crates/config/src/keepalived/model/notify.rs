//! Programs, whom they run as, and what they are told.

use std::path::PathBuf;

use crate::source::Span;

/// A FIFO that gets a line for each transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyFifo {
    /// The FIFO; made when absent.
    pub path: PathBuf,
    /// The owner it is made with.
    pub owner: Option<ScriptUser>,
    /// A program to start that reads it; it gets the path as one more argument.
    pub script: Option<Command>,
}

/// Whom a script runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptUser {
    /// The user name (or number).
    pub user: String,
    /// The group name. `None`: the user's own group.
    pub group: Option<String>,
    /// Whether it gets the user's supplementary groups: a `:` before the group.
    pub supplementary: bool,
}

/// A program with its arguments. There is no shell in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The text between the quotes, as written.
    pub raw: String,
    /// The program and its arguments; at least one word.
    pub argv: Vec<String>,
    /// Whom it runs as. `None`: what `script_user` of `global_defs` says.
    pub user: Option<ScriptUser>,
    /// Where it is written.
    pub span: Span,
}

/// Scripts that are told about transitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// `notify_master`
    pub master: Option<Command>,
    /// `notify_backup`
    pub backup: Option<Command>,
    /// `notify_fault`
    pub fault: Option<Command>,
    /// `notify_stop`
    pub stop: Option<Command>,
    /// `notify_deleted`
    pub deleted: Option<Command>,
    /// `notify_deleted`, with or without a script: an instance that a reload removes is told as DELETED, not as FAULT.
    pub tell_deleted: bool,
    /// `notify_priority_changes`: FIFOs are told of changes of the priority.
    pub priority_changes: bool,
    /// `notify_master_rx_lower_pri`
    pub master_rx_lower_pri: Option<Command>,
    /// `notify_split` (ours): another MASTER is there for good, or is gone, with `INSTANCE`, the name, `SPLIT` or `SPLIT_ENDED`
    /// and the priority as four more arguments.
    pub split: Option<Command>,
    /// `notify`: each transition, with `INSTANCE` or `GROUP`, the name, the state and the priority as four more arguments.
    pub any: Option<Command>,
}

impl Notify {
    /// All scripts there are.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        [
            &self.master,
            &self.backup,
            &self.fault,
            &self.stop,
            &self.deleted,
            &self.master_rx_lower_pri,
            &self.split,
            &self.any,
        ]
        .into_iter()
        .flatten()
    }
}
