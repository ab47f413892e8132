//! A server for each client address.

use super::Found;
use super::turn_table::turn_table;
use crate::server::{Server, ServerId};
use crate::tried::Tried;
use std::net::IpAddr;

/// The number by which `balance source` maps a client to a server: an IPv4 address itself, the 32-bit words
/// of an IPv6 address folded together. An IPv4 client counts the same behind a dual-stack listener.
pub fn source_hash(address: &IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let word = |shift: u32| (bits >> shift) as u32;
            u64::from(word(0) ^ word(32) ^ word(64) ^ word(96))
        }
    }
}

/// Maps a hash onto a table of turns, `hash modulo total weight`: a client keeps its server as long as the
/// servers in rotation stay the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source {
    table: Option<Vec<ServerId>>,
}

impl Source {
    /// Makes the next pick build the table anew.
    pub(super) fn invalidate(&mut self) {
        self.table = None;
    }

    /// The server of this hash: to wait for if it is saturated; the one after it in the table if it has
    /// been tried or its queue is full.
    pub(super) fn pick(&mut self, servers: &[Server], tried: &Tried, hash: u64) -> Found {
        let table = self.table.get_or_insert_with(|| turn_table(servers));
        let Some(start) = hash.checked_rem(table.len() as u64) else { return Found::Nothing };
        let (before, after) = table.split_at(start as usize);
        for &id in after.iter().chain(before) {
            let server = &servers[id.index()];
            if tried.contains(id) {
                continue;
            }
            if server.open {
                return Found::Server(id);
            }
            if !server.is_queue_full() {
                return Found::WaitFor(id);
            }
        }
        Found::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv4_client_is_the_same_behind_a_dual_stack_listener() {
        let plain: IpAddr = "192.0.2.7".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        assert_eq!(source_hash(&plain), 0xc000_0207);
        assert_eq!(source_hash(&mapped), source_hash(&plain));
    }

    #[test]
    fn all_words_of_an_ipv6_address_count() {
        let address: IpAddr = "1:0:2:0:4:0:8:0".parse().unwrap();
        assert_eq!(source_hash(&address), 0x000f_0000);
    }
}
