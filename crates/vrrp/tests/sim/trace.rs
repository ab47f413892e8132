//! What happened, readable.

use std::fmt;
use std::time::Duration;

use vrrp::{Action, Advertised};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// A fault or an operator.
    Event(String),
    Heard {
        from: usize,
        advertised: Advertised,
    },
    Did(Action),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) at: Duration,
    pub(crate) host: usize,
    pub(crate) segment: usize,
    pub(crate) entry: Entry,
}

/// One column for each host; a second segment is marked with a quote.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = self.host * 4;
        let segment = "'".repeat(self.segment);
        write!(f, "{:>12.6}  {:indent$}#{}{segment} ", self.at.as_secs_f64(), "", self.host)?;
        match &self.entry {
            Entry::Event(text) => write!(f, "** {text}"),
            Entry::Heard { from, advertised } => write!(f, "hears {advertised} from #{from}"),
            Entry::Did(Action::Transmit(advertisement)) => {
                write!(f, "TRANSMIT {}", advertisement.advertised())
            }
            Entry::Did(Action::InstallVips { addresses }) => write!(f, "INSTALL {addresses:?}"),
            Entry::Did(Action::RemoveVips { addresses }) => write!(f, "REMOVE {addresses:?}"),
            Entry::Did(Action::Announce { addresses }) => write!(f, "ANNOUNCE {addresses:?}"),
            Entry::Did(Action::Transitioned { from, to, cause }) => {
                write!(f, "== {from:?} to {to:?}: {cause:?}")
            }
            Entry::Did(Action::SplitBegan { rival }) => write!(f, "SPLIT {rival:?}"),
            Entry::Did(Action::SplitEnded) => write!(f, "SPLIT ENDED"),
        }
    }
}
