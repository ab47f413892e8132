//! lbd, with HAProxy's own configuration.

use super::{Ports, Setup, haproxy};

pub(super) fn config(setup: &Setup<'_>, ports: Ports) -> String {
    // The heartbeat is for vrrpd, and its default path may belong to an lbd in service.
    haproxy::text(setup, ports, "    no heartbeat\n")
}
