//! Addresses that somebody else removes again and again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use vip_netlink::AddressKey;

/// Removals that are answered at once: a hand removes an address once or twice.
const BURST: u32 = 5;
/// A fight is over when nothing was removed for so long.
const PEACE: Duration = Duration::from_secs(10);

/// Who fights over an address puts it back once in a while, and not a thousand times a second: each time announces it to
/// the whole network.
#[derive(Debug, Default)]
pub(crate) struct Fights(BTreeMap<AddressKey, Fight>);

#[derive(Debug, Clone, Copy)]
struct Fight {
    last: Instant,
    removals: u32,
}

impl Fights {
    /// The address was removed at `now`: whether to put it back at once.
    pub(crate) fn admit(&mut self, key: AddressKey, now: Instant) -> bool {
        self.0.retain(|_, fight| now < fight.last + PEACE);
        let fight = self.0.entry(key).or_insert(Fight { last: now, removals: 0 });
        fight.last = now;
        fight.removals = fight.removals.saturating_add(1);
        fight.removals <= BURST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_answered_at_once_and_a_fight_is_not() {
        let mut fights = Fights::default();
        let start = Instant::now();
        let key = |host: u8| AddressKey::new(2, [192, 0, 2, host].into(), 32);
        let at = |millis: u64| start + Duration::from_millis(millis);
        let admitted = (0..30_000).step_by(100).filter(|&millis| fights.admit(key(10), at(millis))).count();
        assert_eq!(admitted, 5);
        assert!(fights.admit(key(11), at(30_000)), "another address has its own count");
        assert!(!fights.admit(key(10), at(39_899)));
        assert!(fights.admit(key(10), at(49_899)), "it is over");
    }
}
