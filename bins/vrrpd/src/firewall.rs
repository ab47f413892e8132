//! `no_accept`: packets to virtual addresses that are not this router's own are dropped (RFC 9568 §6.1, Accept_Mode), by a
//! table of nftables.
//!
//! The table names the addresses whatever the role: only an Active has them, and only to who has an address are packets
//! delivered. Nothing is to be done when the role changes, and no packet comes between the address and its rule.
//!
//! Each daemon has a table of its own, named after its guardian, which makes sure at the start that no dead daemon's is
//! there, and takes its own away at the end. A worker that dies leaves it to the next one.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use config::keepalived::{Config, VrrpInstance};

use crate::log::say;

/// Where distributions have the program. The search path of a service, or of somebody else, decides nothing here.
const PROGRAMS: [&str; 4] = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"];
/// The table of the daemon with process number N is `vrrpd_N`.
const TABLE: &str = "vrrpd_";
/// The priority of a router that owns its addresses, and takes packets to them in any case.
const OWNER: u8 = 255;

/// Why packets are not dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FirewallError {
    /// There is no program for it.
    #[error("the program nft is not there: install the package nftables, or write `accept`")]
    Missing,
    /// It cannot be run.
    #[error("nft cannot be run: {0}")]
    Run(#[from] io::Error),
    /// What it says.
    #[error("nft failed: {0}")]
    Refused(String),
}

/// The table of this daemon.
#[derive(Debug)]
pub(crate) struct Firewall {
    table: String,
    /// What the kernel drops packets to.
    dropped: BTreeSet<IpAddr>,
}

impl Firewall {
    /// That of the daemon with this guardian. A worker before this one may have left it.
    pub(crate) fn new(guardian: u32) -> Self {
        Self { table: format!("{TABLE}{guardian}"), dropped: BTreeSet::new() }
    }

    /// Drops packets to the addresses of this configuration that are not accepted, and to no others; in one step.
    pub(crate) fn apply(&mut self, config: &Config) -> Result<(), FirewallError> {
        let wanted = refused(config);
        if wanted == self.dropped {
            return Ok(());
        }
        let mut script = deletion(&self.table);
        if !wanted.is_empty() {
            script += &creation(&self.table, &wanted);
        }
        nft(&script)?;
        self.dropped = wanted;
        Ok(())
    }
}

/// Whether what `config` asks for can be done here.
pub(crate) fn suffices(config: &Config) -> bool {
    refused(config).is_empty() || program().is_some()
}

/// Whether packets to its addresses are to be dropped.
pub(crate) fn refuses(instance: &VrrpInstance) -> bool {
    !instance.accept && instance.priority != OWNER
}

/// Takes away the tables of daemons that are dead, and that of this process. Without the program there are none.
pub(crate) fn clear() {
    if program().is_none() {
        return;
    }
    let cleared = nft("list tables inet\n").and_then(|tables| {
        let ours = std::process::id();
        let mut script = String::new();
        for table in tables.lines().filter_map(|line| line.strip_prefix("table inet ")) {
            let owner = table.strip_prefix(TABLE).and_then(|number| number.parse::<u32>().ok());
            if owner.is_some_and(|owner| owner == ours || !Path::new(&format!("/proc/{owner}")).exists()) {
                script += &deletion(table);
            }
        }
        if script.is_empty() { Ok(String::new()) } else { nft(&script) }
    });
    if let Err(error) = cleared {
        say(&format!("tables of `no_accept` that an earlier run may have left are not cleared: {error}"));
    }
}

/// The virtual addresses that packets are not accepted for.
fn refused(config: &Config) -> BTreeSet<IpAddr> {
    let instances = config.instances.iter().filter(|instance| refuses(instance));
    let addresses = instances
        .flat_map(|instance| instance.virtual_ipaddress.iter().chain(&instance.virtual_ipaddress_excluded));
    addresses.map(|address| address.addr).collect()
}

/// Takes it away whether or not it is there.
fn deletion(table: &str) -> String {
    format!("table inet {table}\ndelete table inet {table}\n")
}

/// Neighbour discovery asks the address itself whether it is still there.
fn creation(table: &str, addresses: &BTreeSet<IpAddr>) -> String {
    let mut script = format!(
        "table inet {table} {{\n chain input {{\n  type filter hook input priority -1; policy accept;\n  \
         icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept\n"
    );
    let (v4, v6): (Vec<&IpAddr>, Vec<&IpAddr>) = addresses.iter().partition(|address| address.is_ipv4());
    for (family, addresses) in [("ip", v4), ("ip6", v6)] {
        if !addresses.is_empty() {
            let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            // A string takes everything.
            let _ = writeln!(script, "  {family} daddr {{ {} }} drop", list.join(", "));
        }
    }
    script + " }\n}\n"
}

fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| Path::new(program).exists())
}

/// Has it carry out a script, all of it or nothing; what it prints.
fn nft(script: &str) -> Result<String, FirewallError> {
    let program = program().ok_or(FirewallError::Missing)?;
    let mut child = Command::new(program)
        .args(["-f", "-"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Why it does not listen it says itself.
        let _ = stdin.write_all(script.as_bytes());
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let first = complaint.lines().next().unwrap_or_default();
    Err(FirewallError::Refused(if first.is_empty() { output.status.to_string() } else { first.to_owned() }))
}

#[cfg(test)]
mod tests {
    use std::io;

    use config::keepalived::{Options, parse};
    use config::source::Sources;

    use super::*;

    #[test]
    fn packets_to_what_is_owned_or_accepted_are_not_dropped() {
        let instance = |vrid: u8, more: &str| {
            format!(
                "vrrp_instance I{vrid} {{\ninterface eth0\nvirtual_router_id {vrid}\n{more}\nvirtual_ipaddress {{\n\
                 192.0.2.{vrid}\n}}\nvirtual_ipaddress_excluded {{\n2001:db8::{vrid}\n}}\n}}\n"
            )
        };
        let text = instance(1, "no_accept")
            + &instance(2, "")
            + &instance(3, "strict_mode on")
            + &instance(4, "no_accept\npriority 255");
        let mut sources = Sources::new();
        let file = sources.add("keepalived.conf", text.as_str());
        let no_includes = |_: &Path| -> io::Result<Vec<u8>> { Err(io::ErrorKind::NotFound.into()) };
        let (config, diagnostics) = parse(&mut sources, file, &Options::default(), &no_includes);
        let config = config.unwrap_or_else(|| panic!("{diagnostics:?}"));
        let expected = ["192.0.2.1", "192.0.2.3", "2001:db8::1", "2001:db8::3"];
        assert_eq!(refused(&config), expected.iter().map(|address| address.parse().unwrap()).collect());
    }
}
