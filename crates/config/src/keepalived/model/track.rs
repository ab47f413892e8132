//! What can be tracked, and the lines that track it.

use std::path::PathBuf;
use std::time::Duration;

use super::Command;
use crate::source::Span;

/// `vrrp_script NAME`: a program whose exit status is a health.
#[derive(Debug, Clone, PartialEq)]
pub struct VrrpScript {
    /// The name that `track_script` uses.
    pub name: String,
    /// `script` (required) with `user`.
    pub script: Command,
    /// `script "</PATH"`: nothing is run, and whether this file can be opened is the result. Then [`Self::script`] has no
    /// words.
    pub opens: Option<PathBuf>,
    /// `interval` from start to start, above zero; default 1 s.
    pub interval: Duration,
    /// `timeout` until a run counts as failed, above zero; default: the interval.
    pub timeout: Duration,
    /// `weight`, −253 to 253; 0 (the default): failing is a FAULT.
    pub weight: i16,
    /// `weight N reverse`: passing counts as failing and the other way round.
    pub reverse: bool,
    /// `rise`: passes in a row that make it pass; default 1.
    pub rise: u32,
    /// `fall`: failures in a row that make it fail; default 1.
    pub fall: u32,
    /// `init_fail`: failed until it has passed.
    pub init_fail: bool,
    /// `vrrp_script NAME` in the file.
    pub span: Span,
}

/// `vrrp_track_process NAME`: processes that must run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackProcess {
    /// The name that `track_process` uses.
    pub name: String,
    /// `process`: the name or path of the program (required).
    pub process: String,
    /// The arguments after it.
    pub arguments: Vec<String>,
    /// `param_match`: how the arguments are compared.
    pub param_match: ParamMatch,
    /// `weight`, −254 to 254; 0 (the default): too few processes are a FAULT.
    pub weight: i16,
    /// `weight N reverse`.
    pub reverse: bool,
    /// `quorum`: at least this many processes, default 1.
    pub quorum: u32,
    /// `quorum_max`: at most this many. `None`: any number.
    pub quorum_max: Option<u32>,
    /// `fork_delay` or `delay`: how long a new process must live to count.
    pub fork_delay: Duration,
    /// `terminate_delay` or `delay`: how long a process may be gone before it counts.
    pub terminate_delay: Duration,
    /// `full_command`: compare the command line, not the kernel's 15-character name. Implied by arguments.
    pub full_command: bool,
    /// `vrrp_track_process NAME` in the file.
    pub span: Span,
}

/// How the arguments of a process are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamMatch {
    /// Not at all.
    Ignored,
    /// All must be equal.
    Exact,
    /// The first ones must be equal.
    Initial,
    /// The first ones must be equal, and the last of them may be the start of a longer one.
    Partial,
}

/// `vrrp_track_file NAME`: a file with a number in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackFile {
    /// The name that `track_file` in an instance uses.
    pub name: String,
    /// `file` (required).
    pub file: PathBuf,
    /// `weight` by which the number is multiplied, −254 to 254, default 1; 0: a number other than 0 is a FAULT.
    pub weight: i16,
    /// `weight N reverse`.
    pub reverse: bool,
    /// `init_file`: make the file at the start.
    pub init_file: Option<InitFile>,
    /// `vrrp_track_file NAME` in the file.
    pub span: Span,
}

/// `init_file [VALUE] [overwrite]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitFile {
    /// The number to write, default 0.
    pub value: i32,
    /// Whether to replace what is there.
    pub overwrite: bool,
}

/// One line of `track_script`, `track_interface`, `track_file` or `track_process`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// The script, interface, file or process.
    pub name: String,
    /// The weight: the line's own or that of the object, −253 to 253 (254 for processes and files). 0: failing is a
    /// FAULT. Above 0: added while well. Below 0: subtracted while failing. For files: the factor of the number.
    pub weight: i16,
    /// `reverse`: well and failing exchanged.
    pub reverse: bool,
    /// Where it is written.
    pub span: Span,
}

/// `track_lbd` (ours): acts on the death, a hang or the draining of lbd within milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackLbd {
    /// `socket`: lbd's heartbeat socket, default `/run/lbd/heartbeat.sock`.
    pub socket: PathBuf,
    /// `weight`, −253 to 253; 0 (the default): an lbd that is not ready is a FAULT.
    pub weight: i16,
    /// `timeout`: how long a beat may be missing, default 80 ms.
    pub timeout: Duration,
    /// Where it is written.
    pub span: Span,
}
