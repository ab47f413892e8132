//! From keepalived's words to the types of the crates that do the work.

use std::time::Duration;

use config::keepalived::{self as ka, Auth, AuthHmac, Config, Tracked, VrrpInstance};
use vip_netlink::{AddressOptions, Preferred, Scope, VirtualAddress};
use vrrp::{
    AdverInterval, AntiReplay, Authentication, Checksum, Family, HmacConfig, HmacMode, IfIndex,
    InstanceConfig, Key, Password, Preempt, Rank, Schedule, Version, Vrid, Weight,
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
    config.checksum = match (instance.old_unicast_checksum, instance.v3_checksum_as_v2) {
        (ka::OldChecksum::Always, _) => Checksum::KeepalivedGroup,
        (ka::OldChecksum::Follow | ka::OldChecksum::Never, true) => Checksum::Rfc9568,
        (ka::OldChecksum::Follow | ka::OldChecksum::Never, false) => Checksum::Keepalived,
    };
    config.follow_old_checksum = instance.old_unicast_checksum != ka::OldChecksum::Never;
    config.no_peer = instance.unicast_fault_no_peer && instance.unicast_peer.is_empty();
    config.skip_address_check = instance.skip_check_adv_addr;
    config.require_link_local = instance.strict_mode;
    config.down_timer_adverts = instance.down_timer_adverts;
    let garp = &instance.garp;
    config.announce = schedule(garp.master_repeat, garp.master_delay);
    config.announce_contested = schedule(garp.lower_prio_repeat, garp.lower_prio_delay);
    config.silent_to_lower = instance.lower_prio_no_advert;
    config.last_word = instance.higher_prio_send_advert;
    config.owner_ignores = instance.owner_ignore_adverts;
    config.hmac = instance.auth_hmac.as_ref().map(hmac);
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
    let files = instance
        .track_file
        .iter()
        .filter_map(move |tracked| Some(entry(tracked, Spec::file(config.file(&tracked.name)?))));
    let interfaces = instance
        .track_interface
        .iter()
        .map(move |tracked| entry(tracked, Spec::Interface(tracked.name.clone())));
    let source =
        if instance.unicast_peer.is_empty() { instance.mcast_src_ip } else { instance.unicast_src_ip };
    let source = source.filter(|_| instance.track_src_ip);
    let follows = |group: &String| {
        let mut groups = config.track_groups.iter().filter(|known| known.name == *group);
        groups.any(|group| group.instances.contains(&instance.name))
    };
    let fixed = config
        .static_addresses
        .iter()
        .filter(move |address| address.track_group.as_ref().is_some_and(follows));
    let fixed = fixed.map(|address| address.addr);
    let addresses = fixed.chain(source).map(|address| (Spec::Address(address), Weight::FAULT, false));
    let lbd = instance.track_lbd.iter().map(|lbd| (Spec::lbd(lbd), weight(lbd.weight), false));
    scripts.chain(processes).chain(files).chain(interfaces).chain(addresses).chain(lbd)
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
        peer: vip.peer,
        broadcast: match (vip.broadcast, vip.peer.unwrap_or(vip.addr)) {
            (ka::Broadcast::Address(address), _) => Some(address),
            (ka::Broadcast::FromPrefix, std::net::IpAddr::V4(address)) => {
                let hosts = u32::MAX.checked_shr(u32::from(vip.prefix_len)).unwrap_or(0);
                Some((address.to_bits() | hosts).into())
            }
            (ka::Broadcast::FromPrefix, std::net::IpAddr::V6(_)) | (ka::Broadcast::None, _) => None,
        },
        label: vip.label.clone(),
        scope: scope(vip.scope),
        preferred: Some(match vip.preferred_lft {
            ka::PreferredLifetime::Forever => Preferred::Forever,
            ka::PreferredLifetime::Seconds(seconds) => Preferred::Seconds(seconds),
        }),
        options: AddressOptions {
            no_prefix_route: vip.noprefixroute,
            home: vip.home,
            manage_temporary: vip.mngtmpaddr,
            auto_join: vip.autojoin,
            detect_duplicates: vip.dad,
        },
        lease,
        ..VirtualAddress::new(iface.0, vip.addr)
    }
}

/// The kernel's number for a scope.
pub(super) fn scope(scope: ka::Scope) -> Scope {
    match scope {
        ka::Scope::Global => Scope::GLOBAL,
        ka::Scope::Site => Scope::SITE,
        ka::Scope::Link => Scope::LINK,
        ka::Scope::Host => Scope::HOST,
        ka::Scope::Nowhere => Scope(255),
        ka::Scope::Number(number) => Scope(number),
    }
}

fn interval(advert_int: Duration) -> AdverInterval {
    let centiseconds = u16::try_from(advert_int.as_millis() / 10).ok();
    let interval = centiseconds.and_then(AdverInterval::from_centiseconds);
    interval.expect("the configuration has intervals from 10 ms to 255 s")
}

fn weight(weight: i16) -> Weight {
    Weight::new(weight).expect("the configuration has weights from -254 to 254")
}

fn schedule(repeat: u32, second: Duration) -> Schedule {
    let later = (2..).map(Duration::from_secs);
    let count = usize::try_from(repeat).unwrap_or(usize::MAX);
    let mut offsets: Vec<Duration> = FIRST_BATCH.into_iter().chain(later).take(count).collect();
    if !second.is_zero() && !offsets.is_empty() {
        offsets.push(second);
    }
    Schedule::new(offsets)
}

fn hmac(hmac: &AuthHmac) -> HmacConfig {
    let key = |key: &ka::HmacKey| {
        Key::new(key.id, &key.secret.0).expect("the configuration has ids from 1 and keys of 32 to 64 bytes")
    };
    HmacConfig {
        keys: hmac.keys.iter().map(key).collect(),
        active_key: hmac.active_key,
        mode: match hmac.mode {
            ka::HmacMode::Enforce => HmacMode::Enforce,
            ka::HmacMode::Permissive => HmacMode::Permissive,
            ka::HmacMode::ReceiveOnly => HmacMode::ReceiveOnly,
        },
        anti_replay: match hmac.anti_replay {
            ka::AntiReplay::Time { window } => AntiReplay::Time { window: Some(window) },
            ka::AntiReplay::Monotonic => AntiReplay::Monotonic,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_as_many_as_asked_for_and_spread() {
        let millis = |repeat, second| -> Vec<u128> {
            let schedule = schedule(repeat, Duration::from_secs(second));
            schedule.offsets().iter().map(Duration::as_millis).collect()
        };
        assert_eq!(schedule(5, Duration::from_secs(5)), Schedule::default());
        assert_eq!(millis(1, 0), [0]);
        assert_eq!(millis(2, 10), [0, 10, 10_000]);
        assert_eq!(millis(7, 60), [0, 10, 50, 200, 1000, 2000, 3000, 60_000]);
        assert!(millis(0, 5).is_empty());
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
