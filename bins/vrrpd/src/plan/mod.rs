//! What a configuration means on this machine.

mod convert;
mod refresh;
mod route;
mod vmac;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use config::keepalived::{Config, Notify, UnicastPeer, VrrpInstance};
use vip_netlink::{AddressKey, Route, Rule, VirtualAddress};
use vrrp::{
    ConfigError, Family, GroupId, IfIndex, InstanceConfig, InstanceId, NodeConfig, Rank, SyncGroup, TrackId,
};

pub(crate) use self::refresh::Refresh;
pub(crate) use self::vmac::{Kind, Vmac, vmacs};
use crate::tracking::{Spec, TrackIds, TrackerName};

/// Interfaces that are not there yet get indices from here on; the kernel counts from 1.
const PLACEHOLDER: u32 = 0xf000_0000;

/// A configuration with names resolved to what this machine has.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) node: NodeConfig,
    pub(crate) instances: BTreeMap<InstanceId, InstancePlan>,
    /// Sync groups.
    pub(crate) groups: BTreeMap<GroupId, GroupPlan>,
    /// What is tracked, and under which numbers the node knows it.
    pub(crate) trackers: BTreeMap<TrackerName, TrackerPlan>,
    /// Every interface that the configuration names.
    pub(crate) interfaces: BTreeMap<String, IfIndex>,
    /// Those of [`managed`](Self::managed) by themselves: looked up whenever an address comes or goes.
    pub(crate) virtual_addresses: BTreeSet<IpAddr>,
    /// `static_ipaddress`, `static_routes`, `static_rules`: set as soon as their interfaces are there, and left.
    pub(crate) fixed: Fixed,
}

/// What is set once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fixed {
    pub(crate) addresses: Vec<VirtualAddress>,
    pub(crate) routes: Vec<Route>,
    pub(crate) rules: Vec<Rule>,
}

/// One virtual router.
#[derive(Debug, Clone)]
pub(crate) struct InstancePlan {
    pub(crate) name: String,
    pub(crate) interface: String,
    /// The index of [`Self::interface`]. The virtual router is known by the same one, or by an ipvlan on it.
    pub(crate) below: IfIndex,
    pub(crate) config: InstanceConfig,
    pub(crate) vips: BTreeMap<IpAddr, VirtualAddress>,
    /// Addresses that stay away when somebody removes them (`no_track`).
    pub(crate) untracked: BTreeSet<IpAddr>,
    /// Routes that come after the addresses and go before them.
    pub(crate) routes: Vec<Route>,
    /// Rules that come last and go first.
    pub(crate) rules: Vec<Rule>,
    /// `promote_secondaries`
    pub(crate) promote: bool,
    /// The virtual MAC interface that its advertisements leave by.
    pub(crate) vmac: Option<IfIndex>,
    pub(crate) path: Path,
    pub(crate) refreshes: Vec<Refresh>,
    pub(crate) notify: Notify,
    /// How far the weights of all checks, files apart, can move the priority, and what of it is added when all is well.
    pub(crate) swing: i32,
    pub(crate) gain: i32,
}

/// One sync group.
#[derive(Debug, Clone)]
pub(crate) struct GroupPlan {
    pub(crate) name: String,
    pub(crate) notify: Notify,
}

/// How advertisements travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Path {
    /// To a group, VRRP's own if no other is configured.
    Multicast { group: IpAddr },
    /// To each peer.
    Unicast { peers: Vec<UnicastPeer>, ttl: u8, check_source: bool },
}

/// Something tracked.
#[derive(Debug, Clone)]
pub(crate) struct TrackerPlan {
    pub(crate) spec: Spec,
    /// The node's number for it, and for the same thing the other way round (`reverse`).
    pub(crate) feeds: BTreeMap<TrackId, Sense>,
}

/// Which way a result counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sense {
    Straight,
    Reversed,
}

impl Plan {
    /// Resolves `config`. `index` knows the interfaces that are there; the others are waited for.
    pub(crate) fn new(
        config: &Config,
        index: impl Fn(&str) -> Option<u32>,
        ids: &mut TrackIds,
    ) -> Result<Self, ConfigError> {
        let interfaces = interfaces(config, index);
        let mut instances = BTreeMap::new();
        let mut trackers = BTreeMap::new();
        let mut node = Vec::new();
        for instance in &config.instances {
            let planned = instance_plan(config, instance, &interfaces, ids, &mut trackers);
            node.push(planned.config.clone());
            instances.insert(planned.config.id(), planned);
        }
        let (groups, members) = groups(config, &instances);
        let node = NodeConfig::new(node)?.with_groups(members)?;
        let fixed = fixed(config, &interfaces);
        let virtual_addresses = BTreeSet::new();
        let mut plan = Self { node, instances, groups, trackers, interfaces, virtual_addresses, fixed };
        plan.virtual_addresses = plan.managed().into_iter().map(|key| key.addr).collect();
        Ok(plan)
    }

    /// Whether an interface came, went or was made anew since the plan was made.
    pub(crate) fn is_stale(&self, index: impl Fn(&str) -> Option<u32>) -> bool {
        self.interfaces.iter().any(|(name, &planned)| index(name) != existing(planned))
    }

    /// The interfaces that virtual routers speak on.
    pub(crate) fn speaking(&self) -> BTreeSet<IfIndex> {
        self.instances.keys().map(|id| id.iface).collect()
    }

    /// The interface that must be up for this one, on which virtual routers speak, to be up: mostly the same.
    pub(crate) fn below(&self, iface: IfIndex) -> IfIndex {
        let mut speaking = self.instances.iter().filter(|(id, _)| id.iface == iface);
        speaking.next().map_or(iface, |(_, instance)| instance.below)
    }

    /// The interfaces on which the first address of a subnet must not take the others with it.
    pub(crate) fn promoting(&self) -> BTreeSet<u32> {
        let instances = self.instances.values().filter(|instance| instance.promote);
        let v4 = |vip: &&VirtualAddress| vip.addr.is_ipv4();
        let interfaces = instances.flat_map(|instance| instance.vips.values().filter(v4));
        interfaces.filter_map(|vip| existing(IfIndex(vip.ifindex))).collect()
    }

    /// Every address that is a virtual one here: never a source, and ours to remove. What an owner holds for ever is
    /// neither.
    pub(crate) fn managed(&self) -> Vec<AddressKey> {
        self.keys(|priority| priority != Rank::Owner)
    }

    /// The addresses of owners.
    pub(crate) fn owned(&self) -> Vec<AddressKey> {
        self.keys(|priority| priority == Rank::Owner)
    }

    /// What a tracker is called in the log.
    pub(crate) fn tracker_label(&self, id: TrackId) -> String {
        let found = self.trackers.iter().find(|(_, tracker)| tracker.feeds.contains_key(&id));
        found.map_or_else(|| "a check".to_owned(), |(name, _)| name.to_string())
    }

    fn keys(&self, of: impl Fn(Rank) -> bool) -> Vec<AddressKey> {
        let instances = self.instances.values().filter(|instance| of(instance.config.priority));
        instances.flat_map(|instance| instance.vips.values().map(VirtualAddress::key)).collect()
    }
}

impl InstancePlan {
    /// Where its advertisements go.
    pub(crate) fn destinations(&self) -> Vec<IpAddr> {
        match &self.path {
            Path::Multicast { group } => vec![*group],
            Path::Unicast { peers, .. } => peers.iter().map(|peer| peer.addr).collect(),
        }
    }

    /// The TTL of its advertisements.
    pub(crate) fn ttl(&self) -> u8 {
        match self.path {
            Path::Multicast { .. } => vrrp::wire::TTL,
            Path::Unicast { ttl, .. } => ttl,
        }
    }

    /// The TTL that the node is told. It takes 255 alone (RFC 5082's GTSM), which unicast across routers cannot have:
    /// there the peer's own bounds are checked here instead. `None`: not a peer of ours.
    pub(crate) fn judged_ttl(&self, from: IpAddr, ttl: u8) -> Option<u8> {
        let Path::Unicast { peers, check_source, .. } = &self.path else { return Some(ttl) };
        let Some(peer) = peers.iter().find(|peer| peer.addr == from) else {
            return (!check_source).then_some(vrrp::wire::TTL);
        };
        let in_bounds =
            peer.min_ttl.is_none_or(|min| min <= ttl) && peer.max_ttl.is_none_or(|max| ttl <= max);
        Some(if in_bounds { vrrp::wire::TTL } else { 0 })
    }
}

/// The index of an interface that is there.
pub(crate) fn existing(index: IfIndex) -> Option<u32> {
    (index.0 < PLACEHOLDER).then_some(index.0)
}

fn interfaces(config: &Config, index: impl Fn(&str) -> Option<u32>) -> BTreeMap<String, IfIndex> {
    let mut names = BTreeSet::new();
    for instance in &config.instances {
        names.insert(instance.interface.clone());
        let addresses = instance.virtual_ipaddress.iter().chain(&instance.virtual_ipaddress_excluded);
        names.extend(addresses.map(|address| address.dev.clone()));
        names.extend(instance.track_interface.iter().map(|tracked| tracked.name.clone()));
    }
    names.extend(vmacs(config).into_iter().map(|vmac| vmac.name));
    let virtual_routes = config.instances.iter().flat_map(|instance| &instance.virtual_routes);
    names.extend(virtual_routes.chain(&config.static_routes).flat_map(route::names).cloned());
    names.extend(config.static_addresses.iter().map(|address| address.dev.clone()));
    let numbered = (PLACEHOLDER..).zip(names);
    numbered.map(|(absent, name)| (name.clone(), IfIndex(index(&name).unwrap_or(absent)))).collect()
}

/// The groups by the node's numbers, and who is in them.
fn groups(
    config: &Config,
    instances: &BTreeMap<InstanceId, InstancePlan>,
) -> (BTreeMap<GroupId, GroupPlan>, Vec<SyncGroup>) {
    let named = |name: &String| {
        let mut found = instances.iter().filter(move |(_, instance)| instance.name == *name);
        found.next().map(|(&id, _)| id)
    };
    let numbered = || (0..).map(GroupId).zip(&config.groups);
    let members = numbered()
        .map(|(id, group)| SyncGroup { id, members: group.members.iter().filter_map(named).collect() });
    let plans = numbered()
        .map(|(id, group)| (id, GroupPlan { name: group.name.clone(), notify: group.notify.clone() }));
    (plans.collect(), members.collect())
}

/// `keepalived` in `rt_addrprotos` and `rt_protos`: whoever looks knows where it comes from, and no start clears it.
const FIXED_PROTO: u8 = 18;

fn fixed(config: &Config, interfaces: &BTreeMap<String, IfIndex>) -> Fixed {
    let index = |name: &str| interfaces.get(name).copied().and_then(existing);
    let addresses = config.static_addresses.iter().filter_map(|address| {
        let ifindex = IfIndex(index(&address.dev)?);
        Some(VirtualAddress { proto: FIXED_PROTO, ..convert::address(address, ifindex, None) })
    });
    Fixed {
        addresses: addresses.collect(),
        routes: config.static_routes.iter().filter_map(|route| route::route(route, index)).collect(),
        rules: config.static_rules.iter().map(route::rule).collect(),
    }
}

fn instance_plan(
    config: &Config,
    instance: &VrrpInstance,
    interfaces: &BTreeMap<String, IfIndex>,
    ids: &mut TrackIds,
    trackers: &mut BTreeMap<TrackerName, TrackerPlan>,
) -> InstancePlan {
    let index = |name: &str| interfaces.get(name).copied().unwrap_or(IfIndex(PLACEHOLDER));
    let mut router = convert::router(instance, index(vmac::speaks_on(instance)));
    let (mut swing, mut gain) = (0, 0);
    for (spec, weight, reverse) in convert::tracked(config, instance) {
        if !matches!(spec, Spec::File(_)) {
            swing += i32::from(weight.get()).abs();
            gain += i32::from(weight.get()).max(0);
        }
        let sense = if reverse { Sense::Reversed } else { Sense::Straight };
        let name = spec.name();
        let id = ids.number(&name, reverse);
        let tracker = trackers.entry(name).or_insert_with(|| TrackerPlan { spec, feeds: BTreeMap::new() });
        tracker.feeds.insert(id, sense);
        router.trackers.push((id, weight));
    }
    let lease = convert::lease(instance, router.priority);
    let addresses = || instance.virtual_ipaddress.iter().chain(&instance.virtual_ipaddress_excluded);
    let carrier = |vip: &config::keepalived::VirtualAddress| {
        vmac::of_address(config, instance, vip).map_or(vip.dev.clone(), |vmac| vmac.name)
    };
    let vips =
        addresses().map(|vip| (vip.addr, convert::address(vip, index(&carrier(vip)), lease))).collect();
    let own = vmac::leaves_by(instance);
    let unicast = Path::Unicast {
        peers: instance.unicast_peer.clone(),
        ttl: instance.unicast_ttl,
        check_source: instance.check_unicast_src,
    };
    let (path, source) = if instance.unicast_peer.is_empty() {
        let group = instance.mcast_dst_ip.filter(|&group| Family::of(group) == router.family);
        (Path::Multicast { group: group.unwrap_or(router.family.group()) }, instance.mcast_src_ip)
    } else {
        (unicast, instance.unicast_src_ip)
    };
    router.source = source.filter(|&source| Family::of(source) == router.family);
    InstancePlan {
        name: instance.name.clone(),
        interface: instance.interface.clone(),
        below: index(&instance.interface),
        vips,
        vmac: own.map(index),
        untracked: addresses().filter(|vip| !vip.track).map(|vip| vip.addr).collect(),
        routes: instance
            .virtual_routes
            .iter()
            .filter_map(|route| route::route(route, |name| existing(index(name))))
            .collect(),
        rules: instance.virtual_rules.iter().map(route::rule).collect(),
        promote: instance.promote_secondaries,
        path,
        refreshes: refresh::refreshes(config, instance, own.unwrap_or_else(|| vmac::speaks_on(instance))),
        notify: instance.notify.clone(),
        swing,
        gain,
        config: router,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use config::keepalived::{Options, parse};
    use config::source::Sources;
    use vrrp::{Authentication, Password, Preempt, Version, Weight};

    use super::*;

    fn config(text: &str) -> Config {
        let mut sources = Sources::new();
        let file = sources.add("keepalived.conf", text);
        let no_includes =
            |_: &std::path::Path| -> io::Result<Vec<u8>> { Err(io::ErrorKind::NotFound.into()) };
        let (config, diagnostics) = parse(&mut sources, file, &Options::default(), &no_includes);
        config.unwrap_or_else(|| panic!("{diagnostics:?}"))
    }

    fn plan(text: &str) -> Plan {
        let eth0_alone = |name: &str| (name == "eth0").then_some(2);
        Plan::new(&config(text), eth0_alone, &mut TrackIds::default()).unwrap()
    }

    const PAIR: &str = r#"
vrrp_script chk {
    script "pkill -0 lbd"
    interval 2
    fall 2
    weight -20
}
vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        192.0.2.10
    }
    track_script {
        chk
    }
}
"#;

    #[test]
    fn an_ordinary_instance_is_planned_with_keepalived_s_defaults() {
        let plan = plan(PAIR);
        let instance = plan.instances.values().next().unwrap();
        let router = &instance.config;
        assert_eq!((router.iface, router.vrid.get(), router.version), (IfIndex(2), 51, Version::V2));
        assert_eq!(router.auth, Authentication::Password(Password::new(b"1111")));
        assert_eq!(router.preempt, Preempt::Immediate);
        assert_eq!(router.announce, vrrp::Schedule::default());
        let [(id, weight)] = router.trackers[..] else { panic!("{:?}", router.trackers) };
        assert_eq!((weight, plan.tracker_label(id)), (Weight::new(-20).unwrap(), "script chk".to_owned()));
        let vip = &instance.vips[&IpAddr::from([192, 0, 2, 10])];
        assert_eq!((vip.ifindex, vip.prefix_len, vip.lease), (2, 32, Some(Duration::from_secs(3))));
        assert_eq!(instance.destinations(), [IpAddr::from([224, 0, 0, 18])]);
    }

    #[test]
    fn an_absent_interface_is_waited_for() {
        let text = PAIR.replace("interface eth0", "interface eth7");
        let plan = plan(&text);
        let id = *plan.instances.keys().next().unwrap();
        assert_eq!(existing(id.iface), None);
        assert!(!plan.is_stale(|_| None));
        assert!(plan.is_stale(|name| (name == "eth7").then_some(9)));
    }

    #[test]
    fn a_virtual_router_speaks_and_is_known_on_its_ipvlan_and_on_the_interface_below_a_macvlan() {
        let of = |line: &str| {
            let text = PAIR.replace("    track_script", &format!("    {line}\n    track_script"));
            let made = |name: &str| match name {
                "eth0" => Some(2),
                "vrrp.51" => Some(7),
                _ => None,
            };
            let plan = Plan::new(&config(&text), made, &mut TrackIds::default()).unwrap();
            assert!(plan.interfaces.contains_key("vrrp.51"), "{line}");
            let (id, instance) = plan.instances.iter().next().unwrap();
            let vip = &instance.vips[&IpAddr::from([192, 0, 2, 10])];
            assert_eq!(
                (instance.below, plan.below(id.iface), vip.ifindex),
                (IfIndex(2), IfIndex(2), 7),
                "{line}"
            );
            (id.iface, instance.vmac, instance.config.source)
        };
        let own = Some(IpAddr::from([192, 0, 2, 11]));
        assert_eq!(of("use_ipvlan 192.0.2.11/24"), (IfIndex(7), None, own));
        assert_eq!(of("use_vmac"), (IfIndex(2), Some(IfIndex(7)), None));
        assert_eq!(of("use_vmac\n    vmac_xmit_base"), (IfIndex(2), None, None));
    }

    #[test]
    fn trackers_keep_their_numbers_over_a_reload() {
        let mut ids = TrackIds::default();
        let number = |ids: &mut TrackIds, text: &str| {
            let plan = Plan::new(&config(text), |_| Some(2), ids).unwrap();
            plan.node.instances()[0].trackers.first().unwrap().0
        };
        let first = number(&mut ids, PAIR);
        let more = PAIR.replace("    track_script", "    track_interface {\n eth1\n }\n    track_script");
        let reversed = PAIR.replace("        chk\n", "        chk weight -20 reverse\n");
        assert_eq!(number(&mut ids, &more).0, number(&mut ids, PAIR).0);
        assert_eq!(first, number(&mut ids, PAIR));
        assert_ne!(first, number(&mut ids, &reversed));
    }

    #[test]
    fn unicast_peers_have_bounds_instead_of_ttl_255() {
        let text = PAIR.replace(
            "    track_script",
            "    unicast_src_ip 192.0.2.1\n    unicast_peer {\n 192.0.2.2 min_ttl 250\n 192.0.2.3\n }\n    track_script",
        );
        let plan = plan(&text);
        let instance = plan.instances.values().next().unwrap();
        let ip = |host: u8| IpAddr::from([192, 0, 2, host]);
        assert_eq!(instance.destinations(), [ip(2), ip(3)]);
        assert_eq!(instance.config.source, Some(ip(1)));
        assert_eq!(instance.judged_ttl(ip(2), 254), Some(255));
        assert_eq!(instance.judged_ttl(ip(2), 64), Some(0));
        assert_eq!(instance.judged_ttl(ip(3), 64), Some(255));
        assert_eq!(instance.judged_ttl(ip(9), 64), Some(255));
    }
}
