//! The other routers of a virtual router, as far as they have spoken.

use std::net::IpAddr;
use std::time::Instant;

use crate::interval::AdverInterval;
use crate::units::{Advertised, Rank};
use crate::wire::Checksum;

/// A router that sent valid advertisements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it sends from.
    pub address: IpAddr,
    /// When it was last heard.
    pub last_heard: Instant,
    /// The priority field it sent last.
    pub advertised: Advertised,
    /// The last rank it stated; a resignation does not change it.
    pub rank: Option<Rank>,
    /// The interval it sent last.
    pub interval: AdverInterval,
    /// The checksum form it sent last; tells VRRPv3 routers over IPv4 apart.
    pub checksum: Checksum,
    /// Valid advertisements from it.
    pub adverts: u64,
}

/// The peers heard last, a bounded number of them: anybody on the link can invent addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers(Vec<Peer>);

impl Peers {
    const CAPACITY: usize = 16;

    pub(crate) fn record(
        &mut self,
        now: Instant,
        address: IpAddr,
        advertised: Advertised,
        interval: AdverInterval,
        checksum: Checksum,
    ) {
        let rank = advertised.rank();
        if let Some(peer) = self.0.iter_mut().find(|peer| peer.address == address) {
            let adverts = peer.adverts + 1;
            let rank = rank.or(peer.rank);
            *peer = Peer { address, last_heard: now, advertised, rank, interval, checksum, adverts };
            return;
        }
        if self.0.len() == Self::CAPACITY {
            let oldest = (0..self.0.len()).min_by_key(|&index| self.0[index].last_heard);
            self.0.swap_remove(oldest.expect("a full table is not empty"));
        }
        self.0.push(Peer { address, last_heard: now, advertised, rank, interval, checksum, adverts: 1 });
    }

    pub(crate) fn all(&self) -> &[Peer] {
        &self.0
    }

    /// The best rank that any peer has stated.
    pub(crate) fn best_rank(&self) -> Option<Rank> {
        self.0.iter().filter_map(|peer| peer.rank).max()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;
    use crate::epoch;

    fn record(peers: &mut Peers, at: Instant, host: u8, priority: u8) {
        let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, host));
        peers.record(at, address, Advertised::from(priority), AdverInterval::DEFAULT, Checksum::Keepalived);
    }

    #[test]
    fn a_resignation_keeps_the_rank_stated_before() {
        let mut peers = Peers::default();
        let now = epoch();
        assert_eq!(peers.best_rank(), None);
        record(&mut peers, now, 1, 0);
        assert_eq!(peers.best_rank(), None);
        record(&mut peers, now, 1, 90);
        record(&mut peers, now, 1, 0);
        record(&mut peers, now, 2, 70);
        assert_eq!(peers.best_rank(), Rank::new(90));
        assert_eq!(peers.all()[0].adverts, 3);
    }

    #[test]
    fn invented_peers_push_out_the_oldest_only() {
        let mut peers = Peers::default();
        let now = epoch();
        for host in 1..=200 {
            record(&mut peers, now + Duration::from_millis(host.into()), host, 100);
            record(&mut peers, now + Duration::from_millis(host.into()), 250, 90);
        }
        assert_eq!(peers.all().len(), Peers::CAPACITY);
        assert!(
            peers
                .all()
                .iter()
                .any(|peer| peer.address == Ipv4Addr::new(192, 0, 2, 250) && peer.adverts == 200)
        );
    }
}
