//! keepalived's JSON, versions 1 and 2. The password is not in it; keepalived 2.2 prints it.

use config::keepalived::{
    Auth, Command, JsonVersion, ParamMatch, Scope, Tracked, Version, VirtualAddress, VrrpInstance,
};
use serde_json::{Map, Value, json};
use vrrp::{Discard, InstanceSnapshot, InstanceStats, Role};

use super::{Subject, number};

const PASSWORD: &str = "****";

/// The whole document.
pub(super) fn render(subject: &Subject<'_>) -> Value {
    let instance = |(instance, snapshot): &(&VrrpInstance, InstanceSnapshot)| json!({ "data": data(subject, instance, snapshot), "stats": stats(subject, snapshot) });
    let instances: Vec<Value> = subject.instances.iter().map(instance).collect();
    match subject.config.global.dumps.json_version {
        JsonVersion::V1 => Value::Array(instances),
        JsonVersion::V2 => {
            let mut document = Map::new();
            document.insert("vrrp".to_owned(), instances.into());
            let processes: Vec<Value> =
                subject.processes.iter().map(|(plan, up)| process(plan, *up)).collect();
            if !processes.is_empty() {
                document.insert("track_process".to_owned(), processes.into());
            }
            document.into()
        }
    }
}

fn data(subject: &Subject<'_>, instance: &VrrpInstance, snapshot: &InstanceSnapshot) -> Value {
    let garp = &instance.garp;
    // As keepalived: what a BACKUP hears, and 0 for oneself.
    let heard = snapshot.active.filter(|active| Some(*active) != snapshot.source);
    let master = heard.and_then(|active| snapshot.peers.iter().find(|peer| peer.address == active));
    let seconds = |time: std::time::Duration| seconds(time.as_secs_f64());
    let state = number(snapshot.role);
    let wanted = if matches!(snapshot.role, Role::Fault(_)) { 1 } else { state };
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| drop(data.insert(name.to_owned(), value));
    put("iname", json!(instance.name));
    put("dont_track_primary", json!(u8::from(instance.dont_track_primary)));
    put("skip_check_adv_addr", json!(u8::from(instance.skip_check_adv_addr)));
    put("strict_mode", json!(u8::from(instance.strict_mode)));
    put("vmac_ifname", json!(instance.vmac.as_ref().map_or("", |vmac| vmac.name.as_str())));
    put("ifp_ifname", json!(instance.interface));
    put("master_priority", json!(master.map_or(0, |master| master.advertised.get())));
    put("last_transition", json!(subject.last_transition(snapshot)));
    put("garp_delay", seconds(garp.master_delay));
    put("garp_refresh", json!(garp.master_refresh.as_secs()));
    put("garp_rep", json!(garp.master_repeat));
    put("garp_refresh_rep", json!(garp.master_refresh_repeat));
    put("garp_lower_prio_delay", json!(garp.lower_prio_delay.as_secs()));
    put("garp_lower_prio_rep", json!(garp.lower_prio_repeat));
    put("lower_prio_no_advert", json!(u8::from(instance.lower_prio_no_advert)));
    put("higher_prio_send_advert", json!(u8::from(instance.higher_prio_send_advert)));
    put("vrid", json!(instance.virtual_router_id));
    put("base_priority", json!(snapshot.base_priority.get()));
    put("effective_priority", json!(snapshot.effective_priority.get()));
    put("vipset", json!(snapshot.role == Role::Active));
    put("promote_secondaries", json!(instance.promote_secondaries));
    put("adver_int", seconds(instance.advert_int));
    put("master_adver_int", seconds(snapshot.active_interval.to_duration()));
    put("accept", json!(u8::from(instance.accept)));
    put("nopreempt", json!(!instance.preempt));
    put("preempt_delay", json!(instance.preempt_delay.as_secs()));
    put("state", json!(state));
    put("wantstate", json!(wanted));
    put("version", json!(if instance.version == Version::V2 { 2 } else { 3 }));
    put("smtp_alert", json!(false));
    put("notify_deleted", json!(instance.notify.tell_deleted));
    let scripts: [(&str, &Option<Command>); 7] = [
        ("script_backup", &instance.notify.backup),
        ("script_master", &instance.notify.master),
        ("script_fault", &instance.notify.fault),
        ("script_stop", &instance.notify.stop),
        ("script_deleted", &instance.notify.deleted),
        ("script", &instance.notify.any),
        ("script_master_rx_lower_pri", &instance.notify.master_rx_lower_pri),
    ];
    for (name, command) in scripts {
        if let Some(command) = command {
            put(name, json!(command.raw));
        }
    }
    let held = snapshot.role == Role::Active;
    let tracked = |list: &[Tracked]| list.iter().map(|tracked| tracked.name.clone()).collect();
    let script = |tracked: &Tracked| {
        let script = subject.config.script(&tracked.name);
        script.map_or_else(|| tracked.name.clone(), |script| format!("'{}'", script.script.argv.join("' '")))
    };
    let lists: [(&str, Vec<String>); 5] = [
        ("vips", instance.virtual_ipaddress.iter().map(|vip| address(vip, held)).collect()),
        ("evips", instance.virtual_ipaddress_excluded.iter().map(|vip| address(vip, held)).collect()),
        ("track_ifp", tracked(&instance.track_interface)),
        ("track_script", instance.track_script.iter().map(script).collect()),
        ("track_process", tracked(&instance.track_process)),
    ];
    for (name, list) in lists {
        if !list.is_empty() {
            put(name, json!(list));
        }
    }
    put("auth_type", json!(u8::from(instance.auth.is_some())));
    if let Some(Auth::Pass(_)) = &instance.auth {
        put("auth_data", json!(PASSWORD));
    }
    data.into()
}

/// keepalived writes whole numbers without a fraction.
fn seconds(seconds: f64) -> Value {
    if seconds.fract() == 0.0 { json!(seconds as u64) } else { json!(seconds) }
}

/// As keepalived shows an address.
pub(super) fn address(vip: &VirtualAddress, set: bool) -> String {
    let host = if vip.addr.is_ipv4() { 32 } else { 128 };
    let mut text = vip.addr.to_string();
    if vip.prefix_len != host && vip.peer.is_none() {
        text += &format!("/{}", vip.prefix_len);
    }
    let scope = match vip.scope {
        Scope::Global => "global".to_owned(),
        Scope::Site => "site".to_owned(),
        Scope::Link => "link".to_owned(),
        Scope::Host => "host".to_owned(),
        Scope::Nowhere => "nowhere".to_owned(),
        Scope::Number(number) => number.to_string(),
    };
    text += &format!(" dev {} scope {scope}", vip.dev);
    if let Some(peer) = vip.peer {
        text += &format!(" peer {peer}/{}", vip.prefix_len);
    }
    if let Some(label) = &vip.label {
        text += &format!(" label {label}");
    }
    if set {
        text += " set";
    }
    text
}

/// keepalived's counters with their names.
pub(super) fn counters(stats: &InstanceStats) -> [(&'static str, u64); 20] {
    let of = |discard| stats.discards.get(discard);
    [
        ("advert_rcvd", stats.adverts_received),
        ("advert_sent", stats.adverts_sent),
        ("become_master", stats.become_active),
        ("release_master", stats.release_active),
        ("packet_len_err", of(Discard::Truncated) + of(Discard::TrailingBytes)),
        ("advert_interval_err", of(Discard::IntervalMismatch) + of(Discard::ZeroInterval)),
        ("ip_ttl_err", of(Discard::BadTtl)),
        ("invalid_type_rcvd", of(Discard::BadType)),
        ("addr_list_err", stats.address_list_errors + of(Discard::ZeroCount)),
        ("invalid_authtype", of(Discard::InvalidAuthType)),
        ("authtype_mismatch", of(Discard::AuthTypeMismatch)),
        ("auth_failure", of(Discard::AuthFailure)),
        ("auth_ext_missing", of(Discard::AuthExtMissing)),
        ("auth_ext_malformed", of(Discard::AuthExtMalformed)),
        ("auth_ext_unknown_key", of(Discard::AuthExtUnknownKey)),
        ("auth_ext_invalid_hmac", of(Discard::AuthExtInvalidHmac)),
        ("auth_ext_stale", of(Discard::AuthExtStale)),
        ("auth_ext_replay", of(Discard::AuthExtReplay)),
        ("pri_zero_rcvd", stats.priority_zero_received),
        ("pri_zero_sent", stats.priority_zero_sent),
    ]
}

fn stats(subject: &Subject<'_>, snapshot: &InstanceSnapshot) -> Value {
    let counters = subject.counters(snapshot).into_iter();
    Value::Object(counters.map(|(name, count)| (name.to_owned(), count.into())).collect())
}

fn process(process: &config::keepalived::TrackProcess, up: Option<bool>) -> Value {
    let param_match = match process.param_match {
        ParamMatch::Ignored => "none",
        ParamMatch::Exact => "exact",
        ParamMatch::Initial => "initial",
        ParamMatch::Partial => "partial",
    };
    let mut entry = Map::new();
    entry.insert("process".to_owned(), json!(process.name));
    if !process.arguments.is_empty() {
        entry.insert("parameters".to_owned(), json!(process.arguments.join(" ")));
    }
    entry.insert("param_match".to_owned(), json!(param_match));
    entry.insert("min_processes".to_owned(), json!(process.quorum));
    if let Some(most) = process.quorum_max {
        entry.insert("max_processes".to_owned(), json!(most));
    }
    entry.insert("have_quorum".to_owned(), json!(up.unwrap_or(false)));
    entry.insert("weight".to_owned(), json!(if process.reverse { -process.weight } else { process.weight }));
    entry.insert("terminate_delay".to_owned(), json!(process.terminate_delay.as_secs_f64()));
    entry.insert("fork_delay".to_owned(), json!(process.fork_delay.as_secs_f64()));
    entry.insert("full_command".to_owned(), json!(process.full_command));
    entry.into()
}
