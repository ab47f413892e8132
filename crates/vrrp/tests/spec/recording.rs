//! Inputs and actions survive being written down.

use std::time::Duration;

use serde_json::{from_str, to_string};
use vrrp::*;

use crate::bench::{config, ip};

fn advertisement() -> Advertisement {
    let InstanceConfig { vrid, interval, addresses, auth, .. } = config();
    Advertisement::new(Version::V3, vrid, Advertised::Resign, interval, addresses, auth).unwrap()
}

#[test]
fn actions_round_trip_through_json() {
    let cause = Cause::HigherPriority { peer: ip(12), priority: Advertised::Owner };
    for action in [
        Action::InstallVips { addresses: vec![ip(100)] },
        Action::Transmit(advertisement()),
        Action::Announce { addresses: vec!["fe80::1".parse().unwrap()] },
        Action::Transitioned {
            from: Role::Active,
            to: Role::Fault(FaultReason::TrackDown(TrackId(7))),
            cause,
        },
    ] {
        let text = to_string(&action).unwrap();
        assert_eq!(from_str::<Action>(&text).unwrap(), action, "{text}");
    }
}

#[test]
fn commands_round_trip_through_json() {
    let mut config = config();
    config.preempt = Preempt::Delayed(Duration::from_millis(1500));
    config.trackers = vec![(TrackId(1), Weight::new(-20).unwrap())];
    let command = Command::Reconfigure(NodeConfig::new(vec![config]).unwrap());
    let text = to_string(&command).unwrap();
    assert_eq!(from_str::<Command>(&text).unwrap(), command);
}

#[test]
fn what_is_read_back_is_checked() {
    let text = to_string(&advertisement()).unwrap();
    for (valid, invalid) in
        [("\"vrid\":51", "\"vrid\":0"), ("\"interval\":100", "\"interval\":5000"), ("192.0.2.100", "x")]
    {
        assert!(text.contains(valid), "{text}");
        assert!(from_str::<Advertisement>(&text.replace(valid, invalid)).is_err(), "{invalid}");
    }
    assert!(from_str::<Weight>("255").is_err());
    assert!(from_str::<Priority>("255").is_err());
}
