//! Whether the kernel will let this process do its work, and that it lets it do nothing else.

use std::fs;
use std::io;

use config::keepalived::Config;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, no_new_privs, set_capabilities, set_no_new_privs,
};

const NET_ADMIN: u32 = 12;
const NET_RAW: u32 = 13;

/// A capability is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "vrrpd needs {0}: run it as root, or run `setcap cap_net_admin,cap_net_raw+ep` on the binary, \
     or give its systemd unit `AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW`"
)]
pub(crate) struct MissingCapability(&'static str);

/// Checks the capabilities to change addresses and to open raw sockets. What cannot be read is left to the kernel's
/// own answers.
pub(crate) fn check() -> Result<(), MissingCapability> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    effective(&status).map_or(Ok(()), judge)
}

/// Gives up every capability that this configuration does not need, for this process and those that it forks off. A
/// program that it starts as root has root's again, within the limits of the service unit; where no program is
/// configured, none can get any.
pub(crate) fn keep_only_needed(config: &Config) -> io::Result<()> {
    let have = capabilities(None)?;
    let kept = have.permitted & needed(config);
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, ..have })?;
    if !runs_programs(config) {
        set_no_new_privs(true)?;
    }
    Ok(())
}

/// Whether programs of this configuration, read again, can be given what they may need: `false` after a start without any.
pub(crate) fn suffice(config: &Config) -> bool {
    !runs_programs(config) || !no_new_privs().unwrap_or(false)
}

/// Addresses and raw sockets; for programs of other users their identity, and to end them; what scheduling and FIFOs that
/// belong to others take.
fn needed(config: &Config) -> CapabilitySet {
    use CapabilitySet as Set;
    let global = &config.global;
    let mut needed = Set::NET_ADMIN | Set::NET_RAW | Set::SETUID | Set::SETGID | Set::KILL;
    if global.scheduling != config::keepalived::Scheduling::default() {
        // For a worker that is started again, and memory that it takes later.
        needed |= Set::SYS_NICE | Set::IPC_LOCK;
    }
    if global.notify_fifo.is_some() || global.vrrp_notify_fifo.is_some() {
        needed |= Set::CHOWN | Set::DAC_OVERRIDE;
    }
    if global.prometheus_listen.is_some_and(|address| address.port() < 1024) {
        needed |= Set::NET_BIND_SERVICE;
    }
    needed
}

fn runs_programs(config: &Config) -> bool {
    let global = &config.global;
    let notified = config.instances.iter().map(|instance| &instance.notify);
    let groups = config.groups.iter().map(|group| &group.notify);
    let fifo = |fifo: &Option<config::keepalived::NotifyFifo>| {
        fifo.as_ref().is_some_and(|fifo| fifo.script.is_some())
    };
    !config.scripts.is_empty()
        || notified.chain(groups).any(|notify| notify.commands().next().is_some())
        || fifo(&global.notify_fifo)
        || fifo(&global.vrrp_notify_fifo)
        || global.startup_script.is_some()
        || global.shutdown_script.is_some()
}

fn effective(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

fn judge(effective: u64) -> Result<(), MissingCapability> {
    let has = |capability: u32| effective & (1 << capability) != 0;
    match (has(NET_ADMIN), has(NET_RAW)) {
        (true, true) => Ok(()),
        (false, true) => Err(MissingCapability("CAP_NET_ADMIN")),
        (true, false) => Err(MissingCapability("CAP_NET_RAW")),
        (false, false) => Err(MissingCapability("CAP_NET_ADMIN and CAP_NET_RAW")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_capability_is_named() {
        let status = "Name:\tvrrpd\nCapEff:\t0000000000003000\nCapBnd:\t0000000000000000\n";
        assert_eq!(effective(status), Some(0x3000));
        for (capabilities, missing) in [
            (0x3000, None),
            (0x1000, Some("CAP_NET_RAW")),
            (0x2000, Some("CAP_NET_ADMIN")),
            (0, Some("CAP_NET_ADMIN and CAP_NET_RAW")),
        ] {
            assert_eq!(judge(capabilities).err().map(|error| error.0), missing);
        }
    }
}
