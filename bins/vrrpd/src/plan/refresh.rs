//! Announcements that go on while a virtual router is Active.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use config::keepalived::{Config, Garp, VrrpInstance};

use super::vmac;

/// Addresses that are announced again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refresh {
    pub(crate) period: Duration,
    /// How often each time.
    pub(crate) repeat: u32,
    pub(crate) addresses: Vec<IpAddr>,
}

/// `garp_master_refresh` of all addresses, and `garp_extra_if` of one on each interface that its advertisements do not
/// leave by: switches forget where such an interface is.
pub(super) fn refreshes(config: &Config, instance: &VrrpInstance, speaking: &str) -> Vec<Refresh> {
    let Garp { master_refresh, master_refresh_repeat, extra_if, .. } = instance.garp;
    let addresses = || instance.virtual_ipaddress.iter().chain(&instance.virtual_ipaddress_excluded);
    let all = (!master_refresh.is_zero()).then(|| Refresh {
        period: master_refresh,
        repeat: master_refresh_repeat.max(1),
        addresses: addresses().map(|vip| vip.addr).collect(),
    });
    let extra = extra_if.map(|extra| {
        let mut known = BTreeSet::from([speaking.to_owned()]);
        let firsts = addresses().filter(|vip| {
            let vmac = vmac::of_address(config, instance, vip);
            let wanted = extra.all || vmac.is_some();
            wanted && known.insert(vmac.map_or(vip.dev.clone(), |vmac| vmac.name))
        });
        Refresh { period: extra.period, repeat: 1, addresses: firsts.map(|vip| vip.addr).collect() }
    });
    all.into_iter().chain(extra).filter(|refresh| !refresh.addresses.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use config::keepalived::{Options, parse};
    use config::source::Sources;

    use super::super::Plan;
    use super::*;
    use crate::tracking::TrackIds;

    fn refreshes(lines: &str) -> Vec<(u64, u32, Vec<u8>)> {
        let text = format!(
            "vrrp_instance VI_1 {{\ninterface eth0\nvirtual_router_id 51\npriority 100\n{lines}\nvirtual_ipaddress {{\n\
             192.0.2.1\n192.0.2.2\n192.0.2.3 dev eth1\n192.0.2.4 dev eth1\n192.0.2.5 dev eth2 use_vmac\n\
             192.0.2.6 dev eth2 use_vmac\n}}\n}}\n"
        );
        let mut sources = Sources::new();
        let file = sources.add("keepalived.conf", text);
        let no_includes =
            |_: &std::path::Path| -> std::io::Result<Vec<u8>> { Err(std::io::ErrorKind::NotFound.into()) };
        let (config, found) = parse(&mut sources, file, &Options::default(), &no_includes);
        let config = config.unwrap_or_else(|| panic!("{found:?}"));
        let plan = Plan::new(&config, |_| Some(2), &mut TrackIds::default()).unwrap();
        let host = |address: &IpAddr| match address {
            IpAddr::V4(v4) => v4.octets()[3],
            IpAddr::V6(_) => panic!("{address}"),
        };
        let refreshes = plan.instances.values().flat_map(|instance| &instance.refreshes);
        let refreshes = refreshes.map(|refresh| {
            (refresh.period.as_secs(), refresh.repeat, refresh.addresses.iter().map(host).collect())
        });
        refreshes.collect()
    }

    #[test]
    fn an_address_is_refreshed_on_each_interface_that_no_advertisement_leaves_by() {
        for (lines, expected) in [
            ("", vec![]),
            ("garp_master_refresh 60\ngarp_master_refresh_repeat 2", vec![(60, 2, vec![1, 2, 3, 4, 5, 6])]),
            ("garp_extra_if 100", vec![(100, 1, vec![5])]),
            ("vmac_garp_intvl 100", vec![(100, 1, vec![5])]),
            ("garp_extra_if all 100", vec![(100, 1, vec![3, 5])]),
            ("garp_extra_if 0", vec![]),
            ("use_vmac\ngarp_extra_if 100", vec![(100, 1, vec![5])]),
            ("use_vmac\nvmac_xmit_base\ngarp_extra_if 100", vec![(100, 1, vec![1, 5])]),
            (
                "garp_master_refresh 60\ngarp_extra_if all 100",
                vec![(60, 1, vec![1, 2, 3, 4, 5, 6]), (100, 1, vec![3, 5])],
            ),
        ] {
            assert_eq!(refreshes(lines), expected, "{lines}");
        }
    }
}
