//! One table for two daemons: the same faults at the same moments, for `vrrpd` and for keepalived.
//!
//! Each run of a [`Cell`] is a network of its own: two nodes with the same daemon, a client that sends the virtual address a
//! datagram every 5 ms, and watchers of both nodes' cables. A fault falls at a chosen part of an advertisement interval,
//! spread over the runs, so that both daemons meet the same moments and their medians can be compared.

mod conf;
mod event;
mod measure;
mod play;
mod table;

pub use conf::Conf;
pub use event::Event;
pub use measure::Measured;
pub use play::{play, play_pair};
pub use table::{Matrix, Row, Verdict};

use crate::peers::Router;
use serde::{Deserialize, Serialize};

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// What the two nodes are configured with.
    pub conf: Conf,
    /// What happens.
    pub event: Event,
    /// The daemon on both nodes.
    pub router: Router,
}

/// What was played once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The line it belongs to.
    pub cell: Cell,
    /// The numbers, or why there are none.
    pub result: Result<Measured, String>,
}

/// All lines, those of the two daemons next to each other.
#[must_use]
pub fn cells() -> Vec<Cell> {
    let pairs = Conf::ALL.into_iter().flat_map(|conf| conf.events().iter().map(move |&event| (conf, event)));
    let both = [Router::Keepalived, Router::Vrrpd];
    pairs
        .flat_map(|(conf, event)| both.map(|router| Cell { conf, event, router }))
        .filter(|cell| cell.router == Router::Vrrpd || !cell.conf.is_ours_alone())
        .collect()
}

impl Cell {
    /// `article/term`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.conf.name(), self.event.name())
    }

    /// Whether `word` is its name, or that of its configuration or its event.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        word == self.conf.name() || word == self.event.name() || word == self.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_stands_beside_the_other_daemons_unless_it_cannot() {
        let all = cells();
        for cell in &all {
            let twin = Cell { router: Router::Keepalived, ..*cell };
            assert_eq!(all.contains(&twin), !cell.conf.is_ours_alone(), "{}", cell.name());
        }
    }

    #[test]
    fn a_line_is_called_by_its_name_and_by_both_halves_of_it() {
        let cell = Cell { conf: Conf::V3Fast, event: Event::Term, router: Router::Vrrpd };
        for (word, is) in [("v3fast", true), ("term", true), ("v3fast/term", true), ("v3fast/start", false)] {
            assert_eq!(cell.is_called(word), is, "{word}");
        }
    }
}
