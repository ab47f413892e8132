//! Who else says that a virtual address of ours is theirs.
//!
//! Every address that is held is asked for as it is taken, a second later, and then every ten seconds. Nothing waits for an
//! answer: taking over is never delayed. Claims that nobody asked for are heard, too.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tracing::debug;
use vip_netlink::{AnnounceError, Claim, ClaimListener};
use vrrp::InstanceId;

/// Between two questions.
const PERIOD: Duration = Duration::from_secs(10);
/// The same while somebody answers, or has just claimed the address.
const SUSPICIOUS_PERIOD: Duration = Duration::from_secs(1);
/// A node that hands over answers for the address until it has removed it.
const HAND_OVER: Duration = Duration::from_secs(1);
/// Whoever has not answered until then does not.
const ANSWER: Duration = Duration::from_millis(500);
/// Between two claims to one address that are passed on.
const GAP: Duration = Duration::from_millis(50);
/// Claims that wait for the driver; what is more is dropped, and asked for again.
const BACKLOG: usize = 64;
const PAUSE: Duration = Duration::from_millis(100);

/// A virtual address of a virtual router.
pub(crate) type Holder = (InstanceId, IpAddr);

/// What is held, and who else answers for it.
#[derive(Debug)]
pub(crate) struct Claims {
    inbox: mpsc::Receiver<Claim>,
    /// What the listener lets through.
    addresses: Arc<Mutex<BTreeSet<IpAddr>>>,
    held: BTreeMap<Holder, Watch>,
}

#[derive(Debug, Clone, Copy)]
struct Watch {
    since: Instant,
    ask_at: Instant,
    /// When the answer is due.
    answer_by: Option<Instant>,
    /// When somebody last claimed the address; he is believed until a question stays unanswered.
    claimed: Option<Instant>,
}

impl Claims {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self, AnnounceError> {
        let listener = ClaimListener::open()?;
        let (outbox, inbox) = mpsc::channel(BACKLOG);
        let addresses = Arc::<Mutex<BTreeSet<IpAddr>>>::default();
        let wanted = Arc::clone(&addresses);
        tokio::spawn(async move {
            loop {
                match listener.next().await {
                    // The network is full of claims to other addresses.
                    Ok(claim) if lock(&wanted).contains(&claim.address) => match outbox.try_send(claim) {
                        Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => {}
                        Err(mpsc::error::TrySendError::Closed(_)) => return,
                    },
                    Ok(_) => {}
                    Err(error) => {
                        debug!("claims are not heard: {error}");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
        Ok(Self { inbox, addresses, held: BTreeMap::new() })
    }

    /// The next claim to an address that is held.
    pub(crate) async fn next(&mut self) -> Option<Claim> {
        self.inbox.recv().await
    }

    /// The address is about to be taken; whether it is to be asked for now.
    pub(crate) fn hold(&mut self, holder: Holder, now: Instant) -> bool {
        lock(&self.addresses).insert(holder.1);
        let fresh = !self.held.contains_key(&holder);
        let watch = Watch { since: now, ask_at: now + HAND_OVER, answer_by: None, claimed: None };
        self.held.entry(holder).or_insert(watch);
        fresh
    }

    /// The address is not held any more.
    pub(crate) fn release(&mut self, holder: Holder) {
        self.held.remove(&holder);
        if !self.held.keys().any(|(_, address)| *address == holder.1) {
            lock(&self.addresses).remove(&holder.1);
        }
    }

    /// Who holds an address.
    pub(crate) fn holders(&self, address: IpAddr) -> Vec<Holder> {
        self.held.keys().copied().filter(|holder| holder.1 == address).collect()
    }

    /// Somebody claims what is held; whether that is worth passing on.
    pub(crate) fn claimed(&mut self, holder: Holder, now: Instant) -> bool {
        let Some(watch) = self.held.get_mut(&holder) else { return false };
        if now < watch.since + HAND_OVER || watch.claimed.is_some_and(|last| now < last + GAP) {
            return false;
        }
        watch.claimed = Some(now);
        watch.ask_at = watch.ask_at.min(now + SUSPICIOUS_PERIOD);
        true
    }

    /// What is to be asked for now.
    pub(crate) fn questions(&mut self, now: Instant) -> Vec<Holder> {
        let due = self.held.iter_mut().filter(|(_, watch)| watch.ask_at <= now);
        due.map(|(&holder, watch)| {
            let suspicious = watch.claimed.is_some();
            watch.ask_at = now + if suspicious { SUSPICIOUS_PERIOD } else { PERIOD };
            watch.answer_by = Some(now + ANSWER);
            holder
        })
        .collect()
    }

    /// What was claimed once, and nobody has answered for now.
    pub(crate) fn unanswered(&mut self, now: Instant) -> Vec<Holder> {
        let mut quiet = Vec::new();
        for (&holder, watch) in &mut self.held {
            let Some(asked) = watch.answer_by.filter(|by| *by <= now).map(|by| by - ANSWER) else { continue };
            watch.answer_by = None;
            if watch.claimed.is_some_and(|last| last < asked) {
                watch.claimed = None;
                quiet.push(holder);
            }
        }
        quiet
    }

    /// When [`questions`](Self::questions) or [`unanswered`](Self::unanswered) has something.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.held.values().flat_map(|watch| [Some(watch.ask_at), watch.answer_by]).flatten().min()
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vrrp::{Family, IfIndex, Vrid};

    fn holder() -> Holder {
        let id = InstanceId { iface: IfIndex(2), vrid: Vrid::new(51).unwrap(), family: Family::V4 };
        (id, IpAddr::from([192, 0, 2, 10]))
    }

    fn claims() -> Claims {
        let (_, inbox) = mpsc::channel(1);
        Claims { inbox, addresses: Arc::default(), held: BTreeMap::new() }
    }

    #[test]
    fn an_address_is_asked_for_after_a_second_and_then_every_ten() {
        let (mut claims, begin) = (claims(), Instant::now());
        assert!(claims.hold(holder(), begin));
        assert!(!claims.hold(holder(), begin + Duration::from_secs(3)), "it is held already");
        let mut asked = Vec::new();
        while let Some(at) = claims.next_at().filter(|at| *at < begin + Duration::from_secs(30)) {
            asked.extend(claims.questions(at).iter().map(|_| (at - begin).as_secs()));
            assert!(claims.unanswered(at).is_empty());
        }
        assert_eq!(asked, [1, 11, 21]);
        claims.release(holder());
        assert_eq!((claims.next_at(), claims.holders(holder().1)), (None, Vec::new()));
    }

    #[test]
    fn who_hands_over_is_no_rival_and_one_that_stays_is_until_he_is_silent() {
        let (mut claims, begin) = (claims(), Instant::now());
        let at = |millis| begin + Duration::from_millis(millis);
        claims.hold(holder(), begin);
        assert!(!claims.claimed(holder(), at(5)));
        assert_eq!(claims.questions(at(1000)), [holder()]);
        assert!(claims.claimed(holder(), at(1001)));
        assert!(!claims.claimed(holder(), at(1002)), "one is enough");
        assert!(claims.unanswered(at(1500)).is_empty());
        // Asked again each second while it is suspicious.
        assert_eq!(claims.questions(at(2001)), [holder()]);
        assert_eq!(claims.unanswered(at(2501)), [holder()]);
        assert!(claims.unanswered(at(3000)).is_empty(), "told once");
    }
}
