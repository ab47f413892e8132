//! A round of turns, written down.

use super::round_robin::RoundRobin;
use crate::server::{Server, ServerId};
use crate::tried::Tried;

/// One round over the servers in rotation, in round-robin order, with weights reduced by their common
/// divisor. Empty without servers.
pub(super) fn turn_table(servers: &[Server]) -> Vec<ServerId> {
    let in_rotation = || (0..).map(ServerId).zip(servers).filter(|(_, server)| server.in_rotation);
    let divisor = in_rotation().map(|(_, server)| server.weight).fold(0, common_divisor);
    let mut turns = RoundRobin::default();
    let mut round = 0;
    for (id, server) in in_rotation() {
        let weight = server.weight / divisor;
        turns.insert(id, weight);
        round += usize::from(weight);
    }
    let none = Tried::default();
    (0..round).map_while(|_| turns.pick(&none)).collect()
}

/// The greatest common divisor; 0 is neutral.
fn common_divisor(a: u16, b: u16) -> u16 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
