//! Sync groups: virtual routers 51 on eth0 and 52 on eth1 of one node, both at priority 100.

use vrrp::*;

use crate::bench::{at, ip, rank, words};

const OUT: IfIndex = IfIndex(2);
const IN: IfIndex = IfIndex(3);
const CHECK: TrackId = TrackId(7);

fn config(iface: IfIndex, vrid: u8) -> InstanceConfig {
    InstanceConfig::new(iface, Vrid::new(vrid).unwrap(), vec![ip(vrid)])
}

fn pair(edit: impl Fn(&mut InstanceConfig)) -> NodeConfig {
    let mut instances = vec![config(OUT, 51), config(IN, 52)];
    instances.iter_mut().for_each(edit);
    let members = instances.iter().map(InstanceConfig::id).collect();
    let group = SyncGroup { id: GroupId(1), members };
    NodeConfig::new(instances).unwrap().with_groups(vec![group]).unwrap()
}

fn link(up: bool) -> Link {
    Link { up, v4: Some([192, 0, 2, 11].into()), v6: None }
}

/// What is said, with the VRID of who says it.
fn said(node: &mut Node) -> Vec<String> {
    let said = std::iter::from_fn(|| node.poll_action());
    said.map(|(id, action)| format!("{}: {}", id.vrid, words(&action))).collect()
}

fn started(edit: impl Fn(&mut InstanceConfig)) -> Node {
    let mut node = Node::new(pair(edit));
    node.handle_link(at(0), OUT, link(true));
    node.handle_link(at(0), IN, link(true));
    node.handle_command(at(0), Command::Start);
    said(&mut node);
    node
}

fn active() -> Node {
    let mut node = started(|_| {});
    node.handle_timeout(at(3610));
    assert_eq!(roles(&node), [Role::Active, Role::Active]);
    said(&mut node);
    node
}

fn roles(node: &Node) -> Vec<Role> {
    node.instances().map(|instance| instance.role).collect()
}

fn group_role(node: &Node) -> Role {
    node.groups().next().unwrap().role
}

/// An advertisement of the peer .12 for one of the two.
fn hear(node: &mut Node, millis: u64, iface: IfIndex, priority: u8) -> Vec<String> {
    let config = config(iface, if iface == OUT { 51 } else { 52 });
    let bytes =
        crate::node::advert(&config, priority).encode(ip(12), Family::V4.group(), Checksum::default());
    let ingress = Ingress { iface, src: ip(12), dst: Family::V4.group(), ttl: 255, payload: &bytes };
    node.handle_packet(at(millis), ingress).unwrap();
    said(node)
}

#[test]
fn all_become_active_together() {
    let mut node = started(|_| {});
    // The outer one hears an Active until 1 s, the inner one nobody.
    hear(&mut node, 1000, OUT, 200);
    node.handle_timeout(at(3610));
    assert_eq!(said(&mut node), Vec::<String>::new());
    assert_eq!(roles(&node), [Role::Backup, Role::Backup]);
    assert!(node.instance(config(IN, 52).id()).unwrap().waiting);
    assert_eq!(node.poll_timeout().unwrap().at, at(4609) + std::time::Duration::from_micros(375));
    node.handle_timeout(at(4610));
    assert_eq!(
        said(&mut node),
        [
            "51: transmit 100",
            "51: install .51",
            "51: announce .51",
            "51: Backup to Active: ActiveDown",
            "52: transmit 100",
            "52: install .52",
            "52: announce .52",
            "52: Backup to Active: ActiveDown",
        ]
    );
    assert_eq!(group_role(&node), Role::Active);
}

#[test]
fn none_becomes_active_while_one_hears_an_active() {
    let mut node = started(|_| {});
    for second in 1..60 {
        hear(&mut node, second * 1000, OUT, 200);
        node.handle_timeout(at(second * 1000 + 1));
        assert_eq!(said(&mut node), Vec::<String>::new());
    }
    assert_eq!(group_role(&node), Role::Backup);
}

#[test]
fn one_that_waits_and_hears_an_active_waits_no_more() {
    let mut node = started(|_| {});
    hear(&mut node, 1000, OUT, 200);
    node.handle_timeout(at(3610));
    hear(&mut node, 4000, IN, 200);
    node.handle_timeout(at(4610));
    assert_eq!(said(&mut node), Vec::<String>::new());
    node.handle_timeout(at(7610));
    assert_eq!(roles(&node), [Role::Active, Role::Active]);
    said(&mut node);
}

#[test]
fn one_that_loses_takes_the_other_with_it() {
    let mut node = active();
    assert_eq!(
        hear(&mut node, 3700, IN, 200),
        [
            "52: transmit 100",
            "52: remove .52",
            "52: transmit 100",
            "52: Active to Backup: beaten by .12 at 200",
            "51: remove .51",
            "51: transmit 0",
            "51: Active to Backup: with 52",
        ]
    );
    assert_eq!(group_role(&node), Role::Backup);
}

#[test]
fn one_that_fails_takes_the_other_with_it_and_brings_it_back() {
    let mut node = active();
    node.handle_link(at(3700), IN, link(false));
    assert_eq!(
        said(&mut node),
        [
            "51: transmit 0",
            "51: remove .51",
            "51: Active to Fault(SyncGroup(InstanceId { iface: IfIndex(3), vrid: Vrid(52), family: V4 })): with 52",
            "52: remove .52",
            "52: Active to Fault(LinkDown): LinkDown",
        ]
    );
    assert_eq!(group_role(&node), Role::Fault(FaultReason::LinkDown));
    node.handle_link(at(5000), IN, link(true));
    let said = said(&mut node);
    assert!(
        said.iter().any(|word| word.starts_with("51: Fault") && word.ends_with("to Backup: with 52")),
        "{said:?}"
    );
    assert!(said.contains(&"52: Fault(LinkDown) to Backup: LinkUp".to_owned()), "{said:?}");
    assert_eq!(group_role(&node), Role::Backup);
}

#[test]
fn two_that_fail_are_held_until_both_recover() {
    let mut node = active();
    node.handle_link(at(3700), IN, link(false));
    said(&mut node);
    node.handle_link(at(3701), OUT, link(false));
    said(&mut node);
    assert_eq!(roles(&node), [Role::Fault(FaultReason::LinkDown); 2]);
    node.handle_link(at(3800), OUT, link(true));
    let held = FaultReason::SyncGroup(config(IN, 52).id());
    assert_eq!(roles(&node), [Role::Fault(held), Role::Fault(FaultReason::LinkDown)]);
    said(&mut node);
    node.handle_link(at(3900), IN, link(true));
    assert_eq!(roles(&node), [Role::Backup; 2]);
    said(&mut node);
}

#[test]
fn a_check_that_all_share_fails_and_recovers_all() {
    let mut node = Node::new(pair(|config| config.trackers = vec![(CHECK, Weight::FAULT)]));
    node.handle_track(at(0), CHECK, Health::Up);
    node.handle_link(at(0), OUT, link(true));
    node.handle_link(at(0), IN, link(true));
    node.handle_command(at(0), Command::Start);
    said(&mut node);
    node.handle_timeout(at(3610));
    assert_eq!(group_role(&node), Role::Active);
    said(&mut node);
    node.handle_track(at(3700), CHECK, Health::Down);
    assert_eq!(roles(&node), [Role::Fault(FaultReason::TrackDown(CHECK)); 2]);
    assert!(said(&mut node).contains(&"52: transmit 0".to_owned()));
    node.handle_track(at(3800), CHECK, Health::Up);
    assert_eq!(roles(&node), [Role::Backup; 2]);
    said(&mut node);
}

#[test]
fn a_check_of_one_holds_the_start_of_all() {
    let mut node = started(|config| {
        if config.iface == IN {
            config.trackers = vec![(CHECK, Weight::FAULT)];
        }
    });
    assert_eq!(roles(&node)[1], Role::Fault(FaultReason::TrackUnknown(CHECK)));
    assert!(matches!(roles(&node)[0], Role::Fault(FaultReason::SyncGroup(_))));
    node.handle_track(at(100), CHECK, Health::Up);
    assert_eq!(roles(&node), [Role::Backup; 2]);
    said(&mut node);
}

#[test]
fn owners_start_together_at_once() {
    let node = started(|config| config.priority = Rank::Owner);
    assert_eq!(roles(&node), [Role::Active; 2]);
}

#[test]
fn a_preempting_group_preempts_as_one() {
    let mut node = started(|_| {});
    for millis in [500, 1500, 2500, 3500] {
        hear(&mut node, millis, OUT, 90);
        hear(&mut node, millis + 1, IN, 90);
    }
    node.handle_timeout(at(3610));
    assert_eq!(roles(&node), [Role::Active; 2]);
    assert!(said(&mut node).contains(&"51: Backup to Active: preempts .12 at 90".to_owned()));
}

#[test]
fn an_invalid_packet_for_one_moves_no_timer_of_the_other() {
    let mut node = started(|_| {});
    hear(&mut node, 1000, IN, 200);
    // A minute later neither timer was looked at: whoever comes next notices, but not by this.
    let due = node.poll_timeout();
    let ingress = Ingress { iface: IN, src: ip(12), dst: Family::V4.group(), ttl: 1, payload: &[0x31, 52] };
    assert!(node.handle_packet(at(61_000), ingress).is_err());
    let bytes =
        crate::node::advert(&config(IN, 52), 200).encode(ip(12), Family::V4.group(), Checksum::default());
    let mut spoilt = bytes;
    spoilt[2] ^= 1;
    let ingress = Ingress { ttl: 255, payload: &spoilt, ..ingress };
    assert_eq!(node.handle_packet(at(61_000), ingress), Err(Discard::BadChecksum));
    assert_eq!((node.poll_timeout(), said(&mut node)), (due, Vec::new()));
}

#[test]
fn a_pause_is_noticed_for_all() {
    let mut node = active();
    // One packet for one of them is all that comes after a minute.
    let said = hear(&mut node, 63_000, OUT, 90);
    assert_eq!(
        said,
        ["51: remove .51", "51: Active to Backup: Paused", "52: remove .52", "52: Active to Backup: Paused",]
    );
}

#[test]
fn a_stop_is_no_matter_of_the_group() {
    let mut node = active();
    node.handle_command(at(3700), Command::Stop);
    let said = said(&mut node);
    assert!(said.contains(&"51: Active to Initialize: Command".to_owned()), "{said:?}");
    assert!(said.contains(&"52: Active to Initialize: Command".to_owned()), "{said:?}");
    assert_eq!(group_role(&node), Role::Initialize);
}

#[test]
fn a_reload_that_adds_a_member_to_an_active_group_lets_it_join() {
    let single = config(OUT, 51);
    let mut node = Node::new(NodeConfig::new(vec![single]).unwrap());
    node.handle_link(at(0), OUT, link(true));
    node.handle_link(at(0), IN, link(true));
    node.handle_command(at(0), Command::Start);
    said(&mut node);
    node.handle_timeout(at(3610));
    said(&mut node);
    node.handle_command(at(3611), Command::Reconfigure(pair(|_| {})));
    assert_eq!(said(&mut node), ["52: Initialize to Backup: Reconfigured"]);
    assert_eq!(roles(&node), [Role::Active, Role::Backup]);
    for millis in [4610, 5610, 6610, 7300] {
        node.handle_timeout(at(millis));
        said(&mut node);
    }
    assert_eq!(roles(&node), [Role::Active; 2]);
    said(&mut node);
}

#[test]
fn a_reload_that_ends_the_group_lets_the_one_that_waits_go() {
    let mut node = started(|_| {});
    hear(&mut node, 3000, OUT, 200);
    node.handle_timeout(at(3610));
    let apart = NodeConfig::new(vec![config(OUT, 51), config(IN, 52)]).unwrap();
    node.handle_command(at(5000), Command::Reconfigure(apart));
    said(&mut node);
    node.handle_timeout(at(5000));
    assert_eq!(roles(&node), [Role::Backup, Role::Active]);
    assert!(said(&mut node).contains(&"52: Backup to Active: ActiveDown".to_owned()));
}

#[test]
fn groups_have_members_that_are_there_and_in_one_group_only() {
    let instances = || NodeConfig::new(vec![config(OUT, 51), config(IN, 52)]).unwrap();
    let group = |id, members: &[InstanceConfig]| SyncGroup {
        id: GroupId(id),
        members: members.iter().map(InstanceConfig::id).collect(),
    };
    let stranger = instances().with_groups(vec![group(1, &[config(OUT, 60)])]);
    assert_eq!(
        stranger.unwrap_err().to_string(),
        "a sync group has virtual router 60 on interface 2, which is not configured"
    );
    let twice = instances().with_groups(vec![group(1, &[config(OUT, 51)]), group(2, &[config(OUT, 51)])]);
    assert_eq!(twice.unwrap_err().to_string(), "virtual router 51 on interface 2 is in sync groups twice");
}

#[test]
fn a_priority_that_falls_in_one_alone_hands_nothing_over() {
    let mut node = Node::new(pair(|config| {
        if config.iface == IN {
            config.trackers = vec![(CHECK, Weight::new(-20).unwrap())];
        }
    }));
    node.handle_link(at(0), OUT, link(true));
    node.handle_link(at(0), IN, link(true));
    node.handle_command(at(0), Command::Start);
    said(&mut node);
    node.handle_timeout(at(3610));
    said(&mut node);
    node.handle_track(at(3700), CHECK, Health::Down);
    assert_eq!(said(&mut node), ["52: transmit 0"]);
    assert_eq!(node.instance(config(IN, 52).id()).unwrap().effective_priority, rank(80));
    assert_eq!(roles(&node), [Role::Active; 2]);
}
