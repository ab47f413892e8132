//! A virtual router on a bench: 192.0.2.11, priority 100, VRRPv3 at 1 s, addresses .100 and (excluded) .200.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use vrrp::*;

/// The one reading of a clock in these tests: an `Instant` cannot be made otherwise.
#[expect(clippy::disallowed_methods)]
pub(crate) fn epoch() -> Instant {
    static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

pub(crate) fn at(millis: u64) -> Instant {
    epoch() + Duration::from_millis(millis)
}

pub(crate) fn ip(host: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, host])
}

pub(crate) fn config() -> InstanceConfig {
    let mut config = InstanceConfig::new(IfIndex(2), Vrid::new(51).unwrap(), vec![ip(100)]);
    config.excluded = vec![ip(200)];
    config
}

pub(crate) fn heard(host: u8, priority: u8) -> Heard {
    Heard { from: ip(host), advertised: Advertised::from(priority), interval: AdverInterval::DEFAULT }
}

pub(crate) fn rank(priority: u8) -> Rank {
    Rank::new(priority).unwrap()
}

/// A router with its actions as words.
pub(crate) struct Bench {
    pub(crate) router: VirtualRouter,
}

impl Bench {
    pub(crate) fn new(edit: impl FnOnce(&mut InstanceConfig)) -> Self {
        let mut config = config();
        edit(&mut config);
        let mut router = VirtualRouter::new(config).unwrap();
        router.handle_source(Some(ip(11)));
        Self { router }
    }

    pub(crate) fn started(edit: impl FnOnce(&mut InstanceConfig)) -> Self {
        let mut bench = Self::new(edit);
        bench.router.handle_start(epoch(), Cause::Command);
        bench.words();
        bench
    }

    /// Active since `at(0)`, with its first announcement made.
    pub(crate) fn active(edit: impl FnOnce(&mut InstanceConfig)) -> Self {
        let mut bench = Self::new(edit);
        let rank = bench.router.rank();
        bench.router.handle_priority(epoch(), Rank::Owner, Lowered::Advertise);
        bench.router.handle_start(epoch(), Cause::Command);
        bench.router.handle_priority(epoch(), rank, Lowered::Advertise);
        bench.words();
        bench
    }

    pub(crate) fn words(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.router.poll_action()).map(|action| words(&action)).collect()
    }

    pub(crate) fn hear(&mut self, millis: u64, host: u8, priority: u8) -> Vec<String> {
        self.router.handle_advertisement(at(millis), heard(host, priority));
        self.words()
    }

    pub(crate) fn timeout(&mut self, millis: u64) -> Vec<String> {
        self.router.handle_timeout(at(millis));
        self.words()
    }

    /// Milliseconds of the next timeout, and what it is for.
    pub(crate) fn due(&self) -> Option<(u64, WakeReason)> {
        let wake = self.router.poll_timeout()?;
        Some(((wake.at - epoch()).as_millis().try_into().unwrap(), wake.why))
    }

    /// Runs the router alone until a time, with each word under its millisecond.
    pub(crate) fn run(&mut self, until: u64) -> Vec<(u64, String)> {
        let mut log = Vec::new();
        while let Some((millis, _)) = self.due().filter(|(millis, _)| *millis <= until) {
            let wake = self.router.poll_timeout().unwrap();
            self.router.handle_timeout(wake.at);
            log.extend(self.words().into_iter().map(|word| (millis, word)));
        }
        log
    }
}

pub(crate) fn words(action: &Action) -> String {
    let hosts = |addresses: &[IpAddr]| {
        let tails = addresses.iter().map(|address| {
            let text = address.to_string();
            format!(" .{}", text.rsplit(['.', ':']).next().unwrap())
        });
        tails.collect::<String>()
    };
    match action {
        Action::InstallVips { addresses } => format!("install{}", hosts(addresses)),
        Action::RemoveVips { addresses } => format!("remove{}", hosts(addresses)),
        Action::Transmit(advertisement) => format!("transmit {}", advertisement.advertised()),
        Action::Announce { addresses } => format!("announce{}", hosts(addresses)),
        Action::Transitioned { from, to, cause } => format!("{from:?} to {to:?}: {}", cause_words(*cause)),
        Action::SplitBegan { rival: Rival::Advertises { peer, priority } } => {
            format!("split: {peer} advertises {priority}")
        }
        Action::SplitBegan { rival: Rival::Answers { address, mac } } => {
            format!("split: {mac} has {address}")
        }
        Action::SplitEnded => "split ended".to_owned(),
    }
}

fn cause_words(cause: Cause) -> String {
    let host = |peer: IpAddr| peer.to_string().rsplit('.').next().map(str::to_owned).unwrap();
    match cause {
        Cause::PeerResigned { peer } => format!(".{} resigned", host(peer)),
        Cause::LowerPriority { peer, priority } => format!("preempts .{} at {priority}", host(peer)),
        Cause::HigherPriority { peer, priority } => format!("beaten by .{} at {priority}", host(peer)),
        Cause::SyncGroup { member } => format!("with {}", member.vrid),
        Cause::Owner
        | Cause::ActiveDown
        | Cause::LinkDown
        | Cause::LinkUp
        | Cause::Tracked(_)
        | Cause::Command
        | Cause::Reconfigured
        | Cause::Paused => format!("{cause:?}"),
    }
}
