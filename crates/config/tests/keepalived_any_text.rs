//! Whatever the text: no panic, no endless loop, and findings that point into the files.

use std::io;
use std::path::Path;

use config::keepalived::{Options, parse};
use config::source::Sources;
use proptest::prelude::*;

/// Words and signs that lead deep into the parser.
const PIECES: &[&str] = &[
    " ",
    " ",
    " ",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\t",
    "{",
    "}",
    "{\n",
    "}\n",
    "\"",
    "'",
    "\\",
    "#",
    "!",
    "@id ",
    "@^id ",
    "$",
    "$A=",
    "${A}",
    "$A",
    "$B=${A}${A}\n",
    "${_PWD}",
    "${_ENV HOME}",
    "~SEQ(i, 1, 2)",
    "include x",
    "global_defs",
    "vrrp_instance V",
    "vrrp_script S",
    "vrrp_track_process P",
    "track_file F",
    "script \"/bin/x -y\"",
    "weight -5 reverse",
    "interface eth0",
    "virtual_router_id 5",
    "priority 300",
    "priority 255",
    "advert_int 0.1",
    "advert_int 255",
    "version 3",
    "authentication",
    "auth_type PASS",
    "auth_pass \u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
    "virtual_ipaddress",
    "192.0.2.1/24",
    "2001:db8::1",
    "dev eth1",
    "brd +",
    "brd",
    "label",
    "scope 5",
    "unicast_peer",
    "min_ttl 5",
    "track_script",
    "track_lbd",
    "S weight 254",
    "preempt_delay 5",
    "nopreempt",
    "state MASTER",
    "vrrp_strict",
    "vip_lease 3",
    "virtual_server x",
    "\u{1f980}",
    "notify \"x 'y z' \\x41\" root",
    "99999999999999999999",
    "-",
    "0",
];

fn check(text: &str) -> Result<(), TestCaseError> {
    let mut sources = Sources::new();
    let file = sources.add("keepalived.conf", text);
    let options = Options { config_id: Some("id".to_owned()), ..Options::default() };
    let read_file = |_: &Path| -> io::Result<Vec<u8>> { Err(io::ErrorKind::NotFound.into()) };
    let (config, diagnostics) = parse(&mut sources, file, &options, &read_file);
    prop_assert_eq!(config.is_none(), diagnostics.has_errors());
    for found in diagnostics.iter() {
        for span in found.span.iter().chain(found.related.iter().map(|(span, _)| span)) {
            let text = &sources.file(span.file).expect("a file of this run").text;
            let (start, end) = (span.start as usize, span.end as usize);
            prop_assert!(start <= end && end <= text.len(), "{:?}", found);
            prop_assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "{:?}", found);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_reported(text in "\\PC{0,200}") {
        check(&text)?;
    }

    #[test]
    fn any_mix_of_the_languages_pieces_is_parsed_or_reported(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..80),
        spaced in any::<bool>(),
    ) {
        check(&pieces.join(if spaced { " " } else { "" }))?;
    }
}
