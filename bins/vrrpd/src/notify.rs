//! Scripts and FIFOs that are told of transitions. Nothing here makes the daemon wait.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use config::keepalived::{Command, GlobalDefs, Notify, NotifyFifo};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tracing::{debug, warn};
use vrrp::{Cause, FaultReason, Rank, Role};

use crate::program::Program;

/// A state in keepalived's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotifyState {
    Master,
    Backup,
    Fault,
    Stop,
    Deleted,
}

impl NotifyState {
    /// What a transition is to be told as; waiting for the first result of a check is not told.
    pub(crate) fn of(to: Role, cause: Cause) -> Option<Self> {
        match (to, cause) {
            (Role::Initialize, Cause::Reconfigured) => Some(Self::Deleted),
            (role, _) => Self::of_role(role),
        }
    }

    /// What a group in this role is to be told as.
    pub(crate) fn of_role(role: Role) -> Option<Self> {
        match role {
            Role::Active => Some(Self::Master),
            Role::Backup => Some(Self::Backup),
            Role::Fault(FaultReason::TrackUnknown(_)) => None,
            Role::Fault(_) => Some(Self::Fault),
            Role::Initialize => Some(Self::Stop),
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Master => "MASTER",
            Self::Backup => "BACKUP",
            Self::Fault => "FAULT",
            Self::Stop => "STOP",
            Self::Deleted => "DELETED",
        }
    }

    fn script(self, notify: &Notify) -> Option<&Command> {
        match self {
            Self::Master => notify.master.as_ref(),
            Self::Backup => notify.backup.as_ref(),
            Self::Fault => notify.fault.as_ref(),
            Self::Stop => notify.stop.as_ref(),
            Self::Deleted => notify.deleted.as_ref(),
        }
    }
}

/// Whom a notification is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    Instance { name: &'a str, rank: Rank },
    Group { name: &'a str },
}

impl<'a> Subject<'a> {
    fn kind(self) -> &'static str {
        match self {
            Self::Instance { .. } => "INSTANCE",
            Self::Group { .. } => "GROUP",
        }
    }

    fn name(self) -> &'a str {
        match self {
            Self::Instance { name, .. } | Self::Group { name } => name,
        }
    }

    /// A group has none.
    fn priority(self) -> u8 {
        match self {
            Self::Instance { rank, .. } => rank.get(),
            Self::Group { .. } => 0,
        }
    }
}

/// Tells.
#[derive(Debug, Default)]
pub(crate) struct Notifier {
    global: GlobalDefs,
    fifos: Vec<Fifo>,
}

#[derive(Debug)]
struct Fifo {
    path: PathBuf,
    file: File,
}

impl Notifier {
    /// Makes and opens the FIFOs, and starts the programs that read them.
    pub(crate) fn new(global: &GlobalDefs) -> Self {
        let wanted = [&global.notify_fifo, &global.vrrp_notify_fifo].into_iter().flatten();
        let fifos = wanted.filter_map(|wanted| match open_fifo(wanted) {
            Ok(fifo) => {
                read_by(wanted, global);
                Some(fifo)
            }
            Err(error) => {
                warn!("notify FIFO {} cannot be opened: {error}", wanted.path.display());
                None
            }
        });
        Self { fifos: fifos.collect(), global: global.clone() }
    }

    /// Takes over what a new configuration says. FIFOs stay as they are unless theirs has changed.
    pub(crate) fn reconfigure(&mut self, global: &GlobalDefs) {
        let fifos = |global: &GlobalDefs| (global.notify_fifo.clone(), global.vrrp_notify_fifo.clone());
        if fifos(&self.global) == fifos(global) {
            self.global = global.clone();
        } else {
            *self = Self::new(global);
        }
    }

    /// The script for this state first, then `notify`, then the FIFOs. A removed instance is told as FAULT unless
    /// `notify_deleted` is there, and the end of a group to its `notify_stop` alone, as in keepalived.
    pub(crate) fn tell(&mut self, subject: Subject<'_>, notify: &Notify, state: NotifyState) {
        let state = match state {
            NotifyState::Deleted if !notify.tell_deleted => NotifyState::Fault,
            state => state,
        };
        if let Some(command) = state.script(notify) {
            self.start(command, &[]);
        }
        if let (Subject::Group { .. }, NotifyState::Stop) = (subject, state) {
            return;
        }
        if let Some(command) = &notify.any {
            self.start(command, &arguments(subject, state.word()));
        }
        self.write(&fifo_line(subject, state.word()));
    }

    /// Another router with a lower priority was heard while MASTER.
    pub(crate) fn tell_lower_priority(&mut self, subject: Subject<'_>, notify: &Notify) {
        if let Some(command) = &notify.master_rx_lower_pri {
            self.start(command, &[]);
        }
        self.write(&fifo_line(subject, "MASTER_RX_LOWER_PRI"));
    }

    /// Another MASTER is there for good, or is gone.
    pub(crate) fn tell_split(&mut self, subject: Subject<'_>, notify: &Notify, began: bool) {
        let event = if began { "SPLIT" } else { "SPLIT_ENDED" };
        if let Some(command) = &notify.split {
            self.start(command, &arguments(subject, event));
        }
        self.write(&fifo_line(subject, event));
    }

    /// `notify_priority_changes`: the priority is another one now.
    pub(crate) fn tell_priority(&mut self, subject: Subject<'_>, notify: &Notify, role: Role) {
        let event = match role {
            Role::Active => "MASTER_PRIORITY",
            Role::Backup => "BACKUP_PRIORITY",
            Role::Fault(_) | Role::Initialize => return,
        };
        if notify.priority_changes {
            self.write(&fifo_line(subject, event));
        }
    }

    /// `fifo_write_vrrp_states_on_reload`: FIFOs hear a state that has not changed.
    pub(crate) fn repeat(&mut self, subject: Subject<'_>, role: Role) {
        if let (true, Some(state)) = (self.global.fifo_write_states_on_reload, NotifyState::of_role(role)) {
            self.write(&fifo_line(subject, state.word()));
        }
    }

    fn write(&mut self, line: &str) {
        for fifo in &mut self.fifos {
            if let Err(error) = fifo.file.write_all(line.as_bytes()) {
                warn!("notify FIFO {} is full or broken, a line is lost: {error}", fifo.path.display());
            }
        }
    }

    fn start(&self, command: &Command, more: &[String]) {
        let program = match Program::resolve(command, &self.global) {
            Ok(program) => program,
            Err(error) => {
                warn!("notify script `{}` is not run: {error}", command.raw);
                return;
            }
        };
        match program.spawn(more) {
            Ok(mut child) => {
                let raw = command.raw.clone();
                tokio::spawn(async move {
                    match child.wait().await {
                        Ok(status) => debug!("notify script `{raw}`: {status}"),
                        Err(error) => warn!("notify script `{raw}`: {error}"),
                    }
                });
            }
            Err(error) => warn!("notify script `{}` cannot be run: {error}", command.raw),
        }
    }
}

/// The words after the command of `notify`.
fn arguments(subject: Subject<'_>, event: &str) -> [String; 4] {
    [subject.kind().to_owned(), subject.name().to_owned(), event.to_owned(), subject.priority().to_string()]
}

fn fifo_line(subject: Subject<'_>, event: &str) -> String {
    format!("{} \"{}\" {event} {}\n", subject.kind(), subject.name(), subject.priority())
}

/// Opened for both ways, it never has to wait for a reader, and outlives one.
fn open_fifo(wanted: &NotifyFifo) -> io::Result<Fifo> {
    match mkfifo(&wanted.path, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    if let Some(user) = &wanted.owner
        && let Some(user) = nix::unistd::User::from_name(&user.user).ok().flatten()
    {
        nix::unistd::chown(&wanted.path, Some(user.uid), Some(user.gid))?;
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(OFlag::O_NONBLOCK.bits());
    Ok(Fifo { path: wanted.path.clone(), file: options.open(&wanted.path)? })
}

fn read_by(wanted: &NotifyFifo, global: &GlobalDefs) {
    let Some(command) = &wanted.script else { return };
    let path = wanted.path.display().to_string();
    Notifier { global: global.clone(), fifos: Vec::new() }.start(command, &[path]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_are_told_in_keepalived_s_words() {
        let instance = Subject::Instance { name: "VI_1", rank: Rank::new(90).unwrap() };
        assert_eq!(arguments(instance, "MASTER"), ["INSTANCE", "VI_1", "MASTER", "90"]);
        assert_eq!(fifo_line(instance, "FAULT"), "INSTANCE \"VI_1\" FAULT 90\n");
        let group = Subject::Group { name: "VG_1" };
        assert_eq!(arguments(group, "BACKUP"), ["GROUP", "VG_1", "BACKUP", "0"]);
        assert_eq!(fifo_line(group, "MASTER"), "GROUP \"VG_1\" MASTER 0\n");
    }

    #[test]
    fn every_role_but_waiting_is_told() {
        let track = vrrp::TrackId(1);
        for (to, cause, state) in [
            (Role::Active, Cause::ActiveDown, Some(NotifyState::Master)),
            (Role::Backup, Cause::Command, Some(NotifyState::Backup)),
            (Role::Fault(FaultReason::TrackDown(track)), Cause::Tracked(track), Some(NotifyState::Fault)),
            (Role::Fault(FaultReason::TrackUnknown(track)), Cause::Command, None),
            (Role::Initialize, Cause::Command, Some(NotifyState::Stop)),
            (Role::Initialize, Cause::Reconfigured, Some(NotifyState::Deleted)),
        ] {
            assert_eq!(NotifyState::of(to, cause), state, "{to:?}");
        }
    }
}
