//! From the command line to a checked configuration, or the code to exit with.

use std::io::{IsTerminal, Write};

use config::diagnostic::{Severity, render};
use config::haproxy::{self, Config, Loaded, ProcessEnvironment};
use config::source::Sources;

use crate::cli::Cli;

/// The version of HAProxy whose language and answers are met.
const HAPROXY_LEVEL: &str = "3.2";

/// What to do after loading.
pub(crate) enum Outcome {
    /// Serve this.
    Run(Box<Config>),
    /// Exit with this code.
    Exit(u8),
}

/// Loads what the command line names, prints what was found.
pub(crate) fn load(cli: &Cli) -> Outcome {
    let loaded = match sources(cli) {
        Ok(loaded) => loaded,
        Err(usage) => {
            say(&format!("lbd: {usage}\n"));
            return Outcome::Exit(1);
        }
    };
    let least = if cli.quiet { Severity::Error } else { Severity::Notice };
    let shown = loaded.diagnostics.at_least(least);
    say(&render(&shown, &loaded.sources, std::io::stderr().is_terminal()));
    let Some(config) = loaded.config else { return Outcome::Exit(1) };
    if cli.warnings_are_fatal() && loaded.diagnostics.has_warnings() {
        say("lbd: warnings are fatal (-dW)\n");
        return Outcome::Exit(1);
    }
    let listens = config.proxies.iter().any(|p| !p.disabled && !p.binds.is_empty());
    if !listens {
        say("lbd: no listener is configured: give a frontend or listen section a `bind` line\n");
        return Outcome::Exit(if cli.check { 0 } else { 2 });
    }
    if cli.check {
        if cli.verbose && !cli.quiet {
            say("Configuration file is valid\n");
        }
        return Outcome::Exit(0);
    }
    Outcome::Run(Box::new(config))
}

/// The configuration that `--listen`, `--server` and `--stats` amount to.
pub(crate) fn quick_start(cli: &Cli) -> Result<String, String> {
    if cli.listen.is_empty() || cli.server.is_empty() {
        return Err("give at least one --listen and one --server, or a file with -f; see --help".into());
    }
    Ok(haproxy::quick_start(&cli.listen, &cli.server, cli.stats.as_deref()))
}

/// The text of `-v`, and of `-vv`.
pub(crate) fn version(long: bool) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("lbd version {version}, HAProxy version {HAPROXY_LEVEL} compatible\n");
    if long {
        text.push_str("TARGET  = linux-glibc\nFeature list : +EPOLL +THREAD +PROMEX +LINUX_SPLICE -OPENSSL -LUA -QUIC -PCRE2\n");
    }
    text
}

/// `-cc CONDITION`, which stands alone: the code to exit with, 0 true, 1 false, 2 not a condition.
pub(crate) fn evaluated_condition(mut arguments: impl Iterator<Item = String>) -> Option<u8> {
    if arguments.next()? != "-cc" {
        return None;
    }
    let condition = arguments.next().unwrap_or_default();
    Some(match haproxy::evaluate_condition(&condition, &ProcessEnvironment) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            say(&format!("lbd: -cc '{condition}': {error}\n"));
            2
        }
    })
}

fn sources(cli: &Cli) -> Result<Loaded, String> {
    let files = cli.all_files();
    if !files.is_empty() {
        if !cli.listen.is_empty() || !cli.server.is_empty() || cli.stats.is_some() {
            return Err("--listen, --server and --stats stand for a file: use them without -f".into());
        }
        return Ok(haproxy::load(&files, &ProcessEnvironment));
    }
    let text = quick_start(cli)?;
    let mut sources = Sources::new();
    let id = sources.add("command line", text);
    let parsed = haproxy::parse(&sources, &[id], &ProcessEnvironment);
    Ok(Loaded { config: parsed.config, sources, diagnostics: parsed.diagnostics })
}

fn say(text: &str) {
    // Without a standard error there is nobody to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
