//! The links and addresses of the machine as last reported, and what a new report changes.

use std::collections::BTreeMap;

use crate::address::{AddressInfo, AddressKey};
use crate::link_info::LinkInfo;
use crate::netlink::Body;

/// A change of the machine's links or addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The link can pass packets now: switched on, with a carrier.
    LinkUp(LinkInfo),
    /// The link cannot pass packets (any more), or is new and cannot yet.
    LinkDown(LinkInfo),
    /// Name, hardware address, MTU or master of a link changed, and not whether it can pass packets.
    LinkChanged(LinkInfo),
    /// The link was deleted or moved to another namespace.
    LinkGone(LinkInfo),
    /// The address is there and usable.
    AddressAdded(AddressInfo),
    /// The address was removed, its lease ran out, or it became unusable.
    AddressRemoved(AddressInfo),
    /// The kernel dropped notifications. The tables were read again: the differences follow as events, but changes
    /// that were undone in between are unknown.
    Overrun,
}

/// The links and addresses of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkView {
    links: BTreeMap<u32, LinkInfo>,
    addresses: BTreeMap<AddressKey, AddressInfo>,
}

impl NetworkView {
    /// All links, by index.
    pub fn links(&self) -> impl Iterator<Item = &LinkInfo> {
        self.links.values()
    }

    /// The link with that index.
    pub fn link(&self, ifindex: u32) -> Option<&LinkInfo> {
        self.links.get(&ifindex)
    }

    /// The link of that name.
    pub fn link_named(&self, name: &str) -> Option<&LinkInfo> {
        self.links.values().find(|link| link.name == name)
    }

    /// All usable addresses. What is left of their lifetimes is as of the last report.
    pub fn addresses(&self) -> impl Iterator<Item = &AddressInfo> {
        self.addresses.values()
    }

    /// The address, if it is there and usable.
    pub fn address(&self, key: &AddressKey) -> Option<&AddressInfo> {
        self.addresses.get(key)
    }

    /// Takes one report; answers what it changes. The report that a lease was renewed changes nothing.
    pub(crate) fn apply(&mut self, body: Body) -> Vec<Event> {
        match body {
            Body::Link(link) => self.put_link(link).into_iter().collect(),
            Body::LinkGone(link) => self.remove_link(link.index),
            Body::Address(address) if address.is_usable() => self.put_address(address).into_iter().collect(),
            Body::Address(address) | Body::AddressGone(address) => {
                self.addresses.remove(&address.key()).map(Event::AddressRemoved).into_iter().collect()
            }
            Body::Noop | Body::Done(_) | Body::Ack { .. } | Body::Overrun | Body::Other(_) => Vec::new(),
        }
    }

    /// Takes whole tables; answers what they change.
    pub(crate) fn replace(&mut self, links: Vec<LinkInfo>, addresses: Vec<AddressInfo>) -> Vec<Event> {
        let links: BTreeMap<_, _> = links.into_iter().map(|link| (link.index, link)).collect();
        let usable = addresses.into_iter().filter(AddressInfo::is_usable);
        let addresses: BTreeMap<_, _> = usable.map(|address| (address.key(), address)).collect();

        let mut events = Vec::new();
        let missing: Vec<_> =
            self.addresses.keys().filter(|key| !addresses.contains_key(*key)).copied().collect();
        for key in missing {
            events.extend(self.addresses.remove(&key).map(Event::AddressRemoved));
        }
        let missing: Vec<_> =
            self.links.keys().filter(|index| !links.contains_key(*index)).copied().collect();
        for index in missing {
            events.extend(self.remove_link(index));
        }
        for link in links.into_values() {
            events.extend(self.put_link(link));
        }
        for address in addresses.into_values() {
            events.extend(self.put_address(address));
        }
        events
    }

    fn put_link(&mut self, link: LinkInfo) -> Option<Event> {
        let before = self.links.insert(link.index, link.clone());
        match before {
            Some(before) if before.is_operational() == link.is_operational() => {
                (before != link).then_some(Event::LinkChanged(link))
            }
            _ if link.is_operational() => Some(Event::LinkUp(link)),
            _ => Some(Event::LinkDown(link)),
        }
    }

    /// The kernel reports the addresses of a link gone before the link; after lost reports some may be left.
    fn remove_link(&mut self, index: u32) -> Vec<Event> {
        let orphans = self.addresses.extract_if(.., |key, _| key.ifindex == index);
        let mut events: Vec<_> = orphans.map(|(_, address)| Event::AddressRemoved(address)).collect();
        events.extend(self.links.remove(&index).map(Event::LinkGone));
        events
    }

    fn put_address(&mut self, address: AddressInfo) -> Option<Event> {
        let before = self.addresses.insert(address.key(), address.clone());
        before.is_none().then_some(Event::AddressAdded(address))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::address::Scope;
    use crate::link_info::ArpRules;

    fn link(index: u32, up: bool, running: bool, mtu: u32) -> LinkInfo {
        LinkInfo {
            index,
            name: format!("eth{index}"),
            mac: None,
            up,
            running,
            no_arp: false,
            loopback: false,
            mtu,
            master: None,
            lower: None,
            kind: None,
            alias: None,
            group: 0,
            arp: ArpRules::default(),
            promotes: false,
        }
    }

    fn address(ifindex: u32, host: u8, flags: u32, valid_lft: Option<Duration>) -> AddressInfo {
        AddressInfo {
            ifindex,
            addr: IpAddr::from([10, 0, 0, host]),
            prefix_len: 32,
            peer: None,
            scope: Scope::GLOBAL,
            flags,
            label: None,
            broadcast: None,
            valid_lft,
            preferred_lft: None,
            proto: 0,
        }
    }

    fn any_link() -> impl Strategy<Value = LinkInfo> {
        (1_u32..4, any::<bool>(), any::<bool>(), 1_u32..3)
            .prop_map(|(i, up, running, mtu)| link(i, up, running, mtu))
    }

    fn any_address() -> impl Strategy<Value = AddressInfo> {
        let flags = prop::sample::select(vec![0, 0x40]);
        (1_u32..4, 0_u8..3, flags).prop_map(|(ifindex, host, flags)| address(ifindex, host, flags, None))
    }

    fn any_body() -> impl Strategy<Value = Body> {
        prop_oneof![
            any_link().prop_map(Body::Link),
            any_link().prop_map(Body::LinkGone),
            any_address().prop_map(Body::Address),
            any_address().prop_map(Body::AddressGone),
        ]
    }

    /// Who knows only the events.
    #[derive(Default, PartialEq, Debug)]
    struct Follower {
        links: BTreeMap<u32, LinkInfo>,
        addresses: BTreeMap<AddressKey, AddressInfo>,
    }

    impl Follower {
        fn follow(&mut self, event: Event) {
            match event {
                Event::LinkUp(link) => {
                    assert!(link.is_operational());
                    let before = self.links.insert(link.index, link);
                    assert!(before.is_none_or(|before| !before.is_operational()));
                }
                Event::LinkDown(link) => {
                    assert!(!link.is_operational());
                    let before = self.links.insert(link.index, link);
                    assert!(before.is_none_or(|before| before.is_operational()));
                }
                Event::LinkChanged(link) => {
                    let before = self.links.insert(link.index, link.clone());
                    assert!(before.is_some_and(|before| before.is_operational() == link.is_operational()));
                }
                Event::LinkGone(link) => assert!(self.links.remove(&link.index).is_some()),
                Event::AddressAdded(address) => {
                    assert!(address.is_usable());
                    assert!(self.addresses.insert(address.key(), address).is_none());
                }
                Event::AddressRemoved(address) => {
                    assert!(self.addresses.remove(&address.key()).is_some());
                }
                Event::Overrun => {}
            }
        }
    }

    proptest! {
        #[test]
        fn who_follows_the_events_knows_the_view(
            bodies in proptest::collection::vec(any_body(), 0..20),
            links in proptest::collection::vec(any_link(), 0..4),
            addresses in proptest::collection::vec(any_address(), 0..6),
        ) {
            let (mut view, mut follower) = (NetworkView::default(), Follower::default());
            for body in bodies {
                view.apply(body).into_iter().for_each(|event| follower.follow(event));
            }
            prop_assert_eq!(&follower.links, &view.links);
            prop_assert_eq!(&follower.addresses, &view.addresses);

            view.replace(links.clone(), addresses.clone()).into_iter().for_each(|event| follower.follow(event));
            prop_assert_eq!(&follower.links, &view.links);
            prop_assert_eq!(&follower.addresses, &view.addresses);
            let mut fresh = NetworkView::default();
            fresh.replace(links.clone(), addresses.clone());
            prop_assert_eq!(&fresh, &view);
            prop_assert_eq!(view.replace(links, addresses), Vec::new());
        }
    }

    #[test]
    fn a_renewed_lease_is_no_event() {
        let mut view = NetworkView::default();
        let leased = |seconds| Body::Address(address(1, 1, 0, Some(Duration::from_secs(seconds))));
        assert_eq!(view.apply(leased(2)).len(), 1);
        assert_eq!(view.apply(leased(3)), []);
    }

    #[test]
    fn a_tentative_address_is_added_when_it_becomes_usable() {
        let mut view = NetworkView::default();
        assert_eq!(view.apply(Body::Address(address(1, 1, 0x40, None))), []);
        let usable = address(1, 1, 0, None);
        assert_eq!(view.apply(Body::Address(usable.clone())), [Event::AddressAdded(usable)]);
    }

    #[test]
    fn an_address_whose_removal_was_lost_goes_with_its_link() {
        let mut view = NetworkView::default();
        view.apply(Body::Link(link(1, true, true, 1500)));
        view.apply(Body::Address(address(1, 1, 0, None)));
        let events = view.apply(Body::LinkGone(link(1, false, false, 1500)));
        let expected =
            [Event::AddressRemoved(address(1, 1, 0, None)), Event::LinkGone(link(1, true, true, 1500))];
        assert_eq!(events, expected);
    }
}
