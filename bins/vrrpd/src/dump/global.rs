//! What keepalived's parent process writes: `global_defs`, with its labels.

use std::fmt::Write;

use config::keepalived::GlobalDefs;

/// `keepalived_parent.data`
pub(super) fn text(global: &GlobalDefs) -> String {
    let mut out = String::from("------< Global definitions >------\n");
    // Writing to a string does not fail.
    let _ = lines(&mut out, global);
    out
}

fn lines(out: &mut String, global: &GlobalDefs) -> std::fmt::Result {
    let scheduling = &global.scheduling;
    if let Some(name) = &global.instance {
        writeln!(out, " Instance = {name}")?;
    }
    if let Some(name) = &global.router_id {
        writeln!(out, " Router ID = {name}")?;
    }
    writeln!(out, " Dynamic interfaces = {}", global.dynamic_interfaces)?;
    writeln!(out, " FIFO write vrrp states on reload = {}", global.fifo_write_states_on_reload)?;
    writeln!(out, " Max auto priority = {}", scheduling.max_auto_priority.unwrap_or(0))?;
    let delay = scheduling.min_auto_priority_delay.unwrap_or(1_000_000);
    writeln!(out, " Min auto priority delay = {delay} usecs")?;
    writeln!(out, " VRRP process priority = {}", scheduling.nice.unwrap_or(0))?;
    writeln!(out, " VRRP don't swap = {}", scheduling.no_swap)?;
    writeln!(out, " VRRP realtime priority = {}", scheduling.rt_priority.unwrap_or(0))?;
    if let Some(limit) = scheduling.rlimit_rttime {
        writeln!(out, " VRRP realtime limit = {limit}")?;
    }
    let security = if global.enable_script_security { "enabled" } else { "disabled" };
    writeln!(out, " Script security {security}")?;
    if let Some(mask) = global.umask {
        writeln!(out, " umask = 0{mask:03o}")?;
    }
    writeln!(out, " vrrp_startup_delay = {}", global.startup_delay.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// keepalived 2.2.7 wrote these lines among others for `router_id x`, `vrrp_rt_priority 10`, `vrrp_rlimit_rttime 10000`,
    /// `enable_script_security`, `umask 0177` and `vrrp_startup_delay 1`.
    #[test]
    fn the_lines_are_keepalived_s() {
        let mut global = GlobalDefs {
            router_id: Some("x".to_owned()),
            enable_script_security: true,
            umask: Some(0o177),
            startup_delay: Duration::from_secs(1),
            ..GlobalDefs::default()
        };
        global.scheduling.rt_priority = Some(10);
        global.scheduling.rlimit_rttime = Some(10_000);
        let theirs = "------< Global definitions >------\n Router ID = x\n Dynamic interfaces = false\n \
                      FIFO write vrrp states on reload = false\n Max auto priority = 0\n \
                      Min auto priority delay = 1000000 usecs\n VRRP process priority = 0\n VRRP don't swap = false\n \
                      VRRP realtime priority = 10\n VRRP realtime limit = 10000\n Script security enabled\n \
                      umask = 0177\n vrrp_startup_delay = 1\n";
        assert_eq!(text(&global), theirs);
    }
}
