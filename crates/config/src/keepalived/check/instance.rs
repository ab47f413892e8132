//! `vrrp_instance`: what is written, before defaults.

use std::net::IpAddr;
use std::time::Duration;

use super::super::keywords;
use super::super::lexer::Word;
use super::super::model::{Auth, InitialState, Notify, OldChecksum, TrackLbd, UnicastPeer, Version};
use super::super::tree::Block;
use super::garp::GarpDraft;
use super::{Findings, address, global, statements, track, value, vmac};
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};

const MIN_INTERVAL: Duration = Duration::from_millis(10);
const MAX_INTERVAL: Duration = Duration::from_secs(255);
const MAX_PREEMPT_DELAY: Duration = Duration::from_secs(1000);

/// A `vrrp_instance` as written: `None` and empty is not written.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) name: Word,
    pub(super) span: Span,
    pub(super) state: Option<Spanned<InitialState>>,
    pub(super) interface: Option<String>,
    pub(super) interface_written: bool,
    pub(super) virtual_router_id: Option<Spanned<u8>>,
    pub(super) virtual_router_id_written: bool,
    pub(super) priority: Option<u8>,
    pub(super) priority_written: bool,
    pub(super) advert_int: Option<Spanned<Duration>>,
    pub(super) version: Option<Spanned<Version>>,
    pub(super) auth: Option<Spanned<Auth>>,
    pub(super) addresses: Vec<Block>,
    pub(super) excluded: Vec<Block>,
    pub(super) no_addresses: bool,
    pub(super) unicast_src_ip: Option<Spanned<IpAddr>>,
    pub(super) unicast_peer: Vec<Spanned<UnicastPeer>>,
    pub(super) unicast_ttl: Option<u8>,
    pub(super) check_unicast_src: Option<bool>,
    pub(super) mcast_src_ip: Option<Spanned<IpAddr>>,
    pub(super) track_script: Vec<Block>,
    pub(super) track_interface: Vec<Block>,
    pub(super) track_file: Vec<Block>,
    pub(super) track_process: Vec<Block>,
    pub(super) track_lbd: Option<TrackLbd>,
    pub(super) dont_track_primary: bool,
    pub(super) nopreempt: Option<Span>,
    pub(super) preempt_delay: Option<Spanned<Duration>>,
    pub(super) accept: Option<bool>,
    pub(super) garp: GarpDraft,
    pub(super) lower_prio_no_advert: Option<bool>,
    pub(super) down_timer_adverts: Option<u8>,
    pub(super) strict_mode: Option<bool>,
    pub(super) skip_check_adv_addr: Option<bool>,
    pub(super) v3_checksum_as_v2: Option<bool>,
    pub(super) notify: Notify,
    pub(super) vip_lease: Option<Duration>,
    pub(super) hmac: Option<Block>,
    pub(super) vmac: Option<vmac::Written>,
    pub(super) use_vmac_addr: bool,
    pub(super) xmit_base: bool,
    pub(super) routes: Vec<Block>,
    pub(super) rules: Vec<Block>,
    pub(super) promote_secondaries: bool,
    pub(super) unicast_fault_no_peer: bool,
    pub(super) old_unicast_checksum: OldChecksum,
    pub(super) mcast_dst_ip: Option<Spanned<IpAddr>>,
    pub(super) track_src_ip: Option<Span>,
    pub(super) higher_prio_send_advert: Option<bool>,
    pub(super) owner_ignore_adverts: Option<bool>,
    pub(super) priority_changes: Option<bool>,
}

/// Reads the statements of a `vrrp_instance`.
pub(super) fn read(block: &Block, findings: &mut Findings<'_>) -> Draft {
    let mut draft = empty(block);
    let body = block.body.as_deref().unwrap_or_default();
    for statement in &statements(body, &keywords::INSTANCE, findings) {
        let name = statement.keyword.text.as_str();
        if name == "notify_priority_changes" {
            draft.priority_changes = value::switch(statement, findings);
        } else if !draft.garp.take(name, statement, findings)
            && !notify(&mut draft.notify, name, statement, findings)
            && !lists(&mut draft, name, statement, findings)
        {
            values(&mut draft, name, statement, findings);
        }
    }
    draft
}

fn empty(block: &Block) -> Draft {
    Draft {
        name: block.args.first().unwrap_or(&block.keyword).clone(),
        span: block.span,
        state: None,
        interface: None,
        interface_written: false,
        virtual_router_id: None,
        virtual_router_id_written: false,
        priority: None,
        priority_written: false,
        advert_int: None,
        version: None,
        auth: None,
        addresses: Vec::new(),
        excluded: Vec::new(),
        no_addresses: false,
        unicast_src_ip: None,
        unicast_peer: Vec::new(),
        unicast_ttl: None,
        check_unicast_src: None,
        mcast_src_ip: None,
        track_script: Vec::new(),
        track_interface: Vec::new(),
        track_file: Vec::new(),
        track_process: Vec::new(),
        track_lbd: None,
        dont_track_primary: false,
        nopreempt: None,
        preempt_delay: None,
        accept: None,
        garp: GarpDraft::default(),
        lower_prio_no_advert: None,
        down_timer_adverts: None,
        strict_mode: None,
        skip_check_adv_addr: None,
        v3_checksum_as_v2: None,
        notify: Notify::default(),
        vip_lease: None,
        hmac: None,
        vmac: None,
        use_vmac_addr: false,
        xmit_base: false,
        routes: Vec::new(),
        rules: Vec::new(),
        promote_secondaries: false,
        unicast_fault_no_peer: false,
        old_unicast_checksum: OldChecksum::default(),
        mcast_dst_ip: None,
        track_src_ip: None,
        higher_prio_send_advert: None,
        owner_ignore_adverts: None,
        priority_changes: None,
    }
}

/// `notify*`; whether it was one.
pub(super) fn notify(notify: &mut Notify, name: &str, s: &Block, findings: &mut Findings<'_>) -> bool {
    let field = match name {
        "notify_master" => &mut notify.master,
        "notify_backup" => &mut notify.backup,
        "notify_fault" => &mut notify.fault,
        "notify_stop" => &mut notify.stop,
        "notify_deleted" => {
            notify.tell_deleted = true;
            if s.args.is_empty() {
                return true;
            }
            &mut notify.deleted
        }
        "notify_priority_changes" => {
            notify.priority_changes = value::switch(s, findings).unwrap_or(notify.priority_changes);
            return true;
        }
        "notify_master_rx_lower_pri" => &mut notify.master_rx_lower_pri,
        "notify_split" => &mut notify.split,
        "notify" => &mut notify.any,
        _ => return false,
    };
    *field = value::command(s, findings);
    true
}

/// Statements with a list in their braces, which may stand several times; whether it was one.
fn lists(draft: &mut Draft, name: &str, s: &Block, findings: &mut Findings<'_>) -> bool {
    let body = s.body.as_deref().unwrap_or_default();
    match name {
        "virtual_ipaddress" => draft.addresses.extend(address::entries(body)),
        "virtual_ipaddress_excluded" => draft.excluded.extend(address::entries(body)),
        "unicast_peer" => {
            for entry in address::entries(body) {
                if let Some(peer) = address::unicast_peer(&entry, findings) {
                    draft.unicast_peer.push(Spanned::new(peer, entry.span));
                }
            }
        }
        "track_script" => draft.track_script.extend(track::entries(body)),
        "track_interface" => draft.track_interface.extend(track::entries(body)),
        "track_file" => draft.track_file.extend(track::entries(body)),
        "track_process" => draft.track_process.extend(track::entries(body)),
        "track_lbd" => draft.track_lbd = Some(track::lbd(s, findings)),
        "virtual_routes" => draft.routes.extend_from_slice(body),
        "virtual_rules" => draft.rules.extend_from_slice(body),
        "auth_hmac" => draft.hmac = Some(s.clone()),
        "authentication" => draft.auth = authentication(s, body, findings).or(draft.auth.take()),
        _ => return false,
    }
    true
}

/// Statements with one value.
fn values(draft: &mut Draft, name: &str, s: &Block, findings: &mut Findings<'_>) {
    match name {
        "state" => draft.state = state(s, findings),
        "interface" => {
            draft.interface_written = true;
            draft.interface = interface(s, findings);
        }
        "virtual_router_id" => {
            draft.virtual_router_id_written = true;
            let id = value::integer::<u8>(s, 0, 1..=255, findings);
            draft.virtual_router_id = id.map(|id| Spanned::new(id, s.span));
        }
        "priority" => {
            draft.priority_written = true;
            draft.priority = value::integer::<u8>(s, 0, 1..=255, findings);
        }
        "advert_int" => {
            let interval = value::seconds(s, 0, MIN_INTERVAL..=MAX_INTERVAL, findings);
            draft.advert_int = interval.map(|interval| Spanned::new(interval, s.span));
        }
        "version" => {
            draft.version = value::version(s, findings).map(|version| Spanned::new(version, s.span));
        }
        "no_virtual_ipaddress" => draft.no_addresses = true,
        "unicast_src_ip" => draft.unicast_src_ip = source(s, findings),
        "mcast_src_ip" => draft.mcast_src_ip = source(s, findings),
        "unicast_ttl" => draft.unicast_ttl = value::integer::<u8>(s, 0, 0..=255, findings),
        "check_unicast_src" => draft.check_unicast_src = value::switch(s, findings),
        "dont_track_primary" => draft.dont_track_primary = true,
        "preempt" => draft.nopreempt = None,
        "nopreempt" => draft.nopreempt = Some(s.span),
        "preempt_delay" => {
            let delay = value::seconds(s, 0, Duration::ZERO..=MAX_PREEMPT_DELAY, findings);
            draft.preempt_delay = delay.map(|delay| Spanned::new(delay, s.span));
        }
        "accept" => draft.accept = Some(true),
        "no_accept" => draft.accept = Some(false),
        "lower_prio_no_advert" => draft.lower_prio_no_advert = value::switch(s, findings),
        "down_timer_adverts" => {
            draft.down_timer_adverts = value::integer::<u8>(s, 0, 1..=100, findings);
        }
        "strict_mode" => draft.strict_mode = value::switch(s, findings),
        "skip_check_adv_addr" => draft.skip_check_adv_addr = value::switch(s, findings),
        "v3_checksum_as_v2" => draft.v3_checksum_as_v2 = value::switch(s, findings),
        "old_unicast_checksum" => draft.old_unicast_checksum = old_checksum(s, findings),
        "use_vmac" | "use_ipvlan" => draft.vmac = vmac::read(s, draft.vmac.take(), findings),
        "use_vmac_addr" => draft.use_vmac_addr = true,
        "vmac_xmit_base" => draft.xmit_base = true,
        "promote_secondaries" => draft.promote_secondaries = true,
        "unicast_fault_no_peer" => draft.unicast_fault_no_peer = true,
        "mcast_dst_ip" => {
            let group = address::group(s, None, findings);
            draft.mcast_dst_ip = group.map(|group| Spanned::new(group, s.span));
        }
        "track_src_ip" => draft.track_src_ip = Some(s.span),
        "higher_prio_send_advert" => draft.higher_prio_send_advert = value::switch(s, findings),
        "owner_ignore_adverts" => draft.owner_ignore_adverts = value::switch(s, findings),
        "vip_lease" => draft.vip_lease = global::lease(s, findings),
        _ => {}
    }
}

fn state(s: &Block, findings: &mut Findings<'_>) -> Option<Spanned<InitialState>> {
    let word = s.args.first()?;
    let state = match word.text.as_str() {
        "MASTER" => InitialState::Master,
        "BACKUP" => InitialState::Backup,
        other => {
            value::wrong(s, other, "MASTER or BACKUP, in capitals", word.span, findings);
            return None;
        }
    };
    Some(Spanned::new(state, s.span))
}

fn old_checksum(s: &Block, findings: &mut Findings<'_>) -> OldChecksum {
    match s.args.first() {
        None => OldChecksum::Always,
        Some(word) => {
            if word.text != "never" {
                value::wrong(s, &word.text, "never, or nothing", word.span, findings);
            }
            OldChecksum::Never
        }
    }
}

fn interface(s: &Block, findings: &mut Findings<'_>) -> Option<String> {
    let word = s.args.first()?;
    if word.text == "lo" {
        findings.push(
            Diagnostic::error("an instance cannot use the loopback interface", word.span)
                .label("advertisements never leave it")
                .help("name the interface that the other routers are reached by; `ip -br link` lists them"),
        );
        return None;
    }
    value::interface(&word.text, word.span, findings)
}

fn source(s: &Block, findings: &mut Findings<'_>) -> Option<Spanned<IpAddr>> {
    let word = s.args.first()?;
    Some(Spanned::new(address::single(word, findings)?, word.span))
}

fn authentication(s: &Block, body: &[Block], findings: &mut Findings<'_>) -> Option<Spanned<Auth>> {
    let (mut pass, mut password) = (false, None);
    for statement in &statements(body, &keywords::AUTHENTICATION, findings) {
        let Some(word) = statement.args.first() else { continue };
        if statement.keyword.text == "auth_pass" {
            password = Some(key(word, findings));
            continue;
        }
        match word.text.as_str() {
            "PASS" => pass = true,
            "AH" => {
                findings.push(
                    Diagnostic::error("`auth_type AH` is not supported", word.span)
                        .label("IPsec's authentication header, which RFC 3768 took out of VRRP")
                        .help("use `auth_hmac` on all nodes (keepalived has it from 2.4 on), or `auth_type PASS`"),
                );
                return None;
            }
            other => {
                value::wrong(statement, other, "PASS", word.span, findings);
                return None;
            }
        }
    }
    match (pass, password) {
        (true, Some(password)) => Some(Spanned::new(Auth::Pass(password), s.keyword.span)),
        (with_type, _) => {
            let (what, help) = if with_type {
                ("password", "add `auth_pass PASSWORD`, 1 to 8 bytes")
            } else {
                ("type", "add `auth_type PASS`")
            };
            findings.push(
                Diagnostic::error(format!("`authentication` has no {what}"), s.keyword.span).help(help),
            );
            None
        }
    }
}

/// The first eight bytes of a password, zero padded.
fn key(word: &Word, findings: &mut Findings<'_>) -> [u8; 8] {
    let bytes = word.text.as_bytes();
    if bytes.len() > 8 {
        findings.push(
            Diagnostic::warning("only the first 8 bytes of `auth_pass` are used", word.span)
                .label(format!("{} bytes", bytes.len()))
                .help("shorten it to 8 bytes; the field of the packet has no more"),
        );
    }
    let mut key = [0; 8];
    for (to, from) in key.iter_mut().zip(bytes) {
        *to = *from;
    }
    key
}
