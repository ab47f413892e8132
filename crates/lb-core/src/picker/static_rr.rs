//! Round robin over a table that is built anew after each change of rotation or weights.

use super::turn_table::turn_table;
use crate::server::{Server, ServerId};
use crate::tried::Tried;

#[derive(Debug, Clone, Default)]
pub(crate) struct StaticRr {
    table: Option<Vec<ServerId>>,
    next: usize,
}

impl StaticRr {
    /// Makes the next pick build the table anew.
    pub(super) fn invalidate(&mut self) {
        self.table = None;
    }

    /// The next open server in the table that has not been tried.
    pub(super) fn pick(&mut self, servers: &[Server], tried: &Tried) -> Option<ServerId> {
        let table = self.table.get_or_insert_with(|| turn_table(servers));
        let start = self.next;
        for step in 0..table.len() {
            let turn = (start + step) % table.len();
            let id = table[turn];
            if servers[id.index()].open && !tried.contains(id) {
                self.next = turn + 1;
                return Some(id);
            }
        }
        None
    }
}
