//! The configuration that `lbd --listen … --server …` stands for.

use std::fmt::Write;

/// The text of a configuration that balances `servers` behind `listen`, with a dashboard on `stats` if given.
///
/// Addresses are as on `bind` and `server` lines, `:8080` or `127.0.0.1:9001`; a mistake in one is found when the
/// text is loaded. What is printed is what is loaded, so the text is all there is to know.
///
/// ```
/// use config::haproxy::{FixedEnvironment, parse, quick_start};
/// use config::source::Sources;
///
/// let text = quick_start(&[":8080"], &["127.0.0.1:9001", "127.0.0.1:9002"], Some(":8404"));
/// let mut sources = Sources::new();
/// let id = sources.add("command line", text);
/// let config = parse(&sources, &[id], &FixedEnvironment::new()).config.unwrap();
/// assert_eq!(config.backend("app").unwrap().servers.len(), 2);
/// ```
pub fn quick_start<S: AsRef<str>>(listen: &[S], servers: &[S], stats: Option<&str>) -> String {
    let mut text = String::from(
        "defaults\n\
         \x20   mode http\n\
         \x20   timeout connect 5s\n\
         \x20   timeout client 50s\n\
         \x20   timeout server 50s\n\
         \x20   timeout http-request 10s\n\
         \x20   timeout http-keep-alive 10s\n\
         \x20   timeout queue 30s\n\
         \x20   timeout tunnel 1h\n\
         \x20   timeout check 2s\n\
         \x20   option redispatch\n\
         \x20   option forwardfor\n",
    );
    if let Some(stats) = stats {
        let _ = write!(
            text,
            "\nfrontend stats\n    bind {}\n    stats enable\n    stats uri /stats\n    stats refresh 5s\n",
            word(stats)
        );
    }
    text.push_str("\nfrontend web\n");
    for address in listen {
        let _ = writeln!(text, "    bind {}", word(address.as_ref()));
    }
    text.push_str(
        "    default_backend app\n\
         \nbackend app\n\
         \x20   balance roundrobin\n\
         \x20   default-server check inter 2s fall 3 rise 2\n",
    );
    for (index, address) in servers.iter().enumerate() {
        let _ = writeln!(text, "    server server-{} {}", index + 1, word(address.as_ref()));
    }
    text
}

/// `text` as exactly one word of the language, whatever it holds.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || ":.-_/@[]*,+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '$' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
