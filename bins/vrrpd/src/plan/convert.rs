//! From keepalived's words to the types of the crates that do the work.

use std::time::Duration;

use config::keepalived::{self as ka, Auth, Config, Garp, Tracked, VrrpInstance};
use vip_netlink::{Scope, VirtualAddress};
use vrrp::{
    AdverInterval, Authentication, Checksum, Family, IfIndex, InstanceConfig, Password, Preempt, Rank,
    Schedule, Version, Vrid, Weight,
};

use crate::tracking::Spec;

/// keepalived sends its first five announcements within a millisecond; ours are spread. More than five go on once a
/// second.
const FIRST_BATCH: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(1000),
];
/// Adverts that an Active may miss before its backups take over, if they have the RFC's default.
const DOWN_ADVERTS: u32 = 3;
const SHORTEST_LEASE: u64 = 2;

/// The virtual router without what it tracks. Ranges were checked by the configuration.
pub(super) fn router(instance: &VrrpInstance, iface: IfIndex) -> InstanceConfig {
    let vrid = Vrid::new(instance.virtual_router_id).expect("the configuration has VRIDs from 1 to 255");
    let addresses: Vec<_> = instance.virtual_ipaddress.iter().map(|address| address.addr).collect();
    let mut config = InstanceConfig::new(iface, vrid, addresses);
    if config.addresses.is_empty() {
        let peer = instance.unicast_peer.first().map(|peer| peer.addr);
        config.family = peer.map_or(Family::V4, Family::of);
    }
    config.excluded = instance.virtual_ipaddress_excluded.iter().map(|address| address.addr).collect();
    config.version = match instance.version {
        ka::Version::V2 => Version::V2,
        ka::Version::V3 => Version::V3,
    };
    config.priority = Rank::new(instance.priority).expect("the configuration has priorities from 1 to 255");
    config.interval = interval(instance.advert_int);
    config.preempt = match (instance.preempt, instance.preempt_delay) {
        (false, _) => Preempt::Never,
        (true, Duration::ZERO) => Preempt::Immediate,
        (true, delay) => Preempt::Delayed(delay),
    };
    config.auth = match instance.auth {
        Some(Auth::Pass(password)) => Authentication::Password(Password::new(&password)),
        None => Authentication::None,
    };
    config.checksum = if instance.v3_checksum_as_v2 { Checksum::Rfc9568 } else { Checksum::Keepalived };
    config.skip_address_check = instance.skip_check_adv_addr;
    config.down_timer_adverts = instance.down_timer_adverts;
    config.announce = schedule(&instance.garp);
    config.announce_contested = config.announce.clone();
    config.ignore_link = instance.dont_track_primary;
    config
}

/// What an instance tracks: what, its weight, and whether it counts the other way round.
pub(super) fn tracked<'a>(
    config: &'a Config,
    instance: &'a VrrpInstance,
) -> impl Iterator<Item = (Spec, Weight, bool)> + 'a {
    let entry = |tracked: &Tracked, spec: Spec| (spec, weight(tracked.weight), tracked.reverse);
    let scripts = instance.track_script.iter().filter_map(move |tracked| {
        Some(entry(tracked, Spec::script(config.script(&tracked.name)?, &config.global)))
    });
    let processes = instance
        .track_process
        .iter()
        .filter_map(move |tracked| Some(entry(tracked, Spec::process(config.process(&tracked.name)?))));
    let interfaces = instance
        .track_interface
        .iter()
        .map(move |tracked| entry(tracked, Spec::Interface(tracked.name.clone())));
    let lbd = instance.track_lbd.iter().map(|lbd| (Spec::lbd(lbd), weight(lbd.weight), false));
    scripts.chain(processes).chain(interfaces).chain(lbd)
}

/// How long the kernel keeps a virtual address that is not renewed. The default ends before a backup's down interval
/// does where whole seconds allow it. An owner's addresses are its own: they stay.
pub(super) fn lease(instance: &VrrpInstance, rank: Rank) -> Option<Duration> {
    if rank == Rank::Owner {
        return None;
    }
    let derived = || {
        let silence = instance.advert_int * DOWN_ADVERTS;
        Duration::from_secs(silence.as_secs().max(SHORTEST_LEASE))
    };
    Some(instance.vip_lease.unwrap_or_else(derived)).filter(|lease| !lease.is_zero())
}

pub(super) fn address(vip: &ka::VirtualAddress, iface: IfIndex, lease: Option<Duration>) -> VirtualAddress {
    VirtualAddress {
        prefix_len: vip.prefix_len,
        broadcast: match (vip.broadcast, vip.addr) {
            (ka::Broadcast::Address(address), _) => Some(address),
            (ka::Broadcast::FromPrefix, std::net::IpAddr::V4(address)) => {
                let hosts = u32::MAX.checked_shr(u32::from(vip.prefix_len)).unwrap_or(0);
                Some((address.to_bits() | hosts).into())
            }
            (ka::Broadcast::FromPrefix, std::net::IpAddr::V6(_)) | (ka::Broadcast::None, _) => None,
        },
        label: vip.label.clone(),
        scope: match vip.scope {
            ka::Scope::Global => Scope::GLOBAL,
            ka::Scope::Site => Scope::SITE,
            ka::Scope::Link => Scope::LINK,
            ka::Scope::Host => Scope::HOST,
            ka::Scope::Nowhere => Scope(255),
            ka::Scope::Number(number) => Scope(number),
        },
        lease,
        ..VirtualAddress::new(iface.0, vip.addr)
    }
}

fn interval(advert_int: Duration) -> AdverInterval {
    let centiseconds = u16::try_from(advert_int.as_millis() / 10).ok();
    let interval = centiseconds.and_then(AdverInterval::from_centiseconds);
    interval.expect("the configuration has intervals from 10 ms to 255 s")
}

/// Scripts have −253 to 253, processes one more either way; the priority is clamped to 254 steps in any case.
fn weight(weight: i16) -> Weight {
    Weight::new(weight.clamp(-253, 253)).expect("clamped to the range of a weight")
}

fn schedule(garp: &Garp) -> Schedule {
    let later = (2..).map(Duration::from_secs);
    let count = usize::try_from(garp.master_repeat).unwrap_or(usize::MAX);
    let mut offsets: Vec<Duration> = FIRST_BATCH.into_iter().chain(later).take(count).collect();
    if !garp.master_delay.is_zero() && !offsets.is_empty() {
        offsets.push(garp.master_delay);
    }
    Schedule::new(offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn garp(master_repeat: u32, master_delay: u64) -> Garp {
        Garp {
            master_delay: Duration::from_secs(master_delay),
            master_repeat,
            lower_prio_delay: Duration::from_secs(master_delay),
            lower_prio_repeat: master_repeat,
            extra_if: None,
            master_refresh: Duration::ZERO,
            master_refresh_repeat: 1,
        }
    }

    #[test]
    fn announcements_are_as_many_as_asked_for_and_spread() {
        assert_eq!(schedule(&garp(5, 5)), Schedule::default());
        let millis =
            |garp| -> Vec<u128> { schedule(&garp).offsets().iter().map(Duration::as_millis).collect() };
        assert_eq!(millis(garp(1, 0)), [0]);
        assert_eq!(millis(garp(2, 10)), [0, 10, 10_000]);
        assert_eq!(millis(garp(7, 60)), [0, 10, 50, 200, 1000, 2000, 3000, 60_000]);
        assert!(millis(garp(0, 5)).is_empty());
    }

    #[test]
    fn the_lease_ends_before_a_backup_takes_over_where_whole_seconds_allow_it() {
        let text = "vrrp_instance A {\n version 3\n interface eth0\n virtual_router_id 1\n advert_int INTERVAL\n \
                    virtual_ipaddress {\n 192.0.2.10\n }\n}\n";
        for (interval, lease) in [("1", 3), ("0.1", 2), ("0.9", 2), ("1.2", 3), ("2", 6), ("0.01", 2)] {
            let mut sources = config::source::Sources::new();
            let file = sources.add("keepalived.conf", text.replace("INTERVAL", interval));
            let none = |_: &std::path::Path| -> std::io::Result<Vec<u8>> {
                Err(std::io::ErrorKind::NotFound.into())
            };
            let (config, found) = ka::parse(&mut sources, file, &ka::Options::default(), &none);
            let mut instance = config.unwrap_or_else(|| panic!("{found:?}")).instances.remove(0);
            let rank = Rank::new(100).unwrap();
            assert_eq!(self::lease(&instance, rank), Some(Duration::from_secs(lease)), "{interval}");
            assert_eq!(self::lease(&instance, Rank::Owner), None);
            instance.vip_lease = Some(Duration::ZERO);
            assert_eq!(self::lease(&instance, rank), None);
            instance.vip_lease = Some(Duration::from_secs(9));
            assert_eq!(self::lease(&instance, rank), Some(Duration::from_secs(9)));
        }
    }
}
