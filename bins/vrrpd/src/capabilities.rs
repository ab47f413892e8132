//! Whether the kernel will let this process do its work.

use std::fs;

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
