//! What happens to the pair.

use super::conf::Conf;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What happens to node 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The far end of its cable goes down: it sees the loss of carrier.
    Carrier,
    /// Every process of its daemon is killed at once.
    Kill9All,
    /// The last process of its daemon is killed: the one that does the work.
    Kill9Child,
    /// The first process of its daemon is killed: the one that watches the others.
    Kill9Main,
    /// Its cable is pulled and every process of its daemon is killed.
    Kill9Node,
    /// Its interface is taken down from inside.
    LinkdownLocal,
    /// Nothing passes its switch port any more; it sees nothing of that.
    Partition,
    /// After a partition in which both nodes were MASTER, the port passes again. It is node 1 that is to serve.
    Heal,
    /// Its load balancer is killed.
    ScriptFail,
    /// Every process of its daemon is stopped (SIGSTOP).
    Sigstop,
    /// Its daemon is asked to end (SIGTERM).
    Term,
    /// Its daemon is started again after that, and takes the role back.
    Return,
    /// The virtual address is removed from it by hand.
    Vipdel,
    /// Its daemon starts, alone.
    Start,
}

impl Event {
    /// Its name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Carrier => "carrier",
            Self::Kill9All => "kill9_all",
            Self::Kill9Child => "kill9_child",
            Self::Kill9Main => "kill9_main",
            Self::Kill9Node => "kill9_node",
            Self::LinkdownLocal => "linkdown_local",
            Self::Partition => "partition",
            Self::Heal => "heal",
            Self::ScriptFail => "script_fail",
            Self::Sigstop => "sigstop",
            Self::Term => "term",
            Self::Return => "return",
            Self::Vipdel => "vipdel",
            Self::Start => "start",
        }
    }

    /// The node that is to serve afterwards.
    pub(crate) const fn winner(self) -> usize {
        match self {
            Self::Heal | Self::Return | Self::Vipdel | Self::Start => 1,
            _ => 2,
        }
    }

    /// How long the pair is watched afterwards.
    pub(crate) fn watch(self, conf: Conf) -> Duration {
        const MARGIN: Duration = Duration::from_millis(700);
        let more = match self {
            // A script every 2 s that fails twice.
            Self::ScriptFail => Duration::from_secs(4),
            // The shortest lease is 2 s, and the kernel takes up to 0.3 s more.
            Self::Kill9All | Self::Kill9Child | Self::Kill9Main | Self::Kill9Node | Self::Sigstop => {
                Duration::from_millis(2_300).saturating_sub(conf.down_interval())
            }
            // A Linux client believes in a neighbour for 5 s before it asks again.
            Self::Heal => Duration::from_millis(6_000).saturating_sub(conf.down_interval()),
            _ => Duration::ZERO,
        };
        conf.down_interval() + more + MARGIN
    }
}
