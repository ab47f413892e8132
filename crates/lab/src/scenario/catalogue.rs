//! The scenarios.

use crate::configs::Timing;
use crate::error::Error;
use crate::lab::Setup;
use crate::peers::Balancer;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is done to the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Application server 1 is killed; later it is started again.
    AppKilled,
    /// Application server 1 answers its health checks with 503; later with 200 again.
    AppSick,
    /// The balancer of node 1 is killed (SIGKILL); later it is started again.
    BalancerKilled,
    /// The balancer of node 1 hangs (SIGSTOP); later it goes on.
    BalancerHung,
    /// Node 1 loses power; later it boots.
    NodeOff,
    /// The router of node 1 is stopped properly (SIGTERM); later it is started again.
    RouterStopped,
    /// All processes of node 1's router are killed at once (SIGKILL); later it is started again.
    RouterKilled,
    /// All processes of node 1's router hang (SIGSTOP); later they go on.
    RouterHung,
}

/// One fault and its repair, with the names an operator sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// As `--only` takes it.
    pub name: &'static str,
    /// What happens, in words.
    pub title: &'static str,
    /// What the repair is called.
    pub repair: &'static str,
    /// What is done.
    pub fault: Fault,
}

/// All scenarios, in the order in which they are played.
#[must_use]
pub const fn catalogue() -> &'static [Scenario] {
    &SCENARIOS
}

/// The scenario of this name.
pub fn find(name: &str) -> Result<&'static Scenario, Error> {
    SCENARIOS
        .iter()
        .find(|scenario| scenario.name == name)
        .ok_or_else(|| Error::UnknownScenario(name.to_owned()))
}

impl Scenario {
    /// How long the fault lasts: long enough for everything that can follow from it under this setup.
    #[must_use]
    pub fn watch(&self, setup: &Setup) -> Duration {
        let (classic, fast) = match self.fault {
            Fault::AppKilled if setup.software[0].balancer == Balancer::Lbd => (4, 3),
            // Until three checks have failed.
            Fault::AppKilled | Fault::AppSick => {
                return 3 * setup.timing.check_interval() + Duration::from_secs(2);
            }
            Fault::BalancerKilled | Fault::BalancerHung if setup.tracks_heartbeat(1) => (4, 2),
            // keepalived needs 8 s.
            Fault::BalancerKilled => (9, 3),
            Fault::BalancerHung => (6, 3),
            Fault::NodeOff => (6, 2),
            Fault::RouterStopped => (3, 2),
            // The lease must have the time to run out.
            Fault::RouterKilled | Fault::RouterHung => (7, 4),
        };
        Duration::from_secs(match setup.timing {
            Timing::Classic => classic,
            Timing::Fast => fast,
        })
    }
}

const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "app-killed",
        title: "an application server is killed under load",
        repair: "it is started again",
        fault: Fault::AppKilled,
    },
    Scenario {
        name: "app-sick",
        title: "an application server fails its health checks",
        repair: "it is well again",
        fault: Fault::AppSick,
    },
    Scenario {
        name: "lbd-killed",
        title: "the balancer of node 1 is killed",
        repair: "it is started again, and node 1 takes over",
        fault: Fault::BalancerKilled,
    },
    Scenario {
        name: "lbd-hung",
        title: "the balancer of node 1 hangs",
        repair: "it goes on, and node 1 takes over",
        fault: Fault::BalancerHung,
    },
    Scenario {
        name: "node-off",
        title: "node 1 loses power",
        repair: "it boots and takes over",
        fault: Fault::NodeOff,
    },
    Scenario {
        name: "vrrpd-stopped",
        title: "the router of node 1 is stopped properly",
        repair: "it is started again, and node 1 takes over",
        fault: Fault::RouterStopped,
    },
    Scenario {
        name: "vrrpd-killed",
        title: "the router of node 1 is killed",
        repair: "it is started again, and node 1 takes over",
        fault: Fault::RouterKilled,
    },
    Scenario {
        name: "vrrpd-hung",
        title: "the router of node 1 hangs",
        repair: "it goes on, and node 1 takes over",
        fault: Fault::RouterHung,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_scenario_is_found_by_its_own_name() {
        let names: BTreeSet<&str> = catalogue().iter().map(|scenario| scenario.name).collect();
        assert_eq!(names.len(), catalogue().len());
        for scenario in catalogue() {
            assert_eq!(find(scenario.name).unwrap(), scenario);
        }
        assert!(matches!(find("lunch"), Err(Error::UnknownScenario(_))));
    }
}
