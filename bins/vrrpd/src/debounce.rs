//! `interface_up_down_delays`: an interface that goes down or comes up for a moment has not changed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use config::keepalived::InterfaceDelay;

/// What interfaces count as, by name.
#[derive(Debug, Default)]
pub(crate) struct Debounce {
    delays: BTreeMap<String, Delays>,
    links: BTreeMap<String, Settled>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delays {
    down: Duration,
    up: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Settled {
    up: bool,
    /// When it counts as the opposite, if it stays so until then.
    turns_at: Option<Instant>,
}

impl Debounce {
    /// Takes over what a configuration says. Delays that run go on.
    pub(crate) fn configure(&mut self, delays: &[InterfaceDelay]) {
        let each =
            delays.iter().map(|delay| (delay.interface.clone(), Delays { down: delay.down, up: delay.up }));
        self.delays = each.collect();
        self.links.retain(|name, _| self.delays.contains_key(name));
    }

    /// Whether an interface that is `up` now counts as up. The first time it counts as what it is.
    pub(crate) fn judge(&mut self, now: Instant, name: &str, up: bool) -> bool {
        let Some(delays) = self.delays.get(name) else { return up };
        let link = self.links.entry(name.to_owned()).or_insert(Settled { up, turns_at: None });
        if link.up == up {
            link.turns_at = None;
            return up;
        }
        let delay = if up { delays.up } else { delays.down };
        let turns_at = *link.turns_at.get_or_insert(now + delay);
        if turns_at <= now {
            *link = Settled { up, turns_at: None };
        }
        link.up
    }

    /// When to judge again.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.links.values().filter_map(|link| link.turns_at).min()
    }
}

#[cfg(test)]
mod tests {
    use config::source::{FileId, Span};

    use super::*;

    #[test]
    fn what_does_not_last_has_not_happened() {
        let mut debounce = Debounce::default();
        let span = Span::new(FileId(0), 0..0);
        let (down, up) = (Duration::from_secs(2), Duration::from_secs(5));
        debounce.configure(&[InterfaceDelay { interface: "eth0".to_owned(), down, up, span }]);
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        // second, is up, counts as up, to be judged again
        for (second, is_up, counts, again) in [
            (0, true, true, None),
            (1, false, true, Some(3)),
            (2, true, true, None),
            (3, false, true, Some(5)),
            (4, false, true, Some(5)),
            (5, false, false, None),
            (6, true, false, Some(11)),
            (10, true, false, Some(11)),
            (11, true, true, None),
        ] {
            assert_eq!(debounce.judge(at(second), "eth0", is_up), counts, "{second}");
            assert_eq!(debounce.next(), again.map(at), "{second}");
        }
        assert!(!debounce.judge(at(12), "eth1", false));
    }
}
