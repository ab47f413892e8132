//! keepalived's text dumps, with its labels: exporters look for these.

use std::fmt::Write;

use config::keepalived::{Auth, Tracked, Version, VrrpInstance};
use vrrp::{InstanceSnapshot, Role};

use super::{Subject, json};
use crate::status::role;

/// `keepalived.data`
pub(super) fn state(subject: &Subject<'_>) -> String {
    let mut out = String::from("------< VRRP Topology >------\n");
    for (config, snapshot) in &subject.instances {
        // Writing to a string does not fail.
        let _ = instance(&mut out, subject, config, snapshot);
    }
    out
}

/// `keepalived.stats`
pub(super) fn stats(subject: &Subject<'_>) -> String {
    let mut out = String::new();
    for (config, snapshot) in &subject.instances {
        let counters = subject.counters(snapshot);
        let of =
            |name: &str| counters.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count);
        let _ = writeln!(out, "VRRP Instance: {}", config.name);
        let sections: [(&str, &[(&str, &str)]); 4] = [
            ("Advertisements", &[("Received", "advert_rcvd"), ("Sent", "advert_sent")]),
            (
                "Packet Errors",
                &[
                    ("Length", "packet_len_err"),
                    ("TTL", "ip_ttl_err"),
                    ("Invalid Type", "invalid_type_rcvd"),
                    ("Advertisement Interval", "advert_interval_err"),
                    ("Address List", "addr_list_err"),
                ],
            ),
            (
                "Authentication Errors",
                &[
                    ("Invalid Type", "invalid_authtype"),
                    ("Type Mismatch", "authtype_mismatch"),
                    ("Failure", "auth_failure"),
                ],
            ),
            ("Priority Zero", &[("Received", "pri_zero_rcvd"), ("Sent", "pri_zero_sent")]),
        ];
        for (index, (title, lines)) in sections.into_iter().enumerate() {
            let _ = writeln!(out, "  {title}:");
            for (label, name) in lines {
                let _ = writeln!(out, "    {label}: {}", of(name));
            }
            if index == 0 {
                let _ = writeln!(out, "  Became master: {}", of("become_master"));
                let _ = writeln!(out, "  Released master: {}", of("release_master"));
            }
        }
    }
    out
}

fn instance(
    out: &mut String,
    subject: &Subject<'_>,
    config: &VrrpInstance,
    snapshot: &InstanceSnapshot,
) -> std::fmt::Result {
    let enabled = |yes: bool| if yes { "enabled" } else { "disabled" };
    let wanted = match snapshot.role {
        Role::Fault(_) => Role::Backup,
        role => role,
    };
    writeln!(out, " VRRP Instance = {}", config.name)?;
    writeln!(out, "   VRRP Version = {}", if config.version == Version::V2 { 2 } else { 3 })?;
    writeln!(out, "   State = {}", role(snapshot.role))?;
    writeln!(out, "   Wantstate = {}", role(wanted))?;
    writeln!(out, "   Last transition = {:.6}", subject.last_transition(snapshot))?;
    writeln!(out, "   Interface = {}", config.interface)?;
    if let Some(source) = snapshot.source {
        writeln!(out, "   Using src_ip = {source}")?;
    }
    if let Some(master) = snapshot.active.filter(|active| Some(*active) != snapshot.source) {
        writeln!(out, "   Master router = {master}")?;
    }
    writeln!(out, "   Gratuitous ARP delay = {}", config.garp.master_delay.as_secs_f64())?;
    writeln!(out, "   Gratuitous ARP repeat = {}", config.garp.master_repeat)?;
    writeln!(out, "   Gratuitous ARP refresh = {}", config.garp.master_refresh.as_secs())?;
    writeln!(out, "   Gratuitous ARP refresh repeat = {}", config.garp.master_refresh_repeat)?;
    writeln!(out, "   Gratuitous ARP lower priority delay = {}", config.garp.lower_prio_delay.as_secs_f64())?;
    writeln!(out, "   Gratuitous ARP lower priority repeat = {}", config.garp.lower_prio_repeat)?;
    if let Some(extra) = config.garp.extra_if {
        writeln!(out, "   Gratuitous ARP for each secondary i/f = {}", extra.period.as_secs())?;
    }
    writeln!(out, "   Down timer adverts = {}", config.down_timer_adverts)?;
    writeln!(out, "   Virtual Router ID = {}", config.virtual_router_id)?;
    writeln!(out, "   Priority = {}", snapshot.base_priority)?;
    writeln!(out, "   Effective priority = {}", snapshot.effective_priority)?;
    let interval = config.advert_int;
    if interval.subsec_nanos() == 0 {
        writeln!(out, "   Advert interval = {} sec", interval.as_secs())?;
    } else {
        writeln!(out, "   Advert interval = {} milli-sec", interval.as_millis())?;
    }
    writeln!(out, "   Accept = {}", enabled(config.accept))?;
    writeln!(out, "   Preempt = {}", enabled(config.preempt))?;
    writeln!(out, "   Promote_secondaries = {}", enabled(config.promote_secondaries))?;
    if let Some(Auth::Pass(_)) = config.auth {
        writeln!(out, "   Authentication type = SIMPLE_PASSWORD")?;
    }
    let held = snapshot.role == Role::Active;
    for (title, list) in [
        ("Virtual IP", &config.virtual_ipaddress),
        ("Virtual IP Excluded", &config.virtual_ipaddress_excluded),
    ] {
        if !list.is_empty() {
            writeln!(out, "   {title} ({}):", list.len())?;
            for vip in list {
                writeln!(out, "     {}", json::address(vip, held))?;
            }
        }
    }
    if !config.unicast_peer.is_empty() {
        writeln!(out, "   Unicast Peer :")?;
        for peer in &config.unicast_peer {
            writeln!(out, "     {}", peer.addr)?;
        }
    }
    tracked(out, "Tracked interfaces", &config.track_interface)?;
    tracked(out, "Tracked scripts", &config.track_script)?;
    tracked(out, "Tracked files", &config.track_file)?;
    tracked(out, "Tracked processes", &config.track_process)
}

fn tracked(out: &mut String, title: &str, list: &[Tracked]) -> std::fmt::Result {
    if !list.is_empty() {
        writeln!(out, "   {title} :")?;
    }
    for Tracked { name, weight, reverse, .. } in list {
        writeln!(out, "     {name} weight {weight}{}", if *reverse { " reverse" } else { "" })?;
    }
    Ok(())
}
