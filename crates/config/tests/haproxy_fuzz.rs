//! Whatever the bytes, the parser ends, its findings point into the text, and they can be shown.

use config::diagnostic::{render, render_short};
use config::haproxy::{FixedEnvironment, evaluate_condition, parse};
use config::source::Sources;
use proptest::prelude::*;

/// The fuzz target: arbitrary bytes as a configuration.
fn haproxy_config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let length = text.len();
    let env = FixedEnvironment::new().with_variable("A", "a b").with_variable("E", "");
    let _ = evaluate_condition(&text, &env);
    let mut sources = Sources::new();
    let id = sources.add("fuzz.cfg", text);
    let parsed = parse(&sources, &[id], &env);
    assert_eq!(parsed.config.is_none(), parsed.diagnostics.has_errors());
    for diagnostic in parsed.diagnostics.iter() {
        let spans = diagnostic.span.iter().chain(diagnostic.related.iter().map(|(span, _)| span));
        for span in spans {
            assert!(span.start <= span.end && span.end as usize <= length, "{diagnostic:?}");
        }
        assert!(!diagnostic.message.is_empty());
    }
    let places: Vec<_> = parsed.diagnostics.iter().filter_map(|d| d.span.map(|span| span.start)).collect();
    assert!(places.is_sorted(), "findings are in file order");
    let _ = render(&parsed.diagnostics, &sources, false);
    let short = render_short(&parsed.diagnostics, &sources, 1);
    assert_eq!(short.lines().count(), parsed.diagnostics.0.len(), "one line a finding");
}

#[test]
fn the_corpus_is_replayed() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/haproxy");
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        haproxy_config(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 10, "the corpus is there");
}

/// Words that lead the parser somewhere.
const WORDS: [&str; 64] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "from",
    "peers",
    "bind",
    "server",
    "default-server",
    "option",
    "httpchk",
    "forwardfor",
    "redispatch",
    "timeout",
    "client",
    "connect",
    "stats",
    "enable",
    "uri",
    "admin",
    "if",
    "TRUE",
    "log",
    "stdout",
    "local0",
    "http-request",
    "set-header",
    "http-check",
    "expect",
    "status",
    "send",
    "hdr",
    "balance",
    "roundrobin",
    "random(2)",
    "mode",
    "http",
    "tcp",
    "check",
    "inter",
    "5s",
    "fall",
    "3",
    "weight",
    ":80",
    "[::1]:80-82",
    "192.0.2.1:80",
    "unix@/x",
    "fd@3",
    "\"$A\"",
    "\"${E}\"",
    "\"${A[*]}\"",
    "'q'",
    "\\x41",
    "#",
    ".if",
    ".else",
    ".endif",
    "defined(A)",
    "no",
    "errorfile",
    "503",
    "é\u{a0}",
];

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        haproxy_config(&bytes);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(\\PC|[\\n\\t\"'\\\\$#{}])*") {
        haproxy_config(text.as_bytes());
    }

    #[test]
    fn arbitrary_lines_of_known_words_never_panic(
        lines in proptest::collection::vec(proptest::collection::vec(0usize..64, 0..7), 0..25),
        ends in proptest::collection::vec(0usize..3, 25),
    ) {
        let mut text = String::new();
        for (line, end) in lines.iter().zip(ends) {
            let words: Vec<_> = line.iter().map(|index| WORDS[*index]).collect();
            text.push_str(&words.join(" "));
            text.push_str(["\n", "\r\n", "\n "][end]);
        }
        haproxy_config(text.as_bytes());
    }
}
